/* hitgraph/hdf5_files.h — the project's own HDF5 files: events, graphs, scores and tracks. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_HDF5_FILES_H
#define HITGRAPH_HDF5_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/detector.h"
#include "hitgraph/event.h"
#include "hitgraph/graph.h"
#include "hitgraph/real.h"
#include "hitgraph/track_finder.h"
#include "hitgraph/tracks.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Rules of all writers here: nothing is seen at `path` before the commit; begin gives a file that ends with commit (which frees it, on
 *  failure too) or abort (leaves nothing behind; NULL is fine); same input, same bytes; one thread at a time (HDF5 has one global state).
 *  Errors: HG_ERR_IO, HG_ERR_NOMEM, HG_ERR_ARG. */

/** Where the content of a file comes from. Texts are borrowed, NULL = empty. */
typedef struct hg_provenance {
    const char *source, *license, *citation;
    const char *config; /* effective configuration, YAML text */
    const char *weights_hash, *input_hash;
    uint64_t seed;
} hg_provenance;

/** Events (format hitgraph-events). Read them with hg_event_list_create and hg_event_read. */
typedef struct hg_events_h5 hg_events_h5;
/** @param detector stored as /geometry; NULL = not stored. */
HG_API hg_status hg_events_h5_begin(hg_context *ctx, const char *path, const hg_provenance *provenance, const hg_detector *detector,
                                    hg_events_h5 **out);
/** All events of a file have the same parts (cells, truth, particles with or without pdg) as the first one, else HG_ERR_ARG. */
HG_API hg_status hg_events_h5_append(hg_context *ctx, hg_events_h5 *file, const hg_event *event);
/** Completes the file and puts it in place. Frees `file`, on error too (the target is then as before). @return HG_OK, HG_ERR_IO,
 *  HG_ERR_NOMEM. */
HG_API hg_status hg_events_h5_commit(hg_context *ctx, hg_events_h5 *file);
/** Gives up: frees `file` and leaves the target as it was; NULL is fine. */
HG_API void hg_events_h5_abort(hg_context *ctx, hg_events_h5 *file);

/** What the nodes and attributes of the graphs of one file are. Texts and arrays borrowed. */
typedef struct hg_graph_columns {
    int64_t node_width, edge_width, global_width; /* 0 = none */
    const char *node_names, *edge_names;          /* separated by commas; NULL = not given */
    const double *node_scale, *edge_scale;        /* [width] stored value = raw / scale; NULL = 1 */
    bool doublet_nodes;                           /* nodes are doublets (hit_pair), not hits (hit_id) */
} hg_graph_columns;

/** The content of one batch of G graphs, N nodes, E edges (in the graph's order). All borrowed. */
typedef struct hg_graph_content {
    const hg_graph *graph;
    const uint64_t *hit_id;      /* [N], or [N, 2] for doublet nodes */
    const hg_real *nodes;        /* [N, node_width] */
    const hg_real *edges;        /* [E, edge_width] */
    const hg_real *globals;      /* [G, global_width] */
    const uint64_t *particle_id; /* [N] or NULL */
    const uint8_t *label;        /* [E] or NULL */
    const float *weight;         /* [E] or NULL */
} hg_graph_content;

/** Graphs (format hitgraph-graphs): CSR by receiver, rows sorted by sender, ties by the caller's edge number, which is stored as edge_id.
 */
typedef struct hg_graphs_h5 hg_graphs_h5;
/** @param columns what all graphs of the file have; borrowed for this call. @param provenance NULL = unknown. @param out owned by the
 * caller; ends with commit or abort. */
HG_API hg_status hg_graphs_h5_begin(hg_context *ctx, const char *path, const hg_provenance *provenance, const hg_graph_columns *columns,
                                    hg_graphs_h5 **out);
/** Graph g of the batch gets section number g. Optional arrays must be there for all batches or for none, else HG_ERR_ARG. */
HG_API hg_status hg_graphs_h5_append(hg_context *ctx, hg_graphs_h5 *file, uint64_t event_id, const hg_graph_content *content);
/** As hg_events_h5_commit. */
HG_API hg_status hg_graphs_h5_commit(hg_context *ctx, hg_graphs_h5 *file);
/** As hg_events_h5_abort. */
HG_API void hg_graphs_h5_abort(hg_context *ctx, hg_graphs_h5 *file);

/** Scores of the edges of a graphs file (format hitgraph-scores), in the order of that file. */
typedef struct hg_scores_h5 hg_scores_h5;
/** @param logit the scores are logits, else probabilities. @param graph_hash content hash of the graphs file (hg_h5_content_hash).
 *  @param model_hash borrowed text or NULL. @param threshold the cut that was applied to them. */
HG_API hg_status hg_scores_h5_begin(hg_context *ctx, const char *path, const hg_provenance *provenance, bool logit, uint64_t graph_hash,
                                    const char *model_hash, float threshold, hg_scores_h5 **out);
/** Adds the scores of the graph that was appended in the same place. @param score borrowed; [E] in the graph's order. */
HG_API hg_status hg_scores_h5_append(hg_context *ctx, hg_scores_h5 *file, const hg_graph *graph, const float *score);
/** As hg_events_h5_commit. */
HG_API hg_status hg_scores_h5_commit(hg_context *ctx, hg_scores_h5 *file);
/** As hg_events_h5_abort. */
HG_API void hg_scores_h5_abort(hg_context *ctx, hg_scores_h5 *file);

/** The content hash of a hitgraph HDF5 file. @return HG_OK, HG_ERR_IO, HG_ERR_FORMAT. */
HG_API hg_status hg_h5_content_hash(hg_context *ctx, const char *path, uint64_t *hash);

/** What a tracks file holds of one event. All borrowed; N hits, T tracks. */
typedef struct hg_track_record {
    uint64_t event_id;
    const hg_hits *hits;
    const hg_tracks *tracks;
    const hg_seeds *seeds;              /* NULL = not stored */
    const hg_graph *doublets;           /* stored with doublet_score, NULL = not stored */
    const float *doublet_score;         /* [doublets->n_edges] */
    const hg_graph *line;               /* stored with triplet_score, needs doublets; NULL = not stored */
    const int64_t *line_doublet;        /* [line->n_nodes] edge of `doublets` of each line-graph node */
    const float *triplet_score;         /* [line->n_edges] */
    const uint64_t *majority;           /* [T] particle that owns most of the hits; NULL = no truth */
    const float *purity, *completeness; /* [T] with majority */
} hg_track_record;

/** Tracks (format hitgraph-tracks) of one or several events: /tracks, and optional groups
 *  /seeds {hit_id [S, 3], params [S, 5], cov [S, 15], score}, /doublets {hit_id [A, 2], score}, /triplets {hit_id [B, 3], score} with
 *  /events/{track,seed,doublet,triplet}_offset. A failed fit has status HG_ERR_NUMERIC; the bits of hg_track_status are in status_bits. */
typedef struct hg_tracks_h5 hg_tracks_h5;
/** @param provenance NULL = unknown. @param out owned by the caller; ends with commit or abort. @return HG_OK, HG_ERR_IO, HG_ERR_NOMEM.
 *  */
HG_API hg_status hg_tracks_h5_begin(hg_context *ctx, const char *path, const hg_provenance *provenance, hg_tracks_h5 **out);
/** All events of a file have the same optional parts as the first one, else HG_ERR_ARG. */
HG_API hg_status hg_tracks_h5_append(hg_context *ctx, hg_tracks_h5 *file, const hg_track_record *record);
/** As hg_events_h5_commit. */
HG_API hg_status hg_tracks_h5_commit(hg_context *ctx, hg_tracks_h5 *file);
/** As hg_events_h5_abort. */
HG_API void hg_tracks_h5_abort(hg_context *ctx, hg_tracks_h5 *file);

#ifdef __cplusplus
}
#endif
#endif
