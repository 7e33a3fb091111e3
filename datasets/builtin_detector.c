/* datasets/builtin_detector.c — the modules of the TrackML detector, generated from a table of barrels and discs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/builtin_detector.h"

#include <math.h>
#include "base/check.h"
#include "base/memory.h"

enum { MAX_RINGS = 3, MAX_DISCS = 7, N_MODULES = 18728 };

/* A barrel layer: n_z rows of n_phi modules; rows alternate between r + stagger and r - stagger, beginning outside. */
typedef struct barrel_layer {
    int32_t volume_id, layer_id;
    int n_z, n_phi;
    double r, stagger, step_z, tilt; /* tilt: angle of the normal against the radius */
} barrel_layer;

typedef struct sensor {
    double half_u_min, half_u_max, half_v, thickness, pitch_u, pitch_v;
} sensor;

/* A ring of a disc: modules at equal steps of phi, lying at four offsets from the nominal plane in turn. */
typedef struct disc_ring {
    int n;
    double r, offset[4];
    sensor sensor;
} disc_ring;

/* The discs of one technology, in front of and behind the barrel. */
typedef struct disc_set {
    int32_t volume_minus, volume_plus;
    int n_discs, n_rings;
    double z[MAX_DISCS];
    disc_ring ring[MAX_RINGS];
    const char *order; /* ring of each module in the order of their ids; inside a ring ids follow phi */
} disc_set;

static const sensor pixel = {8.4, 8.4, 36, 0.15, 0.05, 0.05625};
static const sensor short_strip = {24, 24, 54, 0.25, 0.08, 1.2};
static const sensor long_strip = {24, 24, 54, 0.35, 0.12, 10.8};

static const barrel_layer barrels[] = {
    {8, 2, 14, 16, 32, 0.25, 70, 0.14},      {8, 4, 14, 32, 72, 0.25, 70, 0.14},     {8, 6, 14, 52, 116, 0.25, 70, 0.14},
    {8, 8, 14, 78, 172, 0.25, 70, 0.14},     {13, 2, 21, 40, 260, 1.5, 103, -0.15},  {13, 4, 21, 56, 360, 1.5, 103, -0.15},
    {13, 6, 21, 78, 500, 1.5, 103, -0.15},   {13, 8, 21, 102, 660, 1.5, 103, -0.15}, {17, 2, 21, 120, 820, 1.5, 103, -0.15},
    {17, 4, 21, 152, 1020, 1.5, 103, -0.15},
};

static const disc_set discs[] = {
    {7,
     9,
     7,
     2,
     {600, 700, 820, 960, 1100, 1300, 1500},
     {{40, 66, {2.5, -2, 2, -2.5}, {8.4, 8.4, 36, 0.15, 0.05, 0.05625}}, {68, 140, {2, -2, 2, -2}, {8.4, 8.4, 36, 0.15, 0.05, 0.05625}}},
     "011010110110101101101101011011010110110110101101101011011010110110101101101101011011010110110110101101101011"},
    {12,
     14,
     6,
     3,
     {1220, 1500, 1800, 2150, 2550, 2950},
     {{54, 318, {-1.5, -4.5, -1.5, -4.5}, {16.4, 24.2, 78, 0.25, 0.08, 1.2}},
      {56, 470, {4.5, 1.5, 4.5, 1.5}, {24.2, 32.2, 78, 0.25, 0.08, 1.2}},
      {60, 622, {-1.5, -4.5, -1.5, -4.5}, {32.2, 40, 78, 0.25, 0.08, 1.2}}},
     "0122012012102102102102102102102120120120120120120210210210212012012012012012012012012"
     "0122012012102102102102102102102120120120120120120210210210212012012012012012012012012"},
    {16,
     18,
     6,
     2,
     {1220, 1500, 1800, 2150, 2550, 2950},
     {{48, 828, {-2.5, -5.5, -2.5, -5.5}, {54, 64.2, 78, 0.35, 0.12, 10.4}},
      {50, 942, {5.5, 2.5, 5.5, 2.5}, {66, 72, 78, 0.35, 0.12, 10.4}}},
     "01101010101010101010101010101010101010101010101010101010101101010101010101010101010101010101010101"},
};

/* u, v, w are the columns of the rotation; u = v x w. */
static void set_axes(hg_module *module, const double v[3], const double w[3])
{
    for (int i = 0; i < 3; ++i) {
        module->rotation[3 * i] = v[(i + 1) % 3] * w[(i + 2) % 3] - v[(i + 2) % 3] * w[(i + 1) % 3];
        module->rotation[3 * i + 1] = v[i];
        module->rotation[3 * i + 2] = w[i];
    }
}

static void set_sensor(hg_module *module, const sensor *type)
{
    module->half_u_min = type->half_u_min;
    module->half_u_max = type->half_u_max;
    module->half_v = type->half_v;
    module->thickness = type->thickness;
    module->pitch_u = type->pitch_u;
    module->pitch_v = type->pitch_v;
}

static double module_phi(int i, int n)
{
    return -M_PI + (i + 0.5) * 2 * M_PI / n;
}

static int64_t fill_barrel(const barrel_layer *layer, hg_module *modules)
{
    const sensor *type = layer->volume_id == 8 ? &pixel : layer->volume_id == 13 ? &short_strip : &long_strip;
    for (int i = 0; i < layer->n_z * layer->n_phi; ++i) {
        const int row = i / layer->n_phi;
        const double phi = module_phi(i % layer->n_phi, layer->n_phi), r = layer->r + (row % 2 ? -layer->stagger : layer->stagger);
        const double along_z[3] = {0, 0, 1}, normal[3] = {cos(phi + layer->tilt), sin(phi + layer->tilt), 0};
        hg_module *module = &modules[i];
        *module = (hg_module){.volume_id = layer->volume_id, .layer_id = layer->layer_id, .module_id = i + 1};
        module->center[0] = r * cos(phi);
        module->center[1] = r * sin(phi);
        module->center[2] = (row - 0.5 * (layer->n_z - 1)) * layer->step_z;
        set_axes(module, along_z, normal);
        set_sensor(module, type);
    }
    return (int64_t)layer->n_z * layer->n_phi;
}

/* Layer ids grow with z: on the minus side layer 2 is the farthest disc. */
static int64_t fill_disc(const disc_set *set, int disc, bool plus, hg_module *modules)
{
    const double side = plus ? 1 : -1;
    int next[MAX_RINGS] = {0};
    int64_t n = 0;
    for (const char *digit = set->order; *digit; ++digit, ++n) {
        const disc_ring *ring = &set->ring[*digit - '0'];
        const int i = next[*digit - '0']++;
        const double phi = module_phi(i, ring->n);
        const double outward[3] = {cos(phi), sin(phi), 0}, normal[3] = {0, 0, side};
        hg_module *module = &modules[n];
        *module = (hg_module){.volume_id = plus ? set->volume_plus : set->volume_minus,
                              .layer_id = 2 * (plus ? disc + 1 : set->n_discs - disc),
                              .module_id = (int32_t)n + 1};
        module->center[0] = ring->r * outward[0];
        module->center[1] = ring->r * outward[1];
        module->center[2] = side * (set->z[disc] + ring->offset[i % 4]);
        set_axes(module, outward, normal);
        set_sensor(module, &ring->sensor);
    }
    return n;
}

hg_status hg_builtin_detector_create(hg_context *ctx, hg_detector **out)
{
    hg_status status = HG_OK;
    hg_module *modules = NULL;
    int64_t n = 0;
    HG_TRY(hg_alloc(ctx, &modules, N_MODULES));
    for (size_t i = 0; i < sizeof barrels / sizeof *barrels; ++i) n += fill_barrel(&barrels[i], modules + n);
    for (size_t i = 0; i < sizeof discs / sizeof *discs; ++i) {
        for (int disc = 0; disc < discs[i].n_discs; ++disc) {
            n += fill_disc(&discs[i], disc, false, modules + n);
            n += fill_disc(&discs[i], disc, true, modules + n);
        }
    }
    HG_TRY(hg_detector_create(ctx, modules, n, out));
done:
    hg_free(ctx, modules);
    return status;
}
