/* point_strips.c — space points sorted by layer, strip and phi. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tracking/point_strips.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"

/* Points of a strip, and strips of a layer: between looking at many points and at many boxes. */
enum { STRIP_POINTS = 24, STRIPS_MAX = 32 };

enum { POINTS_OF_THREADS = 1024 }; /* fewer are not worth waking the other threads: sorting one takes some 100 ns */

static int by_strip_and_phi(const void *left, const void *right)
{
    const hg_strip_point *a = left, *b = right;
    if (a->strip != b->strip) return a->strip < b->strip ? -1 : 1;
    if (a->phi != b->phi) return a->phi < b->phi ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static void widen(hg_point_box *box, const hg_strip_point *p)
{
    if (p->r < box->r[0]) box->r[0] = p->r;
    if (p->r > box->r[1]) box->r[1] = p->r;
    if (p->z < box->z[0]) box->z[0] = p->z;
    if (p->z > box->z[1]) box->z[1] = p->z;
}

static hg_point_box box_of(const hg_strip_point *point, int64_t n)
{
    hg_point_box box = {{INFINITY, -INFINITY}, {INFINITY, -INFINITY}};
    for (int64_t i = 0; i < n; ++i) widen(&box, &point[i]);
    return box;
}

static hg_strip_point point_at(const hg_space_points *points, int32_t row)
{
    const double x = points->x[row], y = points->y[row];
    return (hg_strip_point){x, y, points->z[row], hypot(x, y), atan2(y, x), row, 0};
}

/* Gives each point of a layer its strip: equal parts of the layer's longer side. */
static void assign_strips(const hg_point_strips *s, int32_t layer)
{
    const int32_t first = (int32_t)s->first_strip[layer], last = (int32_t)s->first_strip[layer + 1] - 1;
    const hg_point_box *box = &s->layer_box[layer];
    const bool along_z = box->z[1] - box->z[0] > box->r[1] - box->r[0];
    const double low = along_z ? box->z[0] : box->r[0], extent = (along_z ? box->z[1] : box->r[1]) - low;
    const double per_extent = extent > 0 ? (last + 1 - first) / extent : 0;
    for (int64_t i = s->first_point[layer]; i < s->first_point[layer + 1]; ++i) {
        hg_strip_point *p = &s->point[i];
        const int32_t strip = first + (int32_t)(((along_z ? p->z : p->r) - low) * per_extent);
        p->strip = strip < last ? strip : last;
    }
}

/* Points of a layer, of which only the rows are known, into its strips. */
static void sort_layer(const hg_space_points *points, hg_point_strips *s, int32_t layer)
{
    const int64_t begin = s->first_point[layer], end = s->first_point[layer + 1];
    for (int64_t i = begin; i < end; ++i) s->point[i] = point_at(points, s->point[i].row);
    s->layer_box[layer] = box_of(s->point + begin, end - begin);
    assign_strips(s, layer);
    qsort(s->point + begin, (size_t)(end - begin), sizeof *s->point, by_strip_and_phi);
    int64_t at = begin;
    for (int64_t k = s->first_strip[layer]; k < s->first_strip[layer + 1]; ++k) {
        const int64_t first = at;
        while (at < end && s->point[at].strip == k) ++at;
        s->strip[k] = (hg_point_strip){first, at, layer, box_of(s->point + first, at - first)};
    }
}

/* Counts the points in use of each layer. */
static hg_status count_points(hg_context *ctx, const hg_space_points *points, int64_t *count)
{
    hg_status status = HG_OK;
    for (int64_t i = 0; i < points->n; ++i) {
        HG_CHECK(points->layer[i] >= 0 && points->layer[i] < points->n_layers, HG_ERR_DATA,
                 "hit row %" PRId64 ": layer %" PRId32 ", expected 0 .. %" PRId32, i, points->layer[i], points->n_layers - 1);
        HG_CHECK(isfinite(points->x[i] + points->y[i] + points->z[i]), HG_ERR_DATA, "hit row %" PRId64 ": a coordinate is not finite", i);
        count[points->layer[i]] += !points->use || points->use[i];
    }
done:
    return status;
}

/* Numbers of strips from numbers of points, then the first of either. */
static void place_layers(hg_point_strips *s)
{
    for (int32_t k = 0; k < s->n_layers; ++k) {
        const int64_t whole = (s->first_point[k] + STRIP_POINTS - 1) / STRIP_POINTS;
        s->first_strip[k] = whole < STRIPS_MAX ? whole : STRIPS_MAX;
    }
    s->n_points = hg_prefix_sum(s->first_point, s->n_layers);
    hg_prefix_sum(s->first_strip, s->n_layers);
}

hg_status hg_point_strips_create(hg_context *ctx, const hg_space_points *points, hg_point_strips *out)
{
    hg_status status = HG_OK;
    int64_t *next = NULL;
    hg_point_strips s = {.n_layers = points->n_layers};
    HG_TRY(hg_alloc(ctx, &s.first_point, (int64_t)s.n_layers + 1));
    HG_TRY(hg_alloc(ctx, &s.first_strip, (int64_t)s.n_layers + 1));
    HG_TRY(hg_alloc(ctx, &s.layer_box, s.n_layers));
    HG_TRY(hg_alloc(ctx, &next, s.n_layers));
    HG_TRY(count_points(ctx, points, s.first_point));
    place_layers(&s);
    HG_TRY(hg_alloc_unset(ctx, &s.strip, s.first_strip[s.n_layers]));
    HG_TRY(hg_alloc_unset(ctx, &s.point, s.n_points));
    for (int32_t k = 0; k < s.n_layers; ++k) next[k] = s.first_point[k];
    for (int64_t i = 0; i < points->n; ++i)
        if (!points->use || points->use[i]) s.point[next[points->layer[i]]++].row = (int32_t)i;
#pragma omp parallel for schedule(dynamic, 1) num_threads(hg_context_threads(ctx)) if (s.n_points >= POINTS_OF_THREADS)
    for (int32_t k = 0; k < s.n_layers; ++k) sort_layer(points, &s, k);
    *out = s;
    s = (hg_point_strips){0};
done:
    hg_point_strips_free(ctx, &s);
    hg_free(ctx, next);
    return status;
}

void hg_point_strips_free(hg_context *ctx, hg_point_strips *strips)
{
    hg_free(ctx, strips->point);
    hg_free(ctx, strips->first_point);
    hg_free(ctx, strips->first_strip);
    hg_free(ctx, strips->strip);
    hg_free(ctx, strips->layer_box);
    *strips = (hg_point_strips){0};
}

int64_t hg_point_strip_find(const hg_point_strips *strips, const hg_point_strip *strip, double phi)
{
    int64_t low = strip->first, high = strip->end;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (strips->point[middle].phi < phi)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
