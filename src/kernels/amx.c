/* kernels/amx.c — layers in bf16 on the matrix tiles of AMX: 32 rows x 32 columns of sums at a time, finished by AVX-512. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/tables.h"

#if defined HG_X86_TABLES && !defined HG_REAL_DOUBLE
#define HG_ISA_NAME "amx"
#define HG_TABLE hg_kernels_amx
#include "kernels/avx512_shapes.h"
#include "kernels/bf16_layers.h"
#include "kernels/body.h"
#include "kernels/bf16_finish.h"

enum { TILE = 16, STEP = 32 }; /* rows of a tile; numbers of k in one tile of inputs */

static inline void configure(void)
{
    static const struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t bytes_per_row[16];
        uint8_t rows[16];
    } shape = {.palette = 1, .bytes_per_row = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {TILE, TILE, TILE, TILE, TILE, TILE, TILE, TILE}};
    _tile_loadconfig(&shape);
}

/* TILE rows of inputs from row `row` on, columns k .. k + STEP; rows beyond the end are copied out as zeros, because no tile may read
 * beyond its table. */
static inline const uint16_t *input_tile(const hg_dense *d, const hg_dense_part *part, int64_t row, int64_t k, uint16_t *room, int64_t *ld)
{
    const uint16_t *from = (const uint16_t *)part->in + row * part->ld + k;
    const int64_t rows = d->rows - row;
    *ld = part->ld;
    if (rows >= TILE) return from;
    for (int64_t i = 0; i < TILE; ++i) {
        __m512i x = i < rows ? _mm512_loadu_si512(from + i * part->ld) : _mm512_setzero_si512();
        _mm512_store_si512(room + i * STEP, x);
    }
    *ld = STEP;
    return room;
}

/* Sums of rows row .. row + 2 TILE (`two`; else of TILE rows) into z, which starts with row `row`. Tiles 0 to 3 hold the sums, 4 and 5
 * rows, 6 and 7 weights. */
static inline __attribute__((always_inline)) void multiply_columns(const hg_dense *d, int64_t row, int64_t column, bool two, bool wide,
                                                                   float *z)
{
    static const float zero[2 * TILE] __attribute__((aligned(64)));
    const int64_t stride = hg_stride(HG_STORE_REAL, d->n);
    const float *bias = d->bias ? d->bias + column : zero;
    uint16_t room[2][TILE * STEP] __attribute__((aligned(64)));
    int64_t ld;
    _tile_loadd(0, bias, 0);
    if (wide) _tile_loadd(1, bias + TILE, 0);
    if (two) _tile_loadd(2, bias, 0);
    if (two && wide) _tile_loadd(3, bias + TILE, 0);
    for (int p = 0; p < d->n_parts; ++p) {
        const hg_dense_part *part = &d->part[p];
        const int64_t depth = hg_stride(HG_STORE_BF16, part->k);
        const uint16_t *w = (const uint16_t *)part->weights + column * depth;
        for (int64_t k = 0; k < depth; k += STEP) {
            const uint16_t *in = input_tile(d, part, row, k, room[0], &ld);
            _tile_loadd(4, in, ld * 2);
            _tile_loadd(6, w + k * TILE, 64);
            _tile_dpbf16ps(0, 4, 6);
            if (wide) _tile_loadd(7, w + (depth + k) * TILE, 64);
            if (wide) _tile_dpbf16ps(1, 4, 7);
            if (!two) continue;
            in = input_tile(d, part, row + TILE, k, room[1], &ld);
            _tile_loadd(5, in, ld * 2);
            _tile_dpbf16ps(2, 5, 6);
            if (wide) _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, z + column, stride * 4);
    if (wide) _tile_stored(1, z + column + TILE, stride * 4);
    if (two) _tile_stored(2, z + TILE * stride + column, stride * 4);
    if (two && wide) _tile_stored(3, z + TILE * stride + column + TILE, stride * 4);
}

static void multiply_rows(const hg_dense *d, int64_t row, float *z)
{
    const bool two = d->rows - row > TILE;
    for (int64_t column = 0; column < d->n; column += 2 * TILE) {
        const bool wide = d->n - column > TILE;
        if (two && wide) {
            multiply_columns(d, row, column, true, true, z);
        } else {
            multiply_columns(d, row, column, two, wide, z);
        }
    }
}

/* Reads one number of every line of the rows at random places, all at once: measured, prefetches between or before tile loads come too
 * late. */
static inline void touch_gathered(const hg_dense *d)
{
    const int64_t lines = hg_stride(d->gather_storage, d->n) * hg_stored_size(d->gather_storage) / 64;
    __m512i all = _mm512_setzero_si512();
    for (int64_t i = 0; d->n_gathers > 0 && i < d->rows; ++i) {
        const char *row = hg_stored_row(d->gather[0].table, d->gather_storage, d->gather[0].ld, d->gather[0].index[i]);
        for (int64_t k = 0; k < lines; ++k) all = _mm512_or_si512(all, _mm512_load_si512(row + 64 * k));
    }
    __asm__ volatile("" ::"v"(all));
}

static void multiply_pairs(const hg_dense *d)
{
    const bool plain = is_plain(d);
    const int64_t stride = hg_stride(HG_STORE_REAL, d->n);
    configure();
    touch_gathered(d);
    for (int64_t row = 0; row < d->rows; row += 2 * TILE) {
        float *z = plain ? d->scratch : d->scratch + row * stride;
        multiply_rows(d, row, z);
        if (plain) finish_plain_rows(d, row, d->rows - row < 2 * TILE ? d->rows - row : 2 * TILE, z);
    }
    _tile_release();
    if (!plain) finish_other_rows(d);
}
#endif
