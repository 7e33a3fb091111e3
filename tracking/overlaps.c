/* overlaps.c — second hits of a track on a layer, found by the edges of the doublet graph. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "tracking/finder.h"

/* Where the second hit lies along the track with respect to hit `at`: the direction is that of its neighbours. */
static bool lies_outside(const hg_hits *hits, const hg_candidate *track, int32_t at, int32_t hit)
{
    int32_t inner = track->hit[at > 0 ? at - 1 : at], outer = track->hit[at + 1 < track->n ? at + 1 : at], mid = track->hit[at];
    double dot = (hits->x[hit] - hits->x[mid]) * (hits->x[outer] - hits->x[inner]) +
                 (hits->y[hit] - hits->y[mid]) * (hits->y[outer] - hits->y[inner]) +
                 (hits->z[hit] - hits->z[mid]) * (hits->z[outer] - hits->z[inner]);
    return dot > 0;
}

static double distance(const hg_hits *hits, int32_t a, int32_t b)
{
    double d[3] = {hits->x[a] - hits->x[b], hits->y[a] - hits->y[b], hits->z[a] - hits->z[b]};
    return sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
}

static bool has_module(const hg_finder *finder, const hg_candidate *track, int64_t module)
{
    for (int32_t k = 0; k < track->n; ++k)
        if (finder->input->hit_module[track->hit[k]] == module) return true;
    return false;
}

typedef struct second_hit {
    int32_t hit;
    float score;
} second_hit;

/* `other` is tied to the track by an edge; takes it as the best so far if it can be the second hit beside track hit `at`. */
static void consider(const hg_finder *finder, const hg_candidate *track, int32_t at, int32_t other, float score, second_hit *best)
{
    if (finder->used[other] || score < finder->options->overlap_min || score <= best->score) return;
    if (distance(finder->input->hits, other, track->hit[at]) > finder->options->overlap_mm) return;
    if (finder->hit_layer[other] != finder->hit_layer[track->hit[at]] || has_module(finder, track, finder->input->hit_module[other]))
        return;
    *best = (second_hit){.hit = other, .score = score};
}

/* Second hits share the neighbours of hit `at`: they follow the hit before, precede the hit after, or are tied by a same-layer edge. */
static second_hit best_second(const hg_finder *finder, const hg_candidate *track, int32_t at)
{
    const hg_graph *graph = finder->input->graph;
    const float *score = finder->input->doublet_score;
    const uint8_t *same = finder->input->same_layer;
    second_hit best = {.hit = -1, .score = 0};
    int32_t hit = track->hit[at];

    for (int side = 0; side < 2; ++side) {
        int32_t near_by = at + (side ? 1 : -1);
        if (near_by < 0 || near_by >= track->n) continue;
        int32_t from = track->hit[near_by];
        if (side) {
            for (int64_t e = graph->in_ptr[from]; e < graph->in_ptr[from + 1]; ++e)
                consider(finder, track, at, graph->sender[e], score[e], &best);
        } else {
            for (int64_t k = graph->out_ptr[from]; k < graph->out_ptr[from + 1]; ++k)
                consider(finder, track, at, graph->receiver[graph->out_edge[k]], score[graph->out_edge[k]], &best);
        }
    }
    if (!same) return best;
    for (int64_t e = graph->in_ptr[hit]; e < graph->in_ptr[hit + 1]; ++e)
        if (same[e]) consider(finder, track, at, graph->sender[e], score[e], &best);
    for (int64_t k = graph->out_ptr[hit]; k < graph->out_ptr[hit + 1]; ++k)
        if (same[graph->out_edge[k]]) consider(finder, track, at, graph->receiver[graph->out_edge[k]], score[graph->out_edge[k]], &best);
    return best;
}

static void insert_hit(hg_candidate *track, int32_t at, int32_t hit, float gain)
{
    for (int32_t k = track->n; k > at; --k) {
        track->hit[k] = track->hit[k - 1];
        track->gain[k] = track->gain[k - 1];
    }
    track->hit[at] = hit;
    track->gain[at] = gain;
    ++track->n;
}

void hg_overlaps_from_graph(hg_finder *finder, int64_t first_track)
{
    for (int64_t t = first_track; t < finder->tracks.n; ++t) {
        hg_candidate *track = &finder->tracks.item[t];
        for (int32_t k = 0; k < track->n && track->n < HG_CANDIDATE_HITS; ++k) {
            second_hit second = best_second(finder, track, k);
            if (second.hit < 0) continue;
            finder->used[second.hit] = 1;
            insert_hit(track, lies_outside(finder->input->hits, track, k, second.hit) ? k + 1 : k, second.hit, second.score);
            ++k; /* the pair is done; a third hit on one layer is rare */
        }
    }
}
