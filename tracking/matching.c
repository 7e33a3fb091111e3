/* tracking/matching.c — tracks against particles, by the definitions that different groups use. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "hitgraph/metrics.h"

enum { MIN_TRACK_HITS = 3 };

const char *hg_match_name(hg_match_kind kind)
{
    static const char *const names[HG_MATCH_KINDS] = {"TrackML", "double majority", "perfect", "LHC 75 %", "ATLAS", "one-way", "two-way"};
    return kind >= 0 && kind < HG_MATCH_KINDS ? names[kind] : "unknown";
}

bool hg_track_is_matched(const hg_track_match *match, hg_match_kind kind)
{
    const int64_t m = match->n_majority, n_c = match->n_hits, n_p = match->n_particle;
    if (match->majority < 0) return false;
    switch (kind) {
    case HG_MATCH_PERFECT:
        return m == n_c && m == n_p;
    case HG_MATCH_LHC:
        return 4 * m > 3 * n_c;
    case HG_MATCH_ATLAS:
    case HG_MATCH_ONE_WAY:
        return 2 * m > n_c;
    default:
        return 2 * m > n_c && 2 * m > n_p;
    }
}

/* Scratch of one walk over tracks. Slot 0 stands for noise, slot p + 1 for particle p. */
typedef struct walk {
    int64_t *count;   /* [n_particles + 1] hits of the current track, all 0 between tracks */
    int64_t *seen_by; /* [n_hits] last track, counted from 1, that a hit was met in */
    int32_t *slot;    /* [n_hits] slots met in the current track */
    int64_t n_slots;
} walk;

static void end_walk(hg_context *ctx, walk *w)
{
    hg_free(ctx, w->count);
    hg_free(ctx, w->seen_by);
    hg_free(ctx, w->slot);
}

static hg_status begin_walk(hg_context *ctx, const hg_truth_order *order, const hg_hit_lists *tracks, walk *w)
{
    hg_status status = HG_OK;
    for (int64_t t = 0; t < tracks->n; ++t)
        for (int64_t k = tracks->offset[t]; k < tracks->offset[t + 1]; ++k)
            HG_CHECK(tracks->hit[k] >= 0 && tracks->hit[k] < order->n_hits, HG_ERR_ARG,
                     "track %" PRId64 ": hit row %" PRId32 ", expected 0 .. %" PRId64, t, tracks->hit[k], order->n_hits - 1);
    HG_TRY(hg_alloc(ctx, &w->count, order->n_particles + 1));
    HG_TRY(hg_alloc(ctx, &w->seen_by, order->n_hits));
    HG_TRY(hg_alloc(ctx, &w->slot, order->n_hits + 1));
done:
    return status;
}

/* Counts the distinct hits of track t by particle; returns how many there are. Undo with clear_track. */
static int64_t count_track(walk *w, const hg_truth_order *order, const hg_hit_lists *tracks, int64_t t)
{
    int64_t n = 0;
    w->n_slots = 0;
    for (int64_t k = tracks->offset[t]; k < tracks->offset[t + 1]; ++k) {
        const int32_t hit = tracks->hit[k];
        if (w->seen_by[hit] == t + 1) continue;
        w->seen_by[hit] = t + 1;
        const int32_t slot = order->particle[hit] + 1;
        if (w->count[slot]++ == 0) w->slot[w->n_slots++] = slot;
        ++n;
    }
    return n;
}

static void clear_track(walk *w)
{
    for (int64_t k = 0; k < w->n_slots; ++k) w->count[w->slot[k]] = 0;
}

/* Noise has id 0, so it is met before all particles. */
static uint64_t slot_id(const hg_truth_order *order, int32_t slot)
{
    return slot == 0 ? 0 : order->particle_id[slot - 1];
}

static hg_track_match majority(const walk *w, const hg_truth_order *order, int64_t n_hits)
{
    int32_t best = 0;
    for (int64_t k = 0; k < w->n_slots; ++k) {
        const int32_t slot = w->slot[k];
        if (w->count[slot] > w->count[best] || (w->count[slot] == w->count[best] && slot_id(order, slot) < slot_id(order, best)))
            best = slot;
    }
    return (hg_track_match){
        .majority = best - 1, .n_hits = n_hits, .n_majority = w->count[best], .n_particle = best == 0 ? 0 : order->n_hits_of[best - 1]};
}

hg_status hg_match_tracks(hg_context *ctx, const hg_truth_order *order, const hg_hit_lists *tracks, hg_track_match *out)
{
    hg_status status = HG_OK;
    walk w = {0};

    HG_TRY(begin_walk(ctx, order, tracks, &w));
    for (int64_t t = 0; t < tracks->n; ++t) {
        const int64_t n = count_track(&w, order, tracks, t);
        out[t] = majority(&w, order, n);
        clear_track(&w);
    }
done:
    end_walk(ctx, &w);
    return status;
}

/* Everything that the rates of any target are counted from. */
typedef struct matches {
    int64_t n_tracks;
    hg_track_match *track;          /* [n_tracks] */
    double *earned;                 /* [n_tracks] weight of the majority particle's hits in the track */
    double *weight_of, *weight2_of; /* [n_particles] weights of a particle's hits, and their squares */
    int32_t *half_found;            /* [n_particles] tracks that hold more than half of the particle's hits */
    uint8_t *found;                 /* [n_particles] scratch */
} matches;

static void free_matches(hg_context *ctx, matches *m)
{
    hg_free(ctx, m->track);
    hg_free(ctx, m->earned);
    hg_free(ctx, m->weight_of);
    hg_free(ctx, m->weight2_of);
    hg_free(ctx, m->half_found);
    hg_free(ctx, m->found);
}

static double earned_weight(const hg_truth_order *order, const double *weight, const hg_hit_lists *tracks, int64_t t,
                            const hg_track_match *match, walk *w)
{
    double earned = 0;
    if (weight == NULL || !hg_track_is_matched(match, HG_MATCH_TRACKML)) return 0;
    for (int64_t k = tracks->offset[t]; k < tracks->offset[t + 1]; ++k) {
        const int32_t hit = tracks->hit[k];
        /* the sign marks hits that were added already */
        if (order->particle[hit] != match->majority || w->seen_by[hit] < 0) continue;
        w->seen_by[hit] = -(t + 1);
        earned += weight[hit];
    }
    return earned;
}

static hg_status find_matches(hg_context *ctx, const hg_truth_order *order, const double *weight, const hg_hit_lists *tracks, matches *m)
{
    hg_status status = HG_OK;
    walk w = {0};

    HG_TRY(begin_walk(ctx, order, tracks, &w));
    m->n_tracks = tracks->n;
    HG_TRY(hg_alloc(ctx, &m->track, tracks->n));
    HG_TRY(hg_alloc(ctx, &m->earned, tracks->n));
    HG_TRY(hg_alloc(ctx, &m->weight_of, order->n_particles));
    HG_TRY(hg_alloc(ctx, &m->weight2_of, order->n_particles));
    HG_TRY(hg_alloc(ctx, &m->half_found, order->n_particles));
    HG_TRY(hg_alloc(ctx, &m->found, order->n_particles));
    for (int64_t i = 0; i < order->n_hits && weight != NULL; ++i) {
        if (order->particle[i] < 0) continue;
        m->weight_of[order->particle[i]] += weight[i];
        m->weight2_of[order->particle[i]] += weight[i] * weight[i];
    }
    for (int64_t t = 0; t < tracks->n; ++t) {
        const int64_t n = count_track(&w, order, tracks, t);
        m->track[t] = majority(&w, order, n);
        m->earned[t] = earned_weight(order, weight, tracks, t, &m->track[t], &w);
        for (int64_t k = 0; k < w.n_slots && n >= MIN_TRACK_HITS; ++k) {
            const int32_t slot = w.slot[k];
            if (slot > 0 && 2 * w.count[slot] > order->n_hits_of[slot - 1]) ++m->half_found[slot - 1];
        }
        clear_track(&w);
    }
done:
    end_walk(ctx, &w);
    return status;
}

/* What the rates of one definition are made of, for one target. */
typedef struct tally {
    int64_t tracks, matched;                /* with 3 hits; of these, matched to any particle */
    int64_t tracks_of_target, target_pairs; /* majority particle is a target; of these, matched */
    int64_t distinct;                       /* targets that are matched */
} tally;

/* Particles that are counted: targets, and of these only those marked in `bin`, which also chooses the tracks by their majority. */
typedef struct selection {
    const hg_target *target; /* NULL = everyone */
    const uint8_t *bin;      /* [n_particles], NULL = no bins: all tracks, also those of noise */
} selection;

static bool is_selected(const hg_truth_order *order, const selection *s, int64_t particle)
{
    if (s->target != NULL && !hg_truth_is_target(order, s->target, particle)) return false;
    return s->bin == NULL || (particle >= 0 && s->bin[particle]);
}

static tally count_kind(const hg_truth_order *order, const matches *m, const selection *s, hg_match_kind kind)
{
    tally c = {0};
    memset(m->found, 0, (size_t)order->n_particles);
    for (int64_t t = 0; t < m->n_tracks; ++t) {
        const hg_track_match *match = &m->track[t];
        if (match->n_hits < MIN_TRACK_HITS || (s->bin != NULL && (match->majority < 0 || !s->bin[match->majority]))) continue;
        const bool matched = hg_track_is_matched(match, kind), of_target = is_selected(order, s, match->majority);
        ++c.tracks;
        c.matched += matched;
        c.tracks_of_target += of_target;
        if (!matched || !of_target) continue;
        ++c.target_pairs;
        c.distinct += m->found[match->majority] == 0;
        m->found[match->majority] = 1;
    }
    if (kind != HG_MATCH_ONE_WAY) return c;
    c.target_pairs = c.distinct = 0;
    for (int64_t p = 0; p < order->n_particles; ++p) {
        if (m->half_found[p] == 0 || !is_selected(order, s, p)) continue;
        ++c.distinct;
        c.target_pairs += m->half_found[p];
    }
    return c;
}

static void rate_weights(const hg_truth_order *order, const matches *m, const selection *s, hg_rate *rate)
{
    double earned = 0, total = 0, total2 = 0;
    for (int64_t p = 0; p < order->n_particles; ++p) {
        if (!is_selected(order, s, p)) continue;
        total += m->weight_of[p];
        total2 += m->weight2_of[p];
    }
    for (int64_t t = 0; t < m->n_tracks; ++t)
        if (is_selected(order, s, m->track[t].majority)) earned += m->earned[t];
    *rate = hg_rate_of_weights(s->target == NULL ? "weight of hits in matched tracks / weight of the event"
                                                 : "weight of targets' hits in matched tracks / weight of targets' hits",
                               earned, total, total2);
}

static void rate_target(const hg_truth_order *order, const matches *m, const selection *s, hg_target_rates *out)
{
    double n_targets = 0;
    for (int64_t p = 0; p < order->n_particles; ++p) n_targets += is_selected(order, s, p);
    out->target = *s->target;
    for (hg_match_kind kind = 0; kind < HG_MATCH_KINDS; ++kind) {
        const tally c = count_kind(order, m, s, kind);
        const double tracks = (double)c.tracks, of_target = (double)c.tracks_of_target;
        const double pairs = (double)c.target_pairs, distinct = (double)c.distinct;
        out->efficiency[kind] = kind == HG_MATCH_LHC
                                    ? hg_rate_of_counts("matched tracks of targets / tracks whose majority is a target", pairs, of_target)
                                    : hg_rate_of_counts("targets that are matched / targets", distinct, n_targets);
        out->fake[kind] = kind >= HG_MATCH_ATLAS ? hg_rate_of_counts("unmatched tracks / all tracks", tracks - (double)c.matched, tracks)
                                                 : hg_rate_of_counts("unmatched tracks / tracks, both with a target as majority",
                                                                     of_target - pairs, of_target);
        out->duplicate[kind] = hg_rate_of_counts("(matched pairs - matched targets) / matched targets", pairs - distinct, distinct);
        if (kind == HG_MATCH_DOUBLE_MAJORITY)
            out->fake_of_all = hg_rate_of_counts("unmatched tracks / all tracks", tracks - (double)c.matched, tracks);
    }
    rate_weights(order, m, s, &out->efficiency[HG_MATCH_TRACKML]);
    out->fake[HG_MATCH_TRACKML] = hg_rate_of_counts("not defined", 0, 0);
    out->duplicate[HG_MATCH_TRACKML] = hg_rate_of_counts("not defined", 0, 0);
}

hg_status hg_track_report_make(hg_context *ctx, const hg_truth_order *order, const double *weight, const hg_hit_lists *tracks,
                               const hg_target *targets, int n_targets, hg_track_report *out)
{
    hg_status status = HG_OK;
    matches m = {0};

    HG_CHECK(n_targets >= 0 && n_targets <= HG_REPORT_TARGETS, HG_ERR_ARG, "%d targets, expected 0 .. %d", n_targets, HG_REPORT_TARGETS);
    HG_TRY(find_matches(ctx, order, weight, tracks, &m));
    memset(out, 0, sizeof *out);
    out->n_events = 1;
    out->n_hits = order->n_hits;
    out->n_tracks = tracks->n;
    out->n_targets = n_targets;
    for (int64_t t = 0; t < tracks->n; ++t) out->n_dropped += m.track[t].n_hits < MIN_TRACK_HITS;
    rate_weights(order, &m, &(selection){NULL, NULL}, &out->trackml_score);
    for (int t = 0; t < n_targets; ++t) rate_target(order, &m, &(selection){&targets[t], NULL}, &out->target[t]);
done:
    free_matches(ctx, &m);
    return status;
}

hg_status hg_target_rates_by_bin(hg_context *ctx, const hg_truth_order *order, const double *weight, const hg_hit_lists *tracks,
                                 const hg_target *target, const int32_t *bin_of, int32_t n_bins, hg_target_rates *out)
{
    hg_status status = HG_OK;
    matches m = {0};
    uint8_t *bin = NULL;

    HG_TRY(find_matches(ctx, order, weight, tracks, &m));
    HG_TRY(hg_alloc(ctx, &bin, order->n_particles));
    for (int32_t b = 0; b < n_bins; ++b) {
        for (int64_t p = 0; p < order->n_particles; ++p) bin[p] = bin_of[p] == b;
        rate_target(order, &m, &(selection){target, bin}, &out[b]);
    }
done:
    hg_free(ctx, bin);
    free_matches(ctx, &m);
    return status;
}

void hg_target_rates_add(hg_target_rates *sum, const hg_target_rates *more)
{
    sum->target = more->target;
    for (int kind = 0; kind < HG_MATCH_KINDS; ++kind) {
        hg_rate_add(&sum->efficiency[kind], &more->efficiency[kind]);
        hg_rate_add(&sum->fake[kind], &more->fake[kind]);
        hg_rate_add(&sum->duplicate[kind], &more->duplicate[kind]);
    }
    hg_rate_add(&sum->fake_of_all, &more->fake_of_all);
}

void hg_track_report_add(hg_track_report *sum, const hg_track_report *more)
{
    sum->n_events += more->n_events;
    sum->n_hits += more->n_hits;
    sum->n_tracks += more->n_tracks;
    sum->n_dropped += more->n_dropped;
    sum->n_targets = more->n_targets;
    hg_rate_add(&sum->trackml_score, &more->trackml_score);
    for (int t = 0; t < more->n_targets; ++t) hg_target_rates_add(&sum->target[t], &more->target[t]);
}

typedef struct labelled_hit {
    int64_t label;
    int32_t hit;
} labelled_hit;

static int compare_labels(const void *a, const void *b)
{
    const labelled_hit *p = a, *q = b;
    if (p->label != q->label) return p->label < q->label ? -1 : 1;
    return (p->hit > q->hit) - (p->hit < q->hit);
}

hg_status hg_lists_from_labels(hg_context *ctx, int64_t n_hits, const int64_t *label, int64_t *n, int64_t **offset, int32_t **hit)
{
    hg_status status = HG_OK;
    labelled_hit *hits = NULL;
    int64_t *starts = NULL;
    int32_t *rows = NULL;
    int64_t n_labelled = 0, n_lists = 0;

    HG_TRY(hg_alloc(ctx, &hits, n_hits));
    HG_TRY(hg_alloc(ctx, &starts, n_hits + 1));
    HG_TRY(hg_alloc(ctx, &rows, n_hits));
    for (int64_t i = 0; i < n_hits; ++i)
        if (label[i] > 0) hits[n_labelled++] = (labelled_hit){label[i], (int32_t)i};
    qsort(hits, (size_t)n_labelled, sizeof *hits, compare_labels);
    for (int64_t k = 0; k < n_labelled; ++k) {
        if (k == 0 || hits[k].label != hits[k - 1].label) starts[n_lists++] = k;
        rows[k] = hits[k].hit;
    }
    starts[n_lists] = n_labelled;
    *n = n_lists;
    *offset = starts;
    *hit = rows;
    starts = NULL;
    rows = NULL;
done:
    hg_free(ctx, hits);
    hg_free(ctx, starts);
    hg_free(ctx, rows);
    return status;
}
