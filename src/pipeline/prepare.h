/* pipeline/prepare.h — an event joined with its detector: the plain arrays that graph, network and tracking work on. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_PREPARE_H
#define HG_PIPELINE_PREPARE_H

#include "hitgraph/detector.h"
#include "hitgraph/doublets.h"
#include "hitgraph/event.h"
#include "hitgraph/kalman.h"
#include "hitgraph/measurement.h"
#include "hitgraph/truth.h"

typedef struct hg_prepared {
    const hg_event *event;       /* borrowed, must outlive this */
    const hg_detector *detector; /* borrowed, must outlive this */
    int64_t *module;             /* [n hits] owned: index of the hit's module */
    int32_t *module_index;       /* [n hits] owned: the same, narrow */
    int32_t *layer;              /* [n hits] owned: index of the hit's layer */
    uint8_t *layer_barrel;       /* [n layers] owned */
    hg_measurement *measurement; /* [n hits] owned */
    uint8_t *nu, *nv;            /* [n hits] owned: cells of the clusters, at most 255; NULL if the event has no cells, as the next two */
    float *frame;                /* [n modules, 9] owned: axes of the modules */
    int32_t *layer_volume;       /* [n layers] owned: number of the layer's volume */
    hg_doublet_hits hits;        /* views of the arrays above */
} hg_prepared;

/* Errors: HG_ERR_DATA a hit's module is not in the detector (message: hit id and module). *out owned by the caller; untouched on error. */
hg_status hg_prepare_event(hg_context *ctx, const hg_event *event, const hg_detector *detector, const hg_calibration *calibration,
                           hg_prepared **out);
void hg_prepared_destroy(hg_context *ctx, hg_prepared *prepared);

/* Truth as the graph room wants it. Particles below pt_min_gev are true but no targets. */
typedef struct hg_prepared_truth {
    hg_truth_order *order;  /* owned */
    float *weight;          /* [n particles] owned */
    hg_doublet_truth truth; /* views */
} hg_prepared_truth;

hg_status hg_prepare_truth(hg_context *ctx, const hg_prepared *prepared, double pt_min_gev, hg_prepared_truth **out);
void hg_prepared_truth_destroy(hg_context *ctx, hg_prepared_truth *truth);

#endif
