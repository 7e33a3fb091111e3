/* batch_filter.h — Kalman filter and modified Bryson-Frazier smoother on lanes. */
/* SPDX-License-Identifier: Apache-2.0 */
/* Part of batch_body.h. */
#ifndef HG_TRACKING_BATCH_FILTER_H
#define HG_TRACKING_BATCH_FILTER_H

#include "tracking/batch.h"
#include "tracking/batch_transport.h"

/* A scalar update as the smoother needs it: gain per variance w, 1 / S and residual; 1 / S = 0 where nothing was done. */
typedef struct update {
    lanes w[5], per_s, residual;
} update;

/* What the filter leaves behind at a step; HG_BATCH_WORK lanes at most. */
typedef struct step {
    bound state; /* filtered */
    jacobian j;  /* from the step before */
    update up[2];
} step;
_Static_assert(sizeof(step) <= HG_BATCH_WORK * sizeof(lanes), "HG_BATCH_WORK holds a step");

INLINE int packed(int i, int k)
{
    return i >= k ? HG_PACKED(i, k) : HG_PACKED(k, i);
}

/* Takes in coordinate c where `measured`. The row of the measured coordinate is written without a difference: in float that of a loose
 * state and a sharp hit would be noise. Returns chi2. */
INLINE lanes scalar_update(bound *s, int c, lanes value, lanes variance, marks measured, update *up)
{
    for (int i = 0; i < 5; ++i) up->w[i] = s->cov[packed(i, c)];
    lanes total = up->w[c] + variance, share = variance / total;
    up->per_s = pick(measured, R(1) / total, all(R(0)));
    up->residual = value - s->par[c];
    lanes scaled = up->residual * up->per_s;
    for (int i = 0; i < 5; ++i) {
        s->par[i] += up->w[i] * scaled;
        lanes gain = up->w[i] * up->per_s;
        for (int k = 0; k <= i; ++k)
            if (i != c && k != c) s->cov[HG_PACKED(i, k)] -= gain * up->w[k];
    }
    for (int i = 0; i < 5; ++i) s->cov[packed(i, c)] = pick(measured, up->w[i] * share, up->w[i]);
    return scaled * up->residual;
}

/* Pivots of the Cholesky decomposition without roots: all > 0 and finite. */
INLINE marks is_positive(const lanes cov[15])
{
    lanes lower[5][5], pivot[5];
    marks good = all_whole(-1);
    for (int j = 0; j < 5; ++j) {
        pivot[j] = cov[HG_PACKED(j, j)];
        for (int k = 0; k < j; ++k) pivot[j] -= lower[j][k] * lower[j][k] * pivot[k];
        good &= (pivot[j] > R(0)) & (pivot[j] < R(1e30));
        lanes per_pivot = R(1) / pivot[j];
        for (int i = j + 1; i < 5; ++i) {
            lanes sum = cov[HG_PACKED(i, j)];
            for (int k = 0; k < j; ++k) sum -= lower[i][k] * lower[j][k] * pivot[k];
            lower[i][j] = sum * per_pivot;
        }
    }
    return good;
}

INLINE marks angles_are_sound(bound *s)
{
    const real pi = R(3.14159265358979323846);
    lanes total = s->par[0] + s->par[1] + s->par[2] + s->par[4];
    s->par[2] -= R(2) * pi * nearest(s->par[2] * (R(0.5) / pi));
    return (s->par[3] > R(0)) & (s->par[3] < pi) & (absolute(total) < R(1e30));
}

/* Both coordinates of a hit; a lane whose state would be no good keeps the old one. Returns the lanes that took it in. */
INLINE marks hit_update(bound *s, const lanes local[2], const lanes variance[2], marks wanted, update up[2], lanes *chi2)
{
    bound fresh = *s;
    marks good = wanted;
    lanes sum = all(R(0));
    for (int c = 0; c < 2; ++c) {
        marks measured = variance[c] > R(0);
        sum += scalar_update(&fresh, c, local[c], variance[c], measured, &up[c]);
        good &= ~measured | (up[c].w[c] > R(0));
    }
    good &= angles_are_sound(&fresh) & is_positive(fresh.cov) & (sum >= R(0)) & (sum < R(1e30));
    for (int i = 0; i < 5; ++i) s->par[i] = pick(good, fresh.par[i], s->par[i]);
    for (int i = 0; i < 15; ++i) s->cov[i] = pick(good, fresh.cov[i], s->cov[i]);
    for (int c = 0; c < 2; ++c) {
        up[c].per_s = pick(good, up[c].per_s, all(R(0)));
        for (int i = 0; i < 5; ++i) up[c].w[i] = pick(good, up[c].w[i], all(R(0)));
        up[c].residual = pick(good, up[c].residual, all(R(0)));
    }
    *chi2 = pick(good, sum, all(R(0)));
    return good;
}

/* Takes the updates of a step back: lambda and big <- their values before (Bierman 1973; PHYSICS 7.5). big: lower triangle. */
INLINE void undo_update(const update *up, int c, lanes lambda[5], lanes big[15])
{
    lanes gain[5], back[5], k_lambda = all(R(0)), k_back = all(R(0));
    for (int i = 0; i < 5; ++i) gain[i] = up->w[i] * up->per_s;
    for (int i = 0; i < 5; ++i) {
        k_lambda += gain[i] * lambda[i];
        back[i] = all(R(0));
        for (int k = 0; k < 5; ++k) back[i] += big[packed(i, k)] * gain[k];
    }
    for (int i = 0; i < 5; ++i) k_back += gain[i] * back[i];
    lambda[c] -= k_lambda + up->residual * up->per_s;
    for (int i = 0; i < 5; ++i) big[packed(i, c)] -= back[i];
    big[HG_PACKED(c, c)] += k_back - back[c] + up->per_s;
}

/* lambda <- F^T lambda, big <- F^T big F */
INLINE void carry_back(const jacobian *j, lanes lambda[5], lanes big[15])
{
    lanes moved[5], product[5][5], fresh[15];
    for (int i = 0; i < 5; ++i) {
        moved[i] = i == 4 ? j->loss * lambda[4] : all(R(0));
        for (int k = 0; k < 4; ++k) moved[i] += j->f[k][i] * lambda[k];
        for (int m = 0; m < 5; ++m) { /* product = big F */
            product[i][m] = m == 4 ? big[packed(i, 4)] * j->loss : all(R(0));
            for (int k = 0; k < 4; ++k) product[i][m] += big[packed(i, k)] * j->f[k][m];
        }
    }
    for (int i = 0; i < 5; ++i) {
        lambda[i] = moved[i];
        for (int m = 0; m <= i; ++m) {
            lanes sum = i == 4 ? j->loss * product[4][m] : all(R(0));
            for (int k = 0; k < 4; ++k) sum += j->f[k][i] * product[k][m];
            fresh[HG_PACKED(i, m)] = sum;
        }
    }
    for (int i = 0; i < 15; ++i) big[i] = fresh[i];
}

/* x - P lambda, and the element (a, b) of P - P big P. */
INLINE void smoothed_parameters(const bound *s, const lanes lambda[5], lanes par[5])
{
    for (int i = 0; i < 5; ++i) {
        par[i] = s->par[i];
        for (int k = 0; k < 5; ++k) par[i] -= s->cov[packed(i, k)] * lambda[k];
    }
}

INLINE void smoothed_rows(const bound *s, const lanes big[15], int n, lanes cov[15])
{
    for (int i = 0; i < n; ++i) {
        lanes row[5];
        for (int k = 0; k < 5; ++k) {
            row[k] = s->cov[packed(i, 0)] * big[packed(0, k)];
            for (int m = 1; m < 5; ++m) row[k] += s->cov[packed(i, m)] * big[packed(m, k)];
        }
        for (int b = 0; b <= i; ++b) {
            lanes sum = s->cov[HG_PACKED(i, b)];
            for (int k = 0; k < 5; ++k) sum -= row[k] * s->cov[packed(k, b)];
            cov[HG_PACKED(i, b)] = sum;
        }
    }
}

/* chi2 of the hit against all the others: of the smoothed residual with covariance V - H P H^T. */
INLINE lanes left_out_chi2(const lanes par[5], const lanes cov[15], const lanes local[2], const lanes variance[2])
{
    lanes residual[2], c[2];
    for (int i = 0; i < 2; ++i) {
        residual[i] = local[i] - par[i];
        c[i] = larger(variance[i] - cov[i ? 2 : 0], R(1e-6) * variance[i]);
    }
    marks has_u = variance[0] > R(0), has_v = variance[1] > R(0), both = has_u & has_v;
    lanes b = -cov[1], determinant = c[0] * c[1] - b * b;
    lanes two = (residual[0] * residual[0] * c[1] - R(2) * residual[0] * residual[1] * b + residual[1] * residual[1] * c[0]) / determinant;
    lanes one = pick(has_u, residual[0] * residual[0] / c[0], pick(has_v, residual[1] * residual[1] / c[1], all(R(0))));
    two = pick(determinant > R(0), two, all(R(0)));
    return pick(both, two, one);
}

INLINE void load_hit(const hg_batch_fit *fit, int32_t n, lanes local[2], lanes variance[2])
{
    for (int c = 0; c < 2; ++c) {
        local[c] = load((const real *)fit->local + (2 * n + c) * LANES);
        variance[c] = load((const real *)fit->variance + (2 * n + c) * LANES);
    }
}

static void smooth(const hg_batch_fit *fit, const step *steps)
{
    lanes lambda[5] = {{0}}, big[15] = {{0}};
    for (int32_t n = fit->n_steps - 1; n >= 0; --n) {
        const step *s = &steps[n];
        lanes par[5], cov[15], local[2], variance[2];
        load_hit(fit, n, local, variance);
        smoothed_parameters(&s->state, lambda, par);
        smoothed_rows(&s->state, big, fit->full ? 5 : 2, cov);
        store((real *)fit->hit_chi2 + n * LANES, left_out_chi2(par, cov, local, variance));
        for (int i = 0; i < 5; ++i) store((real *)fit->parameters + (5 * n + i) * LANES, par[i]);
        for (int i = 0; i < 15 && fit->full; ++i) store((real *)fit->covariance + (15 * n + i) * LANES, cov[i]);
        for (int c = 1; c >= 0; --c) undo_update(&s->up[c], c, lambda, big);
        if (n > 0) carry_back(&s->j, lambda, big);
    }
}

/* Lanes that do not move: F = 1, so that the smoother passes by. */
INLINE void keep_still(marks moved, jacobian *j)
{
    for (int i = 0; i < 4; ++i)
        for (int k = 0; k < 5; ++k) j->f[i][k] = pick(moved, j->f[i][k], all(i == k ? R(1) : R(0)));
    j->loss = pick(moved, j->loss, all(R(1)));
}

static void fit_lanes(const hg_batch_world *world, const hg_batch_fit *fit)
{
    bound state;
    plane at;
    marks last = all_whole(-1);
    lanes chi2 = all(R(0));
    step *steps = fit->work;
    for (int i = 0; i < 5; ++i) state.par[i] = load((const real *)fit->start + i * LANES);
    for (int i = 0; i < 15; ++i) state.cov[i] = all(R(0));
    for (int i = 0; i < 5; ++i) state.cov[HG_PACKED(i, i)] = load((const real *)fit->start_variance + i * LANES);
    lanes qop = state.par[4];
    marks module = load_whole(fit->module);
    load_plane(world, pick_whole(module >= 0, module, all_whole(0)), &at);
    for (int32_t n = 0; n < fit->n_steps; ++n) {
        step *s = &steps[fit->smooth ? n : 0];
        lanes local[2], variance[2], added;
        marks status = all_whole(0);
        module = load_whole(fit->module + n * LANES);
        marks wanted = module >= 0;
        bound next = state;
        load_hit(fit, n, local, variance);
        if (n > 0) {
            plane to;
            load_plane(world, pick_whole(wanted, module, all_whole(0)), &to);
            status = transport(world, &at, &to, wanted, fit->refit ? qop : next.par[4], &next, &s->j);
            wanted &= status == 0;
            qop = pick(wanted & (state.par[4] != R(0)), qop * (next.par[4] / state.par[4]), qop); /* loses what the track loses */
            marks good = hit_update(&next, local, variance, wanted, s->up, &added);
            fail(&status, wanted & ~good, HG_TRACK_COV_NOT_POSITIVE);
            keep_still(good, &s->j);
            for (int i = 0; i < 3; ++i) {
                at.center[i] = pick(good, to.center[i], at.center[i]);
                at.u[i] = pick(good, to.u[i], at.u[i]);
                at.v[i] = pick(good, to.v[i], at.v[i]);
                at.w[i] = pick(good, to.w[i], at.w[i]);
            }
            at.layer = pick_whole(good, to.layer, at.layer);
            wanted = good;
        } else {
            marks good = hit_update(&next, local, variance, wanted, s->up, &added);
            fail(&status, wanted & ~good, HG_TRACK_COV_NOT_POSITIVE);
            wanted = good;
        }
        for (int i = 0; i < 5; ++i) state.par[i] = pick(wanted, next.par[i], state.par[i]);
        for (int i = 0; i < 15; ++i) state.cov[i] = pick(wanted, next.cov[i], state.cov[i]);
        if (fit->smooth) s->state = state;
        chi2 += added;
        last = pick_whole(wanted, all_whole(n), last);
        store_whole(fit->status + n * LANES, status);
    }
    for (int i = 0; i < 5; ++i) store((real *)fit->last + i * LANES, state.par[i]);
    for (int i = 0; i < 15; ++i) store((real *)fit->last + (5 + i) * LANES, state.cov[i]);
    store((real *)fit->chi2, chi2);
    store_whole(fit->last_step, last);
    if (fit->smooth) smooth(fit, steps);
}

#endif
