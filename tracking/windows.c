/* windows.c — which layers a track meets next, and how far around the crossing its hits can be. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "tracking/finder.h"
#include "tracking/propagate.h"
#include "tracking/transport.h"

/* The track as a helix in the field of its start, with the errors that grow along it. */
typedef struct helix {
    hg_stepper stepper;
    double sin_theta, cos_theta, phi, kappa; /* kappa in 1/mm of transverse arc */
    double sigma[5];                         /* square roots of the diagonal of the covariance */
    double closest;                          /* path to the closest approach to the beam line */
} helix;

/* Widths of the search: numbers of standard deviations, and what the constant field and scattering in the next layer may do. */
static const double n_sigma = 4.0, bend_error = 0.03, scattering_gev = 0.003, slack_mm = 0.3, largest_mm = 40.0, edge_mm = 4.0,
                    turn_max = 1.5;

static bool start_helix(const hg_finder_input *input, const hg_track_state *state, helix *h)
{
    hg_free_state free_state;
    double k[3];
    if (!hg_free_from_module(&input->detector->modules[state->module], state->par, &free_state)) return false;
    h->stepper = hg_stepper_start(input->kalman->field, input->kalman->options.step_tolerance_mm, &free_state, NULL);
    const double *t = free_state.t;
    h->sin_theta = sqrt(t[0] * t[0] + t[1] * t[1]);
    if (h->sin_theta < 1e-6) return false;
    h->cos_theta = t[2];
    h->phi = atan2(t[1], t[0]);
    hg_stepper_curvature(&h->stepper, k);
    h->kappa = (t[0] * k[1] - t[1] * k[0]) / (h->sin_theta * h->sin_theta * h->sin_theta);
    hg_surface beam = hg_surface_line(0.0, 0.0);
    if (hg_stepper_distance(&h->stepper, &beam, 0, &h->closest) != 0) return false;
    for (int i = 0; i < 5; ++i) h->sigma[i] = sqrt(fmax(state->cov[HG_PACKED(i, i)], 0.0));
    return true;
}

/* Position and direction after a path (PHYSICS 1.2, chord form). */
static void move_along(const helix *h, double path, hg_window *w)
{
    double s = path * h->sin_theta, half = h->kappa * s / 2.0;
    double chord = fabs(half) < 1e-6 ? s : s * sin(half) / half, phi = h->phi + 2.0 * half;
    w->position[0] = h->stepper.state.r[0] + chord * cos(h->phi + half);
    w->position[1] = h->stepper.state.r[1] + chord * sin(h->phi + half);
    w->position[2] = h->stepper.state.r[2] + path * h->cos_theta;
    w->direction[0] = h->sin_theta * cos(phi);
    w->direction[1] = h->sin_theta * sin(phi);
    w->direction[2] = h->cos_theta;
    w->path = path;
}

/* Half widths: the errors across the track projected on the layer, plus what the depth of the layer and the measurement add. */
static void widen(const helix *h, const hg_hit_layer *hits, bool barrel, double radius, hg_window *w)
{
    double path = fabs(w->path), arc = path * h->sin_theta, qop = h->stepper.state.qop;
    double bend = 0.5 * arc * arc * fabs(h->kappa), relative = fmin(h->sigma[4] / fmax(fabs(qop), 1e-6), 1.0);
    double scattering = scattering_gev * fabs(qop) * path;
    double across = n_sigma * (h->sigma[0] + arc * h->sigma[2] + bend * relative + scattering) + bend_error * bend + slack_mm;
    double along = n_sigma * (h->sigma[1] + path * h->sigma[3] + scattering) + slack_mm;
    double cos_psi = fmax(fabs(w->position[0] * w->direction[0] + w->position[1] * w->direction[1]) / (radius * h->sin_theta), 0.2);
    double sin_psi = sqrt(fmax(1.0 - cos_psi * cos_psi, 0.0)), cos_theta = fmax(fabs(h->cos_theta), 0.1);
    across = fmin(across, largest_mm);
    along = fmin(along, largest_mm);
    double around, c;
    if (barrel) {
        around = (across + hits->depth * sin_psi) / cos_psi;
        c = along / h->sin_theta + (across * sin_psi + hits->depth) * cos_theta / (h->sin_theta * cos_psi);
    } else {
        double shift = hits->depth * h->sin_theta / cos_theta, radial = along / cos_theta;
        around = across * cos_psi + (radial + shift) * sin_psi;
        c = (radial + shift) * cos_psi + across * sin_psi;
    }
    w->half_phi = (around + n_sigma * hits->sigma_phi) / radius;
    w->half_c = c + n_sigma * hits->sigma_c;
}

static bool window_on(const hg_finder_input *input, const hg_hit_index *index, const helix *h, int32_t l, int direction, hg_window *w)
{
    const hg_layer *layer = &input->detector->layers[l];
    const double *r = h->stepper.state.r, *t = h->stepper.state.t;
    double path;

    if (!layer->barrel && (layer->z - r[2]) * t[2] * direction <= 0) return false;
    hg_surface surface = layer->barrel ? hg_surface_cylinder(layer->r) : hg_surface_disc(layer->z);
    if (hg_stepper_distance(&h->stepper, &surface, direction, &path) != 0 || path * direction <= 0) return false;
    if (h->closest * direction > 0 && fabs(path) > fabs(h->closest)) return false; /* beyond the beam line: not on this leg */
    *w = (hg_window){.layer = l};
    move_along(h, path, w);
    double outward = w->position[0] * w->direction[0] + w->position[1] * w->direction[1];
    if (fabs(path * h->sin_theta * h->kappa) > turn_max || outward < 0) return false; /* curled: hits on the way back are rare */
    double radius = sqrt(w->position[0] * w->position[0] + w->position[1] * w->position[1]);
    if (radius < 1.0) return false;
    w->phi = atan2(w->position[1], w->position[0]);
    w->c = layer->barrel ? w->position[2] : radius;
    double low = layer->barrel ? layer->z_min : layer->r_min, high = layer->barrel ? layer->z_max : layer->r_max;
    if (w->c < low - 2.0 * largest_mm || w->c > high + 2.0 * largest_mm) return false;
    widen(h, &index->layer[l], layer->barrel, radius, w);
    if (w->c < low - w->half_c || w->c > high + w->half_c) return false;
    double margin = edge_mm + fmin(w->half_c, 0.25 * (high - low));
    w->inside = w->c > low + margin && w->c < high - margin;
    return true;
}

int hg_windows_ahead(const hg_finder_input *input, const hg_hit_index *index, const hg_track_state *state, int direction, int room,
                     hg_window *windows)
{
    helix h;
    int n = 0;
    int32_t own = input->detector->module_layer[state->module];

    if (!start_helix(input, state, &h)) return 0;
    for (int32_t l = 0; l < (int32_t)input->detector->n_layers; ++l) {
        hg_window w;
        if (l == own || !window_on(input, index, &h, l, direction, &w)) continue;
        if (n == room && fabs(w.path) >= fabs(windows[n - 1].path)) continue;
        int at = n < room ? n++ : n - 1;
        while (at > 0 && fabs(windows[at - 1].path) > fabs(w.path)) {
            windows[at] = windows[at - 1];
            --at;
        }
        windows[at] = w;
    }
    return n;
}
