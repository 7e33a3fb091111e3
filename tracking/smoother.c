/* smoother.c — modified Bryson-Frazier recursion (PHYSICS 7.5; Bierman 1973) and Rauch-Tung-Striebel (1965). */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
#include "tracking/smoother.h"

/* Takes one scalar update back: lambda and big <- their values before it. */
static void undo_update(const hg_gain *gain, double lambda[5], double big[5][5])
{
    int j = gain->coordinate;
    double k[5], k_lambda = 0.0, big_k[5], k_big_k = 0.0;
    for (int i = 0; i < 5; ++i) k[i] = gain->w[i] / gain->s;
    for (int i = 0; i < 5; ++i) {
        k_lambda += k[i] * lambda[i];
        big_k[i] = 0.0;
        for (int l = 0; l < 5; ++l) big_k[i] += big[i][l] * k[l];
    }
    for (int i = 0; i < 5; ++i) k_big_k += k[i] * big_k[i];
    lambda[j] -= k_lambda + gain->residual / gain->s;
    for (int i = 0; i < 5; ++i) {
        big[i][j] -= big_k[i];
        big[j][i] -= big_k[i];
    }
    big[j][j] += k_big_k + 1.0 / gain->s;
}

/* lambda <- F^T lambda, big <- F^T big F */
static void carry_back(const double f[25], double lambda[5], double big[5][5])
{
    double moved[5], product[5][5];
    for (int i = 0; i < 5; ++i) {
        moved[i] = 0.0;
        for (int k = 0; k < 5; ++k) moved[i] += f[5 * k + i] * lambda[k];
        for (int j = 0; j < 5; ++j) {
            product[i][j] = 0.0;
            for (int k = 0; k < 5; ++k) product[i][j] += big[i][k] * f[5 * k + j];
        }
    }
    for (int i = 0; i < 5; ++i) {
        lambda[i] = moved[i];
        for (int j = 0; j <= i; ++j) {
            double sum = 0.0;
            for (int k = 0; k < 5; ++k) sum += f[5 * k + i] * product[k][j];
            big[i][j] = big[j][i] = sum;
        }
    }
}

static void smooth_here(hg_filter_step *step, const double lambda[5], const double big[5][5])
{
    double full[5][5], product[5][5];
    for (int i = 0; i < 5; ++i)
        for (int j = 0; j <= i; ++j) full[i][j] = full[j][i] = step->cov[HG_PACKED(i, j)];
    for (int i = 0; i < 5; ++i) {
        step->smooth_par[i] = step->par[i];
        for (int k = 0; k < 5; ++k) step->smooth_par[i] -= full[i][k] * lambda[k];
        for (int j = 0; j < 5; ++j) {
            product[i][j] = 0.0;
            for (int k = 0; k < 5; ++k) product[i][j] += full[i][k] * big[k][j];
        }
    }
    for (int i = 0; i < 5; ++i) {
        for (int j = 0; j <= i; ++j) {
            double sum = full[i][j];
            for (int k = 0; k < 5; ++k) sum -= product[i][k] * full[k][j];
            step->smooth_cov[HG_PACKED(i, j)] = sum;
        }
    }
}

void hg_smooth(hg_filter_step *steps, int64_t n)
{
    double lambda[5] = {0.0}, big[5][5] = {{0.0}};
    for (int64_t k = n - 1; k >= 0; --k) {
        smooth_here(&steps[k], lambda, big);
        for (int g = steps[k].n_gains - 1; g >= 0; --g) undo_update(&steps[k].gain[g], lambda, big);
        if (k > 0) carry_back(steps[k].jacobian, lambda, big);
    }
}

/* Columns of a packed symmetric matrix as a full one. */
static void unpack(const double packed[15], double full[5][5])
{
    for (int i = 0; i < 5; ++i)
        for (int j = 0; j <= i; ++j) full[i][j] = full[j][i] = packed[HG_PACKED(i, j)];
}

/* Each row of rows <- (matrix^-1 row^T)^T by Cholesky; the matrix is positive. */
static void solve_rows(const double packed[15], double rows[5][5])
{
    double lower[5][5];
    for (int i = 0; i < 5; ++i) {
        for (int j = 0; j <= i; ++j) {
            double sum = packed[HG_PACKED(i, j)];
            for (int k = 0; k < j; ++k) sum -= lower[i][k] * lower[j][k];
            lower[i][j] = i == j ? sqrt(sum) : sum / lower[j][j];
        }
    }
    for (int r = 0; r < 5; ++r) {
        for (int i = 0; i < 5; ++i) {
            for (int k = 0; k < i; ++k) rows[r][i] -= lower[i][k] * rows[r][k];
            rows[r][i] /= lower[i][i];
        }
        for (int i = 4; i >= 0; --i) {
            for (int k = i + 1; k < 5; ++k) rows[r][i] -= lower[k][i] * rows[r][k];
            rows[r][i] /= lower[i][i];
        }
    }
}

/* Smooths `step` with the smoothed state of the one after it. */
static void smooth_before(hg_filter_step *step, const hg_filter_step *next)
{
    double cov[5][5], gain[5][5], change[5][5], product[5][5];
    unpack(step->cov, cov);
    for (int i = 0; i < 5; ++i) {
        for (int j = 0; j < 5; ++j) {
            gain[i][j] = 0.0;
            for (int k = 0; k < 5; ++k) gain[i][j] += cov[i][k] * next->jacobian[5 * j + k];
        }
    }
    solve_rows(next->predicted_cov, gain);
    for (int i = 0; i < 5; ++i) {
        for (int j = 0; j <= i; ++j) {
            const int at = HG_PACKED(i, j);
            change[i][j] = change[j][i] = next->smooth_cov[at] - next->predicted_cov[at];
        }
    }
    for (int i = 0; i < 5; ++i) {
        step->smooth_par[i] = step->par[i];
        for (int k = 0; k < 5; ++k) step->smooth_par[i] += gain[i][k] * (next->smooth_par[k] - next->predicted_par[k]);
        for (int j = 0; j < 5; ++j) {
            product[i][j] = 0.0;
            for (int k = 0; k < 5; ++k) product[i][j] += gain[i][k] * change[k][j];
        }
    }
    for (int i = 0; i < 5; ++i) {
        for (int j = 0; j <= i; ++j) {
            double sum = cov[i][j];
            for (int k = 0; k < 5; ++k) sum += product[i][k] * gain[j][k];
            step->smooth_cov[HG_PACKED(i, j)] = sum;
        }
    }
}

bool hg_smooth_rts(hg_filter_step *steps, int64_t n)
{
    for (int64_t k = 1; k < n; ++k)
        if (!hg_cov_is_positive(steps[k].predicted_cov)) return false;
    if (n == 0) return true;
    memcpy(steps[n - 1].smooth_par, steps[n - 1].par, sizeof steps->par);
    memcpy(steps[n - 1].smooth_cov, steps[n - 1].cov, sizeof steps->cov);
    for (int64_t k = n - 2; k >= 0; --k) smooth_before(&steps[k], &steps[k + 1]);
    return true;
}
