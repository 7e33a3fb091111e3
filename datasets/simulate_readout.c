/* simulate_readout.c — one module's clusters: touching ones merge, noise joins, and the order is shuffled. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include "datasets/simulation.h"
#include "base/check.h"
#include "base/memory.h"

/* Lengths of noise clusters beyond one cell, in cells, measured on the challenge's data: along u flat up to this, along v exponential. */
static const double noise_u_max = 2.8, noise_v_pixel_barrel = 4.9, noise_v_pixel_disc = 2.1, noise_v_strip_mm = 0.3;
static const double pixel_pitch_mm = 0.5;
static const double noise_momentum_gev = 1e6;

static bool cells_touch(const hg_sim_cell *a, int32_t na, const hg_sim_cell *b, int32_t nb)
{
    for (int32_t i = 0; i < na; ++i)
        for (int32_t j = 0; j < nb; ++j)
            if (abs(a[i].ch0 - b[j].ch0) <= 1 && abs(a[i].ch1 - b[j].ch1) <= 1) return true;
    return false;
}

static int64_t root_of(int64_t *parent, int64_t i)
{
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
}

/* parent[i] = first hit of the group of touching clusters that hit i belongs to. */
static void group_hits(const hg_sim_world *world, const hg_sim_hit *const *hits, const hg_sim_cell *const *cells, int64_t n,
                       int64_t *parent)
{
    for (int64_t i = 0; i < n; ++i) parent[i] = i;
    if (!world->options.merge || world->options.gaussian_hits) return;
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < i; ++j) {
            if (!cells_touch(cells[i], hits[i]->n_cells, cells[j], hits[j]->n_cells)) continue;
            const int64_t a = root_of(parent, i), b = root_of(parent, j);
            parent[a < b ? b : a] = a < b ? a : b;
        }
    }
    for (int64_t i = 0; i < n; ++i) parent[i] = root_of(parent, i);
}

static int compare_cells(const void *a, const void *b)
{
    const hg_sim_cell *first = a, *second = b;
    if (first->ch0 != second->ch0) return first->ch0 < second->ch0 ? -1 : 1;
    return (first->ch1 > second->ch1) - (first->ch1 < second->ch1);
}

/* Cells that two particles share become one; strips stay digital. */
static int64_t join_equal_cells(hg_sim_cell *cell, int64_t n, bool digital)
{
    qsort(cell, (size_t)n, sizeof *cell, compare_cells);
    int64_t last = 0;
    for (int64_t i = 1; i < n; ++i) {
        if (compare_cells(&cell[last], &cell[i]) != 0) {
            cell[++last] = cell[i];
        } else if (!digital) {
            cell[last].value += cell[i].value;
        }
    }
    return last + 1;
}

/* The group whose first hit is `first`: truth of the strongest, cells of all. */
static hg_status merge_group(hg_context *ctx, const hg_sim_world *world, const hg_sim_hit *const *hits, const hg_sim_cell *const *cells,
                             const int64_t *parent, int64_t first, int64_t n, hg_sim_buffer *out)
{
    hg_status status = HG_OK;
    int64_t strongest = first, members = 0;
    hg_sim_hit hit;
    const int64_t first_cell = out->n_cells;
    for (int64_t i = first; i < n; ++i) {
        if (parent[i] != first) continue;
        ++members;
        if (hits[i]->signal > hits[strongest]->signal) strongest = i;
        for (int32_t k = 0; k < hits[i]->n_cells; ++k) HG_TRY(hg_sim_add_cell(ctx, out, cells[i][k]));
    }
    hit = *hits[strongest];
    hit.first_cell = first_cell;
    if (members > 1) {
        const bool digital = world->detector->modules[hit.module].pitch_v > pixel_pitch_mm;
        out->n_cells = first_cell + join_equal_cells(out->cell + first_cell, out->n_cells - first_cell, digital);
        hit.n_cells = (int32_t)(out->n_cells - first_cell);
        hg_sim_centroid(world, &hit, out->cell + first_cell);
    }
    HG_TRY(hg_sim_add_hit(ctx, out, &hit));
done:
    return status;
}

static double noise_per_module(const hg_simulate_options *options)
{
    if (options->noise_per_module >= 0) return options->noise_per_module;
    return options->gun.n > 0 ? 0 : 0.9 * (options->pileup + 1) / 201;
}

/* Noise looks like a particle at a random place with slopes that give clusters of the measured size. */
static hg_status add_noise(hg_context *ctx, const hg_sim_world *world, int64_t index, hg_sim_buffer *out)
{
    hg_status status = HG_OK;
    const hg_module *module = &world->detector->modules[index];
    const bool barrel = world->detector->layers[world->detector->module_layer[index]].barrel, pixel = module->pitch_v < pixel_pitch_mm;
    const double depth = module->thickness * (barrel ? 1 : 2);
    const double mean_v = !pixel ? noise_v_strip_mm / module->pitch_v : barrel ? noise_v_pixel_barrel : noise_v_pixel_disc;
    hg_random random = hg_random_stream(world->seed, HG_SIM_NOISE, world->event, (uint64_t)index);
    const int64_t n = hg_random_poisson(&random, noise_per_module(&world->options));
    for (int64_t i = 0; i < n; ++i) {
        hg_sim_hit hit = {.module = index};
        double local[2];
        do {
            local[0] = hg_random_range(&random, -module->half_u_max, module->half_u_max);
            local[1] = hg_random_range(&random, -module->half_v, module->half_v);
        } while (!hg_sim_inside(module, local[0], local[1]));
        const double slope_u = noise_u_max * hg_random_range(&random, -1, 1) * module->pitch_u / depth;
        const double slope_v = mean_v * hg_random_exponential(&random) * (local[1] < 0 ? -1 : 1) * module->pitch_v / depth;
        const double norm = sqrt(1 + slope_u * slope_u + slope_v * slope_v);
        const double direction[3] = {slope_u / norm, slope_v / norm, 1 / norm};
        hg_sim_to_global(module, local[0], local[1], hit.truth);
        for (int a = 0; a < 3; ++a) {
            const double *row = &module->rotation[3 * a];
            hit.p[a] = noise_momentum_gev * (row[0] * direction[0] + row[1] * direction[1] + row[2] * direction[2]);
        }
        HG_TRY(hg_sim_digitise(ctx, world, &hit, local, direction, &random, out));
    }
done:
    return status;
}

static void shuffle(const hg_sim_world *world, int64_t module, hg_sim_hit *hit, int64_t n)
{
    hg_random random = hg_random_stream(world->seed, HG_SIM_ORDER, world->event, (uint64_t)module);
    for (int64_t i = n - 1; i > 0; --i) {
        const int64_t j = hg_random_below(&random, i + 1);
        const hg_sim_hit swap = hit[i];
        hit[i] = hit[j];
        hit[j] = swap;
    }
}

hg_status hg_sim_read_out(hg_context *ctx, const hg_sim_world *world, int64_t module, const hg_sim_hit *const *hits,
                          const hg_sim_cell *const *cells, int64_t n, hg_sim_buffer *out)
{
    hg_status status = HG_OK;
    int64_t *parent = NULL;
    const int64_t first = out->n_hits;
    if (n > 0) {
        HG_TRY(hg_alloc(ctx, &parent, n));
        group_hits(world, hits, cells, n, parent);
        for (int64_t i = 0; i < n; ++i)
            if (parent[i] == i) HG_TRY(merge_group(ctx, world, hits, cells, parent, i, n, out));
    }
    HG_TRY(add_noise(ctx, world, module, out));
    shuffle(world, module, out->hit + first, out->n_hits - first);
done:
    hg_free(ctx, parent);
    return status;
}
