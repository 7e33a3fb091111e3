/* classical_seeds.c — triplets of space points by cuts on helices, without graph or network. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/classical_seeds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "tracking/energy_loss.h"
#include "tracking/propagate.h"

static const double pi = 3.14159265358979323846, mass_gev = 0.13957039;

enum { PER_MIDDLE_MAX = 16, PARTNERS_MAX = 256 }; /* partners on one side beyond this are dropped: no seed comes of such a crowd */

typedef struct point {
    double x, y, z, r, phi;
    int32_t row;
} point;

/* Points layer by layer, those of a layer by rising phi. */
typedef struct layers {
    const hg_classical_options *options;
    int32_t n_layers;
    int64_t n_points;
    point *point;     /* [n_points] owned */
    int64_t *first;   /* [n_layers + 1] owned */
    double (*box)[4]; /* [n_layers] owned: smallest and largest r, z */
    double curvature_max;
} layers;

/* A point on one side of the middle one, seen from there. */
typedef struct partner {
    const point *at;
    double cot, sigma2; /* slope dz/dr and its variance from the errors of the points */
    double scattering;  /* standard deviation of the slope for the least pT */
} partner;

typedef struct triplet {
    int32_t hit[3];
    float score;
} triplet;

hg_classical_options hg_classical_default_options(void)
{
    return (hg_classical_options){.field_tesla = 2,
                                  .pt_min_gev = 0.25,
                                  .d0_max = 1,
                                  .z0_max = 200,
                                  .radial_min = 2,
                                  .radial_max = 160,
                                  .along_max = 450,
                                  .cot_max = 27.3,
                                  .point_sigma = 0.05,
                                  .x_over_x0 = 0.02,
                                  .deviations = 3,
                                  .per_middle = 5};
}

static int by_phi(const void *left, const void *right)
{
    const point *a = left, *b = right;
    if (a->phi != b->phi) return a->phi < b->phi ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static void free_layers(hg_context *ctx, layers *l)
{
    hg_free(ctx, l->point);
    hg_free(ctx, l->first);
    hg_free(ctx, l->box);
}

static void measure_boxes(layers *l)
{
    for (int32_t k = 0; k < l->n_layers; ++k) {
        double *box = l->box[k];
        box[0] = box[2] = INFINITY;
        box[1] = box[3] = -INFINITY;
        for (int64_t i = l->first[k]; i < l->first[k + 1]; ++i) {
            box[0] = fmin(box[0], l->point[i].r), box[1] = fmax(box[1], l->point[i].r);
            box[2] = fmin(box[2], l->point[i].z), box[3] = fmax(box[3], l->point[i].z);
        }
    }
}

/* On error the caller frees what there is. */
static hg_status sort_into_layers(hg_context *ctx, const hg_space_points *points, layers *l)
{
    hg_status status = HG_OK;
    int64_t *next = NULL;

    HG_TRY(hg_alloc(ctx, &l->first, (int64_t)points->n_layers + 1));
    HG_TRY(hg_alloc(ctx, &l->box, points->n_layers));
    HG_TRY(hg_alloc(ctx, &next, points->n_layers));
    for (int64_t i = 0; i < points->n; ++i) {
        HG_CHECK(points->layer[i] >= 0 && points->layer[i] < points->n_layers, HG_ERR_DATA,
                 "hit row %" PRId64 ": layer %" PRId32 ", expected 0 .. %" PRId32, i, points->layer[i], points->n_layers - 1);
        HG_CHECK(isfinite(points->x[i] + points->y[i] + points->z[i]), HG_ERR_DATA, "hit row %" PRId64 ": a coordinate is not finite", i);
        l->first[points->layer[i]] += !points->use || points->use[i];
    }
    l->n_layers = points->n_layers;
    l->n_points = hg_prefix_sum(l->first, points->n_layers);
    HG_TRY(hg_alloc(ctx, &l->point, l->n_points));
    memcpy(next, l->first, (size_t)points->n_layers * sizeof *next);
    for (int64_t i = 0; i < points->n; ++i) {
        if (points->use && !points->use[i]) continue;
        const double x = points->x[i], y = points->y[i];
        l->point[next[points->layer[i]]++] = (point){x, y, points->z[i], hypot(x, y), atan2(y, x), (int32_t)i};
    }
    for (int32_t k = 0; k < l->n_layers; ++k)
        qsort(l->point + l->first[k], (size_t)(l->first[k + 1] - l->first[k]), sizeof *l->point, by_phi);
    measure_boxes(l);
done:
    hg_free(ctx, next);
    return status;
}

/* First point of a layer with phi not below the given one. */
static int64_t lower_phi(const layers *l, int32_t layer, double phi)
{
    int64_t low = l->first[layer], high = l->first[layer + 1];
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (l->point[middle].phi < phi)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Largest difference in phi of two points of a wanted track, to first order in d0. */
static double phi_window(const layers *l, double r_inner, double r_outer)
{
    const double half = fmin(l->curvature_max / 2, 1 / r_outer);
    const double bend = asin(fmin(1, half * r_outer)) - asin(fmin(1, half * r_inner));
    return bend + l->options->d0_max * (1 / r_inner - 1 / r_outer);
}

/* No track wanted scatters more than one with the least pT. Grows with |cot|. */
static double slope_scattering(const hg_classical_options *o, double cot)
{
    const double per_sin2 = 1 + cot * cot, per_sin = sqrt(per_sin2);
    return hg_scattering_angle(o->pt_min_gev * per_sin, mass_gev, o->x_over_x0 * per_sin) * per_sin2;
}

static void consider(const layers *l, const point *middle, const point *other, partner *partners, int *n)
{
    const hg_classical_options *o = l->options;
    const double dr = other->r - middle->r, dz = other->z - middle->z, distance = fabs(dr);
    if (fabs(middle->z * dr - middle->r * dz) > o->z0_max * distance || *n == PARTNERS_MAX) return;
    if (distance < o->radial_min || distance > o->radial_max || fabs(dz) > o->along_max || fabs(dz) > o->cot_max * distance) return;
    const double cot = dz / dr, sigma = o->point_sigma / dr;
    partners[(*n)++] = (partner){other, cot, 2 * sigma * sigma * (1 + cot * cot), slope_scattering(o, cot)};
}

/* Partners of a middle point on the inner (side -1) or outer (side 1) side, layer by layer. */
static int find_partners(const layers *l, int32_t own, const point *middle, int side, partner *partners)
{
    const hg_classical_options *o = l->options;
    int n = 0;
    for (int32_t k = 0; k < l->n_layers; ++k) {
        if (k == own || l->first[k] == l->first[k + 1]) continue;
        const double *box = l->box[k];
        const double near = side < 0 ? fmin(box[1], middle->r - o->radial_min) : fmax(box[0], middle->r + o->radial_min);
        const double far = side < 0 ? fmax(box[0], middle->r - o->radial_max) : fmin(box[1], middle->r + o->radial_max);
        if ((far - near) * side < 0 || box[2] > middle->z + o->along_max || box[3] < middle->z - o->along_max) continue;
        const double window = phi_window(l, side < 0 ? far : middle->r, side < 0 ? middle->r : far);
        for (int turn = -1; turn <= 1; ++turn) {
            const double centre = middle->phi + 2 * pi * turn, end = centre + window;
            if (end < -pi || centre - window > pi) continue;
            for (int64_t i = lower_phi(l, k, centre - window); i < l->first[k + 1] && l->point[i].phi <= end; ++i)
                if ((l->point[i].r - middle->r) * side > 0) consider(l, middle, &l->point[i], partners, &n);
        }
    }
    return n;
}

/* Curvature of the circle through three points and its distance from the beam line; false outside the cuts. */
static bool circle_passes(const layers *l, const point *a, const point *b, const point *c, double *curvature, double *d0)
{
    const double ax = a->x - b->x, ay = a->y - b->y, cx = c->x - b->x, cy = c->y - b->y;
    const double cross = ax * cy - ay * cx, a2 = ax * ax + ay * ay, c2 = cx * cx + cy * cy;
    const double sides = sqrt(a2 * c2 * ((c->x - a->x) * (c->x - a->x) + (c->y - a->y) * (c->y - a->y)));
    *curvature = 2 * fabs(cross) / sides;
    if (!(*curvature <= l->curvature_max)) return false;
    /* cross (x^2 + y^2) + u x + v y + w = 0 about b, then about the beam line */
    const double u = ay * c2 - cy * a2, v = cx * a2 - ax * c2;
    const double w = cross * (b->x * b->x + b->y * b->y) - u * b->x - v * b->y;
    const double uu = u - 2 * cross * b->x, vv = v - 2 * cross * b->y, square = uu * uu + vv * vv;
    *d0 = fabs(2 * w) / (sqrt(square) + sqrt(fmax(0, square - 4 * cross * w)));
    return *d0 <= l->options->d0_max;
}

static bool is_better(const triplet *a, const triplet *b)
{
    if (a->score != b->score) return a->score > b->score;
    if (a->hit[0] != b->hit[0]) return a->hit[0] < b->hit[0];
    return a->hit[2] < b->hit[2];
}

/* Keeps the best triplets in order. */
static void insert(const triplet *made, int32_t room, triplet *best, int32_t *n)
{
    int32_t at = *n;
    if (at == room && !is_better(made, &best[at - 1])) return;
    if (at == room)
        --at;
    else
        ++*n;
    for (; at > 0 && is_better(made, &best[at - 1]); --at) best[at] = best[at - 1];
    best[at] = *made;
}

static void join(const layers *l, const point *middle, const partner *in, const partner *out, triplet *best, int32_t *n)
{
    const hg_classical_options *o = l->options;
    const double difference = fabs(in->cot - out->cot), most = fmax(in->scattering, out->scattering);
    double curvature, d0;

    /* the mean slope scatters less than the steeper half */
    if (difference * difference > o->deviations * o->deviations * (in->sigma2 + out->sigma2 + most * most)) return;
    const double angle = slope_scattering(o, (in->cot + out->cot) / 2);
    const double cut = o->deviations * sqrt(in->sigma2 + out->sigma2 + angle * angle);
    if (difference > cut || !circle_passes(l, in->at, middle, out->at, &curvature, &d0)) return;
    const double share = fmax(curvature / l->curvature_max, 1e-3); /* scattering goes like 1 / pT */
    const double own = o->deviations * sqrt(in->sigma2 + out->sigma2 + angle * angle * share * share);
    if (difference > own) return;
    const double a = difference / own, b = d0 / o->d0_max;
    const triplet made = {{in->at->row, middle->row, out->at->row}, (float)exp2(-a * a - b * b)};
    insert(&made, o->per_middle, best, n);
}

static int32_t best_of_middle(const layers *l, int32_t layer, const point *middle, triplet *best)
{
    partner inner[PARTNERS_MAX], outer[PARTNERS_MAX];
    int32_t n = 0;
    const int n_inner = find_partners(l, layer, middle, -1, inner);
    const int n_outer = n_inner > 0 ? find_partners(l, layer, middle, 1, outer) : 0;
    for (int i = 0; i < n_inner; ++i)
        for (int k = 0; k < n_outer; ++k) join(l, middle, &inner[i], &outer[k], best, &n);
    return n;
}

static hg_status check(hg_context *ctx, const hg_classical_options *o)
{
    hg_status status = HG_OK;
    HG_CHECK(o->field_tesla != 0 && isfinite(o->field_tesla), HG_ERR_ARG, "classical seeds need a field along the beam line, found %g T",
             o->field_tesla);
    HG_CHECK(o->pt_min_gev > 0 && o->d0_max > 0 && o->z0_max > 0 && o->deviations > 0, HG_ERR_ARG,
             "classical seeds: pt_min_gev, d0_max, z0_max, deviations: expected above 0, found %g, %g, %g, %g", o->pt_min_gev, o->d0_max,
             o->z0_max, o->deviations);
    HG_CHECK(o->radial_min > 0 && o->radial_max > o->radial_min, HG_ERR_ARG,
             "classical seeds: expected 0 < radial_min < radial_max, found %g, %g", o->radial_min, o->radial_max);
    HG_CHECK(o->per_middle >= 1 && o->per_middle <= PER_MIDDLE_MAX, HG_ERR_ARG, "classical seeds: per_middle: expected 1..%d, found %d",
             PER_MIDDLE_MAX, o->per_middle);
done:
    return status;
}

/* Moves each point's triplets together. */
static hg_status gather(hg_context *ctx, const triplet *best, int32_t *count, int64_t n_points, int32_t room, hg_classical_triplets *out)
{
    hg_status status = HG_OK;
    hg_classical_triplets made = {0};
    for (int64_t i = 0; i < n_points; ++i) made.n += count[i];
    HG_TRY(hg_alloc(ctx, &made.hit, 3 * made.n));
    HG_TRY(hg_alloc(ctx, &made.score, made.n));
    for (int64_t i = 0, n = 0; i < n_points; ++i) {
        for (int32_t k = 0; k < count[i]; ++k, ++n) {
            memcpy(made.hit + 3 * n, best[i * room + k].hit, sizeof best->hit);
            made.score[n] = best[i * room + k].score;
        }
    }
    *out = made;
    made = (hg_classical_triplets){0};
done:
    hg_classical_triplets_clear(ctx, &made);
    return status;
}

hg_status hg_classical_triplets_find(hg_context *ctx, const hg_space_points *points, const hg_classical_options *options,
                                     hg_classical_triplets *out)
{
    hg_status status = HG_OK;
    const hg_classical_options defaults = hg_classical_default_options(), *o = options ? options : &defaults;
    layers l = {.options = o, .curvature_max = HG_CURVATURE_CONSTANT * fabs(o->field_tesla) / o->pt_min_gev};
    triplet *best = NULL;  /* [n_points, per_middle] */
    int32_t *count = NULL; /* [n_points] */

    HG_TRY(check(ctx, o));
    HG_TRY(sort_into_layers(ctx, points, &l));
    HG_TRY(hg_alloc(ctx, &best, l.n_points * o->per_middle));
    HG_TRY(hg_alloc(ctx, &count, l.n_points));
    for (int32_t k = 0; k < l.n_layers; ++k) {
#pragma omp parallel for schedule(dynamic, 64) num_threads(hg_context_threads(ctx))
        for (int64_t i = l.first[k]; i < l.first[k + 1]; ++i) count[i] = best_of_middle(&l, k, &l.point[i], best + i * o->per_middle);
    }
    HG_TRY(gather(ctx, best, count, l.n_points, o->per_middle, out));
done:
    hg_free(ctx, best);
    hg_free(ctx, count);
    free_layers(ctx, &l);
    return status;
}

void hg_classical_triplets_clear(hg_context *ctx, hg_classical_triplets *triplets)
{
    hg_free(ctx, triplets->hit);
    hg_free(ctx, triplets->score);
    *triplets = (hg_classical_triplets){0};
}
