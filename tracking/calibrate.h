/* tracking/calibrate.h — what learning and use of a calibration share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_CALIBRATE_H
#define HG_TRACKING_CALIBRATE_H

#include "hitgraph/calibration.h"

/* Cells spanned along u and v, at most HG_WIDTH_MAX; 0 if there are none. cells may be NULL. */
void hg_cluster_widths(const hg_cells *cells, int64_t hit, int width[2]);

/* HG_ERR_ARG unless the event has what learning reads. */
hg_status hg_calibration_check_event(hg_context *ctx, const hg_calibration_event *event, bool with_particles);

#endif
