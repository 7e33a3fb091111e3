/* smoother.c — modified Bryson-Frazier recursion (PHYSICS 7.5; Bierman 1973). */
/* SPDX-License-Identifier: Apache-2.0 */
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
