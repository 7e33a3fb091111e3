/* batch_world.c — tables of detector, field and material for the batch kernels. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "tracking/batch_world.h"
#include "tracking/energy_loss.h"
#include "base/check.h"
#include "base/memory.h"

enum { RHO2_CELLS = 72 };
static const double zeta_step = 20.0;                 /* mm */
static const double loss_low = -3.0, loss_step = 0.1; /* of log(p/m) */
static const double beam_z = 500.0;                   /* mm; the perigee is looked for within, as far as material goes */

static void put(void *table, bool of_double, int64_t at, double value)
{
    if (of_double)
        ((double *)table)[at] = value;
    else
        ((float *)table)[at] = (float)value;
}

static hg_status alloc_reals(hg_context *ctx, bool of_double, int64_t n, void **out)
{
    return hg_alloc_array(ctx, out, n, of_double ? sizeof(double) : sizeof(float));
}

static hg_status fill_modules(hg_context *ctx, hg_batch_world *w)
{
    hg_status status = HG_OK;
    const hg_detector *d = w->kalman->detector;
    HG_TRY(alloc_reals(ctx, w->of_double, d->n_modules * HG_BATCH_MODULE, &w->tables.module));
    for (int64_t m = 0; m < d->n_modules; ++m) {
        const hg_module *module = &d->modules[m];
        int64_t at = m * HG_BATCH_MODULE;
        for (int i = 0; i < 3; ++i) put(w->tables.module, w->of_double, at + i, module->center[i]);
        for (int axis = 0; axis < 3; ++axis)
            for (int i = 0; i < 3; ++i) put(w->tables.module, w->of_double, at + 3 + 3 * axis + i, module->rotation[3 * i + axis]);
        put(w->tables.module, w->of_double, at + HG_BATCH_LAYER_AT, d->module_layer[m]);
    }
done:
    return status;
}

/* The loss of a surface is its own at minimum ionisation, scaled like silicon of its x/X0 (hg_surface_loss). */
static hg_status fill_surfaces(hg_context *ctx, hg_batch_world *w)
{
    hg_status status = HG_OK;
    const double minimum_ionising = 3.5, thinnest = 1e-3;
    HG_TRY(alloc_reals(ctx, w->of_double, (w->n_surfaces + 1) * HG_BATCH_SURFACE, &w->tables.surface));
    for (int64_t i = 0; i < w->n_surfaces; ++i) {
        const hg_material_surface *s = &w->kalman->material->surface[i];
        double normal = fmax(thinnest, s->x_over_x0 * HG_SILICON_X0_MM);
        double factor = s->loss_mev / hg_silicon_probable_loss(minimum_ionising, 1.0, normal);
        const double row[6] = {s->cylinder, s->position, s->low, s->high, s->x_over_x0, fmax(factor, 0.0)};
        for (int k = 0; k < 6; ++k) put(w->tables.surface, w->of_double, i * HG_BATCH_SURFACE + k, row[k]);
    }
    w->loss_low = loss_low;
    w->per_loss = 1.0 / loss_step;
    HG_TRY(alloc_reals(ctx, w->of_double, HG_BATCH_LOSS_NODES, &w->tables.loss));
    for (int k = 0; k < HG_BATCH_LOSS_NODES; ++k) {
        double momentum = exp(loss_low + loss_step * k);
        put(w->tables.loss, w->of_double, k, hg_silicon_probable_loss(momentum, 1.0, 1.0) / hg_silicon_xi(momentum, 1.0, 1.0));
    }
done:
    return status;
}

static hg_layer layer_or_beam(const hg_detector *d, int64_t l)
{
    return l < d->n_layers ? d->layers[l] : (hg_layer){.z_min = -beam_z, .z_max = beam_z};
}

/* A superset for tracks whose radius and z are monotonic: the crossing itself is tested per track. */
static bool may_lie_between(const hg_material_surface *s, const hg_layer *a, const hg_layer *b)
{
    double r_min = fmin(a->r_min, b->r_min), r_max = fmax(a->r_max, b->r_max);
    double z_min = fmin(a->z_min, b->z_min), z_max = fmax(a->z_max, b->z_max);
    if (s->cylinder) return s->position >= r_min && s->position <= r_max && s->high >= z_min && s->low <= z_max;
    return s->position >= z_min && s->position <= z_max && s->high >= r_min && s->low <= r_max;
}

static hg_status fill_pairs(hg_context *ctx, hg_batch_world *w)
{
    hg_status status = HG_OK;
    const hg_detector *d = w->kalman->detector;
    const int64_t places = d->n_layers + 1;
    int64_t n = 0;
    HG_CHECK(places < 30000, HG_ERR_LIMIT, "expected fewer than 30000 layers, found %" PRId64, d->n_layers);
    HG_TRY(hg_alloc(ctx, &w->pair_first, places * places + 1));
    for (int pass = 0; pass < 2; ++pass) {
        n = 0;
        for (int64_t a = 0; a < places; ++a) {
            for (int64_t b = 0; b < places; ++b) {
                hg_layer from = layer_or_beam(d, a), to = layer_or_beam(d, b);
                w->pair_first[a * places + b] = (int32_t)n;
                for (int64_t i = 0; i < w->n_surfaces; ++i) {
                    if (!may_lie_between(&w->kalman->material->surface[i], &from, &to)) continue;
                    if (pass == 1) w->between[n] = (int32_t)i;
                    ++n;
                }
            }
        }
        w->pair_first[places * places] = (int32_t)n;
        if (pass == 0) HG_TRY(hg_alloc(ctx, &w->between, n + 1));
    }
done:
    return status;
}

/* The coil's field is a smooth function of rho^2 and |zeta|: nodes even in both need neither a root nor a special case on the axis. */
static hg_status fill_solenoid(hg_context *ctx, hg_batch_world *w)
{
    hg_status status = HG_OK;
    const hg_field_shape *f = &w->field;
    double rho2_step = f->rho_max * f->rho_max / RHO2_CELLS;
    w->n_rho2 = RHO2_CELLS;
    w->n_zeta = (int32_t)fmin(ceil(f->zeta_max / zeta_step), 2000.0);
    double step = f->zeta_max / w->n_zeta;
    w->per_rho2 = 1.0 / rho2_step;
    w->per_zeta = 1.0 / step;
    HG_TRY(alloc_reals(ctx, w->of_double, 2 * (int64_t)(w->n_rho2 + 1) * (w->n_zeta + 1), &w->tables.field));
    for (int i = 0; i <= w->n_rho2; ++i) {
        double rho = i == 0 ? 1.0 : sqrt(rho2_step * i);
        for (int j = 0; j <= w->n_zeta; ++j) {
            const double at[3] = {f->center[0] + rho, f->center[1], f->center[2] + fmin(step * j, f->zeta_max * (1 - 1e-12))};
            double b[3];
            int64_t place = 2 * ((int64_t)i * (w->n_zeta + 1) + j);
            hg_field_at(w->kalman->field, at, b);
            put(w->tables.field, w->of_double, place, b[0] / rho);
            put(w->tables.field, w->of_double, place + 1, b[2]);
        }
    }
done:
    return status;
}

static hg_status fill_field(hg_context *ctx, hg_batch_world *w)
{
    hg_status status = HG_OK;
    w->field = hg_field_get_shape(w->kalman->field);
    if (w->field.kind == HG_FIELD_SOLENOID) HG_TRY(fill_solenoid(ctx, w));
    if (w->field.kind == HG_FIELD_MAP) {
        int64_t n = w->field.n[0] * w->field.n[1] * w->field.n[2] * 3;
        HG_CHECK(n < INT32_MAX / 4, HG_ERR_LIMIT, "field map: expected fewer than %d numbers, found %" PRId64, INT32_MAX / 4, n);
        HG_TRY(alloc_reals(ctx, w->of_double, n, &w->tables.field));
        for (int64_t i = 0; i < n; ++i) put(w->tables.field, w->of_double, i, w->field.b[i]);
    }
done:
    return status;
}

static bool same_places(const hg_material *a, const hg_material *b)
{
    const int64_t n = a ? a->n : 0;
    if (n != (b ? b->n : 0)) return false;
    for (int64_t i = 0; i < n; ++i) {
        const hg_material_surface *s = &a->surface[i], *t = &b->surface[i];
        if (s->cylinder != t->cylinder || s->position != t->position || s->low != t->low || s->high != t->high) return false;
    }
    return true;
}

/* Takes over all that does not depend on how thick the material is, if the tables at hand are of the same places. */
static bool share_geometry(hg_batch_world *w)
{
    const hg_batch_world *from = w->kalman->tables;
    if (!from || from->of_double != w->of_double || from->kalman->detector != w->kalman->detector ||
        from->kalman->field != w->kalman->field || !same_places(from->kalman->material, w->kalman->material))
        return false;
    w->shares = true;
    w->tables.module = from->tables.module;
    w->tables.field = from->tables.field;
    w->pair_first = from->pair_first;
    w->between = from->between;
    w->field = from->field;
    w->n_rho2 = from->n_rho2;
    w->n_zeta = from->n_zeta;
    w->per_rho2 = from->per_rho2;
    w->per_zeta = from->per_zeta;
    return true;
}

hg_status hg_batch_world_create(hg_context *ctx, const hg_kalman *kalman, bool of_double, hg_batch_world **out)
{
    hg_status status = HG_OK;
    hg_batch_world *world = NULL;
    HG_TRY(hg_alloc(ctx, &world, 1));
    world->kalman = kalman;
    world->of_double = of_double;
    world->n_modules = kalman->detector->n_modules;
    world->n_layers = kalman->detector->n_layers;
    world->n_surfaces = kalman->material ? kalman->material->n : 0;
    HG_CHECK(world->n_modules < INT32_MAX / HG_BATCH_MODULE, HG_ERR_LIMIT, "expected fewer than %d modules, found %" PRId64,
             INT32_MAX / HG_BATCH_MODULE, world->n_modules);
    if (!share_geometry(world)) {
        HG_TRY(fill_modules(ctx, world));
        HG_TRY(fill_pairs(ctx, world));
        HG_TRY(fill_field(ctx, world));
    }
    HG_TRY(fill_surfaces(ctx, world));
    *out = world;
    world = NULL;
done:
    hg_batch_world_destroy(ctx, world);
    return status;
}

void hg_batch_world_destroy(hg_context *ctx, hg_batch_world *world)
{
    if (!world) return;
    if (!world->shares) {
        hg_free(ctx, world->tables.module);
        hg_free(ctx, world->tables.field);
        hg_free(ctx, world->pair_first);
        hg_free(ctx, world->between);
    }
    hg_free(ctx, world->tables.surface);
    hg_free(ctx, world->tables.loss);
    hg_free(ctx, world);
}

hg_status hg_kalman_tables_create(hg_context *ctx, const hg_kalman *kalman, hg_kalman_tables **out)
{
    return hg_batch_world_create(ctx, kalman, false, out);
}

void hg_kalman_tables_destroy(hg_context *ctx, hg_kalman_tables *tables)
{
    hg_batch_world_destroy(ctx, tables);
}
