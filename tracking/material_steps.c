/* material_steps.c — how true particles turn and slow down between their hits, and what they cross there. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/memory.h"
#include "tracking/calibrate.h"
#include "tracking/energy_loss.h"
#include "tracking/material_steps.h"
#include "tracking/propagate.h"

static const double prompt_mm = 2.0;

/* Surfaces between two points, along the chord. */
static bool find_crossings(const hg_material *material, const double a[3], const double b[3], hg_material_step *s)
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
        if (s->n == HG_STEP_CROSSED_MAX) return false;
        s->surface[s->n] = (int32_t)i;
        s->per_cosine[s->n++] = 1.0 / fmax(HG_COSINE_MIN, fabs(to - from) / length);
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

static bool measure_step(const hg_kalman *kalman, const stop *from, const stop *to, int64_t module, double charge, hg_material_step *s)
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
    s->loss_mev = 1e3 * (hypot(p, kalman->options.mass_gev) - hypot(p_to, kalman->options.mass_gev));
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

static hg_status add_step(hg_context *ctx, const hg_material_step *s, hg_material_steps *list)
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

hg_status hg_material_steps_add(hg_context *ctx, const hg_kalman *kalman, const hg_calibration_event *e, double pt_min_gev,
                                hg_material_steps *steps)
{
    hg_status status = HG_OK;
    const hg_particles *particles = &e->event->particles;
    place *places = NULL;
    int64_t n = 0;
    HG_TRY(hg_calibration_check_event(ctx, e, true));
    HG_TRY(hg_alloc(ctx, &places, e->event->hits.n));
    for (int64_t i = 0; i < e->event->hits.n; ++i) {
        const int32_t particle = e->order->particle[i];
        if (particle >= 0 && e->order->pt_gev[particle] >= pt_min_gev)
            places[n++] = (place){particle, e->order->module_rank[i], (int32_t)i};
    }
    qsort(places, (size_t)n, sizeof *places, along_particle);
    for (int64_t k = 0; k < n; ++k) {
        const int32_t particle = places[k].particle, row = places[k].row;
        const bool first = k == 0 || places[k - 1].particle != particle;
        const stop to = stop_at_hit(&e->event->truth, row);
        stop from = {{particles->vx[particle], particles->vy[particle], particles->vz[particle]},
                     {particles->px[particle], particles->py[particle], particles->pz[particle]}};
        hg_material_step s;
        if (first && hypot(from.at[0], from.at[1]) > prompt_mm) continue;
        if (!first && places[k - 1].rank == places[k].rank) continue;
        if (!first) from = stop_at_hit(&e->event->truth, places[k - 1].row);
        if (measure_step(kalman, &from, &to, e->hit_module[row], particles->q[particle], &s)) HG_TRY(add_step(ctx, &s, steps));
    }
done:
    hg_free(ctx, places);
    return status;
}
