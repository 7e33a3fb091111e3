/* transport.c — bound states carried from module to module or to the perigee, through the material in between. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "tracking/energy_loss.h"
#include "tracking/transport.h"

enum { HOPS_MAX = 2000 };

static const double pi = 3.14159265358979323846;
static const double close_enough =
    0.05; /* mm; at this distance a kick acts as if it were on the surface, and a last Taylor step is exact */

/* A track on its way: the stepper with the angle and q/p columns, the two position columns, and what has been gathered so far. */
typedef struct carrier {
    const hg_kalman *kalman;
    const double *matter_qop; /* NULL = that of the state */
    hg_stepper stepper;
    hg_transport columns;
    double along[2][3]; /* d(position)/d(loc0, loc1) at the last stop */
    double *cov;
    double *jacobian; /* NULL or [25], the product up to the last stop */
} carrier;

/* Where the columns are projected to: gradient of the surface on position and direction, and the rows of the two local coordinates. */
typedef struct frame {
    double on_position[3], on_direction[3], axis[2][3];
} frame;

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

void hg_cov_transform(const double jacobian[25], double cov[15])
{
    double full[5][5], product[5][5];
    for (int i = 0; i < 5; ++i)
        for (int j = 0; j <= i; ++j) full[i][j] = full[j][i] = cov[HG_PACKED(i, j)];
    for (int i = 0; i < 5; ++i) {
        for (int j = 0; j < 5; ++j) {
            double sum = 0.0;
            for (int k = 0; k < 5; ++k) sum += jacobian[5 * i + k] * full[k][j];
            product[i][j] = sum;
        }
    }
    for (int i = 0; i < 5; ++i) {
        for (int j = 0; j <= i; ++j) {
            double sum = 0.0;
            for (int k = 0; k < 5; ++k) sum += product[i][k] * jacobian[5 * j + k];
            cov[HG_PACKED(i, j)] = sum;
        }
    }
}

bool hg_cov_is_positive(const double cov[15])
{
    double lower[5][5], pivot[5];
    for (int j = 0; j < 5; ++j) {
        pivot[j] = cov[HG_PACKED(j, j)];
        for (int k = 0; k < j; ++k) pivot[j] -= lower[j][k] * lower[j][k] * pivot[k];
        if (!(pivot[j] > 0.0) || !isfinite(pivot[j])) return false;
        for (int i = j + 1; i < 5; ++i) {
            double sum = cov[HG_PACKED(i, j)];
            for (int k = 0; k < j; ++k) sum -= lower[i][k] * lower[j][k] * pivot[k];
            lower[i][j] = sum / pivot[j];
        }
    }
    return true;
}

static bool direction_from_angles(const double par[5], hg_free_state *out)
{
    double sum = 0.0;
    for (int i = 0; i < 5; ++i) sum += par[i];
    if (!isfinite(sum) || !(par[3] > 0.0 && par[3] < pi)) return false;
    double sin_theta = sin(par[3]);
    out->t[0] = sin_theta * cos(par[2]);
    out->t[1] = sin_theta * sin(par[2]);
    out->t[2] = cos(par[3]);
    out->qop = par[4];
    return true;
}

bool hg_free_from_module(const hg_module *module, const double par[5], hg_free_state *out)
{
    if (!direction_from_angles(par, out)) return false;
    for (int i = 0; i < 3; ++i) out->r[i] = module->center[i] + module->rotation[3 * i] * par[0] + module->rotation[3 * i + 1] * par[1];
    return true;
}

bool hg_free_from_perigee(const double par[5], hg_free_state *out)
{
    if (!direction_from_angles(par, out)) return false;
    out->r[0] = -par[0] * sin(par[2]);
    out->r[1] = par[0] * cos(par[2]);
    out->r[2] = par[1];
    return true;
}

/* The plane across the track at its present point: a stop for scattering. Its axes are (-sin phi, cos phi, 0) and t x that. */
static bool frame_across(const hg_free_state *s, frame *out)
{
    double sin_theta = sqrt(s->t[0] * s->t[0] + s->t[1] * s->t[1]);
    if (sin_theta < 1e-9) return false;
    double sin_phi = s->t[1] / sin_theta, cos_phi = s->t[0] / sin_theta;
    *out = (frame){.on_position = {s->t[0], s->t[1], s->t[2]},
                   .axis = {{-sin_phi, cos_phi, 0.0}, {-s->t[2] * cos_phi, -s->t[2] * sin_phi, sin_theta}}};
    return true;
}

static void frame_of_module(const hg_module *module, frame *out)
{
    *out = (frame){.on_direction = {0.0, 0.0, 0.0}};
    for (int i = 0; i < 3; ++i) {
        out->axis[0][i] = module->rotation[3 * i];
        out->axis[1][i] = module->rotation[3 * i + 1];
        out->on_position[i] = module->rotation[3 * i + 2];
    }
}

static bool frame_at_perigee(const hg_free_state *s, frame *out)
{
    double sin_theta = sqrt(s->t[0] * s->t[0] + s->t[1] * s->t[1]);
    if (sin_theta < 1e-9) return false;
    *out = (frame){.on_position = {s->t[0], s->t[1], 0.0},
                   .on_direction = {s->r[0], s->r[1], 0.0},
                   .axis = {{-s->t[1] / sin_theta, s->t[0] / sin_theta, 0.0}, {0.0, 0.0, 1.0}}};
    return true;
}

/* J = projection of the five columns onto the frame (PHYSICS 1.4): d(out)/d(last stop). Returns 0 or HG_TRACK_TANGENT. */
static int project(const carrier *c, const frame *to, double jacobian[25])
{
    const double *t = c->stepper.state.t;
    double k[3], sin_theta = sqrt(t[0] * t[0] + t[1] * t[1]);
    hg_stepper_curvature(&c->stepper, k);
    double slope = dot(to->on_position, t) + dot(to->on_direction, k);
    if (!(fabs(slope) > 1e-3 * sqrt(dot(to->on_position, to->on_position))) || sin_theta < 1e-9) return HG_TRACK_TANGENT;
    for (int column = 0; column < 5; ++column) {
        double dr[3], dt[3] = {0.0, 0.0, 0.0};
        for (int i = 0; i < 3; ++i) {
            dr[i] = column < 2 ? c->along[column][i] : c->columns.r[i][column - 2];
            if (column >= 2) dt[i] = c->columns.t[i][column - 2];
        }
        double path = -(dot(to->on_position, dr) + dot(to->on_direction, dt)) / slope;
        for (int i = 0; i < 3; ++i) {
            dr[i] += path * t[i];
            dt[i] += path * k[i];
        }
        jacobian[column] = dot(to->axis[0], dr);
        jacobian[5 + column] = dot(to->axis[1], dr);
        jacobian[10 + column] = (t[0] * dt[1] - t[1] * dt[0]) / (sin_theta * sin_theta);
        jacobian[15 + column] = -dt[2] / sin_theta;
        jacobian[20 + column] = column == 4 ? 1.0 : 0.0;
    }
    return 0;
}

static void gather(carrier *c, const double jacobian[25])
{
    hg_cov_transform(jacobian, c->cov);
    if (!c->jacobian) return;
    double product[25];
    for (int i = 0; i < 5; ++i) {
        for (int j = 0; j < 5; ++j) {
            double sum = 0.0;
            for (int k = 0; k < 5; ++k) sum += jacobian[5 * i + k] * c->jacobian[5 * k + j];
            product[5 * i + j] = sum;
        }
    }
    for (int i = 0; i < 25; ++i) c->jacobian[i] = product[i];
}

/* Scattering and loss at the present point; the columns start anew from here. */
static int cross_material(carrier *c, const hg_material_surface *surface, int direction)
{
    hg_free_state *s = &c->stepper.state;
    double r = sqrt(s->r[0] * s->r[0] + s->r[1] * s->r[1]), extent = surface->cylinder ? s->r[2] : r;
    if (extent < surface->low || extent > surface->high) return 0;
    double cos_incidence = surface->cylinder ? (s->r[0] * s->t[0] + s->r[1] * s->t[1]) / r : s->t[2];
    const double qop = c->matter_qop ? *c->matter_qop : s->qop;
    hg_crossing crossing;
    frame across;
    double jacobian[25];
    int status = hg_material_cross(&c->kalman->options, surface, qop, cos_incidence, direction, &crossing);
    if (status != 0) return status;
    if (!frame_across(s, &across)) return HG_TRACK_TANGENT;
    status = project(c, &across, jacobian);
    if (status != 0) return status;
    for (int i = 0; i < 5; ++i) jacobian[20 + i] *= crossing.qop_derivative;
    gather(c, jacobian);
    double sin2 = 1.0 - s->t[2] * s->t[2];
    c->cov[HG_PACKED(2, 2)] += crossing.theta0_squared / sin2;
    c->cov[HG_PACKED(3, 3)] += crossing.theta0_squared;
    c->cov[HG_PACKED(4, 4)] += crossing.qop_variance;
    if (qop != 0.0) s->qop *= crossing.qop / qop;
    for (int i = 0; i < 3; ++i) {
        c->along[0][i] = across.axis[0][i];
        c->along[1][i] = across.axis[1][i];
    }
    hg_transport_start(s, &c->columns);
    return 0;
}

static hg_surface surface_of_material(const hg_material_surface *m)
{
    return m->cylinder ? hg_surface_cylinder(m->position) : hg_surface_disc(m->position);
}

/* Surfaces so close together are crossed at one stop: two rings of one disc, for example. */
static bool same_place(const hg_material_surface *a, const hg_material_surface *b)
{
    return a->cylinder == b->cylinder && fabs(a->position - b->position) <= 2.0 * close_enough;
}

static bool is_crossed(const hg_material_surface *m, const hg_material_surface *last)
{
    return last && same_place(m, last);
}

/* Makes surface `index` the found one if it is reached before *distance. Returns whether it is reached at all. */
static bool take_nearer(const carrier *c, hg_surface surface, int direction, int64_t index, double *distance, int64_t *found)
{
    double path;
    if (hg_stepper_distance(&c->stepper, &surface, direction, &path) != 0) return false;
    if (fabs(path) < fabs(*distance)) {
        *distance = path;
        *found = index;
    }
    return true;
}

/* The material surface met next in a direction, other than those at `last` (NULL at the start), if nearer than *distance; then *distance is
 * updated. Returns its index or -1. */
static int64_t next_material(const carrier *c, int direction, const hg_material_surface *last, double *distance)
{
    const hg_material *material = c->kalman->material;
    const hg_free_state *s = &c->stepper.state;
    double r2 = s->r[0] * s->r[0] + s->r[1] * s->r[1], r = sqrt(r2), gap = HUGE_VAL, wider = HUGE_VAL, narrower = -HUGE_VAL;
    bool outward = direction * (s->r[0] * s->t[0] + s->r[1] * s->t[1]) >= 0.0, upward = direction * s->t[2] >= 0.0;
    int64_t above = -1, below = -1, disc = -1, found = -1;
    for (int64_t i = 0; material && i < material->n; ++i) {
        const hg_material_surface *m = &material->surface[i];
        if (!m->cylinder) {
            double ahead = upward ? m->position - s->r[2] : s->r[2] - m->position;
            if (!(ahead > 0.0 && ahead < gap) || is_crossed(m, last)) continue;
            gap = ahead;
            disc = i;
        } else if (m->position > r) {
            /* an inward track may come out again through the surface it has just crossed */
            if (!(m->position < wider) || (outward && is_crossed(m, last))) continue;
            wider = m->position;
            above = i;
        } else if (m->position > narrower && !is_crossed(m, last)) {
            narrower = m->position;
            below = i;
        }
    }
    if (disc >= 0) take_nearer(c, surface_of_material(&material->surface[disc]), direction, disc, distance, &found);
    bool reached = false;
    if (!outward && below >= 0) {
        reached = take_nearer(c, surface_of_material(&material->surface[below]), direction, below, distance, &found);
    }
    if (!reached && above >= 0) take_nearer(c, surface_of_material(&material->surface[above]), direction, above, distance, &found);
    return found;
}

/* Settles a step that aimed at material: on the surface to within close_enough, whether the step fell short or went beyond. */
static int settle(carrier *c, const hg_surface *surface)
{
    double distance;
    for (int attempt = 0; attempt < 10; ++attempt) {
        int status = hg_stepper_distance(&c->stepper, surface, 0, &distance);
        if (status != 0) return status;
        if (fabs(distance) <= close_enough) return 0;
        hg_stepper_step(&c->stepper, distance);
    }
    return HG_TRACK_NOT_REACHED;
}

static int cross_all(carrier *c, const hg_material_surface *place, int direction)
{
    const hg_material *material = c->kalman->material;
    int status = 0;
    for (int64_t i = 0; i < material->n && status == 0; ++i) {
        if (same_place(&material->surface[i], place)) status = cross_material(c, &material->surface[i], direction);
    }
    return status;
}

/* Steps to the target, stopping at the material in between. */
static int carry(carrier *c, const hg_surface *target)
{
    const hg_material_surface *last = NULL;
    double total = 0.0, to_target;
    int status = hg_stepper_distance(&c->stepper, target, 0, &to_target);
    if (status != 0) return status;
    int direction = to_target < 0.0 ? -1 : 1;
    for (int hop = 0; hop < HOPS_MAX; ++hop) {
        if (fabs(to_target) <= close_enough) {
            hg_stepper_step(&c->stepper, to_target);
            return 0;
        }
        double distance = to_target;
        int64_t at = next_material(c, direction, last, &distance);
        double done = hg_stepper_step(&c->stepper, distance);
        bool aimed = done == distance;
        total += fabs(done);
        if (!(total <= HG_PATH_MAX)) return HG_TRACK_NOT_REACHED;
        if (at >= 0 && aimed) {
            last = &c->kalman->material->surface[at];
            hg_surface surface = surface_of_material(last);
            status = settle(c, &surface);
            if (status == 0) status = cross_all(c, last, direction);
        }
        bool at_end = at < 0 && aimed; /* the rest may be either way */
        if (status == 0) status = hg_stepper_distance(&c->stepper, target, at_end ? 0 : direction, &to_target);
        if (status != 0) return status;
        if (at_end && fabs(to_target) > fabs(done)) return HG_TRACK_NOT_REACHED;
    }
    return HG_TRACK_NOT_REACHED;
}

static void bound_parameters(const hg_free_state *s, const hg_module *module, double par[5])
{
    if (module) {
        double away[3] = {s->r[0] - module->center[0], s->r[1] - module->center[1], s->r[2] - module->center[2]};
        for (int i = 0; i < 2; ++i) {
            par[i] = module->rotation[i] * away[0] + module->rotation[3 + i] * away[1] + module->rotation[6 + i] * away[2];
        }
    } else {
        par[0] = (-s->r[0] * s->t[1] + s->r[1] * s->t[0]) / sqrt(s->t[0] * s->t[0] + s->t[1] * s->t[1]);
        par[1] = s->r[2];
    }
    par[2] = atan2(s->t[1], s->t[0]);
    par[3] = atan2(sqrt(s->t[0] * s->t[0] + s->t[1] * s->t[1]), s->t[2]);
    par[4] = s->qop;
}

/* Position columns of the start, and what the angles do to a position that hangs on them (the perigee). */
static bool start_carrier(carrier *c, const hg_module *from, const double par[5], hg_free_state *start)
{
    if (!(from ? hg_free_from_module(from, par, start) : hg_free_from_perigee(par, start))) return false;
    hg_transport_start(start, &c->columns);
    if (from) {
        for (int i = 0; i < 3; ++i) {
            c->along[0][i] = from->rotation[3 * i];
            c->along[1][i] = from->rotation[3 * i + 1];
        }
        return true;
    }
    double sin_phi = sin(par[2]), cos_phi = cos(par[2]);
    c->along[0][0] = -sin_phi;
    c->along[0][1] = cos_phi;
    c->along[1][2] = 1.0;
    c->columns.r[0][0] = -par[0] * cos_phi;
    c->columns.r[1][0] = -par[0] * sin_phi;
    return true;
}

int hg_transport_state(const hg_kalman *kalman, int64_t from_module, int64_t target_module, const double *matter_qop, double par[5],
                       double cov[15], double *jacobian)
{
    hg_free_state start;
    const hg_module *from = from_module >= 0 ? &kalman->detector->modules[from_module] : NULL;
    const hg_module *target = target_module >= 0 ? &kalman->detector->modules[target_module] : NULL;
    double gathered[15], product[25] = {0}, last[25];
    carrier c = {.kalman = kalman, .matter_qop = matter_qop, .cov = gathered, .jacobian = jacobian ? product : NULL};
    if (!start_carrier(&c, from, par, &start)) return HG_TRACK_NONFINITE;
    for (int i = 0; i < 15; ++i) gathered[i] = cov[i];
    for (int i = 0; i < 5; ++i) product[6 * i] = 1.0;
    c.stepper = hg_stepper_start(kalman->field, kalman->options.step_tolerance_mm, &start, &c.columns);
    hg_surface surface = target ? hg_surface_of_module(target) : hg_surface_line(0.0, 0.0);
    int status = carry(&c, &surface);
    if (status != 0) return status;

    frame end;
    if (target) {
        frame_of_module(target, &end);
    } else if (!frame_at_perigee(&c.stepper.state, &end)) {
        return HG_TRACK_TANGENT;
    }
    status = project(&c, &end, last);
    if (status != 0) return status;
    gather(&c, last);
    if (!hg_cov_is_positive(gathered)) return HG_TRACK_COV_NOT_POSITIVE;
    bound_parameters(&c.stepper.state, target, par);
    for (int i = 0; i < 15; ++i) cov[i] = gathered[i];
    for (int i = 0; jacobian && i < 25; ++i) jacobian[i] = product[i];
    return 0;
}
