/* point_strips.h — space points layer by layer, each layer cut into strips: what partners of a point are looked for in. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_POINT_STRIPS_H
#define HG_TRACKING_POINT_STRIPS_H

#include "hitgraph/classical_seeds.h"

typedef struct hg_strip_point {
    double x, y, z, r, phi;
    int32_t row, strip;
} hg_strip_point;

/* Smallest and largest r and z of some points. */
typedef struct hg_point_box {
    double r[2], z[2];
} hg_point_box;

/* Points of one layer that are neighbours in z, or in r where the layer extends further that way. */
typedef struct hg_point_strip {
    int64_t first, end; /* its points, by rising phi, then row */
    int32_t layer;
    hg_point_box box;
} hg_point_strip;

/* All arrays owned. */
typedef struct hg_point_strips {
    int32_t n_layers;
    int64_t n_points;
    hg_strip_point *point; /* [n_points] layer by layer */
    int64_t *first_point;  /* [n_layers + 1] */
    int64_t *first_strip;  /* [n_layers + 1] */
    hg_point_strip *strip;
    hg_point_box *layer_box; /* [n_layers]; upside down where a layer has no points */
} hg_point_strips;

/* Sorts the points in use. Errors: HG_ERR_DATA a layer out of range or a point not finite; HG_ERR_NOMEM. *out untouched on error.
 * Threads: the context's; same bits for any number. */
hg_status hg_point_strips_create(hg_context *ctx, const hg_space_points *points, hg_point_strips *out);
void hg_point_strips_free(hg_context *ctx, hg_point_strips *strips);

/* First point of a strip with phi not below the given one. */
int64_t hg_point_strip_find(const hg_point_strips *strips, const hg_point_strip *strip, double phi);

#endif
