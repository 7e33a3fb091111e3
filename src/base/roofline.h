/* base/roofline.h — what this machine can do at best: multiply-adds in registers, and a triad in main memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_ROOFLINE_H
#define HG_BASE_ROOFLINE_H

#include "hitgraph/context.h"

/* Best values seen so far with one number of threads, per second; 0 = not measured, or this CPU has no such instructions. */
typedef struct hg_roofline {
    double flops;      /* fp32, fused multiply-adds of the widest vectors */
    double bf16_flops; /* bf16 dot products of vectors */
    double tile_flops; /* bf16 products of matrix tiles */
    double bandwidth;  /* bytes of a triad, with the read that precedes a write */
} hg_roofline;

/* Measures everything three times with so many threads (about 0.2 s) and keeps the better of old and new in *best.
 * The widest instructions that the CPU has are used, whatever HG_ISA asks of the kernels. Errors: HG_ERR_NOMEM. */
hg_status hg_roofline_measure(hg_context *ctx, int threads, hg_roofline *best);

/* Bytes of the last cache level; 0 where unknown. */
int64_t hg_last_cache_bytes(void);

#endif
