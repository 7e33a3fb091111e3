/* hit_index.c — hits of each layer in a grid, to look up those around a prediction. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "tracking/finder.h"
#include "tracking/kalman.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"

static const double pi = 3.14159265358979323846;

enum { HITS_PER_CELL = 2, CELLS_MAX = 1 << 20, DENSITY_BINS = 24 };

void hg_hit_index_free(hg_context *ctx, hg_hit_index *index)
{
    hg_free(ctx, index->layer);
    hg_free(ctx, index->cell);
    hg_free(ctx, index->hit);
    hg_free(ctx, index->phi);
    hg_free(ctx, index->c);
    hg_free(ctx, index->log_density);
    *index = (hg_hit_index){0};
}

/* Cells about as long as wide, a few hits in each. Returns the number of cells. */
static int64_t lay_grid(const hg_layer *from, int64_t n_hits, hg_hit_layer *to)
{
    double c_high = from->barrel ? from->z_max : from->r_max, radius = from->barrel ? from->r : (from->r_min + from->r_max) / 2;
    to->c_low = from->barrel ? from->z_min : from->r_min;
    to->depth = (from->barrel ? from->r_max - from->r_min : from->z_max - from->z_min) / 2;
    double length = fmax(c_high - to->c_low, 1.0), around = fmax(2 * pi * radius, 1.0);
    double cells = fmin(fmax((double)n_hits / HITS_PER_CELL, 1.0), CELLS_MAX);
    double side = sqrt(length * around / cells);
    to->n_c = (int32_t)fmin(fmax(floor(length / side), 1.0), 4096.0);
    to->n_phi = (int32_t)fmin(fmax(floor(around / side), 1.0), 4096.0);
    to->c_step = length / to->n_c;
    return (int64_t)to->n_c * to->n_phi;
}

static int32_t clamped_bin(double x, int32_t n)
{
    if (!(x > 0)) return 0;
    return x < n ? (int32_t)x : n - 1;
}

static int64_t cell_of(const hg_hit_layer *layer, double phi, double c)
{
    int32_t ic = clamped_bin((c - layer->c_low) / layer->c_step, layer->n_c);
    int32_t iphi = clamped_bin((phi + pi) / (2 * pi) * layer->n_phi, layer->n_phi);
    return layer->first_cell + (int64_t)ic * layer->n_phi + iphi;
}

/* Density in rings of equal width in c: the event is even in phi, but not along a layer. One hit more in each ring keeps the logarithm
 * finite. */
static hg_status fill_density(hg_context *ctx, const hg_finder_input *input, const int32_t *hit_layer, hg_hit_index *index)
{
    hg_status status = HG_OK;
    const hg_detector *detector = input->detector;
    int64_t *count = NULL;
    int32_t *ring = NULL;

    HG_TRY(hg_alloc(ctx, &count, detector->n_layers * DENSITY_BINS));
    HG_TRY(hg_alloc(ctx, &ring, input->hits->n));
    for (int64_t i = 0; i < input->hits->n; ++i) {
        const hg_hit_layer *layer = &index->layer[hit_layer[i]];
        ring[i] = clamped_bin((index->c[i] - layer->c_low) / (layer->c_step * layer->n_c) * DENSITY_BINS, DENSITY_BINS);
        ++count[hit_layer[i] * DENSITY_BINS + ring[i]];
    }
    for (int64_t i = 0; i < input->hits->n; ++i) {
        const hg_hit_layer *layer = &index->layer[hit_layer[i]];
        double width = layer->c_step * layer->n_c / DENSITY_BINS;
        double radius = detector->layers[hit_layer[i]].barrel ? detector->layers[hit_layer[i]].r : layer->c_low + (ring[i] + 0.5) * width;
        double area = fmax(2 * pi * radius * width, 1.0);
        index->log_density[i] = (float)log((double)(count[hit_layer[i] * DENSITY_BINS + ring[i]] + 1) / area);
    }
done:
    hg_free(ctx, count);
    hg_free(ctx, ring);
    return status;
}

static hg_status fill_cells(hg_context *ctx, const int32_t *hit_layer, int64_t n_hits, int64_t n_cells, hg_hit_index *index)
{
    hg_status status = HG_OK;
    int64_t *next = NULL;

    HG_TRY(hg_alloc(ctx, &index->cell, n_cells + 1));
    HG_TRY(hg_alloc(ctx, &next, n_cells + 1));
    for (int64_t i = 0; i < n_hits; ++i) ++index->cell[cell_of(&index->layer[hit_layer[i]], index->phi[i], index->c[i])];
    hg_prefix_sum(index->cell, n_cells);
    for (int64_t k = 0; k <= n_cells; ++k) next[k] = index->cell[k];
    for (int64_t i = 0; i < n_hits; ++i) index->hit[next[cell_of(&index->layer[hit_layer[i]], index->phi[i], index->c[i])]++] = (int32_t)i;
done:
    hg_free(ctx, next);
    return status;
}

/* A coordinate that is not measured is as uncertain as its module is long. */
static double error_of(const hg_finder_input *input, int64_t hit, int coordinate)
{
    const hg_measurement *m = &input->measurements[hit];
    const hg_module *module = &input->detector->modules[m->module];
    if (hg_measurement_has(m, coordinate)) return sqrt(m->variance[coordinate]);
    return fmax(coordinate ? module->half_v : module->half_u_max, 1.0) / 2.0;
}

hg_status hg_hit_index_create(hg_context *ctx, const hg_finder_input *input, const int32_t *hit_layer, hg_hit_index *out)
{
    hg_status status = HG_OK;
    const hg_hits *hits = input->hits;
    const hg_detector *detector = input->detector;
    hg_hit_index index = {0};
    int64_t *n_on = NULL, n_cells = 0;

    HG_TRY(hg_alloc(ctx, &index.layer, detector->n_layers));
    HG_TRY(hg_alloc(ctx, &n_on, detector->n_layers));
    HG_TRY(hg_alloc(ctx, &index.hit, hits->n));
    HG_TRY(hg_alloc(ctx, &index.phi, hits->n));
    HG_TRY(hg_alloc(ctx, &index.c, hits->n));
    HG_TRY(hg_alloc(ctx, &index.log_density, hits->n));
    for (int64_t i = 0; i < hits->n; ++i) {
        hg_hit_layer *layer = &index.layer[hit_layer[i]];
        ++n_on[hit_layer[i]];
        index.phi[i] = (float)atan2(hits->y[i], hits->x[i]);
        index.c[i] = (float)(detector->layers[hit_layer[i]].barrel ? hits->z[i] : sqrt(hits->x[i] * hits->x[i] + hits->y[i] * hits->y[i]));
        layer->sigma_phi = fmax(layer->sigma_phi, error_of(input, i, 0));
        layer->sigma_c = fmax(layer->sigma_c, error_of(input, i, 1));
    }
    for (int64_t l = 0; l < detector->n_layers; ++l) {
        index.layer[l].first_cell = n_cells;
        n_cells += lay_grid(&detector->layers[l], n_on[l], &index.layer[l]);
    }
    HG_TRY(fill_cells(ctx, hit_layer, hits->n, n_cells, &index));
    HG_TRY(fill_density(ctx, input, hit_layer, &index));
    *out = index;
    index = (hg_hit_index){0};
done:
    hg_free(ctx, n_on);
    hg_hit_index_free(ctx, &index);
    return status;
}

int hg_hit_index_search(const hg_hit_index *index, const hg_window *window, const uint8_t *used, int room, int32_t *hits)
{
    const hg_hit_layer *layer = &index->layer[window->layer];
    int32_t c_first = clamped_bin((window->c - window->half_c - layer->c_low) / layer->c_step, layer->n_c);
    int32_t c_last = clamped_bin((window->c + window->half_c - layer->c_low) / layer->c_step, layer->n_c);
    double per_cell = layer->n_phi / (2 * pi);
    int64_t phi_first = (int64_t)floor((window->phi - window->half_phi + pi) * per_cell);
    int64_t phi_last = (int64_t)floor((window->phi + window->half_phi + pi) * per_cell);
    int n = 0;

    if (phi_last - phi_first >= layer->n_phi) phi_last = phi_first + layer->n_phi - 1;
    for (int32_t ic = c_first; ic <= c_last; ++ic) {
        for (int64_t k = phi_first; k <= phi_last; ++k) {
            int64_t wrapped = ((k % layer->n_phi) + layer->n_phi) % layer->n_phi;
            int64_t cell = layer->first_cell + (int64_t)ic * layer->n_phi + wrapped;
            for (int64_t at = index->cell[cell]; at < index->cell[cell + 1]; ++at) {
                int32_t hit = index->hit[at];
                if (used[hit] || fabs(index->c[hit] - window->c) > window->half_c) continue;
                if (fabs(remainder(index->phi[hit] - window->phi, 2 * pi)) > window->half_phi) continue;
                if (n == room) return n;
                hits[n++] = hit;
            }
        }
    }
    return n;
}
