/* simulate_material.c — the material that the challenge's own tracks show. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/simulation.h"
#include "base/check.h"
#include "hitgraph/material.h"

/* x/X0 and median loss (MeV) at normal incidence, from the directions and momenta of consecutive true hits of the sample; radii from the
 * vertices of its secondaries. Tracks between two discs of strips cross none, one or two sheets of material, as rings lie in front of it or
 * behind: the sheets are set so that such steps come out as measured. What lies between two barrels is shared out between their last and
 * first layer and the support tube. */
static const hg_material_surface cylinders[] = {
    {true, 19.000, -3000, 3000, 0.0014, 0.11}, /* beam pipe */
    {true, 35.511, -530, 530, 0.0070, 0.30},   /* pixel layers: behind their modules */
    {true, 74.964, -530, 530, 0.0073, 0.35},         {true, 118.790, -530, 530, 0.0125, 0.39},   {true, 174.696, -530, 530, 0.0125, 0.41},
    {true, 200.000, -1182.66, 1182.66, 0.005, 0.42}, /* support tube */
    {true, 255.391, -1140, 1140, 0.0135, 0.48},      /* strip layers: in front of them */
    {true, 355.080, -1140, 1140, 0.014, 0.52},       {true, 494.858, -1140, 1140, 0.016, 0.56},  {true, 654.719, -1140, 1140, 0.019, 0.59},
    {true, 814.585, -1140, 1140, 0.025, 0.84},       {true, 1014.600, -1140, 1140, 0.020, 0.90},
};
static const double pixel_disc_z[] = {600, 700, 820, 960, 1100, 1300, 1500};
static const double strip_disc_z[] = {1220, 1500, 1800, 2150, 2550, 2950};
static const double end_plate_z = 1182.66;

enum {
    N_CYLINDERS = sizeof cylinders / sizeof *cylinders,
    N_PIXEL = sizeof pixel_disc_z / sizeof *pixel_disc_z,
    N_STRIP = sizeof strip_disc_z / sizeof *strip_disc_z
};

hg_status hg_simulate_material(hg_context *ctx, hg_material **out)
{
    hg_material_surface all[N_CYLINDERS + 2 * (N_PIXEL + 2 * N_STRIP + 1)];
    int64_t n = 0;
    for (int i = 0; i < N_CYLINDERS; ++i) all[n++] = cylinders[i];
    for (int side = -1; side <= 1; side += 2) {
        for (int i = 0; i < N_PIXEL; ++i) all[n++] = (hg_material_surface){false, side * pixel_disc_z[i], 25, 190, 0.011, 0.53};
        for (int i = 0; i < N_STRIP; ++i) {
            all[n++] = (hg_material_surface){false, side * strip_disc_z[i], 205, 705, 0.026, 0.94};
            all[n++] = (hg_material_surface){false, side * strip_disc_z[i], 705, 1060, 0.030, 1.06};
        }
        all[n++] = (hg_material_surface){false, side * end_plate_z, 200, 1100, 0.006, 0.05};
    }
    return hg_material_create(ctx, all, n, out);
}
