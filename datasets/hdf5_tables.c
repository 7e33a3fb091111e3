/* datasets/hdf5_tables.c — what the files of events, pulses, graphs, scores and tracks share: columns of structs, offsets, provenance. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/hdf5_tables.h"

#include <string.h>
#include "base/check.h"
#include "base/memory.h"

static void *array_of(const void *object, const hg_h5_member *member)
{
    void *array;
    memcpy(&array, (const char *)object + member->offset, sizeof array);
    return array;
}

hg_status hg_h5_append_members(hg_context *ctx, hg_h5 *h5, const hg_h5_member *table, const void *object, int64_t rows)
{
    hg_status status = HG_OK;
    for (; table->column.path; ++table) {
        const void *array = array_of(object, table);
        if (array) HG_TRY(hg_h5_append(ctx, h5, &table->column, array, rows));
    }
done:
    return status;
}

hg_status hg_h5_read_members(hg_context *ctx, hg_h5 *h5, const hg_h5_member *table, void *object, int64_t first, int64_t rows)
{
    hg_status status = HG_OK;
    for (; table->column.path; ++table) {
        const hg_h5_column *column = &table->column;
        void *array = array_of(object, table);
        if (array) HG_TRY(hg_h5_read(ctx, h5, column->path, column->type, column->width, first, rows, array));
    }
done:
    return status;
}

hg_status hg_h5_read_offsets(hg_context *ctx, hg_h5 *h5, const char *path, int64_t *n, int64_t *total, int64_t **out)
{
    hg_status status = HG_OK;
    int64_t *offset = NULL, rows = 0;
    HG_TRY(hg_h5_read_array(ctx, h5, path, 0, *n < 0 ? -1 : *n + 1, &offset, &rows));
    HG_CHECK(rows >= 1, HG_ERR_FORMAT, "%s:%s: is empty, expected at least one offset", hg_h5_name(h5), path);
    HG_CHECK(offset[0] == 0, HG_ERR_DATA, "%s:%s[0]: %" PRId64 ", expected 0", hg_h5_name(h5), path, offset[0]);
    for (int64_t i = 1; i < rows; ++i)
        HG_CHECK(offset[i] >= offset[i - 1], HG_ERR_DATA, "%s:%s[%" PRId64 "]: %" PRId64 ", expected at least %" PRId64, hg_h5_name(h5),
                 path, i, offset[i], offset[i - 1]);
    HG_CHECK(*total < 0 || offset[rows - 1] == *total, HG_ERR_DATA,
             "%s:%s[%" PRId64 "]: %" PRId64 ", expected %" PRId64 ", the number of rows", hg_h5_name(h5), path, rows - 1, offset[rows - 1],
             *total);
    *n = rows - 1;
    *total = offset[rows - 1];
    *out = offset;
    offset = NULL;
done:
    hg_free(ctx, offset);
    return status;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

hg_status hg_h5_set_provenance(hg_context *ctx, hg_h5 *h5, const hg_provenance *provenance, const char *length_unit)
{
    static const hg_provenance nothing;
    const hg_provenance *p = provenance ? provenance : &nothing;
    const char *const texts[][2] = {
        {"source", p->source},
        {"license", p->license},
        {"citation", p->citation},
        {"config", p->config},
        {"weights_hash", p->weights_hash},
        {"input_hash", p->input_hash},
        {"length_unit", length_unit},
        {"time_unit", "ns"},
        {"energy_unit", "GeV"},
    };
    hg_status status = HG_OK;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; ++i) HG_TRY(hg_h5_set_string(ctx, h5, "/", texts[i][0], or_empty(texts[i][1])));
    HG_TRY(hg_h5_set_number(ctx, h5, "/", "seed", &p->seed));
done:
    return status;
}
