/* kernels/bf16_layers.h — announces to body.h the layers of a unit that multiplies pairs of bf16 by instructions of its own. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/dense.h"

static int64_t pair_bytes(int64_t n, int64_t k);
static void pack_pairs(const hg_real *w, int64_t out_step, int64_t in_step, int64_t n, int64_t k, const hg_real *mean, void *dst);
static void multiply_pairs(const hg_dense *layer);
#define HG_BF16_LAYERS                                                                                                                     \
    {                                                                                                                                      \
        pair_bytes, pack_pairs, multiply_pairs                                                                                             \
    }
