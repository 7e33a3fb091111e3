/* field.c — magnetic fields: constant, thin solenoid by a table of elliptic integrals, regular map. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "tracking/field.h"
#include "base/check.h"
#include "base/memory.h"

/* The solenoid's table covers 0 <= rho <= radius and 0 <= zeta <= 1.25 half lengths (the field is even or odd in zeta). It has a line
 * of nodes on the winding and on its end, where the field jumps or bends; nothing is interpolated across the winding. */
typedef struct solenoid {
    double radius, half_length, b, center[3];
    double step_rho, step_zeta;
    int64_t n_rho, n_zeta; /* cells; n + 1 nodes per axis */
    double *table;         /* [n_rho + 2, n_zeta + 2, 2] owned: B_rho, B_zeta; row and column 0 are the mirror images at -step */
} solenoid;

typedef struct field_map {
    int64_t n[3];
    double origin[3], step[3];
    double *b; /* [n0, n1, n2, 3] owned */
} field_map;

struct hg_field {
    hg_field_kind kind;
    double constant;
    solenoid coil;
    field_map map;
};

/* Bulirsch's complete elliptic integral, p >= 0 (Derby and Olbert 2010, appendix). */
static double cel(double kc, double p, double c, double s)
{
    double k = fabs(kc), em = 1.0;
    double pp = sqrt(p);
    double ss = s / pp, cc = c, f = cc, g = k / pp, kk = k;
    cc += ss / pp;
    ss = 2.0 * (ss + f * g);
    pp += g;
    g = em;
    em += k;
    while (fabs(g - k) > g * 1e-8) {
        k = 2.0 * sqrt(kk);
        kk = k * em;
        f = cc;
        cc += ss / pp;
        g = kk / pp;
        ss = 2.0 * (ss + f * g);
        pp += g;
        g = em;
        em += k;
    }
    return 1.57079632679489661923 * (ss + cc * em) / (em * (em + pp));
}

/* Exact field of the sheet at (rho, zeta) relative to its centre; rho >= 0. */
static void sheet_field(const solenoid *coil, double rho, double zeta, double *b_rho, double *b_zeta)
{
    double a = coil->radius, length = coil->half_length;
    if (fabs(rho - a) < 1e-6 * a) rho = a * (1.0 - 1e-6); /* on the winding: the limit from inside */
    double scale = coil->b * sqrt(length * length + a * a) / length / 3.14159265358979323846;
    double g = (a - rho) / (a + rho);
    double radial = 0.0, axial = 0.0;
    for (int end = 0; end < 2; ++end) {
        double z = end == 0 ? zeta + length : zeta - length, sign = end == 0 ? 1.0 : -1.0;
        double d = sqrt(z * z + (rho + a) * (rho + a));
        double k = sqrt(z * z + (a - rho) * (a - rho)) / d;
        radial += sign * a / d * cel(k, 1.0, 1.0, -1.0);
        axial += sign * z / d * cel(k, g * g, 1.0, g);
    }
    *b_rho = scale * radial;
    *b_zeta = scale * axial * a / (a + rho);
}

static hg_status fill_table(hg_context *ctx, solenoid *coil)
{
    hg_status status = HG_OK;
    int64_t nodes = coil->n_zeta + 2;
    HG_TRY(hg_alloc(ctx, &coil->table, (coil->n_rho + 2) * nodes * 2));
    for (int64_t i = 0; i < coil->n_rho + 2; ++i) {
        for (int64_t j = 0; j < nodes; ++j) {
            double rho = coil->step_rho * (double)(i - 1), zeta = coil->step_zeta * (double)(j - 1);
            double *b = &coil->table[(i * nodes + j) * 2];
            sheet_field(coil, fabs(rho), zeta, &b[0], &b[1]);
            if (rho < 0) b[0] = -b[0];
        }
    }
done:
    return status;
}

/* Cubic Lagrange weights of the nodes -1, 0, 1, 2 at t. */
static void cubic_weights(double t, double w[4])
{
    double a = t + 1.0, b = t - 1.0, c = t - 2.0;
    w[0] = -t * b * c / 6.0;
    w[1] = a * b * c / 2.0;
    w[2] = -a * t * c / 2.0;
    w[3] = a * t * b / 6.0;
}

/* First of four nodes around x (in steps), kept inside the table, and the position relative to the second of them. */
static int64_t stencil(double x, int64_t n_cells, double *t)
{
    int64_t cell = (int64_t)x;
    if (cell > n_cells - 2) cell = n_cells - 2;
    *t = x - (double)cell;
    return cell;
}

static void solenoid_at(const solenoid *coil, const double position[3], double b[3])
{
    double x = position[0] - coil->center[0], y = position[1] - coil->center[1], zeta = position[2] - coil->center[2];
    double rho = sqrt(x * x + y * y), b_rho = 0.0, b_zeta = 0.0;
    double in_rho = rho / coil->step_rho, in_zeta = fabs(zeta) / coil->step_zeta;

    if (in_rho <= (double)coil->n_rho && in_zeta <= (double)coil->n_zeta) {
        double t_rho, t_zeta, w_rho[4], w_zeta[4];
        int64_t i = stencil(in_rho, coil->n_rho, &t_rho), j = stencil(in_zeta, coil->n_zeta, &t_zeta);
        cubic_weights(t_rho, w_rho);
        cubic_weights(t_zeta, w_zeta);
        for (int64_t k = 0; k < 4; ++k) {
            const double *row = &coil->table[((i + k) * (coil->n_zeta + 2) + j) * 2];
            b_rho += w_rho[k] * (w_zeta[0] * row[0] + w_zeta[1] * row[2] + w_zeta[2] * row[4] + w_zeta[3] * row[6]);
            b_zeta += w_rho[k] * (w_zeta[0] * row[1] + w_zeta[1] * row[3] + w_zeta[2] * row[5] + w_zeta[3] * row[7]);
        }
        if (zeta < 0) b_rho = -b_rho;
    } else if (isfinite(rho) && isfinite(zeta)) {
        sheet_field(coil, rho, zeta, &b_rho, &b_zeta);
    }
    double per_rho = rho > 1e-9 ? b_rho / rho : 0.0;
    b[0] = x * per_rho;
    b[1] = y * per_rho;
    b[2] = b_zeta;
}

static void map_at(const field_map *map, const double position[3], double b[3])
{
    int64_t cell[3];
    double t[3];
    b[0] = b[1] = b[2] = 0.0;
    for (int i = 0; i < 3; ++i) {
        double x = (position[i] - map->origin[i]) / map->step[i];
        if (!(x >= 0.0 && x <= (double)(map->n[i] - 1))) return;
        cell[i] = (int64_t)x;
        if (cell[i] > map->n[i] - 2) cell[i] = map->n[i] - 2;
        t[i] = x - (double)cell[i];
    }
    for (int corner = 0; corner < 8; ++corner) {
        int64_t i = corner & 1, j = (corner >> 1) & 1, k = corner >> 2;
        double weight = (i ? t[0] : 1.0 - t[0]) * (j ? t[1] : 1.0 - t[1]) * (k ? t[2] : 1.0 - t[2]);
        const double *node = &map->b[(((cell[0] + i) * map->n[1] + cell[1] + j) * map->n[2] + cell[2] + k) * 3];
        for (int c = 0; c < 3; ++c) b[c] += weight * node[c];
    }
}

hg_status hg_field_create_constant(hg_context *ctx, double b_tesla, hg_field **out)
{
    hg_status status = HG_OK;
    hg_field *field = NULL;
    HG_CHECK(isfinite(b_tesla), HG_ERR_ARG, "the field must be finite, found %g T", b_tesla);
    HG_TRY(hg_alloc(ctx, &field, 1));
    field->kind = HG_FIELD_CONSTANT;
    field->constant = b_tesla;
    *out = field;
done:
    return status;
}

hg_status hg_field_create_solenoid(hg_context *ctx, double radius_mm, double half_length_mm, double b_tesla, const double *center_mm,
                                   hg_field **out)
{
    hg_status status = HG_OK;
    hg_field *field = NULL;
    HG_CHECK(radius_mm > 0 && isfinite(radius_mm) && half_length_mm > 0 && isfinite(half_length_mm), HG_ERR_ARG,
             "a solenoid needs a radius and a half length > 0, found %g and %g mm", radius_mm, half_length_mm);
    HG_CHECK(isfinite(b_tesla), HG_ERR_ARG, "the field must be finite, found %g T", b_tesla);
    HG_CHECK(!center_mm || isfinite(center_mm[0] + center_mm[1] + center_mm[2]), HG_ERR_ARG, "the solenoid's centre is not finite");
    HG_TRY(hg_alloc(ctx, &field, 1));
    field->kind = HG_FIELD_SOLENOID;
    solenoid *coil = &field->coil;
    coil->radius = radius_mm;
    coil->half_length = half_length_mm;
    coil->b = b_tesla;
    for (int i = 0; center_mm && i < 3; ++i) coil->center[i] = center_mm[i];
    /* steps of about 20 mm for a tracker-sized coil, and never an absurd table for any other */
    int64_t cells_to_end = (int64_t)fmin(fmax(ceil(half_length_mm / 20.0), 32.0), 400.0);
    coil->n_rho = (int64_t)fmin(fmax(ceil(radius_mm / 20.0), 32.0), 200.0);
    coil->n_zeta = cells_to_end + cells_to_end / 4;
    coil->step_rho = radius_mm / (double)coil->n_rho;
    coil->step_zeta = half_length_mm / (double)cells_to_end;
    HG_TRY(fill_table(ctx, coil));
    *out = field;
    field = NULL;
done:
    hg_field_destroy(ctx, field);
    return status;
}

hg_status hg_field_create_map(hg_context *ctx, const int64_t *n, const double *origin_mm, const double *step_mm, const double *b_tesla,
                              hg_field **out)
{
    hg_status status = HG_OK;
    hg_field *field = NULL;
    int64_t total = 3;
    for (int i = 0; i < 3; ++i) {
        HG_CHECK(n[i] >= 2 && n[i] < (int64_t)1 << 20, HG_ERR_ARG, "field map: expected 2 or more points along axis %d, found %" PRId64, i,
                 n[i]);
        HG_CHECK(step_mm[i] > 0 && isfinite(step_mm[i]) && isfinite(origin_mm[i]), HG_ERR_ARG,
                 "field map: axis %d needs a step > 0 and a finite origin, found %g and %g mm", i, step_mm[i], origin_mm[i]);
        HG_CHECK(total <= INT64_MAX / 8 / n[i], HG_ERR_ARG, "field map: too many points");
        total *= n[i];
    }
    HG_TRY(hg_alloc(ctx, &field, 1));
    field->kind = HG_FIELD_MAP;
    HG_TRY(hg_alloc(ctx, &field->map.b, total));
    for (int i = 0; i < 3; ++i) {
        field->map.n[i] = n[i];
        field->map.origin[i] = origin_mm[i];
        field->map.step[i] = step_mm[i];
    }
    for (int64_t i = 0; i < total; ++i) {
        HG_CHECK(isfinite(b_tesla[i]), HG_ERR_DATA, "field map: component %" PRId64 " of point %" PRId64 " is not finite", i % 3, i / 3);
        field->map.b[i] = b_tesla[i];
    }
    *out = field;
    field = NULL;
done:
    hg_field_destroy(ctx, field);
    return status;
}

void hg_field_destroy(hg_context *ctx, hg_field *field)
{
    if (!field) return;
    hg_free(ctx, field->coil.table);
    hg_free(ctx, field->map.b);
    hg_free(ctx, field);
}

void hg_field_at(const hg_field *field, const double position_mm[3], double b_tesla[3])
{
    switch (field->kind) {
    case HG_FIELD_CONSTANT:
        b_tesla[0] = b_tesla[1] = 0.0;
        b_tesla[2] = field->constant;
        return;
    case HG_FIELD_SOLENOID:
        solenoid_at(&field->coil, position_mm, b_tesla);
        return;
    case HG_FIELD_MAP:
        map_at(&field->map, position_mm, b_tesla);
        return;
    }
}

hg_field_shape hg_field_get_shape(const hg_field *field)
{
    hg_field_shape shape = {.kind = field->kind, .constant = field->constant, .b = field->map.b};
    if (field->kind == HG_FIELD_SOLENOID) {
        shape.rho_max = field->coil.radius;
        shape.zeta_max = field->coil.step_zeta * (double)field->coil.n_zeta;
    }
    for (int i = 0; i < 3; ++i) {
        shape.center[i] = field->coil.center[i];
        shape.n[i] = field->map.n[i];
        shape.origin[i] = field->map.origin[i];
        shape.step[i] = field->map.step[i];
    }
    return shape;
}
