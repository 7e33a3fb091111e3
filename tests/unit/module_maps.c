/* module_maps.c — module maps learned from toy events, and the graphs that they give, against brute force over all triplets of hits. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/module_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "hitgraph/doublet_losses.h"
#include "tests/toy_map.h"

enum { N_MODULES = 110000, LEARNED = 4, PAIR = 4, TRIPLET = 10 };
static hg_module_triplets triplets; /* learned from the events 0 .. LEARNED - 1 of 60 particles */
static hg_module_map *modules;

static void toy_small(uint64_t number)
{
    toy_make(&toy, number, 60, 60, 5);
}

static hg_module_triplets learn(const hg_module_learn_options *options, int n_events)
{
    hg_module_learner *learner = NULL;
    hg_module_triplets t = {0};
    assert_int_equal(hg_module_learner_create(ctx, options, &learner), HG_OK);
    for (int i = 0; i < n_events; ++i) {
        toy_small((uint64_t)i);
        assert_int_equal(hg_module_learner_add(ctx, learner, &toy.hits, &toy.truth), HG_OK);
    }
    assert_int_equal(hg_module_learner_finish(ctx, learner, &t), HG_OK);
    hg_module_learner_destroy(ctx, learner);
    return t;
}

static int make_maps(void **state)
{
    if (learn_toy_map(state)) return 1;
    triplets = learn(NULL, LEARNED);
    return hg_module_map_create(ctx, &triplets, N_MODULES, 5, &modules) != HG_OK;
}

static int drop_maps(void **state)
{
    hg_module_map_destroy(ctx, modules);
    hg_module_triplets_clear(ctx, &triplets);
    return drop_toy_map(state);
}

static hg_doublet_options module_options(void)
{
    hg_doublet_options options = hg_doublet_default_options();
    options.mode = HG_DOUBLETS_MODULE_MAP;
    options.modules = modules;
    options.triplet_window = 0;
    return options;
}

static hg_doublet_graph *build(const hg_doublet_options *options)
{
    hg_doublet_graph *d = NULL;
    assert_int_equal(hg_doublet_graph_create(ctx, &toy.hits, map, options, &d), HG_OK);
    return d;
}

/* ---- the definitions once more ---- */

typedef struct hit {
    float x, y, z, r, phi;
} hit;

static hit hit_of(int32_t i)
{
    return (hit){(float)toy.x[i], (float)toy.y[i], (float)toy.z[i], (float)hypot(toy.x[i], toy.y[i]), (float)atan2(toy.y[i], toy.x[i])};
}

static void pair_values(int32_t i, int32_t j, float v[PAIR])
{
    const hit a = hit_of(i), b = hit_of(j);
    const float dr = b.r - a.r;
    float dphi = b.phi - a.phi;
    if (dphi > 3.14159265f) dphi -= 6.28318531f;
    if (dphi < -3.14159265f) dphi += 6.28318531f;
    v[0] = a.z - a.r * (b.z - a.z) / dr;
    v[1] = dphi;
    v[2] = dphi / dr;
    v[3] = asinhf(a.z / a.r) - asinhf(b.z / b.r);
}

static bool triplet_holds(const float *window, float scale, int32_t i, int32_t j, int32_t k)
{
    const hit a = hit_of(i), b = hit_of(j), c = hit_of(k);
    float v[TRIPLET];
    pair_values(i, j, v);
    pair_values(j, k, v + PAIR);
    v[8] = (b.z - a.z) / (b.r - a.r) - (c.z - b.z) / (c.r - b.r);
    v[9] = (b.y - a.y) / (a.x - b.x) - (b.y - c.y) / (b.x - c.x);
    for (int n = 0; n < TRIPLET; ++n) {
        const float more = 0.5f * (scale - 1) * (window[2 * n] - window[2 * n + 1]);
        if (!(v[n] < window[2 * n] + more && v[n] > window[2 * n + 1] - more)) return false;
    }
    return true;
}

/* A layer pair of the map, going outward, for overlaps towards larger r or |z|. */
static bool goes(int32_t i, int32_t j)
{
    const hit a = hit_of(i), b = hit_of(j);
    bool joined = false;
    for (int32_t p = 0; p < map->n_pairs; ++p)
        joined = joined || (map->pair[p].inner == toy.layer[i] && map->pair[p].outer == toy.layer[j]);
    if (!joined) return false;
    if (toy.layer[i] != toy.layer[j]) return b.r > a.r && a.x * (b.x - a.x) + a.y * (b.y - a.y) >= 0;
    const float outward = toy_barrel[toy.layer[i]] ? b.r - a.r : fabsf(b.z) - fabsf(a.z);
    return outward > 0 || (outward == 0 && i < j);
}

/* edge: [n hits, n hits] 1 = in a triplet */
static void mark_by_brute_force(float scale, uint8_t *edge)
{
    const int64_t n = toy.hits.n;
    for (int64_t t = 0; t < triplets.n; ++t) {
        const uint64_t *m = triplets.module + 3 * t;
        for (int32_t j = 0; j < n; ++j) {
            if ((uint64_t)toy.module[j] != m[1]) continue;
            for (int32_t i = 0; i < n; ++i) {
                if ((uint64_t)toy.module[i] != m[0] || !goes(i, j)) continue;
                for (int32_t k = 0; k < n; ++k) {
                    if ((uint64_t)toy.module[k] != m[2] || !goes(j, k)) continue;
                    if (triplet_holds(triplets.window + t * HG_MODULE_TRIPLET_WINDOW, scale, i, j, k))
                        edge[i * n + j] = edge[j * n + k] = 1;
                }
            }
        }
    }
}

static void edges_are_those_of_brute_force(void **state)
{
    (void)state;
    static const float scale[] = {1, 0.5f, 2.5f};
    for (int trial = 0; trial < 6; ++trial) {
        hg_doublet_options options = module_options();
        options.window_scale = (double)scale[trial % 3];
        toy_small(trial < 3 ? (uint64_t)trial : 90); /* learned from, or not */
        const int64_t n = toy.hits.n;
        uint8_t *edge = test_calloc((size_t)(n * n), 1);
        mark_by_brute_force(scale[trial % 3], edge);
        hg_doublet_graph *d = build(&options);
        int64_t expected = 0;
        for (int64_t k = 0; k < n * n; ++k) expected += edge[k];
        assert_int_equal(d->graph->n_edges, expected);
        for (int64_t e = 0; e < d->graph->n_edges; ++e) assert_true(edge[d->graph->sender[e] * n + d->graph->receiver[e]]);
        assert_true(trial >= 3 || expected > 60);
        hg_doublet_graph_destroy(ctx, d);
        test_free(edge);
    }
}

/* Without the condition on triplets: the union of the boxes of a pair. */
static void pairs_alone_are_those_of_brute_force(void **state)
{
    (void)state;
    hg_doublet_options options = module_options();
    options.module_triplets = false;
    options.overlaps = false;
    toy_small(1);
    hg_doublet_graph *d = build(&options);
    int64_t at = 0;
    for (int32_t j = 0; j < toy.hits.n; ++j) {
        for (int32_t i = 0; i < toy.hits.n; ++i) {
            float high[PAIR], low[PAIR], v[PAIR];
            bool inside = toy.layer[i] != toy.layer[j] && goes(i, j);
            for (int k = 0; k < PAIR; ++k) high[k] = -INFINITY, low[k] = INFINITY;
            for (int64_t t = 0; t < triplets.n; ++t) {
                for (int side = 0; side < 2; ++side) {
                    const uint64_t *m = triplets.module + 3 * t + side;
                    const float *w = triplets.window + t * HG_MODULE_TRIPLET_WINDOW + 8 * side;
                    if (m[0] != (uint64_t)toy.module[i] || m[1] != (uint64_t)toy.module[j]) continue;
                    for (int k = 0; k < PAIR; ++k) high[k] = fmaxf(high[k], w[2 * k]), low[k] = fminf(low[k], w[2 * k + 1]);
                }
            }
            pair_values(i, j, v);
            for (int k = 0; k < PAIR; ++k) inside = inside && v[k] < high[k] && v[k] > low[k];
            if (!inside) continue;
            assert_true(at < d->graph->n_edges);
            assert_int_equal(d->graph->sender[at], i);
            assert_int_equal(d->graph->receiver[at++], j);
        }
    }
    assert_int_equal(at, d->graph->n_edges);
    assert_true(at > 60);
    hg_doublet_graph_destroy(ctx, d);
}

/* With efficiency 1 no doublet of a target on three layers is lost in the events that were learned from. */
static void what_was_learned_from_is_found(void **state)
{
    (void)state;
    const hg_doublet_options options = module_options();
    int64_t fate[HG_DOUBLET_FATES] = {0};
    for (int number = 0; number < LEARNED; ++number) {
        hg_doublet_fates fates = {0};
        toy_small((uint64_t)number);
        hg_doublet_graph *d = build(&options);
        assert_int_equal(hg_doublet_fates_find(ctx, &toy.hits, &toy.truth, map, &options, d, &fates), HG_OK);
        for (int64_t k = 0; k < fates.n; ++k) {
            const int32_t p = toy.particle[fates.hit[2 * k]];
            bool three_layers = false;
            for (int64_t i = 0; i < toy.hits.n; ++i) three_layers = three_layers || (toy.particle[i] == p && toy.layer_rank[i] == 2);
            if (three_layers) ++fate[fates.fate[k]];
        }
        hg_doublet_fates_clear(ctx, &fates);
        hg_doublet_graph_destroy(ctx, d);
    }
    assert_true(fate[HG_DOUBLET_FOUND] > 400);
    assert_int_equal(fate[HG_DOUBLET_NO_MODULES] + fate[HG_DOUBLET_SCORE] + fate[HG_DOUBLET_WINDOW], 0);
}

/* In another event modules are met that no track joined, and that is said. */
static void causes_of_losses_are_told_apart(void **state)
{
    (void)state;
    hg_doublet_options options = module_options();
    hg_doublet_fates fates = {0};
    toy_make(&toy, 200, 300, 60, 5);
    hg_doublet_graph *d = build(&options);
    assert_int_equal(hg_doublet_fates_find(ctx, &toy.hits, &toy.truth, map, &options, d, &fates), HG_OK);
    for (int64_t k = 0; k < fates.n; ++k) {
        if (fates.fate[k] != HG_DOUBLET_NO_MODULES && fates.fate[k] != HG_DOUBLET_SCORE) continue;
        bool known = false;
        for (int64_t t = 0; t < triplets.n; ++t) {
            const uint64_t *m = triplets.module + 3 * t, a = (uint64_t)toy.module[fates.hit[2 * k]],
                           b = (uint64_t)toy.module[fates.hit[2 * k + 1]];
            known = known || (m[0] == a && m[1] == b) || (m[1] == a && m[2] == b);
        }
        if (toy.layer[fates.hit[2 * k]] != toy.layer[fates.hit[2 * k + 1]])
            assert_int_equal(fates.fate[k], known ? HG_DOUBLET_SCORE : HG_DOUBLET_NO_MODULES);
    }
    hg_doublet_fates_clear(ctx, &fates);
    hg_doublet_graph_destroy(ctx, d);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    hg_doublet_options options = module_options();
    options.triplet_window = 1.5;
    hg_doublet_graph *first = NULL;
    for (int threads = 1; threads <= 4; ++threads) {
        assert_int_equal(hg_context_set_threads(ctx, threads), HG_OK);
        toy_small(2);
        hg_doublet_graph *d = build(&options);
        if (first) {
            toy_assert_same_graphs(first, d);
            hg_doublet_graph_destroy(ctx, d);
        } else {
            first = d;
        }
    }
    assert_true(first->graph->n_edges > 60);
    hg_doublet_graph_destroy(ctx, first);
    assert_int_equal(hg_context_set_threads(ctx, 2), HG_OK);
}

/* ---- learning ---- */

static void assert_same_triplets(const hg_module_triplets *a, const hg_module_triplets *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->module, b->module, (size_t)a->n * 3 * sizeof *a->module);
    assert_memory_equal(a->occurrence, b->occurrence, (size_t)a->n * sizeof *a->occurrence);
    assert_memory_equal(a->window, b->window, (size_t)a->n * HG_MODULE_TRIPLET_WINDOW * sizeof *a->window);
}

/* Events in another order, and looking at what was learned in between, change nothing. */
static void order_of_events_does_not_matter(void **state)
{
    (void)state;
    hg_module_learner *learner = NULL;
    hg_module_triplets t = {0};
    assert_int_equal(hg_module_learner_create(ctx, NULL, &learner), HG_OK);
    for (int i = LEARNED - 1; i >= 0; --i) {
        toy_small((uint64_t)i);
        assert_int_equal(hg_module_learner_add(ctx, learner, &toy.hits, &toy.truth), HG_OK);
        hg_module_triplets_clear(ctx, &t);
        assert_int_equal(hg_module_learner_finish(ctx, learner, &t), HG_OK);
    }
    assert_same_triplets(&triplets, &t);
    hg_module_triplets_clear(ctx, &t);
    hg_module_learner_destroy(ctx, learner);
}

static void threads_learn_the_same(void **state)
{
    (void)state;
    hg_module_triplets one = learn(NULL, 40);
    for (int threads = 1; threads <= 4; ++threads) {
        assert_int_equal(hg_context_set_threads(ctx, threads), HG_OK);
        hg_module_triplets t = learn(NULL, 40);
        assert_same_triplets(&one, &t);
        hg_module_triplets_clear(ctx, &t);
    }
    assert_int_equal(hg_context_set_threads(ctx, 2), HG_OK);
    hg_module_triplets_clear(ctx, &one);
}

static void rare_triplets_are_left_out(void **state)
{
    (void)state;
    hg_module_learn_options options = hg_module_default_learn_options();
    int64_t all = 0, single = 0, often = 0;
    hg_module_triplets many = learn(&options, 40);
    for (int64_t k = 0; k < many.n; ++k) {
        all += many.occurrence[k];
        single += many.occurrence[k] == 1;
        often += many.occurrence[k] >= 3;
    }
    assert_true(single > 0 && often > 0);
    options.fewest = 3;
    hg_module_triplets some = learn(&options, 40);
    assert_int_equal(some.n, often);
    hg_module_triplets_clear(ctx, &some);
    /* just as many may go as there are single ones */
    options = hg_module_default_learn_options();
    options.efficiency = 1 - ((double)single + 0.5) / (double)all;
    some = learn(&options, 40);
    assert_int_equal(some.n, many.n - single);
    hg_module_triplets_clear(ctx, &some);
    options.efficiency = 1 - ((double)single - 0.5) / (double)all;
    some = learn(&options, 40);
    assert_int_equal(some.n, many.n);
    hg_module_triplets_clear(ctx, &some);
    hg_module_triplets_clear(ctx, &many);
}

static void learning_needs_tracks(void **state)
{
    (void)state;
    hg_module_learner *learner = NULL;
    hg_module_triplets t = {0};
    assert_int_equal(hg_module_learner_create(ctx, NULL, &learner), HG_OK);
    toy_make(&toy, 3, 0, 50, 5);
    assert_int_equal(hg_module_learner_add(ctx, learner, &toy.hits, &toy.truth), HG_OK);
    assert_int_equal(hg_module_learner_finish(ctx, learner, &t), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(ctx), "no triplet of modules"));
    hg_module_learner_destroy(ctx, learner);
    const hg_module_learn_options wrong = {.efficiency = 0, .fewest = 1};
    assert_int_equal(hg_module_learner_create(ctx, &wrong, &learner), HG_ERR_ARG);
}

/* ---- the map itself ---- */

static void lists_come_back_sorted(void **state)
{
    (void)state;
    hg_module_triplets t = {0}, reversed = {0};
    hg_module_map *again = NULL;
    assert_int_equal(hg_module_map_list(ctx, modules, &t), HG_OK);
    assert_same_triplets(&triplets, &t);
    assert_int_equal(hg_module_map_list(ctx, modules, &reversed), HG_OK);
    for (int64_t k = 0; k < t.n; ++k) {
        const int64_t from = t.n - 1 - k;
        memcpy(reversed.module + 3 * k, t.module + 3 * from, 3 * sizeof *t.module);
        memcpy(reversed.window + HG_MODULE_TRIPLET_WINDOW * k, t.window + HG_MODULE_TRIPLET_WINDOW * from,
               HG_MODULE_TRIPLET_WINDOW * sizeof *t.window);
        reversed.occurrence[k] = t.occurrence[from];
    }
    assert_int_equal(hg_module_map_create(ctx, &reversed, N_MODULES, 5, &again), HG_OK);
    hg_module_triplets_clear(ctx, &t);
    assert_int_equal(hg_module_map_list(ctx, again, &t), HG_OK);
    assert_same_triplets(&triplets, &t);
    hg_module_triplets_clear(ctx, &t);
    hg_module_triplets_clear(ctx, &reversed);
    hg_module_map_destroy(ctx, again);
}

static void bad_triplets_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint64_t module[6];
        float low;
        const char *says;
    } mistake[] = {{{0, 1, 2, 0, 1, 2}, 0, "listed twice"},
                   {{0, 1, 2, 1, 2, 1}, 0, "expected three of 0 .. 4"},
                   {{0, 1, 2, 1, 2, 5}, 0, "expected three of 0 .. 4"},
                   {{0, 1, 2, 1, 2, 3}, 2, "triplet 0: box from 2 to 1"},
                   {{0, 1, 2, 1, 2, 3}, NAN, "triplet 0: box from"}};
    hg_module_map *none = NULL;
    for (size_t k = 0; k < sizeof mistake / sizeof *mistake; ++k) {
        uint64_t module[6];
        int64_t occurrence[2] = {1, 1};
        float window[2 * HG_MODULE_TRIPLET_WINDOW];
        memcpy(module, mistake[k].module, sizeof module);
        for (int w = 0; w < 2 * HG_MODULE_TRIPLET_WINDOW; ++w) window[w] = w % 2 ? mistake[k].low : 1;
        const hg_module_triplets t = {.n = 2, .module = module, .occurrence = occurrence, .window = window};
        assert_int_equal(hg_module_map_create(ctx, &t, 5, 5, &none), HG_ERR_DATA);
        assert_non_null(strstr(hg_context_message(ctx), mistake[k].says));
    }
    assert_null(none);
}

static void wrong_use_is_refused(void **state)
{
    (void)state;
    hg_doublet_options options = module_options();
    hg_doublet_graph *d = NULL;
    toy_small(0);
    options.modules = NULL;
    assert_int_equal(hg_doublet_graph_create(ctx, &toy.hits, map, &options, &d), HG_ERR_ARG);
    options.modules = modules;
    toy.module[9] = N_MODULES;
    assert_int_equal(hg_doublet_graph_create(ctx, &toy.hits, map, &options, &d), HG_ERR_MODEL);
    assert_non_null(strstr(hg_context_message(ctx), "a module map of another detector: hit row 9"));
    assert_null(d);
}

static void out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    const hg_doublet_options options = module_options();
    toy_small(0);
    toy_fail_at_each_allocation(ctx, &toy.hits, map, &options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_are_those_of_brute_force), cmocka_unit_test(pairs_alone_are_those_of_brute_force),
        cmocka_unit_test(what_was_learned_from_is_found), cmocka_unit_test(causes_of_losses_are_told_apart),
        cmocka_unit_test(threads_change_nothing),         cmocka_unit_test(order_of_events_does_not_matter),
        cmocka_unit_test(threads_learn_the_same),         cmocka_unit_test(rare_triplets_are_left_out),
        cmocka_unit_test(learning_needs_tracks),          cmocka_unit_test(lists_come_back_sorted),
        cmocka_unit_test(bad_triplets_are_refused),       cmocka_unit_test(wrong_use_is_refused),
        cmocka_unit_test(out_of_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, make_maps, drop_maps);
}
