/* simulated.h — one simulated world for the tests: detector, field, material, and what they need from an event. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_SIMULATED_H
#define HG_TESTS_SIMULATED_H

#include <math.h>
#include <stdlib.h>
#include "datasets/builtin_detector.h"
#include "hitgraph/field.h"
#include "hitgraph/material.h"
#include "hitgraph/simulate.h"
#include "tests/leaks.h"

static hg_context *ctx;
static hg_detector *detector;
static hg_field *field;
static hg_material *material;

static int set_up(void **state)
{
    (void)state;
    const double center[3] = {-149, -152, -150};
    if (hg_context_create(&ctx) != HG_OK || hg_context_set_threads(ctx, 2) != HG_OK) return 1;
    if (hg_builtin_detector_create(ctx, &detector) != HG_OK) return 1;
    if (hg_field_create_solenoid(ctx, 1247, 2612, 1.991, center, &field) != HG_OK) return 1;
    return hg_simulate_material(ctx, &material) != HG_OK;
}

static int tear_down(void **state)
{
    (void)state;
    hg_material_destroy(ctx, material);
    hg_field_destroy(ctx, field);
    hg_detector_destroy(ctx, detector);
    return close_without_leaks(ctx);
}

static hg_event *simulated(const hg_simulate_options *options, uint64_t seed, uint64_t number)
{
    hg_event *event = NULL;
    return hg_simulate_event(ctx, options, detector, field, material, seed, number, &event) == HG_OK ? event : NULL;
}

#endif
