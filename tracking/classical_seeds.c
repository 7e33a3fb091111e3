/* classical_seeds.c — triplets of space points by cuts on helices, without graph or network. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/classical_seeds.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "tracking/energy_loss.h"
#include "tracking/point_strips.h"
#include "tracking/propagate.h"

static const double pi = 3.14159265358979323846, mass_gev = 0.13957039;

enum { PER_MIDDLE_MAX = 16, PARTNERS_MAX = 256 }; /* partners on one side beyond this are dropped: no seed comes of such a crowd */
enum { SLOPES = 64 };                             /* of the table of scattering */
enum { POINTS_OF_THREADS = 256 };                 /* fewer are not worth waking the other threads */

/* What the cuts make of all points alike. */
typedef struct cuts {
    const hg_classical_options *options;
    hg_point_strips points;
    double curvature_max;
    double scattering[SLOPES + 1]; /* standard deviation of a slope for the least pT at |slope| = k / SLOPES of cot_max */
} cuts;

/* A point on one side of the middle one, seen from there. */
typedef struct partner {
    const hg_strip_point *at;
    double cot, sigma2; /* slope dz/dr and its variance from the errors of the points */
    double scattering;  /* no less than the standard deviation of the slope for the least pT */
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

/* Largest difference in phi of two points of a wanted track, to first order in d0. */
static double phi_window(const cuts *c, double r_inner, double r_outer)
{
    const double half = fmin(c->curvature_max / 2, 1 / r_outer);
    const double bend = asin(fmin(1, half * r_outer)) - asin(fmin(1, half * r_inner));
    return bend + c->options->d0_max * (1 / r_inner - 1 / r_outer);
}

/* No track wanted scatters more than one with the least pT. Grows with |cot|. */
static double slope_scattering(const hg_classical_options *o, double cot)
{
    const double per_sin2 = 1 + cot * cot, per_sin = sqrt(per_sin2);
    return hg_scattering_angle(o->pt_min_gev * per_sin, mass_gev, o->x_over_x0 * per_sin) * per_sin2;
}

static void tabulate_scattering(cuts *c)
{
    for (int k = 0; k <= SLOPES; ++k) c->scattering[k] = slope_scattering(c->options, c->options->cot_max * k / SLOPES);
}

/* One side of a middle point: -1 inner, 1 outer. */
typedef struct side {
    const cuts *cuts;
    const hg_strip_point *middle;
    int sign;
    double slope[2]; /* dz/dr of what meets the luminous region */
    partner *partner;
    int n;
} side;

static side side_of(const cuts *c, const hg_strip_point *middle, int sign, partner *room)
{
    const hg_classical_options *o = c->options;
    const double low = (middle->z - o->z0_max) / middle->r, high = (middle->z + o->z0_max) / middle->r;
    /* a point on the beam line itself leaves the slopes open */
    return (side){c, middle, sign, {low > -o->cot_max ? low : -o->cot_max, high < o->cot_max ? high : o->cot_max}, room, 0};
}

/* The radial distances to points of a box that may be partners; false if none may. */
static bool reaches(const side *s, const hg_point_box *box, double distance[2])
{
    const hg_classical_options *o = s->cuts->options;
    const double r = s->middle->r, z = s->middle->z, rounding = 1e-6;
    const double near = s->sign < 0 ? r - box->r[1] : box->r[0] - r, far = s->sign < 0 ? r - box->r[0] : box->r[1] - r;
    if (box->z[0] > z + o->along_max || box->z[1] < z - o->along_max || near > o->radial_max || far < o->radial_min) return false;
    distance[0] = near > o->radial_min ? near : o->radial_min;
    distance[1] = far < o->radial_max ? far : o->radial_max;
    const double fall = s->slope[0] * distance[s->slope[0] < 0], rise = s->slope[1] * distance[s->slope[1] > 0];
    const double low = s->sign < 0 ? z - rise : z + fall, high = s->sign < 0 ? z - fall : z + rise;
    return !(box->z[0] > high + rounding || box->z[1] < low - rounding);
}

static void consider(side *s, const hg_strip_point *other)
{
    const hg_classical_options *o = s->cuts->options;
    const hg_strip_point *middle = s->middle;
    const double dr = other->r - middle->r, dz = other->z - middle->z, distance = fabs(dr);
    if (!(dr * s->sign > 0) || fabs(middle->z * dr - middle->r * dz) > o->z0_max * distance || s->n == PARTNERS_MAX) return;
    if (distance < o->radial_min || distance > o->radial_max || fabs(dz) > o->along_max || fabs(dz) > o->cot_max * distance) return;
    const double cot = dz / dr, sigma = o->point_sigma / dr;
    const int up = 1 + (int)(fabs(cot) / o->cot_max * SLOPES);
    const double scattering = s->cuts->scattering[up < SLOPES ? up : SLOPES];
    s->partner[s->n++] = (partner){other, cot, 2 * sigma * sigma * (1 + cot * cot), scattering};
}

static void search_strip(side *s, const hg_point_strip *strip, double window)
{
    const hg_point_strips *points = &s->cuts->points;
    for (int turn = -1; turn <= 1; ++turn) {
        const double centre = s->middle->phi + 2 * pi * turn, end = centre + window;
        if (end < -pi || centre - window > pi) continue;
        for (int64_t i = hg_point_strip_find(points, strip, centre - window); i < strip->end && points->point[i].phi <= end; ++i)
            consider(s, &points->point[i]);
    }
}

/* Fills the side with partners of its middle point, layer by layer. */
static void find_partners(side *s)
{
    const hg_point_strips *points = &s->cuts->points;
    const int32_t own = points->strip[s->middle->strip].layer;
    const double r = s->middle->r;
    for (int32_t k = 0; k < points->n_layers; ++k) {
        double distance[2], unused[2];
        if (k == own || !reaches(s, &points->layer_box[k], distance)) continue;
        const double window = phi_window(s->cuts, s->sign < 0 ? r - distance[1] : r, s->sign < 0 ? r : r + distance[1]);
        for (int64_t strip = points->first_strip[k]; strip < points->first_strip[k + 1]; ++strip)
            if (reaches(s, &points->strip[strip].box, unused)) search_strip(s, &points->strip[strip], window);
    }
}

/* Curvature of the circle through three points and its distance from the beam line; false outside the cuts. */
static bool circle_passes(const cuts *limits, const hg_strip_point *a, const hg_strip_point *b, const hg_strip_point *c, double *curvature,
                          double *d0)
{
    const double ax = a->x - b->x, ay = a->y - b->y, cx = c->x - b->x, cy = c->y - b->y;
    const double cross = ax * cy - ay * cx, a2 = ax * ax + ay * ay, c2 = cx * cx + cy * cy;
    const double sides = sqrt(a2 * c2 * ((c->x - a->x) * (c->x - a->x) + (c->y - a->y) * (c->y - a->y)));
    *curvature = 2 * fabs(cross) / sides;
    if (!(*curvature <= limits->curvature_max)) return false;
    /* cross (x^2 + y^2) + u x + v y + w = 0 about b, then about the beam line */
    const double u = ay * c2 - cy * a2, v = cx * a2 - ax * c2;
    const double w = cross * (b->x * b->x + b->y * b->y) - u * b->x - v * b->y;
    const double uu = u - 2 * cross * b->x, vv = v - 2 * cross * b->y, square = uu * uu + vv * vv;
    *d0 = fabs(2 * w) / (sqrt(square) + sqrt(fmax(0, square - 4 * cross * w)));
    return *d0 <= limits->options->d0_max;
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

static void join(const cuts *c, const hg_strip_point *middle, const partner *in, const partner *out, triplet *best, int32_t *n)
{
    const hg_classical_options *o = c->options;
    const double difference = fabs(in->cot - out->cot), most = in->scattering > out->scattering ? in->scattering : out->scattering;
    double curvature, d0;

    /* the mean slope scatters less than the steeper half, and the track found no more than one of the least pT */
    if (difference * difference > o->deviations * o->deviations * (in->sigma2 + out->sigma2 + most * most)) return;
    if (!circle_passes(c, in->at, middle, out->at, &curvature, &d0)) return;
    const double share = fmax(curvature / c->curvature_max, 1e-3); /* scattering goes like 1 / pT */
    const double angle = share * slope_scattering(o, (in->cot + out->cot) / 2);
    const double own = o->deviations * sqrt(in->sigma2 + out->sigma2 + angle * angle);
    if (difference > own) return;
    const double a = difference / own, b = d0 / o->d0_max;
    const triplet made = {{in->at->row, middle->row, out->at->row}, (float)exp2(-a * a - b * b)};
    insert(&made, o->per_middle, best, n);
}

static int32_t best_of_middle(const cuts *c, const hg_strip_point *middle, triplet *best)
{
    partner room[2][PARTNERS_MAX];
    side inner = side_of(c, middle, -1, room[0]), outer = side_of(c, middle, 1, room[1]);
    int32_t n = 0;
    find_partners(&inner);
    if (inner.n > 0) find_partners(&outer);
    for (int i = 0; i < inner.n; ++i)
        for (int k = 0; k < outer.n; ++k) join(c, middle, &inner.partner[i], &outer.partner[k], best, &n);
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
    HG_CHECK(o->cot_max > 0 && isfinite(o->cot_max), HG_ERR_ARG, "classical seeds: cot_max: expected above 0, found %g", o->cot_max);
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
    cuts c = {.options = o, .curvature_max = HG_CURVATURE_CONSTANT * fabs(o->field_tesla) / o->pt_min_gev};
    triplet *best = NULL;  /* [n_points, per_middle] */
    int32_t *count = NULL; /* [n_points] */

    HG_TRY(check(ctx, o));
    tabulate_scattering(&c);
    HG_TRY(hg_point_strips_create(ctx, points, &c.points));
    const int64_t n_points = c.points.n_points;
    HG_TRY(hg_alloc_unset(ctx, &best, n_points * o->per_middle));
    HG_TRY(hg_alloc_unset(ctx, &count, n_points));
#pragma omp parallel for schedule(dynamic, 64) num_threads(hg_context_threads(ctx)) if (n_points >= POINTS_OF_THREADS)
    for (int64_t i = 0; i < n_points; ++i) count[i] = best_of_middle(&c, &c.points.point[i], best + i * o->per_middle);
    HG_TRY(gather(ctx, best, count, n_points, o->per_middle, out));
done:
    hg_free(ctx, best);
    hg_free(ctx, count);
    hg_point_strips_free(ctx, &c.points);
    return status;
}

void hg_classical_triplets_clear(hg_context *ctx, hg_classical_triplets *triplets)
{
    hg_free(ctx, triplets->hit);
    hg_free(ctx, triplets->score);
    *triplets = (hg_classical_triplets){0};
}
