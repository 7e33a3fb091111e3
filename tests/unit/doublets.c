/* doublets.c — the doublet graph against brute force over all pairs of hits, on toy events with known truth. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/doublets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "graph/doublet_map.h"
#include "graph/doublet_score.h"
#include "graph/triplet_match.h"
#include "kernels/kernels.h"
#include "tests/toy_hits.h"
#include "tests/leaks.h"

static hg_context *ctx;
enum { LEARNED_EVENTS = 12 };
static hg_doublet_map *map; /* learned once */
static toy_event toy;

static int learn_map(void **state)
{
    (void)state;
    return hg_doublet_map_learn(ctx, NULL, toy_next, &toy, LEARNED_EVENTS, 5, &map) != HG_OK;
}

static int destroy_map(void **state)
{
    (void)state;
    hg_doublet_map_destroy(ctx, map);
    return 0;
}

static hg_doublet_graph *build(const hg_doublet_hits *hits, const hg_doublet_options *options)
{
    hg_doublet_graph *d = NULL;
    assert_int_equal(hg_doublet_graph_create(ctx, hits, map, options, &d), HG_OK);
    return d;
}

static void learning_finds_the_layer_pairs(void **state)
{
    (void)state;
    static const int32_t wanted[][2] = {{0, 1}, {1, 2}, {2, 3}, {4, 5}, {0, 4}, {1, 4}, {2, 4}, {0, 0}, {3, 3}, {4, 4}};
    for (size_t k = 0; k < sizeof wanted / sizeof *wanted; ++k) {
        bool found = false;
        for (int32_t p = 0; p < map->n_pairs; ++p)
            found = found || (map->pair[p].inner == wanted[k][0] && map->pair[p].outer == wanted[k][1]);
        assert_true(found);
    }
    for (int32_t p = 0; p < map->n_pairs; ++p) assert_true(map->pair[p].inner <= map->pair[p].outer);
}

/* An event that was not learned from: nearly all true doublets of targets are kept, and far fewer false ones than there are pairs. */
static void true_doublets_are_kept(void **state)
{
    (void)state;
    toy_make(&toy, 99, 800, 800, 5);
    hg_doublet_options options = hg_doublet_default_options();
    options.triplet_window = 0; /* particles of two layers have no neighbours */
    hg_doublet_graph *d = build(&toy.hits, &options);
    uint8_t *label = test_calloc((size_t)d->graph->n_edges, 1);
    float *weight = test_calloc((size_t)d->graph->n_edges, sizeof *weight);
    hg_doublet_labels(d, &toy.truth, label, weight);
    int64_t kept = 0, all = 0, overlaps = 0, all_overlaps = 0;
    for (int64_t e = 0; e < d->graph->n_edges; ++e) {
        kept += weight[e] > 0 && !d->same_layer[e];
        overlaps += weight[e] > 0 && d->same_layer[e];
        assert_true(!(weight[e] > 0) || label[e]);
    }
    for (int32_t i = 0; i < toy.hits.n; ++i) {
        for (int32_t j = i + 1; j < toy.hits.n && toy.particle[i] >= 0 && toy.particle[j] == toy.particle[i]; ++j) {
            if (!(toy.weight[toy.particle[i]] > 0)) continue;
            all += toy.layer_rank[j] - toy.layer_rank[i] == 1;
            all_overlaps += toy.layer_rank[j] == toy.layer_rank[i];
        }
    }
    assert_true(all > 1500 && all_overlaps > 150);
    assert_true((double)kept > 0.97 * (double)all);
    assert_true((double)overlaps > 0.90 * (double)all_overlaps);
    assert_true(d->graph->n_edges < 20 * all);
    test_free(label);
    test_free(weight);
    hg_doublet_graph_destroy(ctx, d);
}

static void grid_queries_find_all_hits_in_the_window(void **state)
{
    (void)state;
    hg_hit_grid *g = NULL;
    hg_random rng = hg_random_stream(11, 5, 0, 0);
    toy_make(&toy, 70, 300, 600, 5);
    assert_int_equal(hg_hit_grid_create(ctx, &toy.hits, &g), HG_OK);
    int32_t *found = test_calloc((size_t)g->largest + 1, sizeof *found);
    for (int trial = 0; trial < 600; ++trial) {
        int32_t layer = (int32_t)hg_random_below(&rng, TOY_LAYERS);
        float phi = (float)(trial % 3 ? hg_random_range(&rng, -M_PI, M_PI) : (trial % 2 ? M_PI : -M_PI)), low, high;
        float half = (float)(trial % 10 ? hg_random_exponential(&rng) * 0.3 : 4); /* small windows at and across the seam, and all around */
        low = (float)(toy_barrel[layer] ? hg_random_range(&rng, -600, 500) : hg_random_range(&rng, 0, 150));
        high = low + (float)(hg_random_exponential(&rng) * 100);
        int32_t n = hg_hit_grid_query(g, layer, low, high, phi, half, found), expected = 0;
        for (int32_t i = g->layer_first[layer]; i < g->layer_first[layer + 1]; ++i) {
            float distance = fabsf(hg_wrap_phi(g->phi[i] - phi));
            bool inside = g->c[i] >= low && g->c[i] <= high && distance <= half;
            int32_t times = 0;
            for (int32_t k = 0; k < n; ++k) times += found[k] == i;
            expected += inside;
            if (fabsf(distance - half) > 1e-5f) assert_int_equal(times, inside);
        }
        assert_true(abs(n - expected) <= 1);
    }
    test_free(found);
    hg_hit_grid_destroy(ctx, g);
}

static void equally_far_overlaps_are_joined_once(void **state)
{
    (void)state;
    memset(&toy, 0, sizeof toy);
    for (int k = 0; k < 2; ++k) toy_add_hit(&toy, toy_radius[1], 0.3, 20 + 1e-3 * k, 1, 7 - k, 0, 0, k);
    toy_end_hits(&toy);
    hg_doublet_options options = hg_doublet_default_options();
    options.triplet_window = 0;
    options.score_shift = -100;
    hg_doublet_graph *d = build(&toy.hits, &options);
    assert_int_equal(d->graph->n_edges, 1);
    assert_int_equal(d->graph->sender[0], 0);
    hg_doublet_graph_destroy(ctx, d);
}

/* Two hits of one layer and one further out, on a line: what comes in at the second hit is an overlap, which is nobody's neighbour. Nor is
 * what fills the rest of a vector, however wide the window. */
static void only_doublets_are_neighbours(void **state)
{
    (void)state;
    memset(&toy, 0, sizeof toy);
    for (int k = 0; k < 2; ++k) toy_add_hit(&toy, toy_radius[1] + k, 0.3, 20 * (1 + k / toy_radius[1]), 1, 7 + k, 0, 0, k);
    toy_add_hit(&toy, toy_radius[2], 0.3, 20 * toy_radius[2] / toy_radius[1], 2, 9, 0, 1, 2);
    toy_end_hits(&toy);
    hg_doublet_options options = hg_doublet_default_options();
    options.score_shift = -100;
    options.triplet_window = 0;
    hg_doublet_graph *d = build(&toy.hits, &options);
    assert_int_equal(d->graph->n_edges, 3); /* the overlap, and both of its hits to the third */
    hg_doublet_graph_destroy(ctx, d);
    for (int power = 0; power < 10; ++power) {
        options.triplet_window = pow(10, power);
        d = build(&toy.hits, &options);
        assert_int_equal(d->graph->n_edges, 0);
        hg_doublet_graph_destroy(ctx, d);
    }
}

static int32_t grid_place(const hg_hit_grid *g, int32_t hit)
{
    for (int32_t i = 0; i < g->n; ++i) {
        if (g->hit[i] == hit) return i;
    }
    return -1;
}

/* The judgement of one pair of hits written down once more, from the definitions. */
static bool accepted(const hg_doublet_hits *hits, const hg_hit_grid *g, const hg_doublet_options *o, int32_t pair, int32_t i, int32_t j)
{
    const hg_doublet_pair *p = &map->pair[pair];
    bool overlap = p->inner == p->outer;
    if (hits->layer[i] != p->inner || hits->layer[j] != p->outer || (overlap && hits->module[i] == hits->module[j])) return false;
    hg_point p1 = hg_grid_point(g, grid_place(g, i)), p2 = hg_grid_point(g, grid_place(g, j));
    hg_doublet_values v;
    int32_t bend_z0, c_c;
    if (!hg_doublet_measure(overlap, toy_barrel[p->inner], toy_barrel[p->outer], &p1, &p2, &v)) return false;
    if (overlap && v.c[1] <= 0 && i >= j) return false;
    if (!hg_doublet_cells(p, &v, &bend_z0, &c_c)) return false;
    /* the search window along the layer, without slack: pairs within a hair of its edge are decided by rounding and skipped by the caller
     */
    float straight =
        hg_doublet_straight(overlap, toy_barrel[p->inner], toy_barrel[p->outer], &p1, map->layer_r[p->outer], map->layer_z[p->outer]);
    if (isfinite(straight)) {
        float c1 = toy_barrel[p->inner] ? p1.z : p1.r, c2 = toy_barrel[p->outer] ? p2.z : p2.r;
        int bin = (int)floorf((c1 - p->c_low[0]) / (p->c_high[0] - p->c_low[0]) * HG_DOUBLET_C_BINS);
        bin = bin < 0 ? 0 : bin >= HG_DOUBLET_C_BINS ? HG_DOUBLET_C_BINS - 1 : bin;
        if (c2 < straight + p->reach[bin][0] - 0.01f || c2 > straight + p->reach[bin][1] + 0.01f) return false;
    }
    if (o->mode == HG_DOUBLETS_WINDOWS) {
        float box[2];
        hg_doublet_box(overlap, &p1, &p2, &v, box);
        return box[0] <= p->phi_slope_max && box[1] <= p->z0_max;
    }
    float n_outer = 0;
    for (int64_t k = 0; k < hits->n; ++k) n_outer += hits->layer[k] == p->outer ? 1.f : 0;
    float score = hg_doublet_score(map, pair, bend_z0, c_c) + logf(map->layer_hits[p->outer] / n_outer) - (float)o->score_shift;
    return score >= (overlap ? map->overlap_threshold : map->threshold);
}

static int32_t accepting_pair(const hg_doublet_hits *hits, const hg_hit_grid *g, const hg_doublet_options *o, int32_t i, int32_t j)
{
    for (int32_t p = 0; p < map->n_pairs; ++p) {
        if (accepted(hits, g, o, p, i, j)) return p;
    }
    return -1;
}

static void edges_are_those_of_brute_force(void **state)
{
    (void)state;
    for (int trial = 0; trial < 6; ++trial) {
        hg_doublet_options options = hg_doublet_default_options();
        options.mode = (hg_doublet_mode)(trial % 2);
        options.triplet_window = 0;
        options.score_shift = trial % 4 ? -5 : 1; /* wide and narrow parts of the windows */
        /* seams and sparse layers come with the numbers */
        toy_make(&toy, (uint64_t)trial % 4, trial < 4 ? 60 : 5, trial < 4 ? 60 : 3, 5);
        hg_doublet_graph *d = build(&toy.hits, &options);
        hg_hit_grid *g = NULL;
        assert_int_equal(hg_hit_grid_create(ctx, &toy.hits, &g), HG_OK);
        int64_t at = 0;
        for (int32_t j = 0; j < toy.hits.n; ++j) {
            for (int32_t i = 0; i < toy.hits.n; ++i) {
                int32_t pair = i == j ? -1 : accepting_pair(&toy.hits, g, &options, i, j);
                if (pair < 0) continue;
                assert_true(at < d->graph->n_edges);
                assert_int_equal(d->graph->sender[at], i);
                assert_int_equal(d->graph->receiver[at], j);
                assert_int_equal(d->pair[at], pair);
                assert_int_equal(d->same_layer[at++], toy.layer[i] == toy.layer[j]);
            }
        }
        assert_int_equal(at, d->graph->n_edges);
        assert_true(trial >= 4 || at > 50);
        hg_hit_grid_destroy(ctx, g);
        hg_doublet_graph_destroy(ctx, d);
    }
}

static bool joins(const hg_doublet_graph *d, const uint8_t *keep, int32_t i, int32_t j)
{
    for (int64_t e = d->graph->in_ptr[j]; e < d->graph->in_ptr[j + 1]; ++e) {
        if (d->graph->sender[e] == i && !d->same_layer[e] && keep[e]) return true;
    }
    return false;
}

/* What an edge asks of a neighbour. */
static bool agrees(const hg_doublet_graph *d, int64_t e, double window, double cost, float match)
{
    return match < (float)window && (cost == 0 || match < d->table_score[e] / (float)cost);
}

static void keeps_edges_with_a_matching_neighbour(double window, double cost)
{
    hg_doublet_options all = hg_doublet_default_options(), some = all;
    all.triplet_window = 0;
    all.score_shift = some.score_shift = -15; /* let false edges in, overlaps too */
    some.triplet_window = window;
    some.triplet_cost = cost;
    toy_make(&toy, 50, 100, 100, 5);
    hg_doublet_graph *d = build(&toy.hits, &all), *kept = build(&toy.hits, &some);
    int64_t n = d->graph->n_edges, at = 0;
    uint8_t *keep = test_calloc((size_t)n, 1);
    for (int64_t a = 0; a < n; ++a) {
        for (int64_t b = 0; b < n; ++b) {
            if (d->same_layer[a] || d->same_layer[b] || d->graph->receiver[a] != d->graph->sender[b]) continue;
            float match = hg_doublets_match(d, map, a, b);
            keep[a] |= agrees(d, a, window, cost, match);
            keep[b] |= agrees(d, b, window, cost, match);
        }
    }
    for (int64_t e = 0; e < n; ++e) {
        if (!d->same_layer[e]) continue;
        int32_t i = d->graph->sender[e], j = d->graph->receiver[e];
        for (int32_t k = 0; k < toy.hits.n && !keep[e]; ++k) {
            keep[e] = (joins(d, keep, k, i) && joins(d, keep, k, j)) || (joins(d, keep, i, k) && joins(d, keep, j, k));
        }
    }
    for (int64_t e = 0; e < n; ++e) {
        if (!keep[e]) continue;
        assert_true(at < kept->graph->n_edges);
        assert_int_equal(kept->graph->sender[at], d->graph->sender[e]);
        assert_int_equal(kept->graph->receiver[at], d->graph->receiver[e]);
        assert_float_equal(kept->kappa[at], d->kappa[e], 0);
        assert_float_equal(kept->table_score[at++], d->table_score[e], 0);
    }
    assert_int_equal(at, kept->graph->n_edges);
    assert_true(at > 100 && at < n);
    test_free(keep);
    hg_doublet_graph_destroy(ctx, d);
    hg_doublet_graph_destroy(ctx, kept);
}

static void consistency_keeps_edges_with_a_matching_neighbour(void **state)
{
    (void)state;
    keeps_edges_with_a_matching_neighbour(1.2, 0);
    keeps_edges_with_a_matching_neighbour(100, 0); /* almost any neighbour will do, but there must be one */
}

static void doubtful_edges_need_better_neighbours(void **state)
{
    (void)state;
    keeps_edges_with_a_matching_neighbour(1.2, 30);
}

/* The longest chain of matching doublets that ends with edge e: value and length by trying all of them. */
static void best_chain(const hg_doublet_graph *d, int64_t e, bool inward, double *value, double *length)
{
    *value = *length = 0;
    for (int64_t o = 0; o < d->graph->n_edges; ++o) {
        int64_t first = inward ? o : e, second = inward ? e : o;
        if (d->same_layer[o] || d->graph->receiver[first] != d->graph->sender[second]) continue;
        double m = (double)hg_doublets_match(d, map, first, second), before, steps;
        if (!(m < 1.5)) continue;
        best_chain(d, o, inward, &before, &steps);
        double link = before + 1 + fmax(-4.0, fmin(4, (double)d->table_score[o] - 3)) / 4 - m * m;
        if (link > *value) {
            *value = link;
            *length = steps + 1;
        }
    }
}

static void features_are_what_their_names_say(void **state)
{
    (void)state;
    toy_make(&toy, 51, 120, 80, 5);
    hg_doublet_options options = hg_doublet_default_options();
    options.score_shift = -4;
    hg_doublet_graph *d = build(&toy.hits, &options);
    assert_true(d->graph->n_edges > 30);
    uint8_t *all = test_malloc((size_t)d->graph->n_edges);
    memset(all, 1, (size_t)d->graph->n_edges);
    for (int64_t e = 0; e < d->graph->n_edges; ++e) {
        const hg_real *f = d->edge_features + e * HG_DOUBLET_EDGE_FEATURES;
        for (int k = 0; k < HG_DOUBLET_EDGE_FEATURES; ++k) assert_true(isfinite((double)f[k]));
        int32_t i = d->graph->sender[e], j = d->graph->receiver[e];
        assert_float_equal(f[6], (hypot(toy.x[j], toy.y[j]) - hypot(toy.x[i], toy.y[i])) / 200, 1e-5);
        assert_float_equal(f[7], (toy.z[j] - toy.z[i]) / 500, 1e-5);
        assert_float_equal(f[25], d->same_layer[e], 0);
        if (d->same_layer[e]) {
            int shared[2] = {0, 0};
            for (int32_t k = 0; k < toy.hits.n; ++k) {
                shared[0] += joins(d, all, k, i) && joins(d, all, k, j);
                shared[1] += joins(d, all, i, k) && joins(d, all, j, k);
            }
            assert_float_equal((float)f[19], log1pf((float)shared[0]), 1e-6f);
            assert_float_equal((float)f[20], log1pf((float)shared[1]), 1e-6f);
            continue;
        }
        assert_float_equal((float)(3e-4 * sinh((double)f[0])), d->kappa[e], 1e-8f);
        float in = 99, out = 99; /* far away */
        for (int64_t o = 0; o < d->graph->n_edges; ++o) {
            if (d->same_layer[o]) continue;
            if (d->graph->receiver[o] == i) in = fminf(in, hg_doublets_match(d, map, o, e));
            if (d->graph->sender[o] == j) out = fminf(out, hg_doublets_match(d, map, e, o));
        }
        assert_float_equal(f[15], exp(-(double)in), 1e-5);
        assert_float_equal(f[16], exp(-(double)out), 1e-5);
        double value, length;
        best_chain(d, e, true, &value, &length);
        assert_float_equal(f[21], value / 4, 1e-4);
        assert_float_equal(f[22], length / 4, 1e-6);
        best_chain(d, e, false, &value, &length);
        assert_float_equal(f[23], value / 4, 1e-4);
        assert_float_equal(f[24], length / 4, 1e-6);
    }
    test_free(all);
    hg_doublet_graph_destroy(ctx, d);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    hg_doublet_graph *first[2] = {NULL};
    hg_doublet_map *learned = NULL;
    for (int threads = 1; threads <= 4; ++threads) {
        assert_int_equal(hg_context_set_threads(ctx, threads), HG_OK);
        hg_doublet_map *again = NULL;
        assert_int_equal(hg_doublet_map_learn(ctx, NULL, toy_next, &toy, 2, 5, &again), HG_OK);
        if (!learned) learned = again;
        assert_memory_equal(again->pair, learned->pair, (size_t)learned->n_pairs * sizeof *learned->pair);
        assert_memory_equal(again->bend_z0, learned->bend_z0, (size_t)learned->n_pairs * HG_BEND_Z0_CELLS);
        assert_float_equal(again->threshold, learned->threshold, 0);
        if (again != learned) hg_doublet_map_destroy(ctx, again);
        toy_make(&toy, 52, 800, 800, 5);
        for (int mode = 0; mode < 2; ++mode) {
            hg_doublet_options options = hg_doublet_default_options();
            options.mode = (hg_doublet_mode)mode;
            hg_doublet_graph *d = build(&toy.hits, &options);
            if (threads == 1) {
                first[mode] = d;
                continue;
            }
            toy_assert_same_graphs(first[mode], d);
            hg_doublet_graph_destroy(ctx, d);
        }
    }
    for (int mode = 0; mode < 2; ++mode) hg_doublet_graph_destroy(ctx, first[mode]);
    hg_doublet_map_destroy(ctx, learned);
    assert_int_equal(hg_context_set_threads(ctx, 2), HG_OK);
}

/* The batch kernels of every instruction set give the bits of the plain functions. */
static void instruction_sets_change_nothing(void **state)
{
    (void)state;
    const hg_kernels *table[HG_KERNEL_TABLES];
    const int n_tables = hg_kernels_list(table);
    hg_doublet_options options = hg_doublet_default_options();
    hg_doublet_graph *first = NULL;
    toy_make(&toy, 53, 800, 800, 5);
    for (int t = 0; t < n_tables; ++t) {
        setenv("HG_ISA", table[t]->name, 1);
        hg_doublet_graph *d = build(&toy.hits, &options);
        hg_hit_grid *g = NULL;
        assert_int_equal(hg_hit_grid_create(ctx, &toy.hits, &g), HG_OK);
        for (int64_t e = 0; e < d->graph->n_edges; ++e) {
            const hg_doublet_pair *pair = &map->pair[d->pair[e]];
            const hg_point p1 = hg_grid_point(g, grid_place(g, d->graph->sender[e])),
                           p2 = hg_grid_point(g, grid_place(g, d->graph->receiver[e]));
            hg_doublet_values v;
            assert_true(hg_doublet_measure(d->same_layer[e], g->barrel[pair->inner], g->barrel[pair->outer], &p1, &p2, &v));
            assert_float_equal(d->kappa[e], v.kappa, 0);
            assert_float_equal(d->cot[e], v.cot, 0);
        }
        hg_hit_grid_destroy(ctx, g);
        if (first) toy_assert_same_graphs(first, d);
        if (first) hg_doublet_graph_destroy(ctx, d);
        first = first ? first : d;
    }
    unsetenv("HG_ISA");
    assert_true(first->graph->n_edges > 1000);
    hg_doublet_graph_destroy(ctx, first);
}

static void corners_give_empty_graphs(void **state)
{
    (void)state;
    toy_make(&toy, 53, 3, 10, 5);
    for (int trial = 0; trial < 4; ++trial) {
        hg_doublet_hits hits = toy.hits;
        if (trial < 2) hits.n = trial; /* no hit, one hit */
        for (int64_t i = 0; i < hits.n; ++i) {
            if (trial == 2) toy.x[i] = toy.y[i] = 0; /* all on the beam line */
            if (trial == 3) {                        /* all at one place of one layer and module */
                toy.x[i] = 72;
                toy.y[i] = 0;
                toy.z[i] = 0;
                toy.layer[i] = 1;
                toy.module[i] = 5;
            }
        }
        for (int mode = 0; mode < 2; ++mode) {
            hg_doublet_options options = hg_doublet_default_options();
            options.mode = (hg_doublet_mode)mode;
            hg_doublet_graph *d = build(&hits, &options);
            assert_int_equal(d->graph->n_nodes, hits.n);
            assert_int_equal(d->graph->n_edges, 0);
            hg_doublet_graph_destroy(ctx, d);
        }
        double sigma = -1;
        assert_int_equal(hg_luminous_sigma_z(ctx, &hits, &sigma), HG_OK);
        assert_float_equal(sigma, 0, 0);
    }
}

static void bad_hits_and_maps_are_refused(void **state)
{
    (void)state;
    hg_doublet_graph *d = NULL;
    double sigma = -1;
    toy_make(&toy, 54, 3, 10, 5);
    toy.y[7] = NAN;
    assert_int_equal(hg_doublet_graph_create(ctx, &toy.hits, map, NULL, &d), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(ctx), "hit row 7"));
    assert_int_equal(hg_luminous_sigma_z(ctx, &toy.hits, &sigma), HG_ERR_DATA);
    toy.y[7] = 0;
    toy.layer[3] = TOY_LAYERS;
    assert_int_equal(hg_doublet_graph_create(ctx, &toy.hits, map, NULL, &d), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(ctx), "hit row 3"));
    toy.layer[3] = 0;
    toy.hits.n_layers = TOY_LAYERS - 1;
    assert_int_equal(hg_doublet_graph_create(ctx, &toy.hits, map, NULL, &d), HG_ERR_MODEL);
    toy.hits.n_layers = TOY_LAYERS;
    static const uint8_t other[TOY_LAYERS] = {1, 1, 1, 1, 1, 0};
    toy.hits.layer_barrel = other;
    assert_int_equal(hg_doublet_graph_create(ctx, &toy.hits, map, NULL, &d), HG_ERR_MODEL);
    assert_null(d);
    toy.hits.layer_barrel = toy_barrel;
    hg_doublet_map without = *map;
    hg_doublet_pair circle[2] = {map->pair[0], map->pair[0]};
    circle[1].inner = circle[0].outer;
    circle[1].outer = circle[0].inner;
    without.pair = circle;
    without.n_pairs = 2;
    assert_int_equal(hg_doublet_map_check(ctx, &without), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(ctx), "circle"));
}

static void luminous_length_is_seen_in_the_hits(void **state)
{
    (void)state;
    static const double truth[] = {5, 50};
    for (int k = 0; k < 2; ++k) {
        double sigma = 0;
        toy_make(&toy, 55, 800, 800, truth[k]);
        assert_int_equal(hg_luminous_sigma_z(ctx, &toy.hits, &sigma), HG_OK);
        assert_true(sigma > 0.7 * truth[k] && sigma < 1.5 * truth[k]);
        for (int threads = 1; threads <= 3; ++threads) {
            double again = 0;
            assert_int_equal(hg_context_set_threads(ctx, threads), HG_OK);
            assert_int_equal(hg_luminous_sigma_z(ctx, &toy.hits, &again), HG_OK);
            assert_memory_equal(&again, &sigma, sizeof sigma);
        }
        assert_int_equal(hg_context_set_threads(ctx, 2), HG_OK);
    }
    hg_doublet_map narrow = {.sigma_z_mm = 5}, wide = {.sigma_z_mm = 50};
    hg_doublet_map *maps[] = {&narrow, &wide};
    assert_ptr_equal(hg_doublet_map_select(maps, 2, 10), &narrow);
    assert_ptr_equal(hg_doublet_map_select(maps, 2, 20), &wide);
    assert_ptr_equal(hg_doublet_map_select(maps, 2, 0), &wide);
    assert_null(hg_doublet_map_select(maps, 0, 5));
}

static void out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    toy_make(&toy, 56, 30, 30, 5);
    toy_fail_at_each_allocation(ctx, &toy.hits, map, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learning_finds_the_layer_pairs),
        cmocka_unit_test(true_doublets_are_kept),
        cmocka_unit_test(grid_queries_find_all_hits_in_the_window),
        cmocka_unit_test(equally_far_overlaps_are_joined_once),
        cmocka_unit_test(only_doublets_are_neighbours),
        cmocka_unit_test(edges_are_those_of_brute_force),
        cmocka_unit_test(consistency_keeps_edges_with_a_matching_neighbour),
        cmocka_unit_test(doubtful_edges_need_better_neighbours),
        cmocka_unit_test(features_are_what_their_names_say),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(instruction_sets_change_nothing),
        cmocka_unit_test(corners_give_empty_graphs),
        cmocka_unit_test(bad_hits_and_maps_are_refused),
        cmocka_unit_test(luminous_length_is_seen_in_the_hits),
        cmocka_unit_test(out_of_memory_leaves_nothing),
    };
    hg_context_create(&ctx);
    hg_context_set_threads(ctx, 2);
    int failed = cmocka_run_group_tests(tests, learn_map, destroy_map);
    return failed + close_without_leaks(ctx);
}
