/* simulate.c — the event simulator's promises: reproducible, complete, on its modules; gun; errors. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "hitgraph/trackml.h"
#include "tests/near.h"
#include "tests/simulated.h"

static void assert_same(const void *a, const void *b, int64_t n, size_t size)
{
    assert_memory_equal(a, b, (size_t)n * size);
}

static void assert_same_event(const hg_event *a, const hg_event *b)
{
    const int64_t n = a->hits.n, m = a->particles.n;
    assert_int_equal(n, b->hits.n);
    assert_int_equal(m, b->particles.n);
    assert_int_equal(a->cells.n, b->cells.n);
    assert_same(a->hits.x, b->hits.x, n, sizeof(double));
    assert_same(a->hits.y, b->hits.y, n, sizeof(double));
    assert_same(a->hits.z, b->hits.z, n, sizeof(double));
    assert_same(a->hits.module_id, b->hits.module_id, n, sizeof(int32_t));
    assert_same(a->truth.particle_id, b->truth.particle_id, n, sizeof(uint64_t));
    assert_same(a->truth.tpx, b->truth.tpx, n, sizeof(double));
    assert_same(a->truth.weight, b->truth.weight, n, sizeof(double));
    assert_same(a->cells.offset, b->cells.offset, n + 1, sizeof(int64_t));
    assert_same(a->cells.ch0, b->cells.ch0, a->cells.n, sizeof(int32_t));
    assert_same(a->cells.value, b->cells.value, a->cells.n, sizeof(float));
    assert_same(a->particles.particle_id, b->particles.particle_id, m, sizeof(uint64_t));
    assert_same(a->particles.px, b->particles.px, m, sizeof(double));
    assert_same(a->particles.nhits, b->particles.nhits, m, sizeof(int32_t));
}

static void same_seed_same_event_for_any_number_of_threads(void **state)
{
    (void)state;
    hg_simulate_options options = hg_simulate_default_options();
    options.pileup = 10;
    hg_event *first = NULL;
    for (int threads = 1; threads <= 4; ++threads) {
        hg_context_set_threads(ctx, threads);
        hg_event *event = simulated(&options, 5, 7);
        assert_non_null(event);
        if (first) assert_same_event(first, event);
        if (!first) first = event;
        if (first != event) hg_event_destroy(ctx, event);
    }
    hg_context_set_threads(ctx, 2);
    hg_event *other = simulated(&options, 6, 7);
    assert_non_null(other);
    assert_true(other->hits.n != first->hits.n || memcmp(other->hits.x, first->hits.x, sizeof(double)) != 0);
    hg_event_destroy(ctx, other);
    hg_event_destroy(ctx, first);
}

static double distance_from_plane(const hg_module *m, double x, double y, double z)
{
    return fabs(m->rotation[2] * (x - m->center[0]) + m->rotation[5] * (y - m->center[1]) + m->rotation[8] * (z - m->center[2]));
}

static void hits_are_complete_and_lie_on_their_modules(void **state)
{
    (void)state;
    hg_simulate_options options = hg_simulate_default_options();
    options.pileup = 10;
    hg_event *event = simulated(&options, 1, 0);
    assert_non_null(event);
    double weight = 0;
    int64_t owned = 0, previous = -1;
    for (int64_t i = 0; i < event->hits.n; ++i) {
        const int64_t m = hg_detector_find(detector, event->hits.volume_id[i], event->hits.layer_id[i], event->hits.module_id[i]);
        assert_true(m >= previous); /* hits go by volume, layer, module */
        previous = m;
        assert_int_equal(event->hits.hit_id[i], i + 1);
        assert_true(distance_from_plane(&detector->modules[m], event->hits.x[i], event->hits.y[i], event->hits.z[i]) < 1e-3);
        assert_true(distance_from_plane(&detector->modules[m], event->truth.tx[i], event->truth.ty[i], event->truth.tz[i]) < 1e-3);
        assert_true(event->cells.offset[i + 1] > event->cells.offset[i]);
        weight += event->truth.weight[i];
        owned += event->truth.particle_id[i] != 0;
    }
    assert_near(weight, 1, 1e-9);
    for (int64_t i = 0; i < event->particles.n; ++i) owned -= event->particles.nhits[i];
    assert_int_equal(owned, 0); /* every hit's particle is listed, and nhits counts them */
    hg_event_destroy(ctx, event);
}

/* A muon without scattering and loss in a uniform field: its hits lie on the helix of PHYSICS 1.2, computed here on its own. */
static void gun_muons_follow_the_helix(void **state)
{
    (void)state;
    hg_field *uniform = NULL;
    assert_int_equal(hg_field_create_constant(ctx, 2, &uniform), HG_OK);
    hg_simulate_options options = hg_simulate_default_options();
    options.gun.n = 50;
    options.gun.d0_mm[0] = -1;
    options.gun.d0_mm[1] = 1;
    options.gun.z0_mm[0] = -50;
    options.gun.z0_mm[1] = 50;
    hg_event *event = NULL;
    assert_int_equal(hg_simulate_event(ctx, &options, detector, uniform, NULL, 3, 0, &event), HG_OK);
    const hg_particles *p = &event->particles;
    assert_int_equal(p->n, 50);
    int64_t checked = 0;
    for (int64_t k = 0; k < p->n; ++k) {
        const double pt = hypot(p->px[k], p->py[k]), kappa = -0.299792458e-3 * 2 * p->q[k] / pt;
        /* d0 of the perigee and the momentum's angle are at right angles */
        assert_near(p->vx[k] * p->px[k] + p->vy[k] * p->py[k], 0, 1e-5 * pt);
        const double cx = p->vx[k] - p->py[k] / pt / kappa, cy = p->vy[k] + p->px[k] / pt / kappa; /* centre of the circle */
        for (int64_t i = 0; i < event->hits.n; ++i) {
            if (event->truth.particle_id[i] != p->particle_id[k]) continue;
            const double *tx = event->truth.tx, *ty = event->truth.ty;
            assert_near(hypot(tx[i] - cx, ty[i] - cy) * fabs(kappa), 1, 2e-3 * fabs(kappa));
            const double chord = hypot(tx[i] - p->vx[k], ty[i] - p->vy[k]), s = 2 * asin(chord * fabs(kappa) / 2) / fabs(kappa);
            assert_near(event->truth.tz[i], p->vz[k] + s * p->pz[k] / pt, 5e-3);
            ++checked;
        }
        assert_true(p->nhits[k] >= 6);
    }
    assert_true(checked > 400);
    hg_event_destroy(ctx, event);
    hg_field_destroy(ctx, uniform);
}

static void parts_can_be_switched_off(void **state)
{
    (void)state;
    hg_simulate_options options = hg_simulate_default_options();
    options.pileup = 2;
    options.interactions = false;
    options.decays = false;
    options.noise_per_module = 0;
    options.gaussian_hits = true;
    hg_event *event = simulated(&options, 1, 0);
    assert_non_null(event);
    assert_false(event->has_cells);
    for (int64_t i = 0; i < event->hits.n; ++i) assert_true(event->truth.particle_id[i] != 0);
    for (int64_t i = 0; i < event->particles.n; ++i) {
        assert_int_equal(event->particles.particle_id[i] >> 24 & 0xfff, 0);
        assert_true(hypot(event->particles.vx[i], event->particles.vy[i]) < 0.2);
    }
    hg_event_destroy(ctx, event);
    options.multiplicity = 0; /* an empty event is an event */
    event = simulated(&options, 1, 0);
    assert_non_null(event);
    assert_int_equal(event->hits.n, 0);
    hg_event_destroy(ctx, event);
}

/* What is written is read back to the same bits. */
static void files_keep_every_bit(void **state)
{
    (void)state;
    char directory[] = "/tmp/hitgraph-simulate-XXXXXX", path[128];
    static const char *const parts[] = {"hits", "cells", "truth", "particles"};
    assert_non_null(mkdtemp(directory));
    hg_simulate_options options = hg_simulate_default_options();
    options.pileup = 3;
    hg_event *event = simulated(&options, 4, 12), *back = NULL;
    hg_event_list *list = NULL;
    assert_non_null(event);
    assert_int_equal(hg_trackml_write(ctx, event, directory, false), HG_OK);
    assert_int_equal(hg_event_list_create(ctx, directory, &list), HG_OK);
    assert_int_equal(list->n, 1);
    assert_int_equal(list->source[0].event_id, 12);
    assert_int_equal(hg_event_read(ctx, &list->source[0], HG_PART_ALL, &back), HG_OK);
    assert_same_event(event, back);
    hg_event_list_destroy(ctx, list);
    hg_event_destroy(ctx, back);
    hg_event_destroy(ctx, event);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i) {
        snprintf(path, sizeof path, "%s/event000000012-%s.csv", directory, parts[i]);
        assert_int_equal(remove(path), 0);
    }
    assert_int_equal(remove(directory), 0);
}

static void wrong_options_and_modules_are_refused(void **state)
{
    (void)state;
    hg_simulate_options options = hg_simulate_default_options();
    hg_event *event = NULL;
    options.pileup = -1;
    assert_int_equal(hg_simulate_event(ctx, &options, detector, field, material, 1, 0, &event), HG_ERR_ARG);
    options = hg_simulate_default_options();
    options.gun.n = 1;
    options.gun.pdg = 22;
    assert_int_equal(hg_simulate_event(ctx, &options, detector, field, material, 1, 0, &event), HG_ERR_ARG);
    options = hg_simulate_default_options();
    hg_module module = detector->modules[0];
    module.pitch_u = 0;
    hg_detector *bare = NULL;
    assert_int_equal(hg_detector_create(ctx, &module, 1, &bare), HG_OK);
    assert_int_equal(hg_simulate_event(ctx, &options, bare, field, material, 1, 0, &event), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(ctx), "(7, 2, 1)"));
    assert_null(event);
    hg_detector_destroy(ctx, bare);
}

/* Every allocation in turn fails: a clean error each time, nothing leaks. */
static void failing_memory_is_reported(void **state)
{
    (void)state;
    hg_simulate_options options = hg_simulate_default_options();
    options.gun.n = 3;
    hg_context_set_threads(ctx, 1);
    const size_t before = hg_memory_used(ctx);
    hg_status status = HG_ERR_NOMEM;
    for (int64_t n = 0; status != HG_OK; n += n < 20 ? 1 : 37) {
        hg_event *event = NULL;
        hg_memory_fail_after(ctx, n);
        status = hg_simulate_event(ctx, &options, detector, field, material, 1, 0, &event);
        hg_memory_fail_after(ctx, -1);
        if (status == HG_OK) {
            hg_event_destroy(ctx, event);
        } else {
            assert_int_equal(status, HG_ERR_NOMEM);
            assert_null(event);
        }
        assert_int_equal(hg_memory_used(ctx), before);
    }
    hg_context_set_threads(ctx, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_event_for_any_number_of_threads),
        cmocka_unit_test(hits_are_complete_and_lie_on_their_modules),
        cmocka_unit_test(gun_muons_follow_the_helix),
        cmocka_unit_test(parts_can_be_switched_off),
        cmocka_unit_test(files_keep_every_bit),
        cmocka_unit_test(wrong_options_and_modules_are_refused),
        cmocka_unit_test(failing_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
