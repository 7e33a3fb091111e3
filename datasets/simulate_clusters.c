/* simulate_clusters.c — cells of a straight path through a sensor, and the measured position. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "datasets/simulation.h"
#include "base/check.h"

/* Longer strips of v are read out digitally. */
static const double strip_pitch_mm = 0.5;
static const double diffusion_mm = 0.001, value_spread = 0.08, value_min = 2e-5;
/* A strip answers when this share of the depth lies inside it. */
static const double strip_threshold = 0.01;
static const double slope_max = 40;
enum { MAX_CROSSINGS = 1024 };

/* Lorentz drift measured in the challenge's barrels: tangent of the angle, and the side (in w) to which the charge drifts. */
typedef struct lorentz {
    int32_t volume_id;
    double tangent, side;
} lorentz;

static const lorentz drifts[] = {{8, 0.118, 1}, {13, 0.121, -1}, {17, 0.080, -1}};

static lorentz drift_of(const hg_sim_world *world, const hg_module *module)
{
    for (size_t i = 0; world->options.drift && i < sizeof drifts / sizeof *drifts; ++i)
        if (drifts[i].volume_id == module->volume_id) return drifts[i];
    return (lorentz){module->volume_id, 0, 0};
}

/* Cluster lengths show the full thickness in the barrels and twice the thickness in the discs. */
static double depth_of(const hg_sim_world *world, int64_t index)
{
    const double thickness = world->detector->modules[index].thickness;
    return world->detector->layers[world->detector->module_layer[index]].barrel ? thickness : 2 * thickness;
}

static int32_t channels(double half, double pitch)
{
    return (int32_t)fmax(1, round(2 * half / pitch));
}

static int32_t clamp_channel(double x, int32_t n)
{
    return x < 0 ? 0 : x >= n ? n - 1 : (int32_t)x;
}

/* Where the path leaves its cell along one axis: at `next`, then every `every` (in units of the path). */
typedef struct walker {
    double cell, step, next, every;
} walker;

static walker start_walker(double from, double to)
{
    walker w = {.cell = floor(from), .step = to > from ? 1 : -1};
    w.every = to == from ? INFINITY : 1 / fabs(to - from);
    w.next = to == from ? INFINITY : (to > from ? w.cell + 1 - from : from - w.cell) * w.every;
    return w;
}

/* A cell that the path crosses over a length: its signal, if it is on the module and above threshold. */
static hg_status add_signal(hg_context *ctx, const hg_module *module, const walker w[2], double length, double depth, hg_random *random,
                            hg_sim_buffer *out)
{
    const int32_t n0 = channels(module->half_u_max, module->pitch_u), n1 = channels(module->half_v, module->pitch_v);
    if (w[0].cell < 0 || w[0].cell >= n0 || w[1].cell < 0 || w[1].cell >= n1) return HG_OK;
    double value = 1;
    if (module->pitch_v > strip_pitch_mm) {
        if (length < strip_threshold * depth) return HG_OK;
    } else {
        value = length * (1 + value_spread * hg_random_normal(random));
        if (value < value_min) return HG_OK;
    }
    return hg_sim_add_cell(ctx, out, (hg_sim_cell){(int32_t)w[0].cell, (int32_t)w[1].cell, (float)value});
}

/* Cells along the segment from[] to to[], both in units of cells; `length` in mm is that of the path through the depth. */
static hg_status walk(hg_context *ctx, const hg_module *module, const double from[2], const double to[2], double length, double depth,
                      hg_random *random, hg_sim_buffer *out)
{
    hg_status status = HG_OK;
    walker w[2] = {start_walker(from[0], to[0]), start_walker(from[1], to[1])};
    double done_part = 0;
    for (int i = 0; i < MAX_CROSSINGS && done_part < 1; ++i) {
        const int axis = w[0].next <= w[1].next ? 0 : 1;
        const double part = fmin(w[axis].next, 1);
        HG_TRY(add_signal(ctx, module, w, (part - done_part) * length, depth, random, out));
        done_part = part;
        w[axis].cell += w[axis].step;
        w[axis].next += w[axis].every;
    }
done:
    return status;
}

void hg_sim_centroid(const hg_sim_world *world, hg_sim_hit *hit, const hg_sim_cell *cells)
{
    const hg_module *module = &world->detector->modules[hit->module];
    double sum[3] = {0};
    for (int32_t i = 0; i < hit->n_cells; ++i) {
        const double value = cells[i].value;
        sum[0] += value;
        sum[1] += value * (cells[i].ch0 + 0.5);
        sum[2] += value * (cells[i].ch1 + 0.5);
    }
    const lorentz drift = drift_of(world, module);
    const double mean = drift.side * drift.tangent * depth_of(world, hit->module) / 2;
    hit->signal = sum[0];
    hit->local[0] = sum[1] / sum[0] * module->pitch_u - module->half_u_max + (world->options.phase2_bias ? 2 * mean : mean);
    hit->local[1] = sum[2] / sum[0] * module->pitch_v - module->half_v;
}

static hg_status smear(hg_context *ctx, hg_sim_hit *hit, const hg_module *module, const double local[2], hg_random *random,
                       hg_sim_buffer *out)
{
    hit->local[0] = local[0] + module->pitch_u / sqrt(12) * hg_random_normal(random);
    hit->local[1] = local[1] + module->pitch_v / sqrt(12) * hg_random_normal(random);
    return hg_sim_add_hit(ctx, out, hit);
}

hg_status hg_sim_digitise(hg_context *ctx, const hg_sim_world *world, hg_sim_hit *hit, const double local[2], const double direction[3],
                          hg_random *random, hg_sim_buffer *out)
{
    hg_status status = HG_OK;
    const hg_module *module = &world->detector->modules[hit->module];
    if (world->options.gaussian_hits) return smear(ctx, hit, module, local, random, out);
    const double depth = depth_of(world, hit->module), across = fmax(fabs(direction[2]), 1 / slope_max);
    const double slope[2] = {direction[0] / copysign(across, direction[2]), direction[1] / copysign(across, direction[2])};
    const lorentz drift = drift_of(world, module);
    const double pitch[2] = {module->pitch_u, module->pitch_v}, half[2] = {module->half_u_max, module->half_v};
    double end[2][2];
    for (int side = 0; side < 2; ++side) {
        const double w = (side ? 0.5 : -0.5) * depth;
        for (int axis = 0; axis < 2; ++axis) {
            const double drifted = axis == 0 ? drift.tangent * (w + drift.side * depth / 2) : 0;
            const double at = local[axis] + slope[axis] * w - drifted + diffusion_mm * hg_random_normal(random);
            end[side][axis] = (at + half[axis]) / pitch[axis];
        }
    }
    hit->first_cell = out->n_cells;
    HG_TRY(walk(ctx, module, end[0], end[1], depth * sqrt(1 + slope[0] * slope[0] + slope[1] * slope[1]), depth, random, out));
    if (out->n_cells == hit->first_cell) {
        /* all of it off the edge or below threshold: the nearest cell still answers */
        const hg_sim_cell cell = {clamp_channel((end[0][0] + end[1][0]) / 2, channels(half[0], pitch[0])),
                                  clamp_channel((end[0][1] + end[1][1]) / 2, channels(half[1], pitch[1])),
                                  module->pitch_v > strip_pitch_mm ? 1 : (float)depth};
        HG_TRY(hg_sim_add_cell(ctx, out, cell));
    }
    hit->n_cells = (int32_t)(out->n_cells - hit->first_cell);
    hg_sim_centroid(world, hit, out->cell + hit->first_cell);
    HG_TRY(hg_sim_add_hit(ctx, out, hit));
done:
    return status;
}
