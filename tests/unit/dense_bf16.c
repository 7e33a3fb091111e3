/* tests/unit/dense_bf16.c — layers from and to rows in bf16, every table that this CPU runs, against plain loops in double. */
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
#include "../activations.h"
#include "base/random.h"

enum { PARTS = 3, TABLE_ROWS = 37, LIMIT = 384 };

static float widened(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint16_t rounded(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return isnan(x) ? 0x7fc0 : (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Memory whose last byte is the last one that may be read: the page behind it is closed. */
typedef struct room {
    void *base, *data;
    size_t size;
} room;

static room open_room(int64_t bytes)
{
    size_t page = 4096, size = ((size_t)bytes + page - 1) / page * page;
    room r = {.size = size + page};
    r.base = mmap(NULL, r.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(r.base != MAP_FAILED);
    assert_int_equal(mprotect((char *)r.base + size, page, PROT_NONE), 0);
    r.data = (char *)r.base + size - bytes;
    return r;
}

static void close_room(room *r)
{
    if (r->base) munmap(r->base, r->size);
    *r = (room){0};
}

/* One random layer: its rooms, and the same numbers for the oracle. */
typedef struct layer {
    hg_dense d;
    hg_storage storage; /* of the inputs */
    hg_dense_part part[PARTS];
    room in[PARTS], packed[PARTS], table[HG_DENSE_GATHERS], out, scratch, h;
    float *w[PARTS], *mean[PARTS], bias[LIMIT], gamma[LIMIT], beta[LIMIT], old[HG_TILE_ROWS * LIMIT], rstd[HG_TILE_ROWS];
    int32_t index[HG_DENSE_GATHERS][2 * HG_TILE_ROWS];
} layer;

static double stored(const void *table, hg_storage storage, int64_t i)
{
    return storage == HG_STORE_BF16 ? (double)widened(((const uint16_t *)table)[i]) : (double)((const float *)table)[i];
}

static void store(void *table, hg_storage storage, int64_t i, float x)
{
    if (storage == HG_STORE_BF16) {
        ((uint16_t *)table)[i] = rounded(x);
    } else {
        ((float *)table)[i] = x;
    }
}

static float draw(hg_random *r)
{
    return (float)hg_random_range(r, -1, 1);
}

static int64_t pick(hg_random *r, const int64_t *from, int64_t n)
{
    return from[hg_random_below(r, n)];
}

static room random_rows(hg_random *r, int64_t rows, int64_t width, hg_storage storage)
{
    int64_t ld = hg_stride(storage, width);
    room made = open_room(rows * ld * hg_stored_size(storage));
    for (int64_t i = 0; i < rows; ++i) {
        for (int64_t c = 0; c < ld; ++c) store(made.data, storage, i * ld + c, c < width ? draw(r) : 0);
    }
    return made;
}

static void make_parts(hg_random *r, layer *l, const hg_dense_kernels *k)
{
    static const int64_t depths[] = {1, 2, 3, 15, 16, 31, 32, 33, 63, 64, 65, 128, 130};
    hg_dense *d = &l->d;
    for (int p = 0; p < d->n_parts; ++p) {
        hg_dense_part *part = &l->part[p];
        part->k = pick(r, depths, 13);
        part->ld = hg_stride(l->storage, part->k);
        l->in[p] = random_rows(r, d->rows, part->k, l->storage);
        l->w[p] = calloc((size_t)(d->n * part->k), sizeof *l->w[p]);
        l->mean[p] = calloc((size_t)part->k, sizeof *l->mean[p]);
        for (int64_t i = 0; i < d->n * part->k; ++i) {
            l->w[p][i] = draw(r);
            l->mean[p][i % part->k] += l->w[p][i] / (float)d->n;
        }
        l->packed[p] = open_room(k->packed_bytes(d->n, part->k));
        k->pack(l->w[p], part->k, 1, d->n, part->k, d->norm == HG_DENSE_CENTRED_NORM ? l->mean[p] : NULL, l->packed[p].data);
        part->in = l->in[p].data;
        part->weights = l->packed[p].data;
    }
    d->part = l->part;
}

static void make_gathers(hg_random *r, layer *l)
{
    hg_dense *d = &l->d;
    d->ahead = hg_random_below(r, 2) ? d->rows : 0;
    for (int g = 0; g < d->n_gathers; ++g) {
        l->table[g] = random_rows(r, TABLE_ROWS, d->n, d->gather_storage);
        for (int64_t i = 0; i < d->rows + d->ahead; ++i) l->index[g][i] = (int32_t)hg_random_below(r, TABLE_ROWS);
        d->gather[g] = (hg_dense_gather){l->table[g].data, hg_stride(d->gather_storage, d->n), l->index[g]};
    }
}

/* plain: 0, or the width of a layer of the common kind: no affine, no residual, nothing kept for the way back. */
static layer *make_layer(hg_random *r, hg_storage storage, const hg_dense_kernels *k, int64_t plain)
{
    static const int64_t widths[] = {1, 2, 8, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 80, 96, 112, 127, 128, 130, 192, 256, 336};
    static const int64_t heights[] = {1, 2, 5, 6, 7, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49, 64, 95, 96};
    layer *l = calloc(1, sizeof *l);
    hg_dense *d = &l->d;
    l->storage = storage;
    d->rows = pick(r, heights, 20);
    d->n = pick(r, widths, (int64_t)(sizeof widths / sizeof *widths));
    d->n_parts = (int)hg_random_below(r, PARTS + 1);
    d->n_gathers = (int)hg_random_below(r, HG_DENSE_GATHERS + 1);
    d->gather_storage = hg_random_below(r, 4) ? HG_STORE_BF16 : HG_STORE_REAL;
    d->out_storage = hg_random_below(r, 4) ? HG_STORE_BF16 : HG_STORE_REAL;
    d->norm = (hg_dense_norm)hg_random_below(r, 3);
    d->eps = 1e-5f;
    d->activation = hg_random_below(r, 2) ? HG_ACTIVATION_RELU : (hg_activation)hg_random_below(r, HG_ACTIVATION_SOFTPLUS + 1);
    if (plain > 0) {
        d->n = plain;
        d->gather_storage = d->out_storage = HG_STORE_BF16;
        if (d->norm == HG_DENSE_NORM) d->norm = HG_DENSE_NO_NORM;
        d->activation = HG_ACTIVATION_RELU;
    }
    make_parts(r, l, k);
    make_gathers(r, l);
    for (int64_t c = 0; c < d->n; ++c) l->bias[c] = draw(r), l->gamma[c] = draw(r), l->beta[c] = draw(r);
    if (hg_random_below(r, 2)) d->bias = l->bias;
    if (plain == 0 && hg_random_below(r, 2)) d->gamma = l->gamma, d->beta = l->beta;
    d->ldo = plain > 0 || hg_random_below(r, 4) ? hg_stride(d->out_storage, d->n) : d->n;
    l->out = open_room((d->rows * d->ldo) * hg_stored_size(d->out_storage));
    d->out = l->out.data;
    d->keep = 0.75f, d->change = 0.5f;
    if (plain == 0 && hg_random_below(r, 3) == 0) d->old = d->out;
    for (int64_t i = 0; i < d->rows * d->ldo; ++i) {
        store(d->out, d->out_storage, i, d->old ? draw(r) : NAN);
        l->old[i] = (float)stored(d->out, d->out_storage, i);
    }
    l->scratch = open_room(HG_TILE_ROWS * hg_stride(HG_STORE_REAL, d->n) * 4);
    d->scratch = l->scratch.data;
    if (plain == 0 && d->norm != HG_DENSE_NO_NORM && hg_random_below(r, 3) == 0) {
        l->h = open_room(d->rows * hg_stride(HG_STORE_REAL, d->n) * 4);
        d->h = l->h.data;
        d->rstd = l->rstd;
    }
    return l;
}

static void free_layer(layer *l)
{
    for (int p = 0; p < PARTS; ++p) close_room(&l->in[p]), close_room(&l->packed[p]), free(l->w[p]), free(l->mean[p]);
    for (int g = 0; g < HG_DENSE_GATHERS; ++g) close_room(&l->table[g]);
    close_room(&l->out), close_room(&l->scratch), close_room(&l->h);
    free(l);
}

/* h of one row; returns 1 / standard deviation. */
static double oracle_row(const layer *l, int64_t row, double *h)
{
    const hg_dense *d = &l->d;
    double mean = 0, square = 0;
    for (int64_t o = 0; o < d->n; ++o) {
        double z = d->bias ? (double)d->bias[o] : 0;
        for (int g = 0; g < d->n_gathers; ++g)
            z += stored(d->gather[g].table, d->gather_storage, d->gather[g].index[row] * d->gather[g].ld + o);
        for (int p = 0; p < d->n_parts; ++p) {
            const hg_dense_part *part = &d->part[p];
            for (int64_t i = 0; i < part->k; ++i) {
                float w = l->w[p][o * part->k + i] - (d->norm == HG_DENSE_CENTRED_NORM ? l->mean[p][i] : 0);
                z += stored(part->in, l->storage, row * part->ld + i) * (double)(l->storage == HG_STORE_BF16 ? widened(rounded(w)) : w);
            }
        }
        h[o] = z;
        mean += z / (double)d->n;
    }
    if (d->norm == HG_DENSE_NO_NORM) return 1;
    for (int64_t o = 0; o < d->n; ++o) {
        if (d->norm == HG_DENSE_NORM) h[o] -= mean;
        square += h[o] * h[o] / (double)d->n;
    }
    for (int64_t o = 0; o < d->n; ++o) h[o] /= sqrt(square + (double)d->eps);
    return 1 / sqrt(square + (double)d->eps);
}

/* Half a unit of the last of 8 bits, and what sums of up to 400 terms in fp32 lose. */
static void assert_stored(double found, double expected, hg_storage storage, double slack, const layer *l, const char *table)
{
    double allowed = (storage == HG_STORE_BF16 ? fabs(expected) / 256 : 0) + slack;
    if (fabs(found - expected) <= allowed) return;
    fail_msg("%s: found %.9g, expected %.9g (rows %d, n %d, parts %d, gathers %d, norm %d, activation %d, old %d, ldo %d)", table, found,
             expected, (int)l->d.rows, (int)l->d.n, l->d.n_parts, l->d.n_gathers, l->d.norm, l->d.activation, l->d.old != NULL,
             (int)l->d.ldo);
}

static void check_layer(const layer *l, const char *name)
{
    const hg_dense *d = &l->d;
    double h[LIMIT];
    for (int64_t row = 0; row < d->rows; ++row) {
        double rstd = oracle_row(l, row, h);
        /* a row that is constant but for rounding is blown up by the norm */
        double slack = 2e-5 * (1 + rstd);
        if (d->rstd) assert_stored((double)d->rstd[row], rstd, HG_STORE_REAL, 1e-4 * rstd * (1 + rstd), l, name);
        for (int64_t c = 0; c < d->n; ++c) {
            if (d->h) assert_stored((double)d->h[row * hg_stride(HG_STORE_REAL, d->n) + c], h[c], HG_STORE_REAL, slack, l, name);
            double y = exact_activation(d->activation, d->gamma ? (double)d->gamma[c] * h[c] + (double)d->beta[c] : h[c]);
            if (d->old) y = (double)d->keep * (double)l->old[row * d->ldo + c] + (double)d->change * y;
            assert_stored(stored(d->out, d->out_storage, row * d->ldo + c), y, d->out_storage, slack, l, name);
        }
        for (int64_t c = d->n; c < d->ldo; ++c) assert_true(isfinite(stored(d->out, d->out_storage, row * d->ldo + c)));
    }
}

/* Each row alone has the bits that it has among others. */
static void check_alone(const layer *l, const hg_dense_kernels *k)
{
    size_t bytes = (size_t)(l->d.n * hg_stored_size(l->d.out_storage)), pitch = (size_t)(l->d.ldo * hg_stored_size(l->d.out_storage));
    for (int64_t row = 0; row < l->d.rows; row += 1 + row / 3) {
        hg_dense d = l->d;
        hg_dense_part part[PARTS];
        room out = open_room((int64_t)pitch);
        for (int p = 0; p < d.n_parts; ++p) {
            part[p] = l->part[p];
            part[p].in = (const char *)part[p].in + row * part[p].ld * hg_stored_size(l->storage);
        }
        for (int g = 0; g < d.n_gathers; ++g) d.gather[g].index += row;
        for (int64_t c = 0; c < d.n; ++c) store(out.data, d.out_storage, c, l->old[row * d.ldo + c]);
        d.part = part;
        d.rows = 1;
        d.ahead = 0;
        d.h = d.rstd = NULL;
        d.out = out.data;
        if (d.old) d.old = out.data;
        k->run(&d);
        assert_memory_equal(out.data, (const char *)l->d.out + (size_t)row * pitch, bytes);
        close_room(&out);
    }
}

static void layers_from(hg_storage storage)
{
    const hg_kernels *table[HG_KERNEL_TABLES];
    int n_tables = hg_kernels_list(table);
    for (int t = 0; t < n_tables; ++t) {
        const hg_dense_kernels *k = &table[t]->dense[storage];
        for (uint64_t trial = 0; trial < 422; ++trial) {
            hg_random r = hg_random_stream(7, 3, trial, 0);
            layer *l = make_layer(&r, storage, k, trial < 400 ? 0 : 16 * (int64_t)(trial - 399));
            k->run(&l->d);
            check_layer(l, table[t]->name);
            check_alone(l, k);
            free_layer(l);
        }
    }
}

static void layers_from_bf16(void **state)
{
    (void)state;
    layers_from(HG_STORE_BF16);
}

static void layers_from_real(void **state)
{
    (void)state;
    layers_from(HG_STORE_REAL);
}

/* A number that is not one must show in every output of its row, and in no other row. */
static void not_a_number(void **state)
{
    (void)state;
    const hg_kernels *table[HG_KERNEL_TABLES];
    int n_tables = hg_kernels_list(table);
    for (int t = 0; t < n_tables; ++t) {
        for (uint64_t trial = 0; trial < 60; ++trial) {
            hg_storage storage = (hg_storage)(trial % HG_STORAGES);
            const hg_dense_kernels *k = &table[t]->dense[storage];
            hg_random r = hg_random_stream(7, 4, trial, 0);
            layer *l = make_layer(&r, storage, k, 0);
            int64_t bad = hg_random_below(&r, l->d.rows);
            if (l->d.n_parts > 0 && !l->d.old) {
                store(l->in[0].data, storage, bad * l->part[0].ld, NAN);
                k->run(&l->d);
                for (int64_t i = 0; i < l->d.rows * l->d.ldo; ++i) {
                    if (i % l->d.ldo < l->d.n) assert_int_equal(isnan(stored(l->d.out, l->d.out_storage, i)), i / l->d.ldo == bad);
                }
            }
            free_layer(l);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(layers_from_bf16), cmocka_unit_test(layers_from_real),
                                       cmocka_unit_test(not_a_number)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
