/* detector.c — modules sorted into layers, with the envelope of each layer. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include "hitgraph/detector.h"
#include "base/check.h"
#include "base/memory.h"

/* Detector files carry six significant digits, so a rotation is orthonormal only to a few 1e-6. */
static const double rotation_tolerance = 1e-4;

static int compare_ids(int32_t volume_a, int32_t layer_a, int32_t module_a, int32_t volume_b, int32_t layer_b, int32_t module_b)
{
    if (volume_a != volume_b) return volume_a < volume_b ? -1 : 1;
    if (layer_a != layer_b) return layer_a < layer_b ? -1 : 1;
    if (module_a != module_b) return module_a < module_b ? -1 : 1;
    return 0;
}

static int compare_modules(const void *a, const void *b)
{
    const hg_module *first = a, *second = b;
    return compare_ids(first->volume_id, first->layer_id, first->module_id, second->volume_id, second->layer_id, second->module_id);
}

static bool module_is_finite(const hg_module *module)
{
    double sum = module->half_u_min + module->half_u_max + module->half_v + module->thickness + module->pitch_u + module->pitch_v;
    for (int i = 0; i < 3; ++i) sum += module->center[i];
    for (int i = 0; i < 9; ++i) sum += module->rotation[i];
    return isfinite(sum);
}

/* Largest deviation of R^T R from unity, and of det R from +1. */
static double rotation_error(const double r[9])
{
    double worst = 0.0;
    for (int i = 0; i < 3; ++i) {
        for (int j = 0; j <= i; ++j) {
            double dot = r[i] * r[j] + r[3 + i] * r[3 + j] + r[6 + i] * r[6 + j];
            worst = fmax(worst, fabs(dot - (i == j ? 1.0 : 0.0)));
        }
    }
    double det = r[0] * (r[4] * r[8] - r[5] * r[7]) - r[1] * (r[3] * r[8] - r[5] * r[6]) + r[2] * (r[3] * r[7] - r[4] * r[6]);
    return fmax(worst, fabs(det - 1.0));
}

static hg_status check_modules(hg_context *ctx, const hg_module *modules, int64_t n)
{
    hg_status status = HG_OK;
    for (int64_t i = 0; i < n; ++i) {
        const hg_module *m = &modules[i];
        HG_CHECK(module_is_finite(m), HG_ERR_DATA, "module (%d, %d, %d): found a number that is not finite", m->volume_id, m->layer_id,
                 m->module_id);
        HG_CHECK(m->half_u_min >= 0 && m->half_u_max >= 0 && m->half_v >= 0 && m->thickness >= 0 && m->pitch_u >= 0 && m->pitch_v >= 0,
                 HG_ERR_DATA, "module (%d, %d, %d): expected sizes >= 0, found a negative one", m->volume_id, m->layer_id, m->module_id);
        HG_CHECK((m->half_v > 0) == (m->half_u_min > 0 || m->half_u_max > 0), HG_ERR_DATA,
                 "module (%d, %d, %d): expected a size along u and v or none, found half widths %g and %g, half length %g", m->volume_id,
                 m->layer_id, m->module_id, m->half_u_min, m->half_u_max, m->half_v);
        double error = rotation_error(m->rotation);
        HG_CHECK(error <= rotation_tolerance, HG_ERR_DATA,
                 "module (%d, %d, %d): expected an orthonormal rotation with determinant +1, found a deviation of %g", m->volume_id,
                 m->layer_id, m->module_id, error);
    }
done:
    return status;
}

static hg_status check_distinct(hg_context *ctx, const hg_module *sorted, int64_t n)
{
    hg_status status = HG_OK;
    for (int64_t i = 1; i < n; ++i) {
        const hg_module *m = &sorted[i];
        HG_CHECK(compare_modules(&sorted[i - 1], m) != 0, HG_ERR_DATA, "module (%d, %d, %d) is there twice", m->volume_id, m->layer_id,
                 m->module_id);
    }
done:
    return status;
}

static bool same_layer(const hg_module *a, const hg_module *b)
{
    return a->volume_id == b->volume_id && a->layer_id == b->layer_id;
}

static void grow_envelope(hg_layer *layer, const hg_module *m)
{
    for (int corner = 0; corner < 4; ++corner) {
        double v = corner & 1 ? m->half_v : -m->half_v;
        double u = (corner & 1 ? m->half_u_max : m->half_u_min) * (corner & 2 ? 1.0 : -1.0);
        double x = m->center[0] + m->rotation[0] * u + m->rotation[1] * v;
        double y = m->center[1] + m->rotation[3] * u + m->rotation[4] * v;
        double z = m->center[2] + m->rotation[6] * u + m->rotation[7] * v;
        double r = hypot(x, y);
        layer->r_min = fmin(layer->r_min, r);
        layer->r_max = fmax(layer->r_max, r);
        layer->z_min = fmin(layer->z_min, z);
        layer->z_max = fmax(layer->z_max, z);
    }
}

/* A flat module's nearest point to the axis may lie inside, not at a corner: the foot of the axis along u at the same v. */
static void grow_inner_radius(hg_layer *layer, const hg_module *m)
{
    double ux = m->rotation[0], uy = m->rotation[3], norm = ux * ux + uy * uy;
    if (norm < 1e-12) return;
    double foot = -(m->center[0] * ux + m->center[1] * uy) / norm;
    double width = fmin(m->half_u_min, m->half_u_max);
    foot = fmax(-width, fmin(width, foot));
    double v = -m->half_v;
    layer->r_min = fmin(layer->r_min, hypot(m->center[0] + ux * foot + m->rotation[1] * v, m->center[1] + uy * foot + m->rotation[4] * v));
}

static void fill_layer(hg_layer *layer, const hg_module *modules, int64_t first, int64_t n)
{
    double normal_z = 0.0, sum_r = 0.0, sum_z = 0.0;
    *layer = (hg_layer){.volume_id = modules[first].volume_id,
                        .layer_id = modules[first].layer_id,
                        .r_min = HUGE_VAL,
                        .r_max = 0.0,
                        .z_min = HUGE_VAL,
                        .z_max = -HUGE_VAL,
                        .first_module = first,
                        .n_modules = n};
    for (int64_t i = first; i < first + n; ++i) {
        const hg_module *m = &modules[i];
        normal_z += fabs(m->rotation[8]);
        sum_r += hypot(m->center[0], m->center[1]);
        sum_z += m->center[2];
        grow_envelope(layer, m);
        grow_inner_radius(layer, m);
    }
    layer->barrel = normal_z < 0.7071 * (double)n;
    layer->r = sum_r / (double)n;
    layer->z = sum_z / (double)n;
}

hg_status hg_detector_create(hg_context *ctx, const hg_module *modules, int64_t n, hg_detector **out)
{
    hg_status status = HG_OK;
    hg_detector *detector = NULL;

    HG_CHECK(n > 0 && modules, HG_ERR_ARG, "a detector needs at least one module, found %" PRId64, n);
    HG_CHECK(n <= INT32_MAX, HG_ERR_ARG, "expected fewer than 2^31 modules, found %" PRId64, n);
    HG_TRY(check_modules(ctx, modules, n));
    HG_TRY(hg_alloc(ctx, &detector, 1));
    HG_TRY(hg_alloc(ctx, &detector->modules, n));
    HG_TRY(hg_alloc(ctx, &detector->module_layer, n));
    detector->n_modules = n;
    for (int64_t i = 0; i < n; ++i) detector->modules[i] = modules[i];
    qsort(detector->modules, (size_t)n, sizeof *detector->modules, compare_modules);
    HG_TRY(check_distinct(ctx, detector->modules, n));

    for (int64_t i = 0; i < n; ++i) {
        if (i > 0 && !same_layer(&detector->modules[i - 1], &detector->modules[i])) ++detector->n_layers;
        detector->module_layer[i] = (int32_t)detector->n_layers;
    }
    ++detector->n_layers;
    HG_TRY(hg_alloc(ctx, &detector->layers, detector->n_layers));
    for (int64_t first = 0, next; first < n; first = next) {
        int32_t layer = detector->module_layer[first];
        for (next = first + 1; next < n && detector->module_layer[next] == layer; ++next) {
        }
        fill_layer(&detector->layers[layer], detector->modules, first, next - first);
    }

    *out = detector;
    detector = NULL;
done:
    hg_detector_destroy(ctx, detector);
    return status;
}

void hg_detector_destroy(hg_context *ctx, hg_detector *detector)
{
    if (!detector) return;
    hg_free(ctx, detector->modules);
    hg_free(ctx, detector->module_layer);
    hg_free(ctx, detector->layers);
    hg_free(ctx, detector);
}

/* The layer with these ids, or NULL. */
static const hg_layer *find_layer(const hg_detector *detector, int32_t volume_id, int32_t layer_id)
{
    int64_t low = 0, high = detector->n_layers;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const hg_layer *l = &detector->layers[middle];
        const int order = compare_ids(l->volume_id, l->layer_id, 0, volume_id, layer_id, 0);
        if (order == 0) return l;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

int64_t hg_detector_find(const hg_detector *detector, int32_t volume_id, int32_t layer_id, int32_t module_id)
{
    const hg_layer *layer = find_layer(detector, volume_id, layer_id);
    if (!layer) return -1;
    int64_t low = layer->first_module, high = low + layer->n_modules;
    /* modules of a layer are mostly numbered in a row: then the first guess is right */
    const int64_t guess = low + module_id - detector->modules[low].module_id;
    if (guess >= low && guess < high && detector->modules[guess].module_id == module_id) return guess;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const int32_t found = detector->modules[middle].module_id;
        if (found == module_id) return middle;
        if (found < module_id)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}
