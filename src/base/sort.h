/* base/sort.h — sorting numbers without comparisons. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_SORT_H
#define HG_BASE_SORT_H

#include <stdint.h>

typedef struct hg_ranked {
    uint64_t key;
    int64_t index;
} hg_ranked;

/* Sorts n items by rising key, equal keys in the order they came in. Returns the sorted ones: items or scratch, both [n]. */
hg_ranked *hg_sort_ranked(int64_t n, hg_ranked *items, hg_ranked *scratch);

#endif
