/* unit/metrics.c — rates, matching, graph metrics and losses against counting by hand over all pairs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "hitgraph/metrics.h"
#include "tests/near.h"
#include "tests/context.h"

enum { HITS = 40, PARTICLES = 6, TRACKS = 8, TRIALS = 300 };

/* A truth order with storage of its own. */
typedef struct small_truth {
    hg_truth_order order;
    int32_t particle[HITS], layer_rank[HITS], module_rank[HITS];
    uint64_t id[PARTICLES];
    double pt[PARTICLES], eta[PARTICLES], zero[PARTICLES], weight[HITS];
    int32_t hits_of[PARTICLES], layers_of[PARTICLES], generation[PARTICLES];
} small_truth;

static void join(small_truth *s, int64_t n_hits, int64_t n_particles)
{
    s->order = (hg_truth_order){n_hits, n_particles, s->particle, s->layer_rank, s->module_rank, s->id,        s->pt,
                                s->eta, s->zero,     s->zero,     s->zero,       s->hits_of,     s->layers_of, s->generation};
}

/* Each further hit of a particle lies on a new module, mostly on a new layer; sometimes two hits share a module. */
static void random_truth(small_truth *s, hg_random *stream)
{
    memset(s, 0, sizeof *s);
    join(s, hg_random_below(stream, HITS + 1), 1 + hg_random_below(stream, PARTICLES));
    for (int64_t p = 0; p < s->order.n_particles; ++p) {
        s->id[p] = (uint64_t)(100 - 7 * p);
        s->pt[p] = hg_random_range(stream, 0.3, 1.5);
        s->eta[p] = hg_random_range(stream, -5, 5);
        s->generation[p] = hg_random_uniform(stream) < 0.2;
    }
    for (int64_t i = 0; i < s->order.n_hits; ++i) {
        const int32_t p = s->particle[i] = (int32_t)hg_random_below(stream, s->order.n_particles + 1) - 1;
        s->layer_rank[i] = s->module_rank[i] = -1;
        if (p < 0) continue;
        s->weight[i] = hg_random_uniform(stream);
        int64_t before = i - 1;
        while (before >= 0 && s->particle[before] != p) --before;
        const double dice = hg_random_uniform(stream);
        s->module_rank[i] = before < 0 ? 0 : s->module_rank[before] + (dice > 0.1);
        s->layer_rank[i] = before < 0 ? 0 : s->layer_rank[before] + (dice > 0.3);
        s->layers_of[p] = s->layer_rank[i] + 1;
        ++s->hits_of[p];
    }
}

typedef struct small_lists {
    hg_hit_lists lists;
    int64_t offset[TRACKS + 1];
    int32_t hit[TRACKS * 12];
} small_lists;

/* Tracks that follow one particle, with strangers, shared hits and repeated hits among them. */
static void random_lists(small_lists *l, const small_truth *s, hg_random *stream)
{
    memset(l, 0, sizeof *l);
    l->lists = (hg_hit_lists){s->order.n_hits == 0 ? 0 : hg_random_below(stream, TRACKS + 1), l->offset, l->hit};
    int64_t n = 0;
    for (int64_t t = 0; t < l->lists.n; ++t) {
        const int32_t p = (int32_t)hg_random_below(stream, s->order.n_particles);
        const double keep = hg_random_uniform(stream), strange = 0.3 * hg_random_uniform(stream);
        for (int64_t i = 0; i < s->order.n_hits && n - l->offset[t] < 11; ++i)
            if (hg_random_uniform(stream) < (s->particle[i] == p ? keep : strange * strange)) l->hit[n++] = (int32_t)i;
        if (n > l->offset[t] && hg_random_uniform(stream) < 0.2) l->hit[n] = l->hit[n - 1], ++n;
        l->offset[t + 1] = n;
    }
}

static bool holds(const hg_hit_lists *lists, int64_t t, int64_t hit)
{
    for (int64_t k = lists->offset[t]; k < lists->offset[t + 1]; ++k)
        if (lists->hit[k] == hit) return true;
    return false;
}

/* Distinct hits of particle p in track t; p == -1: noise, p == -2: all. */
static int64_t overlap(const small_truth *s, const hg_hit_lists *lists, int64_t t, int64_t p)
{
    int64_t n = 0;
    for (int64_t i = 0; i < s->order.n_hits; ++i) n += (p == -2 || s->particle[i] == p) && holds(lists, t, i);
    return n;
}

static int64_t naive_majority(const small_truth *s, const hg_hit_lists *lists, int64_t t)
{
    int64_t best = -1;
    for (int64_t p = 0; p < s->order.n_particles; ++p) {
        const int64_t here = overlap(s, lists, t, p), there = overlap(s, lists, t, best);
        if (here > there || (here == there && here > 0 && best >= 0 && s->id[p] < s->id[best])) best = p;
    }
    return best;
}

static bool naive_match(const small_truth *s, const hg_hit_lists *lists, int64_t t, int64_t p, hg_match_kind kind)
{
    const double m = (double)overlap(s, lists, t, p), n_c = (double)overlap(s, lists, t, -2);
    const double purity = m / n_c, completeness = m / s->hits_of[p];
    switch (kind) {
    case HG_MATCH_PERFECT:
        return purity == 1 && completeness == 1;
    case HG_MATCH_LHC:
        return purity > 0.75;
    case HG_MATCH_ATLAS:
    case HG_MATCH_ONE_WAY:
        return purity > 0.5;
    default:
        return purity > 0.5 && completeness > 0.5;
    }
}

static void assert_rate(const hg_rate *rate, double numerator, double denominator)
{
    assert_non_null(rate->definition);
    assert_near(rate->numerator, numerator, 1e-12);
    assert_near(rate->denominator, denominator, 1e-12);
}

static void check_kind(const small_truth *s, const hg_hit_lists *tracks, const hg_target_rates *r, hg_match_kind kind)
{
    double n_tracks = 0, matched = 0, of_target = 0, pairs = 0, distinct = 0, targets = 0;
    for (int64_t t = 0; t < tracks->n; ++t) {
        if (overlap(s, tracks, t, -2) < 3) continue;
        const int64_t p = naive_majority(s, tracks, t);
        const bool good = p >= 0 && naive_match(s, tracks, t, p, kind), target = hg_truth_is_target(&s->order, &r->target, p);
        n_tracks += 1, matched += good, of_target += target, pairs += good && target;
    }
    double found_pairs = 0;
    for (int64_t p = 0; p < s->order.n_particles; ++p) {
        if (!hg_truth_is_target(&s->order, &r->target, p)) continue;
        double here = 0;
        for (int64_t t = 0; t < tracks->n; ++t) {
            if (overlap(s, tracks, t, -2) < 3) continue;
            const bool found = 2 * overlap(s, tracks, t, p) > s->hits_of[p];
            here += kind == HG_MATCH_ONE_WAY ? found : naive_majority(s, tracks, t) == p && naive_match(s, tracks, t, p, kind);
        }
        ++targets, distinct += here > 0, found_pairs += here;
    }
    if (kind == HG_MATCH_LHC)
        assert_rate(&r->efficiency[kind], pairs, of_target);
    else
        assert_rate(&r->efficiency[kind], distinct, targets);
    if (kind >= HG_MATCH_ATLAS)
        assert_rate(&r->fake[kind], n_tracks - matched, n_tracks);
    else
        assert_rate(&r->fake[kind], of_target - pairs, of_target);
    assert_rate(&r->duplicate[kind], found_pairs - distinct, distinct);
    if (kind == HG_MATCH_DOUBLE_MAJORITY) assert_rate(&r->fake_of_all, n_tracks - matched, n_tracks);
}

static void matching_agrees_with_counting(void **state)
{
    (void)state;
    const hg_target targets[2] = {{0.5, 4, 3, 2, false}, {0.9, 4, 4, 3, true}};
    for (uint64_t trial = 0; trial < TRIALS; ++trial) {
        hg_random stream = hg_random_stream(11, 1, trial, 0);
        small_truth s;
        small_lists l;
        random_truth(&s, &stream);
        random_lists(&l, &s, &stream);
        hg_track_report report;
        assert_int_equal(hg_track_report_make(ctx, &s.order, s.weight, &l.lists, targets, 2, &report), HG_OK);
        for (int t = 0; t < 2; ++t)
            for (hg_match_kind kind = HG_MATCH_DOUBLE_MAJORITY; kind < HG_MATCH_KINDS; ++kind)
                check_kind(&s, &l.lists, &report.target[t], kind);
        double earned = 0, total = 0;
        for (int64_t i = 0; i < s.order.n_hits; ++i) total += s.weight[i];
        for (int64_t t = 0; t < l.lists.n; ++t) {
            const int64_t p = naive_majority(&s, &l.lists, t);
            for (int64_t i = 0; i < s.order.n_hits && p >= 0 && naive_match(&s, &l.lists, t, p, HG_MATCH_TRACKML); ++i)
                if (s.particle[i] == p && holds(&l.lists, t, i)) earned += s.weight[i];
        }
        assert_rate(&report.trackml_score, earned, total);
    }
}

static void perfect_tracks_have_perfect_rates(void **state)
{
    (void)state;
    const hg_target all = {0, 10, 3, 1, false};
    hg_random stream = hg_random_stream(11, 2, 0, 0);
    small_truth s;
    do random_truth(&s, &stream);
    while (s.order.n_hits < 30);
    int64_t label[HITS], n, *offset;
    int32_t *hit;
    for (int64_t i = 0; i < s.order.n_hits; ++i) label[i] = s.particle[i] + 1;
    assert_int_equal(hg_lists_from_labels(ctx, s.order.n_hits, label, &n, &offset, &hit), HG_OK);
    hg_track_report once, sum = {0};
    assert_int_equal(hg_track_report_make(ctx, &s.order, s.weight, &(hg_hit_lists){n, offset, hit}, &all, 1, &once), HG_OK);
    hg_track_report_add(&sum, &once);
    hg_track_report_add(&sum, &once);
    assert_int_equal(sum.n_events, 2);
    assert_near(sum.trackml_score.value, 1, 1e-12);
    for (int kind = 0; kind < HG_MATCH_KINDS; ++kind) {
        assert_near(sum.target[0].efficiency[kind].value, 1, 1e-12);
        if (kind == HG_MATCH_TRACKML) continue;
        assert_near(sum.target[0].fake[kind].value, 0, 0);
        assert_near(sum.target[0].duplicate[kind].value, 0, 0);
        assert_near(sum.target[0].efficiency[kind].denominator, 2 * once.target[0].efficiency[kind].denominator, 0);
    }
    hg_free(ctx, offset);
    hg_free(ctx, hit);
}

/* Label of the pair i -> j by the definition: 1 = true, 2 = overlap. */
static int naive_edge(const small_truth *s, hg_edge_truth truth, int64_t i, int64_t j)
{
    if (s->particle[i] < 0 || s->particle[i] != s->particle[j]) return 0;
    const int step = truth == HG_EDGES_MODULEWISE ? s->module_rank[j] - s->module_rank[i] : s->layer_rank[j] - s->layer_rank[i];
    return step == 1 ? 1 : truth == HG_EDGES_WITH_OVERLAPS && step == 0 && i != j ? 2 : 0;
}

static void assert_edge_rates(const hg_edge_rates *r, double counted, double possible, double of_target, double of_others, double kept)
{
    assert_int_equal(r->n_kept, (int64_t)kept);
    assert_rate(&r->efficiency, counted, possible);
    assert_rate(&r->purity_total, of_target, kept);
    assert_rate(&r->purity_all_true, of_target + of_others, kept);
    assert_rate(&r->purity_masked, of_target, kept - of_others);
}

typedef struct small_edges {
    hg_edge_list list;
    int32_t sender[HITS * HITS], receiver[HITS * HITS];
    uint8_t keep[HITS * HITS];
} small_edges;

static void check_doublets(const small_truth *s, const small_edges *edges, hg_edge_truth truth, const hg_target *target)
{
    double counted = 0, possible = 0, of_target = 0, of_others = 0, kept = 0;
    for (int64_t i = 0; i < s->order.n_hits; ++i)
        for (int64_t j = 0; j < s->order.n_hits; ++j)
            possible += naive_edge(s, truth, i, j) == 1 && hg_truth_is_target(&s->order, target, s->particle[i]);
    for (int64_t e = 0; e < edges->list.n; ++e) {
        if (!edges->keep[e]) continue;
        const int label = naive_edge(s, truth, edges->sender[e], edges->receiver[e]);
        const bool is_target = hg_truth_is_target(&s->order, target, s->particle[edges->sender[e]]);
        kept += 1, counted += label == 1 && is_target, of_target += label > 0 && is_target, of_others += label > 0 && !is_target;
    }
    hg_edge_rates rates;
    assert_int_equal(hg_doublet_rates(ctx, &s->order, &edges->list, truth, target, &rates), HG_OK);
    assert_edge_rates(&rates, counted, possible, of_target, of_others, kept);
}

static void check_triplets(const small_truth *s, const small_edges *edges, const int64_t *node, int64_t n_nodes, const small_edges *line,
                           hg_edge_truth truth, const hg_target *target)
{
    double counted = 0, possible = 0, of_target = 0, of_others = 0;
    for (int64_t i = 0; i < s->order.n_hits; ++i)
        for (int64_t j = 0; j < s->order.n_hits; ++j)
            for (int64_t k = 0; k < s->order.n_hits && naive_edge(s, truth, i, j) == 1; ++k)
                possible += naive_edge(s, truth, j, k) == 1 && hg_truth_is_target(&s->order, target, s->particle[i]);
    for (int64_t t = 0; t < line->list.n; ++t) {
        const int64_t a = node[line->sender[t]], b = node[line->receiver[t]];
        const int first = naive_edge(s, truth, edges->sender[a], edges->receiver[a]);
        const int second = naive_edge(s, truth, edges->sender[b], edges->receiver[b]);
        if (first == 0 || second == 0 || edges->receiver[a] != edges->sender[b]) continue;
        const bool is_target = hg_truth_is_target(&s->order, target, s->particle[edges->sender[a]]);
        counted += first == 1 && second == 1 && is_target, of_target += is_target, of_others += !is_target;
    }
    hg_edge_rates rates;
    assert_int_equal(hg_triplet_rates(ctx, &s->order, &edges->list, n_nodes, node, &line->list, truth, target, &rates), HG_OK);
    assert_edge_rates(&rates, counted, possible, of_target, of_others, (double)line->list.n);
}

static void doublets_and_triplets_agree_with_counting(void **state)
{
    (void)state;
    static small_edges edges, line;
    static int64_t node[HITS * HITS];
    const hg_target target = {0.5, 4, 3, 2, true};
    for (uint64_t trial = 0; trial < TRIALS; ++trial) {
        hg_random stream = hg_random_stream(11, 3, trial, 0);
        small_truth s;
        random_truth(&s, &stream);
        int64_t n = 0, n_nodes = 0, n_line = 0;
        for (int32_t i = 0; i < s.order.n_hits; ++i)
            for (int32_t j = 0; j < s.order.n_hits; ++j) {
                const bool likely = s.particle[i] == s.particle[j] && i < j;
                if (hg_random_uniform(&stream) > (likely ? 0.7 : 0.02)) continue;
                edges.sender[n] = i, edges.receiver[n] = j;
                edges.keep[n++] = hg_random_uniform(&stream) < 0.8;
            }
        edges.list = (hg_edge_list){n, edges.sender, edges.receiver, edges.keep};
        for (int64_t e = 0; e < n; ++e)
            if (edges.keep[e]) node[n_nodes++] = e;
        for (int32_t a = 0; a < n_nodes; ++a)
            for (int32_t b = 0; b < n_nodes && n_line < HITS * HITS; ++b)
                if (edges.receiver[node[a]] == edges.sender[node[b]]) line.sender[n_line] = a, line.receiver[n_line++] = b;
        line.list = (hg_edge_list){n_line, line.sender, line.receiver, NULL};
        for (hg_edge_truth truth = HG_EDGES_LAYERWISE; truth <= HG_EDGES_WITH_OVERLAPS; ++truth) {
            check_doublets(&s, &edges, truth, &target);
            check_triplets(&s, &edges, node, n_nodes, &line, truth, &target);
        }
    }
}

/* Every score is tried as a cut: the largest that keeps enough is the one found, and the rates are those of what it keeps. */
static void check_working_point(const small_truth *s, small_edges *edges, const float *score, double efficiency)
{
    const hg_target target = {0.5, 4, 3, 2, true};
    const hg_edge_truth truth = HG_EDGES_WITH_OVERLAPS;
    hg_edge_rates found, expected;
    float cut = -1, best = INFINITY;
    double all = 0;
    for (int64_t e = 0; e < edges->list.n; ++e)
        edges->keep[e] = naive_edge(s, truth, edges->sender[e], edges->receiver[e]) == 1 &&
                         hg_truth_is_target(&s->order, &target, s->particle[edges->sender[e]]);
    for (int64_t e = 0; e < edges->list.n; ++e) all += edges->keep[e];
    for (int64_t k = 0; k < edges->list.n; ++k) {
        double left = 0;
        for (int64_t e = 0; e < edges->list.n; ++e) left += edges->keep[e] && score[e] >= score[k];
        if (edges->keep[k] && left >= efficiency * all - 1e-9 && (isinf(best) || score[k] > best)) best = score[k];
    }
    assert_int_equal(hg_doublet_working_point(ctx, &s->order, &edges->list, score, truth, &target, efficiency, &cut, &found), HG_OK);
    assert_true(cut == best);
    for (int64_t e = 0; e < edges->list.n; ++e) edges->keep[e] = score[e] >= cut;
    assert_int_equal(hg_doublet_rates(ctx, &s->order, &edges->list, truth, &target, &expected), HG_OK);
    assert_int_equal(found.n_kept, expected.n_kept);
    assert_rate(&found.purity_all_true, expected.purity_all_true.numerator, expected.purity_all_true.denominator);
    assert_rate(&found.efficiency, expected.efficiency.numerator, expected.efficiency.denominator);
}

static void working_points_agree_with_trying_every_cut(void **state)
{
    (void)state;
    static small_edges edges;
    static float score[HITS * HITS];
    for (uint64_t trial = 0; trial < TRIALS; ++trial) {
        hg_random stream = hg_random_stream(11, 5, trial, 0);
        small_truth s;
        random_truth(&s, &stream);
        int64_t n = 0;
        for (int32_t i = 0; i < s.order.n_hits; ++i)
            for (int32_t j = 0; j < s.order.n_hits; ++j) {
                if (hg_random_uniform(&stream) > (s.particle[i] == s.particle[j] ? 0.5 : 0.05)) continue;
                edges.sender[n] = i, edges.receiver[n] = j;
                score[n++] = (float)hg_random_below(&stream, 30) / 29; /* many are equal */
            }
        edges.list = (hg_edge_list){n, edges.sender, edges.receiver, edges.keep};
        check_working_point(&s, &edges, score, 0.99);
        check_working_point(&s, &edges, score, 0.8);
        check_working_point(&s, &edges, score, 1);
    }
}

static void seeds_agree_with_counting(void **state)
{
    (void)state;
    const hg_target target = {0.5, 4, 3, 2, false};
    for (uint64_t trial = 0; trial < TRIALS; ++trial) {
        hg_random stream = hg_random_stream(11, 4, trial, 0);
        small_truth s;
        small_lists l;
        random_truth(&s, &stream);
        random_lists(&l, &s, &stream);
        double correct = 0, of_target = 0, distinct = 0, targets = 0;
        for (int64_t p = 0; p < s.order.n_particles; ++p) {
            double here = 0;
            for (int64_t t = 0; t < l.lists.n; ++t)
                here += overlap(&s, &l.lists, t, -2) > 0 && overlap(&s, &l.lists, t, p) == overlap(&s, &l.lists, t, -2);
            correct += here;
            if (!hg_truth_is_target(&s.order, &target, p)) continue;
            ++targets, of_target += here, distinct += here > 0;
        }
        hg_seed_rates rates;
        assert_int_equal(hg_seed_rates_make(ctx, &s.order, &l.lists, &target, &rates), HG_OK);
        assert_rate(&rates.efficiency, distinct, targets);
        assert_rate(&rates.purity, correct, (double)l.lists.n);
        assert_rate(&rates.duplicate, of_target - distinct, of_target);
    }
}

/* Particle p has hits 4p .. 4p + 3 on four layers (particle 0: all on one layer), and is lost at stage p + 1; the last one is found. */
static void losses_are_found_at_their_stage(void **state)
{
    (void)state;
    enum { N = 7 };
    static int32_t particle[4 * N], rank[4 * N], hits_of[N], layers_of[N], generation[N], sender[3 * N], receiver[3 * N], first[3 * N],
        second[3 * N];
    static uint64_t id[N];
    static double pt[N], zero[N];
    static uint8_t keep[3 * N], keep_triplet[3 * N];
    int64_t n = 0, n_triplets = 0, n_seeds = 0, n_tracks = 0, seed_offset[N + 1] = {0}, track_offset[N + 1] = {0};
    int32_t seed[3 * N], track[4 * N];
    for (int32_t p = 0; p < N; ++p) {
        id[p] = (uint64_t)p + 1, pt[p] = 1, hits_of[p] = 4, layers_of[p] = p == 0 ? 1 : 4;
        for (int32_t k = 0; k < 4; ++k) particle[4 * p + k] = p, rank[4 * p + k] = p == 0 ? 0 : k;
        const int32_t n_doublets = p == 0 ? 0 : p == 1 ? 1 : 3;
        for (int32_t k = 0; k < n_doublets; ++k) {
            sender[n] = 4 * p + k, receiver[n] = 4 * p + k + 1;
            keep[n] = p != 2 || k != 1;
            if (k > 0 && p > 2) {
                first[n_triplets] = (int32_t)n - 1, second[n_triplets] = (int32_t)n;
                keep_triplet[n_triplets++] = p > 3;
            }
            ++n;
        }
        if (p > 4) {
            for (int k = 0; k < 3; ++k) seed[3 * n_seeds + k] = 4 * p + k;
            ++n_seeds;
            seed_offset[n_seeds] = 3 * n_seeds;
        }
        if (p > 5) {
            for (int k = 0; k < 4; ++k) track[k] = 4 * p + k;
            track_offset[++n_tracks] = 4;
        }
    }
    const hg_truth_order order = {4 * N, N, particle, rank, rank, id, pt, zero, zero, zero, zero, hits_of, layers_of, generation};
    const hg_edge_list doublets = {n, sender, receiver, keep}, triplets = {n_triplets, first, second, keep_triplet};
    const hg_hit_lists seeds = {n_seeds, seed_offset, seed}, tracks = {n_tracks, track_offset, track};
    const hg_stages stages = {.doublets = &doublets, .triplets = &triplets, .n_nodes = n, .seeds = &seeds, .tracks = &tracks};
    const hg_target target = {0.5, 4, 3, 1, false};
    int64_t count[HG_LOSS_STAGES];
    assert_int_equal(hg_losses_count(ctx, &order, &target, &stages, count), HG_OK);
    for (int k = 0; k < HG_LOSS_STAGES; ++k) assert_int_equal(count[k], 1);
    const hg_stages only_tracks = {.tracks = &tracks};
    assert_int_equal(hg_losses_count(ctx, &order, &target, &only_tracks, count), HG_OK);
    assert_int_equal(count[HG_LOSS_NONE], 1);
    assert_int_equal(count[HG_LOSS_HITS], 1);
    assert_int_equal(count[HG_LOSS_TRACK], N - 2);
    const hg_stages headless = {.triplets = &triplets};
    assert_int_equal(hg_losses_count(ctx, &order, &target, &headless, count), HG_ERR_ARG);
}

static void intervals_are_wilsons(void **state)
{
    (void)state;
    const hg_rate most = hg_rate_of_counts("", 95, 100), all = hg_rate_of_counts("", 100, 100), none = hg_rate_of_counts("", 0, 0);
    assert_near(most.low, .923405, 1e-6);
    assert_near(most.high, .967684, 1e-6);
    assert_near(all.low, .990099, 1e-6);
    assert_near(all.high, 1, 1e-12);
    assert_true(isnan(none.value) && isnan(none.low) && isnan(none.high));
    assert_true(isnan(hg_rate_of_counts("", 3, 2).low));
    const hg_rate weighted = hg_rate_of_weights("", 9.5, 10, 1);
    assert_near(weighted.low, most.low, 1e-12);
    char text[128];
    hg_target_describe(&(hg_target){0.9, 4, 3, 3, true}, text, sizeof text);
    assert_string_equal(text, "pT > 0.9 GeV, |eta| < 4, >= 3 layers, >= 3 hits, generation 0");
}

static void corners_are_no_errors(void **state)
{
    (void)state;
    small_truth s = {0};
    join(&s, 0, 0);
    const hg_hit_lists no_tracks = {0, (int64_t[]){0}, NULL};
    const hg_edge_list no_edges = {0};
    const hg_target target = {0.5, 4, 3, 3, false};
    hg_track_report report;
    hg_edge_rates edges;
    hg_seed_rates seeds;
    assert_int_equal(hg_track_report_make(ctx, &s.order, NULL, &no_tracks, &target, 1, &report), HG_OK);
    assert_int_equal(hg_doublet_rates(ctx, &s.order, &no_edges, HG_EDGES_LAYERWISE, &target, &edges), HG_OK);
    assert_int_equal(hg_seed_rates_make(ctx, &s.order, &no_tracks, &target, &seeds), HG_OK);
    assert_true(isnan(report.target[0].efficiency[HG_MATCH_PERFECT].value) && isnan(edges.efficiency.value) && isnan(seeds.purity.value));

    /* all noise: the track is fake for whoever counts all tracks, and nobody's for the others */
    join(&s, 4, 0);
    for (int i = 0; i < 4; ++i) s.particle[i] = s.layer_rank[i] = s.module_rank[i] = -1;
    const hg_hit_lists one_track = {1, (int64_t[]){0, 4}, (int32_t[]){0, 1, 2, 3}};
    assert_int_equal(hg_track_report_make(ctx, &s.order, NULL, &one_track, &target, 1, &report), HG_OK);
    assert_near(report.target[0].fake[HG_MATCH_ATLAS].value, 1, 0);
    assert_near(report.target[0].fake_of_all.value, 1, 0);
    assert_near(report.target[0].fake[HG_MATCH_DOUBLE_MAJORITY].denominator, 0, 0);

    /* rows that do not exist */
    const hg_hit_lists wild = {1, (int64_t[]){0, 1}, (int32_t[]){4}};
    const int32_t end[1] = {9}, start[1] = {0};
    hg_track_match match;
    assert_int_equal(hg_match_tracks(ctx, &s.order, &wild, &match), HG_ERR_ARG);
    assert_int_equal(hg_seed_rates_make(ctx, &s.order, &wild, &target, &seeds), HG_ERR_ARG);
    assert_int_equal(hg_doublet_rates(ctx, &s.order, &(hg_edge_list){1, start, end, NULL}, HG_EDGES_LAYERWISE, &target, &edges),
                     HG_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matching_agrees_with_counting),
        cmocka_unit_test(perfect_tracks_have_perfect_rates),
        cmocka_unit_test(doublets_and_triplets_agree_with_counting),
        cmocka_unit_test(working_points_agree_with_trying_every_cut),
        cmocka_unit_test(seeds_agree_with_counting),
        cmocka_unit_test(losses_are_found_at_their_stage),
        cmocka_unit_test(intervals_are_wilsons),
        cmocka_unit_test(corners_are_no_errors),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
