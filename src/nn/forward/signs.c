/* nn/forward/signs.c — see signs.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/signs.h"

#include <string.h>
#include "base/check.h"
#include "base/parallel.h"
#include "nn/forward/tile.h"

/* A block of a row is LANES words: number c has bit c / LANES of word c % LANES, so that LANES numbers are handled at a time. Rows much
 * narrower than a block are not worth it. */
enum { LANES = 8, BITS = 32, BLOCK = LANES * BITS, WIDTH_MIN = BLOCK / 4 };

static int64_t width_of(const hg_run *run, int update)
{
    return run->d->value[run->d->update[update].value].width;
}

static int64_t words_of(const hg_run *run, int update)
{
    return LANES * hg_block_count(width_of(run, update), BLOCK);
}

static uint32_t *row_of(const hg_run *run, int update, int64_t row)
{
    return (uint32_t *)(void *)run->signs[update] + row * words_of(run, update);
}

/* The table is what the last layer made, and of what it made the way back needs the signs alone. */
static bool are_enough(const hg_run *run, int update)
{
    const hg_update *u = &run->d->update[update];
    if (!run->training || run->checkpoint_every == HG_CHECKPOINT_NONE || !hg_panels_of(run, update)) return false;
    const hg_network *net = &run->d->network[u->network];
    const hg_mlp_layer *last = &net->layer[net->n_layers - 1];
    if (last->out < WIDTH_MIN) return false;
    return hg_tile_reaches_table(u) && u->old < 0 && last->norm == HG_NORM_NONE && last->activation == HG_ACTIVATION_RELU;
}

hg_status hg_signs_make(hg_run *run, int update)
{
    const int64_t per_number = (int64_t)(sizeof(hg_real) / sizeof(uint32_t));
    if (run->signs[update] || !are_enough(run, update)) return HG_OK;
    const int64_t n = hg_run_rows(run, run->d->update[update].entity) * words_of(run, update);
    return hg_run_take(run, &run->signs[update], hg_block_count(n, per_number));
}

/* n numbers, at most a block. */
static void write_block(const hg_real *y, int64_t n, uint32_t *to)
{
    uint32_t word[LANES] = {0};
    int64_t whole = n / LANES;
    for (int64_t bit = 0; bit < whole; ++bit) {
        for (int lane = 0; lane < LANES; ++lane) word[lane] |= (uint32_t)(y[bit * LANES + lane] > 0) << bit;
    }
    for (int64_t c = whole * LANES; c < n; ++c) word[c % LANES] |= (uint32_t)(y[c] > 0) << whole;
    memcpy(to, word, sizeof word);
}

static void read_block(const uint32_t *from, int64_t n, hg_real *y)
{
    int32_t word[LANES];
    int64_t whole = n / LANES;
    memcpy(word, from, sizeof word);
    for (int64_t bit = 0; bit < whole; ++bit) {
        for (int lane = 0; lane < LANES; ++lane) y[bit * LANES + lane] = (hg_real)(word[lane] >> bit & 1);
    }
    for (int64_t c = whole * LANES; c < n; ++c) y[c] = (hg_real)(word[c % LANES] >> whole & 1);
}

void hg_signs_write(const hg_run *run, int update, const hg_real *y, int64_t row, int64_t rows)
{
    const int64_t width = width_of(run, update), n_words = words_of(run, update);
    uint32_t *to = row_of(run, update, row);
    for (int64_t i = 0; i < rows; ++i, y += width, to += n_words) {
        for (int64_t c = 0; c < width; c += BLOCK) write_block(y + c, width - c < BLOCK ? width - c : BLOCK, to + c / BITS);
    }
}

void hg_signs_read(const hg_run *run, int update, int64_t row, int64_t rows, hg_real *y, int64_t stride)
{
    const int64_t width = width_of(run, update), n_words = words_of(run, update);
    const uint32_t *from = row_of(run, update, row);
    for (int64_t i = 0; i < rows; ++i, y += stride, from += n_words) {
        for (int64_t c = 0; c < width; c += BLOCK) read_block(from + c / BITS, width - c < BLOCK ? width - c : BLOCK, y + c);
        for (int64_t c = width; c < stride; ++c) y[c] = 0;
    }
}

void hg_signs_drop(hg_run *run, int update)
{
    hg_run_give(run, run->signs[update]);
    run->signs[update] = NULL;
}
