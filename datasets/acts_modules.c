/* datasets/acts_modules.c — the sensors of a detectors.csv of ACTS. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/acts.h"

#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "datasets/csv.h"
#include "datasets/csv_header.h"
#include "datasets/geometry_id.h"

enum { SURFACES_MOST = 100 * 1000 * 1000, RECTANGLE = 6, TRAPEZOID = 7, BOUND_PARAMETERS = 4 };

enum {
    GEOMETRY,
    VOLUME,
    LAYER,
    MODULE,
    BOUNDS,
    LINE,
    CENTRE,
    ROTATION = CENTRE + 3,
    PARAMETER = ROTATION + 9,
    THICKNESS = PARAMETER + BOUND_PARAMETERS,
    PITCH_U,
    PITCH_V,
    COLUMNS
};

static const hg_csv_column columns[COLUMNS] = {
    [GEOMETRY] = {"geometry_id", HG_CSV_U64, false, NULL},
    [VOLUME] = {"volume_id", HG_CSV_I32, false, NULL},
    [LAYER] = {"layer_id", HG_CSV_I32, false, NULL},
    [MODULE] = {"module_id", HG_CSV_I32, false, NULL},
    [BOUNDS] = {"bounds_type", HG_CSV_I32, true, NULL},
    [LINE] = {NULL, HG_CSV_LINE, false, NULL},
    [CENTRE] = {"cx", HG_CSV_F64, false, NULL},
    [CENTRE + 1] = {"cy", HG_CSV_F64, false, NULL},
    [CENTRE + 2] = {"cz", HG_CSV_F64, false, NULL},
    [ROTATION] = {"rot_xu", HG_CSV_F64, false, NULL},
    [ROTATION + 1] = {"rot_xv", HG_CSV_F64, false, NULL},
    [ROTATION + 2] = {"rot_xw", HG_CSV_F64, false, NULL},
    [ROTATION + 3] = {"rot_yu", HG_CSV_F64, false, NULL},
    [ROTATION + 4] = {"rot_yv", HG_CSV_F64, false, NULL},
    [ROTATION + 5] = {"rot_yw", HG_CSV_F64, false, NULL},
    [ROTATION + 6] = {"rot_zu", HG_CSV_F64, false, NULL},
    [ROTATION + 7] = {"rot_zv", HG_CSV_F64, false, NULL},
    [ROTATION + 8] = {"rot_zw", HG_CSV_F64, false, NULL},
    [PARAMETER] = {"bound_param0", HG_CSV_F64, true, NULL},
    [PARAMETER + 1] = {"bound_param1", HG_CSV_F64, true, NULL},
    [PARAMETER + 2] = {"bound_param2", HG_CSV_F64, true, NULL},
    [PARAMETER + 3] = {"bound_param3", HG_CSV_F64, true, NULL},
    [THICKNESS] = {"module_t", HG_CSV_F64, true, NULL},
    [PITCH_U] = {"pitch_u", HG_CSV_F64, true, NULL},
    [PITCH_V] = {"pitch_v", HG_CSV_F64, true, NULL},
};

hg_status hg_acts_is_table(hg_context *ctx, const char *path, bool *is)
{
    char line[HG_CSV_HEADER_SIZE];
    const hg_status status = hg_csv_header_read(ctx, path, line);
    if (status >= 0) *is = hg_csv_header_has(line, "geometry_id");
    return status;
}

static double number_at(const hg_csv_column *column, int64_t row)
{
    return column->data ? ((const double *)column->data)[row] : 0;
}

/* ACTS writes -1 for what it does not know. */
static double known_or_zero(const hg_csv_column *column, int64_t row)
{
    const double value = number_at(column, row);
    return value > 0 ? value : 0;
}

/* Half widths from the bounds; a rectangle that is not centred moves the centre. Shapes that no module has leave the size unknown. */
static void set_size(const hg_csv_column *table, int64_t row, hg_module *m)
{
    double p[BOUND_PARAMETERS], shift[2] = {0, 0};
    const int32_t type = table[BOUNDS].data ? ((const int32_t *)table[BOUNDS].data)[row] : 0;
    for (int k = 0; k < BOUND_PARAMETERS; ++k) p[k] = number_at(&table[PARAMETER + k], row);
    if (type == RECTANGLE) { /* least u, least v, largest u, largest v */
        m->half_u_min = m->half_u_max = 0.5 * (p[2] - p[0]);
        m->half_v = 0.5 * (p[3] - p[1]);
        shift[0] = 0.5 * (p[0] + p[2]);
        shift[1] = 0.5 * (p[1] + p[3]);
    } else if (type == TRAPEZOID) { /* half u at -v, half u at +v, half v */
        m->half_u_min = p[0];
        m->half_u_max = p[1];
        m->half_v = p[2];
    }
    for (int k = 0; k < 3; ++k) m->center[k] += m->rotation[3 * k] * shift[0] + m->rotation[3 * k + 1] * shift[1];
}

static hg_module module_at(const hg_csv_column *table, int64_t row)
{
    const uint64_t id = ((const uint64_t *)table[GEOMETRY].data)[row];
    hg_module m = {.volume_id = hg_id_volume(id),
                   .layer_id = hg_id_layer(id),
                   .module_id = hg_id_module(id),
                   .thickness = known_or_zero(&table[THICKNESS], row),
                   .pitch_u = known_or_zero(&table[PITCH_U], row),
                   .pitch_v = known_or_zero(&table[PITCH_V], row)};
    for (int k = 0; k < 3; ++k) m.center[k] = number_at(&table[CENTRE + k], row);
    for (int k = 0; k < 9; ++k) m.rotation[k] = number_at(&table[ROTATION + k], row);
    set_size(table, row, &m);
    return m;
}

/* The columns of ids say the same as the identifier. */
static hg_status check_ids(hg_context *ctx, const char *path, const hg_csv_column *table, int64_t row)
{
    const uint64_t id = ((const uint64_t *)table[GEOMETRY].data)[row];
    const int32_t volume = ((const int32_t *)table[VOLUME].data)[row], layer = ((const int32_t *)table[LAYER].data)[row],
                  module = ((const int32_t *)table[MODULE].data)[row], sensitive = (int32_t)(id >> HG_ID_SENSITIVE_SHIFT & 0xfffff);
    if (volume == hg_id_volume(id) && layer == hg_id_layer(id) && module == sensitive) return HG_OK;
    return hg_fail(ctx, HG_ERR_DATA,
                   "%s:%" PRId64 ": geometry_id %" PRIu64 " is volume %" PRId32 ", layer %" PRId32 ", module %" PRId32
                   ", but the columns say %" PRId32 ", %" PRId32 ", %" PRId32,
                   path, ((const int64_t *)table[LINE].data)[row], id, hg_id_volume(id), hg_id_layer(id), sensitive, volume, layer, module);
}

hg_status hg_acts_modules_read(hg_context *ctx, const char *path, hg_module **modules, int64_t *n)
{
    hg_status status = HG_OK;
    hg_csv_column table[COLUMNS];
    hg_module *list = NULL;
    int64_t rows = 0, kept = 0;
    memcpy(table, columns, sizeof columns);
    HG_TRY(hg_csv_read(ctx, path, table, COLUMNS, SURFACES_MOST, &rows));
    HG_TRY(hg_alloc(ctx, &list, rows));
    for (int64_t row = 0; row < rows; ++row) {
        HG_TRY(check_ids(ctx, path, table, row));
        if (hg_id_is_module(((const uint64_t *)table[GEOMETRY].data)[row])) list[kept++] = module_at(table, row);
    }
    *modules = list;
    *n = kept;
    list = NULL;
done:
    hg_free(ctx, list);
    hg_csv_free(ctx, table, COLUMNS);
    return status;
}
