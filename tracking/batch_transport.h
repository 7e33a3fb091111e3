/* batch_transport.h — states in lanes carried from module to module, or to the beam line, through field and material. */
/* SPDX-License-Identifier: Apache-2.0 */
/* Part of batch_body.h. One Runge-Kutta-Nystroem step or a few per hop (PHYSICS 1.6); what the material on the way does is gathered by its
 * distance from the target, to first order: kicks at lever l move the position by l and the direction by 1. */
#ifndef HG_TRACKING_BATCH_TRANSPORT_H
#define HG_TRACKING_BATCH_TRANSPORT_H

#include "tracking/batch_world.h"
#include "tracking/batch_vector.h"
#include "tracking/propagate.h"
#include "tracking/transport.h"

/* Parameters and lower triangle of the covariance by rows (HG_PACKED). */
typedef struct bound {
    lanes par[5], cov[15];
} bound;

/* A plane: centre and axes u, v, w. */
typedef struct plane {
    lanes center[3], u[3], v[3], w[3];
    marks layer;
} plane;

/* A track on its way: position relative to `origin`, unit direction, q/p, field, and the columns of phi, theta, q/p. */
typedef struct flight {
    lanes origin[3], r[3], t[3], qop, b[3];
    lanes dr[3][3], dt[3][3]; /* [component][column] */
    lanes path;
    marks status;
} flight;

/* d(out)/d(in): rows loc0, loc1, phi, theta; q/p only scales by `loss`. */
typedef struct jacobian {
    lanes f[4][5], loss;
} jacobian;

/* Sums over the surfaces crossed: variance of the kicks times lever to the power 0, 1, 2; energy lost likewise; straggling. */
typedef struct matter {
    lanes kick[3], energy[3], straggling;
} matter;

INLINE lanes dot(const lanes a[3], const lanes b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

INLINE void cross(const lanes a[3], const lanes b[3], lanes out[3])
{
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

INLINE marks where(bool condition)
{
    return all_whole(condition ? -1 : 0);
}

INLINE void fail(marks *status, marks where_bad, int bits)
{
    *status |= where_bad & (*status == 0) & (whole)bits;
}

INLINE void load_plane(const hg_batch_world *world, marks module, plane *p)
{
    const real *table = world->tables.module;
    marks at = module * HG_BATCH_MODULE;
    for (int i = 0; i < 3; ++i) {
        p->center[i] = gather(table + i, at);
        p->u[i] = gather(table + 3 + i, at);
        p->v[i] = gather(table + 6 + i, at);
        p->w[i] = gather(table + 9 + i, at);
    }
    p->layer = whole_part(gather(table + HG_BATCH_LAYER_AT, at));
}

/* Where x (in steps) lies in a table of n cells: the cell, and the share of it. */
INLINE marks cell_of(lanes x, int32_t n, lanes *share)
{
    marks cell = whole_part(smaller(larger(x, all(R(0))), all((real)n)));
    cell = pick_whole(cell > (whole)(n - 1), all_whole(n - 1), cell);
    *share = x - to_real(cell);
    return cell;
}

INLINE void solenoid_at(const hg_batch_world *world, const lanes r[3], marks *outside, lanes b[3])
{
    const hg_field_shape *f = &world->field;
    const real *table = world->tables.field;
    lanes x = r[0] - (real)f->center[0], y = r[1] - (real)f->center[1], zeta = r[2] - (real)f->center[2], share[2];
    lanes at_rho = (x * x + y * y) * (real)world->per_rho2, at_zeta = absolute(zeta) * (real)world->per_zeta;
    marks row = cell_of(at_rho, world->n_rho2, &share[0]), column = cell_of(at_zeta, world->n_zeta, &share[1]);
    marks at = (row * (whole)(world->n_zeta + 1) + column) * 2;
    const int64_t next_row = 2 * ((int64_t)world->n_zeta + 1);
    lanes part[2];
    for (int k = 0; k < 2; ++k) {
        lanes a = gather(table + k, at), c = gather(table + k + next_row, at);
        lanes low = a + share[1] * (gather(table + k + 2, at) - a);
        lanes high = c + share[1] * (gather(table + k + 2 + next_row, at) - c);
        part[k] = low + share[0] * (high - low);
    }
    lanes per_rho = pick(zeta < R(0), -part[0], part[0]);
    *outside |= ~((at_rho <= (real)world->n_rho2) & (at_zeta <= (real)world->n_zeta));
    b[0] = x * per_rho;
    b[1] = y * per_rho;
    b[2] = part[1];
}

INLINE void map_at(const hg_batch_world *world, const lanes r[3], lanes b[3])
{
    const hg_field_shape *f = &world->field;
    const real *table = world->tables.field;
    marks inside = all_whole(-1), at = all_whole(0);
    lanes share[3];
    for (int i = 0; i < 3; ++i) {
        lanes x = (r[i] - (real)f->origin[i]) * (real)(1.0 / f->step[i]);
        inside &= (x >= R(0)) & (x <= (real)(f->n[i] - 1));
        at = at * (whole)f->n[i] + cell_of(x, (int32_t)f->n[i] - 1, &share[i]);
    }
    at *= 3;
    for (int c = 0; c < 3; ++c) b[c] = all(R(0));
    for (int corner = 0; corner < 8; ++corner) {
        const int64_t i = corner & 1, j = (corner >> 1) & 1, k = corner >> 2;
        const int64_t step = ((i * f->n[1] + j) * f->n[2] + k) * 3;
        lanes weight = (i ? share[0] : R(1) - share[0]) * (j ? share[1] : R(1) - share[1]) * (k ? share[2] : R(1) - share[2]);
        for (int c = 0; c < 3; ++c) b[c] += weight * gather(table + step + c, at);
    }
    for (int c = 0; c < 3; ++c) b[c] = pick(inside, b[c], all(R(0)));
}

/* Field at a position relative to the flight's origin. */
INLINE void field_at(const hg_batch_world *world, flight *f, const lanes r[3], lanes b[3])
{
    lanes at[3];
    for (int i = 0; i < 3; ++i) at[i] = f->origin[i] + r[i];
    if (world->field.kind == HG_FIELD_SOLENOID) {
        marks outside = all_whole(0);
        solenoid_at(world, at, &outside, b);
        fail(&f->status, outside, HG_BATCH_HARD);
    } else if (world->field.kind == HG_FIELD_MAP) {
        map_at(world, at, b);
    } else {
        b[0] = b[1] = all(R(0));
        b[2] = all((real)world->field.constant);
    }
}

/* out = K (q/p) a x B */
INLINE void bend(lanes strength, const lanes a[3], const lanes b[3], lanes out[3])
{
    lanes product[3];
    cross(a, b, product);
    for (int i = 0; i < 3; ++i) out[i] = strength * product[i];
}

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

/* Crossing of one surface per lane: share of the path and incidence; returns where it is crossed. */
INLINE marks crossing(const flight *f, const lanes begin[3], const lanes start_t[3], marks cylinder, const lanes row[3], lanes *at,
                      lanes *incidence)
{
    lanes end[3], curve[2], chord[3], per_path = R(1) / pick(f->path == R(0), all(R(1)), f->path);
    for (int i = 0; i < 3; ++i) {
        end[i] = f->origin[i] + f->r[i];
        chord[i] = end[i] - begin[i];
    }
    lanes position = row[0], r2 = begin[0] * begin[0] + begin[1] * begin[1], end_r2 = end[0] * end[0] + end[1] * end[1];
    lanes r = root(r2), end_r = root(end_r2);
    lanes from = pick(cylinder, r, begin[2]), to = pick(cylinder, end_r, end[2]), gap = to - from;
    lanes share = (position - from) / pick(gap == R(0), all(R(1)), gap);
    marks hit = (share > R(0)) & (share < R(1)) & (gap != R(0));
    for (int i = 0; i < 2; ++i) curve[i] = (chord[i] * per_path - start_t[i]) * per_path;
    lanes s = share * f->path, x, y, tx, ty;
    for (int turn = 0; turn < 2; ++turn) { /* Newton on the parabola through both ends */
        x = begin[0] + s * (start_t[0] + s * curve[0]);
        y = begin[1] + s * (start_t[1] + s * curve[1]);
        tx = start_t[0] + R(2) * s * curve[0];
        ty = start_t[1] + R(2) * s * curve[1];
        lanes slope = R(2) * (x * tx + y * ty), excess = x * x + y * y - position * position;
        lanes step = excess / pick(absolute(slope) < R(1e-3), all(R(1e9)), slope);
        s = pick(cylinder, s - step, s);
    }
    lanes radius = root(x * x + y * y), z = begin[2] + s * (chord[2] * per_path);
    lanes extent = pick(cylinder, z, radius);
    *at = s;
    *incidence = pick(cylinder, absolute(x * tx + y * ty) / larger(radius, all(R(1e-3))), absolute(f->t[2]));
    return hit & (extent >= row[1]) & (extent <= row[2]);
}

/* The most probable energy loss over the thickness that a surface is worth, and xi (GeV). */
INLINE lanes probable_loss(const hg_batch_world *world, lanes momentum, lanes thickness, lanes log_thickness, lanes *xi)
{
    lanes ratio = momentum * (real)(1.0 / world->kalman->options.mass_gev), r2 = ratio * ratio, share;
    lanes at = (logarithm(ratio) - (real)world->loss_low) * (real)world->per_loss;
    at = smaller(larger(at, all(R(0))), all(R(HG_BATCH_LOSS_NODES - 1)));
    marks cell = cell_of(at, HG_BATCH_LOSS_NODES - 1, &share);
    lanes low = gather((const real *)world->tables.loss, cell), high = gather((const real *)world->tables.loss + 1, cell);
    *xi = R(1e-3 * 0.1535375 * 0.49848 * 2.329 / 10.0) * thickness * (R(1) + r2) / r2;
    return *xi * larger(low + share * (high - low) + log_thickness, all(R(0)));
}

/* What all surfaces on the way do: `matter` in terms of the lever to the end of the path. */
INLINE void gather_matter(const hg_batch_world *world, flight *f, const lanes begin[3], const lanes start_t[3], marks from_layer,
                          marks to_layer, matter *sum)
{
    const hg_kalman_options *options = &world->kalman->options;
    const real *table = world->tables.surface;
    const real mass = (real)options->mass_gev;
    marks pair = from_layer * (whole)(world->n_layers + 1) + to_layer;
    marks next = gather_whole(world->pair_first, pair), end = gather_whole(world->pair_first + 1, pair);
    lanes p = R(1) / larger(absolute(f->qop), all(R(1e-9))), energy = root(p * p + mass * mass), beta2 = p * p / (energy * energy);
    marks charged = f->qop != R(0);
    *sum = (matter){.kick = {{0}}};
    for (; any(next < end); ++next) {
        marks there = next < end;
        marks at = gather_whole(world->between, pick_whole(there, next, all_whole(0))) * HG_BATCH_SURFACE;
        const lanes row[3] = {gather(table + 1, at), gather(table + 2, at), gather(table + 3, at)};
        marks cylinder = gather(table, at) > R(0.5);
        lanes s, incidence;
        there &= charged & crossing(f, begin, start_t, cylinder, row, &s, &incidence);
        if (!any(there)) continue;
        incidence = larger(incidence, all(R(0.05)));
        lanes t = gather(table + 4, at) / incidence, lever = f->path - s;
        lanes log_t = logarithm(larger(t, all(R(1e-6))));
        if (options->scattering) {
            lanes bracket = larger(R(1) + R(0.038) * (log_t - logarithm(beta2)), all(R(0.2)));
            lanes theta0 = R(0.0136) / p * bracket, variance = theta0 * theta0 * t / beta2;
            variance = pick(there & (t > R(0)), variance, all(R(0)));
            sum->kick[0] += variance;
            sum->kick[1] += variance * lever;
            sum->kick[2] += variance * lever * lever;
        }
        lanes factor = gather(table + 5, at);
        there &= factor > R(0);
        if (!options->energy_loss || !any(there)) continue;
        lanes xi, thickness = larger(t, all(R(1e-6))) * R(93.70), log_thickness = log_t + R(4.54009819);
        lanes loss = factor * probable_loss(world, p, thickness, log_thickness, &xi);
        /* against the track the loss belongs to the momentum before the surface: one iteration */
        lanes before = root((energy + loss) * (energy + loss) - mass * mass), xi_before;
        lanes gain = factor * probable_loss(world, before, thickness, log_thickness, &xi_before);
        marks back = f->path < R(0);
        lanes width = R(1.706) * factor * pick(back, xi_before, xi);
        loss = pick(there, pick(back, -gain, loss), all(R(0)));
        sum->energy[0] += loss;
        sum->energy[1] += loss * lever;
        sum->energy[2] += loss * lever * lever * R(0.5);
        sum->straggling += pick(there, width * width, all(R(0)));
    }
}

/* Energy lost or won: q/p at the end, what the change on the way did to position and direction, and d(q/p)/d(q/p). Returns the variance. */
INLINE lanes apply_loss(const hg_batch_world *world, flight *f, const matter *sum, lanes *derivative)
{
    const real mass = (real)world->kalman->options.mass_gev;
    lanes p = R(1) / larger(absolute(f->qop), all(R(1e-9))), energy = root(p * p + mass * mass), after = energy - sum->energy[0];
    marks touched = (sum->energy[0] != R(0));
    lanes kinetic = p * p / (energy + mass);
    fail(&f->status, touched & ~(sum->energy[0] < R(0.9) * kinetic), HG_TRACK_MOMENTUM_LOW);
    lanes p_after = root(larger(after * after - mass * mass, all(R(1e-12)))), ratio = p / p_after;
    lanes per_loss = f->qop * energy / (p * p), g[3], unit = all(R(HG_CURVATURE_CONSTANT));
    bend(unit, f->t, f->b, g);
    for (int i = 0; i < 3; ++i) {
        f->r[i] += per_loss * sum->energy[2] * g[i];
        f->t[i] += per_loss * sum->energy[1] * g[i];
    }
    *derivative = pick(touched, ratio * ratio * ratio * after / energy, all(R(1)));
    f->qop = pick(touched, with_sign(R(1) / p_after, f->qop), f->qop);
    lanes slope = after / (p_after * p_after * p_after);
    return slope * slope * sum->straggling;
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

/* Adds what scattering does: a kick about either axis across the track turns the direction by 1 and, at lever l, moves the track by l along
 * the surface with gradient on_position, where the field turns it a little more. */
INLINE void add_kicks(const flight *f, const matter *sum, const lanes on_position[3], const lanes axis[2][3], lanes cov[15])
{
    lanes sin2 = f->t[0] * f->t[0] + f->t[1] * f->t[1], per_sin2 = R(1) / sin2, per_sin = root(per_sin2), k[3];
    lanes cos_phi = f->t[0] * per_sin, sin_phi = f->t[1] * per_sin, per_slope = R(-1) / dot(on_position, f->t);
    const lanes kick[2][3] = {{-sin_phi, cos_phi, all(R(0))}, {f->t[2] * cos_phi, f->t[2] * sin_phi, -sin2 * per_sin}};
    const lanes turn[2][4] = {{all(R(0)), all(R(0)), per_sin, all(R(0))}, {all(R(0)), all(R(0)), all(R(0)), all(R(1))}};
    bend(f->qop * R(HG_CURVATURE_CONSTANT), f->t, f->b, k);
    for (int i = 0; i < 2; ++i) {
        lanes step = dot(on_position, kick[i]) * per_slope, move[4];
        for (int a = 0; a < 2; ++a) move[a] = dot(axis[a], kick[i]) + step * dot(axis[a], f->t);
        move[2] = step * (f->t[0] * k[1] - f->t[1] * k[0]) * per_sin2;
        move[3] = -step * k[2] * per_sin;
        for (int a = 0; a < 4; ++a) {
            for (int b = 0; b <= a; ++b) {
                lanes added = sum->kick[2] * move[a] * move[b];
                if (a >= 2) added += sum->kick[1] * turn[i][a] * move[b];
                if (b >= 2) added += sum->kick[1] * move[a] * turn[i][b];
                if (b >= 2) added += sum->kick[0] * turn[i][a] * turn[i][b];
                cov[HG_PACKED(a, b)] += added;
            }
        }
    }
}

/* Turns per step that one Runge-Kutta-Nystroem step may make, by length: 1, 2, 4 or 8 steps keep the error below some um. */
INLINE marks steps_needed(flight *f, lanes h)
{
    lanes b2 = dot(f->b, f->b), turn2 = h * h * f->qop * f->qop * R(HG_CURVATURE_CONSTANT * HG_CURVATURE_CONSTANT) * b2;
    lanes error = absolute(h) * turn2 * turn2; /* of one step, about 7e-3 of this in mm */
    marks steps = all_whole(1) + ((error > R(0.4)) & 1) + ((error > R(6.4)) & 2) + ((error > R(100)) & 4);
    fail(&f->status, ~(turn2 < R(2.5)), HG_BATCH_HARD);
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
INLINE marks transport(const hg_batch_world *world, const plane *from, const plane *to, marks wanted, bound *state, jacobian *j)
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
    marks steps = pick_whole(wanted & (f.status == 0), steps_needed(&f, h), all_whole(0));
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
    gather_matter(world, &f, begin, start_t, from->layer, to ? to->layer : all_whole((whole)world->n_layers), &sum);
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
