/* base/sort.c — radix sort by 64-bit keys. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sort.h"

/* Least significant digit first; digits that are equal everywhere cost one look. */
hg_ranked *hg_sort_ranked(int64_t n, hg_ranked *items, hg_ranked *scratch)
{
    enum { BITS = 11, DIGITS = 1 << BITS };
    for (int shift = 0; shift < 64 && n > 0; shift += BITS) {
        int64_t start[DIGITS] = {0}, sum = 0;
        for (int64_t i = 0; i < n; ++i) ++start[(items[i].key >> shift) & (DIGITS - 1)];
        if (start[(items[0].key >> shift) & (DIGITS - 1)] == n) continue;
        for (int d = 0; d < DIGITS; ++d) {
            int64_t count = start[d];
            start[d] = sum;
            sum += count;
        }
        for (int64_t i = 0; i < n; ++i) scratch[start[(items[i].key >> shift) & (DIGITS - 1)]++] = items[i];
        hg_ranked *swapped = items;
        items = scratch;
        scratch = swapped;
    }
    return items;
}
