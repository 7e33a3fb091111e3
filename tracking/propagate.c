/* propagate.c — Runge-Kutta-Nystroem stepping through a field to planes, discs, cylinders and closest approach. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "tracking/propagate.h"
#include "hitgraph/tracks.h"

enum { STEPS_MAX = 2000, SHORTENINGS_MAX = 20 };

/* Below this length (mm) a step is a Taylor step of second order: its error is below 1e-9 mm for any track that a tracker sees. */
static const double short_step = 0.05;

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void scaled_cross(double scale, const double a[3], const double b[3], double out[3])
{
    out[0] = scale * (a[1] * b[2] - a[2] * b[1]);
    out[1] = scale * (a[2] * b[0] - a[0] * b[2]);
    out[2] = scale * (a[0] * b[1] - a[1] * b[0]);
}

hg_surface hg_surface_of_module(const hg_module *module)
{
    return (hg_surface){.kind = HG_SURFACE_PLANE,
                        .point = {module->center[0], module->center[1], module->center[2]},
                        .normal = {module->rotation[2], module->rotation[5], module->rotation[8]}};
}

hg_surface hg_surface_disc(double z)
{
    return (hg_surface){.kind = HG_SURFACE_DISC, .point = {0.0, 0.0, z}, .normal = {0.0, 0.0, 1.0}};
}

hg_surface hg_surface_cylinder(double radius)
{
    return (hg_surface){.kind = HG_SURFACE_CYLINDER, .radius = radius};
}

hg_surface hg_surface_line(double x, double y)
{
    return (hg_surface){.kind = HG_SURFACE_LINE, .point = {x, y, 0.0}};
}

void hg_transport_start(const hg_free_state *state, hg_transport *transport)
{
    const double *t = state->t;
    double sin_theta = sqrt(t[0] * t[0] + t[1] * t[1]);
    double per_sin = sin_theta > 0 ? 1.0 / sin_theta : 0.0;
    *transport = (hg_transport){
        .t = {{-t[1], t[2] * t[0] * per_sin, 0.0, 0.0}, {t[0], t[2] * t[1] * per_sin, 0.0, 0.0}, {0.0, -sin_theta, 0.0, 0.0}}};
}

hg_stepper hg_stepper_start(const hg_field *field, double tolerance, const hg_free_state *state, hg_transport *transport)
{
    hg_stepper stepper = {.field = field, .tolerance = tolerance, .state = *state, .step = HUGE_VAL, .transport = transport};
    hg_field_at(field, state->r, stepper.b);
    return stepper;
}

void hg_stepper_curvature(const hg_stepper *stepper, double k[3])
{
    scaled_cross(HG_CURVATURE_CONSTANT * stepper->state.qop, stepper->state.t, stepper->b, k);
}

/* dk = K (q/p) (dt + h dk_before) x B, and for the q/p column also g = K t x B. */
static void push_stage(double scale, const double t[3][4], double h, const double before[3][4], const double b[3], const double g[3],
                       double out[3][4])
{
    double sum[3][4];
    for (int i = 0; i < 3; ++i)
        for (int c = 0; c < 4; ++c) sum[i][c] = t[i][c] + h * before[i][c];
    for (int c = 0; c < 4; ++c) {
        out[0][c] = scale * (sum[1][c] * b[2] - sum[2][c] * b[1]);
        out[1][c] = scale * (sum[2][c] * b[0] - sum[0][c] * b[2]);
        out[2][c] = scale * (sum[0][c] * b[1] - sum[1][c] * b[0]);
    }
    for (int i = 0; i < 3; ++i) out[i][2] += g[i];
}

/* g_i are the stages' K t x B without q/p, so that nothing divides by it. */
static void push_columns(hg_transport *d, double scale, double h, const double b[3][3], const double g[4][3])
{
    static const double none[3][4];
    double k1[3][4], k2[3][4], k3[3][4], k4[3][4];
    push_stage(scale, d->t, 0.0, none, b[0], g[0], k1);
    push_stage(scale, d->t, h / 2.0, k1, b[1], g[1], k2);
    push_stage(scale, d->t, h / 2.0, k2, b[1], g[2], k3);
    push_stage(scale, d->t, h, k3, b[2], g[3], k4);
    for (int i = 0; i < 3; ++i) {
        for (int c = 0; c < 4; ++c) {
            d->r[i][c] += h * d->t[i][c] + h * h / 6.0 * (k1[i][c] + k2[i][c] + k3[i][c]);
            d->t[i][c] += h / 6.0 * (k1[i][c] + 2.0 * k2[i][c] + 2.0 * k3[i][c] + k4[i][c]);
        }
    }
}

static void taylor_step(hg_stepper *s, double h)
{
    double *r = s->state.r, *t = s->state.t, g[3], scale = HG_CURVATURE_CONSTANT * s->state.qop;
    scaled_cross(HG_CURVATURE_CONSTANT, t, s->b, g);
    if (s->transport) {
        static const double none[3][4];
        double k[3][4];
        hg_transport *d = s->transport;
        push_stage(scale, d->t, 0.0, none, s->b, g, k);
        for (int i = 0; i < 3; ++i) {
            for (int c = 0; c < 4; ++c) {
                d->r[i][c] += h * (d->t[i][c] + h / 2.0 * k[i][c]);
                d->t[i][c] += h * k[i][c];
            }
        }
    }
    for (int i = 0; i < 3; ++i) {
        double k = s->state.qop * g[i];
        r[i] += h * (t[i] + h / 2.0 * k);
        t[i] += h * k;
    }
}

double hg_stepper_step(hg_stepper *s, double h)
{
    if (fabs(h) <= short_step) {
        taylor_step(s, h);
        return h;
    }
    const double *r = s->state.r, *t = s->state.t, qop = s->state.qop;
    double b[3][3], g[4][3], k[4][3], at[3], direction[3], error;
    if (fabs(h) > s->step) h = copysign(s->step, h);
    for (int i = 0; i < 3; ++i) b[0][i] = s->b[i];
    scaled_cross(HG_CURVATURE_CONSTANT, t, b[0], g[0]);
    for (int i = 0; i < 3; ++i) k[0][i] = qop * g[0][i];
    for (int attempt = 0;; ++attempt) {
        for (int i = 0; i < 3; ++i) at[i] = r[i] + h / 2.0 * t[i] + h * h / 8.0 * k[0][i];
        hg_field_at(s->field, at, b[1]);
        for (int stage = 1; stage < 3; ++stage) {
            for (int i = 0; i < 3; ++i) direction[i] = t[i] + h / 2.0 * k[stage - 1][i];
            scaled_cross(HG_CURVATURE_CONSTANT, direction, b[1], g[stage]);
            for (int i = 0; i < 3; ++i) k[stage][i] = qop * g[stage][i];
        }
        for (int i = 0; i < 3; ++i) {
            at[i] = r[i] + h * t[i] + h * h / 2.0 * k[2][i];
            direction[i] = t[i] + h * k[2][i];
        }
        hg_field_at(s->field, at, b[2]);
        scaled_cross(HG_CURVATURE_CONSTANT, direction, b[2], g[3]);
        error = 0.0;
        for (int i = 0; i < 3; ++i) {
            k[3][i] = qop * g[3][i];
            error += fabs(k[0][i] - k[1][i] - k[2][i] + k[3][i]);
        }
        error *= h * h;
        if (!(error > 4.0 * s->tolerance) || attempt == SHORTENINGS_MAX) break;
        h *= fmax(0.25, pow(s->tolerance / error, 0.25));
    }
    s->step = fabs(h) * fmin(4.0, fmax(0.25, sqrt(sqrt(s->tolerance / fmax(error, 1e-300)))));
    if (s->transport) push_columns(s->transport, HG_CURVATURE_CONSTANT * qop, h, b, g);
    double norm = 0.0;
    for (int i = 0; i < 3; ++i) {
        s->state.r[i] += h * t[i] + h * h / 6.0 * (k[0][i] + k[1][i] + k[2][i]);
        s->state.t[i] += h / 6.0 * (k[0][i] + 2.0 * k[1][i] + 2.0 * k[2][i] + k[3][i]);
        norm += s->state.t[i] * s->state.t[i];
        s->b[i] = b[2][i];
    }
    norm = 1.0 / sqrt(norm);
    for (int i = 0; i < 3; ++i) s->state.t[i] *= norm;
    return h;
}

/* Root of a + b s + c s^2 that the direction asks for. */
static int quadratic_distance(double a, double b, double c, int direction, double *path)
{
    double inner = b * b - 4.0 * c * a;
    if (!(inner >= 0.0)) return HG_TRACK_NOT_REACHED;
    double q = -(b + copysign(sqrt(inner), b)); /* = 2 c far root = 2 a / near root, without cancellation */
    if (q == 0.0 && a != 0.0) return HG_TRACK_TANGENT;
    double near = a == 0.0 ? 0.0 : 2.0 * a / q, far = c != 0.0 ? q / (2.0 * c) : HUGE_VAL;
    if (direction == 0 || near == 0.0 || near * direction > 0.0) {
        *path = near;
    } else if (far * direction > 0.0 && isfinite(far)) {
        *path = far;
    } else {
        return HG_TRACK_NOT_REACHED;
    }
    return 0;
}

/* Transverse curvature of the track and its sin(theta), with the curvature vector k = dt/dl. */
static double transverse_curvature(const double t[3], const double k[3], double *sin_theta)
{
    double sin2 = t[0] * t[0] + t[1] * t[1];
    *sin_theta = sqrt(sin2);
    return sin2 > 0.0 ? (t[0] * k[1] - t[1] * k[0]) / (sin2 * *sin_theta) : 0.0;
}

/* PHYSICS 1.5: chord to the crossing, then the arc over it. */
static int cylinder_distance(const hg_free_state *state, const double k[3], double radius, int direction, double *path)
{
    const double *r = state->r, *t = state->t;
    double sin_theta, kappa = transverse_curvature(t, k, &sin_theta);
    if (sin_theta < 1e-9) return HG_TRACK_TANGENT;
    double a = (r[0] * t[0] + r[1] * t[1]) / sin_theta, d = (r[0] * t[1] - r[1] * t[0]) / sin_theta;
    double e = radius * radius - r[0] * r[0] - r[1] * r[1], g = 1.0 - kappa * d;
    double delta = a * a + e * g - kappa * kappa * e * e / 4.0;
    if (!(delta >= 0.0)) return HG_TRACK_NOT_REACHED;
    double large = e * g + 2.0 * a * a + 2.0 * fabs(a) * sqrt(delta), chord;
    int sign = direction;
    if (direction == 0) sign = a * e >= 0.0 ? 1 : -1;
    if (a * e * sign >= 0.0) {
        if (!(large > 0.0)) return HG_TRACK_TANGENT;
        chord = fabs(e) / sqrt(large);
    } else if (e > 0.0) {
        chord = sqrt(large / (g * g + a * a * kappa * kappa)); /* inside and moving inward: out on the other side */
    } else {
        return HG_TRACK_NOT_REACHED;
    }
    double sin_beta = kappa * chord / 2.0;
    if (!(fabs(sin_beta) <= 1.0)) return HG_TRACK_NOT_REACHED;
    double arc = fabs(sin_beta) < 1e-5 ? chord : chord * asin(sin_beta) / sin_beta;
    *path = sign * arc / sin_theta;
    return 0;
}

/* PHYSICS 1.5, small-curvature form of the arc to the closest approach. */
static int line_distance(const hg_free_state *state, const double k[3], const double point[3], double *path)
{
    const double *t = state->t;
    double x = state->r[0] - point[0], y = state->r[1] - point[1];
    double sin_theta, kappa = transverse_curvature(t, k, &sin_theta);
    if (sin_theta < 1e-9) return HG_TRACK_TANGENT;
    double a = (x * t[0] + y * t[1]) / sin_theta, g = 1.0 + kappa * (y * t[0] - x * t[1]) / sin_theta;
    double alpha = atan2(-kappa * a, g);
    double arc;
    if (fabs(kappa * a) < 1e-3 && g > 0.1) {
        double w = kappa * a / g, w2 = w * w;
        arc = -a / g * (1.0 - w2 / 3.0 + w2 * w2 / 5.0);
    } else {
        if (kappa == 0.0) return HG_TRACK_TANGENT;
        arc = alpha / kappa;
    }
    *path = arc / sin_theta;
    return 0;
}

int hg_stepper_distance(const hg_stepper *stepper, const hg_surface *surface, int direction, double *path)
{
    const hg_free_state *s = &stepper->state;
    double k[3];
    hg_stepper_curvature(stepper, k);
    switch (surface->kind) {
    case HG_SURFACE_PLANE: {
        double away[3] = {s->r[0] - surface->point[0], s->r[1] - surface->point[1], s->r[2] - surface->point[2]};
        return quadratic_distance(dot(surface->normal, away), dot(surface->normal, s->t), dot(surface->normal, k) / 2.0, direction, path);
    }
    case HG_SURFACE_DISC:
        return quadratic_distance(s->r[2] - surface->point[2], s->t[2], k[2] / 2.0, direction, path);
    case HG_SURFACE_CYLINDER:
        return cylinder_distance(s, k, surface->radius, direction, path);
    case HG_SURFACE_LINE:
        return line_distance(s, k, surface->point, path);
    }
    return HG_TRACK_NOT_REACHED;
}

static int nonfinite_state(const hg_free_state *s)
{
    double sum = s->qop;
    for (int i = 0; i < 3; ++i) sum += s->r[i] + s->t[i];
    return isfinite(sum) ? 0 : HG_TRACK_NONFINITE;
}

int hg_stepper_reach(hg_stepper *stepper, const hg_surface *surface, int direction, double max_path, double *path)
{
    double total = 0.0, distance = 0.0;
    int status = nonfinite_state(&stepper->state);
    if (status == 0) status = hg_stepper_distance(stepper, surface, direction, &distance);
    if (status != 0) return status;
    for (int n = 0; n < STEPS_MAX; ++n) {
        bool last = fabs(distance) <= short_step;
        if (!(fabs(total + distance) <= max_path)) return HG_TRACK_NOT_REACHED;
        double done = hg_stepper_step(stepper, distance);
        total += done;
        if (last) {
            if (path) *path = total;
            return nonfinite_state(&stepper->state);
        }
        /* a step that aimed at the surface may overshoot a little: then the nearer crossing, either way, is the right one */
        bool aimed = done == distance;
        status = hg_stepper_distance(stepper, surface, aimed ? 0 : (int)copysign(1.0, done), &distance);
        if (status != 0) return status;
        if (aimed && fabs(distance) > fabs(done)) return HG_TRACK_NOT_REACHED;
    }
    return HG_TRACK_NOT_REACHED;
}

int hg_propagate(const hg_field *field, double tolerance, const hg_surface *surface, int direction, double max_path, hg_free_state *state,
                 double *path)
{
    hg_stepper stepper = hg_stepper_start(field, tolerance, state, NULL);
    int status = hg_stepper_reach(&stepper, surface, direction, max_path, path);
    if (status == 0) *state = stepper.state;
    return status;
}
