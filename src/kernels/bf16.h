/* kernels/bf16.h — single numbers in stored rows: bf16 is the upper half of a float. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_KERNELS_BF16_H
#define HG_KERNELS_BF16_H

#include <string.h>
#include "kernels/dense.h"

static inline hg_real hg_widen_bf16(uint16_t half)
{
    const uint32_t bits = (uint32_t)half << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return (hg_real)x;
}

/* To the nearest, ties to even; NaN stays NaN. */
static inline uint16_t hg_round_bf16(hg_real number)
{
    const float x = (float)number;
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)((x != x ? bits | 0x400000 : bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline hg_real hg_stored_number(const void *row, hg_storage storage, int64_t column)
{
    return storage == HG_STORE_BF16 ? hg_widen_bf16(((const uint16_t *)row)[column]) : ((const hg_real *)row)[column];
}

static inline void hg_store_number(void *row, hg_storage storage, int64_t column, hg_real x)
{
    if (storage == HG_STORE_BF16) {
        ((uint16_t *)row)[column] = hg_round_bf16(x);
    } else {
        ((hg_real *)row)[column] = x;
    }
}

static inline const void *hg_stored_row(const void *table, hg_storage storage, int64_t ld, int64_t row)
{
    return (const char *)table + row * ld * hg_stored_size(storage);
}

#endif
