/* base/parallel.h — how work is cut so that results do not depend on the number of threads. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_PARALLEL_H
#define HG_BASE_PARALLEL_H

#include <stdint.h>

/* Sums are made over fixed blocks of this many elements, then over the blocks in order: the cut follows the data, never the threads. */
enum { HG_SUM_BLOCK = 4096 };

/* A loop of fewer elements, at a few ns each, is not worth waking the other threads: that takes some tens of us where they sleep. */
enum { HG_PARALLEL_MIN = 1 << 14 };

static inline int64_t hg_block_count(int64_t n, int64_t block)
{
    return (n + block - 1) / block;
}

/* First of the n elements of one of so many equal parts; that of part `parts` is n. For results that do not depend on the cut. */
static inline int64_t hg_part_start(int64_t n, int64_t parts, int64_t part)
{
    return n / parts * part + n % parts * part / parts;
}

/* Exclusive prefix sum in place: counts[0 .. n) become offsets, counts[n] the total (the array has n + 1 elements). Returns the total. */
int64_t hg_prefix_sum(int64_t *counts, int64_t n);

/* The last i of 0 .. n - 1 with offsets[i] <= at, by bisection; offsets rise, offsets[0] <= at: where a place of the prefix sum belongs. */
int64_t hg_prefix_owner(const int64_t *offsets, int64_t n, int64_t at);

#endif
