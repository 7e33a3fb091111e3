/* unit/truth.c — order and groups of hits, particle table, true doublets and targets on a hand-made event. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "hitgraph/truth.h"
#include "tests/near.h"
#include "tests/leaks.h"

enum { LAYERS = 6, MODULES = 2 * LAYERS, HITS = 200, PARTICLES = 12 };

static hg_context *ctx;
static hg_module module[MODULES];
static int32_t module_layer[MODULES];
static hg_layer layer[LAYERS];
static const hg_detector detector = {MODULES, LAYERS, module, module_layer, layer};

static int open_context(void **state)
{
    (void)state;
    for (int m = 0; m < MODULES; ++m) module_layer[m] = m / 2; /* two modules on each layer */
    return hg_context_create(&ctx) < 0;
}

static int close_context(void **state)
{
    (void)state;
    return close_without_leaks(ctx);
}

typedef struct small_event {
    hg_event event;
    uint64_t hit_id[HITS], of_hit[HITS], id[PARTICLES];
    double tx[HITS], ty[HITS], tz[HITS], tpx[HITS], tpy[HITS], tpz[HITS], weight[HITS];
    double vx[PARTICLES], vy[PARTICLES], vz[PARTICLES], px[PARTICLES], py[PARTICLES], pz[PARTICLES];
    int32_t ids[HITS], q[PARTICLES], nhits[PARTICLES];
    int64_t module[HITS];
} small_event;

static void join(small_event *e, int64_t n_hits, int64_t n_particles)
{
    e->event = (hg_event){.hits = {n_hits, e->hit_id, e->tx, e->ty, e->tz, e->ids, e->ids, e->ids},
                          .has_truth = true,
                          .has_particles = n_particles >= 0,
                          .truth = {e->of_hit, e->tx, e->ty, e->tz, e->tpx, e->tpy, e->tpz, e->weight},
                          .particles = {n_particles, e->id, e->vx, e->vy, e->vz, e->px, e->py, e->pz, e->q, e->nhits, NULL}};
}

/* One particle from (0, 0, 100) along x: modules 0 | 2 3 | 3 again | 4 | 2 once more; the rows are shuffled; one noise hit, one of an
 * unknown particle. */
static void fill_one(small_event *e)
{
    const double at[8] = {50, 10, 20, 21, 22, 30, 5, 7};
    const int64_t where[8] = {2, 0, 2, 3, 3, 4, 1, 1};
    memset(e, 0, sizeof *e);
    join(e, 8, 1);
    e->id[0] = 77 | 5u << 24;
    e->vz[0] = 100;
    e->px[0] = 3, e->py[0] = 4, e->pz[0] = 5 * sinh(1.5);
    e->vx[0] = 0.3, e->vy[0] = -0.4;
    for (int i = 0; i < 8; ++i) {
        e->of_hit[i] = i < 6 ? e->id[0] : i == 6 ? 0 : 999;
        e->tx[i] = at[i], e->tz[i] = 100;
        e->tpx[i] = 1;
        e->module[i] = where[i];
    }
}

static void hits_are_grouped_along_the_particle(void **state)
{
    (void)state;
    small_event e;
    hg_truth_order *order = NULL;
    fill_one(&e);
    assert_int_equal(hg_truth_order_create(ctx, &e.event, &detector, e.module, &order), HG_OK);
    const int32_t particle[8] = {0, 0, 0, 0, 0, 0, -1, -1}, layers[8] = {3, 0, 1, 1, 1, 2, -1, -1}, modules[8] = {4, 0, 1, 2, 2, 3, -1, -1};
    assert_memory_equal(order->particle, particle, sizeof particle);
    assert_memory_equal(order->layer_rank, layers, sizeof layers);
    assert_memory_equal(order->module_rank, modules, sizeof modules);
    assert_int_equal(order->n_hits_of[0], 6);
    assert_int_equal(order->n_layers_of[0], 3);
    assert_int_equal(order->generation[0], 5);
    assert_near(order->pt_gev[0], 5, 1e-12);
    assert_near(order->eta[0], 1.5, 1e-12);
    assert_near(order->phi[0], atan2(4, 3), 1e-12);
    assert_near(order->vertex_r_mm[0], 0.5, 1e-12);

    /* layerwise, both overlap hits link on and not to each other; modulewise the chain goes through both */
    assert_true(hg_truth_is_doublet_layerwise(order, 1, 2) && hg_truth_is_doublet_layerwise(order, 1, 3) &&
                hg_truth_is_doublet_layerwise(order, 2, 5));
    assert_false(hg_truth_is_doublet_layerwise(order, 2, 3) || hg_truth_is_doublet_layerwise(order, 2, 1) ||
                 hg_truth_is_doublet_layerwise(order, 1, 5));
    assert_true(hg_truth_is_doublet_modulewise(order, 2, 3) && hg_truth_is_doublet_modulewise(order, 2, 4) &&
                hg_truth_is_doublet_modulewise(order, 4, 5));
    assert_false(hg_truth_is_doublet_modulewise(order, 1, 3) || hg_truth_is_doublet_modulewise(order, 3, 4) ||
                 hg_truth_is_doublet_modulewise(order, 6, 7));

    hg_target target = {4.9, 4, 6, 3, false};
    assert_true(hg_truth_is_target(order, &target, 0));
    assert_false(hg_truth_is_target(order, &target, -1));
    const hg_target refused[] = {
        {5, 4, 6, 3, false}, {4.9, 1.5, 6, 3, false}, {4.9, 4, 7, 3, false}, {4.9, 4, 6, 4, false}, {4.9, 4, 6, 3, true}};
    for (int k = 0; k < 5; ++k) assert_false(hg_truth_is_target(order, &refused[k], 0));
    hg_truth_order_destroy(ctx, order);
}

static void without_a_table_the_innermost_hit_speaks(void **state)
{
    (void)state;
    small_event e;
    hg_truth_order *order = NULL;
    fill_one(&e);
    join(&e, 8, -1);
    e.tpx[1] = 2, e.tpy[1] = 0;
    assert_int_equal(hg_truth_order_create(ctx, &e.event, &detector, e.module, &order), HG_OK);
    assert_int_equal(order->n_particles, 2);
    assert_true(order->particle_id[0] == 999 && order->particle_id[1] == e.id[0]);
    assert_near(order->pt_gev[1], 2, 1e-12);
    assert_near(order->vertex_r_mm[1], 10, 1e-12);
    assert_int_equal(order->layer_rank[1], 0);
    assert_int_equal(order->layer_rank[0], 3);
    hg_truth_order_destroy(ctx, order);
}

/* Ranks by counting: the number of changes of layer (module) among the hits of the particle that come before. */
static void ranks_agree_with_counting(void **state)
{
    (void)state;
    static small_event e;
    for (uint64_t trial = 0; trial < 100; ++trial) {
        hg_random stream = hg_random_stream(9, 1, trial, 0);
        const int64_t n = hg_random_below(&stream, HITS + 1), kinds = hg_random_below(&stream, PARTICLES) + 1;
        memset(&e, 0, sizeof e);
        join(&e, n, kinds);
        for (int64_t p = 0; p < kinds; ++p) e.id[p] = (uint64_t)(1000 - 31 * p);
        for (int64_t i = 0; i < n; ++i) {
            const int64_t p = hg_random_below(&stream, kinds + 1);
            e.of_hit[i] = p == kinds ? 0 : e.id[p];
            e.tx[i] = (double)hg_random_below(&stream, 50), e.module[i] = hg_random_below(&stream, MODULES);
        }
        hg_truth_order *order = NULL;
        assert_int_equal(hg_truth_order_create(ctx, &e.event, &detector, e.module, &order), HG_OK);
        for (int64_t i = 0; i < n; ++i) {
            if (e.of_hit[i] == 0) continue;
            assert_true(order->particle_id[order->particle[i]] == e.of_hit[i]);
            int64_t before = -1; /* the hit of the particle just before i */
            for (int64_t j = 0; j < n; ++j) {
                const bool earlier = e.of_hit[j] == e.of_hit[i] && (e.tx[j] < e.tx[i] || (e.tx[j] == e.tx[i] && j < i));
                if (earlier && (before < 0 || e.tx[j] > e.tx[before] || (e.tx[j] == e.tx[before] && j > before))) before = j;
            }
            const int32_t layers = before < 0 ? 0 : order->layer_rank[before] + (e.module[before] / 2 != e.module[i] / 2);
            const int32_t modules = before < 0 ? 0 : order->module_rank[before] + (e.module[before] != e.module[i]);
            assert_int_equal(order->layer_rank[i], layers);
            assert_int_equal(order->module_rank[i], modules);
        }
        hg_truth_order_destroy(ctx, order);
    }
}

static void wrong_input_is_refused(void **state)
{
    (void)state;
    small_event e;
    hg_truth_order *order = NULL;
    fill_one(&e);
    e.module[3] = MODULES;
    assert_int_equal(hg_truth_order_create(ctx, &e.event, &detector, e.module, &order), HG_ERR_ARG);
    fill_one(&e);
    e.event.has_truth = false;
    assert_int_equal(hg_truth_order_create(ctx, &e.event, &detector, e.module, &order), HG_ERR_ARG);
    fill_one(&e);
    join(&e, 8, 2);
    e.id[1] = e.id[0];
    assert_int_equal(hg_truth_order_create(ctx, &e.event, &detector, e.module, &order), HG_ERR_DATA);
    fill_one(&e);
    e.event.hits.module_id = (int32_t[]){0, 0, 0, 0, 0, 0, 0, 9}; /* the detector's modules all have the ids 0 */
    assert_int_equal(hg_truth_order_create(ctx, &e.event, &detector, NULL, &order), HG_ERR_DATA);
    assert_null(order);
    join(&e, 0, 0);
    assert_int_equal(hg_truth_order_create(ctx, &e.event, &detector, e.module, &order), HG_OK);
    hg_truth_order_destroy(ctx, order);
    order = NULL;
    fill_one(&e);
    for (int64_t n = 0;; ++n) { /* every allocation fails once */
        hg_memory_fail_after(ctx, n);
        if (hg_truth_order_create(ctx, &e.event, &detector, e.module, &order) == HG_OK) break;
        assert_null(order);
    }
    hg_memory_fail_after(ctx, -1);
    hg_truth_order_destroy(ctx, order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hits_are_grouped_along_the_particle),
        cmocka_unit_test(without_a_table_the_innermost_hit_speaks),
        cmocka_unit_test(ranks_agree_with_counting),
        cmocka_unit_test(wrong_input_is_refused),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
