/* hitgraph/doublets.h — the doublet graph: candidates between layers, what is known about them, and their features. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_DOUBLETS_H
#define HITGRAPH_DOUBLETS_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/graph.h"
#include "hitgraph/real.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HG_DOUBLET_BEND_BINS = 16,     /* bins of |kappa|, even in its square root */
    HG_DOUBLET_Z0_BINS = 24,       /* bins of z0 at the quantiles of true doublets */
    HG_DOUBLET_C_BINS = 16,        /* bins along a layer: z of a barrel, r of a disc */
    HG_DOUBLET_NODE_FEATURES = 9,  /* see hg_doublet_node_feature_names */
    HG_DOUBLET_EDGE_FEATURES = 26, /* see hg_doublet_edge_feature_names */
    HG_CLUSTER_BINS = 24,          /* bins of an inclination; see graph/doublet_clusters.h */
    HG_CLUSTER_U_SIZES = 7,        /* cluster sizes told apart along u: 0 (unknown) .. 6 and more cells */
    HG_CLUSTER_V_SIZES = 21,       /* the same along v: 0 .. 20 and more */
    HG_LINK_BINS = 16,             /* bins of a difference between two doublets that share a hit, even in its square root */
    HG_NEIGHBOUR_BINS = 16         /* bins of each axis of the tables of neighbours and rivals */
};

/** The hits of one event as the builder sees them. All arrays borrowed. */
typedef struct hg_doublet_hits {
    int64_t n;
    const double *x, *y, *z; /* [n] mm */
    const int32_t *layer;    /* [n] 0 .. n_layers - 1 */
    const int32_t *module;   /* [n] any numbering of the modules, >= 0, unique in the detector */
    int32_t n_layers;
    const uint8_t *layer_barrel; /* [n_layers] 1 = cylinder, 0 = disc */
    /* shapes of the clusters: all four, or all NULL */
    const uint8_t *nu, *nv;      /* [n] cells along the axes of the module; 0 = unknown */
    const float *frame;          /* [modules, 9] rows: axes u, v and normal w of each module */
    const int32_t *layer_volume; /* [n_layers] >= 0: layers with the same number have the same kind of sensor */
} hg_doublet_hits;

/** What is known of the hits of one event, for learning and labels. All arrays borrowed. */
typedef struct hg_doublet_truth {
    int64_t n_particles;
    const int32_t *particle;                 /* [n hits] 0 .. n_particles - 1, or -1 */
    const int32_t *layer_rank, *module_rank; /* [n hits] number of the hit's group along its particle (hg_truth_order) */
    const float *weight;                     /* [n_particles] 0 = true, but not a target; > 0: how much the loss of a doublet costs */
} hg_doublet_truth;

/** One ordered pair of layers that true doublets were seen to join; inner == outer: two modules of one layer that overlap.
 *  For overlaps `bend` is r |dphi| (mm) and `z0` is dz - dr z / r of a barrel, dr - dz r / z of a disc (mm); c of the second hit is |dr| or
 * |dz|. */
typedef struct hg_doublet_pair {
    int32_t inner, outer;
    float base;                            /* table T0 */
    float bend_max;                        /* largest |kappa|, 1/mm */
    float z0_edge[HG_DOUBLET_Z0_BINS + 1]; /* mm, ascending; outside = no doublet */
    float c_low[2], c_high[2];             /* range of the bins of c of the inner and outer hit, mm */
    float reach[HG_DOUBLET_C_BINS][2];     /* per bin of c of the inner hit: smallest and largest c of the outer hit relative to the
                                              straight line from the origin, mm */
    float phi_slope_max, z0_max;           /* windows mode: rad/mm, mm */
} hg_doublet_pair;

/** Ranges of the axes of the tables of neighbours and rivals: a number beyond an end counts as in the last bin. All are log odds. */
typedef struct hg_neighbour_axes {
    float score[2];   /* of the tables of positions and shapes */
    float support[2]; /* score of the best neighbour on one side with its link added */
    float refined[2]; /* score with the table of neighbours added */
    float lead[2];    /* of the refined score over that of the best rival at one hit */
} hg_neighbour_axes;

/** How much a doublet is worth among others: those that continue it at its hits (neighbours) and those that compete for them (rivals).
 *  refined = score + neighbours[score][support at the sender][at the receiver],
 *  final = refined + rivals[refined][lead at the sender][at the receiver]. Cells in units of the map's table_step. */
typedef struct hg_neighbour_tables {
    hg_neighbour_axes axes;
    float link_reach;                         /* doublets that differ by so many triplet windows have nothing to do with each other */
    float threshold;                          /* smallest final score */
    int8_t link[HG_LINK_BINS * HG_LINK_BINS]; /* log likelihood ratio of the differences of curvature and slope in triplet windows */
    int8_t neighbours[HG_NEIGHBOUR_BINS * HG_NEIGHBOUR_BINS * HG_NEIGHBOUR_BINS];
    int8_t rivals[HG_NEIGHBOUR_BINS * HG_NEIGHBOUR_BINS * HG_NEIGHBOUR_BINS];
} hg_neighbour_tables;

/** What was learned from truth at one luminous length. Plain arrays, owned; read-only when in use, so threads may share it. */
typedef struct hg_doublet_map {
    double sigma_z_mm; /* rms of the vertices along the beam line */
    int32_t n_layers;
    float *layer_r, *layer_z; /* [n_layers] mean r and z of the hits, mm */
    uint8_t *layer_barrel;    /* [n_layers] */
    float *layer_hits;        /* [n_layers] mean number of hits per event: background grows with it */
    int32_t n_pairs;
    hg_doublet_pair *pair;   /* [n_pairs] cross-layer pairs first, a directed acyclic graph of layers; then overlaps */
    float table_step;        /* score = base + table_step (bend_z0[...] + c_c[...]) */
    int8_t *bend_z0;         /* [n_pairs, HG_DOUBLET_BEND_BINS, HG_DOUBLET_Z0_BINS] */
    int8_t *c_c;             /* [n_pairs, HG_DOUBLET_C_BINS, HG_DOUBLET_C_BINS] */
    float threshold;         /* smallest score of a candidate across layers */
    float overlap_threshold; /* the same inside a layer */
    int32_t n_volumes;       /* kinds of sensors that cluster shapes were learned for; 0 = none */
    int32_t *layer_volume;   /* [n_layers] 0 .. n_volumes - 1 */
    int8_t *cluster_u;       /* [n_volumes, HG_CLUSTER_U_SIZES, HG_CLUSTER_BINS] added to a score, for both hits, in units of table_step */
    int8_t *cluster_v;       /* [n_volumes, HG_CLUSTER_V_SIZES, HG_CLUSTER_BINS] */
    float first_threshold;   /* with clusters: smallest score across layers without them */
    float cluster_threshold; /* with clusters: smallest score across layers */
    float *triplet_kappa;    /* [n_pairs, n_pairs] window a of |dkappa| / (1e-4/mm + |kappa|) */
    float *triplet_cot;      /* [n_pairs, n_pairs] window b of |dcot| / (1 + |cot|) */
    hg_neighbour_tables *neighbours; /* NULL = none were learned */
} hg_doublet_map;

/** Frees a map; NULL is fine. */
HG_API void hg_doublet_map_destroy(hg_context *ctx, hg_doublet_map *map);

/** Chooses the map whose luminous length is nearest in ratio. @param sigma_z_mm <= 0 = unknown: the longest. @return borrowed; NULL if n ==
 * 0. */
HG_API const hg_doublet_map *hg_doublet_map_select(hg_doublet_map *const *maps, int64_t n, double sigma_z_mm);

/** Estimates the luminous length from the hits alone: z0 of straight triplets in the three innermost barrel layers.
 *  @param sigma_z_mm distance of the quartiles of z0 / 1.349, mm (rms of a normal distribution); 0 if there are fewer than 20 triplets.
 * Threads: same result for any number.
 */
HG_API hg_status hg_luminous_sigma_z(hg_context *ctx, const hg_doublet_hits *hits, double *sigma_z_mm);

/* ---- building ---- */

typedef enum hg_doublet_mode {
    HG_DOUBLETS_TABLES,    /* likelihood tables with one threshold */
    HG_DOUBLETS_WINDOWS,   /* boxes of phi slope and z0 per layer pair */
    HG_DOUBLETS_MODULE_MAP /* pairs and triplets of modules seen in truth, with a box each */
} hg_doublet_mode;

typedef struct hg_module_map hg_module_map; /* hitgraph/module_map.h */

typedef struct hg_doublet_options {
    hg_doublet_mode mode;
    bool overlaps;                /* edges between modules of one layer; default true */
    bool clusters;                /* judge by cluster shapes too where hits have them and the map knows them; tables mode; default true */
    double score_shift;           /* added to the map's thresholds; tables mode; default 0 */
    double window_scale;          /* widens the boxes of the other modes; default 1 */
    const hg_module_map *modules; /* borrowed; needed by module-map mode, which leaves the windows of layer pairs aside; default NULL */
    bool module_triplets;   /* module-map mode: a doublet belongs to a triplet in its box; otherwise pairs alone count; default true */
    double triplet_window;  /* an edge needs a neighbour with m below this on one side; 0 = no such condition; default 1.5 */
    double triplet_cost;    /* and with m triplet_cost < table_score: doubtful edges need better neighbours; tables mode; default 0 */
    bool neighbour_tables;  /* judge by the map's tables of neighbours and rivals where it has them, not by triplet_window and triplet_cost;
                               tables mode; default true */
    double neighbour_shift; /* added to the threshold of these tables; default 0 */
} hg_doublet_options;
/** What NULL stands for: the defaults named above. */
HG_API hg_doublet_options hg_doublet_default_options(void);

/** Edges go outward (overlaps: towards larger r in a barrel, larger |z| in a disc), sorted by receiver, then sender. All arrays owned. */
typedef struct hg_doublet_graph {
    hg_graph *graph;        /* node = hit row */
    hg_real *node_features; /* [N, HG_DOUBLET_NODE_FEATURES] */
    hg_real *edge_features; /* [E, HG_DOUBLET_EDGE_FEATURES] */
    float *table_score;  /* [E] log odds relative to the threshold, for the event's density; other modes: 1 - largest coordinate in units of
                            its window */
    uint8_t *same_layer; /* [E] 1 = overlap */
    int32_t *pair;       /* [E] row of the map's pair */
    float *kappa;        /* [E] signed curvature of the circle through both hits and the beam line, 1/mm; overlaps: 0 */
    float *cot;          /* [E] dz over transverse arc length; overlaps: 0 */
} hg_doublet_graph;

/** Builds the doublet graph of one event.
 *
 *  Candidates are searched per layer pair, ranked by additive log-likelihood tables (or boxes, or module pairs), and kept if at least one
 *  neighbour on either side agrees in curvature and slope:
 *  m = max(|dkappa| / (a (1e-4 + |kappa|)), |dcot| / (b (1 + |cot|))) < triplet_window, and with triplet_cost > 0 also
 *  m < table_score / triplet_cost; where the map has tables of neighbours and rivals, these decide instead (hg_neighbour_tables).
 *  Overlaps are kept if both hits share a neighbour.
 *
 *  @param hits borrowed. @param map borrowed. @param options NULL = defaults. @param out owned by the caller; untouched on error.
 *  @return HG_OK; HG_ERR_DATA a coordinate is not finite or beyond a kilometre, or a layer out of range (message: which hit); HG_ERR_MODEL
 * the map is of another detector; HG_ERR_LIMIT more than 2^31 - 1 edges; HG_ERR_NOMEM. Threads: the context's; same bits for any number. */
HG_API hg_status hg_doublet_graph_create(hg_context *ctx, const hg_doublet_hits *hits, const hg_doublet_map *map,
                                         const hg_doublet_options *options, hg_doublet_graph **out);
/** Frees a graph with its features; NULL is fine. */
HG_API void hg_doublet_graph_destroy(hg_context *ctx, hg_doublet_graph *doublets);

/** Names of the feature columns, HG_DOUBLET_NODE_FEATURES and HG_DOUBLET_EDGE_FEATURES of them. */
extern HG_API const char *const hg_doublet_node_feature_names[HG_DOUBLET_NODE_FEATURES];
extern HG_API const char *const hg_doublet_edge_feature_names[HG_DOUBLET_EDGE_FEATURES];

/** Labels of the edges: 1 = layerwise true doublet, or two hits of one particle's group of one layer (overlaps); else 0.
 *  @param label [E] overwritten. @param weight [E] overwritten: the particle's weight for true edges, else 0. May be NULL. */
HG_API void hg_doublet_labels(const hg_doublet_graph *doublets, const hg_doublet_truth *truth, uint8_t *label, float *weight);

/* ---- learning ---- */

/** How much a particle counts in learning: 1 from 0.5 GeV on, less below (its doublets are cheap to lose and dear to keep);
 *  0 = not a target: secondaries (generation > 0), pT < 0.15 GeV, fewer than 3 hits. */
HG_API float hg_doublet_target_weight(double pt_gev, int32_t generation, int32_t n_hits);

/** Gives event number i: arrays are borrowed from the callee until its next call. Each event is asked for twice, once more if
 *  any has clusters, three times more for tables of neighbours. */
typedef hg_status hg_doublet_event_fn(hg_context *ctx, void *user, int64_t i, hg_doublet_hits *hits, hg_doublet_truth *truth);

typedef struct hg_doublet_learn_options {
    double coverage;             /* weighted share of true doublets that the layer pairs must cover; default 0.9990 */
    int32_t max_pairs;           /* default 128 */
    double search_quantile;      /* share kept by each loose search window; default 0.9995 */
    double efficiency;           /* weighted efficiency at the threshold; default 0.99 */
    double overlap_efficiency;   /* the same for overlaps; default 0.99 */
    double triplet_quantile;     /* of the triplet windows; default 0.99 */
    double box_quantile;         /* of the boxes of the windows mode; default 0.995 */
    int rounds;                  /* of back-fitting; default 3 */
    bool clusters;               /* learn the tables of cluster shapes where hits have them; default true */
    double neighbour_efficiency; /* weighted efficiency after the tables of neighbours and rivals; 0 = learn none; default 0 */
} hg_doublet_learn_options;
/** What NULL stands for: the defaults named above. */
HG_API hg_doublet_learn_options hg_doublet_default_learn_options(void);

/** Learns a map from events with truth.
 *
 *  Layer pairs, windows and bins come from the weighted quantiles of true doublets of targets; the tables from an additive logistic fit
 *  by back-fitting over all candidates in the windows (true doublets of non-targets left out); those of cluster shapes the same way,
 *  over the candidates of the events with clusters that pass the first tables; those of neighbours and rivals over what passes all these.
 *
 *  @param options NULL = defaults. @param event_fn,user see there; n_events >= 1. @param sigma_z_mm stored in the map.
 *  @param out owned by the caller (hg_doublet_map_destroy); untouched on error.
 *  @return HG_OK; HG_ERR_DATA no true doublets; any error of event_fn; HG_ERR_NOMEM. Threads: same bits for any number. */
HG_API hg_status hg_doublet_map_learn(hg_context *ctx, const hg_doublet_learn_options *options, hg_doublet_event_fn *event_fn, void *user,
                                      int64_t n_events, double sigma_z_mm, hg_doublet_map **out);

#ifdef __cplusplus
}
#endif
#endif
