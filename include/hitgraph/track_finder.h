/* hitgraph/track_finder.h — seeds and tracks from a scored doublet graph and its scored line graph. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_TRACK_FINDER_H
#define HITGRAPH_TRACK_FINDER_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/detector.h"
#include "hitgraph/event.h"
#include "hitgraph/graph.h"
#include "hitgraph/kalman.h"
#include "hitgraph/tracks.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How tracks are built.
 *  FOLLOW: chains of triplets are the starts of a combinatorial Kalman filter over the hits of all layers crossed.
 *  CHAINS: best chains of triplets as they are, with second hits on overlaps from the graph; no fit.
 *  COMPONENTS: connected components of the doublets above the first pass's cut.
 *  WALK: components without branches are tracks; the others are walked through along longest paths (acorn's CC and walk).
 *  JUNCTIONS: components of the doublets that are the best ones of both their hits: no branches are left (ACTS).
 *  The last three look at doublets alone and at no pass but the first. */
typedef enum hg_finder_builder {
    HG_FINDER_FOLLOW,
    HG_FINDER_CHAINS,
    HG_FINDER_COMPONENTS,
    HG_FINDER_WALK,
    HG_FINDER_JUNCTIONS
} hg_finder_builder;

enum { HG_FINDER_PASSES_MAX = 6 };

/** One pass over the hits that no earlier pass has used: long and safe chains first, shorter and looser ones later. */
typedef struct hg_finder_pass {
    bool doublets;        /* chains of doublets; otherwise of triplets, if there is a line graph */
    float doublet_min;    /* a doublet with a lower score is not used */
    float triplet_min;    /* the same for triplets */
    int32_t chain_min;    /* shorter chains of hits are no starts; at least 3 */
    int32_t hits_min;     /* a track with fewer hits is dropped */
    int32_t layers_min;   /* a track on fewer layers is dropped */
    float score_min;      /* FOLLOW: a track with a lower score (sum of the hits' log likelihood ratios) is dropped */
    float displaced_r_mm; /* above 0: FOLLOW: not the graph, but four hits in line further from the beam line make a chain, mm */
} hg_finder_pass;

/** Options of the track finder; start from hg_finder_default_options. Scores are probabilities in 0..1, lengths mm. */
typedef struct hg_finder_options {
    hg_finder_builder builder;
    int32_t n_passes; /* 1..HG_FINDER_PASSES_MAX */
    hg_finder_pass pass[HG_FINDER_PASSES_MAX];
    int32_t n_branches;      /* 1..4: hypotheses kept per start */
    int32_t return_branches; /* 1..4: the same on the way back */
    int32_t holes_max;       /* following stops after this many layers in a row without a hit */
    double chi2_max;         /* a hit with a larger chi2 (two coordinates) is not taken */
    double overlap_chi2_max; /* the same for a second hit of a layer */
    float hole_penalty;      /* taken from the score for each crossed layer without a hit */
    float gain_min;          /* a hit that adds less to the score is not taken */
    float expected_gain_min; /* the same for a hit that the chain or the way out expects */
    float chain_bonus;       /* helps hits of the chain against others on the way out */
    float return_bonus;      /* helps hits of the way out on the way back */
    float branch_gap;        /* a hit so much worse than the best of its layer still opens a branch */
    double material_scale;   /* factor on x/X0 while following: leaves room for the tails of scattering */
    double loosening;        /* factor on the covariance at the outer end before filtering inward */
    double beam_sigma_mm;    /* width of the beam line about x = y = 0; 0 = there is none */
    double prompt_share;     /* of the particles that come from it, 0..1 */
    double displaced_mm;     /* range of the distances to the beam line of the others */
    float kept_min;          /* a track that keeps less than this share of its score after losing shared hits is dropped */
    float walk_keep_min;     /* WALK: doublets not above are left out; default 0.01 */
    float walk_best_min;     /* WALK: the best next doublet must be above this; default 0.1 */
    float walk_all_min;      /* WALK: every next doublet above this is followed; default 0.6 */
    float overlap_min;       /* CHAINS: least doublet score that ties a second hit of a layer to a track */
    double overlap_mm;       /* CHAINS: largest distance between two hits of a track on one layer */
} hg_finder_options;
/** What NULL stands for: the defaults named above. */
HG_API hg_finder_options hg_finder_default_options(void);

/** What the finder reads; all pointers borrowed. N hits, E doublets, D line-graph nodes, T triplets. */
typedef struct hg_finder_input {
    const hg_hits *hits;                /* N */
    const int64_t *hit_module;          /* [N] module of each hit */
    const hg_measurement *measurements; /* [N] */
    const hg_detector *detector;
    const hg_kalman *kalman;     /* NULL = CHAINS whatever the options say, and no seed parameters */
    const hg_graph *graph;       /* N nodes, E doublets from inside out */
    const float *doublet_score;  /* [E] in the graph's order */
    const uint8_t *same_layer;   /* [E] 1 = overlap edge between two modules of one layer; NULL = there are none */
    const hg_graph *line;        /* D nodes, T triplets; NULL = chains of mutually best doublets */
    const int64_t *line_doublet; /* [D] edge of `graph` of each line-graph node */
    const float *triplet_score;  /* [T] in the line graph's order */
} hg_finder_input;

/** Triplets of hits, from inside out; one for each chain of triplets. All arrays owned. */
typedef struct hg_seeds {
    int64_t n;
    int32_t *hit;   /* [n, 3] */
    double *params; /* [n, 5] perigee d0, z0, phi, theta, q/p; 0 without a Kalman filter or where the three points have none */
    double *cov;    /* [n, 15] lower triangle by rows */
    float *score;   /* [n] of the triplet */
} hg_seeds;

/** Frees seeds; NULL is fine. */
HG_API void hg_seeds_destroy(hg_context *ctx, hg_seeds *seeds);

/** One event on its way from scored graphs to tracks: seeds and tracks share the chains of the first pass. */
typedef struct hg_finder hg_finder;

/** Checks the input. What its pointers point to is borrowed until the finder is destroyed.
 *  @param options NULL = defaults. @param out owned by the caller; untouched on error.
 *  @return HG_OK; HG_ERR_ARG sizes do not fit together, an option or index out of range; HG_ERR_DATA a score is not finite; HG_ERR_NOMEM.
 *  A finder serves one caller at a time. */
HG_API hg_status hg_finder_create(hg_context *ctx, const hg_finder_input *input, const hg_finder_options *options, hg_finder **out);
/** Frees a finder; NULL is fine. */
HG_API void hg_finder_destroy(hg_context *ctx, hg_finder *finder);

/** Seeds: the innermost triplet of every chain of mutually best triplets by the cuts of the first pass. Sorted by score, then
 *  hits.
 *  @param out owned by the caller; untouched on error. @return HG_OK; HG_ERR_ARG the tracks were asked for before; HG_ERR_NOMEM.
 *  Cost: O(N + E + T). Threads: the context's; same bits for any number. */
HG_API hg_status hg_finder_seeds(hg_context *ctx, hg_finder *finder, hg_seeds **out);

/** Tracks: hit lists from inside out (at most 48 hits each, a hit in at most one track), best first; score and n_hole are filled, the fit's
 *  columns are 0: hg_fit_tracks fills them.
 *  Following with a combinatorial Kalman filter, then competition for shared hits in the order of score, hits, first hit; later passes see
 *  only hits that no track has yet. A hit counts by the logarithm of (density of the prediction at the hit / density of hits there):
 *  arXiv:1904.06778, section 5 (rating by density, team Top Quarks).
 *  @param out owned by the caller; untouched on error. @return HG_OK; HG_ERR_ARG they were asked for before; HG_ERR_NOMEM.
 *  Cost: proportional to the number of chains times layers. Threads: the context's; same bits for any number. */
HG_API hg_status hg_finder_tracks(hg_context *ctx, hg_finder *finder, hg_tracks **out);

/** A finder's seeds, or tracks, alone. @return as hg_finder_create. */
HG_API hg_status hg_seeds_find(hg_context *ctx, const hg_finder_input *input, const hg_finder_options *options, hg_seeds **out);
HG_API hg_status hg_tracks_find(hg_context *ctx, const hg_finder_input *input, const hg_finder_options *options, hg_tracks **out);

#ifdef __cplusplus
}
#endif
#endif
