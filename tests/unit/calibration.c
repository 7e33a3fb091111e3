/* calibration.c — hit errors, shifts and material learned from simulated events whose own are known; the file that holds them. */
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
#include "datasets/calibration_file.h"
#include "hitgraph/trackml.h"
#include "pipeline/calibrate_run.h"
#include "tests/simulated.h"
#include "tracking/slope_errors.h"

enum { EVENTS = 2, PIXEL_BARREL = 8, SHORT_BARREL = 13 };
static const double sigma_pixel[2] = {0.010, 0.020}, shift_pixel[2] = {0.007, -0.004}, sigma_strip[2] = {0.030, 0.5};

static hg_event *events[EVENTS];
static hg_calibration_event input[EVENTS];

/* Hits of the event are put where truth says, plus Gaussian errors of our own and shifts in the pixel barrel. */
static void smear(hg_event *event, const int64_t *module, uint64_t seed)
{
    hg_random random = hg_random_stream(seed, 7, 0, 0);
    hg_hits *h = &event->hits;
    for (int64_t i = 0; i < h->n; ++i) {
        const double *r = detector->modules[module[i]].rotation;
        const bool pixel = h->volume_id[i] == PIXEL_BARREL;
        const double *sigma = pixel ? sigma_pixel : sigma_strip;
        const double u = sigma[0] * hg_random_normal(&random) + (pixel ? shift_pixel[0] : 0.0);
        const double v = sigma[1] * hg_random_normal(&random) + (pixel ? shift_pixel[1] : 0.0);
        h->x[i] = event->truth.tx[i] + r[0] * u + r[1] * v;
        h->y[i] = event->truth.ty[i] + r[3] * u + r[4] * v;
        h->z[i] = event->truth.tz[i] + r[6] * u + r[7] * v;
    }
}

static int open_events(void **state)
{
    if (set_up(state) != 0) return 1;
    hg_simulate_options options = hg_simulate_default_options();
    options.pileup = 40;
    options.noise_per_module = 0;
    for (int e = 0; e < EVENTS; ++e) {
        int64_t *module = NULL;
        hg_truth_order *order = NULL;
        events[e] = simulated(&options, 3, (uint64_t)e);
        if (!events[e] || hg_alloc(ctx, &module, events[e]->hits.n) < 0) return 1;
        const hg_hits *h = &events[e]->hits;
        for (int64_t i = 0; i < h->n; ++i) module[i] = hg_detector_find(detector, h->volume_id[i], h->layer_id[i], h->module_id[i]);
        if (hg_truth_order_create(ctx, events[e], detector, module, &order) < 0) return 1;
        smear(events[e], module, (uint64_t)e);
        input[e] = (hg_calibration_event){events[e], module, order};
    }
    return 0;
}

static int close_events(void **state)
{
    for (int e = 0; e < EVENTS; ++e) {
        hg_free(ctx, (void *)input[e].hit_module);
        hg_truth_order_destroy(ctx, (hg_truth_order *)input[e].order);
        hg_event_destroy(ctx, events[e]);
    }
    return tear_down(state);
}

static const hg_resolution *volume_of(const hg_calibration *calibration, int32_t volume)
{
    for (int64_t i = 0; i < calibration->n; ++i)
        if (calibration->volume[i].volume_id == volume) return &calibration->volume[i];
    fail_msg("volume %d was not learned", volume);
    return NULL;
}

/* All hits make the errors by width; a Gaussian without its outer 1 %, as by slope, has an rms of 0.961 of its own. */
static void errors_and_shifts_are_recovered(void **state)
{
    (void)state;
    hg_calibration *learned = NULL;
    assert_int_equal(hg_calibration_learn(ctx, detector, input, EVENTS, 0.3, &learned), HG_OK);
    const hg_resolution *pixel = volume_of(learned, PIXEL_BARREL), *strip = volume_of(learned, SHORT_BARREL);
    for (int axis = 0; axis < 2; ++axis) {
        assert_true(fabs(pixel->shift[axis] - shift_pixel[axis]) < 0.05 * sigma_pixel[axis]);
        assert_true(strip->shift[axis] == 0.0); /* what may be chance is no shift */
        assert_true(fabs(pixel->sigma[axis][0] / sigma_pixel[axis] - 1.0) < 0.04);
        assert_true(fabs(strip->sigma[axis][0] / sigma_strip[axis] - 1.0) < 0.04);
        for (int c = 0; c < HG_SLOPE_CELLS; ++c) assert_true(fabs(pixel->sigma_at_slope[axis][c] / sigma_pixel[axis] - 0.961) < 0.25);
    }
    assert_true(pixel->sigma[0][1] > 0.0 && pixel->sigma[0][2] > 0.0);
    hg_calibration_destroy(ctx, learned);
}

/* A track at 45 degrees along u and at right angles to v, on a module whose axes are those of the beam. */
static void a_track_has_the_error_of_its_slope(void **state)
{
    (void)state;
    const hg_module module = {.volume_id = 8,
                              .layer_id = 2,
                              .module_id = 1,
                              .rotation = {1, 0, 0, 0, 1, 0, 0, 0, 1},
                              .half_u_min = 8,
                              .half_u_max = 8,
                              .half_v = 36};
    hg_detector *plane = NULL;
    hg_resolution volume = {.volume_id = 8, .sigma_at_slope = {{0.011}, {0.013}}};
    const hg_calibration calibration = {1, &volume};
    hg_kalman kalman = {.calibration = &calibration};
    const hg_measurement measurement = {.module = 0, .variance = {4.0, 9.0}};
    float *errors = NULL, variance[2];
    volume.sigma_at_slope[0][HG_SLOPE_CELLS / 2] = 0.017;
    assert_int_equal(hg_detector_create(ctx, &module, 1, &plane), HG_OK);
    kalman.detector = plane;
    assert_int_equal(hg_slope_errors_create(ctx, &kalman, &errors), HG_OK);
    hg_slope_variance(plane, errors, &measurement, 0.0, 0.7853, variance);
    assert_true(fabs((double)variance[0] - 4.0) < 1e-6); /* just below 45 degrees nothing is known */
    hg_slope_variance(plane, errors, &measurement, 0.0, 0.7855, variance);
    assert_true(fabs((double)variance[0] / (0.017 * 0.017) - 1.0) < 1e-5 && fabs((double)variance[1] / (0.013 * 0.013) - 1.0) < 1e-5);
    hg_free(ctx, errors);
    hg_detector_destroy(ctx, plane);
}

/* From twice and half of the true thickness alike, the learned one comes back. */
static void material_is_recovered(void **state)
{
    (void)state;
    for (int k = 0; k < 2; ++k) {
        hg_material *wrong = NULL, *learned = NULL;
        assert_int_equal(hg_material_create(ctx, material->surface, material->n, &wrong), HG_OK);
        for (int64_t i = 0; i < wrong->n; ++i) wrong->surface[i].x_over_x0 *= k ? 2.0 : 0.5;
        const hg_kalman kalman = {.detector = detector, .field = field, .material = wrong, .options = hg_kalman_default_options()};
        assert_int_equal(hg_material_learn(ctx, &kalman, input, EVENTS, 0.3, &learned), HG_OK);
        assert_int_equal(learned->n, material->n);
        for (int64_t i = 1; i < 4; ++i) { /* the three inner pixel layers: nothing else lies between their hits */
            const double ratio = learned->surface[i].x_over_x0 / material->surface[i].x_over_x0;
            printf("    surface at %.3f mm: learned / true x/X0 %.3f\n", material->surface[i].position, ratio);
            assert_true(ratio > 0.85 && ratio < 1.15);
            assert_true(learned->surface[i].position == material->surface[i].position);
        }
        hg_material_destroy(ctx, learned);
        hg_material_destroy(ctx, wrong);
    }
}

static void events_without_truth_are_refused(void **state)
{
    (void)state;
    hg_calibration *learned = NULL;
    hg_material *thickness = NULL;
    hg_event blind = *events[0];
    hg_calibration_event item = input[0];
    hg_kalman kalman = {.detector = detector, .field = field, .options = hg_kalman_default_options()};
    item.event = &blind;
    assert_int_equal(hg_material_learn(ctx, &kalman, &item, 1, 0.3, &thickness), HG_ERR_ARG);
    kalman.material = material;
    blind.has_particles = false;
    assert_int_equal(hg_material_learn(ctx, &kalman, &item, 1, 0.3, &thickness), HG_ERR_ARG);
    blind.has_truth = false;
    assert_int_equal(hg_calibration_learn(ctx, detector, &item, 1, 0.3, &learned), HG_ERR_ARG);
    assert_null(learned);
    assert_null(thickness);
}

static const char *const path = "build/calibration-test.yaml";

static void the_file_gives_back_every_bit(void **state)
{
    (void)state;
    hg_resolution one = {.volume_id = 7, .sigma = {{0.0134, 0.0135, 0.012}, {0.0089}}, .shift = {0.0091, 0}};
    const hg_calibration sloping = {1, &one}, *given = &sloping;
    one.shift[1] = -0.0123;
    for (int k = 0; k < HG_SLOPE_CELLS; ++k) {
        one.sigma_at_slope[0][k] = 0.001 + 1e-4 * k;
        one.sigma_at_slope[1][k] = 0.1 / (k + 3);
    }
    hg_calibration *calibration = NULL;
    hg_material *thickness = NULL;
    assert_int_equal(hg_calibration_file_write(ctx, given, material, "a test", path), HG_OK);
    assert_int_equal(hg_calibration_file_read(ctx, path, &calibration), HG_OK);
    assert_int_equal(hg_material_file_read(ctx, path, &thickness), HG_OK);
    assert_int_equal(calibration->n, given->n);
    for (int64_t i = 0; i < given->n; ++i) {
        assert_int_equal(calibration->volume[i].volume_id, given->volume[i].volume_id);
        assert_memory_equal(calibration->volume[i].shift, given->volume[i].shift, sizeof given->volume[i].shift);
        assert_memory_equal(calibration->volume[i].sigma, given->volume[i].sigma, sizeof given->volume[i].sigma);
        assert_memory_equal(calibration->volume[i].sigma_at_slope, given->volume[i].sigma_at_slope, sizeof one.sigma_at_slope);
    }
    assert_int_equal(thickness->n, material->n);
    for (int64_t i = 0; i < material->n; ++i) {
        const hg_material_surface *a = &material->surface[i], *b = &thickness->surface[i];
        assert_int_equal(a->cylinder, b->cylinder);
        assert_true(a->position == b->position && a->low == b->low && a->high == b->high && a->x_over_x0 == b->x_over_x0 &&
                    a->loss_mev == b->loss_mev);
    }
    hg_calibration_destroy(ctx, calibration);
    hg_material_destroy(ctx, thickness);
    remove(path);
}

static void mistakes_in_the_file_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"volumes: [{volume: 8, bias_u: 0, sigma_u: [0.1], sigma_v: [0.1]}, {volume: 8, bias_u: 0, sigma_u: [], sigma_v: []}]\n",
         "volume 8 twice"},
        {"volumes: [{volume: 8, bias_u: 0, sigma_u: [-0.1], sigma_v: [0.1]}]\n", "1:44"},
        {"volumes: [{volume: 8, bias_u: 0, sigma_u: [0.1]}]\n", "sigma_v is missing"},
        {"volumes: [{volume: 8, bias_u: 0, sigma_u: [0,0,0,0,0,0,0,0,0,0], sigma_v: []}]\n", "at most 9 errors"},
        {"volumes: [{volume: 8, tilt: 0}]\n", "tilt"},
        {"volumes: [{volume: 8, bias_u: 0, bias_v: wide, sigma_u: [], sigma_v: []}]\n", "1:42"},
        {"volumes: [{volume: 8, bias_u: 0, bias_v: 2e9, sigma_u: [], sigma_v: []}]\n", "1:42"},
        {"material: []\n", "there is no section volumes"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; ++c) {
        hg_calibration *calibration = NULL;
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(cases[c].text, file);
        fclose(file);
        assert_true(hg_calibration_file_read(ctx, path, &calibration) < 0);
        if (!strstr(hg_context_message(ctx), cases[c].said) || !strstr(hg_context_message(ctx), path))
            fail_msg("%s: said %s", cases[c].text, hg_context_message(ctx));
        assert_null(calibration);
    }
    remove(path);
}

/* The settings: what the presets name, errors by pitch, and names that are no file. */
static void settings_choose_a_calibration(void **state)
{
    (void)state;
    static const char *const presets[] = {"trackml", "trackml-barrel", "trackml-challenge", "simulated"};
    static const char *const pitch = "fit.calibration=pitch";
    static const char *const wrong[] = {"fit.calibration=trakml", "fit.material=air"};
    hg_track_config config;
    hg_setup *setup = NULL;
    for (size_t c = 0; c < sizeof presets / sizeof *presets; ++c) {
        assert_int_equal(hg_track_config_read(ctx, presets[c], NULL, NULL, 0, &config), HG_OK);
        assert_int_equal(hg_setup_create(ctx, &config, false, &setup), HG_OK);
        assert_int_equal(setup->calibration->n, 9);
        assert_ptr_equal(setup->kalman.calibration, setup->calibration);
        assert_true((volume_of(setup->calibration, PIXEL_BARREL)->shift[0] > 0.005) == (strcmp(presets[c], "trackml-challenge") == 0));
        hg_setup_destroy(ctx, setup);
    }
    assert_int_equal(hg_track_config_read(ctx, "trackml", NULL, &pitch, 1, &config), HG_OK);
    assert_int_equal(hg_setup_create(ctx, &config, false, &setup), HG_OK);
    assert_null(setup->calibration);
    hg_setup_destroy(ctx, setup);
    for (int k = 0; k < 2; ++k) {
        assert_int_equal(hg_track_config_read(ctx, "trackml", NULL, &wrong[k], 1, &config), HG_OK);
        assert_int_equal(hg_setup_create(ctx, &config, false, &setup), HG_ERR_CONFIG);
        assert_non_null(strstr(hg_context_message(ctx), k ? "found \"air\"" : "found \"trakml\""));
    }
}

/* From event files to a file that the next run reads. */
static void a_run_learns_what_the_next_one_uses(void **state)
{
    (void)state;
    static const char *const setting[] = {"fit.calibration=build/calibration-test.yaml", "fit.material=build/calibration-test.yaml"};
    static char folder[] = "build/calibration-events";
    char *inputs[] = {folder};
    hg_track_config config;
    hg_setup *setup = NULL;
    hg_calibrate_result result;
    assert_int_equal(hg_trackml_write(ctx, events[0], folder, false), HG_OK);
    assert_int_equal(hg_track_config_read(ctx, "simulated", NULL, NULL, 0, &config), HG_OK);
    assert_int_equal(hg_setup_create(ctx, &config, false, &setup), HG_OK);
    assert_int_equal(hg_calibrate_run(ctx, setup, inputs, 1, path, &result), HG_OK);
    hg_setup_destroy(ctx, setup);
    assert_int_equal(result.n_events, 1);
    assert_int_equal(hg_track_config_read(ctx, "simulated", NULL, setting, 2, &config), HG_OK);
    assert_int_equal(hg_setup_create(ctx, &config, false, &setup), HG_OK);
    assert_int_equal(setup->calibration->n, result.n_volumes);
    assert_int_equal(setup->material->n, result.n_surfaces);
    assert_true(fabs(volume_of(setup->calibration, PIXEL_BARREL)->shift[0] - shift_pixel[0]) < 0.001);
    hg_setup_destroy(ctx, setup);
    remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_track_has_the_error_of_its_slope),
        cmocka_unit_test(errors_and_shifts_are_recovered),
        cmocka_unit_test(material_is_recovered),
        cmocka_unit_test(events_without_truth_are_refused),
        cmocka_unit_test(the_file_gives_back_every_bit),
        cmocka_unit_test(mistakes_in_the_file_are_named),
        cmocka_unit_test(settings_choose_a_calibration),
        cmocka_unit_test(a_run_learns_what_the_next_one_uses),
    };
    return cmocka_run_group_tests(tests, open_events, close_events);
}
