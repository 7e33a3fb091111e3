/* tests/unit/fold_bf16.c — reductions from and to rows in bf16, every table that this CPU runs, against plain loops in double. */
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
#include "base/random.h"
#include "kernels/kernels.h"

enum { ITEMS = 61, NODES = 23, ROWS = 9, WIDEST = 160 };

static double stored(const void *table, hg_storage storage, int64_t i)
{
    if (storage == HG_STORE_REAL) return (double)((const float *)table)[i];
    const uint32_t bits = (uint32_t)((const uint16_t *)table)[i] << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

/* Numbers that bf16 holds exactly: 7 bits and a sign. */
static void store(void *table, hg_storage storage, int64_t i, hg_random *r)
{
    const float x = (float)(hg_random_below(r, 255) - 127) / 64;
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (storage == HG_STORE_REAL) {
        ((float *)table)[i] = x;
    } else {
        ((uint16_t *)table)[i] = (uint16_t)(bits >> 16);
    }
}

/* The rows and numbers of one reduction. */
typedef struct task {
    hg_fold_rows a;
    float table[ITEMS * WIDEST], weight[ITEMS], out[ROWS * WIDEST];
    int64_t ptr[ROWS + 1], edge[ITEMS];
    int32_t end[ITEMS];
} task;

static void make_task(hg_random *r, hg_storage storage, hg_storage out_storage, task *t)
{
    static const int64_t widths[] = {1, 7, 8, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 80, 112, 128, 130};
    hg_fold_rows *a = &t->a;
    memset(t, 0, sizeof *t);
    *a = (hg_fold_rows){.rows = ROWS,
                        .table = t->table,
                        .storage = storage,
                        .weight_storage = 1 - storage,
                        .out_storage = out_storage,
                        .out = t->out,
                        .ptr = t->ptr};
    a->n = widths[hg_random_below(r, 17)];
    a->ld = hg_stride(storage, a->n);
    a->ldo = hg_stride(out_storage, a->n);
    a->ld_weight = 1;
    for (int64_t i = 0; i < ITEMS * a->n; ++i) store(t->table, storage, i / a->n * a->ld + i % a->n, r);
    for (int64_t i = 0; i < ITEMS; ++i) {
        store(t->weight, a->weight_storage, i, r);
        t->edge[i] = hg_random_below(r, ITEMS);
        t->end[i] = (int32_t)hg_random_below(r, NODES);
    }
    if (hg_random_below(r, 2)) a->edge = t->edge;
    if (hg_random_below(r, 2)) a->end = t->end;
    if (hg_random_below(r, 2)) a->weight = t->weight;
    for (int i = 0; i < ROWS; ++i) {
        const int64_t next = t->ptr[i] + hg_random_below(r, 14);
        t->ptr[i + 1] = next < ITEMS ? next : ITEMS;
    }
    for (int64_t i = 0; i < ROWS * WIDEST; ++i) t->out[i] = NAN;
}

static double item(const hg_fold_rows *a, int64_t place, int64_t c)
{
    const int64_t at = a->edge ? a->edge[place] : place;
    const double weight = a->weight ? stored(a->weight, a->weight_storage, at * a->ld_weight) : 1;
    return weight * stored(a->table, a->storage, (a->end ? a->end[at] : at) * a->ld + c);
}

static double oracle(const hg_fold_rows *a, hg_fold fold, int64_t row, int64_t c)
{
    const int64_t first = a->ptr[row], end = a->ptr[row + 1];
    const double n = (double)(end - first);
    double sum = 0, least = INFINITY, most = -INFINITY, squares = 0;
    if (end == first) return 0;
    for (int64_t t = first; t < end; ++t) {
        const double x = item(a, t, c);
        sum += x;
        least = fmin(least, x);
        most = fmax(most, x);
    }
    for (int64_t t = first; t < end; ++t) squares += pow(item(a, t, c) - sum / n, 2);
    switch (fold) {
    case HG_FOLD_SUM:
        return sum;
    case HG_FOLD_MEAN:
        return sum / n;
    case HG_FOLD_MAX:
        return most;
    case HG_FOLD_MIN:
        return least;
    default:
        return squares / n > 1e-5 ? sqrt(squares / n) : 0;
    }
}

static void reductions(void **state)
{
    (void)state;
    const hg_kernels *table[HG_KERNEL_TABLES];
    const int n_tables = hg_kernels_list(table);
    task *t = malloc(sizeof *t);
    for (uint64_t trial = 0; trial < 400; ++trial) {
        const hg_storage storage = (hg_storage)(trial % 2), out_storage = (hg_storage)(trial / 2 % 2);
        const hg_fold fold = (hg_fold)(trial / 4 % (HG_FOLD_STD + 1));
        for (int k = 0; k < n_tables; ++k) {
            hg_random r = hg_random_stream(8, 3, trial, 0);
            make_task(&r, storage, out_storage, t);
            table[k]->fold(fold, &t->a);
            for (int64_t i = 0; i < ROWS * t->a.ldo; ++i) {
                const int64_t row = i / t->a.ldo, c = i % t->a.ldo;
                const double found = stored(t->out, out_storage, i);
                if (c >= t->a.n) {
                    assert_true(isfinite(found));
                    continue;
                }
                const double expected = oracle(&t->a, fold, row, c);
                const double allowed = 2e-5 + (out_storage == HG_STORE_BF16 ? fabs(expected) / 256 : 0);
                if (!(fabs(found - expected) <= allowed))
                    fail_msg("%s: reduction %d, width %d, storage %d to %d: found %.9g, expected %.9g", table[k]->name, (int)fold,
                             (int)t->a.n, (int)storage, (int)out_storage, found, expected);
            }
        }
    }
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reductions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
