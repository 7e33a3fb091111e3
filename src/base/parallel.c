/* base/parallel.c — prefix sums, the glue between counting and filling. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parallel.h"

int64_t hg_prefix_sum(int64_t *counts, int64_t n)
{
    int64_t total = 0;
    for (int64_t i = 0; i < n; ++i) {
        int64_t count = counts[i];
        counts[i] = total;
        total += count;
    }
    counts[n] = total;
    return total;
}

int64_t hg_prefix_owner(const int64_t *offsets, int64_t n, int64_t at)
{
    int64_t low = 0, high = n;
    while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        if (offsets[middle] <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}
