/* finder.h — what the files of the track finder share: chains of hits, candidates, competition. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_FINDER_H
#define HG_TRACKING_FINDER_H

#include "hitgraph/track_finder.h"
#include "tracking/batch.h"

enum { HG_CANDIDATE_HITS = 48 }; /* four times what a particle of a collider leaves */

/* Paths of nodes in a graph: nodes of path p are node[offset[p] .. offset[p + 1]). Owned. */
typedef struct hg_paths {
    int64_t n;
    int64_t *offset; /* [n + 1] */
    int32_t *node;
    float *link; /* score of the edge from the node before; 0 for the first of a path */
} hg_paths;

/* One hypothesis: hits from inside out and what each adds to the score. */
typedef struct hg_candidate {
    int32_t n, n_hole;
    float score; /* sum of gain - penalties */
    int32_t hit[HG_CANDIDATE_HITS];
    float gain[HG_CANDIDATE_HITS];
} hg_candidate;

typedef struct hg_candidates {
    int64_t n, room;
    hg_candidate *item; /* owned */
} hg_candidates;

/* The hits of each layer in a grid of (c, phi) cells, c = z of a barrel and r of a disc. Read-only after creation. All arrays owned. */
typedef struct hg_hit_layer {
    double c_low, c_step; /* mm */
    int32_t n_c, n_phi;
    int64_t first_cell;
    double depth;              /* half the extent of the modules across the layer, mm */
    double sigma_phi, sigma_c; /* largest measurement errors on the layer, mm */
} hg_hit_layer;

/* The layers as the batch kernels want them, and the room of it. Owned. */
typedef struct hg_layer_columns {
    hg_batch_layers view;
    float *numbers;
    int32_t *layer;
} hg_layer_columns;

hg_status hg_layer_columns_create(hg_context *ctx, const hg_detector *detector, const hg_hit_layer *layer, hg_layer_columns *out);
void hg_layer_columns_free(hg_context *ctx, hg_layer_columns *columns);

/* A hit as the filter sees it, in single precision. */
typedef struct hg_hit_record {
    float local[2], variance[2]; /* variance 0 = not measured */
    float base_gain;             /* what the hit adds to a score before its distance: -log of (hits per mm^2 or mm) and constants */
    int32_t module, row;
} hg_hit_record;

typedef struct hg_hit_index {
    hg_hit_layer *layer;   /* [n_layers] */
    int64_t *cell;         /* [n_cells + 1] first place of each cell's hits */
    float *phi, *c;        /* [N + HG_BATCH_LANES_MAX] by place: layer, cell, row */
    hg_hit_record *record; /* [N] by place */
    hg_layer_columns columns;
    const hg_batch_kernels *kernels; /* borrowed */
} hg_hit_index;

hg_status hg_hit_index_create(hg_context *ctx, const hg_finder_input *input, const int32_t *hit_layer, const hg_batch_kernels *kernels,
                              hg_hit_index *out);
void hg_hit_index_free(hg_context *ctx, hg_hit_index *index);

/* Places of the unused hits in a window, at most `room` of them, in the order of cells and rows. Returns their number; *nearest gets the
 * number of the one nearest to the track. */
int hg_hit_index_search(const hg_hit_index *index, const hg_window *window, const uint8_t *used, int room, int32_t *places, int *nearest);

typedef struct hg_follower hg_follower;

/* The finder's own state during one event. */
struct hg_finder {
    hg_finder_input given; /* what its pointers point to is borrowed */
    hg_finder_options chosen;
    const hg_finder_input *input;     /* = &given */
    const hg_finder_options *options; /* = &chosen */
    bool follows;                     /* with a Kalman filter */
    bool done;                        /* the tracks have been found: every hit is taken or was looked at */
    hg_paths first_chains;            /* owned: those of the first pass, once they are made */
    int32_t *hit_layer;               /* [N] owned */
    bool ranks_known, doublets_ranked;
    int32_t *layer_rank;    /* [n_layers] owned: doublets lead from lower to higher ranks; NULL = not all do */
    int32_t *hit_order;     /* [N] owned: hits by the rank of their layer; NULL until asked for, or if there are no ranks */
    int32_t *doublet_order; /* [nodes of line] owned: the same for the nodes of the line graph by the end of their doublet */
    uint8_t *used;          /* [N] owned: 1 = the hit belongs to a track */
    hg_hit_index index;     /* owned; empty for CHAINS */
    hg_material *material;  /* owned; NULL = vacuum */
    hg_kalman kalman;       /* of following */
    hg_batch_world *world;  /* the same for the batch kernels; owned; NULL unless it follows */
    const hg_batch_kernels *kernels;
    hg_follower *follower; /* room for following on all threads; owned */
    hg_candidates tracks;  /* owned: accepted so far */
};

/* Makes the chains of the first pass unless they are there: seeds and tracks start from them. */
hg_status hg_finder_first_chains(hg_context *ctx, hg_finder *finder);

void hg_paths_free(hg_context *ctx, hg_paths *paths);

/* Order in which every node comes after its predecessors (Kahn's algorithm); nodes on cycles are left out. there: [n_edges] 1 = the edge
 * counts, only between active nodes. waiting: [n_nodes] zeroed by the caller. order: [n_nodes]. Returns the number of ordered nodes. */
int64_t hg_topological_order(const hg_graph *graph, const uint8_t *there, const uint8_t *active, int32_t *waiting, int32_t *order);

/* Chains of hits for one pass over hits that no track uses: of triplets, or of doublets where the pass says so or there is no line graph.
 */
hg_status hg_chains_build(hg_context *ctx, hg_finder *finder, int pass, hg_paths *chains);

/* Make finder->hit_order or finder->doublet_order unless they are there, or cannot be. */
hg_status hg_finder_order_hits(hg_context *ctx, hg_finder *finder);
hg_status hg_finder_order_doublets(hg_context *ctx, hg_finder *finder);

/* Starts from hits alone, for a pass with a displaced_r_mm. */
hg_status hg_displaced_chains_build(hg_context *ctx, const hg_finder *finder, int pass, hg_paths *chains);

/* Gives each hit to one candidate: best first by score, hits, first hit; losers are trimmed or dropped. Marks finder->used, appends to
 * tracks. */
hg_status hg_compete(hg_context *ctx, hg_finder *finder, int pass, const hg_candidates *candidates);

/* Adds second hits on the layers of the accepted tracks first_track.. from edges of the graph. */
void hg_overlaps_from_graph(hg_finder *finder, int64_t first_track);

hg_status hg_follower_create(hg_context *ctx, const hg_finder *finder, hg_follower **out);
void hg_follower_destroy(hg_context *ctx, hg_follower *follower);

/* Makes a candidate of every chain of at least `least` hits, in order: seed, filter outward over all layers, back inward. n = 0 if nothing
 * came of it. candidates: empty before. */
hg_status hg_follow_chains(hg_context *ctx, const hg_finder *finder, const hg_paths *chains, int64_t least, hg_candidates *candidates);

/* Candidates of the builders that know only the doublet graph. */
hg_status hg_build_components(hg_context *ctx, const hg_finder *finder, hg_candidates *out);
hg_status hg_build_walks(hg_context *ctx, const hg_finder *finder, hg_candidates *out);

/* Puts the hits of each layer that a track has more than one of into the order in which it meets them: by radius in a barrel, by z on a
 * disc, the way the hits before and after lie. In a wrong order the track would cross a disc's material three times. */
void hg_order_overlaps(const hg_finder *finder, int32_t *hit, int32_t n);

/* Makes room for so many candidates, zeroed; never less than there was. */
hg_status hg_candidates_reserve(hg_context *ctx, hg_candidates *candidates, int64_t room);

#endif
