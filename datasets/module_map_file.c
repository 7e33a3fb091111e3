/* datasets/module_map_file.c — files of module maps that are mapped into memory: checked in one pass, never parsed. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/module_map_file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/check.h"
#include "base/context.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/parallel.h"
#include "graph/doublet_map.h"
#include "graph/module_box.h"

enum { ALIGNMENT = 64, HASHED_BYTES = 1 << 20, VERSION = 2, BYTE_ORDER_MARK = 0x01020304, MOST_MAPS = 64 };
static const char magic[8] = {'h', 'g', 'm', 'o', 'd', 'm', 'a', 'p'};
static const double place_unit_mm = 1e-3; /* centres are told apart down to this */

typedef struct file_header {
    char magic[sizeof magic];
    uint32_t version, byte_order;
    uint64_t bytes, checksum; /* XXH3-64 over the XXH3-64 of each HASHED_BYTES of what follows: many threads can make those */
    uint64_t detector;
    int32_t n_modules, n_maps;
} file_header;

typedef struct file_entry {
    double sigma_z_mm;
    int64_t n_pairs, n_triplets;
} file_entry;

_Static_assert(sizeof(file_header) == 48 && sizeof(file_entry) == 24, "the layout of the file has no padding");

static uint64_t fingerprint(const hg_detector *detector)
{
    XXH64_hash_t hash = 0;
    for (int64_t m = 0; m < detector->n_modules; ++m) {
        const hg_module *module = &detector->modules[m];
        const int64_t row[6] = {module->volume_id,
                                module->layer_id,
                                module->module_id,
                                llrint(module->center[0] / place_unit_mm),
                                llrint(module->center[1] / place_unit_mm),
                                llrint(module->center[2] / place_unit_mm)};
        hash = XXH3_64bits_withSeed(row, sizeof row, hash);
    }
    return hash;
}

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static size_t head_bytes(int64_t n_maps)
{
    return aligned(sizeof(file_header) + (size_t)n_maps * sizeof(file_entry));
}

static size_t block_bytes(int32_t n_modules, int64_t n_pairs, int64_t n_triplets)
{
    size_t offset[HG_MODULE_MAP_ARRAYS + 1];
    hg_module_map_offsets(n_modules, n_pairs, n_triplets, offset);
    return offset[HG_MODULE_MAP_ARRAYS];
}

/* ---- writing ---- */

/* A view has its arrays in the same places as a block. */
static const void *block_of(const hg_module_map *map)
{
    return map->pair_first;
}

/* A checksum in the making, of pieces that follow one another in the file. */
typedef struct summing {
    XXH3_state_t *block, *all; /* of the block that is not full yet, and of the hashes of those before */
    size_t filled;
} summing;

static void end_block(summing *s)
{
    const uint64_t hash = XXH3_64bits_digest(s->block);
    XXH3_64bits_update(s->all, &hash, sizeof hash);
    XXH3_64bits_reset(s->block);
    s->filled = 0;
}

static void sum_piece(summing *s, const void *piece, size_t bytes)
{
    for (const char *at = piece; bytes > 0;) {
        const size_t room = HASHED_BYTES - s->filled, n = bytes < room ? bytes : room;
        XXH3_64bits_update(s->block, at, n);
        s->filled += n;
        if (s->filled == HASHED_BYTES) end_block(s);
        at += n;
        bytes -= n;
    }
}

static hg_status fill_head(hg_context *ctx, hg_module_map *const *maps, int64_t n, const hg_detector *detector, char *head)
{
    hg_status status = HG_OK;
    file_header h = {.version = VERSION,
                     .byte_order = BYTE_ORDER_MARK,
                     .bytes = head_bytes(n),
                     .detector = fingerprint(detector),
                     .n_modules = (int32_t)detector->n_modules,
                     .n_maps = (int32_t)n};
    summing sum = {XXH3_createState(), XXH3_createState(), 0};
    HG_CHECK(sum.block && sum.all, HG_ERR_NOMEM, "no memory for a checksum");
    memcpy(h.magic, magic, sizeof magic);
    for (int64_t i = 0; i < n; ++i) {
        const file_entry entry = {maps[i]->sigma_z_mm, maps[i]->n_pairs, maps[i]->n_triplets};
        memcpy(head + sizeof h + (size_t)i * sizeof entry, &entry, sizeof entry);
        h.bytes += block_bytes(h.n_modules, entry.n_pairs, entry.n_triplets);
    }
    memcpy(head, &h, sizeof h);
    const size_t summed = offsetof(file_header, detector);
    XXH3_64bits_reset(sum.block);
    XXH3_64bits_reset(sum.all);
    sum_piece(&sum, head + summed, head_bytes(n) - summed);
    for (int64_t i = 0; i < n; ++i) sum_piece(&sum, block_of(maps[i]), block_bytes(h.n_modules, maps[i]->n_pairs, maps[i]->n_triplets));
    if (sum.filled > 0) end_block(&sum);
    h.checksum = XXH3_64bits_digest(sum.all);
    memcpy(head, &h, sizeof h);
done:
    XXH3_freeState(sum.block);
    XXH3_freeState(sum.all);
    return status;
}

hg_status hg_module_maps_save(hg_context *ctx, hg_module_map *const *maps, int64_t n, const hg_detector *detector, const char *path)
{
    hg_status status = HG_OK;
    hg_output *output = NULL;
    char *head = NULL;

    HG_CHECK(n >= 1 && n <= MOST_MAPS, HG_ERR_ARG, "%" PRId64 " module maps for one file, expected 1 .. %d", n, MOST_MAPS);
    for (int64_t i = 0; i < n; ++i) {
        HG_CHECK(maps[i]->n_modules == detector->n_modules, HG_ERR_ARG, "a module map of %" PRId32 " modules for a detector of %" PRId64,
                 maps[i]->n_modules, detector->n_modules);
    }
    HG_TRY(hg_alloc(ctx, &head, (int64_t)head_bytes(n)));
    HG_TRY(fill_head(ctx, maps, n, detector, head));
    HG_TRY(hg_output_begin(ctx, path, &output));
    FILE *file = hg_output_stream(output);
    HG_CHECK(file, HG_ERR_IO, "%s: cannot be written to", path);
    fwrite(head, 1, head_bytes(n), file);
    for (int64_t i = 0; i < n; ++i)
        fwrite(block_of(maps[i]), 1, block_bytes(maps[i]->n_modules, maps[i]->n_pairs, maps[i]->n_triplets), file);
    HG_TRY(hg_output_commit(ctx, &output));
done:
    hg_output_abort(output);
    hg_free(ctx, head);
    return status;
}

/* ---- opening ---- */

bool hg_module_maps_is_mapped(const char *path)
{
    char start[sizeof magic];
    FILE *file = fopen(path, "rb");
    const bool is = file && fread(start, 1, sizeof start, file) == sizeof start && memcmp(start, magic, sizeof magic) == 0;
    if (file) fclose(file);
    return is;
}

static hg_status map_file(hg_context *ctx, const char *path, hg_module_maps *maps)
{
    hg_status status = HG_OK;
    struct stat info;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    HG_CHECK(file >= 0, HG_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    HG_CHECK(fstat(file, &info) == 0 && S_ISREG(info.st_mode), HG_ERR_IO, "%s: not a regular file", path);
    HG_CHECK((size_t)info.st_size >= sizeof(file_header), HG_ERR_FORMAT,
             "%s: %lld bytes, expected a module map, which has a header of %zu; hint: the file is cut short", path, (long long)info.st_size,
             sizeof(file_header));
    void *pages = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, file, 0);
    HG_CHECK(pages != MAP_FAILED, HG_ERR_IO, "%s: cannot be mapped into memory: %s", path, strerror(errno));
    maps->file = pages;
    maps->file_bytes = (size_t)info.st_size;
done:
    if (file >= 0) close(file);
    return status;
}

/* The checksum of a mapped file; its pages are read by all threads. */
static hg_status sum_file(hg_context *ctx, const hg_module_maps *maps, uint64_t *out)
{
    hg_status status = HG_OK;
    const size_t summed = offsetof(file_header, detector), bytes = maps->file_bytes - summed;
    const char *base = (const char *)maps->file + summed;
    const int64_t n = hg_block_count((int64_t)bytes, HASHED_BYTES);
    uint64_t *hash = NULL;
    HG_TRY(hg_alloc_unset(ctx, &hash, n));
#pragma omp parallel for num_threads(hg_context_threads(ctx))
    for (int64_t k = 0; k < n; ++k) {
        const size_t at = (size_t)k * HASHED_BYTES, left = bytes - at;
        hash[k] = XXH3_64bits(base + at, left < HASHED_BYTES ? left : HASHED_BYTES);
    }
    *out = XXH3_64bits(hash, (size_t)n * sizeof *hash);
done:
    hg_free(ctx, hash);
    return status;
}

static hg_status check_header(hg_context *ctx, const char *path, const hg_module_maps *maps, const file_header *h)
{
    hg_status status = HG_OK;
    uint64_t found = 0;
    HG_CHECK(memcmp(h->magic, magic, sizeof magic) == 0, HG_ERR_FORMAT, "%s: does not begin with \"%.8s\": no module map", path, magic);
    HG_CHECK(h->byte_order != __builtin_bswap32(BYTE_ORDER_MARK), HG_ERR_FORMAT,
             "%s: a module map of the other byte order; hint: convert the text on this machine", path);
    HG_CHECK(h->byte_order == BYTE_ORDER_MARK, HG_ERR_FORMAT, "%s: byte order mark %08" PRIx32 ", expected %08x", path, h->byte_order,
             BYTE_ORDER_MARK);
    HG_CHECK(h->version == VERSION, HG_ERR_FORMAT, "%s: module map of version %" PRIu32 ", expected %d", path, h->version, VERSION);
    HG_CHECK(h->bytes == maps->file_bytes, HG_ERR_FORMAT, "%s: %zu bytes, expected %" PRIu64 "; hint: the file is %s", path,
             maps->file_bytes, h->bytes, h->bytes > maps->file_bytes ? "cut short" : "damaged");
    HG_TRY(sum_file(ctx, maps, &found));
    HG_CHECK(found == h->checksum, HG_ERR_FORMAT, "%s: checksum %016" PRIx64 ", expected %016" PRIx64 "; hint: the file is damaged", path,
             found, h->checksum);
    HG_CHECK(h->n_maps >= 1 && h->n_maps <= MOST_MAPS && h->n_modules >= 0 && head_bytes(h->n_maps) <= maps->file_bytes, HG_ERR_FORMAT,
             "%s: %" PRId32 " maps of %" PRId32 " modules, expected 1 .. %d", path, h->n_maps, h->n_modules, MOST_MAPS);
done:
    return status;
}

static hg_status check_detector(hg_context *ctx, const char *path, const file_header *h, const hg_detector *detector)
{
    const uint64_t here = fingerprint(detector);
    if (h->n_modules == detector->n_modules && h->detector == here) return HG_OK;
    return hg_fail(ctx, HG_ERR_MODEL,
                   "%s: a module map of another detector: %" PRId32 " modules, fingerprint %016" PRIx64 "; this one has %" PRId64
                   ", %016" PRIx64,
                   path, h->n_modules, h->detector, detector->n_modules, here);
}

/* The map number i, whose arrays begin at *at. */
static hg_status view_map(hg_context *ctx, const char *path, const file_header *h, int32_t i, size_t *at, hg_module_maps *maps)
{
    hg_status status = HG_OK;
    const char *base = maps->file;
    file_entry entry;
    memcpy(&entry, base + sizeof *h + (size_t)i * sizeof entry, sizeof entry);
    const bool small = entry.n_pairs >= 0 && entry.n_pairs <= INT32_MAX && entry.n_triplets >= 0 && entry.n_triplets <= INT32_MAX;
    const size_t bytes = small ? block_bytes(h->n_modules, entry.n_pairs, entry.n_triplets) : SIZE_MAX;
    HG_CHECK(bytes <= maps->file_bytes - *at && isfinite(entry.sigma_z_mm), HG_ERR_FORMAT,
             "%s: map %" PRId32 ": %" PRId64 " pairs and %" PRId64 " triplets at %g mm do not fit into the file", path, i, entry.n_pairs,
             entry.n_triplets, entry.sigma_z_mm);
    HG_TRY(hg_alloc(ctx, &maps->map[i], 1));
    *maps->map[i] = (hg_module_map){
        .sigma_z_mm = entry.sigma_z_mm, .n_modules = h->n_modules, .n_pairs = entry.n_pairs, .n_triplets = entry.n_triplets};
    hg_module_map_view(maps->map[i], base + *at);
    *at += bytes;
    status = hg_module_map_check(ctx, maps->map[i]);
    if (status < 0) hg_fail_prefix(ctx, "%s: map %" PRId32, path, i);
done:
    return status;
}

static hg_status open_mapped(hg_context *ctx, const char *path, const hg_detector *detector, hg_module_maps *maps)
{
    hg_status status = HG_OK;
    file_header h;
    HG_TRY(map_file(ctx, path, maps));
    memcpy(&h, maps->file, sizeof h);
    HG_TRY(check_header(ctx, path, maps, &h));
    HG_TRY(check_detector(ctx, path, &h, detector));
    HG_TRY(hg_alloc(ctx, &maps->map, h.n_maps));
    maps->n = h.n_maps;
    size_t at = head_bytes(h.n_maps);
    for (int32_t i = 0; i < h.n_maps; ++i) HG_TRY(view_map(ctx, path, &h, i, &at, maps));
    HG_CHECK(at == maps->file_bytes, HG_ERR_FORMAT, "%s: %zu bytes after the last map", path, maps->file_bytes - at);
done:
    return status;
}

/* Text or HDF5: one map, made here. */
static hg_status import(hg_context *ctx, const char *path, const hg_detector *detector, hg_module_maps *maps)
{
    static const char hdf5_start[] = "\x89HDF";
    hg_status status = HG_OK;
    hg_module_triplets triplets = {0};
    char start[sizeof hdf5_start - 1] = {0};
    FILE *file = fopen(path, "rb");
    HG_CHECK(file, HG_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    const bool hdf5 = fread(start, 1, sizeof start, file) == sizeof start && memcmp(start, hdf5_start, sizeof start) == 0;
    HG_TRY(hdf5 ? hg_module_triplets_read_hdf5(ctx, path, &triplets) : hg_module_triplets_read_text(ctx, path, &triplets));
    HG_TRY(hg_alloc(ctx, &maps->map, 1));
    maps->n = 1;
    status = hg_module_triplets_to_numbers(ctx, detector, &triplets);
    if (status >= 0) status = hg_module_map_create(ctx, &triplets, (int32_t)detector->n_modules, 0, &maps->map[0]);
    if (status < 0) hg_fail_prefix(ctx, "%s", path);
done:
    if (file) fclose(file);
    hg_module_triplets_clear(ctx, &triplets);
    return status;
}

hg_status hg_module_maps_open(hg_context *ctx, const char *path, const hg_detector *detector, hg_module_maps *out)
{
    hg_module_maps maps = {0};
    const hg_status status = hg_module_maps_is_mapped(path) ? open_mapped(ctx, path, detector, &maps) : import(ctx, path, detector, &maps);
    if (status < 0)
        hg_module_maps_close(ctx, &maps);
    else
        *out = maps;
    return status;
}

void hg_module_maps_close(hg_context *ctx, hg_module_maps *maps)
{
    for (int64_t i = 0; maps->map && i < maps->n; ++i) hg_module_map_destroy(ctx, maps->map[i]);
    hg_free(ctx, maps->map);
    if (maps->file) munmap(maps->file, maps->file_bytes);
    *maps = (hg_module_maps){0};
}

const hg_module_map *hg_module_maps_select(const hg_module_maps *maps, double sigma_z_mm)
{
    const hg_module_map *best = NULL;
    for (int64_t i = 0; i < maps->n; ++i)
        if (!best || hg_luminous_nearer(maps->map[i]->sigma_z_mm, best->sigma_z_mm, sigma_z_mm)) best = maps->map[i];
    return best;
}
