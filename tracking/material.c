/* material.c — lists of thin material surfaces, and the one of the TrackML detector. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "hitgraph/material.h"
#include "base/check.h"
#include "base/memory.h"

/* x/X0 and loss (MeV) at normal incidence. Radii: where secondaries of the challenge's sample start (PHYSICS 2.4). */
static const hg_material_surface supports[] = {
    {true, 19.000, -3000.0, 3000.0, 0.0020, 0.16},    /* beam pipe */
    {true, 200.000, -1182.66, 1182.66, 0.0020, 0.42}, /* support tube */
    {false, -1182.66, 200.0, 1100.0, 0.0057, 0.05},   /* end plates */
    {false, 1182.66, 200.0, 1100.0, 0.0057, 0.05},
};
static const hg_material_surface barrel_layers[] = {
    {true, 35.511, -530.0, 530.0, 0.0143, 0.30},    {true, 74.964, -530.0, 530.0, 0.0141, 0.35},
    {true, 118.790, -530.0, 530.0, 0.0139, 0.39},   {true, 174.696, -530.0, 530.0, 0.0193, 0.40},
    {true, 255.391, -1140.0, 1140.0, 0.0160, 0.49}, {true, 355.080, -1140.0, 1140.0, 0.0192, 0.52},
    {true, 494.858, -1140.0, 1140.0, 0.0195, 0.56}, {true, 654.719, -1140.0, 1140.0, 0.0215, 0.59},
    {true, 814.585, -1140.0, 1140.0, 0.0249, 0.84}, {true, 1014.600, -1140.0, 1140.0, 0.0268, 0.90},
};
static const double pixel_discs[] = {600.0, 700.0, 820.0, 960.0, 1100.0, 1300.0, 1500.0};
static const double strip_discs[] = {1220.0, 1500.0, 1800.0, 2150.0, 2550.0, 2950.0};

enum {
    N_SUPPORTS = sizeof supports / sizeof supports[0],
    N_BARREL = sizeof barrel_layers / sizeof barrel_layers[0],
    N_PIXEL = sizeof pixel_discs / sizeof pixel_discs[0],
    N_STRIP = sizeof strip_discs / sizeof strip_discs[0]
};

static hg_status check_surface(hg_context *ctx, const hg_material_surface *s, int64_t i)
{
    hg_status status = HG_OK;
    HG_CHECK(isfinite(s->position) && isfinite(s->x_over_x0) && isfinite(s->loss_mev) && !isnan(s->low) && !isnan(s->high), HG_ERR_DATA,
             "material surface %" PRId64 ": found a number that is not finite", i);
    HG_CHECK(s->x_over_x0 >= 0 && s->loss_mev >= 0, HG_ERR_DATA,
             "material surface %" PRId64 ": expected x/X0 and loss >= 0, found %g and %g", i, s->x_over_x0, s->loss_mev);
    HG_CHECK(s->low <= s->high, HG_ERR_DATA, "material surface %" PRId64 ": expected low <= high, found %g and %g", i, s->low, s->high);
    HG_CHECK(!s->cylinder || s->position > 0, HG_ERR_DATA, "material surface %" PRId64 ": expected a radius > 0, found %g", i, s->position);
done:
    return status;
}

hg_status hg_material_create(hg_context *ctx, const hg_material_surface *surface, int64_t n, hg_material **out)
{
    hg_status status = HG_OK;
    hg_material *material = NULL;
    HG_CHECK(n >= 0 && (n == 0 || surface), HG_ERR_ARG, "expected n >= 0 surfaces, found %" PRId64, n);
    for (int64_t i = 0; i < n; ++i) HG_TRY(check_surface(ctx, &surface[i], i));
    HG_TRY(hg_alloc(ctx, &material, 1));
    HG_TRY(hg_alloc(ctx, &material->surface, n));
    material->n = n;
    for (int64_t i = 0; i < n; ++i) material->surface[i] = surface[i];
    *out = material;
    material = NULL;
done:
    hg_material_destroy(ctx, material);
    return status;
}

void hg_material_destroy(hg_context *ctx, hg_material *material)
{
    if (!material) return;
    hg_free(ctx, material->surface);
    hg_free(ctx, material);
}

hg_status hg_material_create_trackml(hg_context *ctx, double layer_loss, hg_material **out)
{
    hg_status status = HG_OK;
    hg_material_surface all[N_SUPPORTS + N_BARREL + 2 * (N_PIXEL + 2 * N_STRIP)];
    int64_t n = 0;
    HG_CHECK(layer_loss >= 0 && isfinite(layer_loss), HG_ERR_ARG, "expected a factor >= 0 on the loss in layers, found %g", layer_loss);
    for (int i = 0; i < N_SUPPORTS; ++i) all[n++] = supports[i];
    for (int i = 0; i < N_BARREL; ++i) {
        all[n] = barrel_layers[i];
        all[n++].loss_mev *= layer_loss;
    }
    for (int side = -1; side <= 1; side += 2) {
        for (int i = 0; i < N_PIXEL; ++i)
            all[n++] = (hg_material_surface){false, side * pixel_discs[i], 25.0, 190.0, 0.0149, 0.53 * layer_loss};
        for (int i = 0; i < N_STRIP; ++i) {
            all[n++] = (hg_material_surface){false, side * strip_discs[i], 205.0, 705.0, 0.0246, 0.94 * layer_loss};
            all[n++] = (hg_material_surface){false, side * strip_discs[i], 705.0, 1060.0, 0.0315, 2.0 * layer_loss};
        }
    }
    status = hg_material_create(ctx, all, n, out);
done:
    return status;
}
