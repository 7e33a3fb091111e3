/* datasets/module_triplets.c — module maps as text of 24 columns and as HDF5. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/module_triplets.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/text.h"
#include "datasets/hdf5.h"

enum { MODULES = 3, WINDOW = HG_MODULE_TRIPLET_WINDOW, COLUMNS = MODULES + 1 + WINDOW, SHOWN = 24 };
static const size_t file_bytes_max = (size_t)16 << 30;
static const char format_name[] = "module-map";

static const char *const column_name[COLUMNS] = {
    "mid_1",          "mid_2",          "mid_3",      "occurrence", "z0max_12",      "z0min_12",      "dphimax_12",    "dphimin_12",
    "phiSlopemax_12", "phiSlopemin_12", "detamax_12", "detamin_12", "z0max_23",      "z0min_23",      "dphimax_23",    "dphimin_23",
    "phiSlopemax_23", "phiSlopemin_23", "detamax_23", "detamin_23", "diff_dzdr_max", "diff_dzdr_min", "diff_dydx_max", "diff_dydx_min"};

/* Room for one row more. */
static hg_status reserve(hg_context *ctx, hg_module_triplets *t, int64_t *room)
{
    hg_status status = HG_OK;
    if (t->n < *room) return HG_OK;
    const int64_t more = 2 * *room + 1024;
    HG_TRY(hg_grow(ctx, &t->module, t->n * MODULES, more * MODULES));
    HG_TRY(hg_grow(ctx, &t->occurrence, t->n, more));
    HG_TRY(hg_grow(ctx, &t->window, t->n * WINDOW, more * WINDOW));
    *room = more;
done:
    return status;
}

/* A line of a file, for messages. */
typedef struct place {
    const char *path;
    int64_t line;
} place;

static hg_status bad_column(hg_context *ctx, const place *at, int column, const char *word, size_t length, const char *expected)
{
    return hg_fail(ctx, HG_ERR_FORMAT, "%s:%" PRId64 ": column %d (%s): found \"%.*s\", expected %s", at->path, at->line, column + 1,
                   column_name[column], (int)(length < SHOWN ? length : SHOWN), word, expected);
}

static hg_status store(hg_context *ctx, const place *at, int column, const char *word, size_t length, hg_module_triplets *t)
{
    double number;
    if (column < MODULES) {
        if (hg_parse_uint64(word, length, &t->module[t->n * MODULES + column])) return HG_OK;
        return bad_column(ctx, at, column, word, length, "a module id");
    }
    if (column == MODULES) {
        if (hg_parse_int64(word, length, &t->occurrence[t->n]) && t->occurrence[t->n] >= 0) return HG_OK;
        return bad_column(ctx, at, column, word, length, "a count");
    }
    if (!hg_parse_double(word, length, &number)) return bad_column(ctx, at, column, word, length, "a number");
    t->window[t->n * WINDOW + column - MODULES - 1] = (float)number;
    return HG_OK;
}

/* Every second number of a window is the least one. */
static hg_status check_window(hg_context *ctx, const place *at, const float *window)
{
    for (int k = 0; k < WINDOW; k += 2)
        if (!(window[k + 1] <= window[k]))
            return hg_fail(ctx, HG_ERR_DATA, "%s:%" PRId64 ": column %d (%s): %g is above column %d (%s), %g", at->path, at->line,
                           k + MODULES + 3, column_name[k + MODULES + 2], (double)window[k + 1], k + MODULES + 2,
                           column_name[k + MODULES + 1], (double)window[k]);
    return HG_OK;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* One line into row t->n; *empty tells that there was nothing on it. */
static hg_status read_line(hg_context *ctx, const place *at, const char *line, const char *end, hg_module_triplets *t, bool *empty)
{
    hg_status status = HG_OK;
    int column = 0;
    for (;; ++column) {
        while (line < end && is_space(*line)) ++line;
        if (line == end) break;
        const char *word = line;
        while (line < end && !is_space(*line)) ++line;
        HG_CHECK(column < COLUMNS, HG_ERR_FORMAT, "%s:%" PRId64 ": more than %d columns", at->path, at->line, COLUMNS);
        HG_TRY(store(ctx, at, column, word, (size_t)(line - word), t));
    }
    *empty = column == 0;
    if (*empty) goto done;
    HG_CHECK(column == COLUMNS, HG_ERR_FORMAT, "%s:%" PRId64 ": column %d (%s) is missing: found %d columns, expected %d", at->path,
             at->line, column + 1, column_name[column], column, COLUMNS);
    HG_TRY(check_window(ctx, at, t->window + t->n * WINDOW));
done:
    return status;
}

hg_status hg_module_triplets_read_text(hg_context *ctx, const char *path, hg_module_triplets *out)
{
    hg_status status = HG_OK;
    hg_module_triplets t = {0};
    char *text = NULL;
    size_t length = 0;
    int64_t room = 0;
    place at = {path, 0};

    HG_TRY(hg_read_file(ctx, path, file_bytes_max, &text, &length));
    for (const char *line = text, *stop = text + length; line < stop;) {
        const char *newline = memchr(line, '\n', (size_t)(stop - line)), *end = newline ? newline : stop;
        bool empty;
        ++at.line;
        HG_TRY(reserve(ctx, &t, &room));
        HG_TRY(read_line(ctx, &at, line, end, &t, &empty));
        t.n += !empty;
        line = newline ? newline + 1 : stop;
    }
    HG_CHECK(t.n > 0, HG_ERR_FORMAT, "%s: holds no module triplet", path);
    *out = t;
    t = (hg_module_triplets){0};
done:
    hg_module_triplets_clear(ctx, &t);
    hg_free(ctx, text);
    return status;
}

hg_status hg_module_triplets_write_text(hg_context *ctx, const hg_module_triplets *t, const char *path)
{
    hg_status status = HG_OK;
    hg_output *output = NULL;
    char number[32];

    HG_TRY(hg_output_begin(ctx, path, &output));
    FILE *file = hg_output_stream(output);
    HG_CHECK(file, HG_ERR_IO, "%s: cannot be written to", path);
    for (int64_t k = 0; k < t->n; ++k) {
        const uint64_t *module = t->module + k * MODULES;
        fprintf(file, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64, module[0], module[1], module[2], t->occurrence[k]);
        for (int w = 0; w < WINDOW; ++w) {
            hg_format_float(number, t->window[k * WINDOW + w]);
            fprintf(file, " %s", number);
        }
        fputc('\n', file);
    }
    HG_TRY(hg_output_commit(ctx, &output));
done:
    hg_output_abort(output);
    return status;
}

hg_status hg_module_triplets_read_hdf5(hg_context *ctx, const char *path, hg_module_triplets *out)
{
    hg_status status = HG_OK;
    hg_module_triplets t = {0};
    hg_h5 *h5 = NULL;

    HG_TRY(hg_h5_open(ctx, path, format_name, &h5));
    HG_TRY(hg_h5_read_array(ctx, h5, "/modulemap/mid", MODULES, -1, &t.module, &t.n));
    HG_TRY(hg_h5_read_array(ctx, h5, "/modulemap/occurrence", 0, t.n, &t.occurrence, NULL));
    HG_TRY(hg_h5_read_array(ctx, h5, "/modulemap/window", WINDOW, t.n, &t.window, NULL));
    *out = t;
    t = (hg_module_triplets){0};
done:
    hg_module_triplets_clear(ctx, &t);
    hg_h5_close(ctx, h5);
    return status;
}

hg_status hg_module_triplets_write_hdf5(hg_context *ctx, const hg_module_triplets *t, const char *path)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = NULL;

    HG_TRY(hg_h5_create(ctx, path, format_name, &h5));
    HG_TRY(hg_h5_write(ctx, h5, &(hg_h5_column){"/modulemap/mid", HG_H5_U64, MODULES, "1", "modules from inside out"}, t->module, t->n));
    HG_TRY(hg_h5_write(ctx, h5, &(hg_h5_column){"/modulemap/occurrence", HG_H5_I64, 0, "1", "tracks seen there"}, t->occurrence, t->n));
    HG_TRY(hg_h5_write(ctx, h5,
                       &(hg_h5_column){"/modulemap/window", HG_H5_F32, WINDOW, "mixed",
                                       "max and min of z0, dphi, phi slope, deta of both pairs, of the differences of dz/dr and dy/dx"},
                       t->window, t->n));
    HG_TRY(hg_h5_commit(ctx, &h5));
done:
    hg_h5_close(ctx, h5);
    return status;
}
