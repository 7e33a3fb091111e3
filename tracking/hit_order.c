/* hit_order.c — the hits of one layer in the order in which the track meets them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "tracking/finder.h"

/* How far out a hit lies: radius in a barrel, z on a disc. */
static double depth_of(const hg_finder *finder, int32_t hit, bool barrel)
{
    const hg_hits *hits = finder->input->hits;
    return barrel ? hypot(hits->x[hit], hits->y[hit]) : hits->z[hit];
}

/* Sorts hits [first, end), all on one layer, upward or downward; hits of equal depth keep their places. */
static void sort_by_depth(const hg_finder *finder, int32_t *hit, int32_t first, int32_t end, bool barrel, bool upward)
{
    for (int32_t k = first + 1; k < end; ++k) {
        const int32_t moved = hit[k];
        const double depth = depth_of(finder, moved, barrel);
        int32_t to = k;
        for (; to > first; --to) {
            const double other = depth_of(finder, hit[to - 1], barrel);
            if (upward ? other <= depth : other >= depth) break;
            hit[to] = hit[to - 1];
        }
        hit[to] = moved;
    }
}

void hg_order_overlaps(const hg_finder *finder, int32_t *hit, int32_t n)
{
    for (int32_t first = 0, end; first < n; first = end) {
        const int32_t layer = finder->hit_layer[hit[first]];
        const bool barrel = finder->input->detector->layers[layer].barrel;
        for (end = first + 1; end < n && finder->hit_layer[hit[end]] == layer;) ++end;
        if (end - first < 2 || end - first == n) continue;
        const double from = depth_of(finder, hit[first > 0 ? first - 1 : first], barrel);
        const double to = depth_of(finder, hit[end < n ? end : end - 1], barrel);
        sort_by_depth(finder, hit, first, end, barrel, to >= from);
    }
}
