/* tests/unit/backward_kernels.c — kernels of the way back, every table that this CPU runs, against plain loops in double. */
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

static hg_real *random_rows(uint64_t index, int64_t n)
{
    hg_random r = hg_random_stream(6, 3, index, 0);
    hg_real *x = calloc((size_t)n + 1, sizeof *x);
    for (int64_t i = 0; i < n; ++i) x[i] = (hg_real)hg_random_range(&r, -1, 1);
    return x;
}

/* All shapes around the register blocks: outputs one by one, whole vectors of inputs. */
static void weight_gradients(void **state)
{
    (void)state;
    const int inputs[] = {16, 32, 48, 64, 80, 128, 144};
    const hg_kernels *table[HG_KERNEL_TABLES];
    int n_tables = hg_kernels_list(table);
    for (int trial = 0; trial < 7 * 20; ++trial) {
        int n = inputs[trial % 7], out = 1 + (trial * 7) % 71, rows = 1 + (trial * 5) % 97, ldd = out + trial % 3,
            ldx = n + 16 * (trial % 2);
        hg_real *d = random_rows(1, (int64_t)rows * ldd), *x = random_rows(2, (int64_t)rows * ldx),
                *start = random_rows(3, (int64_t)out * n);
        hg_real *dw = calloc((size_t)(out * n), sizeof *dw);
        for (int t = 0; t < n_tables; ++t) {
            memcpy(dw, start, (size_t)(out * n) * sizeof *dw);
            table[t]->wgrad(dw, n, d, ldd, out, x, ldx, n, rows);
            for (int o = 0; o < out; ++o) {
                for (int i = 0; i < n; ++i) {
                    double expected = (double)start[o * n + i];
                    for (int r = 0; r < rows; ++r) expected += (double)d[r * ldd + o] * (double)x[r * ldx + i];
                    assert_near((double)dw[o * n + i], expected, 1e-5);
                }
            }
        }
        free(d), free(x), free(start), free(dw);
    }
}

/* The dense product with transposed weights, as gradients go from a layer to the one below. */
static void input_gradients(void **state)
{
    (void)state;
    const hg_kernels *table[HG_KERNEL_TABLES];
    int n_tables = hg_kernels_list(table);
    for (int trial = 0; trial < 60; ++trial) {
        int in = 1 + (trial * 11) % 140, out = 1 + (trial * 7) % 70, rows = 1 + (trial * 5) % 96;
        int64_t ld = hg_padded(in);
        hg_real *d = random_rows(1, (int64_t)rows * out), *w = random_rows(2, (int64_t)out * in);
        hg_real *below = aligned_alloc(64, (size_t)(HG_TILE_ROWS * ld) * sizeof *below);
        hg_real *scratch = aligned_alloc(64, (size_t)(HG_TILE_ROWS * ld) * sizeof *scratch);
        for (int t = 0; t < n_tables; ++t) {
            const hg_dense_kernels *dense = &table[t]->dense[HG_STORE_REAL];
            void *panel = aligned_alloc(64, ((size_t)dense->packed_bytes(in, out) + 63) / 64 * 64);
            dense->pack(w, 1, in, in, out, NULL, panel);
            const hg_dense_part part = {d, out, out, panel};
            dense->run(&(hg_dense){
                .rows = rows, .n = in, .part = &part, .n_parts = 1, .out = below, .ldo = ld, .scratch = scratch, .keep = 1, .change = 1});
            for (int r = 0; r < rows; ++r) {
                for (int i = 0; i < in; ++i) {
                    double expected = 0;
                    for (int o = 0; o < out; ++o) expected += (double)d[r * out + o] * (double)w[o * in + i];
                    assert_near((double)below[r * ld + i], expected, 1e-5);
                }
            }
            free(panel);
        }
        free(d), free(w), free(below), free(scratch);
    }
}

typedef struct layer_case {
    int n;
    hg_activation activation;
    bool norm, affine;
} layer_case;

/* Row by row in double; sums: gamma, beta, bias, [n] each, added to. */
static void plain_layer_back(const layer_case *c, const hg_layer_back *b, int64_t row, double *d, double *sums[3])
{
    double mean = 0, slope = 0;
    for (int i = 0; i < c->n; ++i) {
        double y = (double)b->y[row * b->ld + i], x = (double)b->a[row * b->ld + i], h = (double)b->h[row * b->ld + i];
        if (c->activation == HG_ACTIVATION_RELU) d[i] *= y > 0;
        if (c->activation == HG_ACTIVATION_TANH) d[i] *= 1 - y * y;
        if (c->activation == HG_ACTIVATION_SILU) d[i] *= (1 + x * (1 - 1 / (1 + exp(-x)))) / (1 + exp(-x));
        if (c->affine) {
            sums[0][i] += d[i] * h;
            sums[1][i] += d[i];
            d[i] *= (double)b->gamma[i];
        }
        mean += d[i] / c->n;
        slope += d[i] * h / c->n;
    }
    for (int i = 0; i < c->n; ++i) {
        if (c->norm) d[i] = (d[i] - mean - (double)b->h[row * b->ld + i] * slope) * (double)b->rstd[row];
        sums[2][i] += d[i];
    }
}

static void check_layer(const hg_kernels *k, const layer_case *c)
{
    const int64_t rows = 7, ld = hg_padded(c->n), size = rows * ld;
    hg_real *a = random_rows(1, size), *y = random_rows(2, size), *h = random_rows(3, size), *rstd = random_rows(4, rows);
    hg_real *gamma = random_rows(5, ld), *d = random_rows(6, size), *sum[3];
    double plain[3][160] = {{0}}, *sums[3] = {plain[0], plain[1], plain[2]}, row[160];
    for (int i = 0; i < 3; ++i) sum[i] = calloc((size_t)ld, sizeof(hg_real));
    hg_real *start = calloc((size_t)size, sizeof *start);
    memcpy(start, d, (size_t)size * sizeof *start);
    const hg_layer_back back = {.rows = rows,
                                .n = c->n,
                                .ld = ld,
                                .activation = c->activation,
                                .a = a,
                                .y = y,
                                .h = h,
                                .rstd = c->norm ? rstd : NULL,
                                .gamma = c->affine ? gamma : NULL,
                                .d = d,
                                .d_gamma = sum[0],
                                .d_beta = sum[1],
                                .d_bias = sum[2]};
    k->layer_back(&back);
    for (int64_t r = 0; r < rows; ++r) {
        for (int i = 0; i < c->n; ++i) row[i] = (double)start[r * ld + i];
        plain_layer_back(c, &back, r, row, sums);
        for (int i = 0; i < c->n; ++i) assert_near((double)d[r * ld + i], row[i], 3e-6);
        for (int64_t i = c->n; i < ld; ++i) assert_true(d[r * ld + i] == 0);
    }
    for (int s = c->affine ? 0 : 2; s < 3; ++s) {
        for (int i = 0; i < c->n; ++i) assert_near((double)sum[s][i], plain[s][i], 1e-5);
    }
    for (int i = 0; i < 3; ++i) free(sum[i]);
    free(a), free(y), free(h), free(rstd), free(gamma), free(d), free(start);
}

static void layers(void **state)
{
    (void)state;
    static const hg_activation kinds[] = {HG_ACTIVATION_NONE, HG_ACTIVATION_RELU, HG_ACTIVATION_TANH, HG_ACTIVATION_SILU};
    const hg_kernels *table[HG_KERNEL_TABLES];
    int n_tables = hg_kernels_list(table);
    for (int n = 1; n <= 130; n += n < 70 ? 1 : 29) {
        for (int variant = 0; variant < 16; ++variant) {
            const layer_case c = {n, kinds[variant % 4], (variant & 4) != 0, (variant & 8) != 0};
            for (int t = 0; t < n_tables; ++t) check_layer(table[t], &c);
        }
    }
    const layer_case wide = {128, HG_ACTIVATION_RELU, true, false};
    for (int t = 0; t < n_tables; ++t) check_layer(table[t], &wide);
}

static void segments(void **state)
{
    (void)state;
    const int32_t index[] = {0, 0, 2, 3, 3, 3, 6};
    const hg_kernels *table[HG_KERNEL_TABLES];
    int n_tables = hg_kernels_list(table);
    for (int n = 16; n <= 144; n += 16) {
        hg_real *d = random_rows(1, 7 * n), *start = random_rows(2, 7 * n), *out = calloc((size_t)(7 * n), sizeof *out);
        for (int t = 0; t < n_tables; ++t) {
            memcpy(out, start, (size_t)(7 * n) * sizeof *out);
            table[t]->segment_add(out, n, d, n, index, 7, n);
            for (int s = 0; s < 7; ++s) {
                for (int c = 0; c < n; ++c) {
                    double expected = (double)start[s * n + c];
                    for (int i = 0; i < 7; ++i) expected += index[i] == s ? (double)d[i * n + c] : 0;
                    assert_near((double)out[s * n + c], expected, 1e-6);
                }
            }
        }
        free(d), free(start), free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(weight_gradients), cmocka_unit_test(input_gradients), cmocka_unit_test(layers),
                                       cmocka_unit_test(segments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
