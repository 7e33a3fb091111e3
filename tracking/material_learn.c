/* material_learn.c — thickness of material surfaces from how true directions scatter. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include "hitgraph/calibration.h"
#include "hitgraph/material.h"
#include "base/check.h"
#include "base/memory.h"
#include "tracking/calibrate.h"
#include "tracking/energy_loss.h"
#include "tracking/propagate.h"

enum { CROSSED_MAX = 8, ITERATIONS = 40 };
/* (angle / width)^2 of two projections is exponential with mean 2; beyond the cut lie the tails; the mean below it. */
static const double cut = 9.0, mean_below_cut = 1.8988959, share_min = 20.0;
static const double prompt_mm = 2.0, cosine_min = 0.1;

/* A particle's way from one hit (or its vertex) to the next: the angle that the field does not explain. */
typedef struct step {
    double angle2, p; /* rad^2, GeV */
    int n;
    int32_t surface[CROSSED_MAX];
    double per_cosine[CROSSED_MAX];
} step;

typedef struct step_list {
    int64_t n, room;
    step *item;
} step_list;

/* Surfaces between two points, along the chord. */
static bool find_crossings(const hg_material *material, const double a[3], const double b[3], step *s)
{
    const double ra = hypot(a[0], a[1]), rb = hypot(b[0], b[1]),
                 length = sqrt(pow(b[0] - a[0], 2) + pow(b[1] - a[1], 2) + pow(b[2] - a[2], 2));
    s->n = 0;
    for (int64_t i = 0; i < material->n; ++i) {
        const hg_material_surface *m = &material->surface[i];
        const double from = m->cylinder ? ra : a[2], to = m->cylinder ? rb : b[2], share = (m->position - from) / (to - from);
        if (from == to || !(share > 0.0 && share < 1.0)) continue;
        const double across = m->cylinder ? a[2] + share * (b[2] - a[2]) : ra + share * (rb - ra);
        if (across < m->low || across > m->high) continue;
        if (s->n == CROSSED_MAX) return false;
        s->surface[s->n] = (int32_t)i;
        s->per_cosine[s->n++] = 1.0 / fmax(cosine_min, fabs(to - from) / length);
    }
    return s->n > 0;
}

/* Where a particle is and where it goes. */
typedef struct stop {
    double at[3], p[3];
} stop;

static stop stop_at_hit(const hg_truth *t, int64_t i)
{
    return (stop){{t->tx[i], t->ty[i], t->tz[i]}, {t->tpx[i], t->tpy[i], t->tpz[i]}};
}

static bool measure_step(const hg_kalman *kalman, const stop *from, const stop *to, int64_t module, double charge, step *s)
{
    const hg_surface surface = hg_surface_of_module(&kalman->detector->modules[module]);
    const double p = sqrt(from->p[0] * from->p[0] + from->p[1] * from->p[1] + from->p[2] * from->p[2]);
    const double p_to = sqrt(to->p[0] * to->p[0] + to->p[1] * to->p[1] + to->p[2] * to->p[2]);
    hg_free_state state = {.qop = charge / p};
    if (!(p > 0.0 && p_to > 0.5 * p) || charge == 0.0) return false;
    for (int k = 0; k < 3; ++k) {
        state.r[k] = from->at[k];
        state.t[k] = from->p[k] / p;
    }
    if (hg_propagate(kalman->field, kalman->options.step_tolerance_mm, &surface, 1, 1000.0, &state, NULL) != 0) return false;
    s->angle2 = 0;
    for (int k = 0; k < 3; ++k) s->angle2 += pow(to->p[k] / p_to - state.t[k], 2);
    s->p = p;
    return s->angle2 < 0.04 && find_crossings(kalman->material, from->at, to->at, s);
}

/* Hits of particles along them. */
typedef struct place {
    int32_t particle, rank, row;
} place;

static int along_particle(const void *left, const void *right)
{
    const place *a = left, *b = right;
    if (a->particle != b->particle) return a->particle < b->particle ? -1 : 1;
    if (a->rank != b->rank) return a->rank < b->rank ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static hg_status add_step(hg_context *ctx, const step *s, step_list *list)
{
    hg_status status = HG_OK;
    if (list->n == list->room) {
        HG_TRY(hg_grow(ctx, &list->item, list->n, 2 * list->room + 1024));
        list->room = 2 * list->room + 1024;
    }
    list->item[list->n++] = *s;
done:
    return status;
}

/* Steps of one event: vertex to first hit for particles from the beam line, hit to hit of the next layer for all. */
static hg_status collect(hg_context *ctx, const hg_kalman *kalman, const hg_calibration_event *e, double pt_min, step_list *list)
{
    hg_status status = HG_OK;
    const hg_particles *particles = &e->event->particles;
    place *places = NULL;
    int64_t n = 0;
    HG_TRY(hg_calibration_check_event(ctx, e, true));
    HG_TRY(hg_alloc(ctx, &places, e->event->hits.n));
    for (int64_t i = 0; i < e->event->hits.n; ++i) {
        const int32_t particle = e->order->particle[i];
        if (particle >= 0 && e->order->pt_gev[particle] >= pt_min) places[n++] = (place){particle, e->order->module_rank[i], (int32_t)i};
    }
    qsort(places, (size_t)n, sizeof *places, along_particle);
    for (int64_t k = 0; k < n; ++k) {
        const int32_t particle = places[k].particle, row = places[k].row;
        const bool first = k == 0 || places[k - 1].particle != particle;
        const stop to = stop_at_hit(&e->event->truth, row);
        stop from = {{particles->vx[particle], particles->vy[particle], particles->vz[particle]},
                     {particles->px[particle], particles->py[particle], particles->pz[particle]}};
        step s;
        if (first && hypot(from.at[0], from.at[1]) > prompt_mm) continue;
        if (!first && places[k - 1].rank == places[k].rank) continue;
        if (!first) from = stop_at_hit(&e->event->truth, places[k - 1].row);
        if (measure_step(kalman, &from, &to, e->hit_module[row], particles->q[particle], &s)) HG_TRY(add_step(ctx, &s, list));
    }
done:
    hg_free(ctx, places);
    return status;
}

/* Sums of one iteration: of each surface its shares, and its shares times what was seen. */
static void compare(const hg_kalman *kalman, const hg_material *material, const step_list *list, double *share, double *seen)
{
    for (int64_t i = 0; i < material->n; ++i) share[i] = seen[i] = 0.0;
    for (int64_t k = 0; k < list->n; ++k) {
        const step *s = &list->item[k];
        double part[CROSSED_MAX], sum = 0.0;
        for (int c = 0; c < s->n; ++c) {
            const double thickness = material->surface[s->surface[c]].x_over_x0 * s->per_cosine[c];
            part[c] = pow(hg_scattering_angle(s->p, kalman->options.mass_gev, thickness), 2);
            sum += part[c];
        }
        const double x = sum > 0.0 ? s->angle2 / sum : cut;
        for (int c = 0; c < s->n && x < cut; ++c) {
            share[s->surface[c]] += part[c] / sum;
            seen[s->surface[c]] += part[c] / sum * x;
        }
    }
}

hg_status hg_material_learn(hg_context *ctx, const hg_kalman *kalman, const hg_calibration_event *events, int64_t n, double pt_min_gev,
                            hg_material **out)
{
    hg_status status = HG_OK;
    hg_material *material = NULL;
    double *share = NULL, *seen = NULL;
    step_list list = {0};

    HG_CHECK(kalman->material, HG_ERR_ARG, "learning material needs its places, found none");
    HG_TRY(hg_material_create(ctx, kalman->material->surface, kalman->material->n, &material));
    HG_TRY(hg_alloc(ctx, &share, material->n));
    HG_TRY(hg_alloc(ctx, &seen, material->n));
    for (int64_t e = 0; e < n; ++e) HG_TRY(collect(ctx, kalman, &events[e], pt_min_gev, &list));
    for (int turn = 0; turn < ITERATIONS; ++turn) {
        compare(kalman, material, &list, share, seen);
        for (int64_t i = 0; i < material->n; ++i)
            if (share[i] > share_min) material->surface[i].x_over_x0 *= seen[i] / (share[i] * mean_below_cut);
    }
    *out = material;
    material = NULL;
done:
    hg_free(ctx, list.item);
    hg_free(ctx, share);
    hg_free(ctx, seen);
    hg_material_destroy(ctx, material);
    return status;
}
