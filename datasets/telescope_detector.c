/* datasets/telescope_detector.c — where the sensors are and in what ice: from files, or a hexagonal array in three layers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "datasets/csv.h"
#include "datasets/telescope.h"

enum { ROWS_MOST = 10000000, PER_STRING = 60, MAIN_STRINGS = 78, INFILL_STRINGS = 8, INFILL_ABOVE = 10, HEXAGON = 91, RINGS = 5 };

/* ---- sensors ---- */

static hg_status alloc_table(hg_context *ctx, hg_sensors *table, int64_t n)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(ctx, &table->x, n));
    HG_TRY(hg_alloc(ctx, &table->y, n));
    HG_TRY(hg_alloc(ctx, &table->z, n));
    HG_TRY(hg_alloc(ctx, &table->string, n));
    HG_TRY(hg_alloc(ctx, &table->dom, n));
    HG_TRY(hg_alloc(ctx, &table->rde, n));
    HG_TRY(hg_alloc(ctx, &table->area, n));
    table->n = n;
done:
    return status;
}

typedef struct spot {
    double x, y, r2, angle;
} spot;

static int by_distance(const void *a, const void *b)
{
    const spot *p = a, *q = b;
    if (fabs(p->r2 - q->r2) > 1) return p->r2 < q->r2 ? -1 : 1;
    return (p->angle > q->angle) - (p->angle < q->angle);
}

/* The 78 places of a triangular lattice of 125 m nearest to its centre. */
static void hexagon(spot place[HEXAGON])
{
    static const double step = 125;
    int n = 0;
    for (int row = -RINGS; row <= RINGS; ++row) {
        for (int k = -RINGS; k <= RINGS; ++k) {
            if (abs(row + k) > RINGS) continue;
            const double x = step * (k + 0.5 * row), y = step * sqrt(0.75) * row;
            place[n++] = (spot){x, y, x * x + y * y, atan2(y, x)};
        }
    }
    qsort(place, HEXAGON, sizeof *place, by_distance);
}

/* Main strings have 60 modules 17 m apart around the centre; infill strings 10 of them 10 m apart above the dusty layer and 50 modules 7 m
 * apart below it, of high quantum efficiency. */
static hg_status built_in_sensors(hg_context *ctx, hg_sensors *table)
{
    hg_status status = HG_OK;
    spot place[HEXAGON];
    HG_TRY(alloc_table(ctx, table, (MAIN_STRINGS + INFILL_STRINGS) * PER_STRING));
    hexagon(place);
    for (int s = 0; s < MAIN_STRINGS + INFILL_STRINGS; ++s) {
        const int infill = s - MAIN_STRINGS;
        const double turn = 6.283185307179586 * (infill + 0.5) / INFILL_STRINGS;
        for (int k = 0; k < PER_STRING; ++k) {
            const int i = s * PER_STRING + k;
            table->x[i] = (float)(infill < 0 ? place[s].x : 72 * cos(turn));
            table->y[i] = (float)(infill < 0 ? place[s].y : 72 * sin(turn));
            table->z[i] = (float)(infill < 0 ? 498 - 17 * k : k < INFILL_ABOVE ? 190 - 10 * k : -160 - 7 * (k - INFILL_ABOVE));
            table->string[i] = s + 1;
            table->dom[i] = k + 1;
            table->rde[i] = infill < 0 ? 1 : 1.35f;
            table->area[i] = 0.0444f;
        }
    }
done:
    return status;
}

static hg_status sensors_from_file(hg_context *ctx, const hg_telescope_options *o, hg_sensors *table)
{
    hg_status status = HG_OK;
    enum { X, Y, Z, STRING, DOM, RDE, AREA, N };
    hg_csv_column c[N] = {
        [X] = {.name = "dom_x", .type = HG_CSV_F32},
        [Y] = {.name = "dom_y", .type = HG_CSV_F32},
        [Z] = {.name = "dom_z", .type = HG_CSV_F32},
        [STRING] = {.name = "string", .type = HG_CSV_I32},
        [DOM] = {.name = "dom_number", .type = HG_CSV_I32},
        [RDE] = {.name = "rde", .type = HG_CSV_LOOSE_F64, .optional = true},
        [AREA] = {.name = "pmt_area", .type = HG_CSV_LOOSE_F64, .optional = true},
    };
    int64_t rows = 0, n = 0;
    HG_TRY(hg_csv_read(ctx, o->geometry, c, N, ROWS_MOST, &rows));
    const float *x = c[X].data, *y = c[Y].data, *z = c[Z].data;
    const double *rde = c[RDE].data, *area = c[AREA].data;
    for (int64_t i = 0; i < rows; ++i) n += (double)z[i] <= o->z_max_m;
    HG_CHECK(n > 0, HG_ERR_DATA, "%s: no sensor below z = %g m", o->geometry, o->z_max_m);
    HG_TRY(alloc_table(ctx, table, n));
    n = 0;
    for (int64_t i = 0; i < rows; ++i) {
        if ((double)z[i] > o->z_max_m) continue;
        table->x[n] = x[i];
        table->y[n] = y[i];
        table->z[n] = z[i];
        table->string[n] = ((const int32_t *)c[STRING].data)[i];
        table->dom[n] = ((const int32_t *)c[DOM].data)[i];
        table->rde[n] = rde && rde[i] > 0 ? (float)rde[i] : 1; /* three modules of IceCube have an empty field */
        table->area[n] = area && area[i] > 0 ? (float)area[i] : 0.0444f;
        ++n;
    }
done:
    hg_csv_free(ctx, c, N);
    return status;
}

/* ---- strings ---- */

typedef struct named_sensor {
    int32_t string, dom, row;
} named_sensor;

static int by_name(const void *a, const void *b)
{
    const named_sensor *p = a, *q = b;
    if (p->string != q->string) return p->string < q->string ? -1 : 1;
    if (p->dom != q->dom) return p->dom < q->dom ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

/* Puts the rows of the table in the order of strings and modules. */
static hg_status sort_table(hg_context *ctx, const char *source, hg_sensors *t)
{
    hg_status status = HG_OK;
    named_sensor *name = NULL;
    float *column = NULL;
    HG_TRY(hg_alloc(ctx, &name, t->n));
    HG_TRY(hg_alloc(ctx, &column, t->n));
    for (int64_t i = 0; i < t->n; ++i) name[i] = (named_sensor){t->string[i], t->dom[i], (int32_t)i};
    qsort(name, (size_t)t->n, sizeof *name, by_name);
    for (int64_t i = 1; i < t->n; ++i)
        HG_CHECK(name[i].string != name[i - 1].string || name[i].dom != name[i - 1].dom, HG_ERR_DATA,
                 "%s: string %d has module %d twice, expected once", source, name[i].string, name[i].dom);
    float *const columns[] = {t->x, t->y, t->z, t->rde, t->area};
    for (size_t k = 0; k < sizeof columns / sizeof *columns; ++k) {
        for (int64_t i = 0; i < t->n; ++i) column[i] = columns[k][name[i].row];
        memcpy(columns[k], column, (size_t)t->n * sizeof *column);
    }
    for (int64_t i = 0; i < t->n; ++i) {
        t->string[i] = name[i].string;
        t->dom[i] = name[i].dom;
    }
done:
    hg_free(ctx, name);
    hg_free(ctx, column);
    return status;
}

static void fill_string(hg_tel_string *s, const hg_tel_sensor *sensor)
{
    double x = 0, y = 0;
    s->z_low = s->z_high = sensor[s->first].z;
    for (int32_t i = s->first; i < s->first + s->n; ++i) {
        x += sensor[i].x / s->n;
        y += sensor[i].y / s->n;
        s->z_low = fmin(s->z_low, sensor[i].z);
        s->z_high = fmax(s->z_high, sensor[i].z);
    }
    s->x = x;
    s->y = y;
    for (int32_t i = s->first; i < s->first + s->n; ++i) s->spread = fmax(s->spread, hypot(sensor[i].x - x, sensor[i].y - y));
}

static hg_status find_strings(hg_context *ctx, hg_telescope *t)
{
    hg_status status = HG_OK;
    const hg_sensors *table = &t->table;
    for (int64_t i = 0; i < table->n; ++i) t->n_strings += i == 0 || table->string[i] != table->string[i - 1];
    HG_TRY(hg_alloc(ctx, &t->string, t->n_strings));
    int64_t s = -1;
    for (int64_t i = 0; i < table->n; ++i) {
        if (i == 0 || table->string[i] != table->string[i - 1]) t->string[++s].first = (int32_t)i;
        t->string[s].n++;
    }
    for (s = 0; s < t->n_strings; ++s) {
        const int32_t first = t->string[s].first, end = first + t->string[s].n;
        static const int32_t step[] = {-2, -1, 1, 2};
        fill_string(&t->string[s], t->sensor);
        for (int32_t i = first; i < end; ++i) {
            for (int k = 0; k < 4; ++k) {
                t->sensor[i].neighbour[k] = -1;
                for (int32_t j = first > i - 2 ? first : i - 2; j < end && j <= i + 2; ++j)
                    if (table->dom[j] == table->dom[i] + step[k]) t->sensor[i].neighbour[k] = j;
            }
        }
    }
done:
    return status;
}

/* ---- ice ---- */

typedef struct ice_table {
    int64_t n;
    const double *depth, *scattering, *absorption; /* [n] depth rising */
} ice_table;

/* Lengths whose means over the modules are those of the South Pole, 35 and 117 m, with a dusty layer 2 km down. */
static const double layer_depth[] = {1000, 1965, 1975, 2105, 2115, 3000};
static const double layer_scattering[] = {30, 30, 10, 10, 53, 53};
static const double layer_absorption[] = {102, 102, 35, 35, 175, 175};
static const ice_table three_layers = {6, layer_depth, layer_scattering, layer_absorption};

static hg_status read_ice(hg_context *ctx, const char *path, hg_csv_column c[3], ice_table *out)
{
    hg_status status = HG_OK;
    int64_t rows = 0;
    c[0] = (hg_csv_column){.name = "depth", .type = HG_CSV_F64};
    c[1] = (hg_csv_column){.name = "scattering_len", .type = HG_CSV_F64};
    c[2] = (hg_csv_column){.name = "absorption_len", .type = HG_CSV_F64};
    HG_TRY(hg_csv_read(ctx, path, c, 3, ROWS_MOST, &rows));
    *out = (ice_table){rows, c[0].data, c[1].data, c[2].data};
    HG_CHECK(rows > 0, HG_ERR_DATA, "%s: no rows, expected at least one depth", path);
    for (int64_t i = 0; i < rows; ++i) {
        HG_CHECK(i == 0 || out->depth[i] > out->depth[i - 1], HG_ERR_DATA, "%s: row %" PRId64 ": depth %g m, expected more than %g", path,
                 i + 1, out->depth[i], out->depth[i - 1]);
        HG_CHECK(out->scattering[i] > 0 && out->absorption[i] > 0, HG_ERR_DATA,
                 "%s: row %" PRId64 ": scattering length %g, absorption length %g, expected positive metres", path, i + 1,
                 out->scattering[i], out->absorption[i]);
    }
done:
    return status;
}

/* Between the depths of the table linear, outside its ends. */
static double interpolate(const ice_table *ice, const double *value, double depth)
{
    if (depth <= ice->depth[0]) return value[0];
    for (int64_t i = 1; i < ice->n; ++i) {
        if (depth > ice->depth[i]) continue;
        const double f = (depth - ice->depth[i - 1]) / (ice->depth[i] - ice->depth[i - 1]);
        return value[i - 1] + f * (value[i] - value[i - 1]);
    }
    return value[ice->n - 1];
}

static void place_in_ice(hg_telescope *t, const ice_table *ice)
{
    const hg_sensors *table = &t->table;
    double sum = 0;
    for (int64_t i = 0; i < table->n; ++i) {
        const double depth = t->options.centre_depth_m - (double)table->z[i];
        const hg_ice here = hg_tel_ice(&t->options, interpolate(ice, ice->scattering, depth), interpolate(ice, ice->absorption, depth));
        t->sensor[i] = (hg_tel_sensor){
            .x = (double)table->x[i], .y = (double)table->y[i], .z = (double)table->z[i], .rde = (double)table->rde[i], .ice = here};
        if (here.lp > t->clear.lp) t->clear = here;
        t->radius = fmax(t->radius, hypot(hypot(t->sensor[i].x, t->sensor[i].y), t->sensor[i].z));
        sum += here.scattering_m;
    }
    t->scattering_mean = sum / (double)table->n;
}

hg_status hg_tel_build(hg_context *ctx, hg_telescope *telescope)
{
    hg_status status = HG_OK;
    const hg_telescope_options *o = &telescope->options;
    hg_csv_column columns[3] = {{.name = NULL}};
    ice_table ice = three_layers;
    HG_TRY(o->geometry[0] ? sensors_from_file(ctx, o, &telescope->table) : built_in_sensors(ctx, &telescope->table));
    HG_TRY(sort_table(ctx, o->geometry, &telescope->table));
    if (o->ice[0]) HG_TRY(read_ice(ctx, o->ice, columns, &ice));
    HG_TRY(hg_alloc(ctx, &telescope->sensor, telescope->table.n));
    place_in_ice(telescope, &ice);
    HG_TRY(find_strings(ctx, telescope));
    telescope->noise_weight = hg_tel_noise_weight(telescope);
done:
    hg_csv_free(ctx, columns, 3);
    return status;
}
