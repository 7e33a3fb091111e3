/* nn/fused/tile_inputs.c — puts the inputs of an update side by side, by rows or by columns, and runs narrow networks on columns. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/fused/tile_inputs.h"

#include "kernels/bf16.h"

hg_view hg_tile_bring(const hg_view *view, int64_t width, hg_storage in, int64_t row, int64_t rows, int64_t tile_bytes, char **tile)
{
    hg_view at = {hg_stored_row(view->rows, view->storage, view->ld, row), view->ld, view->storage};
    if (view->storage == in) return at;
    void *to = *tile;
    at = (hg_view){to, hg_stride(in, width), in};
    *tile += tile_bytes;
    for (int64_t i = 0; i < rows; ++i) {
        const void *from = hg_stored_row(view->rows, view->storage, view->ld, row + i);
        for (int64_t c = 0; c < at.ld; ++c)
            hg_store_number(to, in, i * at.ld + c, c < width ? hg_stored_number(from, view->storage, c) : 0);
    }
    return at;
}

/* `width` columns from column c on of the rows of a table of reals; width is a constant where this is used. */
static inline __attribute__((always_inline)) void place_reals(const hg_tile_input *input, int64_t rows, int64_t c, int64_t width,
                                                              hg_real *to, int64_t row_step, int64_t column_step)
{
    const hg_real *from = (const hg_real *)input->table.rows + c;
    const int64_t ld = input->table.ld;
    for (int64_t i = 0; i < rows; ++i, to += row_step) {
        const hg_real *row = from + (input->index ? input->index[i] : i) * ld;
        const hg_real *less = input->minus ? from + input->minus[i] * ld : NULL;
        for (int64_t k = 0; k < width; ++k) to[k * column_step] = less ? row[k] - less[k] : row[k];
    }
}

static void place_stored_column(const hg_tile_input *input, int64_t rows, int64_t c, hg_real *to, int64_t row_step)
{
    const hg_view *t = &input->table;
    for (int64_t i = 0; i < rows; ++i) {
        hg_real x = hg_stored_number(hg_stored_row(t->rows, t->storage, t->ld, input->index ? input->index[i] : i), t->storage, c);
        if (input->minus) x -= hg_stored_number(hg_stored_row(t->rows, t->storage, t->ld, input->minus[i]), t->storage, c);
        to[i * row_step] = x;
    }
}

void hg_tile_inputs_place(const hg_tile_input *input, int n, int64_t rows, hg_real *to, int64_t row_step, int64_t column_step)
{
    for (const hg_tile_input *end = input + n; input < end; ++input) {
        for (int64_t c = 0, step; c < input->width; c += step) {
            hg_real *column = to + (input->column + c) * column_step;
            step = 1;
            if (input->table.storage != HG_STORE_REAL) {
                place_stored_column(input, rows, c, column, row_step);
            } else if (input->width - c >= 4) {
                step = 4;
                place_reals(input, rows, c, 4, column, row_step, column_step);
            } else if (input->width - c == 3) {
                step = 3;
                place_reals(input, rows, c, 3, column, row_step, column_step);
            } else {
                place_reals(input, rows, c, 1, column, row_step, column_step);
            }
        }
    }
}

/* Rows that are read in order go on behind this tile: into the second cache, while the layers run. */
static void prefetch_next_rows(const hg_tile_input *input, int n, int64_t rows)
{
    for (const hg_tile_input *end = input + n; input < end; ++input) {
        const int64_t bytes = input->index ? 0 : rows * input->table.ld * hg_stored_size(input->table.storage);
        const char *next = (const char *)input->table.rows + bytes;
        for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(next + at, 0, 2);
    }
}

void hg_tile_outputs_place(const hg_real *from, int64_t width, int64_t rows, hg_real *to, int64_t ld)
{
    for (int64_t i = 0; i < rows; ++i, to += ld) {
        for (int64_t c = 0; c < width; ++c) to[c] = from[c * HG_TILE_ROWS + i];
        for (int64_t c = width; c < ld; ++c) to[c] = 0;
    }
}

const hg_real *hg_tile_run_in_lanes(const hg_run *run, const hg_network *net, const hg_tile_input *input, int n, int64_t rows,
                                    hg_real *const tile[2])
{
    const hg_real *parameters = run->model->parameters;
    hg_tile_inputs_place(input, n, rows, tile[1], 1, HG_TILE_ROWS);
    prefetch_next_rows(input, n, rows);
    for (int l = 0; l < net->n_layers; ++l) {
        const hg_mlp_layer *layer = &net->layer[l];
        const hg_lanes a = {.rows = rows,
                            .n = layer->out,
                            .k = layer->in,
                            .in = tile[(l + 1) % 2],
                            .weights = parameters + layer->weight,
                            .bias = layer->bias >= 0 ? parameters + layer->bias : NULL,
                            .activation = layer->activation,
                            .out = tile[l % 2]};
        run->k->lanes(&a);
    }
    return tile[(net->n_layers - 1) % 2];
}
