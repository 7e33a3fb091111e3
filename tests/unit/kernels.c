/* tests/unit/kernels.c — every table of kernels that this CPU runs, against plain loops in double. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>
#include "../near.h"
#include "base/random.h"
#include "kernels/kernels.h"
#include "tests/leaks.h"

static hg_real *random_rows(uint64_t index, int64_t n)
{
    hg_random r = hg_random_stream(5, 2, index, 0);
    hg_real *x = calloc((size_t)n + 1, sizeof *x);
    for (int64_t i = 0; i < n; ++i) x[i] = (hg_real)hg_random_range(&r, -1, 1);
    return x;
}

/* Products of all shapes; and a row alone has the bits that it has among others. */
static void products(void **state)
{
    (void)state;
    const int widths[] = {8, 16, 24, 32, 40, 64, 72, 128};
    const hg_kernels *table[HG_KERNEL_TABLES];
    int n_tables = hg_kernels_list(table);
    for (int trial = 0; trial < 8 * 12; ++trial) {
        int n = widths[trial % 8], rows = 1 + (trial * 7) % 97, k = 1 + (trial * 5) % 70;
        bool across = trial % 3 == 0; /* a is read along its columns, as for weight gradients */
        hg_real *a = random_rows(1, rows * k), *b = random_rows(2, (int64_t)k * n), *start = random_rows(3, (int64_t)rows * n);
        hg_real *out = calloc((size_t)(rows * n), sizeof *out), *alone = calloc((size_t)n, sizeof *alone);
        int64_t a_row = across ? 1 : k, a_step = across ? rows : 1;
        for (int t = 0; t < n_tables; ++t) {
            memcpy(out, start, (size_t)(rows * n) * sizeof *out);
            table[t]->multiply(out, n, a, a_row, a_step, rows, k, b, n, n);
            for (int i = 0; i < rows; ++i) {
                for (int j = 0; j < n; ++j) {
                    double expected = (double)start[i * n + j];
                    for (int p = 0; p < k; ++p) expected += (double)a[i * a_row + p * a_step] * (double)b[p * n + j];
                    assert_near((double)out[i * n + j], expected, 1e-5);
                }
                memcpy(alone, start + i * n, (size_t)n * sizeof *alone);
                table[t]->multiply(alone, n, a + i * a_row, a_row, a_step, 1, k, b, n, n);
                assert_memory_equal(alone, out + i * n, (size_t)n * sizeof *alone);
            }
        }
        free(a), free(b), free(start), free(out), free(alone);
    }
}

static void layer_norms(void **state)
{
    (void)state;
    const hg_kernels *table[HG_KERNEL_TABLES];
    int n_tables = hg_kernels_list(table);
    for (int n = 1; n <= 70; ++n) {
        int64_t ld = hg_padded(n), rows = 5;
        hg_real *x = random_rows((uint64_t)n, rows * ld), *z = calloc((size_t)(rows * ld), sizeof *z), rstd[5];
        for (int t = 0; t < n_tables; ++t) {
            memcpy(z, x, (size_t)(rows * ld) * sizeof *z);
            table[t]->layer_norm(z, ld, rows, n, (hg_real)1e-5, rstd);
            for (int64_t i = 0; i < rows; ++i) {
                double mean = 0, square = 0;
                for (int c = 0; c < n; ++c) mean += (double)x[i * ld + c] / n;
                for (int c = 0; c < n; ++c) square += pow((double)x[i * ld + c] - mean, 2) / n;
                for (int c = 0; c < n; ++c) assert_near((double)z[i * ld + c], ((double)x[i * ld + c] - mean) / sqrt(square + 1e-5), 3e-5);
                for (int64_t c = n; c < ld; ++c) assert_true(z[i * ld + c] == 0);
            }
        }
        free(x), free(z);
    }
}

static void segment_sums(void **state)
{
    (void)state;
    const int64_t edge[] = {3, 0, 2, 2, 1};
    const int32_t end[] = {4, 1, 1, 0};
    const hg_kernels *table[HG_KERNEL_TABLES];
    int n_tables = hg_kernels_list(table);
    for (int n = 1; n <= 70; ++n) {
        hg_real *x = random_rows((uint64_t)n, 5 * n), *w = random_rows(7, 4), out[70];
        for (int variant = 0; variant < 4; ++variant) {
            hg_rows rows = {.edge = edge, .end = variant & 1 ? end : NULL, .weight = variant & 2 ? w : NULL, .first = 1, .count = 4};
            for (int t = 0; t < n_tables; ++t) {
                table[t]->sum_rows(out, x, n, &rows, n);
                for (int c = 0; c < n; ++c) {
                    double expected = 0;
                    for (int i = 1; i < 5; ++i) {
                        int64_t row = variant & 1 ? end[edge[i]] : edge[i];
                        expected += (variant & 2 ? (double)w[edge[i]] : 1) * (double)x[row * n + c];
                    }
                    assert_near((double)out[c], expected, 1e-6);
                }
            }
        }
        free(x), free(w);
    }
}

/* f and f' at -2, -0.5, 0.5, 2, to 8 decimals. */
static void activations(void **state)
{
    (void)state;
    static const struct {
        hg_activation kind;
        double f[4], slope[4];
    } rows[] = {
        {HG_ACTIVATION_TANH, {-.96402758, -.46211716, .46211716, .96402758}, {.07065082, .78644773, .78644773, .07065082}},
        {HG_ACTIVATION_SIGMOID, {.11920292, .37754067, .62245933, .88079708}, {.10499359, .23500371, .23500371, .10499359}},
        {HG_ACTIVATION_SILU, {-.23840584, -.18877033, .31122967, 1.76159416}, {-.09078425, .26003881, .73996119, 1.09078425}},
        {HG_ACTIVATION_GELU, {-.04550026, -.15426877, .34573123, 1.95449974}, {-.08523180, .13250488, .86749512, 1.08523180}},
        {HG_ACTIVATION_GELU_TANH, {-.04540231, -.15428599, .34571401, 1.95459769}, {-.08609926, .13263010, .86736990, 1.08609926}},
        {HG_ACTIVATION_RELU, {0, 0, .5, 2}, {0, 0, 1, 1}},
        {HG_ACTIVATION_LEAKY_RELU, {-.02, -.005, .5, 2}, {.01, .01, 1, 1}},
        {HG_ACTIVATION_SOFTPLUS, {.12692801, .47407698, .97407698, 2.12692801}, {.11920292, .37754067, .62245933, .88079708}},
        {HG_ACTIVATION_EXP, {.13533528, .60653066, 1.64872127, 7.38905610}, {.13533528, .60653066, 1.64872127, 7.38905610}},
        {HG_ACTIVATION_LEAKY_RELU_FIFTH, {-.4, -.1, .5, 2}, {.2, .2, 1, 1}},
        {HG_ACTIVATION_NONE, {-2, -.5, .5, 2}, {1, 1, 1, 1}},
    };
    const hg_kernels *table[HG_KERNEL_TABLES];
    int n_tables = hg_kernels_list(table);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        for (int t = 0; t < n_tables; ++t) {
            hg_real x[4] = {-2, (hg_real)-0.5, (hg_real)0.5, 2}, y[4], d[4] = {1, 1, 1, 1};
            table[t]->activate(rows[i].kind, x, y, 4);
            table[t]->activate_back(rows[i].kind, x, y, d, 4);
            for (int c = 0; c < 4; ++c) {
                assert_near((double)y[c], rows[i].f[c], 2e-7);
                assert_near((double)d[c], rows[i].slope[c], 3e-7);
            }
        }
    }
}

/* Own exp and tanh over the whole range, against libm. */
static void exponentials(void **state)
{
    (void)state;
    const hg_kernels *table[HG_KERNEL_TABLES];
    int n_tables = hg_kernels_list(table);
    for (int t = 0; t < n_tables; ++t) {
        for (double x = -100; x <= 100; x += 0.0137) {
            hg_real in = (hg_real)x, sigmoid, tangent;
            table[t]->activate(HG_ACTIVATION_SIGMOID, &in, &sigmoid, 1);
            table[t]->activate(HG_ACTIVATION_TANH, &in, &tangent, 1);
            double s = 1 / (1 + exp(-(double)in)), h = tanh((double)in);
            assert_near((double)sigmoid, s, 3e-7 * s + 1e-37);
            assert_near((double)tangent, h, 3e-7 * fabs(h));
        }
        hg_real bad = (hg_real)NAN, y;
        for (int kind = HG_ACTIVATION_NONE; kind <= HG_ACTIVATION_LEAKY_RELU_FIFTH; ++kind) {
            table[t]->activate((hg_activation)kind, &bad, &y, 1);
            assert_true(isnan(y));
        }
    }
}

static void override(void **state)
{
    hg_context *ctx = *state;
    const hg_kernels *table[HG_KERNEL_TABLES], *found;
    int n_tables = hg_kernels_list(table);
    for (int t = 0; t < n_tables; ++t) {
        assert_int_equal(setenv("HG_ISA", table[t]->name, 1), 0);
        assert_int_equal(hg_kernels_select(ctx, &found), HG_OK);
        assert_ptr_equal(found, table[t]);
    }
    assert_int_equal(setenv("HG_ISA", "abacus", 1), 0);
    assert_int_equal(hg_kernels_select(ctx, &found), HG_ERR_ARG);
    assert_non_null(strstr(hg_context_message(ctx), "abacus"));
    assert_int_equal(unsetenv("HG_ISA"), 0);
    assert_int_equal(hg_kernels_select(ctx, &found), HG_OK);
    assert_ptr_equal(found, table[n_tables - 1]);
}

int main(void)
{
    hg_context *ctx = NULL;
    if (hg_context_create(&ctx) < 0) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(products),     cmocka_unit_test(layer_norms),
                                       cmocka_unit_test(segment_sums), cmocka_unit_test(activations),
                                       cmocka_unit_test(exponentials), cmocka_unit_test_prestate(override, ctx)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
