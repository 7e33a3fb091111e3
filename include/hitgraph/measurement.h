/* hitgraph/measurement.h — hits as local measurements with errors. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_MEASUREMENT_H
#define HITGRAPH_MEASUREMENT_H

#include "hitgraph/event.h"
#include "hitgraph/kalman.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Cluster widths told apart in a calibration: 1 .. HG_WIDTH_MAX cells (wider counts as HG_WIDTH_MAX); 0 = width unknown. */
enum { HG_WIDTH_MAX = 8 };

/** Slopes at which a track crosses a sensor, told apart in a calibration: cells of |slope| / (1 + |slope|), slope = way along u (v) per way
 * across the sensor. */
enum { HG_SLOPE_CELLS = 32 };

/** Errors of one volume along u and v, in mm: sigma[axis][width]; 0 = not known, then pitch / sqrt(12) of the module. shift: measured minus
 * true place, taken off. */
typedef struct hg_resolution {
    int32_t volume_id;
    double sigma[2][HG_WIDTH_MAX + 1];
    double shift[2];
    double sigma_at_slope[2][HG_SLOPE_CELLS]; /* [axis][cell]; 0 = not known: sigma then */
} hg_resolution;

struct hg_calibration {
    int64_t n;
    const hg_resolution *volume; /* [n] borrowed */
};

/** Cells that a hit's cluster spans along u and v; 0 if it has none. @param cells borrowed; may be NULL. Threads: reentrant. */
HG_API void hg_cluster_size(const hg_cells *cells, int64_t hit, int64_t size[2]);

/** How far hit row `hit` lies off its module, mm: 0 = close enough to its plane and edges for hg_measure_hits; infinite if it is not finite
 * or `module` is no module of the detector. @param cells, calibration as in hg_measure_hits. Threads: reentrant. */
HG_API double hg_hit_misplaced(const hg_detector *detector, const hg_hits *hits, int64_t module, const hg_cells *cells,
                               const hg_calibration *calibration, int64_t hit);

/** Turns hits into measurements.
 *  @param hits borrowed. @param hit_module borrowed; [hits->n] index in the detector.
 *  @param cells borrowed; NULL = cluster widths unknown. @param calibration borrowed; NULL = pitch / sqrt(12).
 *  @param out [hits->n], filled; untouched on error.
 *  @return HG_OK; HG_ERR_DATA a hit is not finite, farther than 0.5 mm (or its sensor's thickness) from its module's plane, or has no
 * error: neither calibration nor pitch (message: which hit). Threads: reentrant. Cost: linear. */
HG_API hg_status hg_measure_hits(hg_context *ctx, const hg_detector *detector, const hg_hits *hits, const int64_t *hit_module,
                                 const hg_cells *cells, const hg_calibration *calibration, hg_measurement *out);

#ifdef __cplusplus
}
#endif
#endif
