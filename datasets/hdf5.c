/* datasets/hdf5.c — the one door to HDF5: atomic, byte-reproducible files out; untrusted files in. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/hdf5.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <hdf5.h>
#include "base/check.h"
#include "base/memory.h"
#include "datasets/chunk.h"
#include "datasets/hdf5_writer.h"

enum {
    CHUNK_LIMIT = 64 * 1024 * 1024,
    DEPTH_LIMIT = 8,
    PATH_LIMIT = 512,
    STRING_LIMIT = 1024 * 1024,
    RATIO_LIMIT = 1000, /* declared bytes per stored byte: deflate reaches 1032 at best */
    MAJOR = 1
};
static const int64_t file_limit = 64LL << 30;

/* ---- types ---- */

int64_t hg_h5_type_size(hg_h5_type type)
{
    return type == HG_H5_U8 ? 1 : type == HG_H5_I32 || type == HG_H5_F32 ? 4 : 8;
}

static size_t type_size(hg_h5_type type)
{
    return (size_t)hg_h5_type_size(type);
}

static const char *type_name(hg_h5_type type)
{
    static const char *const names[] = {"int32", "int64", "uint8", "uint64", "float32", "float64"};
    return names[type];
}

static bool type_is_float(hg_h5_type type)
{
    return type == HG_H5_F32 || type == HG_H5_F64;
}

static hid_t memory_type(hg_h5_type type)
{
    switch (type) {
    case HG_H5_I32:
        return H5T_NATIVE_INT32;
    case HG_H5_I64:
        return H5T_NATIVE_INT64;
    case HG_H5_U8:
        return H5T_NATIVE_UINT8;
    case HG_H5_U64:
        return H5T_NATIVE_UINT64;
    case HG_H5_F32:
        return H5T_NATIVE_FLOAT;
    default:
        return H5T_NATIVE_DOUBLE;
    }
}

static hid_t file_type(hg_h5_type type)
{
    switch (type) {
    case HG_H5_I32:
        return H5T_STD_I32LE;
    case HG_H5_I64:
        return H5T_STD_I64LE;
    case HG_H5_U8:
        return H5T_STD_U8LE;
    case HG_H5_U64:
        return H5T_STD_U64LE;
    case HG_H5_F32:
        return H5T_IEEE_F32LE;
    default:
        return H5T_IEEE_F64LE;
    }
}

/* Only plain integers and IEEE floats that fit into the wanted type without loss. */
static bool type_fits(hid_t stored, hg_h5_type wanted)
{
    const size_t size = H5Tget_size(stored), room = type_size(wanted);
    if (type_is_float(wanted)) {
        const bool single = H5Tequal(stored, H5T_IEEE_F32LE) > 0 || H5Tequal(stored, H5T_IEEE_F32BE) > 0;
        const bool twofold = H5Tequal(stored, H5T_IEEE_F64LE) > 0 || H5Tequal(stored, H5T_IEEE_F64BE) > 0;
        return single || (twofold && wanted == HG_H5_F64);
    }
    if (H5Tget_class(stored) != H5T_INTEGER || (size != 1 && size != 2 && size != 4 && size != 8)) return false;
    if (H5Tget_precision(stored) != 8 * size || H5Tget_offset(stored) != 0) return false;
    const bool has_sign = H5Tget_sign(stored) == H5T_SGN_2, wants_sign = wanted == HG_H5_I32 || wanted == HG_H5_I64;
    if (has_sign == wants_sign) return size <= room;
    return wants_sign && size < room;
}

static void close_type(hid_t id)
{
    if (id >= 0) H5Tclose(id);
}

static void close_space(hid_t id)
{
    if (id >= 0) H5Sclose(id);
}

static void close_plist(hid_t id)
{
    if (id >= 0) H5Pclose(id);
}

/* ---- life of a file ---- */

static hg_status file_new(hg_context *ctx, const char *path, hg_h5 **out)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = NULL;
    HG_TRY(hg_alloc(ctx, &h5, 1));
    h5->file = -1;
    HG_TRY(hg_copy_string(ctx, path, &h5->name));
    /* HDF5 prints its error stack by default; plugins would load code named by the file */
    HG_CHECK(H5open() >= 0, HG_ERR_IO, "the HDF5 library does not start");
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0);
    *out = h5;
    h5 = NULL;
done:
    hg_h5_close(ctx, h5);
    return status;
}

void hg_h5_close(hg_context *ctx, hg_h5 *h5)
{
    if (!h5) return;
    for (int64_t i = 0; i < h5->n_columns; ++i)
        if (h5->columns[i].dataset >= 0) H5Dclose(h5->columns[i].dataset);
    if (h5->file >= 0) H5Fclose(h5->file);
    hg_output_abort(h5->output);
    hg_h5_writer_release(ctx, h5);
    hg_free(ctx, h5->name);
    hg_free(ctx, h5);
}

const char *hg_h5_name(const hg_h5 *h5)
{
    return h5->name;
}

int64_t hg_h5_handles(const hg_h5 *h5)
{
    return H5Fget_obj_count(h5->file, H5F_OBJ_ALL);
}

/* ---- writing ---- */

static hg_status write_failed(hg_context *ctx, const hg_h5 *h5, const char *path)
{
    return hg_fail(ctx, HG_ERR_IO, "%s:%s: cannot be written (%s); hint: is the disk full?", h5->name, path, strerror(errno));
}

hg_status hg_h5_create(hg_context *ctx, const char *path, const char *format, hg_h5 **out)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = NULL;
    hid_t creation = -1, access = -1;
    const int32_t version[2] = {MAJOR, 0};
    char name[64];

    HG_TRY(file_new(ctx, path, &h5));
    HG_TRY(hg_output_begin(ctx, path, &h5->output));
    creation = H5Pcreate(H5P_FILE_CREATE);
    access = H5Pcreate(H5P_FILE_ACCESS);
    HG_CHECK(creation >= 0 && access >= 0 && H5Pset_obj_track_times(creation, 0) >= 0 &&
                 H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V110) >= 0 && H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0,
             HG_ERR_NOMEM, "%s: no HDF5 property lists", path);
    h5->file = H5Fcreate(hg_output_temporary_path(h5->output), H5F_ACC_TRUNC, creation, access);
    HG_CHECK(h5->file >= 0, HG_ERR_IO, "%s: cannot be created as an HDF5 file (%s)", path, strerror(errno));
    snprintf(name, sizeof name, "hitgraph-%s", format);
    HG_TRY(hg_h5_set_string(ctx, h5, "/", "format", name));
    HG_TRY(hg_h5_set_numbers(ctx, h5, "/", "format_version", HG_H5_I32, 2, version));
    HG_TRY(hg_h5_set_string(ctx, h5, "/", "producer", "hitgraph " HG_VERSION));
    *out = h5;
    h5 = NULL;
done:
    close_plist(creation);
    close_plist(access);
    hg_h5_close(ctx, h5);
    return status;
}

/* Groups are made one by one: those that HDF5 would make by itself carry time stamps. */
static hg_status make_groups(hg_context *ctx, hg_h5 *h5, const char *path)
{
    hg_status status = HG_OK;
    hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
    char prefix[PATH_LIMIT];

    HG_CHECK(creation >= 0 && H5Pset_obj_track_times(creation, 0) >= 0, HG_ERR_NOMEM, "%s:%s: no HDF5 property list", h5->name, path);
    HG_CHECK(path[0] == '/' && strlen(path) < sizeof prefix, HG_ERR_ARG, "%s: bad dataset path \"%s\"", h5->name, path);
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        memcpy(prefix, path, (size_t)(slash - path));
        prefix[slash - path] = '\0';
        if (H5Lexists(h5->file, prefix, H5P_DEFAULT) > 0) continue;
        const hid_t group = H5Gcreate2(h5->file, prefix, H5P_DEFAULT, creation, H5P_DEFAULT);
        if (group < 0 || H5Gclose(group) < 0) HG_TRY(write_failed(ctx, h5, prefix));
    }
done:
    close_plist(creation);
    return status;
}

int64_t hg_h5_door_chunk_rows(const hg_h5_open_column *c, int64_t rows)
{
    if (rows * c->row_bytes < HG_H5_ONE_CHUNK) return rows;
    const int64_t fit = HG_H5_CHUNK / c->row_bytes;
    return fit > 0 ? fit : 1;
}

/* rows 0 with growing: the dataset starts empty and is extended chunk by chunk. */
hg_status hg_h5_door_create(hg_context *ctx, hg_h5 *h5, hg_h5_open_column *c, int64_t rows, bool growing)
{
    hg_status status = HG_OK;
    const hsize_t dims[2] = {(hsize_t)rows, (hsize_t)c->width}, most[2] = {growing ? H5S_UNLIMITED : dims[0], dims[1]};
    const int64_t chunk_rows = growing ? hg_h5_door_chunk_rows(c, HG_H5_ONE_CHUNK) : hg_h5_door_chunk_rows(c, rows);
    const hsize_t chunk[2] = {(hsize_t)chunk_rows, dims[1]};
    const int rank = c->width ? 2 : 1;
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(rank, dims, most);

    HG_TRY(make_groups(ctx, h5, c->path));
    HG_CHECK(creation >= 0 && space >= 0 && H5Pset_obj_track_times(creation, 0) >= 0, HG_ERR_NOMEM, "%s:%s: no HDF5 property list",
             h5->name, c->path);
    if (chunk_rows > 0)
        HG_CHECK(H5Pset_chunk(creation, rank, chunk) >= 0 && H5Pset_shuffle(creation) >= 0 && H5Pset_deflate(creation, 4) >= 0 &&
                     H5Pset_fletcher32(creation) >= 0,
                 HG_ERR_IO, "%s:%s: HDF5 refuses the filters", h5->name, c->path);
    c->dataset = H5Dcreate2(h5->file, c->path, file_type(c->type), space, H5P_DEFAULT, creation, H5P_DEFAULT);
    if (c->dataset < 0) HG_TRY(write_failed(ctx, h5, c->path));
done:
    close_plist(creation);
    close_space(space);
    return status;
}

hg_status hg_h5_door_put(hg_context *ctx, hg_h5 *h5, hg_h5_open_column *c, const void *data, int64_t rows)
{
    const hsize_t start[2] = {(hsize_t)c->written, 0}, count[2] = {(hsize_t)rows, (hsize_t)c->width};
    const hid_t memory = H5Screate_simple(c->width ? 2 : 1, count, NULL), space = H5Dget_space(c->dataset);
    const bool good = memory >= 0 && space >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                      H5Dwrite(c->dataset, memory_type(c->type), memory, space, H5P_DEFAULT, data) >= 0;
    close_space(memory);
    close_space(space);
    if (!good) return write_failed(ctx, h5, c->path);
    c->written += rows;
    return HG_OK;
}

hg_status hg_h5_door_extend(hg_context *ctx, hg_h5 *h5, hg_h5_open_column *c, int64_t rows)
{
    const hsize_t dims[2] = {(hsize_t)rows, (hsize_t)c->width};
    return H5Dset_extent(c->dataset, dims) < 0 ? write_failed(ctx, h5, c->path) : HG_OK;
}

hg_status hg_h5_door_close(hg_context *ctx, hg_h5 *h5, hg_h5_open_column *c)
{
    const hid_t dataset = c->dataset;
    c->dataset = -1;
    return H5Dclose(dataset) < 0 ? write_failed(ctx, h5, c->path) : HG_OK;
}

hg_status hg_h5_door_attribute(hg_context *ctx, hg_h5 *h5, const hg_h5_open_attribute *a)
{
    hg_status status = HG_OK;
    hid_t type = -1, space = -1, id = -1;
    const hsize_t n = (hsize_t)a->n;

    if (a->text) {
        type = H5Tcopy(H5T_C_S1);
        HG_CHECK(type >= 0 && H5Tset_size(type, n ? (size_t)n : 1) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0 &&
                     H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0,
                 HG_ERR_NOMEM, "%s:%s: no HDF5 string type", h5->name, a->path);
        space = H5Screate(H5S_SCALAR);
    } else {
        space = a->n ? H5Screate_simple(1, &n, NULL) : H5Screate(H5S_SCALAR);
    }
    id = H5Acreate_by_name(h5->file, a->path, a->name, a->text ? type : file_type(a->type), space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    HG_CHECK(id >= 0 && H5Awrite(id, a->text ? type : memory_type(a->type), a->bytes) >= 0, HG_ERR_IO,
             "%s:%s: attribute \"%s\" cannot be written", h5->name, a->path, a->name);
done:
    if (id >= 0) H5Aclose(id);
    close_space(space);
    close_type(type);
    return status;
}

hg_status hg_h5_door_finish(hg_context *ctx, hg_h5 *h5)
{
    const hid_t file = h5->file;
    h5->file = -1;
    const bool flushed = H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0; /* a full disk shows here or at the close */
    const bool closed = H5Fclose(file) >= 0;
    return flushed && closed ? HG_OK : write_failed(ctx, h5, "/");
}

/* ---- reading ---- */

static hg_status check_magic(hg_context *ctx, const char *path)
{
    static const unsigned char magic[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    unsigned char head[8] = {0};
    struct stat info;
    hg_status status = HG_OK;
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a FIFO must not block */
    HG_CHECK(fd >= 0 && fstat(fd, &info) == 0, HG_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    HG_CHECK(S_ISREG(info.st_mode), HG_ERR_IO, "%s: is not a regular file", path);
    HG_CHECK(info.st_size <= file_limit, HG_ERR_LIMIT, "%s: has %lld bytes, expected at most %" PRId64, path, (long long)info.st_size,
             file_limit);
    HG_CHECK(read(fd, head, sizeof head) == (ssize_t)sizeof head && memcmp(head, magic, sizeof magic) == 0, HG_ERR_FORMAT,
             "%s: is not an HDF5 file (wrong first 8 bytes)", path);
done:
    if (fd >= 0) close(fd);
    return status;
}

static hg_status check_format(hg_context *ctx, hg_h5 *h5, const char *format)
{
    hg_status status = HG_OK;
    char *found = NULL;
    int32_t version[2] = {0, 0};
    HG_TRY(hg_h5_get_string(ctx, h5, "/", "format", &found));
    HG_CHECK(strncmp(found, "hitgraph-", 9) == 0 && strcmp(found + 9, format) == 0, HG_ERR_FORMAT,
             "%s:/: format is \"%.60s\", expected \"hitgraph-%s\"", h5->name, found, format);
    HG_TRY(hg_h5_get_numbers(ctx, h5, "/", "format_version", HG_H5_I32, 2, version));
    HG_CHECK(version[0] >= 1 && version[0] <= MAJOR, HG_ERR_FORMAT,
             "%s:/: format_version is %d.%d, expected %d.x; hint: a newer hitgraph wrote it", h5->name, version[0], version[1], MAJOR);
done:
    hg_free(ctx, found);
    return status;
}

hg_status hg_h5_open(hg_context *ctx, const char *path, const char *format, hg_h5 **out)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = NULL;
    hid_t access = -1, creation = -1;
    hsize_t user_block = 0;

    HG_TRY(check_magic(ctx, path));
    HG_TRY(file_new(ctx, path, &h5));
    access = H5Pcreate(H5P_FILE_ACCESS);
    HG_CHECK(access >= 0 && H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0, HG_ERR_NOMEM, "%s: no HDF5 property list", path);
    h5->file = H5Fopen(path, H5F_ACC_RDONLY, access);
    HG_CHECK(h5->file >= 0, HG_ERR_FORMAT, "%s: HDF5 cannot open it; hint: the file is truncated or damaged", path);
    creation = H5Fget_create_plist(h5->file);
    HG_CHECK(creation >= 0 && H5Pget_userblock(creation, &user_block) >= 0 && user_block == 0, HG_ERR_FORMAT,
             "%s: has a user block, expected none", path);
    if (format) HG_TRY(check_format(ctx, h5, format));
    *out = h5;
    h5 = NULL;
done:
    close_plist(access);
    close_plist(creation);
    hg_h5_close(ctx, h5);
    return status;
}

/* Every step of the way must be a hard link; what lies at its end must be of the wanted kind. */
static bool leads_to(const hg_h5 *h5, const char *path, H5O_type_t wanted)
{
    char prefix[PATH_LIMIT];
    H5L_info_t link;
    H5O_info_t object;
    int depth = 0;

    const size_t length = strlen(path);
    if (strcmp(path, "/") == 0) return wanted == H5O_TYPE_GROUP;
    if (path[0] != '/' || path[length - 1] == '/' || length >= sizeof prefix) return false;
    for (const char *at = path + 1; *at;) {
        const char *slash = strchr(at, '/'), *end = slash ? slash : at + strlen(at);
        memcpy(prefix, path, (size_t)(end - path));
        prefix[end - path] = '\0';
        if (++depth > DEPTH_LIMIT) return false;
        if (H5Lget_info(h5->file, prefix, &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD) return false;
        if (H5Oget_info_by_name2(h5->file, prefix, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return false;
        if (object.type != (slash ? H5O_TYPE_GROUP : wanted)) return false;
        at = slash ? slash + 1 : end;
    }
    return true;
}

bool hg_h5_has(const hg_h5 *h5, const char *path)
{
    return leads_to(h5, path, H5O_TYPE_DATASET);
}

/* What is known of a dataset before its data is read. */
typedef struct extent {
    int64_t rows, width; /* width 0 = rank 1 */
    bool chunked;
    int64_t chunk_rows, chunk_columns;
    hg_filters filters;
} extent;

static int64_t columns_of(const extent *shape)
{
    return shape->width > 0 ? shape->width : 1;
}

static hg_status check_rank(hg_context *ctx, const hg_h5 *h5, const char *path, hid_t dataset, int rank)
{
    const hid_t space = H5Dget_space(dataset);
    const int found = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    close_space(space);
    if (found == rank) return HG_OK;
    return hg_fail(ctx, HG_ERR_FORMAT, "%s:%s: rank %d, expected %d", h5->name, path, found, rank);
}

/* Layout, filters and chunk of a dataset, seen before any data is touched. */
static hg_status check_storage(hg_context *ctx, const hg_h5 *h5, const char *path, hid_t dataset, int rank, extent *out)
{
    hg_status status = HG_OK;
    const hid_t creation = H5Dget_create_plist(dataset);
    int seen[4] = {0};
    hsize_t chunk[2] = {1, 1};

    HG_CHECK(creation >= 0, HG_ERR_FORMAT, "%s:%s: damaged creation properties", h5->name, path);
    HG_CHECK(H5Pget_external_count(creation) == 0, HG_ERR_FORMAT, "%s:%s: data is in an external file, expected inside", h5->name, path);
    const H5D_layout_t layout = H5Pget_layout(creation);
    HG_CHECK(layout == H5D_COMPACT || layout == H5D_CONTIGUOUS || layout == H5D_CHUNKED, HG_ERR_FORMAT,
             "%s:%s: virtual or unknown layout, expected compact, contiguous or chunked", h5->name, path);
    const int n_filters = H5Pget_nfilters(creation);
    HG_CHECK(n_filters >= 0 && n_filters <= 3, HG_ERR_FORMAT, "%s:%s: %d filters, expected at most 3", h5->name, path, n_filters);
    for (int i = 0; i < n_filters; ++i) {
        unsigned flags = 0;
        size_t n_values = 0;
        const int filter = (int)H5Pget_filter2(creation, (unsigned)i, &flags, &n_values, NULL, 0, NULL, NULL);
        HG_CHECK((filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE || filter == H5Z_FILTER_FLETCHER32) && !seen[filter]++,
                 HG_ERR_FORMAT, "%s:%s: filter %d, expected shuffle, deflate, fletcher32, each at most once", h5->name, path, filter);
        out->filters.id[i] = filter;
    }
    out->filters.n = n_filters;
    out->chunked = layout == H5D_CHUNKED;
    if (layout == H5D_CHUNKED) {
        HG_CHECK(H5Pget_chunk(creation, rank, chunk) == rank, HG_ERR_FORMAT, "%s:%s: damaged chunk shape", h5->name, path);
        HG_CHECK(chunk[0] > 0 && chunk[1] > 0 && chunk[0] <= CHUNK_LIMIT && chunk[1] <= CHUNK_LIMIT &&
                     chunk[0] * chunk[1] * 8 <= CHUNK_LIMIT,
                 HG_ERR_LIMIT, "%s:%s: chunk of more than 64 MiB", h5->name, path);
    }
    out->chunk_rows = (int64_t)chunk[0];
    out->chunk_columns = (int64_t)chunk[1];
done:
    close_plist(creation);
    return status;
}

static hg_status check_space(hg_context *ctx, const hg_h5 *h5, const char *path, hid_t dataset, int64_t width, extent *out)
{
    hg_status status = HG_OK;
    hsize_t dims[2] = {0, 0}, declared = 0;
    const int rank = width ? 2 : 1;
    const hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);

    HG_CHECK(space >= 0 && H5Sget_simple_extent_dims(space, dims, NULL) == rank, HG_ERR_FORMAT, "%s:%s: damaged shape", h5->name, path);
    HG_CHECK(width <= 0 || dims[1] == (hsize_t)width, HG_ERR_FORMAT, "%s:%s: %llu columns, expected %" PRId64, h5->name, path,
             (unsigned long long)dims[1], width);
    const hsize_t columns = rank == 2 ? dims[1] : 1;
    HG_CHECK(dims[0] <= INT64_MAX / 16 && columns <= 65536 && !__builtin_mul_overflow(dims[0], columns * H5Tget_size(type), &declared) &&
                 declared <= (hsize_t)file_limit * RATIO_LIMIT,
             HG_ERR_LIMIT, "%s:%s: %llu x %llu elements", h5->name, path, (unsigned long long)dims[0], (unsigned long long)columns);
    const hsize_t stored = H5Dget_storage_size(dataset);
    HG_CHECK(stored <= (hsize_t)file_limit && declared <= RATIO_LIMIT * stored + HG_H5_ONE_CHUNK, HG_ERR_LIMIT,
             "%s:%s: declares %llu bytes but stores %llu; hint: a file that is not what it says", h5->name, path,
             (unsigned long long)declared, (unsigned long long)stored);
    HG_CHECK(out->chunked || stored == declared, HG_ERR_FORMAT, "%s:%s: stores %llu bytes, expected %llu", h5->name, path,
             (unsigned long long)stored, (unsigned long long)declared);
    out->rows = (int64_t)dims[0];
    out->width = rank == 2 ? (int64_t)dims[1] : 0;
done:
    close_space(space);
    close_type(type);
    return status;
}

static hg_status open_dataset(hg_context *ctx, const hg_h5 *h5, const char *path, hg_h5_type type, int64_t width, hid_t *out, extent *shape)
{
    hg_status status = HG_OK;
    hid_t dataset = -1, stored = -1;

    HG_CHECK(hg_h5_has(h5, path), HG_ERR_FORMAT, "%s:%s: no such dataset, expected %s", h5->name, path, type_name(type));
    dataset = H5Dopen2(h5->file, path, H5P_DEFAULT);
    HG_CHECK(dataset >= 0, HG_ERR_FORMAT, "%s:%s: the dataset is damaged", h5->name, path);
    stored = H5Dget_type(dataset);
    HG_CHECK(stored >= 0 && type_fits(stored, type), HG_ERR_FORMAT, "%s:%s: its type does not fit into %s", h5->name, path,
             type_name(type));
    HG_TRY(check_rank(ctx, h5, path, dataset, width ? 2 : 1));
    HG_TRY(check_storage(ctx, h5, path, dataset, width ? 2 : 1, shape));
    HG_TRY(check_space(ctx, h5, path, dataset, width, shape));
    *out = dataset;
    dataset = -1;
done:
    if (dataset >= 0) H5Dclose(dataset);
    close_type(stored);
    return status;
}

hg_status hg_h5_shape(hg_context *ctx, hg_h5 *h5, const char *path, hg_h5_type type, int64_t width, int64_t *rows, int64_t *width_found)
{
    hg_status status = HG_OK;
    hid_t dataset = -1;
    extent shape = {.rows = 0};
    HG_TRY(open_dataset(ctx, h5, path, type, width, &dataset, &shape));
    if (rows) *rows = shape.rows;
    if (width_found) *width_found = shape.width;
done:
    if (dataset >= 0) H5Dclose(dataset);
    return status;
}

static hg_status check_finite(hg_context *ctx, const hg_h5 *h5, const char *path, hg_h5_type type, int64_t n, const void *data)
{
    if (!type_is_float(type)) return HG_OK;
    for (int64_t i = 0; i < n; ++i) {
        const double value = type == HG_H5_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
        if (!isfinite(value))
            return hg_fail(ctx, HG_ERR_DATA, "%s:%s[%" PRId64 "]: %g, expected a finite number", h5->name, path, i, value);
    }
    return HG_OK;
}

/* The hash covers the bytes as stored, so it can be checked only where the stored type is the one that was read. */
static hg_status check_hash(hg_context *ctx, hg_h5 *h5, const char *path, hid_t dataset, hg_h5_type type, size_t n_bytes, const void *data)
{
    hg_status status = HG_OK;
    uint64_t expected = 0;
    if (!hg_h5_has_attribute(h5, path, "hash")) return HG_OK;
    const hid_t stored = H5Dget_type(dataset);
    const bool same = stored >= 0 && H5Tequal(stored, file_type(type)) > 0;
    close_type(stored);
    if (!same) return HG_OK;
    HG_TRY(hg_h5_get_number(ctx, h5, path, "hash", &expected));
    const uint64_t found = XXH3_64bits(data, n_bytes);
    HG_CHECK(found == expected, HG_ERR_DATA, "%s:%s: hash is %016" PRIx64 ", expected %016" PRIx64 "; hint: the file is damaged", h5->name,
             path, found, expected);
done:
    return status;
}

/* One chunk, decoded here and not by the library, in the type of memory. plain: room for its elements in either type. */
static hg_status read_chunk(hg_context *ctx, const hg_h5 *h5, const char *path, hid_t dataset, const extent *shape, const hsize_t at[2],
                            hg_h5_type type, uint8_t *plain)
{
    hg_status status = HG_OK;
    const hid_t stored = H5Dget_type(dataset);
    const size_t element = H5Tget_size(stored), n = (size_t)(shape->chunk_rows * shape->chunk_columns), n_plain = n * element;
    hsize_t n_stored = 0;
    uint32_t skipped = 0;
    uint8_t *bytes = NULL;
    char where[2 * PATH_LIMIT];

    snprintf(where, sizeof where, "%s:%s", h5->name, path);
    HG_CHECK(H5Dget_chunk_storage_size(dataset, at, &n_stored) >= 0 && n_stored > 0 && n_stored <= n_plain + n_plain / 8 + PATH_LIMIT,
             HG_ERR_FORMAT, "%s: the chunk at row %llu is missing or damaged", where, (unsigned long long)at[0]);
    HG_TRY(hg_alloc(ctx, &bytes, (int64_t)n_stored));
    HG_CHECK(H5Dread_chunk(dataset, H5P_DEFAULT, at, &skipped, bytes) >= 0, HG_ERR_FORMAT,
             "%s: cannot be read; hint: the file is truncated", where);
    HG_TRY(hg_chunk_decode(ctx, where, &shape->filters, skipped, element, bytes, (size_t)n_stored, plain, n_plain));
    HG_CHECK(H5Tconvert(stored, memory_type(type), n, plain, NULL, H5P_DEFAULT) >= 0, HG_ERR_FORMAT, "%s: cannot be converted to %s", where,
             type_name(type));
done:
    hg_free(ctx, bytes);
    close_type(stored);
    return status;
}

/* The part of a chunk that lies in the wanted rows. */
static void copy_chunk(const extent *shape, const hsize_t at[2], size_t size, const uint8_t *plain, int64_t first, int64_t rows,
                       uint8_t *out)
{
    const int64_t top = (int64_t)at[0], left = (int64_t)at[1], columns = columns_of(shape);
    const int64_t from = top > first ? top : first, end = top + shape->chunk_rows < first + rows ? top + shape->chunk_rows : first + rows;
    const int64_t across = left + shape->chunk_columns < columns ? shape->chunk_columns : columns - left;
    if (across == columns && shape->chunk_columns == columns) {
        memcpy(out + (size_t)((from - first) * columns) * size, plain + (size_t)((from - top) * columns) * size,
               (size_t)((end - from) * columns) * size);
        return;
    }
    for (int64_t r = from; r < end; ++r)
        memcpy(out + (size_t)((r - first) * columns + left) * size, plain + (size_t)((r - top) * shape->chunk_columns) * size,
               (size_t)across * size);
}

static hg_status read_chunked(hg_context *ctx, const hg_h5 *h5, const char *path, hid_t dataset, const extent *shape, hg_h5_type type,
                              int64_t first, int64_t rows, uint8_t *out)
{
    hg_status status = HG_OK;
    const int64_t top = first / shape->chunk_rows * shape->chunk_rows;
    uint8_t *plain = NULL;
    HG_TRY(hg_alloc(ctx, &plain, 8 * shape->chunk_rows * shape->chunk_columns));
    for (int64_t row = top; row < first + rows; row += shape->chunk_rows) {
        for (int64_t left = 0; left < columns_of(shape); left += shape->chunk_columns) {
            const hsize_t at[2] = {(hsize_t)row, (hsize_t)left};
            HG_TRY(read_chunk(ctx, h5, path, dataset, shape, at, type, plain));
            copy_chunk(shape, at, type_size(type), plain, first, rows, out);
        }
    }
done:
    hg_free(ctx, plain);
    return status;
}

static hg_status read_plain(hg_context *ctx, const hg_h5 *h5, const char *path, hid_t dataset, const extent *shape, hg_h5_type type,
                            int64_t first, int64_t rows, void *out)
{
    const hsize_t start[2] = {(hsize_t)first, 0}, count[2] = {(hsize_t)rows, (hsize_t)shape->width};
    const hid_t memory = H5Screate_simple(shape->width ? 2 : 1, count, NULL), space = H5Dget_space(dataset);
    const bool good = memory >= 0 && space >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                      H5Dread(dataset, memory_type(type), memory, space, H5P_DEFAULT, out) >= 0;
    close_space(memory);
    close_space(space);
    if (good) return HG_OK;
    return hg_fail(ctx, HG_ERR_FORMAT, "%s:%s: cannot be read; hint: the file is truncated or damaged", h5->name, path);
}

hg_status hg_h5_read(hg_context *ctx, hg_h5 *h5, const char *path, hg_h5_type type, int64_t width, int64_t first, int64_t rows, void *out)
{
    hg_status status = HG_OK;
    hid_t dataset = -1;
    extent shape = {.rows = 0};

    HG_TRY(open_dataset(ctx, h5, path, type, width, &dataset, &shape));
    HG_CHECK(first >= 0 && rows >= 0 && first <= shape.rows && rows <= shape.rows - first, HG_ERR_FORMAT,
             "%s:%s: has %" PRId64 " rows, expected rows %" PRId64 " to %" PRId64, h5->name, path, shape.rows, first, first + rows);
    const int64_t n = rows * (width ? shape.width : 1);
    if (n > 0) {
        HG_TRY(shape.chunked ? read_chunked(ctx, h5, path, dataset, &shape, type, first, rows, out)
                             : read_plain(ctx, h5, path, dataset, &shape, type, first, rows, out));
        HG_TRY(check_finite(ctx, h5, path, type, n, out));
    }
    if (rows == shape.rows) HG_TRY(check_hash(ctx, h5, path, dataset, type, (size_t)n * type_size(type), out));
done:
    if (dataset >= 0) H5Dclose(dataset);
    return status;
}

hg_status hg_h5_read_all(hg_context *ctx, hg_h5 *h5, const char *path, hg_h5_type type, int64_t width, int64_t rows_expected, void **out,
                         int64_t *rows)
{
    hg_status status = HG_OK;
    int64_t n = 0, columns = 0;
    void *data = NULL;
    HG_TRY(hg_h5_shape(ctx, h5, path, type, width, &n, &columns));
    HG_CHECK(rows_expected < 0 || n == rows_expected, HG_ERR_FORMAT, "%s:%s: has %" PRId64 " rows, expected %" PRId64, h5->name, path, n,
             rows_expected);
    HG_TRY(hg_alloc_array(ctx, &data, n * (width ? columns : 1), type_size(type)));
    HG_TRY(hg_h5_read(ctx, h5, path, type, width, 0, n, data));
    *out = data;
    data = NULL;
    if (rows) *rows = n;
done:
    hg_free(ctx, data);
    return status;
}

/* ---- attributes in ---- */

static bool is_object(const hg_h5 *h5, const char *path)
{
    return leads_to(h5, path, H5O_TYPE_DATASET) || leads_to(h5, path, H5O_TYPE_GROUP);
}

bool hg_h5_has_attribute(const hg_h5 *h5, const char *path, const char *name)
{
    return is_object(h5, path) && H5Aexists_by_name(h5->file, path, name, H5P_DEFAULT) > 0;
}

static hg_status open_attribute(hg_context *ctx, const hg_h5 *h5, const char *path, const char *name, hid_t *out)
{
    if (!hg_h5_has_attribute(h5, path, name))
        return hg_fail(ctx, HG_ERR_FORMAT, "%s:%s: attribute \"%s\" is missing", h5->name, path, name);
    const hid_t id = H5Aopen_by_name(h5->file, path, name, H5P_DEFAULT, H5P_DEFAULT);
    if (id < 0) return hg_fail(ctx, HG_ERR_FORMAT, "%s:%s: attribute \"%s\" is damaged", h5->name, path, name);
    *out = id;
    return HG_OK;
}

hg_status hg_h5_get_string(hg_context *ctx, hg_h5 *h5, const char *path, const char *name, char **out)
{
    hg_status status = HG_OK;
    hid_t id = -1, type = -1, space = -1;
    char *text = NULL;
    HG_TRY(open_attribute(ctx, h5, path, name, &id));
    type = H5Aget_type(id);
    space = H5Aget_space(id);
    HG_CHECK(type >= 0 && space >= 0 && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 &&
                 H5Sget_simple_extent_npoints(space) == 1 && H5Tget_size(type) <= STRING_LIMIT,
             HG_ERR_FORMAT, "%s:%s: attribute \"%s\" is not one string of fixed length", h5->name, path, name);
    HG_TRY(hg_alloc(ctx, &text, (int64_t)H5Tget_size(type) + 1));
    HG_CHECK(H5Aread(id, type, text) >= 0, HG_ERR_FORMAT, "%s:%s: attribute \"%s\" cannot be read", h5->name, path, name);
    *out = text;
    text = NULL;
done:
    hg_free(ctx, text);
    close_type(type);
    close_space(space);
    if (id >= 0) H5Aclose(id);
    return status;
}

hg_status hg_h5_get_numbers(hg_context *ctx, hg_h5 *h5, const char *path, const char *name, hg_h5_type type, int64_t n, void *out)
{
    hg_status status = HG_OK;
    hid_t id = -1, stored = -1, space = -1;
    HG_TRY(open_attribute(ctx, h5, path, name, &id));
    stored = H5Aget_type(id);
    space = H5Aget_space(id);
    HG_CHECK(stored >= 0 && type_fits(stored, type), HG_ERR_FORMAT, "%s:%s: attribute \"%s\" does not fit into %s", h5->name, path, name,
             type_name(type));
    HG_CHECK(space >= 0 && H5Sget_simple_extent_npoints(space) == (n ? n : 1), HG_ERR_FORMAT,
             "%s:%s: attribute \"%s\" has another number of values than the expected %" PRId64, h5->name, path, name, n ? n : 1);
    HG_CHECK(H5Aread(id, memory_type(type), out) >= 0, HG_ERR_FORMAT, "%s:%s: attribute \"%s\" cannot be read", h5->name, path, name);
done:
    close_type(stored);
    close_space(space);
    if (id >= 0) H5Aclose(id);
    return status;
}
