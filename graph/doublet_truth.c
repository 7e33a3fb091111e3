/* doublet_truth.c — true doublets and triplets of target particles, for learning. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_learn.h"

#include <math.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/memory.h"

typedef struct ordered_hit {
    int32_t particle, layer_rank, module_rank, row;
} ordered_hit;

static int compare_hits(const void *a, const void *b)
{
    const ordered_hit *p = a, *q = b;
    if (p->particle != q->particle) return p->particle < q->particle ? -1 : 1;
    if (p->layer_rank != q->layer_rank) return p->layer_rank < q->layer_rank ? -1 : 1;
    if (p->module_rank != q->module_rank) return p->module_rank < q->module_rank ? -1 : 1;
    return p->row < q->row ? -1 : p->row > q->row;
}

static hg_status order_hits(hg_context *ctx, const hg_doublet_hits *hits, const hg_doublet_truth *truth, ordered_hit **out, int64_t *n)
{
    hg_status status = HG_OK;
    ordered_hit *list = NULL;
    *n = 0;
    HG_TRY(hg_alloc(ctx, &list, hits->n));
    for (int64_t i = 0; i < hits->n; ++i) {
        int32_t p = truth->particle[i];
        HG_CHECK(p >= -1 && p < truth->n_particles, HG_ERR_DATA, "hit row %" PRId64 ": particle row %" PRId32 ", expected -1 .. %" PRId64,
                 i, p, truth->n_particles - 1);
        HG_CHECK(hits->layer[i] >= 0 && hits->layer[i] < hits->n_layers, HG_ERR_DATA,
                 "hit row %" PRId64 ": layer %" PRId32 ", expected 0 .. %" PRId32, i, hits->layer[i], hits->n_layers - 1);
        if (p >= 0 && truth->weight[p] > 0) list[(*n)++] = (ordered_hit){p, truth->layer_rank[i], truth->module_rank[i], (int32_t)i};
    }
    qsort(list, (size_t)*n, sizeof *list, compare_hits);
    *out = list;
    list = NULL;
done:
    hg_free(ctx, list);
    return status;
}

static hg_point point_of(const hg_doublet_hits *hits, int32_t i)
{
    return (hg_point){(float)hits->x[i], (float)hits->y[i], (float)hits->z[i], (float)hypot(hits->x[i], hits->y[i]),
                      (float)atan2(hits->y[i], hits->x[i])};
}

static hg_status add_doublet(hg_context *ctx, hg_truth_sample *s, const hg_doublet_hits *hits, int32_t i, int32_t j, float weight)
{
    hg_status status = HG_OK;
    int32_t l1 = hits->layer[i], l2 = hits->layer[j];
    bool overlap = l1 == l2;
    *(overlap ? &s->weight_overlap : &s->weight_across) += (double)weight;
    if (!overlap && hits->nu) s->weight_clusters += (double)weight;
    hg_point p1 = point_of(hits, i), p2 = point_of(hits, j);
    hg_doublet_values values;
    if (!hg_doublet_measure(overlap, hits->layer_barrel[l1], hits->layer_barrel[l2], &p1, &p2, &values)) {
        if (!overlap || !hg_doublet_measure(true, hits->layer_barrel[l1], true, &p2, &p1, &values)) goto done;
        hg_point p = p1;
        int32_t row = i;
        p1 = p2;
        p2 = p;
        i = j;
        j = row;
    }
    if (s->n_doublets == s->room_doublets) {
        int64_t room = 2 * s->room_doublets + 1024;
        HG_TRY(hg_grow(ctx, &s->doublet, s->n_doublets, room));
        s->room_doublets = room;
    }
    s->doublet[s->n_doublets++] = (hg_true_doublet){{l1, l2}, {hits->module[i], hits->module[j]}, {i, j}, weight, p1, p2};
done:
    return status;
}

static hg_status add_triplet(hg_context *ctx, hg_truth_sample *s, const hg_doublet_hits *hits, const int32_t row[3], float weight)
{
    hg_status status = HG_OK;
    hg_point p[3];
    hg_doublet_values v[2];
    for (int k = 0; k < 3; ++k) p[k] = point_of(hits, row[k]);
    for (int k = 0; k < 2; ++k) {
        if (hits->layer[row[k]] == hits->layer[row[k + 1]]) goto done;
        if (!hg_doublet_measure(false, true, true, &p[k], &p[k + 1], &v[k])) goto done;
    }
    if (s->n_triplets == s->room_triplets) {
        int64_t room = 2 * s->room_triplets + 1024;
        HG_TRY(hg_grow(ctx, &s->triplet, s->n_triplets, room));
        s->room_triplets = room;
    }
    s->triplet[s->n_triplets++] =
        (hg_true_triplet){.layer = {hits->layer[row[0]], hits->layer[row[1]], hits->layer[row[2]]},
                          .weight = weight,
                          .dkappa = fabsf(v[1].kappa - v[0].kappa) / (1e-4f + 0.5f * fabsf(v[0].kappa + v[1].kappa)),
                          .dcot = fabsf(v[1].cot - v[0].cot) / (1 + 0.5f * fabsf(v[0].cot + v[1].cot))};
done:
    return status;
}

/* All doublets and triplets that start in the group of hits list[first .. second), of one particle and layer rank. */
static hg_status add_group(hg_context *ctx, hg_truth_sample *s, const hg_doublet_hits *hits, const ordered_hit *list, int64_t first,
                           int64_t second, int64_t end, float weight)
{
    hg_status status = HG_OK;
    int32_t rank = list[first].layer_rank;
    for (int64_t i = first; i < second; ++i) {
        for (int64_t j = i + 1; j < second; ++j) {
            if (list[i].module_rank != list[j].module_rank && hits->layer[list[i].row] == hits->layer[list[j].row])
                HG_TRY(add_doublet(ctx, s, hits, list[i].row, list[j].row, weight));
        }
        for (int64_t j = second; j < end && list[j].layer_rank == rank + 1; ++j) {
            if (hits->layer[list[i].row] == hits->layer[list[j].row]) continue;
            HG_TRY(add_doublet(ctx, s, hits, list[i].row, list[j].row, weight));
            for (int64_t k = j + 1; k < end && list[k].layer_rank <= rank + 2; ++k) {
                int32_t row[3] = {list[i].row, list[j].row, list[k].row};
                if (list[k].layer_rank == rank + 2) HG_TRY(add_triplet(ctx, s, hits, row, weight));
            }
        }
    }
done:
    return status;
}

static hg_status add_layers(hg_context *ctx, hg_truth_sample *s, const hg_doublet_hits *hits)
{
    hg_status status = HG_OK;
    if (!s->barrel) {
        HG_TRY(hg_alloc(ctx, &s->r_sum, hits->n_layers));
        HG_TRY(hg_alloc(ctx, &s->z_sum, hits->n_layers));
        HG_TRY(hg_alloc(ctx, &s->n_sum, hits->n_layers));
        HG_TRY(hg_alloc(ctx, &s->barrel, hits->n_layers));
        s->n_layers = hits->n_layers;
        for (int32_t l = 0; l < hits->n_layers; ++l) s->barrel[l] = hits->layer_barrel[l];
    }
    HG_CHECK(s->n_layers == hits->n_layers, HG_ERR_DATA, "event with %" PRId32 " layers after events with %" PRId32, hits->n_layers,
             s->n_layers);
    ++s->n_events;
    for (int64_t i = 0; i < hits->n; ++i) {
        s->r_sum[hits->layer[i]] += hypot(hits->x[i], hits->y[i]);
        s->z_sum[hits->layer[i]] += hits->z[i];
        s->n_sum[hits->layer[i]] += 1;
    }
done:
    return status;
}

hg_status hg_truth_sample_add(hg_context *ctx, hg_truth_sample *s, const hg_doublet_hits *hits, const hg_doublet_truth *truth)
{
    hg_status status = HG_OK;
    ordered_hit *list = NULL;
    int64_t n = 0;
    HG_TRY(order_hits(ctx, hits, truth, &list, &n));
    HG_TRY(add_layers(ctx, s, hits));
    for (int64_t first = 0, end = 0; first < n;) {
        int32_t particle = list[first].particle;
        if (end <= first) {
            end = first;
            while (end < n && list[end].particle == particle) ++end;
        }
        int64_t second = first;
        while (second < end && list[second].layer_rank == list[first].layer_rank) ++second;
        HG_TRY(add_group(ctx, s, hits, list, first, second, end, truth->weight[particle]));
        first = second;
    }
done:
    hg_free(ctx, list);
    return status;
}

void hg_truth_sample_release(hg_context *ctx, hg_truth_sample *s)
{
    hg_free(ctx, s->doublet);
    hg_free(ctx, s->triplet);
    hg_free(ctx, s->r_sum);
    hg_free(ctx, s->z_sum);
    hg_free(ctx, s->n_sum);
    hg_free(ctx, s->barrel);
    *s = (hg_truth_sample){0};
}
