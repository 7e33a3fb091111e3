/* hitgraph/event.h — one event as structures of arrays: plain data that every room may see. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_EVENT_H
#define HITGRAPH_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Hits in file order. Positions in mm. hit_id is unique but neither sorted nor contiguous. All arrays [n], owned by the event. */
typedef struct hg_hits {
    int64_t n;
    uint64_t *hit_id;
    double *x, *y, *z;
    int32_t *volume_id, *layer_id, *module_id;
} hg_hits;

/** Cells (pixels, strips) of each hit: cells offset[i] .. offset[i+1] belong to hit row i. ch0 along u, ch1 along v. */
typedef struct hg_cells {
    int64_t n;
    int64_t *offset;    /* [n_hits + 1] */
    int32_t *ch0, *ch1; /* [n] */
    float *value;       /* [n] */
} hg_cells;

/** Truth in hit order (row i belongs to hit row i). Position in mm, momentum in GeV. particle_id 0 = noise. */
typedef struct hg_truth {
    uint64_t *particle_id;                  /* [n_hits] */
    double *tx, *ty, *tz, *tpx, *tpy, *tpz; /* [n_hits] */
    double *weight;                         /* [n_hits] TrackML weight */
} hg_truth;

/** Generator particles. Vertex in mm, momentum in GeV at production, charge in e. All arrays [n]. */
typedef struct hg_particles {
    int64_t n;
    uint64_t *particle_id;
    double *vx, *vy, *vz, *px, *py, *pz;
    int32_t *q, *nhits;
    int32_t *pdg; /* NULL when the source has no particle type */
} hg_particles;

typedef struct hg_event {
    uint64_t event_id;
    hg_hits hits;
    bool has_cells, has_truth, has_particles;
    hg_cells cells;
    hg_truth truth;
    hg_particles particles;
} hg_event;

/** Allocates an event with room for the given numbers of rows; parts with n < 0 are left out.
 *  @param ctx borrowed. @param out owned by the caller; untouched on error. @return HG_OK, HG_ERR_ARG, HG_ERR_NOMEM, HG_ERR_LIMIT. */
HG_API hg_status hg_event_create(hg_context *ctx, int64_t n_hits, int64_t n_cells, int64_t n_particles, bool with_truth, hg_event **out);

/** Copies an event with only some of its hits, with their cells and truth; all particles stay.
 *  @param event, keep borrowed; keep [n hits] 1 = stays. @param out owned by the caller; untouched on error. @return as hg_event_create. */
HG_API hg_status hg_event_select(hg_context *ctx, const hg_event *event, const uint8_t *keep, hg_event **out);

/** Frees an event and its arrays; NULL is fine. */
HG_API void hg_event_destroy(hg_context *ctx, hg_event *event);

#ifdef __cplusplus
}
#endif
#endif
