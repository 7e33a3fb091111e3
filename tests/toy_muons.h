/* toy_muons.h — muons in a toy barrel and toy discs with exactly the scattering, loss and hit errors that the fit believes in. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_TOY_MUONS_H
#define HG_TESTS_TOY_MUONS_H

#include <math.h>
#include "base/random.h"
#include "hitgraph/material.h"
#include "tests/leaks.h"
#include "tracking/energy_loss.h"
#include "tracking/fit.h"

enum { LAYERS = 10, RING = 24, DISCS = 9, N_MODULES = LAYERS * RING + DISCS, HITS_MAX = LAYERS };
static const double pi = 3.14159265358979323846, muon = 0.1056583755;
static const double layer_r[LAYERS] = {32, 72, 116, 172, 260, 360, 500, 660, 820, 1020};
static const double disc_z[DISCS] = {600, 700, 820, 960, 1100, 1300, 1500, 1800, 2150};

static hg_context *ctx;
static hg_detector *detector;
static hg_field *coil;
static hg_material *rings, *discs; /* what barrel and forward muons cross; the toy world has the one or the other */

static double sigma_u(int64_t module)
{
    return detector->modules[module].pitch_u / sqrt(12.0);
}

static double sigma_v(int64_t module)
{
    return detector->modules[module].pitch_v / sqrt(12.0);
}

/* Rings of tilted planes for the barrel, one large plane per disc. */
static hg_detector *toy_detector(void)
{
    static hg_module m[N_MODULES];
    int n = 0;
    for (int layer = 0; layer < LAYERS; ++layer) {
        bool pixel = layer < 4, is_short = layer < 8;
        for (int k = 0; k < RING; ++k) {
            double phi = 2 * pi * k / RING, normal = phi + (pixel ? 0.14 : -0.15), r = layer_r[layer];
            m[n++] = (hg_module){.volume_id = 8,
                                 .layer_id = 2 * (layer + 1),
                                 .module_id = k + 1,
                                 .center = {r * cos(phi), r * sin(phi), 0},
                                 .rotation = {-sin(normal), 0, cos(normal), cos(normal), 0, sin(normal), 0, 1, 0},
                                 .half_u_min = r * 0.14,
                                 .half_u_max = r * 0.14,
                                 .half_v = 1100,
                                 .pitch_u = pixel ? 0.05 : 0.08,
                                 .pitch_v = pixel      ? 0.056
                                            : is_short ? 1.2
                                                       : 10.8};
        }
    }
    for (int i = 0; i < DISCS; ++i) {
        bool pixel = i < 7;
        m[n++] = (hg_module){.volume_id = 9,
                             .layer_id = 2 * (i + 1),
                             .module_id = 1,
                             .center = {0, 0, disc_z[i]},
                             .rotation = {1, 0, 0, 0, 1, 0, 0, 0, 1},
                             .half_u_min = 700,
                             .half_u_max = 700,
                             .half_v = 700,
                             .pitch_u = pixel ? 0.05 : 0.08,
                             .pitch_v = pixel ? 0.056 : 0.08};
    }
    hg_detector *out = NULL;
    assert_int_equal(hg_detector_create(ctx, m, N_MODULES, &out), HG_OK);
    return out;
}

/* Cylinders behind the inner and in front of the outer layers, or discs just after their planes; and a pipe. */
static hg_material *toy_material(bool forward)
{
    hg_material_surface s[1 + LAYERS];
    int n = 0;
    s[n++] = (hg_material_surface){true, 19, -3000, 3000, 0.0014, 0.12};
    for (int i = 0; i < LAYERS && !forward; ++i) {
        s[n++] = (hg_material_surface){true, layer_r[i] + (i < 4 ? 8 : -14), -1100, 1100, 0.015, 0.5};
    }
    for (int i = 0; i < DISCS && forward; ++i) s[n++] = (hg_material_surface){false, disc_z[i] + 10, 20, 1100, 0.015, 0.5};
    hg_material *out = NULL;
    assert_int_equal(hg_material_create(ctx, s, n, &out), HG_OK);
    return out;
}

static hg_kalman toy_kalman(bool forward)
{
    hg_kalman kalman = {.detector = detector, .field = coil, .material = forward ? discs : rings, .options = hg_kalman_default_options()};
    kalman.options.mass_gev = muon;
    return kalman;
}

typedef struct toy_track {
    double truth[5]; /* perigee */
    hg_measurement hit[HITS_MAX];
    double exact[HITS_MAX][5]; /* true state at each hit */
    int n;
} toy_track;

/* Crosses one material surface as the fit believes it: Gaussian kicks and loss. */
static bool kick(const hg_kalman *kalman, const hg_material_surface *m, hg_free_state *s, hg_random *random)
{
    hg_crossing crossing;
    double r = hypot(s->r[0], s->r[1]);
    double cos_incidence = m->cylinder ? (s->r[0] * s->t[0] + s->r[1] * s->t[1]) / r : s->t[2];
    if (hg_material_cross(&kalman->options, m, s->qop, cos_incidence, 1, &crossing) != 0) return false;
    double theta0 = sqrt(crossing.theta0_squared), theta = acos(s->t[2]), phi = atan2(s->t[1], s->t[0]);
    phi += theta0 / sin(theta) * hg_random_normal(random);
    theta += theta0 * hg_random_normal(random);
    s->t[0] = sin(theta) * cos(phi);
    s->t[1] = sin(theta) * sin(phi);
    s->t[2] = cos(theta);
    s->qop = crossing.qop + sqrt(crossing.qop_variance) * hg_random_normal(random);
    return true;
}

static bool go(hg_free_state *s, hg_surface surface)
{
    return hg_propagate(coil, 1e-5, &surface, 1, 5000, s, NULL) == 0;
}

static void smear(toy_track *t, const hg_free_state *s, int64_t module, hg_random *random)
{
    const hg_module *m = &detector->modules[module];
    double local[2];
    for (int k = 0; k < 2; ++k) {
        local[k] = 0;
        for (int i = 0; i < 3; ++i) local[k] += m->rotation[3 * i + k] * (s->r[i] - m->center[i]);
    }
    double *exact = t->exact[t->n];
    exact[0] = local[0];
    exact[1] = local[1];
    exact[2] = atan2(s->t[1], s->t[0]);
    exact[3] = acos(s->t[2]);
    exact[4] = s->qop;
    t->hit[t->n++] = (hg_measurement){
        .module = module,
        .local = {local[0] + sigma_u(module) * hg_random_normal(random), local[1] + sigma_v(module) * hg_random_normal(random)},
        .variance = {pow(sigma_u(module), 2), pow(sigma_v(module), 2)}};
}

/* Barrel muons visit the rings in turn, forward ones the discs. */
static bool simulate(const hg_kalman *kalman, uint64_t index, bool forward, double pt_low, double pt_high, toy_track *t)
{
    hg_random random = hg_random_stream(20, forward, 1, index);
    double eta = forward ? hg_random_range(&random, 1.9, 2.6) : hg_random_range(&random, -0.8, 0.8);
    double pt = pt_low * pow(pt_high / pt_low, hg_random_uniform(&random));
    t->n = 0;
    t->truth[0] = hg_random_range(&random, -0.5, 0.5);
    t->truth[1] = hg_random_range(&random, -60, 60);
    t->truth[2] = hg_random_range(&random, -pi, pi);
    t->truth[3] = 2 * atan(exp(-eta));
    t->truth[4] = (hg_random_uniform(&random) < 0.5 ? -1 : 1) * sin(t->truth[3]) / pt;
    hg_free_state s;
    if (!hg_free_from_perigee(t->truth, &s)) return false;
    if (!go(&s, hg_surface_cylinder(19)) || !kick(kalman, &kalman->material->surface[0], &s, &random)) return false;
    for (int i = 0; i < (forward ? DISCS : LAYERS); ++i) {
        const hg_material_surface *m = &kalman->material->surface[1 + i];
        hg_surface surface = m->cylinder ? hg_surface_cylinder(m->position) : hg_surface_disc(m->position);
        bool before = !forward && i >= 4;
        if (before && (!go(&s, surface) || !kick(kalman, m, &s, &random))) return false;
        int64_t module = LAYERS * RING + i;
        if (!forward) {
            hg_free_state ahead = s;
            if (!go(&ahead, hg_surface_cylinder(layer_r[i]))) return false;
            module = RING * i + (int64_t)lround(remainder(atan2(ahead.r[1], ahead.r[0]), 2 * pi) / (2 * pi) * RING + RING) % RING;
        }
        if (!go(&s, hg_surface_of_module(&detector->modules[module]))) return false;
        smear(t, &s, module, &random);
        if (!before && (!go(&s, surface) || !kick(kalman, m, &s, &random))) return false;
    }
    return true;
}

static hg_tracks *tracks_of(const toy_track *toy, int n, hg_measurement *measurements)
{
    hg_tracks *tracks = NULL;
    int64_t hits = 0;
    for (int i = 0; i < n; ++i) hits += toy[i].n;
    assert_int_equal(hg_tracks_create(ctx, n, hits, &tracks), HG_OK);
    hits = 0;
    for (int i = 0; i < n; ++i) {
        for (int k = 0; k < toy[i].n; ++k) {
            tracks->hit[hits] = (int32_t)hits;
            measurements[hits++] = toy[i].hit[k];
        }
        tracks->hit_offset[i + 1] = hits;
    }
    return tracks;
}

enum { TOYS = 4000 };
static toy_track toys[TOYS];
static hg_measurement measurements[TOYS * HITS_MAX];

static void make_toys(const hg_kalman *kalman, bool forward)
{
    uint64_t index = 0;
    for (int n = 0; n < TOYS; ++index) n += simulate(kalman, index, forward, 0.8, 20.0, &toys[n]);
    assert_true(index < TOYS + TOYS / 20);
}

#endif
