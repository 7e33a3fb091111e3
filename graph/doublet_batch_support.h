/* graph/doublet_batch_support.h — batch kernel: how doublets that share a hit support each other. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_BATCH_SUPPORT_H
#define HG_GRAPH_DOUBLET_BATCH_SUPPORT_H

#include "graph/doublet_batch_match.h"
#include "graph/neighbour_tables.h"

/* Cells of the table of links between an outgoing doublet and the arrivals; returns the lanes within its reach as bits. Where there are
 * none, as is usual, the roots of cells are not asked for. */
static inline uint32_t find_links(const arrivals *a, float kappa, float cot, float reach, int32_t cell[LANES])
{
    int32_t near[LANES];
    float bend[LANES], slope[LANES];
    for (int k = 0; k < LANES; ++k) {
        bend[k] = fabsf(hg_kappa_units(a->kappa[k], kappa, a->kappa_window[k]));
        slope[k] = fabsf(hg_cot_units(a->cot[k], cot, a->cot_window[k]));
        near[k] = (a->pair[k] >= 0) & (bend[k] < reach) & (slope[k] < reach);
    }
    const uint32_t found = marked(near, LANES);
    if (!found) return 0;
    for (int k = 0; k < LANES; ++k) cell[k] = hg_link_cell(near[k] ? bend[k] : 0, near[k] ? slope[k] : 0, reach);
    return found;
}

static void support(const hg_doublet_map *map, const hg_incoming *in, int32_t n_in, const hg_scored_doublet *out, int32_t n_out,
                    float *after, float *before)
{
    const hg_neighbour_tables *tables = map->neighbours;
    for (int32_t first = 0; first < n_in && n_out > 0; first += LANES) {
        arrivals a;
        int32_t cell[LANES], pair = -1;
        gather_arrivals(in + first, n_in - first, &a);
        for (int32_t o = 0; o < n_out; ++o) {
            if (out[o].pair != pair) {
                pair = out[o].pair;
                find_windows(map, pair, &a);
            }
            if (map->pair[pair].inner == map->pair[pair].outer) continue;
            for (uint32_t near = find_links(&a, out[o].kappa, out[o].cot, tables->link_reach, cell); near; near &= near - 1) {
                const int k = __builtin_ctz(near);
                const float link = map->table_step * (float)tables->link[cell[k]];
                after[first + k] = larger(after[first + k], out[o].score + link);
                before[o] = larger(before[o], in[first + k].score + link);
            }
        }
    }
}

#endif
