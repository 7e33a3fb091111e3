/* batch_matter.h — what the material on the way does to tracks in lanes. */
/* SPDX-License-Identifier: Apache-2.0 */
/* Part of batch_body.h. Gathered by the distance of each surface from the target, to first order: a kick at
 * lever l moves the position by l and turns the direction by 1. */
#ifndef HG_TRACKING_BATCH_MATTER_H
#define HG_TRACKING_BATCH_MATTER_H

#include "tracking/batch_state.h"
#include "tracking/energy_loss.h"

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

/* What all surfaces on the way do to a particle of q/p `qop`: `matter` in terms of the lever to the end of the path. */
INLINE void gather_matter(const hg_batch_world *world, flight *f, lanes qop, const lanes begin[3], const lanes start_t[3], marks from_layer,
                          marks to_layer, matter *sum)
{
    const hg_kalman_options *options = &world->kalman->options;
    const real *table = world->tables.surface;
    const real mass = (real)options->mass_gev;
    marks pair = from_layer * (whole)(world->n_layers + 1) + to_layer;
    marks next = gather_whole(world->pair_first, pair), end = gather_whole(world->pair_first + 1, pair);
    lanes p = R(1) / larger(absolute(qop), all(R(1e-9))), energy = root(p * p + mass * mass), beta2 = p * p / (energy * energy);
    marks charged = qop != R(0);
    *sum = (matter){.kick = {{0}}};
    for (; any(next < end); next += 1) {
        marks there = next < end;
        marks at = gather_whole(world->between, pick_whole(there, next, all_whole(0))) * HG_BATCH_SURFACE;
        const lanes row[3] = {gather(table + 1, at), gather(table + 2, at), gather(table + 3, at)};
        marks cylinder = gather(table, at) > R(0.5);
        lanes s, incidence;
        there &= charged & crossing(f, begin, start_t, cylinder, row, &s, &incidence);
        if (!any(there)) continue;
        incidence = larger(incidence, all(R(HG_COSINE_MIN)));
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

#endif
