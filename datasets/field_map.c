/* datasets/field_map.c — magnetic fields from a short text or a file. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/field_map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "datasets/csv.h"

enum { POINTS_MOST = 1 << 26 };
static const double grid_tolerance = 1e-3; /* of a step: maps are printed with few digits */

/* Equal steps from `first`. */
typedef struct axis {
    double first, step;
    int64_t n;
} axis;

static int by_value(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static hg_status find_axis(hg_context *ctx, const char *path, const char *name, const double *values, int64_t n, axis *out)
{
    hg_status status = HG_OK;
    double *sorted = NULL;
    int64_t distinct = 1;
    HG_TRY(hg_alloc(ctx, &sorted, n));
    memcpy(sorted, values, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    const double range = sorted[n - 1] - sorted[0];
    for (int64_t i = 1; i < n; ++i) /* values of one plane may differ in the last printed digit */
        if (sorted[i] - sorted[distinct - 1] > 1e-6 * range) sorted[distinct++] = sorted[i];
    HG_CHECK(distinct >= 2, HG_ERR_DATA, "%s: column '%s' has one value, expected at least 2 grid planes", path, name);
    const double step = range / (double)(distinct - 1);
    for (int64_t i = 0; i < distinct; ++i)
        HG_CHECK(fabs(sorted[i] - sorted[0] - (double)i * step) <= grid_tolerance * step, HG_ERR_DATA,
                 "%s: column '%s': grid plane %" PRId64 " is at %g, expected %g for equal steps of %g", path, name, i, sorted[i],
                 sorted[0] + (double)i * step, step);
    *out = (axis){sorted[0], step, distinct};
done:
    hg_free(ctx, sorted);
    return status;
}

/* Says which point of the grid has no row. */
static hg_status fail_of_gap(hg_context *ctx, const char *path, const hg_csv_column *columns, const axis *axes, int n_axes, int64_t rows,
                             const uint8_t *seen)
{
    char where[160] = "";
    int64_t gap = 0, points = 1, stride = 1;
    while (seen[gap]) ++gap;
    for (int a = 0; a < n_axes; ++a) points *= axes[a].n;
    stride = points;
    for (int a = 0, length = 0; a < n_axes; ++a) {
        stride /= axes[a].n;
        const double value = axes[a].first + (double)(gap / stride % axes[a].n) * axes[a].step;
        length += snprintf(where + length, sizeof where - (size_t)length, "%s%s = %g", a ? ", " : "", columns[a].name, value);
    }
    return hg_fail(ctx, HG_ERR_DATA, "%s: %" PRId64 " rows, expected %" PRId64 " for a full grid; the first gap is at %s", path, rows,
                   points, where);
}

/* Grid point of each row; every point has exactly one. place: [rows] out, row-major over the axes. */
static hg_status place_rows(hg_context *ctx, const char *path, const hg_csv_column *columns, const axis *axes, int n_axes, int64_t rows,
                            int64_t *place)
{
    hg_status status = HG_OK;
    const int64_t *line = columns[6].data;
    int64_t points = 1;
    uint8_t *seen = NULL;
    for (int a = 0; a < n_axes; ++a)
        HG_CHECK(!__builtin_mul_overflow(points, axes[a].n, &points) && points <= POINTS_MOST, HG_ERR_LIMIT,
                 "%s: more than %d grid points; hint: not a regular grid?", path, POINTS_MOST);
    HG_TRY(hg_alloc(ctx, &seen, points));
    for (int64_t r = 0; r < rows; ++r) {
        place[r] = 0;
        for (int a = 0; a < n_axes; ++a) {
            const double value = ((const double *)columns[a].data)[r];
            place[r] = place[r] * axes[a].n + llround((value - axes[a].first) / axes[a].step);
        }
        HG_CHECK(!seen[place[r]]++, HG_ERR_DATA, "%s:%" PRId64 ": this grid point appeared before, expected each once", path, line[r]);
    }
    if (rows != points) status = fail_of_gap(ctx, path, columns, axes, n_axes, rows, seen);
done:
    hg_free(ctx, seen);
    return status;
}

static hg_status create_xyz(hg_context *ctx, const char *path, const hg_csv_column *columns, int64_t rows, hg_field **out)
{
    hg_status status = HG_OK;
    axis axes[3];
    int64_t *place = NULL;
    double *b = NULL;
    for (int a = 0; a < 3; ++a) HG_TRY(find_axis(ctx, path, columns[a].name, columns[a].data, rows, &axes[a]));
    HG_TRY(hg_alloc(ctx, &place, rows));
    HG_TRY(place_rows(ctx, path, columns, axes, 3, rows, place));
    HG_TRY(hg_alloc(ctx, &b, 3 * rows));
    for (int64_t r = 0; r < rows; ++r)
        for (int c = 0; c < 3; ++c) b[3 * place[r] + c] = ((const double *)columns[3 + c].data)[r];
    const int64_t n[3] = {axes[0].n, axes[1].n, axes[2].n};
    const double origin[3] = {axes[0].first, axes[1].first, axes[2].first}, step[3] = {axes[0].step, axes[1].step, axes[2].step};
    HG_TRY(hg_field_create_map(ctx, n, origin, step, b, out));
done:
    hg_free(ctx, place);
    hg_free(ctx, b);
    return status;
}

/* br, bz at radius r on plane k of an (r, z) grid [nr, nz, 2], linear in r; zero outside. */
static void at_radius(const double *grid, const axis *radial, int64_t nz, int64_t k, double r, double out[2])
{
    const double t = r / radial->step;
    const int64_t i = t < (double)(radial->n - 1) ? (int64_t)t : radial->n - 2;
    const double f = t - (double)i;
    out[0] = out[1] = 0;
    if (f > 1 + grid_tolerance) return;
    for (int c = 0; c < 2; ++c) out[c] = (1 - f) * grid[2 * (i * nz + k) + c] + f * grid[2 * ((i + 1) * nz + k) + c];
}

static hg_status resample(hg_context *ctx, const axis axes[2], const double *grid, hg_field **out)
{
    hg_status status = HG_OK;
    const int64_t side = 2 * axes[0].n - 1, nz = axes[1].n, n[3] = {side, side, nz};
    const double low = -(double)(axes[0].n - 1) * axes[0].step;
    const double origin[3] = {low, low, axes[1].first}, step[3] = {axes[0].step, axes[0].step, axes[1].step};
    double *b = NULL, *to = NULL;
    HG_CHECK(side < 65536 && side * side <= POINTS_MOST / nz, HG_ERR_LIMIT, "an r-z map of %" PRId64 " x %" PRId64 " points is too fine",
             axes[0].n, nz);
    HG_TRY(hg_alloc(ctx, &b, 3 * side * side * nz));
    to = b;
    for (int64_t i = 0; i < side; ++i) {
        for (int64_t j = 0; j < side; ++j) {
            const double x = low + (double)i * step[0], y = low + (double)j * step[1], r = hypot(x, y);
            for (int64_t k = 0; k < nz; ++k, to += 3) {
                double rz[2];
                at_radius(grid, &axes[0], nz, k, r, rz);
                to[0] = r > 0 ? rz[0] * x / r : 0;
                to[1] = r > 0 ? rz[0] * y / r : 0;
                to[2] = rz[1];
            }
        }
    }
    HG_TRY(hg_field_create_map(ctx, n, origin, step, b, out));
done:
    hg_free(ctx, b);
    return status;
}

static hg_status create_rz(hg_context *ctx, const char *path, const hg_csv_column *columns, int64_t rows, hg_field **out)
{
    hg_status status = HG_OK;
    axis axes[2];
    int64_t *place = NULL;
    double *grid = NULL; /* [nr, nz, 2] */
    for (int a = 0; a < 2; ++a) HG_TRY(find_axis(ctx, path, columns[a].name, columns[a].data, rows, &axes[a]));
    HG_CHECK(fabs(axes[0].first) <= grid_tolerance * axes[0].step, HG_ERR_DATA, "%s: column 'r' starts at %g, expected 0", path,
             axes[0].first);
    HG_TRY(hg_alloc(ctx, &place, rows));
    HG_TRY(place_rows(ctx, path, columns, axes, 2, rows, place));
    HG_TRY(hg_alloc(ctx, &grid, 2 * rows));
    for (int64_t r = 0; r < rows; ++r)
        for (int c = 0; c < 2; ++c) grid[2 * place[r] + c] = ((const double *)columns[2 + c].data)[r];
    status = resample(ctx, axes, grid, out);
    if (status < 0) hg_fail_prefix(ctx, "%s", path);
done:
    hg_free(ctx, place);
    hg_free(ctx, grid);
    return status;
}

/* Both kinds of map, to see from the header which one it is; the line numbers are in column 6 of the one that is used. */
enum { X, Y, Z, BX, BY, BZ, XYZ_LINE, R, BR, MAP_COLUMNS };

hg_status hg_field_map_read(hg_context *ctx, const char *path, hg_field **out)
{
    hg_status status = HG_OK;
    int64_t rows = 0;
    hg_csv_column c[MAP_COLUMNS] = {
        [X] = {"x", HG_CSV_F64, true, NULL},   [Y] = {"y", HG_CSV_F64, true, NULL},           [Z] = {"z", HG_CSV_F64, false, NULL},
        [BX] = {"bx", HG_CSV_F64, true, NULL}, [BY] = {"by", HG_CSV_F64, true, NULL},         [BZ] = {"bz", HG_CSV_F64, false, NULL},
        [R] = {"r", HG_CSV_F64, true, NULL},   [XYZ_LINE] = {NULL, HG_CSV_LINE, false, NULL}, [BR] = {"br", HG_CSV_F64, true, NULL},
    };
    HG_TRY(hg_csv_read(ctx, path, c, MAP_COLUMNS, POINTS_MOST, &rows));
    const bool xyz = c[X].data && c[Y].data && c[BX].data && c[BY].data, rz = c[R].data && c[BR].data;
    HG_CHECK(xyz != rz, HG_ERR_FORMAT, "%s:1: expected the columns x,y,z,bx,by,bz or r,z,br,bz", path);
    HG_CHECK(rows >= 4, HG_ERR_DATA, "%s: %" PRId64 " rows, expected a grid", path, rows);
    const hg_csv_column rz_columns[7] = {c[R], c[Z], c[BR], c[BZ], {0}, {0}, c[XYZ_LINE]};
    HG_TRY(xyz ? create_xyz(ctx, path, c, rows, out) : create_rz(ctx, path, rz_columns, rows, out));
done:
    hg_csv_free(ctx, c, MAP_COLUMNS);
    return status;
}

/* ---- short texts ---- */

/* Numbers between commas; returns how many, -1 if one is not a number or there are more than `most`. */
static int parse_numbers(const char *text, int most, double *out)
{
    for (int n = 0; n < most; ++n) {
        const char *comma = strchr(text, ',');
        const size_t length = comma ? (size_t)(comma - text) : strlen(text);
        if (!hg_parse_double(text, length, &out[n])) return -1;
        if (!comma) return n + 1;
        text = comma + 1;
    }
    return -1;
}

hg_status hg_field_create_spec(hg_context *ctx, const char *spec, hg_field **out)
{
    hg_status status = HG_OK;
    double v[6] = {0};
    if (strncmp(spec, "constant:", 9) == 0) {
        HG_CHECK(parse_numbers(spec + 9, 1, v) == 1, HG_ERR_CONFIG, "field \"%.100s\": expected constant:B_TESLA", spec);
        HG_TRY(hg_field_create_constant(ctx, v[0], out));
    } else if (strncmp(spec, "solenoid:", 9) == 0) {
        const int n = parse_numbers(spec + 9, 6, v);
        HG_CHECK(n == 3 || n == 6, HG_ERR_CONFIG, "field \"%.100s\": expected solenoid:RADIUS_MM,LENGTH_MM,B_TESLA[,X_MM,Y_MM,Z_MM]", spec);
        HG_CHECK(v[0] > 0 && v[1] > 0, HG_ERR_CONFIG, "field \"%.100s\": radius and length must be positive", spec);
        HG_TRY(hg_field_create_solenoid(ctx, v[0], v[1] / 2, v[2], v + 3, out));
    } else {
        HG_CHECK(strncmp(spec, "map:", 4) == 0 && spec[4], HG_ERR_CONFIG,
                 "field \"%.100s\": expected constant:B_TESLA, solenoid:RADIUS_MM,LENGTH_MM,B_TESLA[,X_MM,Y_MM,Z_MM] or map:FILE", spec);
        HG_TRY(hg_field_map_read(ctx, spec + 4, out));
    }
done:
    return status;
}
