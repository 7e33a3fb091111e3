/* datasets/builtin_detector.h — the generated TrackML-like detector. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_BUILTIN_DETECTOR_H
#define HG_DATASETS_BUILTIN_DETECTOR_H

#include "hitgraph/detector.h"

/** Builds the nine volumes, 48 layers and 18 728 modules of the TrackML challenge from a table: ids, centres, axes, sizes and pitches are
 *  those of its detectors.csv to the six digits printed there.
 *  @param ctx borrowed. @param out owned by the caller (hg_detector_destroy); untouched on error.
 *  @return HG_OK or HG_ERR_NOMEM. Threads: reentrant. */
HG_API hg_status hg_builtin_detector_create(hg_context *ctx, hg_detector **out);

#endif
