/* tests/unit/dense.c — fused layers and reductions of every instruction set against plain loops in double, around all block sizes. */
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
#include <sys/mman.h>
#include "../near.h"
#include "../activations.h"
#include "base/random.h"

enum { ROWS = HG_TILE_ROWS, TABLE = 50 };

static hg_real *numbers(hg_random *r, int64_t n)
{
    hg_real *x = aligned_alloc(64, (size_t)(n * (int64_t)sizeof *x + 127) / 64 * 64);
    for (int64_t i = 0; i < n + 64 / (int64_t)sizeof *x; ++i) x[i] = (hg_real)hg_random_range(r, -1, 1);
    return x;
}

/* Rows of n numbers with zero padding, as tables have them. */
static hg_real *padded_rows(hg_random *r, int64_t rows, int64_t n)
{
    int64_t ld = hg_stride(HG_STORE_REAL, n);
    hg_real *x = numbers(r, rows * ld);
    for (int64_t i = 0; i < rows * ld; ++i) x[i] = i % ld < n ? x[i] : 0;
    return x;
}

/* One layer with everything that it may have. */
typedef struct layer {
    int rows, n, k[2], n_gathers;
    hg_real *in[2], *w[2], *bias, *gamma, *beta, *table, *old;
    int32_t index[HG_DENSE_GATHERS][ROWS];
    hg_dense a;
} layer;

static layer random_layer(uint64_t trial, int rows, int n, int k)
{
    hg_random r = hg_random_stream(5, 3, trial, 0);
    layer l = {.rows = rows, .n = n, .k = {k, 1 + (int)hg_random_below(&r, 20)}};
    for (int p = 0; p < 2; ++p) {
        l.in[p] = numbers(&r, (int64_t)ROWS * (l.k[p] + 1));
        l.w[p] = numbers(&r, (int64_t)n * l.k[p]);
    }
    l.bias = padded_rows(&r, 1, n);
    l.gamma = padded_rows(&r, 1, n);
    l.beta = padded_rows(&r, 1, n);
    l.table = numbers(&r, TABLE * hg_stride(HG_STORE_REAL, n)); /* with something in the padding */
    l.old = padded_rows(&r, ROWS, n);
    l.n_gathers = (int)(trial % 4);
    for (int g = 0; g < l.n_gathers; ++g) {
        for (int i = 0; i < ROWS; ++i) l.index[g][i] = (int32_t)hg_random_below(&r, TABLE);
    }
    l.a = (hg_dense){.rows = rows, .n = n, .n_parts = trial % 3 ? 1 : 2, .n_gathers = l.n_gathers, .eps = (hg_real)1e-5};
    l.a.norm = trial % 5 == 0 ? HG_DENSE_NO_NORM : trial % 5 < 3 ? HG_DENSE_NORM : HG_DENSE_CENTRED_NORM;
    l.a.activation = (hg_activation)(trial % (HG_ACTIVATION_LEAKY_RELU_FIFTH + 1));
    l.a.ahead = trial % 2 ? ROWS - rows : 0;
    if (trial % 7) l.a.bias = l.bias;
    if (trial % 2) l.a.gamma = l.gamma, l.a.beta = l.beta;
    l.a.keep = (hg_real)0.75;
    l.a.change = (hg_real)0.5;
    return l;
}

static void free_layer(layer *l)
{
    for (int p = 0; p < 2; ++p) free(l->in[p]), free(l->w[p]);
    free(l->bias), free(l->gamma), free(l->beta), free(l->table), free(l->old);
}

/* Row i by the definition, into h and y. */
static void expected_row(const layer *l, int i, double *h, double *y)
{
    double mean = 0, square = 0;
    for (int c = 0; c < l->n; ++c) {
        h[c] = l->a.bias ? (double)l->bias[c] : 0;
        for (int g = 0; g < l->n_gathers; ++g) h[c] += (double)l->table[l->index[g][i] * hg_stride(HG_STORE_REAL, l->n) + c];
        for (int p = 0; p < l->a.n_parts; ++p) {
            for (int k = 0; k < l->k[p]; ++k) h[c] += (double)l->in[p][i * (l->k[p] + 1) + k] * (double)l->w[p][c * l->k[p] + k];
        }
        mean += h[c] / l->n;
    }
    for (int c = 0; c < l->n; ++c) square += (h[c] - mean) * (h[c] - mean) / l->n;
    for (int c = 0; c < l->n; ++c) {
        if (l->a.norm != HG_DENSE_NO_NORM) h[c] = (h[c] - mean) / sqrt(square + 1e-5);
        double a = l->a.gamma ? (double)l->gamma[c] * h[c] + (double)l->beta[c] : h[c];
        y[c] = exact_activation(l->a.activation, a);
        if (l->a.old) y[c] = 0.75 * (double)l->old[i * hg_stride(HG_STORE_REAL, l->n) + c] + 0.5 * y[c];
    }
}

/* Takes its mean over the columns off every row of a table, as products made from centred weights have lost it. */
static void centre(hg_real *rows, int64_t count, int n, int64_t ld)
{
    for (int64_t i = 0; i < count; ++i) {
        double mean = 0;
        for (int c = 0; c < n; ++c) mean += (double)rows[i * ld + c] / n;
        for (int c = 0; c < n; ++c) rows[i * ld + c] = (hg_real)((double)rows[i * ld + c] - mean);
    }
}

static void run_and_compare(const hg_kernels *table, layer *l, bool exact)
{
    const hg_dense_kernels *dense = &table->dense[HG_STORE_REAL];
    const int64_t ld = hg_stride(HG_STORE_REAL, l->n), ldo = exact ? l->n : ld;
    hg_dense_part part[2];
    for (int p = 0; p < 2; ++p) {
        hg_real *mean = calloc((size_t)l->k[p], sizeof *mean);
        for (int k = 0; k < l->k[p]; ++k) {
            for (int c = 0; c < l->n; ++c) mean[k] += l->w[p][c * l->k[p] + k] / (hg_real)l->n;
        }
        void *packed = aligned_alloc(64, (size_t)(dense->packed_bytes(l->n, l->k[p]) + 63) / 64 * 64);
        dense->pack(l->w[p], l->k[p], 1, l->n, l->k[p], l->a.norm == HG_DENSE_CENTRED_NORM ? mean : NULL, packed);
        part[p] = (hg_dense_part){l->in[p], l->k[p] + 1, l->k[p], packed};
        free(mean);
    }
    hg_random r = hg_random_stream(5, 4, 0, 0);
    hg_real *out = numbers(&r, (ROWS + 1) * ld), *h = numbers(&r, ROWS * ld), *scratch = numbers(&r, ROWS * ld), *alone = numbers(&r, ld);
    hg_real rstd[ROWS], guard = out[l->rows * ldo];
    double *expected = calloc((size_t)l->n * 2, sizeof *expected);
    hg_dense a = l->a;
    a.part = part;
    for (int g = 0; g < l->n_gathers; ++g) a.gather[g] = (hg_dense_gather){l->table, ld, l->index[g]};
    a.out = out;
    a.ldo = ldo;
    a.h = h;
    a.rstd = rstd;
    a.scratch = scratch;
    a.old = exact ? NULL : l->a.old;
    l->a.old = a.old;
    dense->run(&a);
    assert_true(out[l->rows * ldo] == guard);
    for (int i = 0; i < l->rows; ++i) {
        expected_row(l, i, expected, expected + l->n);
        for (int c = 0; c < l->n; ++c) {
            assert_near((double)h[i * ld + c], expected[c], 2e-4);
            assert_near((double)out[i * ldo + c], expected[l->n + c], 2e-4 * (1 + fabs(expected[l->n + c])));
        }
        for (int64_t c = l->n; c < ldo; ++c) assert_true(isfinite((double)out[i * ldo + c]));
    }
    /* the last row alone has the same bits */
    for (int p = 0; p < 2; ++p) part[p].in = l->in[p] + (l->rows - 1) * part[p].ld;
    for (int g = 0; g < l->n_gathers; ++g) a.gather[g].index += l->rows - 1;
    if (a.old) a.old = l->old + (l->rows - 1) * ld;
    a.rows = 1;
    a.ahead = 0;
    a.out = alone;
    a.h = NULL;
    a.rstd = NULL;
    dense->run(&a);
    assert_memory_equal(alone, out + (l->rows - 1) * ldo, (size_t)l->n * sizeof *alone);
    free((void *)(uintptr_t)part[0].weights), free((void *)(uintptr_t)part[1].weights);
    free(out), free(h), free(scratch), free(alone), free(expected);
}

static void layers(void **state)
{
    (void)state;
    const hg_kernels *table[HG_KERNEL_TABLES];
    int n_tables = hg_kernels_list(table);
    uint64_t trial = 0;
    for (int n = 1; n <= 130; ++n) {
        for (int round = 0; round < 5; ++round, ++trial) {
            int rows = 1 + (int)(trial * 7 % 33), k = 1 + (int)(trial * 29 % 130);
            layer l = random_layer(trial, round == 4 ? ROWS : rows, n, k);
            if (l.a.norm == HG_DENSE_CENTRED_NORM) {
                centre(l.bias, 1, n, n);
                centre(l.table, TABLE, n, hg_stride(HG_STORE_REAL, n));
            }
            /* a norm of one or two columns amplifies rounding without limit */
            if (l.a.norm != HG_DENSE_NO_NORM && n < 3) l.a.norm = HG_DENSE_NO_NORM;
            for (int t = 0; t < n_tables; ++t) {
                l.a.old = trial % 4 == 1 ? l.old : NULL;
                run_and_compare(table[t], &l, trial % 6 == 5);
            }
            free_layer(&l);
        }
    }
}

static void wide_layers(void **state)
{
    (void)state;
    const int width[] = {160, 256, 336};
    const hg_kernels *table[HG_KERNEL_TABLES];
    int n_tables = hg_kernels_list(table);
    for (uint64_t i = 0; i < 9; ++i) {
        layer l = random_layer(i, 40 + (int)i, width[i % 3], width[(i + 1) % 3]);
        for (int t = 0; t < n_tables && l.a.norm != HG_DENSE_CENTRED_NORM; ++t) run_and_compare(table[t], &l, false);
        free_layer(&l);
    }
}

/* The residual may stand where the result goes, and a weight matrix may be given transposed. */
static void in_place_and_transposed(void **state)
{
    (void)state;
    const hg_kernels *table[HG_KERNEL_TABLES];
    int n_tables = hg_kernels_list(table);
    for (int t = 0; t < n_tables; ++t) {
        hg_random r = hg_random_stream(5, 5, 0, 0);
        const int rows = 17, n = 40, k = 24, ld = 48;
        const hg_dense_kernels *dense = &table[t]->dense[HG_STORE_REAL];
        hg_real *in = numbers(&r, rows * k), *w = numbers(&r, n * k), *out = padded_rows(&r, rows, n), *old = numbers(&r, rows * ld);
        hg_real *scratch = numbers(&r, (int64_t)ROWS * ld);
        void *packed = aligned_alloc(64, (size_t)(dense->packed_bytes(n, k) + 63) / 64 * 64);
        memcpy(old, out, (size_t)(rows * ld) * sizeof *old);
        dense->pack(w, 1, n, n, k, NULL, packed);
        hg_dense_part part = {in, k, k, packed};
        hg_dense a = {.rows = rows, .n = n, .part = &part, .n_parts = 1, .old = out, .keep = 2, .change = 3, .out = out, .ldo = ld};
        a.scratch = scratch;
        dense->run(&a);
        for (int i = 0; i < rows; ++i) {
            for (int c = 0; c < n; ++c) {
                double z = 0;
                for (int p = 0; p < k; ++p) z += (double)in[i * k + p] * (double)w[p * n + c];
                assert_near((double)out[i * ld + c], 2 * (double)old[i * ld + c] + 3 * z, 1e-5);
            }
        }
        free(in), free(w), free(out), free(old), free(scratch), free(packed);
    }
}

/* What the next tile reads is only announced: it changes no bit, and it may stand where nothing can be read. */
static void next_is_not_read(void **state)
{
    (void)state;
    enum { BYTES = 1 << 16 };
    const hg_kernels *table[HG_KERNEL_TABLES];
    const int n_tables = hg_kernels_list(table), k = 20, n = 70;
    const int64_t ld = hg_stride(HG_STORE_REAL, n);
    char *closed = mmap(NULL, BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(closed != MAP_FAILED);
    hg_random r = hg_random_stream(5, 7, 0, 0);
    hg_real *in = numbers(&r, ROWS * k), *w = numbers(&r, n * k), *scratch = numbers(&r, ROWS * ld);
    hg_real *out = numbers(&r, ROWS * ld), *expected = numbers(&r, ROWS * ld);
    for (int t = 0; t < n_tables; ++t) {
        const hg_dense_kernels *dense = &table[t]->dense[HG_STORE_REAL];
        void *packed = aligned_alloc(64, (size_t)(dense->packed_bytes(n, k) + 63) / 64 * 64);
        dense->pack(w, k, 1, n, k, NULL, packed);
        const hg_dense_part part = {in, k, k, packed};
        for (int rows = 1; rows <= ROWS; rows += 19) {
            hg_dense a = {.rows = rows, .n = n, .part = &part, .n_parts = 1, .out = expected, .ldo = ld, .scratch = scratch};
            dense->run(&a);
            a.out = out;
            a.next = closed + 3;
            a.next_bytes = BYTES - 3 - rows;
            dense->run(&a);
            for (int i = 0; i < rows; ++i) assert_memory_equal(out + i * ld, expected + i * ld, (size_t)n * sizeof *out);
        }
        free(packed);
    }
    free(in), free(w), free(scratch), free(out), free(expected);
    munmap(closed, BYTES);
}

/* Item t of a row: its value in column c, weighted. */
static double item_value(const hg_fold_rows *a, int64_t t, int c)
{
    int64_t item = a->edge ? a->edge[t] : t;
    double weight = a->weight ? (double)((const hg_real *)a->weight)[item * a->ld_weight] : 1;
    return weight * (double)((const hg_real *)a->table)[(a->end ? a->end[item] : item) * a->ld + c];
}

static double expected_fold(hg_fold fold, const hg_fold_rows *a, int64_t r, int c)
{
    int64_t first = a->ptr[r], end = a->ptr[r + 1];
    double sum = 0, low = INFINITY, high = -INFINITY, square = 0, n = (double)(end - first);
    if (first == end) return 0;
    for (int64_t t = first; t < end; ++t) {
        double x = item_value(a, t, c);
        sum += x;
        low = fmin(low, x);
        high = fmax(high, x);
    }
    for (int64_t t = first; t < end; ++t) square += pow(item_value(a, t, c) - sum / n, 2) / n;
    return fold == HG_FOLD_SUM    ? sum
           : fold == HG_FOLD_MEAN ? sum / n
           : fold == HG_FOLD_MAX  ? high
           : fold == HG_FOLD_MIN  ? low
           : square > 1e-5        ? sqrt(square)
                                  : 0;
}

static void reductions(void **state)
{
    (void)state;
    const int64_t ptr[] = {0, 3, 3, 4, 30, 40}, edge_count = 40;
    const hg_kernels *table[HG_KERNEL_TABLES];
    int n_tables = hg_kernels_list(table);
    int64_t edge[40];
    int32_t end[40];
    hg_random r = hg_random_stream(5, 6, 0, 0);
    for (int i = 0; i < 40; ++i) {
        edge[i] = (i * 7) % edge_count;
        end[i] = (int32_t)hg_random_below(&r, edge_count);
    }
    for (int n = 1; n <= 130; ++n) {
        const int64_t ld = hg_stride(HG_STORE_REAL, n);
        hg_real *rows = padded_rows(&r, edge_count, n), *weight = numbers(&r, edge_count * 3), *out = numbers(&r, 5 * ld);
        for (int variant = 0; variant < 8; ++variant) {
            hg_fold_rows a = {.rows = 5, .n = n, .table = rows, .ld = ld, .ptr = ptr, .out = out, .ldo = ld};
            a.edge = variant & 1 ? edge : NULL;
            a.end = variant & 2 ? end : NULL;
            a.weight = variant & 4 ? weight : NULL;
            a.ld_weight = 3;
            for (int t = 0; t < n_tables; ++t) {
                hg_fold fold = (hg_fold)((n + variant) % 5);
                table[t]->fold(fold, &a);
                for (int64_t i = 0; i < 5; ++i) {
                    for (int c = 0; c < n; ++c) assert_near((double)out[i * ld + c], expected_fold(fold, &a, i, c), 1e-5);
                }
            }
        }
        free(rows), free(weight), free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(layers), cmocka_unit_test(wide_layers), cmocka_unit_test(in_place_and_transposed),
                                       cmocka_unit_test(next_is_not_read), cmocka_unit_test(reductions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
