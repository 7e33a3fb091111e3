/* smoother.c — the smoother without inverses against Rauch, Tung and Striebel in long double. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/random.h"
#include "tests/near.h"
#include "tracking/smoother.h"

typedef long double matrix[5][5];

static void full(const double packed[15], matrix out)
{
    for (int i = 0; i < 5; ++i)
        for (int j = 0; j < 5; ++j) out[i][j] = (long double)packed[i > j ? HG_PACKED(i, j) : HG_PACKED(j, i)];
}

static void multiply(const matrix a, const matrix b, bool transpose_b, matrix out)
{
    for (int i = 0; i < 5; ++i) {
        for (int j = 0; j < 5; ++j) {
            out[i][j] = 0;
            for (int k = 0; k < 5; ++k) out[i][j] += a[i][k] * (transpose_b ? b[j][k] : b[k][j]);
        }
    }
}

/* Gauss-Jordan; the matrix is symmetric and positive. */
static void invert(const matrix in, matrix out)
{
    matrix a;
    for (int i = 0; i < 5; ++i) {
        for (int j = 0; j < 5; ++j) {
            a[i][j] = in[i][j];
            out[i][j] = i == j;
        }
    }
    for (int c = 0; c < 5; ++c) {
        long double pivot = a[c][c];
        for (int j = 0; j < 5; ++j) {
            a[c][j] /= pivot;
            out[c][j] /= pivot;
        }
        for (int i = 0; i < 5; ++i) {
            long double factor = a[i][c];
            if (i == c) continue;
            for (int j = 0; j < 5; ++j) {
                a[i][j] -= factor * a[c][j];
                out[i][j] -= factor * out[c][j];
            }
        }
    }
}

enum { STEPS_MAX = 12 };

typedef struct chain {
    int n;
    hg_filter_step step[STEPS_MAX];
    double predicted_par[STEPS_MAX][5], predicted_cov[STEPS_MAX][15];
} chain;

/* A random linear system, filtered; some stops measure one coordinate, some none. */
static void random_chain(uint64_t trial, chain *c)
{
    static const double scale[5] = {1.0, 1.0, 0.05, 0.05, 0.2};
    hg_random random = hg_random_stream(5, 1, 0, trial);
    double par[5], cov[15] = {0};
    for (int i = 0; i < 5; ++i) {
        par[i] = scale[i] * hg_random_normal(&random);
        cov[HG_PACKED(i, i)] = 4.0 * scale[i] * scale[i];
    }
    par[3] = 1.5;
    c->n = 2 + (int)(trial % (STEPS_MAX - 1));
    for (int k = 0; k < c->n; ++k) {
        hg_filter_step *step = &c->step[k];
        if (k > 0) {
            double moved[5] = {0};
            for (int i = 0; i < 5; ++i)
                for (int j = 0; j < 5; ++j) step->jacobian[5 * i + j] = (i == j) + 0.3 * hg_random_normal(&random) * scale[i] / scale[j];
            for (int i = 0; i < 5; ++i)
                for (int j = 0; j < 5; ++j) moved[i] += step->jacobian[5 * i + j] * par[j];
            for (int i = 0; i < 5; ++i) par[i] = moved[i];
            hg_cov_transform(step->jacobian, cov);
            for (int i = 2; i < 5; ++i) cov[HG_PACKED(i, i)] += 1e-3 * scale[i] * scale[i];
        }
        for (int i = 0; i < 5; ++i) step->predicted_par[i] = c->predicted_par[k][i] = par[i];
        for (int i = 0; i < 15; ++i) step->predicted_cov[i] = c->predicted_cov[k][i] = cov[i];
        step->n_gains = 0;
        for (int j = 0; j < 2; ++j) {
            if (hg_random_uniform(&random) < 0.15) continue;
            hg_scalar_update(par, cov, j, 0.3 * hg_random_normal(&random), 1e-4, &step->gain[step->n_gains++]);
        }
        for (int i = 0; i < 5; ++i) step->par[i] = par[i];
        for (int i = 0; i < 15; ++i) step->cov[i] = cov[i];
    }
}

static void same_as_rts(bool rts)
{
    static chain c;
    for (uint64_t trial = 0; trial < 200; ++trial) {
        random_chain(trial, &c);
        if (rts)
            assert_true(hg_smooth_rts(c.step, c.n));
        else
            hg_smooth(c.step, c.n);
        long double par[5];
        matrix cov, product, gain, inverse, f, before, predicted;
        for (int i = 0; i < 5; ++i) par[i] = (long double)c.step[c.n - 1].par[i];
        full(c.step[c.n - 1].cov, cov);
        for (int k = c.n - 1; k >= 0; --k) {
            for (int i = 0; i < 5; ++i) {
                assert_near(c.step[k].smooth_par[i], (double)par[i], 1e-8);
                for (int j = 0; j <= i; ++j) {
                    double size = sqrt((double)(cov[i][i] * cov[j][j]));
                    assert_near(c.step[k].smooth_cov[HG_PACKED(i, j)], (double)cov[i][j], 1e-6 * size);
                }
            }
            if (k == 0) break;
            /* A = P+ F^T (P-)^-1;  x = x+ + A (x - x-);  P = P+ + A (P - P-) A^T */
            full(c.step[k - 1].cov, before);
            full(c.predicted_cov[k], predicted);
            for (int i = 0; i < 5; ++i)
                for (int j = 0; j < 5; ++j) f[i][j] = (long double)c.step[k].jacobian[5 * i + j];
            invert(predicted, inverse);
            multiply(before, f, true, product);
            multiply(product, inverse, false, gain);
            long double moved[5];
            for (int i = 0; i < 5; ++i) {
                moved[i] = (long double)c.step[k - 1].par[i];
                for (int j = 0; j < 5; ++j) moved[i] += gain[i][j] * (par[j] - (long double)c.predicted_par[k][j]);
            }
            for (int i = 0; i < 5; ++i) {
                par[i] = moved[i];
                for (int j = 0; j < 5; ++j) cov[i][j] -= predicted[i][j];
            }
            multiply(gain, cov, false, product);
            multiply(product, gain, true, cov);
            for (int i = 0; i < 5; ++i)
                for (int j = 0; j < 5; ++j) cov[i][j] += before[i][j];
        }
    }
}

static void bryson_and_frazier(void **state)
{
    (void)state;
    same_as_rts(false);
}

static void rauch_tung_and_striebel(void **state)
{
    (void)state;
    same_as_rts(true);
    static chain c;
    random_chain(7, &c);
    c.step[1].predicted_cov[0] = -1.0;
    assert_false(hg_smooth_rts(c.step, c.n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bryson_and_frazier), cmocka_unit_test(rauch_tung_and_striebel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
