/* batch_transport.h — states in lanes carried from module to module, or to the beam line, through field and material. */
/* SPDX-License-Identifier: Apache-2.0 */
/* Part of batch_body.h. One Runge-Kutta-Nystroem step or a few per hop (PHYSICS 1.6). */
#ifndef HG_TRACKING_BATCH_TRANSPORT_H
#define HG_TRACKING_BATCH_TRANSPORT_H

#include "tracking/batch_matter.h"

/* One stage of one column: K (q/p) (dt + h before) x B, and for the last column also g. */
INLINE void push_stage(const flight *f, int column, lanes strength, lanes h, const lanes before[3], const lanes b[3], const lanes g[3],
                       lanes out[3])
{
    lanes sum[3];
    for (int i = 0; i < 3; ++i) sum[i] = f->dt[i][column] + h * before[i];
    bend(strength, sum, b, out);
    for (int i = 0; i < 3 && column == 2; ++i) out[i] += g[i];
}

/* A Runge-Kutta-Nystroem step of length h; lanes with h = 0 stay as they are, to the bit. */
INLINE void long_step(const hg_batch_world *world, flight *f, lanes h)
{
    const lanes half = h * R(0.5), sixth = h * R(1.0 / 6), strength = f->qop * R(HG_CURVATURE_CONSTANT), none[3] = {{0}};
    lanes b2[3], b3[3], g[4][3], k[4][3], at[3], direction[3], unit = all(R(HG_CURVATURE_CONSTANT));
    bend(unit, f->t, f->b, g[0]);
    for (int i = 0; i < 3; ++i) {
        k[0][i] = f->qop * g[0][i];
        at[i] = f->r[i] + half * (f->t[i] + half * R(0.5) * k[0][i]);
    }
    field_at(world, f, at, b2);
    for (int stage = 1; stage < 3; ++stage) {
        for (int i = 0; i < 3; ++i) direction[i] = f->t[i] + half * k[stage - 1][i];
        bend(unit, direction, b2, g[stage]);
        for (int i = 0; i < 3; ++i) k[stage][i] = f->qop * g[stage][i];
    }
    for (int i = 0; i < 3; ++i) {
        direction[i] = f->t[i] + h * k[2][i];
        at[i] = f->r[i] + h * (f->t[i] + half * k[2][i]);
    }
    field_at(world, f, at, b3);
    bend(unit, direction, b3, g[3]);
    for (int i = 0; i < 3; ++i) k[3][i] = f->qop * g[3][i];
    for (int c = 0; c < 3; ++c) {
        lanes d[4][3];
        push_stage(f, c, strength, all(R(0)), none, f->b, g[0], d[0]);
        push_stage(f, c, strength, half, d[0], b2, g[1], d[1]);
        push_stage(f, c, strength, half, d[1], b2, g[2], d[2]);
        push_stage(f, c, strength, h, d[2], b3, g[3], d[3]);
        for (int i = 0; i < 3; ++i) {
            f->dr[i][c] += h * (f->dt[i][c] + sixth * (d[0][i] + d[1][i] + d[2][i]));
            f->dt[i][c] += sixth * (d[0][i] + R(2) * (d[1][i] + d[2][i]) + d[3][i]);
        }
    }
    marks still = h == R(0);
    for (int i = 0; i < 3; ++i) {
        f->r[i] += h * (f->t[i] + sixth * (k[0][i] + k[1][i] + k[2][i]));
        direction[i] = f->t[i] + sixth * (k[0][i] + R(2) * (k[1][i] + k[2][i]) + k[3][i]);
    }
    lanes norm = R(1) / root(dot(direction, direction));
    for (int i = 0; i < 3; ++i) {
        f->t[i] = pick(still, f->t[i], direction[i] * norm);
        f->b[i] = pick(still, f->b[i], b3[i]);
    }
    f->path += h;
}

/* A step of a few mm at most: to second order in h, in the field as it is. */
INLINE void short_step(flight *f, lanes h)
{
    const lanes half = h * R(0.5), strength = f->qop * R(HG_CURVATURE_CONSTANT), none[3] = {{0}};
    lanes g[3], unit = all(R(HG_CURVATURE_CONSTANT));
    bend(unit, f->t, f->b, g);
    for (int c = 0; c < 3; ++c) {
        lanes d[3];
        push_stage(f, c, strength, all(R(0)), none, f->b, g, d);
        for (int i = 0; i < 3; ++i) {
            f->dr[i][c] += h * (f->dt[i][c] + half * d[i]);
            f->dt[i][c] += h * d[i];
        }
    }
    for (int i = 0; i < 3; ++i) {
        lanes k = f->qop * g[i];
        f->r[i] += h * (f->t[i] + half * k);
        f->t[i] += h * k;
    }
    f->path += h;
}

/* Signed path to the plane with normal w through the origin of the flight: the nearer root of the parabola. */
INLINE lanes distance_to_plane(flight *f, const lanes w[3])
{
    lanes k[3];
    bend(f->qop * R(HG_CURVATURE_CONSTANT), f->t, f->b, k);
    lanes a = dot(w, f->r), b = dot(w, f->t), c = dot(w, k) * R(0.5), inner = b * b - R(4) * a * c;
    lanes q = -(b + with_sign(root(larger(inner, all(R(0)))), b));
    fail(&f->status, ~(inner >= R(0)), HG_TRACK_NOT_REACHED);
    fail(&f->status, absolute(q) < R(1e-3), HG_TRACK_TANGENT);
    return R(2) * a / pick(q == R(0), all(R(1)), q);
}

/* Signed path to the closest approach to the z axis, in the field as it is (PHYSICS 1.5). */
INLINE lanes distance_to_beam(flight *f)
{
    lanes k[3], x = f->origin[0] + f->r[0], y = f->origin[1] + f->r[1];
    bend(f->qop * R(HG_CURVATURE_CONSTANT), f->t, f->b, k);
    lanes sin2 = larger(f->t[0] * f->t[0] + f->t[1] * f->t[1], all(R(1e-12))), sine = root(sin2);
    lanes kappa = (f->t[0] * k[1] - f->t[1] * k[0]) / (sin2 * sine);
    lanes a = (x * f->t[0] + y * f->t[1]) / sine, g = R(1) + kappa * (y * f->t[0] - x * f->t[1]) / sine;
    lanes w = kappa * a, ratio = w / g, r2 = ratio * ratio;
    lanes series = -a / g * (R(1) - r2 * (R(1.0 / 3) - r2 * R(0.2)));
    marks bent = (absolute(w) > R(0.03)) | (g < R(0.1));
    lanes arc = pick(bent, angle_of(-w, g) / pick(kappa == R(0), all(R(1)), kappa), series);
    fail(&f->status, sin2 < R(1e-10), HG_TRACK_TANGENT);
    return arc / sine;
}

/* F P F^T for the rows of the jacobian. */
INLINE void transform(const jacobian *j, lanes cov[15])
{
    lanes product[4][5], old_qop = cov[14], last[4];
    for (int i = 0; i < 4; ++i) {
        for (int k = 0; k < 5; ++k) {
            lanes sum = j->f[i][0] * cov[k > 0 ? HG_PACKED(k, 0) : 0];
            for (int m = 1; m < 5; ++m) sum += j->f[i][m] * cov[k > m ? HG_PACKED(k, m) : HG_PACKED(m, k)];
            product[i][k] = sum;
        }
        last[i] = product[i][4] * j->loss;
    }
    for (int i = 0; i < 4; ++i) {
        for (int k = 0; k <= i; ++k) {
            lanes sum = product[i][0] * j->f[k][0];
            for (int m = 1; m < 5; ++m) sum += product[i][m] * j->f[k][m];
            cov[HG_PACKED(i, k)] = sum;
        }
    }
    for (int i = 0; i < 4; ++i) cov[HG_PACKED(4, i)] = last[i];
    cov[14] = old_qop * j->loss * j->loss;
}

/* Projects the columns on the surface with gradient (on_position, on_direction) and on the two axes (PHYSICS 1.4). */
INLINE void project(flight *f, const lanes along[2][3], const lanes on_position[3], const lanes on_direction[3], const lanes axis[2][3],
                    jacobian *j)
{
    lanes k[3], sin2 = f->t[0] * f->t[0] + f->t[1] * f->t[1];
    bend(f->qop * R(HG_CURVATURE_CONSTANT), f->t, f->b, k);
    lanes slope = dot(on_position, f->t) + (on_direction ? dot(on_direction, k) : all(R(0)));
    fail(&f->status, ~(absolute(slope) > R(1e-3) * root(dot(on_position, on_position))) | (sin2 < R(1e-12)), HG_TRACK_TANGENT);
    lanes per_slope = R(-1) / slope, per_sin2 = R(1) / sin2, per_sin = root(per_sin2);
    for (int c = 0; c < 5; ++c) {
        lanes dr[3], dt[3];
        for (int i = 0; i < 3; ++i) {
            dr[i] = c < 2 ? along[c < 2 ? c : 0][i] : f->dr[i][c < 2 ? 0 : c - 2];
            dt[i] = c < 2 ? all(R(0)) : f->dt[i][c < 2 ? 0 : c - 2];
        }
        lanes step = dot(on_position, dr);
        if (on_direction && c >= 2) step += dot(on_direction, dt);
        step *= per_slope;
        for (int i = 0; i < 3; ++i) {
            dr[i] += step * f->t[i];
            dt[i] = c < 2 ? step * k[i] : dt[i] + step * k[i];
        }
        j->f[0][c] = dot(axis[0], dr);
        j->f[1][c] = dot(axis[1], dr);
        j->f[2][c] = (f->t[0] * dt[1] - f->t[1] * dt[0]) * per_sin2;
        j->f[3][c] = -dt[2] * per_sin;
    }
}

/* Turns per step that one Runge-Kutta-Nystroem step may make, by length: 1, 2, 4 or 8 steps keep the error below some um. The way to the
 * beam line is that of a circle, and may be longer: up to half a turn in 16 steps; to a plane it is that of a parabola. */
INLINE marks steps_needed(flight *f, lanes h, bool to_beam)
{
    lanes b2 = dot(f->b, f->b), turn2 = h * h * f->qop * f->qop * R(HG_CURVATURE_CONSTANT * HG_CURVATURE_CONSTANT) * b2;
    lanes error = absolute(h) * turn2 * turn2; /* of one step, about 7e-3 of this in mm */
    marks steps = all_whole(1) + ((error > R(0.4)) & 1) + ((error > R(6.4)) & 2) + ((error > R(100)) & 4);
    if (to_beam) steps += (error > R(1600)) & 8;
    fail(&f->status, ~(turn2 < (to_beam ? R(9) : R(2.5))), HG_BATCH_HARD);
    return pick_whole((absolute(h) > R(350)) & (steps == 1), all_whole(2), steps);
}

INLINE void start_columns(flight *f, lanes sin_phi, lanes cos_phi, lanes sin_theta)
{
    const lanes zero = all(R(0));
    for (int i = 0; i < 3; ++i) f->dr[i][0] = f->dr[i][1] = f->dr[i][2] = zero;
    f->dt[0][0] = -f->t[1];
    f->dt[1][0] = f->t[0];
    f->dt[2][0] = zero;
    f->dt[0][1] = f->t[2] * cos_phi;
    f->dt[1][1] = f->t[2] * sin_phi;
    f->dt[2][1] = -sin_theta;
    for (int i = 0; i < 3; ++i) f->dt[i][2] = zero;
}

/* Carries *state from plane `from` to plane `to`, or to the beam line if to is NULL. Returns status bits; a lane with bits has no state.
 * A lane that is not `wanted` costs no accuracy but has no meaning either. */
INLINE marks transport(const hg_batch_world *world, const plane *from, const plane *to, marks wanted, lanes matter_qop, bound *state,
                       jacobian *j)
{
    flight f = {.path = all(R(0)), .status = all_whole(0)};
    const lanes *par = state->par;
    lanes sin_phi, cos_phi, sin_theta, cos_theta, begin[3], start_t[3], h;
    sine_cosine(par[2], &sin_phi, &cos_phi);
    sine_cosine(par[3], &sin_theta, &cos_theta);
    fail(&f.status, ~((par[3] > R(0)) & (par[3] < R(3.14159265358979))), HG_TRACK_NONFINITE);
    for (int i = 0; i < 3; ++i) {
        f.origin[i] = to ? to->center[i] : all(R(0));
        f.r[i] = (from->center[i] - f.origin[i]) + from->u[i] * par[0] + from->v[i] * par[1];
        begin[i] = f.origin[i] + f.r[i];
    }
    f.t[0] = start_t[0] = sin_theta * cos_phi;
    f.t[1] = start_t[1] = sin_theta * sin_phi;
    f.t[2] = start_t[2] = cos_theta;
    f.qop = par[4];
    start_columns(&f, sin_phi, cos_phi, sin_theta);
    field_at(world, &f, f.r, f.b);
    h = to ? distance_to_plane(&f, to->w) : distance_to_beam(&f);
    marks steps = pick_whole(wanted & (f.status == 0), steps_needed(&f, h, !to), all_whole(0));
    for (whole n = 0; any(steps > n); ++n) {
        lanes left = n == 0 ? h : to ? distance_to_plane(&f, to->w) : distance_to_beam(&f);
        long_step(world, &f, pick(steps > n, left / to_real(pick_whole(steps > n, steps - n, all_whole(1))), all(R(0))));
    }
    short_step(&f, to ? distance_to_plane(&f, to->w) : distance_to_beam(&f));
    if (to) { /* a track that turns round on the way meets surfaces twice */
        lanes outward = begin[0] * start_t[0] + begin[1] * start_t[1];
        lanes at_end = (f.origin[0] + f.r[0]) * f.t[0] + (f.origin[1] + f.r[1]) * f.t[1];
        fail(&f.status, outward * at_end < R(0), HG_BATCH_HARD);
    }
    matter sum;
    gather_matter(world, &f, matter_qop, begin, start_t, from->layer, to ? to->layer : all_whole((whole)world->n_layers), &sum);
    lanes variance = apply_loss(world, &f, &sum, &j->loss);
    h = to ? distance_to_plane(&f, to->w) : distance_to_beam(&f);
    fail(&f.status, ~(absolute(h) < R(2)), HG_BATCH_HARD);
    short_step(&f, h);
    fail(&f.status, ~(absolute(f.path) <= R(HG_PATH_MAX)), HG_TRACK_NOT_REACHED);

    lanes sin2 = f.t[0] * f.t[0] + f.t[1] * f.t[1], sine = root(sin2);
    if (to) {
        const lanes axis[2][3] = {{to->u[0], to->u[1], to->u[2]}, {to->v[0], to->v[1], to->v[2]}};
        const lanes along[2][3] = {{from->u[0], from->u[1], from->u[2]}, {from->v[0], from->v[1], from->v[2]}};
        project(&f, along, to->w, NULL, axis, j);
        transform(j, state->cov);
        add_kicks(&f, &sum, to->w, axis, state->cov);
        state->par[0] = dot(to->u, f.r);
        state->par[1] = dot(to->v, f.r);
    } else {
        const lanes axis[2][3] = {{-f.t[1] / sine, f.t[0] / sine, all(R(0))}, {all(R(0)), all(R(0)), all(R(1))}};
        const lanes along[2][3] = {{from->u[0], from->u[1], from->u[2]}, {from->v[0], from->v[1], from->v[2]}};
        const lanes on_position[3] = {f.t[0], f.t[1], all(R(0))}, on_direction[3] = {f.r[0], f.r[1], all(R(0))};
        project(&f, along, on_position, on_direction, axis, j);
        transform(j, state->cov);
        add_kicks(&f, &sum, on_position, axis, state->cov);
        state->par[0] = (f.r[1] * f.t[0] - f.r[0] * f.t[1]) / sine;
        state->par[1] = f.r[2];
    }
    state->cov[14] += variance;
    state->par[2] = angle_of(f.t[1], f.t[0]);
    state->par[3] = angle_of(sine, f.t[2]);
    state->par[4] = f.qop;
    lanes total = state->par[0] + state->par[1] + state->par[2] + state->par[3] + state->par[4];
    fail(&f.status, ~(absolute(total) < R(1e30)), HG_TRACK_NONFINITE);
    return f.status;
}

#endif
