/* tests/pulse_events.h — a few telescope events written out by hand. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_PULSE_EVENTS_H
#define HG_TESTS_PULSE_EVENTS_H

#include "tests/datasets.h"

#include <math.h>

#include "hitgraph/pulses.h"

static void near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance)) fail_msg("found %.9g, expected %.9g", found, expected);
}

/* Events of 3 pulses on 2 sensors, none, and 1 pulse. */
static hg_pulse_events *three_events(void)
{
    hg_pulse_events *e = NULL;
    must(hg_pulse_events_create(ctx, 3, 4, 0, HG_PULSE_HLC | HG_TRUTH_LABEL | HG_TRUTH_ENERGY | HG_TRUTH_DIR | HG_TRUTH_VERTEX, &e));
    memcpy(e->offset, ((const int64_t[]){0, 3, 3, 4}), 4 * sizeof(int64_t));
    memcpy(e->event_id, ((const uint64_t[]){5, 9, 7}), 3 * sizeof(uint64_t));
    memcpy(e->pulses.x, ((const float[]){50, 100, 50, -250}), 4 * sizeof(float));
    memcpy(e->pulses.z, ((const float[]){-350, 0, -350, 500}), 4 * sizeof(float));
    memcpy(e->pulses.t, ((const float[]){10000, 10300, 13000, 9700}), 4 * sizeof(float));
    memcpy(e->pulses.q, ((const float[]){1, 10, 3, 100}), 4 * sizeof(float));
    memcpy(e->pulses.hlc, ((const uint8_t[]){0, 1, 1, 0}), 4);
    memcpy(e->truth.label, ((const int32_t[]){0, 3, 2}), 3 * sizeof(int32_t));
    for (int i = 0; i < 3; ++i) {
        e->truth.energy[i] = 1000;
        e->truth.dir[3 * i + 2] = -1;
    }
    return e;
}

#endif
