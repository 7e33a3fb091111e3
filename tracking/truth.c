/* tracking/truth.c — truth of one event, joined to particles and ordered along them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/memory.h"
#include "hitgraph/truth.h"

typedef struct id_row {
    uint64_t id;
    int64_t row;
} id_row;

typedef struct ordered_hit {
    int32_t particle;
    double distance2; /* from the production vertex, mm^2 */
    int64_t hit;
} ordered_hit;

static int compare_ids(const void *a, const void *b)
{
    const id_row *p = a, *q = b;
    if (p->id != q->id) return p->id < q->id ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

static int compare_hits(const void *a, const void *b)
{
    const ordered_hit *p = a, *q = b;
    if (p->particle != q->particle) return p->particle < q->particle ? -1 : 1;
    if (p->distance2 != q->distance2) return p->distance2 < q->distance2 ? -1 : 1;
    return (p->hit > q->hit) - (p->hit < q->hit);
}

static double square(double x)
{
    return x * x;
}

static double truth_radius2(const hg_truth *truth, int64_t hit)
{
    return square(truth->tx[hit]) + square(truth->ty[hit]) + square(truth->tz[hit]);
}

/* Row of a particle id in the sorted list, or -1. */
static int32_t find_id(const id_row *ids, int64_t n, uint64_t id)
{
    int64_t low = 0, high = n;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (ids[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && ids[low].id == id ? (int32_t)ids[low].row : -1;
}

/* Sorted ids of the particle table; without one, of the truth's distinct ids, whose rows then are their ranks. */
static hg_status list_particles(hg_context *ctx, const hg_event *event, id_row **out, int64_t *count)
{
    hg_status status = HG_OK;
    id_row *ids = NULL;
    int64_t n = 0;

    const int64_t room = event->has_particles ? event->particles.n : event->hits.n;
    HG_TRY(hg_alloc(ctx, &ids, room));
    for (int64_t i = 0; i < room; ++i) {
        const uint64_t id = event->has_particles ? event->particles.particle_id[i] : event->truth.particle_id[i];
        if (event->has_particles || id != 0) ids[n++] = (id_row){id, i};
    }
    qsort(ids, (size_t)n, sizeof *ids, compare_ids);
    if (event->has_particles) {
        for (int64_t i = 1; i < n; ++i)
            HG_CHECK(ids[i].id != ids[i - 1].id, HG_ERR_DATA,
                     "particle %" PRIu64 " is in the particle table twice (rows %" PRId64 " and %" PRId64 ")", ids[i].id, ids[i - 1].row,
                     ids[i].row);
    } else {
        int64_t distinct = 0;
        for (int64_t i = 0; i < n; ++i) {
            if (distinct > 0 && ids[distinct - 1].id == ids[i].id) continue;
            ids[distinct] = (id_row){ids[i].id, distinct};
            ++distinct;
        }
        n = distinct;
    }
    *out = ids;
    *count = n;
    ids = NULL;
done:
    hg_free(ctx, ids);
    return status;
}

/* innermost[p] = hit of particle p that is nearest to the origin, -1 = none. */
static void find_innermost(const hg_event *event, const hg_truth_order *order, int64_t *innermost)
{
    for (int64_t p = 0; p < order->n_particles; ++p) innermost[p] = -1;
    for (int64_t i = 0; i < order->n_hits; ++i) {
        const int32_t p = order->particle[i];
        if (p < 0) continue;
        if (innermost[p] < 0 || truth_radius2(&event->truth, i) < truth_radius2(&event->truth, innermost[p])) innermost[p] = i;
    }
}

static void fill_particle(hg_truth_order *order, int64_t p, const double momentum[3], const double vertex[3])
{
    const double pt = hypot(momentum[0], momentum[1]);
    order->pt_gev[p] = pt;
    order->eta[p] = pt > 0 ? asinh(momentum[2] / pt) : momentum[2] == 0 ? 0 : copysign(HUGE_VAL, momentum[2]);
    order->phi[p] = atan2(momentum[1], momentum[0]);
    order->vertex_r_mm[p] = hypot(vertex[0], vertex[1]);
    order->vertex_z_mm[p] = vertex[2];
    order->generation[p] = (int32_t)(order->particle_id[p] >> 24 & 0xfff);
}

/* vertex: [n_particles, 3] for the ordering of the hits. */
static void fill_particles(const hg_event *event, const id_row *ids, const int64_t *innermost, hg_truth_order *order, double *vertex)
{
    for (int64_t k = 0; k < order->n_particles; ++k) order->particle_id[ids[k].row] = ids[k].id;
    for (int64_t p = 0; p < order->n_particles; ++p) {
        double momentum[3];
        double *v = vertex + 3 * p;
        if (event->has_particles) {
            const hg_particles *t = &event->particles;
            momentum[0] = t->px[p], momentum[1] = t->py[p], momentum[2] = t->pz[p];
            v[0] = t->vx[p], v[1] = t->vy[p], v[2] = t->vz[p];
        } else {
            const hg_truth *t = &event->truth;
            const int64_t i = innermost[p];
            momentum[0] = t->tpx[i], momentum[1] = t->tpy[i], momentum[2] = t->tpz[i];
            v[0] = t->tx[i], v[1] = t->ty[i], v[2] = t->tz[i];
        }
        fill_particle(order, p, momentum, v);
    }
}

/* Numbers the groups of consecutive hits along each particle and counts its hits and layers. */
static void rank_hits(const ordered_hit *sorted, int64_t n, const hg_detector *detector, const int64_t *hit_module, int32_t *layer_seen_by,
                      hg_truth_order *order)
{
    for (int64_t l = 0; l < detector->n_layers; ++l) layer_seen_by[l] = -1;
    for (int64_t k = 0; k < n; ++k) {
        const int64_t hit = sorted[k].hit;
        const int32_t p = sorted[k].particle;
        const int32_t layer = detector->module_layer[hit_module[hit]];
        int32_t layer_rank = 0, module_rank = 0;
        if (k > 0 && sorted[k - 1].particle == p) {
            const int64_t before = sorted[k - 1].hit;
            layer_rank = order->layer_rank[before] + (detector->module_layer[hit_module[before]] != layer);
            module_rank = order->module_rank[before] + (hit_module[before] != hit_module[hit]);
        }
        order->layer_rank[hit] = layer_rank;
        order->module_rank[hit] = module_rank;
        ++order->n_hits_of[p];
        if (layer_seen_by[layer] != p) ++order->n_layers_of[p];
        layer_seen_by[layer] = p;
    }
}

/* module[i] = index of hit i's module, as given or by its ids. */
static hg_status find_modules(hg_context *ctx, const hg_event *event, const hg_detector *detector, const int64_t *given, int64_t *module)
{
    hg_status status = HG_OK;
    const hg_hits *hits = &event->hits;
    for (int64_t i = 0; i < hits->n; ++i) {
        if (given == NULL) {
            module[i] = hg_detector_find(detector, hits->volume_id[i], hits->layer_id[i], hits->module_id[i]);
            HG_CHECK(module[i] >= 0, HG_ERR_DATA,
                     "event %" PRIu64 ": hit %" PRIu64 ": volume %" PRId32 ", layer %" PRId32 ", module %" PRId32 " is not in the detector",
                     event->event_id, hits->hit_id[i], hits->volume_id[i], hits->layer_id[i], hits->module_id[i]);
            continue;
        }
        HG_CHECK(given[i] >= 0 && given[i] < detector->n_modules, HG_ERR_ARG,
                 "hit row %" PRId64 ": module index %" PRId64 ", expected 0 .. %" PRId64, i, given[i], detector->n_modules - 1);
        module[i] = given[i];
    }
done:
    return status;
}

static hg_status allocate_order(hg_context *ctx, int64_t n_hits, int64_t n_particles, hg_truth_order **out)
{
    hg_status status = HG_OK;
    hg_truth_order *order = NULL;

    HG_TRY(hg_alloc(ctx, &order, 1));
    order->n_hits = n_hits;
    order->n_particles = n_particles;
    HG_TRY(hg_alloc(ctx, &order->particle, n_hits));
    HG_TRY(hg_alloc(ctx, &order->layer_rank, n_hits));
    HG_TRY(hg_alloc(ctx, &order->module_rank, n_hits));
    HG_TRY(hg_alloc(ctx, &order->particle_id, n_particles));
    HG_TRY(hg_alloc(ctx, &order->pt_gev, n_particles));
    HG_TRY(hg_alloc(ctx, &order->eta, n_particles));
    HG_TRY(hg_alloc(ctx, &order->phi, n_particles));
    HG_TRY(hg_alloc(ctx, &order->vertex_r_mm, n_particles));
    HG_TRY(hg_alloc(ctx, &order->vertex_z_mm, n_particles));
    HG_TRY(hg_alloc(ctx, &order->n_hits_of, n_particles));
    HG_TRY(hg_alloc(ctx, &order->n_layers_of, n_particles));
    HG_TRY(hg_alloc(ctx, &order->generation, n_particles));
    *out = order;
    order = NULL;
done:
    hg_truth_order_destroy(ctx, order);
    return status;
}

hg_status hg_truth_order_create(hg_context *ctx, const hg_event *event, const hg_detector *detector, const int64_t *hit_module,
                                hg_truth_order **out)
{
    hg_status status = HG_OK;
    hg_truth_order *order = NULL;
    id_row *ids = NULL;
    ordered_hit *sorted = NULL;
    int64_t *innermost = NULL, *module = NULL;
    double *vertex = NULL;
    int32_t *layer_seen_by = NULL;
    int64_t n_particles = 0, n = 0;

    HG_CHECK(event->has_truth, HG_ERR_ARG, "event %" PRIu64 " has no truth", event->event_id);
    HG_TRY(hg_alloc(ctx, &module, event->hits.n));
    HG_TRY(find_modules(ctx, event, detector, hit_module, module));
    HG_TRY(list_particles(ctx, event, &ids, &n_particles));
    HG_CHECK(n_particles <= INT32_MAX, HG_ERR_LIMIT, "%" PRId64 " particles in one event, at most %d", n_particles, INT32_MAX);
    HG_TRY(allocate_order(ctx, event->hits.n, n_particles, &order));
    HG_TRY(hg_alloc(ctx, &innermost, n_particles));
    HG_TRY(hg_alloc(ctx, &vertex, 3 * n_particles));
    HG_TRY(hg_alloc(ctx, &sorted, event->hits.n));
    HG_TRY(hg_alloc(ctx, &layer_seen_by, detector->n_layers));

    for (int64_t i = 0; i < event->hits.n; ++i) {
        const uint64_t id = event->truth.particle_id[i];
        order->particle[i] = id == 0 ? -1 : find_id(ids, n_particles, id);
        order->layer_rank[i] = order->module_rank[i] = -1;
    }
    find_innermost(event, order, innermost);
    fill_particles(event, ids, innermost, order, vertex);
    for (int64_t i = 0; i < event->hits.n; ++i) {
        const int32_t p = order->particle[i];
        if (p < 0) continue;
        const double *v = vertex + 3 * (int64_t)p;
        const double distance2 = square(event->truth.tx[i] - v[0]) + square(event->truth.ty[i] - v[1]) + square(event->truth.tz[i] - v[2]);
        sorted[n++] = (ordered_hit){p, distance2, i};
    }
    qsort(sorted, (size_t)n, sizeof *sorted, compare_hits);
    rank_hits(sorted, n, detector, module, layer_seen_by, order);

    *out = order;
    order = NULL;
done:
    hg_truth_order_destroy(ctx, order);
    hg_free(ctx, ids);
    hg_free(ctx, sorted);
    hg_free(ctx, innermost);
    hg_free(ctx, module);
    hg_free(ctx, vertex);
    hg_free(ctx, layer_seen_by);
    return status;
}

void hg_truth_order_destroy(hg_context *ctx, hg_truth_order *order)
{
    if (order == NULL) return;
    hg_free(ctx, order->particle);
    hg_free(ctx, order->layer_rank);
    hg_free(ctx, order->module_rank);
    hg_free(ctx, order->particle_id);
    hg_free(ctx, order->pt_gev);
    hg_free(ctx, order->eta);
    hg_free(ctx, order->phi);
    hg_free(ctx, order->vertex_r_mm);
    hg_free(ctx, order->vertex_z_mm);
    hg_free(ctx, order->n_hits_of);
    hg_free(ctx, order->n_layers_of);
    hg_free(ctx, order->generation);
    hg_free(ctx, order);
}

static bool follows(const hg_truth_order *order, const int32_t *rank, int64_t i, int64_t j)
{
    return order->particle[i] >= 0 && order->particle[i] == order->particle[j] && rank[j] == rank[i] + 1;
}

bool hg_truth_is_doublet_layerwise(const hg_truth_order *order, int64_t i, int64_t j)
{
    return follows(order, order->layer_rank, i, j);
}

bool hg_truth_is_doublet_modulewise(const hg_truth_order *order, int64_t i, int64_t j)
{
    return follows(order, order->module_rank, i, j);
}

bool hg_truth_is_target(const hg_truth_order *order, const hg_target *target, int64_t particle)
{
    if (particle < 0) return false;
    return (!target->primary_only || order->generation[particle] == 0) && order->pt_gev[particle] > target->pt_min_gev &&
           order->n_hits_of[particle] >= target->hits_min && order->n_layers_of[particle] >= target->layers_min &&
           fabs(order->eta[particle]) < target->eta_max;
}
