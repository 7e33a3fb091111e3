/* hitgraph/module_triplets.h — module maps of the GNN4ITk kind: which triplets of modules tracks cross, with the range of each variable. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_MODULE_TRIPLETS_H
#define HITGRAPH_MODULE_TRIPLETS_H

#include "hitgraph/doublets.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Largest, then smallest value of each variable: z0 (mm), dphi (rad), phi slope (rad/mm), deta of modules 1 and 2, the same of 2 and 3,
 *  then dz/dr of the first pair minus that of the second, and the same of dy/dx with the signs of the published maps: dy12 = y2 - y1,
 *  dx12 = x1 - x2, dy23 = y2 - y3, dx23 = x2 - x3. deta is eta of the inner minus eta of the outer hit. */
enum { HG_MODULE_TRIPLET_WINDOW = 20 };

/** All arrays owned (hg_module_triplets_clear). */
typedef struct hg_module_triplets {
    int64_t n;
    uint64_t *module;    /* [n, 3] ids of the modules from inside out */
    int64_t *occurrence; /* [n] tracks seen there */
    float *window;       /* [n, HG_MODULE_TRIPLET_WINDOW] */
} hg_module_triplets;
/** Frees the arrays and zeroes the structure. */
HG_API void hg_module_triplets_clear(hg_context *ctx, hg_module_triplets *triplets);

/** Text of 24 columns separated by white space, no header, one triplet a line. Numbers are written so that they read back to the same bits.
 *  @param path borrowed. @param out untouched on error.
 *  @return HG_OK; HG_ERR_IO; HG_ERR_FORMAT a column is missing, one too many, or no number; HG_ERR_DATA a minimum above its maximum or an
 *  occurrence below 0 (message: file, line, column and its name); HG_ERR_NOMEM. Threads: reentrant. */
HG_API hg_status hg_module_triplets_read_text(hg_context *ctx, const char *path, hg_module_triplets *out);
HG_API hg_status hg_module_triplets_write_text(hg_context *ctx, const hg_module_triplets *triplets, const char *path);

/** The same as HDF5 (format hitgraph-module-map): /modulemap/{mid u64 [K, 3], occurrence i64 [K], window f32 [K, 20]}. One thread at a
 * time. @return HG_OK; HG_ERR_IO; HG_ERR_FORMAT; HG_ERR_DATA; HG_ERR_NOMEM. */
HG_API hg_status hg_module_triplets_read_hdf5(hg_context *ctx, const char *path, hg_module_triplets *out);
HG_API hg_status hg_module_triplets_write_hdf5(hg_context *ctx, const hg_module_triplets *triplets, const char *path);

#ifdef __cplusplus
}
#endif
#endif
