/* tracking/weights.c — how much each hit of an event is worth in the TrackML score. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/memory.h"
#include "hitgraph/weights.h"

enum { MIN_HITS = 4, MAX_HITS = 20, N_PROPOSAL = 9 };

/* First and last hits of a track matter most. */
static const double proposal[N_PROPOSAL] = {10, 8, 6, 5, 3, 3, 3, 5, 6};

static double interpolate_proposal(int64_t n, int64_t i)
{
    const double at = (double)(N_PROPOSAL - 1) * (double)i / (double)(n - 1);
    const int below = (int)at;
    if (below >= N_PROPOSAL - 1) return proposal[N_PROPOSAL - 1];
    return proposal[below] + (at - below) * (proposal[below + 1] - proposal[below]);
}

double hg_trackml_order_weight(int64_t n, int64_t i)
{
    if (n < MIN_HITS || i < 0 || i >= n || i >= MAX_HITS) return 0;
    if (n > MAX_HITS) n = MAX_HITS;
    double sum = 0;
    for (int64_t j = 0; j < n; ++j) sum += interpolate_proposal(n, j);
    return interpolate_proposal(n, i) / sum;
}

double hg_trackml_pt_weight(double pt_gev)
{
    const double pt_none = 0.05, pt_low = 0.5, pt_full = 3, weight_low = 0.2;
    if (!(pt_gev >= pt_none)) return 0;
    if (pt_gev <= pt_low) return weight_low;
    if (pt_gev >= pt_full) return 1;
    return weight_low + (1 - weight_low) * (pt_gev - pt_low) / (pt_full - pt_low);
}

typedef struct id_row {
    uint64_t id;
    int64_t row;
} id_row;

typedef struct placed_hit {
    uint64_t id;
    int64_t hit;
    double distance; /* |tz - vz| */
} placed_hit;

static int compare_ids(const void *a, const void *b)
{
    const id_row *p = a, *q = b;
    if (p->id != q->id) return p->id < q->id ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

static int compare_places(const void *a, const void *b)
{
    const placed_hit *p = a, *q = b;
    if (p->id != q->id) return p->id < q->id ? -1 : 1;
    if (p->distance != q->distance) return p->distance < q->distance ? -1 : 1;
    return (p->hit > q->hit) - (p->hit < q->hit);
}

static int compare_key(const void *key, const void *row)
{
    const uint64_t a = *(const uint64_t *)key, b = ((const id_row *)row)->id;
    return (a > b) - (a < b);
}

/* Hits of one particle, sorted by distance; equal distances share the truncated mean of their ranks. */
static void weigh_particle(const placed_hit *hits, int64_t n, double pt_weight, double *weights)
{
    for (int64_t first = 0; first < n;) {
        int64_t last = first;
        while (last + 1 < n && hits[last + 1].distance == hits[first].distance) ++last;
        const int64_t rank = (first + last) / 2;
        for (int64_t k = first; k <= last; ++k) weights[hits[k].hit] = pt_weight * hg_trackml_order_weight(n, rank);
        first = last + 1;
    }
}

static double particle_weight(const hg_particles *particles, int64_t row, hg_weight_rule rule)
{
    const bool secondary = (particles->particle_id[row] >> 24 & 0xfff) != 0;
    if (rule == HG_WEIGHTS_PHASE_2 && secondary) return 0;
    return hg_trackml_pt_weight(hypot(particles->px[row], particles->py[row]));
}

static hg_status sorted_particle_ids(hg_context *ctx, const hg_particles *particles, id_row **out)
{
    hg_status status = HG_OK;
    id_row *ids = NULL;

    HG_TRY(hg_alloc(ctx, &ids, particles->n));
    for (int64_t p = 0; p < particles->n; ++p) ids[p] = (id_row){particles->particle_id[p], p};
    qsort(ids, (size_t)particles->n, sizeof *ids, compare_ids);
    for (int64_t p = 1; p < particles->n; ++p)
        HG_CHECK(ids[p].id != ids[p - 1].id, HG_ERR_DATA, "particle %" PRIu64 " is in the particle table twice", ids[p].id);
    *out = ids;
    ids = NULL;
done:
    hg_free(ctx, ids);
    return status;
}

hg_status hg_trackml_weights(hg_context *ctx, const hg_event *event, hg_weight_rule rule, double *weights, double *raw_sum)
{
    hg_status status = HG_OK;
    const hg_particles *particles = &event->particles;
    id_row *ids = NULL;
    placed_hit *hits = NULL;
    double sum = 0;
    int64_t n = 0;

    HG_CHECK(event->has_truth && event->has_particles, HG_ERR_ARG, "event %" PRIu64 ": weights need truth and particles", event->event_id);
    HG_TRY(sorted_particle_ids(ctx, particles, &ids));
    HG_TRY(hg_alloc(ctx, &hits, event->hits.n));
    for (int64_t i = 0; i < event->hits.n; ++i) {
        weights[i] = 0;
        const uint64_t id = event->truth.particle_id[i];
        const id_row *found = id == 0 ? NULL : bsearch(&id, ids, (size_t)particles->n, sizeof *ids, compare_key);
        if (found != NULL) hits[n++] = (placed_hit){id, i, fabs(event->truth.tz[i] - particles->vz[found->row])};
    }
    qsort(hits, (size_t)n, sizeof *hits, compare_places);
    for (int64_t first = 0; first < n;) {
        int64_t end = first;
        while (end < n && hits[end].id == hits[first].id) ++end;
        const id_row *found = bsearch(&hits[first].id, ids, (size_t)particles->n, sizeof *ids, compare_key);
        weigh_particle(hits + first, end - first, particle_weight(particles, found->row, rule), weights);
        first = end;
    }

    for (int64_t i = 0; i < event->hits.n; ++i) sum += weights[i];
    for (int64_t i = 0; i < event->hits.n && sum > 0; ++i) weights[i] /= sum;
    if (raw_sum != NULL) *raw_sum = sum;
done:
    hg_free(ctx, ids);
    hg_free(ctx, hits);
    return status;
}
