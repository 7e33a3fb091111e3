/* hitgraph/display.h — a picture of an event: detector, hits and tracks, across and along the beam. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_DISPLAY_H
#define HITGRAPH_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/detector.h"
#include "hitgraph/event.h"
#include "hitgraph/field.h"
#include "hitgraph/tracks.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hg_display_options {
    const char *title;    /* borrowed; NULL = none */
    double pt_min_gev;    /* softer tracks are not drawn; default 1 */
    int64_t max_tracks;   /* of more, an even choice over transverse momentum is drawn; default 150 */
    bool only_track_hits; /* leave out the hits that belong to no drawn track; default false */
    int64_t max_bytes;    /* hits, then tracks, are thinned out to stay below; at least 100000, default 700000 */
} hg_display_options;
/** What NULL stands for: the defaults named above. */
HG_API hg_display_options hg_display_default_options(void);

/** Draws an event as SVG of 1200 x 600 on a transparent ground: x-y (barrel layers and their hits) and r-z side by side.
 *
 *  Fitted tracks are carried from their perigee through the field; tracks without a fit, or when there is no field, are smooth curves
 *  through their hits, their transverse momentum estimated from three hits (2 T when there is no field).
 *
 *  @param hits borrowed. @param detector borrowed; NULL = no layers. @param field borrowed or NULL. @param tracks borrowed or NULL = none.
 *  @param options NULL = defaults. @param svg owned by the caller (hg_free), NUL-terminated; untouched on error. @param length NULL = not
 * wanted.
 *  @return HG_OK; HG_ERR_ARG a hit row out of range, max_bytes too small; HG_ERR_NOMEM.
 *  Threads: reentrant; the same bytes for any number. */
HG_API hg_status hg_display_svg(hg_context *ctx, const hg_hits *hits, const hg_detector *detector, const hg_field *field,
                                const hg_tracks *tracks, const hg_display_options *options, char **svg, size_t *length);

#ifdef __cplusplus
}
#endif
#endif
