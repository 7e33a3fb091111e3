/* hitgraph/display_pulses.h — an event of a neutrino telescope as a picture. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_DISPLAY_PULSES_H
#define HITGRAPH_DISPLAY_PULSES_H

#include <stddef.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/pulses.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Draws one event as SVG of 1200 x 600 on a transparent ground, from above (x, y) and from the side (x, z): grey dots are sensors, discs
 *  the sensors that saw light, their area growing with the logarithm of the charge, their colour telling the time of the first pulse, early
 *  red to late blue; a dashed line is the true direction, a ring the vertex of an interaction inside.
 *
 *  @param event number of the event, 0 .. n_events - 1. @param title borrowed; NULL = none.
 *  @param svg owned by the caller (hg_free), NUL-terminated; untouched on error. @param length NULL = not wanted.
 *  @return HG_OK; HG_ERR_ARG no such event; HG_ERR_NOMEM. Threads: reentrant. */
HG_API hg_status hg_pulse_display_svg(hg_context *ctx, const hg_pulse_events *events, int64_t event, const char *title, char **svg,
                                      size_t *length);

#ifdef __cplusplus
}
#endif
#endif
