/* hitgraph/metrics.h — how good doublets, triplets, seeds and tracks are, every rate with its definition and its interval. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_METRICS_H
#define HITGRAPH_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/truth.h"

#ifdef __cplusplus
extern "C" {
#endif

/** numerator / denominator and its Wilson interval at 68.27 %. An empty denominator gives NaN in all three; so does a ratio
 *  above 1 for the interval. Entries may be weighted: weight2 is the sum of squared weights in the denominator. */
typedef struct hg_rate {
    const char *definition; /* what is divided by what; static text, borrowed */
    double numerator, denominator, weight2;
    double value, low, high;
} hg_rate;

/** A rate of counts. Threads: reentrant. */
HG_API hg_rate hg_rate_of_counts(const char *definition, double numerator, double denominator);
/** A rate of weights: the interval is that of (sum w)^2 / sum w^2 entries. Threads: reentrant. */
HG_API hg_rate hg_rate_of_weights(const char *definition, double numerator, double denominator, double weight2);
/** Adds the entries of another sample to a rate; its definition is taken over when the sum has none yet. Threads: reentrant. */
HG_API void hg_rate_add(hg_rate *sum, const hg_rate *more);

/** The cuts of a target in words, for example "pT > 0.9 GeV, |eta| < 4, >= 3 layers, >= 3 hits". Cut off at `size` bytes. Threads:
 * reentrant. */
HG_API void hg_target_describe(const hg_target *target, char *buffer, size_t size);

/** The targets that reports use: pT > 0.5, 0.9 and 1 GeV within |eta| < 4, at least 3 layers; the last one at least 5 hits. */
enum { HG_DEFAULT_TARGETS = 3 };
/** Fills these targets, in the order named. Threads: reentrant. */
HG_API void hg_target_defaults(hg_target targets[HG_DEFAULT_TARGETS]);

/* ---- tracks ---- */

/** Hit rows of several objects (tracks, seeds): those of object t are hit[offset[t] .. offset[t + 1]). All borrowed. */
typedef struct hg_hit_lists {
    int64_t n;
    const int64_t *offset; /* [n + 1] */
    const int32_t *hit;
} hg_hit_lists;

/** Ways to call a track matched. With n_c hits in the track, m of its majority particle, n_p of this particle in the event:
 *  purity = m / n_c, completeness = m / n_p. Tracks with fewer than 3 hits are dropped; a hit counts once per track. */
typedef enum hg_match_kind {
    HG_MATCH_TRACKML,         /* purity > 1/2, completeness > 1/2; hits weighted */
    HG_MATCH_DOUBLE_MAJORITY, /* the same, particles counted (gnn_tracking) */
    HG_MATCH_PERFECT,         /* m = n_c = n_p */
    HG_MATCH_LHC,             /* purity > 3/4 */
    HG_MATCH_ATLAS,           /* purity > 1/2 (acorn) */
    HG_MATCH_ONE_WAY,         /* track: purity > 1/2, particle: more than half of its hits in one track (acorn) */
    HG_MATCH_TWO_WAY,         /* purity > 1/2, completeness > 1/2 (acorn) */
    HG_MATCH_KINDS
} hg_match_kind;
/** "TrackML", "double majority", ... ; static text. Threads: reentrant. */
HG_API const char *hg_match_name(hg_match_kind kind);

/** Majority particle of one track. */
typedef struct hg_track_match {
    int32_t majority;   /* row in the truth's particle table, -1 = noise; among equals noise first, then the smaller particle id */
    int64_t n_hits;     /* n_c */
    int64_t n_majority; /* m */
    int64_t n_particle; /* n_p; 0 for noise */
} hg_track_match;

/** Whether the track belongs to its majority particle; never for noise. Threads: reentrant. */
HG_API bool hg_track_is_matched(const hg_track_match *match, hg_match_kind kind);

/** Majority particle of each track. @param tracks hit rows inside 0 .. order->n_hits - 1. @param out [tracks->n] owned by the caller.
 *  @return HG_OK; HG_ERR_ARG a hit row out of range (message: which); HG_ERR_NOMEM. Cost: O(hits). Threads: reentrant. */
HG_API hg_status hg_match_tracks(hg_context *ctx, const hg_truth_order *order, const hg_hit_lists *tracks, hg_track_match *out);

/** Rates for one target by all definitions side by side. */
typedef struct hg_target_rates {
    hg_target target;
    hg_rate efficiency[HG_MATCH_KINDS], fake[HG_MATCH_KINDS], duplicate[HG_MATCH_KINDS];
    hg_rate fake_of_all; /* double majority: unmatched tracks / all tracks, whatever their majority */
} hg_target_rates;

/** Adds the rates of another event, for the same target. Threads: reentrant. */
HG_API void hg_target_rates_add(hg_target_rates *sum, const hg_target_rates *more);

/** The same rates for each bin of the particles. A track lies in the bin of its majority particle, one of noise in none, so that
 *  `all tracks` of the definitions are those of the bin.
 *  @param weight,tracks as for hg_track_report_make. @param target borrowed. @param bin_of borrowed; [order->n_particles] bin of each
 *  particle, 0 .. n_bins - 1, others = in none. @param out [n_bins] owned by the caller, overwritten.
 *  @return HG_OK; HG_ERR_ARG as hg_match_tracks; HG_ERR_NOMEM. Cost: O(hits + n_bins (particles + tracks)). Threads: reentrant. */
HG_API hg_status hg_target_rates_by_bin(hg_context *ctx, const hg_truth_order *order, const double *weight, const hg_hit_lists *tracks,
                                        const hg_target *target, const int32_t *bin_of, int32_t n_bins, hg_target_rates *out);

enum { HG_REPORT_TARGETS = 8 };
typedef struct hg_track_report {
    int64_t n_events, n_hits, n_tracks, n_dropped; /* n_dropped: tracks with fewer than 3 hits, part of n_tracks */
    hg_rate trackml_score;
    int n_targets;
    hg_target_rates target[HG_REPORT_TARGETS];
} hg_track_report;

/** Matches the tracks of one event in all ways.
 *  @param weight [n_hits] TrackML weights, borrowed; NULL = no weights, the TrackML rates stay empty.
 *  @param targets borrowed; [n_targets], at most HG_REPORT_TARGETS. @param out untouched on error.
 *  @return HG_OK; HG_ERR_ARG as hg_match_tracks, or too many targets; HG_ERR_NOMEM. Threads: reentrant. */
HG_API hg_status hg_track_report_make(hg_context *ctx, const hg_truth_order *order, const double *weight, const hg_hit_lists *tracks,
                                      const hg_target *targets, int n_targets, hg_track_report *out);
/** Adds the report of another event, made with the same targets; a zeroed report takes it over. Threads: reentrant. */
HG_API void hg_track_report_add(hg_track_report *sum, const hg_track_report *more);

/** Turns one label per hit (<= 0 = none) into hit lists, by increasing label, hits in row order.
 *  @param offset,hit owned by the caller (hg_free), created by this call; untouched on error. @return HG_OK or HG_ERR_NOMEM. Threads:
 * reentrant. */
HG_API hg_status hg_lists_from_labels(hg_context *ctx, int64_t n_hits, const int64_t *label, int64_t *n, int64_t **offset, int32_t **hit);

/* ---- graphs and seeds ---- */

/** Directed edges: doublets join hits, triplets join doublets. All borrowed; parallel edges count each. */
typedef struct hg_edge_list {
    int64_t n;
    const int32_t *sender, *receiver; /* [n] */
    const uint8_t *keep;              /* [n] 0 = left out; NULL = all are kept */
} hg_edge_list;

/** Which doublets are true. Layerwise and modulewise: see hitgraph/truth.h. With overlaps: layerwise, and besides two hits of one
 *  particle in one group of a layer, in either direction, count as true in the purities (not in the efficiency). */
typedef enum hg_edge_truth { HG_EDGES_LAYERWISE, HG_EDGES_MODULEWISE, HG_EDGES_WITH_OVERLAPS } hg_edge_truth;
/** "layerwise", "modulewise", "layerwise with overlaps". Threads: reentrant. */
HG_API const char *hg_edge_truth_name(hg_edge_truth truth);

/** Efficiency: true edges of target particles that are kept / all true edges of target particles. Purities of the kept edges:
 *  total = true of targets / all; all-true = true of anyone / all; masked = true of targets / (all - true of others). */
typedef struct hg_edge_rates {
    int64_t n_kept;
    hg_rate efficiency, purity_total, purity_all_true, purity_masked;
} hg_edge_rates;

/** Rates of doublets.
 *  @param out untouched on error. @return HG_OK; HG_ERR_ARG a hit row out of range; HG_ERR_NOMEM. Cost: O(hits + edges). Threads:
 * reentrant. */
HG_API hg_status hg_doublet_rates(hg_context *ctx, const hg_truth_order *order, const hg_edge_list *doublets, hg_edge_truth truth,
                                  const hg_target *target, hg_edge_rates *out);

/** Rates at a working point: of the doublets whose score is at least the largest cut that keeps this share of the list's true doublets of
 *  targets (overlaps aside), as the purity at an efficiency is quoted.
 *  @param doublets borrowed; keep is not read. @param score borrowed; [doublets->n]. @param efficiency above 0, at most 1.
 *  @param cut,out untouched on error; without a true doublet of a target the cut is infinite and nothing is kept.
 *  @return HG_OK; HG_ERR_ARG a hit row or the efficiency out of range; HG_ERR_DATA a score is not a number; HG_ERR_NOMEM.
 *  Cost: O(hits + edges log edges). Threads: reentrant. */
HG_API hg_status hg_doublet_working_point(hg_context *ctx, const hg_truth_order *order, const hg_edge_list *doublets, const float *score,
                                          hg_edge_truth truth, const hg_target *target, double efficiency, float *cut, hg_edge_rates *out);

/** Rates of triplets: edges of a line graph whose node k stands for doublet doublet_of[k] (NULL = doublet k).
 *  A triplet is true when both doublets are and they share the middle hit. doublets->keep is not read. Otherwise as hg_doublet_rates. */
HG_API hg_status hg_triplet_rates(hg_context *ctx, const hg_truth_order *order, const hg_edge_list *doublets, int64_t n_nodes,
                                  const int64_t *doublet_of, const hg_edge_list *triplets, hg_edge_truth truth, const hg_target *target,
                                  hg_edge_rates *out);
/** Adds the rates of another event; zeroed rates take them over. Threads: reentrant. */
HG_API void hg_edge_rates_add(hg_edge_rates *sum, const hg_edge_rates *more);

/** A seed is correct when all its hits come from one particle. Efficiency: targets with a correct seed / targets; purity: correct / all;
 *  duplicates: (correct seeds of targets - targets with one) / correct seeds of targets. */
typedef struct hg_seed_rates {
    int64_t n_seeds;
    hg_rate efficiency, purity, duplicate;
} hg_seed_rates;
/** @param out untouched on error. @return HG_OK; HG_ERR_ARG a hit row out of range; HG_ERR_NOMEM. Threads: reentrant. */
HG_API hg_status hg_seed_rates_make(hg_context *ctx, const hg_truth_order *order, const hg_hit_lists *seeds, const hg_target *target,
                                    hg_seed_rates *out);
/** Adds the rates of another event; zeroed rates take them over. Threads: reentrant. */
HG_API void hg_seed_rates_add(hg_seed_rates *sum, const hg_seed_rates *more);

/* ---- losses ---- */

/** Where a target particle was lost: the first stage that it did not pass. */
typedef enum hg_loss_stage {
    HG_LOSS_NONE,    /* found: a track matches it by double majority */
    HG_LOSS_HITS,    /* hits in fewer than 3 groups: no true triplet exists */
    HG_LOSS_GRAPH,   /* no two consecutive true doublets in the graph */
    HG_LOSS_DOUBLET, /* nor among the doublets that were kept */
    HG_LOSS_TRIPLET, /* no true triplet was kept */
    HG_LOSS_SEED,    /* no correct seed */
    HG_LOSS_TRACK,   /* no track matches it */
    HG_LOSS_STAGES
} hg_loss_stage;
/** "found", "hits", "graph", ... ; static text. Threads: reentrant. */
HG_API const char *hg_loss_name(hg_loss_stage stage);

/** What the stages left behind. NULL = this stage is not looked at. All borrowed. */
typedef struct hg_stages {
    const hg_edge_list *doublets;         /* keep = the doublet cut */
    const hg_edge_list *triplets;         /* between doublets or line-graph nodes; keep = the triplet cut */
    const hg_edge_list *triplet_doublets; /* the doublets that the triplets join; NULL = `doublets` */
    int64_t n_nodes;                      /* of the line graph */
    const int64_t *doublet_of;            /* [n_nodes], NULL = node k is doublet k */
    const hg_hit_lists *seeds, *tracks;
    hg_edge_truth truth;
} hg_stages;

/** Counts the target particles by the stage that lost them. @param count [HG_LOSS_STAGES], untouched on error; the sum is the number of
 * targets.
 *  @return HG_OK; HG_ERR_ARG a row out of range; HG_ERR_NOMEM. Cost: O(hits + edges + triplets). Threads: reentrant. */
HG_API hg_status hg_losses_count(hg_context *ctx, const hg_truth_order *order, const hg_target *target, const hg_stages *stages,
                                 int64_t count[HG_LOSS_STAGES]);

#ifdef __cplusplus
}
#endif
#endif
