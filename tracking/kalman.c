/* kalman.c — prediction to a module and sequential scalar updates (PHYSICS 7.1). */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "tracking/kalman.h"

hg_kalman_options hg_kalman_default_options(void)
{
    return (hg_kalman_options){.mass_gev = 0.13957039,
                               .outlier_chi2_2d = 15.0,
                               .outlier_chi2_1d = 12.0,
                               .step_tolerance_mm = 1e-3,
                               .start_inflation = 50.0,
                               .scattering = true,
                               .energy_loss = true};
}

int hg_kalman_predict(const hg_kalman *kalman, const hg_track_state *from, int64_t module, hg_track_state *to)
{
    hg_track_state next = *from;
    if (module < 0 || module >= kalman->detector->n_modules) return HG_TRACK_FAILED | HG_TRACK_NOT_REACHED;
    int status = hg_transport_state(kalman, from->module, module, NULL, next.par, next.cov, NULL);
    if (status != 0) return HG_TRACK_FAILED | status;
    next.module = module;
    *to = next;
    return 0;
}

bool hg_measurement_has(const hg_measurement *measurement, int coordinate)
{
    return measurement->variance[coordinate] > 0.0 && isfinite(measurement->variance[coordinate]);
}

double hg_residual_chi2(const double residual[2], const double c[3], bool has_u, bool has_v)
{
    if (has_u && has_v) {
        double det = c[0] * c[2] - c[1] * c[1];
        if (!(c[0] > 0.0 && det > 0.0)) return HUGE_VAL;
        return (residual[0] * residual[0] * c[2] - 2.0 * residual[0] * residual[1] * c[1] + residual[1] * residual[1] * c[0]) / det;
    }
    if (!has_u && !has_v) return 0.0;
    int j = has_u ? 0 : 1;
    double variance = has_u ? c[0] : c[2];
    return variance > 0.0 ? residual[j] * residual[j] / variance : HUGE_VAL;
}

double hg_kalman_chi2(const hg_track_state *state, const hg_measurement *m)
{
    double residual[2] = {m->local[0] - state->par[0], m->local[1] - state->par[1]};
    double c[3] = {state->cov[0] + m->variance[0], state->cov[1], state->cov[2] + m->variance[1]};
    return hg_residual_chi2(residual, c, hg_measurement_has(m, 0), hg_measurement_has(m, 1));
}

double hg_scalar_update(double par[5], double cov[15], int coordinate, double value, double variance, hg_gain *gain)
{
    double s, residual = value - par[coordinate];
    for (int i = 0; i < 5; ++i) gain->w[i] = i >= coordinate ? cov[HG_PACKED(i, coordinate)] : cov[HG_PACKED(coordinate, i)];
    s = gain->w[coordinate] + variance;
    gain->coordinate = coordinate;
    gain->residual = residual;
    gain->s = s;
    for (int i = 0; i < 5; ++i) {
        par[i] += gain->w[i] * residual / s;
        for (int j = 0; j <= i; ++j) cov[HG_PACKED(i, j)] -= gain->w[i] * gain->w[j] / s;
    }
    return residual * residual / s;
}

bool hg_angles_are_sound(double par[5])
{
    const double pi = 3.14159265358979323846;
    double sum = 0.0;
    for (int i = 0; i < 5; ++i) sum += par[i];
    if (!isfinite(sum) || !(par[3] > 0.0 && par[3] < pi)) return false;
    if (fabs(par[2]) > pi) par[2] = remainder(par[2], 2.0 * pi);
    return true;
}

double hg_update_with_gains(double par[5], double cov[15], const hg_measurement *m, hg_gain gain[2], int *n_gains)
{
    double new_par[5], new_cov[15], chi2 = 0.0;
    int n = 0;
    for (int i = 0; i < 5; ++i) new_par[i] = par[i];
    for (int i = 0; i < 15; ++i) new_cov[i] = cov[i];
    for (int j = 0; j < 2; ++j) {
        if (!hg_measurement_has(m, j)) continue;
        chi2 += hg_scalar_update(new_par, new_cov, j, m->local[j], m->variance[j], &gain[n]);
        if (!(gain[n].s > m->variance[j])) return -1.0; /* a negative variance of the state could come out positive */
        ++n;
    }
    if (!isfinite(chi2) || chi2 < 0.0 || !hg_angles_are_sound(new_par) || !hg_cov_is_positive(new_cov)) return -1.0;
    for (int i = 0; i < 5; ++i) par[i] = new_par[i];
    for (int i = 0; i < 15; ++i) cov[i] = new_cov[i];
    *n_gains = n;
    return chi2;
}

double hg_kalman_update(hg_track_state *state, const hg_measurement *measurement)
{
    hg_gain gain[2];
    int n_gains;
    return hg_update_with_gains(state->par, state->cov, measurement, gain, &n_gains);
}
