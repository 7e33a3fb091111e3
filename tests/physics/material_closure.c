/* physics/material_closure.c — losses and thickness of material come back from simulated events in which they are known. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "hitgraph/calibration.h"
#include "tests/simulated.h"

enum { EVENTS = 2, PIONS = 1000, VOLUMES = 9 };
static const double sigma[2] = {0.010, 0.050}; /* mm */

static hg_calibration_event input[EVENTS];
static hg_resolution volume[VOLUMES];
static const hg_calibration calibration = {VOLUMES, volume};

/* Hits lie where truth says, plus Gaussian errors. */
static void smear(hg_event *event, const int64_t *module, uint64_t seed)
{
    hg_random random = hg_random_stream(seed, 7, 0, 0);
    hg_hits *h = &event->hits;
    for (int64_t i = 0; i < h->n; ++i) {
        const double *r = detector->modules[module[i]].rotation;
        const double u = sigma[0] * hg_random_normal(&random), v = sigma[1] * hg_random_normal(&random);
        h->x[i] = event->truth.tx[i] + r[0] * u + r[1] * v;
        h->y[i] = event->truth.ty[i] + r[3] * u + r[4] * v;
        h->z[i] = event->truth.tz[i] + r[6] * u + r[7] * v;
    }
}

static int open_events(void **state)
{
    static const int32_t id[VOLUMES] = {7, 8, 9, 12, 13, 14, 16, 17, 18};
    hg_simulate_options options = hg_simulate_default_options();
    if (set_up(state) != 0) return 1;
    options.gun.n = PIONS;
    options.gun.pdg = 211;
    options.gun.pt_gev[0] = 1;
    options.gun.pt_gev[1] = 3;
    for (int i = 0; i < VOLUMES; ++i) volume[i] = (hg_resolution){.volume_id = id[i], .sigma = {{sigma[0]}, {sigma[1]}}};
    for (int e = 0; e < EVENTS; ++e) {
        int64_t *module = NULL;
        hg_truth_order *order = NULL;
        hg_event *event = simulated(&options, 5, (uint64_t)e);
        if (!event || hg_alloc(ctx, &module, event->hits.n) < 0) return 1;
        const hg_hits *h = &event->hits;
        for (int64_t i = 0; i < h->n; ++i) module[i] = hg_detector_find(detector, h->volume_id[i], h->layer_id[i], h->module_id[i]);
        if (hg_truth_order_create(ctx, event, detector, module, &order) < 0) return 1;
        smear(event, module, (uint64_t)e);
        input[e] = (hg_calibration_event){event, module, order};
    }
    return 0;
}

static int close_events(void **state)
{
    for (int e = 0; e < EVENTS; ++e) {
        hg_event_destroy(ctx, (hg_event *)input[e].event);
        hg_free(ctx, (void *)input[e].hit_module);
        hg_truth_order_destroy(ctx, (hg_truth_order *)input[e].order);
    }
    return tear_down(state);
}

/* The simulated material with everything scaled. */
static hg_material *changed(double thickness, double loss)
{
    hg_material *made = NULL;
    assert_int_equal(hg_material_create(ctx, material->surface, material->n, &made), HG_OK);
    for (int64_t i = 0; i < made->n; ++i) {
        made->surface[i].x_over_x0 *= thickness;
        made->surface[i].loss_mev *= loss;
    }
    return made;
}

/* From twice and half of the true losses alike; a surface without loss gets none. */
static void losses_are_recovered(void **state)
{
    (void)state;
    for (int k = 0; k < 2; ++k) {
        hg_material *wrong = changed(1.0, k ? 2.0 : 0.5), *learned = NULL;
        const hg_kalman kalman = {.detector = detector, .field = field, .material = wrong, .options = hg_kalman_default_options()};
        wrong->surface[3].loss_mev = 0.0;
        assert_int_equal(hg_material_learn(ctx, &kalman, input, EVENTS, 0.3, &learned), HG_OK);
        for (int64_t i = 0; i < 3; ++i) { /* alone between two hits */
            const double ratio = learned->surface[i].loss_mev / material->surface[i].loss_mev;
            printf("    surface at %.3f mm: learned / true loss %.3f\n", material->surface[i].position, ratio);
            assert_true(fabs(ratio - 1.0) < 0.03);
        }
        assert_true(learned->surface[3].loss_mev == 0.0);
        hg_material_destroy(ctx, learned);
        hg_material_destroy(ctx, wrong);
    }
}

/* x/X0 of the layers of the pixel and of the short-strip barrel together, learned over true. */
static void ratios(const hg_material *learned, double ratio[2])
{
    double true_sum[2] = {0, 0}, sum[2] = {0, 0};
    for (int64_t i = 0; i < material->n; ++i) {
        const hg_material_surface *s = &material->surface[i];
        if (!s->cylinder || s->position < 30.0 || s->position == 200.0) continue;
        const int which = s->position > 200.0;
        true_sum[which] += s->x_over_x0;
        sum[which] += learned->surface[i].x_over_x0;
    }
    for (int k = 0; k < 2; ++k) ratio[k] = sum[k] / true_sum[k];
}

static void thickness_is_recovered_from_pulls(void **state)
{
    (void)state;
    static const double start[2] = {0.8, 1.3};
    for (int k = 0; k < 2; ++k) {
        hg_material *wrong = changed(start[k], 1.0), *learned = NULL;
        hg_kalman kalman = {.detector = detector, .field = field, .material = wrong, .options = hg_kalman_default_options()};
        double ratio[2];
        kalman.calibration = &calibration;
        assert_int_equal(hg_material_learn_pulls(ctx, &kalman, input, EVENTS, 1.0, &learned), HG_OK);
        ratios(learned, ratio);
        printf("    from %.1f of the thickness: learned / true x/X0 of pixel barrel %.3f, strip barrels %.3f\n", start[k], ratio[0],
               ratio[1]);
        for (int b = 0; b < 2; ++b) assert_true(fabs(ratio[b] - 1.0) < 0.1);
        for (int64_t i = 0; i < material->n; ++i) {
            assert_true(learned->surface[i].loss_mev == wrong->surface[i].loss_mev);
            assert_true(learned->surface[i].position == wrong->surface[i].position);
        }
        hg_material_destroy(ctx, learned);
        hg_material_destroy(ctx, wrong);
    }
}

/* Neighbours are scaled together, and the number of threads changes no bit. */
static void groups_share_a_factor_with_any_threads(void **state)
{
    (void)state;
    hg_material *learned[2] = {NULL, NULL};
    hg_kalman kalman = {.detector = detector, .field = field, .material = material, .options = hg_kalman_default_options()};
    kalman.calibration = &calibration;
    for (int k = 0; k < 2; ++k) {
        assert_int_equal(hg_context_set_threads(ctx, k + 1), HG_OK);
        assert_int_equal(hg_material_learn_pulls(ctx, &kalman, input, 1, 1.0, &learned[k]), HG_OK);
    }
    assert_memory_equal(learned[0]->surface, learned[1]->surface, (size_t)material->n * sizeof *material->surface);
    const double factor = learned[0]->surface[1].x_over_x0 / material->surface[1].x_over_x0;
    assert_true(factor != 1.0);
    for (int64_t i = 2; i < 5; ++i) /* the other pixel layers */
        assert_true(fabs(learned[0]->surface[i].x_over_x0 / material->surface[i].x_over_x0 / factor - 1.0) < 1e-12);
    for (int k = 0; k < 2; ++k) hg_material_destroy(ctx, learned[k]);
}

/* No particle is fast enough to be looked at. */
static void without_tracks_all_stays_as_it_is(void **state)
{
    (void)state;
    hg_material *learned = NULL;
    hg_kalman kalman = {.detector = detector, .field = field, .material = material, .options = hg_kalman_default_options()};
    kalman.calibration = &calibration;
    assert_int_equal(hg_material_learn_pulls(ctx, &kalman, input, EVENTS, 1e6, &learned), HG_OK);
    assert_memory_equal(learned->surface, material->surface, (size_t)material->n * sizeof *material->surface);
    hg_material_destroy(ctx, learned);
}

static void what_cannot_be_learned_is_refused(void **state)
{
    (void)state;
    hg_material *learned = NULL;
    hg_event blind = *input[0].event;
    hg_calibration_event item = input[0];
    hg_kalman kalman = {.detector = detector, .field = field, .calibration = &calibration, .options = hg_kalman_default_options()};
    assert_int_equal(hg_material_learn_pulls(ctx, &kalman, input, 1, 1.0, &learned), HG_ERR_ARG);
    kalman.material = material;
    item.event = &blind;
    blind.has_particles = false;
    assert_int_equal(hg_material_learn_pulls(ctx, &kalman, &item, 1, 1.0, &learned), HG_ERR_ARG);
    assert_null(learned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_recovered),
        cmocka_unit_test(thickness_is_recovered_from_pulls),
        cmocka_unit_test(groups_share_a_factor_with_any_threads),
        cmocka_unit_test(without_tracks_all_stays_as_it_is),
        cmocka_unit_test(what_cannot_be_learned_is_refused),
    };
    return cmocka_run_group_tests(tests, open_events, close_events);
}
