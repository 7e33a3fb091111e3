/* nn/run/pool.h — large arrays that are taken and given back in turn: steps of a training run reuse each other's memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_POOL_H
#define HG_NN_POOL_H

#include <stdbool.h>
#include "hitgraph/model.h"

/* Blocks that nobody uses wait for the next taker. They are freed only where new memory would otherwise take the pool beyond the most that
 * was ever in use at one time; large ones of a workspace then hand their pages to the new block. One calling thread at a time. */
typedef struct hg_workspace hg_pool;

/* dry: blocks are counted, but there is no memory behind them; for plans. */
hg_status hg_pool_create(hg_context *ctx, bool dry, hg_pool **out);
/* Frees everything, blocks in use included; NULL is fine. */
void hg_pool_destroy(hg_context *ctx, hg_pool *pool);

/* Room for n numbers, 64-byte aligned, not set. *out is untouched on error. */
hg_status hg_pool_take(hg_context *ctx, hg_pool *pool, hg_real **out, int64_t n);
/* Bytes held now, and the most in use at one time: never more is held. */
size_t hg_pool_held(const hg_pool *pool);
size_t hg_pool_peak(const hg_pool *pool);
bool hg_pool_is_dry(const hg_pool *pool);
/* Gives a block back; NULL is fine. */
void hg_pool_give(hg_pool *pool, hg_real *block);

#endif
