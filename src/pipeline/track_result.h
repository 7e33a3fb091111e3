/* pipeline/track_result.h — everything found in one event, stage by stage. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_TRACK_RESULT_H
#define HG_PIPELINE_TRACK_RESULT_H

#include "hitgraph/line_graph.h"
#include "hitgraph/track_finder.h"
#include "hitgraph/tracks.h"
#include "pipeline/prepare.h"

typedef enum hg_stage {
    HG_STAGE_READ,
    HG_STAGE_GRAPH,
    HG_STAGE_DOUBLET_GNN,
    HG_STAGE_TRIPLET_GRAPH,
    HG_STAGE_TRIPLET_GNN,
    HG_STAGE_SEEDS,
    HG_STAGE_TRACKS,
    HG_STAGE_FIT,
    HG_STAGE_WRITE,
    HG_N_STAGES
} hg_stage;
extern const char *const hg_stage_names[HG_N_STAGES];

/* Multiplications and additions of one network: with first layers on their concatenated inputs, as sizes are compared, and as executed;
 * 0 = it did not run. */
typedef struct hg_network_flops {
    double nominal, executed;
} hg_network_flops;

typedef struct hg_network_work {
    hg_network_flops doublet, triplet;
} hg_network_work;

/* Everything found in one event. Parts are NULL until their stage has run. All owned. */
typedef struct hg_track_result {
    uint64_t event_id;
    double seconds[HG_N_STAGES];
    int64_t peak_rss[HG_N_STAGES]; /* of the process at the end of each stage, bytes */
    double sigma_z_mm;             /* luminous length used */
    const hg_doublet_map *map;     /* borrowed from the setup */
    hg_prepared *prepared;
    hg_doublet_graph *doublets;
    hg_network_work work;
    float *doublet_score; /* [E] probability */
    float *doublet_logit; /* [E] */
    uint8_t *keep;        /* [E] 1 = a node of the triplet graph */
    hg_graph *line;
    int64_t *line_doublet; /* [line nodes] */
    float *triplet_score;  /* [line edges] probability */
    hg_seeds *seeds;
    hg_tracks *tracks;
} hg_track_result;

void hg_track_result_clear(hg_context *ctx, hg_track_result *result);

/* Adds the time since `start` to a stage. */
void hg_end_stage(hg_track_result *result, hg_stage stage, double start);

#endif
