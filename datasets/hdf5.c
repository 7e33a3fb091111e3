/* datasets/hdf5.c — the one door to HDF5: atomic, byte-reproducible files out; untrusted files in. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/hdf5_door.h"

#include <errno.h>
#include <string.h>
#include <hdf5.h>
#include "base/check.h"
#include "datasets/chunk.h"

_Static_assert((int)HG_FILTER_DEFLATE == H5Z_FILTER_DEFLATE && (int)HG_FILTER_SHUFFLE == H5Z_FILTER_SHUFFLE &&
                   (int)HG_FILTER_FLETCHER32 == H5Z_FILTER_FLETCHER32,
               "the filters' numbers are HDF5's");

/* ---- types ---- */

int64_t hg_h5_type_size(hg_h5_type type)
{
    return type == HG_H5_U8 ? 1 : type == HG_H5_I32 || type == HG_H5_F32 ? 4 : 8;
}

const char *hg_h5_type_name(hg_h5_type type)
{
    static const char *const names[] = {"int32", "int64", "uint8", "uint64", "float32", "float64"};
    return names[type];
}

bool hg_h5_type_is_float(hg_h5_type type)
{
    return type == HG_H5_F32 || type == HG_H5_F64;
}

static hid_t memory_type(hg_h5_type type)
{
    const hid_t types[] = {H5T_NATIVE_INT32, H5T_NATIVE_INT64, H5T_NATIVE_UINT8, H5T_NATIVE_UINT64, H5T_NATIVE_FLOAT, H5T_NATIVE_DOUBLE};
    return types[type];
}

static hid_t file_type(hg_h5_type type)
{
    const hid_t types[] = {H5T_STD_I32LE, H5T_STD_I64LE, H5T_STD_U8LE, H5T_STD_U64LE, H5T_IEEE_F32LE, H5T_IEEE_F64LE};
    return types[type];
}

bool hg_h5_door_type_fits(int64_t stored, hg_h5_type wanted)
{
    if (stored < 0) return false;
    const size_t size = H5Tget_size(stored), room = (size_t)hg_h5_type_size(wanted);
    if (hg_h5_type_is_float(wanted)) {
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

bool hg_h5_door_type_equals(int64_t stored, hg_h5_type wanted)
{
    return stored >= 0 && H5Tequal(stored, file_type(wanted)) > 0;
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

/* HDF5 prints its error stack by default; plugins would load code named by the file. */
static hg_status start_library(hg_context *ctx)
{
    hg_status status = HG_OK;
    /* when the program ends HDF5 would visit a file that it could not close, as on a full disk, and crash; nothing is left for it to do */
    H5dont_atexit();
    HG_CHECK(H5open() >= 0, HG_ERR_IO, "the HDF5 library does not start");
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0);
done:
    return status;
}

void hg_h5_door_release(hg_h5 *h5)
{
    for (int64_t i = 0; i < h5->n_columns; ++i)
        if (h5->columns[i].dataset >= 0) H5Dclose(h5->columns[i].dataset);
    if (h5->file >= 0) H5Fclose(h5->file);
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

hg_status hg_h5_door_begin(hg_context *ctx, hg_h5 *h5)
{
    hg_status status = HG_OK;
    hid_t creation = -1, access = -1;

    HG_TRY(start_library(ctx));
    HG_TRY(hg_output_begin(ctx, h5->name, &h5->output));
    creation = H5Pcreate(H5P_FILE_CREATE);
    access = H5Pcreate(H5P_FILE_ACCESS);
    HG_CHECK(creation >= 0 && access >= 0 && H5Pset_obj_track_times(creation, 0) >= 0 &&
                 H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V110) >= 0 && H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0,
             HG_ERR_NOMEM, "%s: no HDF5 property lists", h5->name);
    h5->file = H5Fcreate(hg_output_temporary_path(h5->output), H5F_ACC_TRUNC, creation, access);
    HG_CHECK(h5->file >= 0, HG_ERR_IO, "%s: cannot be created as an HDF5 file (%s)", h5->name, strerror(errno));
done:
    close_plist(creation);
    close_plist(access);
    return status;
}

hg_status hg_h5_door_make_group(hg_context *ctx, hg_h5 *h5, const char *path)
{
    hg_status status = HG_OK;
    hid_t creation = -1;
    if (H5Lexists(h5->file, path, H5P_DEFAULT) > 0) goto done;
    creation = H5Pcreate(H5P_GROUP_CREATE);
    HG_CHECK(creation >= 0 && H5Pset_obj_track_times(creation, 0) >= 0, HG_ERR_NOMEM, "%s:%s: no HDF5 property list", h5->name, path);
    const hid_t group = H5Gcreate2(h5->file, path, H5P_DEFAULT, creation, H5P_DEFAULT);
    if (group < 0 || H5Gclose(group) < 0) HG_TRY(write_failed(ctx, h5, path));
done:
    close_plist(creation);
    return status;
}

hg_status hg_h5_door_create(hg_context *ctx, hg_h5 *h5, hg_h5_open_column *c, int64_t rows, int64_t chunk_rows, bool growing)
{
    hg_status status = HG_OK;
    const hsize_t dims[2] = {(hsize_t)rows, (hsize_t)c->width}, most[2] = {growing ? H5S_UNLIMITED : dims[0], dims[1]};
    const hsize_t chunk[2] = {(hsize_t)chunk_rows, dims[1]};
    const int rank = c->width ? 2 : 1;
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(rank, dims, most);

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

hg_status hg_h5_door_open(hg_context *ctx, hg_h5 *h5)
{
    hg_status status = HG_OK;
    hid_t access = -1, creation = -1;
    hsize_t user_block = 0;

    HG_TRY(start_library(ctx));
    access = H5Pcreate(H5P_FILE_ACCESS);
    HG_CHECK(access >= 0 && H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0, HG_ERR_NOMEM, "%s: no HDF5 property list", h5->name);
    h5->file = H5Fopen(h5->name, H5F_ACC_RDONLY, access);
    HG_CHECK(h5->file >= 0, HG_ERR_FORMAT, "%s: HDF5 cannot open it; hint: the file is truncated or damaged", h5->name);
    creation = H5Fget_create_plist(h5->file);
    HG_CHECK(creation >= 0 && H5Pget_userblock(creation, &user_block) >= 0 && user_block == 0, HG_ERR_FORMAT,
             "%s: has a user block, expected none", h5->name);
done:
    close_plist(access);
    close_plist(creation);
    return status;
}

hg_h5_kind hg_h5_door_kind(const hg_h5 *h5, const char *path)
{
    H5L_info_t link;
    H5O_info_t object;
    if (H5Lget_info(h5->file, path, &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD) return HG_H5_NOTHING;
    if (H5Oget_info_by_name2(h5->file, path, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return HG_H5_NOTHING;
    return object.type == H5O_TYPE_GROUP ? HG_H5_GROUP : object.type == H5O_TYPE_DATASET ? HG_H5_DATASET : HG_H5_NOTHING;
}

bool hg_h5_door_dataset(const hg_h5 *h5, const char *path, hg_h5_dataset *d)
{
    d->id = H5Dopen2(h5->file, path, H5P_DEFAULT);
    d->type = d->id >= 0 ? H5Dget_type(d->id) : -1;
    d->element = d->type >= 0 ? H5Tget_size(d->type) : 0;
    return d->id >= 0;
}

void hg_h5_door_dataset_close(hg_h5_dataset *d)
{
    close_type(d->type);
    if (d->id >= 0) H5Dclose(d->id);
    d->type = d->id = -1;
}

int hg_h5_door_rank(const hg_h5_dataset *d)
{
    const hid_t space = H5Dget_space(d->id);
    const int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    close_space(space);
    return rank;
}

bool hg_h5_door_storage(hg_h5_dataset *d)
{
    const hid_t creation = H5Dget_create_plist(d->id);
    hsize_t chunk[2] = {1, 1};
    if (creation < 0) return false;
    const H5D_layout_t layout = H5Pget_layout(creation);
    d->layout = layout == H5D_CHUNKED                               ? HG_H5_IN_CHUNKS
                : layout == H5D_COMPACT || layout == H5D_CONTIGUOUS ? HG_H5_IN_ONE_PIECE
                                                                    : HG_H5_OTHER_LAYOUT;
    d->n_external = H5Pget_external_count(creation);
    d->n_filters = H5Pget_nfilters(creation);
    for (int i = 0; i < d->n_filters && i < 3; ++i) {
        unsigned flags = 0;
        size_t n_values = 0;
        d->filter[i] = (int)H5Pget_filter2(creation, (unsigned)i, &flags, &n_values, NULL, 0, NULL, NULL);
    }
    if (layout == H5D_CHUNKED) d->chunk_rank = H5Pget_chunk(creation, d->rank, chunk);
    d->chunk[0] = chunk[0];
    d->chunk[1] = chunk[1];
    close_plist(creation);
    return true;
}

bool hg_h5_door_dims(hg_h5_dataset *d)
{
    hsize_t dims[2] = {0, 1};
    const hid_t space = H5Dget_space(d->id);
    const bool good = space >= 0 && H5Sget_simple_extent_dims(space, dims, NULL) == d->rank;
    close_space(space);
    d->dims[0] = dims[0];
    d->dims[1] = dims[1];
    return good;
}

uint64_t hg_h5_door_stored_bytes(const hg_h5_dataset *d)
{
    return H5Dget_storage_size(d->id);
}

bool hg_h5_door_read_rows(const hg_h5_dataset *d, hg_h5_type type, int64_t first, int64_t rows, void *out)
{
    const hsize_t start[2] = {(hsize_t)first, 0}, count[2] = {(hsize_t)rows, d->dims[1]};
    const hid_t memory = H5Screate_simple(d->rank, count, NULL), space = H5Dget_space(d->id);
    const bool good = memory >= 0 && space >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                      H5Dread(d->id, memory_type(type), memory, space, H5P_DEFAULT, out) >= 0;
    close_space(memory);
    close_space(space);
    return good;
}

uint64_t hg_h5_door_chunk_bytes(const hg_h5_dataset *d, const int64_t at[2])
{
    const hsize_t offset[2] = {(hsize_t)at[0], (hsize_t)at[1]};
    hsize_t n = 0;
    return H5Dget_chunk_storage_size(d->id, offset, &n) >= 0 ? n : 0;
}

bool hg_h5_door_read_chunk(const hg_h5_dataset *d, const int64_t at[2], uint8_t *out, uint32_t *skipped)
{
    const hsize_t offset[2] = {(hsize_t)at[0], (hsize_t)at[1]};
    return H5Dread_chunk(d->id, H5P_DEFAULT, offset, skipped, out) >= 0;
}

bool hg_h5_door_convert(const hg_h5_dataset *d, hg_h5_type type, size_t n, void *data)
{
    return H5Tconvert(d->type, memory_type(type), n, data, NULL, H5P_DEFAULT) >= 0;
}

bool hg_h5_door_has_attribute(const hg_h5 *h5, const char *path, const char *name)
{
    return H5Aexists_by_name(h5->file, path, name, H5P_DEFAULT) > 0;
}

bool hg_h5_door_stored_attribute(const hg_h5 *h5, const char *path, const char *name, hg_h5_stored_attribute *a)
{
    *a = (hg_h5_stored_attribute){
        .id = H5Aopen_by_name(h5->file, path, name, H5P_DEFAULT, H5P_DEFAULT), .type = -1, .n_values = -1, .text_bytes = -1};
    if (a->id < 0) return false;
    a->type = H5Aget_type(a->id);
    const hid_t space = H5Aget_space(a->id);
    if (space >= 0) a->n_values = H5Sget_simple_extent_npoints(space);
    if (a->type >= 0 && H5Tget_class(a->type) == H5T_STRING && H5Tis_variable_str(a->type) == 0)
        a->text_bytes = (int64_t)H5Tget_size(a->type);
    close_space(space);
    return true;
}

bool hg_h5_door_read_text(const hg_h5_stored_attribute *a, char *out)
{
    return H5Aread(a->id, a->type, out) >= 0;
}

bool hg_h5_door_read_numbers(const hg_h5_stored_attribute *a, hg_h5_type type, void *out)
{
    return H5Aread(a->id, memory_type(type), out) >= 0;
}

void hg_h5_door_attribute_close(hg_h5_stored_attribute *a)
{
    close_type(a->type);
    if (a->id >= 0) H5Aclose(a->id);
    a->type = a->id = -1;
}
