/* datasets/detectors.c — modules of a detector as detectors.csv and as /geometry of an HDF5 file. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/detectors.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "datasets/acts.h"
#include "datasets/csv.h"
#include "datasets/csv_write.h"
#include "hitgraph/trackml.h"

enum { MODULES_MOST = 100 * 1000 * 1000 };

/* One column of detectors.csv and where it lives in a module. Optional quantities are positive; 0 in a module means unknown. */
typedef struct module_column {
    const char *name;
    bool is_id, optional;
    size_t offset;
    const char *unit, *long_name;
} module_column;

#define ID(name, text)                                                                                                                     \
    {                                                                                                                                      \
#name, true, false, offsetof(hg_module, name), "1", text                                                                           \
    }
#define CENTER(name, axis)                                                                                                                 \
    {                                                                                                                                      \
#name, false, false, offsetof(hg_module, center[axis]), "mm", "centre of the sensor"                                               \
    }
#define ROTATION(name, at)                                                                                                                 \
    {                                                                                                                                      \
#name, false, false, offsetof(hg_module, rotation[at]), "1", "global = rotation * local + centre"                                  \
    }
#define SIZE(name, member, text)                                                                                                           \
    {                                                                                                                                      \
#name, false, true, offsetof(hg_module, member), "mm", text                                                                        \
    }

static const module_column columns[] = {
    ID(volume_id, "volume"),
    ID(layer_id, "layer in the volume"),
    ID(module_id, "module in the layer"),
    CENTER(cx, 0),
    CENTER(cy, 1),
    CENTER(cz, 2),
    ROTATION(rot_xu, 0),
    ROTATION(rot_xv, 1),
    ROTATION(rot_xw, 2),
    ROTATION(rot_yu, 3),
    ROTATION(rot_yv, 4),
    ROTATION(rot_yw, 5),
    ROTATION(rot_zu, 6),
    ROTATION(rot_zv, 7),
    ROTATION(rot_zw, 8),
    SIZE(module_t, thickness, "sensor thickness"),
    SIZE(module_minhu, half_u_min, "half width in u at v = -half_v"),
    SIZE(module_maxhu, half_u_max, "half width in u at v = +half_v"),
    SIZE(module_hv, half_v, "half length in v"),
    SIZE(pitch_u, pitch_u, "pitch along u"),
    SIZE(pitch_v, pitch_v, "pitch along v"),
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static double number_of(const hg_module *module, const module_column *column)
{
    double value;
    memcpy(&value, (const char *)module + column->offset, sizeof value);
    return value;
}

static int32_t id_of(const hg_module *module, const module_column *column)
{
    int32_t value;
    memcpy(&value, (const char *)module + column->offset, sizeof value);
    return value;
}

/* A column is written unless it is optional and known of no module. */
static bool is_known(const hg_detector *detector, const module_column *column)
{
    if (!column->optional) return true;
    for (int64_t i = 0; i < detector->n_modules; ++i)
        if (number_of(&detector->modules[i], column) > 0) return true;
    return false;
}

static void fill_modules(const hg_csv_column *table, int64_t n, hg_module *modules)
{
    for (int c = 0; c < COLUMNS; ++c) {
        if (!table[c].data) continue;
        for (int64_t i = 0; i < n; ++i) {
            char *to = (char *)&modules[i] + columns[c].offset;
            if (columns[c].is_id) {
                memcpy(to, (const int32_t *)table[c].data + i, sizeof(int32_t));
            } else {
                double value = ((const double *)table[c].data)[i];
                if (columns[c].optional && value < 0) value = 0;
                memcpy(to, &value, sizeof value);
            }
        }
    }
}

static hg_status read_csv(hg_context *ctx, const char *path, hg_module **modules, int64_t *n)
{
    hg_status status = HG_OK;
    hg_csv_column table[COLUMNS];
    for (int c = 0; c < COLUMNS; ++c)
        table[c] = (hg_csv_column){columns[c].name, columns[c].is_id ? HG_CSV_I32 : HG_CSV_F64, columns[c].optional, NULL};
    HG_TRY(hg_csv_read(ctx, path, table, COLUMNS, MODULES_MOST, n));
    HG_TRY(hg_alloc(ctx, modules, *n));
    fill_modules(table, *n, *modules);
done:
    hg_csv_free(ctx, table, COLUMNS);
    return status;
}

static hg_status read_h5(hg_context *ctx, const char *path, hg_module **modules, int64_t *n)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = NULL;
    hg_csv_column table[COLUMNS] = {{NULL, HG_CSV_LINE, false, NULL}};
    char name[64];
    HG_TRY(hg_h5_open(ctx, path, "events", &h5));
    *n = -1;
    for (int c = 0; c < COLUMNS; ++c) {
        snprintf(name, sizeof name, "/geometry/%s", columns[c].name);
        if (columns[c].optional && !hg_h5_has(h5, name)) continue;
        HG_TRY(hg_h5_read_all(ctx, h5, name, columns[c].is_id ? HG_H5_I32 : HG_H5_F64, 0, *n, &table[c].data, n));
    }
    HG_TRY(hg_alloc(ctx, modules, *n));
    fill_modules(table, *n, *modules);
done:
    hg_csv_free(ctx, table, COLUMNS);
    hg_h5_close(ctx, h5);
    return status;
}

static int compare_centres(const void *a, const void *b)
{
    const hg_module *const *first = a, *const *second = b;
    for (int k = 0; k < 3; ++k)
        if ((*first)->center[k] != (*second)->center[k]) return (*first)->center[k] < (*second)->center[k] ? -1 : 1;
    return (*first > *second) - (*first < *second);
}

/* Two sensors in one place: legal, as both sides of one wafer may be listed, but more often one module under two numbers. */
static hg_status warn_of_overlaps(hg_context *ctx, const char *path, const hg_detector *detector)
{
    hg_status status = HG_OK;
    const hg_module **sorted = NULL, *first[2] = {NULL, NULL};
    int64_t n = 0, n_pairs = 0;
    HG_TRY(hg_alloc(ctx, &sorted, detector->n_modules));
    for (int64_t i = 0; i < detector->n_modules; ++i)
        if (detector->modules[i].half_v > 0) sorted[n++] = &detector->modules[i];
    qsort(sorted, (size_t)n, sizeof *sorted, compare_centres);
    for (int64_t i = 1; i < n; ++i) {
        const hg_module *a = sorted[i - 1], *b = sorted[i];
        if (memcmp(a->center, b->center, sizeof a->center) != 0) continue;
        if (n_pairs++ == 0 || a < first[0]) {
            first[0] = a;
            first[1] = b;
        }
    }
    if (n_pairs > 0)
        hg_log(ctx, HG_LOG_WARN,
               "%s: %" PRId64 " pairs of modules overlap, the first is (%d, %d, %d) and (%d, %d, %d) with the same centre: "
               "one module under two numbers?",
               path, n_pairs, first[0]->volume_id, first[0]->layer_id, first[0]->module_id, first[1]->volume_id, first[1]->layer_id,
               first[1]->module_id);
done:
    hg_free(ctx, sorted);
    return status;
}

hg_status hg_detector_read(hg_context *ctx, const char *path, hg_detector **out)
{
    hg_status status = HG_OK;
    hg_module *modules = NULL;
    hg_detector *detector = NULL;
    int64_t n = 0;
    const size_t length = strlen(path);
    const bool is_h5 = length >= 3 && strcmp(path + length - 3, ".h5") == 0;
    bool is_acts = false;
    if (!is_h5) HG_TRY(hg_acts_is_table(ctx, path, &is_acts));
    HG_TRY(is_h5     ? read_h5(ctx, path, &modules, &n)
           : is_acts ? hg_acts_modules_read(ctx, path, &modules, &n)
                     : read_csv(ctx, path, &modules, &n));
    HG_CHECK(n > 0, HG_ERR_DATA, "%s: has no modules, expected at least one", path);
    status = hg_detector_create(ctx, modules, n, &detector);
    if (status < 0) hg_fail_prefix(ctx, "%s", path);
    HG_TRY(status);
    HG_TRY(warn_of_overlaps(ctx, path, detector));
    *out = detector;
    detector = NULL;
done:
    hg_detector_destroy(ctx, detector);
    hg_free(ctx, modules);
    return status;
}

hg_status hg_detector_write(hg_context *ctx, const hg_detector *detector, const char *path)
{
    hg_status status = HG_OK;
    hg_csv_file file = {NULL, NULL, 0};
    bool known[COLUMNS];
    char header[1024];
    int length = 0;
    for (int c = 0; c < COLUMNS; ++c) {
        known[c] = is_known(detector, &columns[c]);
        if (known[c]) length += snprintf(header + length, sizeof header - (size_t)length, "%s%s", c ? "," : "", columns[c].name);
    }
    HG_TRY(hg_csv_begin(ctx, path, header, &file));
    for (int64_t i = 0; i < detector->n_modules; ++i) {
        const hg_module *module = &detector->modules[i];
        for (int c = 0; c < COLUMNS; ++c) {
            if (columns[c].is_id)
                hg_csv_put_i64(&file, id_of(module, &columns[c]));
            else if (known[c])
                hg_csv_put_f64(&file, number_of(module, &columns[c]));
        }
        HG_TRY(hg_csv_end_row(ctx, &file));
    }
    HG_TRY(hg_csv_commit(ctx, &file));
done:
    hg_csv_abort(ctx, &file);
    return status;
}

hg_status hg_detector_write_h5(hg_context *ctx, const hg_detector *detector, hg_h5 *h5)
{
    hg_status status = HG_OK;
    double *numbers = NULL;
    int32_t *ids = NULL;
    char path[64];
    HG_TRY(hg_alloc(ctx, &numbers, detector->n_modules));
    HG_TRY(hg_alloc(ctx, &ids, detector->n_modules));
    for (int c = 0; c < COLUMNS; ++c) {
        const module_column *column = &columns[c];
        const hg_h5_column spec = {path, column->is_id ? HG_H5_I32 : HG_H5_F64, 0, column->unit, column->long_name};
        if (!is_known(detector, column)) continue;
        snprintf(path, sizeof path, "/geometry/%s", column->name);
        for (int64_t i = 0; i < detector->n_modules; ++i) {
            if (column->is_id)
                ids[i] = id_of(&detector->modules[i], column);
            else
                numbers[i] = number_of(&detector->modules[i], column);
        }
        HG_TRY(hg_h5_write(ctx, h5, &spec, column->is_id ? (const void *)ids : (const void *)numbers, detector->n_modules));
    }
done:
    hg_free(ctx, numbers);
    hg_free(ctx, ids);
    return status;
}
