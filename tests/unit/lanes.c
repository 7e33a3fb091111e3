/* tests/unit/lanes.c — layers with rows in lanes, of every instruction set, against plain loops in double, around all block sizes. */
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
#include "../activations.h"
#include "base/random.h"
#include "kernels/kernels.h"

enum { ROWS = HG_TILE_ROWS, MOST = 64 };

static hg_real in[MOST * ROWS] __attribute__((aligned(64))), moved[MOST * ROWS] __attribute__((aligned(64))),
    out[(MOST + 1) * ROWS] __attribute__((aligned(64))), other[MOST * ROWS] __attribute__((aligned(64))), weights[MOST * MOST], bias[MOST];

static void fill(hg_random *r, hg_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; ++i) x[i] = (hg_real)hg_random_range(r, -1, 1);
}

static double expected(const hg_lanes *a, int64_t c, int64_t row)
{
    double z = a->bias ? (double)bias[c] : 0;
    for (int64_t p = 0; p < a->k; ++p) z += (double)weights[c * a->k + p] * (double)in[p * ROWS + row];
    return exact_activation(a->activation, z);
}

/* The rows in reverse give the same bits, each in its new place. */
static void compare_moved(const hg_kernels *k, const hg_lanes *a)
{
    hg_lanes b = *a;
    b.in = moved;
    b.out = other;
    for (int64_t p = 0; p < a->k; ++p) {
        for (int64_t i = 0; i < ROWS; ++i) moved[p * ROWS + i] = in[p * ROWS + (i < a->rows ? a->rows - 1 - i : i)];
    }
    k->lanes(&b);
    for (int64_t c = 0; c < a->n; ++c) {
        for (int64_t i = 0; i < a->rows; ++i) assert_memory_equal(&out[c * ROWS + i], &other[c * ROWS + a->rows - 1 - i], sizeof *out);
    }
}

static void layers(void **state)
{
    (void)state;
    static const int64_t widths[] = {1, 2, 3, 4, 5, 7, 8, 9, 40, 63, 64}, rows[] = {1, 4, 13, 16, 17, 48, 95, 96};
    const hg_kernels *table[HG_KERNEL_TABLES];
    const int n_tables = hg_kernels_list(table);
    hg_random r = hg_random_stream(5, 21, 0, 0);
    uint64_t trial = 0;
    for (size_t n = 0; n < sizeof widths / sizeof *widths; ++n) {
        for (size_t k = 0; k < sizeof widths / sizeof *widths; ++k, ++trial) {
            hg_lanes a = {.rows = rows[trial % 8], .n = widths[n], .k = widths[k], .in = in, .weights = weights, .out = out};
            a.bias = trial % 3 ? bias : NULL;
            a.activation = (hg_activation)(trial % (HG_ACTIVATION_LEAKY_RELU_FIFTH + 1));
            fill(&r, in, a.k * ROWS);
            fill(&r, weights, a.n * a.k);
            fill(&r, bias, a.n);
            for (int t = 0; t < n_tables; ++t) {
                out[a.n * ROWS] = 77;
                table[t]->lanes(&a);
                assert_true(out[a.n * ROWS] == 77);
                for (int64_t c = 0; c < a.n; ++c) {
                    for (int64_t i = 0; i < a.rows; ++i) {
                        const double y = expected(&a, c, i);
                        assert_near((double)out[c * ROWS + i], y, 1e-5 * fmax(1, fabs(y)));
                    }
                }
                compare_moved(table[t], &a);
            }
        }
    }
}

/* A broken row is not hidden by an activation, and breaks no other row. */
static void not_a_number(void **state)
{
    (void)state;
    const hg_kernels *table[HG_KERNEL_TABLES];
    const int n_tables = hg_kernels_list(table);
    for (int64_t i = 0; i < 5 * ROWS; ++i) in[i] = i == 2 * ROWS + 7 ? (hg_real)NAN : 1;
    for (int64_t i = 0; i < 15; ++i) weights[i] = -1;
    for (int t = 0; t < n_tables; ++t) {
        table[t]->lanes(
            &(hg_lanes){.rows = ROWS, .n = 3, .k = 5, .in = in, .weights = weights, .activation = HG_ACTIVATION_RELU, .out = out});
        for (int64_t i = 0; i < 3 * ROWS; ++i) assert_true(i % ROWS == 7 ? isnan(out[i]) : out[i] == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(layers), cmocka_unit_test(not_a_number)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
