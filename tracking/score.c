/* tracking/score.c — the TrackML score of a set of tracks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/memory.h"
#include "hitgraph/weights.h"

typedef struct labelled_hit {
    int64_t label;
    uint64_t particle_id;
    double weight;
    int64_t hit;
} labelled_hit;

static int compare_ids(const void *a, const void *b)
{
    const uint64_t p = *(const uint64_t *)a, q = *(const uint64_t *)b;
    return (p > q) - (p < q);
}

static int compare_hits(const void *a, const void *b)
{
    const labelled_hit *p = a, *q = b;
    if (p->label != q->label) return p->label < q->label ? -1 : 1;
    if (p->particle_id != q->particle_id) return p->particle_id < q->particle_id ? -1 : 1;
    return (p->hit > q->hit) - (p->hit < q->hit);
}

/* How often an id occurs in a sorted list. */
static int64_t count_id(const uint64_t *ids, int64_t n, uint64_t id)
{
    int64_t edge[2];
    for (int side = 0; side < 2; ++side) {
        int64_t low = 0, high = n;
        while (low < high) {
            const int64_t middle = low + (high - low) / 2;
            if (ids[middle] < id || (side == 1 && ids[middle] == id))
                low = middle + 1;
            else
                high = middle;
        }
        edge[side] = low;
    }
    return edge[1] - edge[0];
}

/* What one track earns; its hits are sorted by particle, so that among equals the smaller id is met first. */
static double track_earning(const labelled_hit *hits, int64_t n, const uint64_t *all_ids, int64_t n_all)
{
    int64_t best = 0, best_count = 0;
    for (int64_t first = 0; first < n;) {
        int64_t end = first;
        while (end < n && hits[end].particle_id == hits[first].particle_id) ++end;
        if (end - first > best_count) best = first, best_count = end - first;
        first = end;
    }
    const uint64_t id = hits[best].particle_id;
    if (id == 0 || 2 * best_count <= n || 2 * best_count <= count_id(all_ids, n_all, id)) return 0;
    double earned = 0;
    for (int64_t k = best; k < best + best_count; ++k) earned += hits[k].weight;
    return earned;
}

hg_status hg_trackml_score(hg_context *ctx, int64_t n_hits, const int64_t *label, const uint64_t *particle_id, const double *weight,
                           double *score, double *earned, double *total)
{
    hg_status status = HG_OK;
    uint64_t *ids = NULL;
    labelled_hit *hits = NULL;
    double sum = 0, all = 0;
    int64_t n = 0;

    HG_TRY(hg_alloc(ctx, &ids, n_hits));
    HG_TRY(hg_alloc(ctx, &hits, n_hits));
    for (int64_t i = 0; i < n_hits; ++i) {
        ids[i] = particle_id[i];
        all += weight[i];
        if (label[i] > 0) hits[n++] = (labelled_hit){label[i], particle_id[i], weight[i], i};
    }
    qsort(ids, (size_t)n_hits, sizeof *ids, compare_ids);
    qsort(hits, (size_t)n, sizeof *hits, compare_hits);
    for (int64_t first = 0; first < n;) {
        int64_t end = first;
        while (end < n && hits[end].label == hits[first].label) ++end;
        sum += track_earning(hits + first, end - first, ids, n_hits);
        first = end;
    }
    *score = all > 0 ? sum / all : 0;
    if (earned != NULL) *earned = sum;
    if (total != NULL) *total = all;
done:
    hg_free(ctx, ids);
    hg_free(ctx, hits);
    return status;
}

double hg_throughput_score(double accuracy, double seconds_per_event)
{
    const double accuracy_min = 0.5, seconds_max = 600;
    if (!(accuracy >= accuracy_min) || !(seconds_per_event > 0) || seconds_per_event > seconds_max) return 0;
    return sqrt(log1p(seconds_max / seconds_per_event)) * (accuracy - accuracy_min);
}
