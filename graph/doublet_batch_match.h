/* graph/doublet_batch_match.h — batch kernels: doublets that continue others at a hit. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_DOUBLET_BATCH_MATCH_H
#define HG_GRAPH_DOUBLET_BATCH_MATCH_H

#include "graph/doublet_batch.h"
#include "graph/doublet_batch_lanes.h"
#include "graph/triplet_match.h"

/* Incoming doublets side by side, and the units in which an outgoing one of a certain pair differs from them. */
typedef struct arrivals {
    float kappa[LANES], cot[LANES], kappa_window[LANES], cot_window[LANES];
    int32_t pair[LANES]; /* -1: nothing, or an overlap */
} arrivals;

static inline void find_windows(const hg_doublet_map *map, int32_t pair, arrivals *a)
{
    int32_t at[LANES];
    for (int k = 0; k < LANES; ++k) at[k] = (a->pair[k] < 0 ? 0 : a->pair[k]) * map->n_pairs + pair;
    pick(map->triplet_kappa, at, a->kappa_window);
    pick(map->triplet_cot, at, a->cot_window);
}

/* hg_triplet_match with one division of the two; no match for lanes without an edge. */
static inline void match(const arrivals *a, float kappa, float cot, float m[LANES])
{
    for (int k = 0; k < LANES; ++k) {
        float bend = fabsf(kappa - a->kappa[k]), bend_unit = a->kappa_window[k] * (hg_least_kappa + fabsf(0.5f * (a->kappa[k] + kappa)));
        float slope = fabsf(cot - a->cot[k]), slope_unit = a->cot_window[k] * (hg_least_cot + fabsf(0.5f * (a->cot[k] + cot)));
        int32_t by_slope = slope * bend_unit >= bend * slope_unit; /* false where the slope is not a number */
        float units = (by_slope ? slope : bend) / (by_slope ? slope_unit : bend_unit);
        m[k] = a->pair[k] < 0 ? hg_no_match : units;
    }
}

static inline uint32_t below(const float m[LANES], float limit)
{
    int32_t pass[LANES];
    for (int k = 0; k < LANES; ++k) pass[k] = m[k] < limit;
    return marked(pass, LANES);
}

static inline float limit_of(hg_neighbour_rule rule, float score)
{
    return rule.cost > 0 ? smaller(rule.window, score / rule.cost) : rule.window;
}

/* The first n of these, at most as many as there are lanes. */
static inline void gather_arrivals(const hg_incoming *in, int32_t n, arrivals *a)
{
    for (int k = 0; k < LANES; ++k) {
        const hg_incoming *from = &in[k < n ? k : 0];
        a->kappa[k] = from->kappa;
        a->cot[k] = from->cot;
        a->pair[k] = k < n ? from->pair : -1;
    }
}

static void mark(const hg_doublet_map *map, hg_neighbour_rule rule, const hg_incoming *in, int32_t n_in, const hg_scored_doublet *out,
                 int32_t n_out, uint8_t *as_first, uint8_t *as_second)
{
    for (int32_t first = 0; first < n_in && n_out > 0; first += LANES) {
        const int32_t n = n_in - first < LANES ? n_in - first : LANES;
        arrivals a;
        float limit[LANES], m[LANES];
        int32_t met[LANES] = {0}, pass[LANES], pair = -1;
        gather_arrivals(in + first, n, &a);
        for (int k = 0; k < LANES; ++k) limit[k] = limit_of(rule, in[first + (k < n ? k : 0)].score);
        for (int32_t o = 0; o < n_out; ++o) {
            if (out[o].pair != pair) {
                pair = out[o].pair;
                find_windows(map, pair, &a);
            }
            if (map->pair[pair].inner == map->pair[pair].outer) continue;
            const float own_limit = limit_of(rule, out[o].score);
            match(&a, out[o].kappa, out[o].cot, m);
            for (int k = 0; k < LANES; ++k) met[k] |= (a.pair[k] >= 0) & (m[k] < limit[k]);
            for (int k = 0; k < LANES; ++k) pass[k] = (a.pair[k] >= 0) & (m[k] < own_limit);
            as_second[o] |= marked(pass, LANES) != 0;
        }
        for (int32_t k = 0; k < n; ++k) as_first[first + k] = (uint8_t)met[k];
    }
}

/* The edges that come in at a hit; those of an event may be read LANES beyond their end. */
static inline void load_arrivals(const hg_doublet_graph *d, int64_t first, int32_t n, arrivals *a)
{
    memcpy(a->kappa, d->kappa + first, sizeof a->kappa);
    memcpy(a->cot, d->cot + first, sizeof a->cot);
    for (int k = 0; k < LANES; ++k) a->pair[k] = ((k < n) & !d->same_layer[first + k]) ? d->pair[first + k] : -1;
}

static inline float smallest(const float m[LANES])
{
    int32_t bits[LANES], least = INT32_MAX; /* of numbers that are not negative: in the order of their bits */
    memcpy(bits, m, sizeof bits);
    for (int k = 0; k < LANES; ++k) least = bits[k] < least ? bits[k] : least;
    float value;
    memcpy(&value, &least, sizeof value);
    return value;
}

static int64_t join(const hg_doublet_graph *d, const hg_doublet_map *map, int64_t hit, float link_window, float *const best[2],
                    int32_t *const count[2], hg_doublet_link *link)
{
    const hg_graph *g = d->graph;
    int64_t n_links = 0;
    for (int64_t o = g->out_ptr[hit]; o < g->out_ptr[hit + 1]; ++o) {
        best[0][g->out_edge[o]] = hg_no_match;
        count[0][g->out_edge[o]] = 0;
    }
    for (int64_t first = g->in_ptr[hit]; first < g->in_ptr[hit + 1]; first += LANES) {
        const int64_t left = g->in_ptr[hit + 1] - first;
        const int32_t n = left < LANES ? (int32_t)left : LANES;
        arrivals a;
        float m[LANES], best_after[LANES];
        int32_t pair = -1, count_after[LANES];
        load_arrivals(d, first, n, &a);
        for (int k = 0; k < LANES; ++k) {
            best_after[k] = hg_no_match;
            count_after[k] = 0;
        }
        for (int64_t o = g->out_ptr[hit]; o < g->out_ptr[hit + 1]; ++o) {
            const int64_t b = g->out_edge[o];
            if (d->same_layer[b]) continue;
            if (d->pair[b] != pair) {
                pair = d->pair[b];
                find_windows(map, pair, &a);
            }
            match(&a, d->kappa[b], d->cot[b], m);
            for (int k = 0; k < LANES; ++k) best_after[k] = smaller(m[k], best_after[k]);
            for (int k = 0; k < LANES; ++k) count_after[k] += m[k] < 1;
            best[0][b] = smaller(smallest(m), best[0][b]);
            count[0][b] += __builtin_popcount(below(m, 1));
            for (uint32_t near = below(m, link_window); near; near &= near - 1) {
                const int k = __builtin_ctz(near);
                link[n_links++] = (hg_doublet_link){(int32_t)first + k, (int32_t)b, m[k]};
            }
        }
        store_some(best_after, n, best[1] + first);
        store_some_words(count_after, n, count[1] + first);
    }
    return n_links;
}

#endif
