/* hit_index.c — hits of each layer in a grid, to look up those around a prediction. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
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
    hg_free(ctx, index->phi);
    hg_free(ctx, index->c);
    hg_free(ctx, index->record);
    hg_layer_columns_free(ctx, &index->columns);
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

/* Where the hits are, by row, while the index is made. */
typedef struct hit_spots {
    float *phi, *c;
    float *log_density; /* of the hits per mm^2 around each */
} hit_spots;

/* Density in rings of equal width in c: the event is even in phi, but not along a layer. One hit more in each ring keeps the logarithm
 * finite. */
static hg_status fill_density(hg_context *ctx, const hg_finder_input *input, const int32_t *hit_layer, const hg_hit_index *index,
                              hit_spots *at)
{
    hg_status status = HG_OK;
    const hg_detector *detector = input->detector;
    const int64_t n = input->hits->n, bins = detector->n_layers * DENSITY_BINS;
    int64_t *count = NULL;
    int32_t *ring = NULL;
    float *log_density = NULL;

    HG_TRY(hg_alloc(ctx, &count, bins));
    HG_TRY(hg_alloc(ctx, &log_density, bins));
    HG_TRY(hg_alloc(ctx, &ring, n));
    for (int64_t i = 0; i < n; ++i) {
        const hg_hit_layer *layer = &index->layer[hit_layer[i]];
        ring[i] = hit_layer[i] * DENSITY_BINS +
                  clamped_bin(((double)at->c[i] - layer->c_low) / (layer->c_step * layer->n_c) * DENSITY_BINS, DENSITY_BINS);
        ++count[ring[i]];
    }
    for (int64_t k = 0; k < bins; ++k) {
        const hg_hit_layer *layer = &index->layer[k / DENSITY_BINS];
        const hg_layer *from = &detector->layers[k / DENSITY_BINS];
        double width = layer->c_step * layer->n_c / DENSITY_BINS;
        double radius = from->barrel ? from->r : layer->c_low + ((double)(k % DENSITY_BINS) + 0.5) * width;
        log_density[k] = (float)log((double)(count[k] + 1) / fmax(2 * pi * radius * width, 1.0));
    }
    for (int64_t i = 0; i < n; ++i) at->log_density[i] = log_density[ring[i]];
done:
    hg_free(ctx, count);
    hg_free(ctx, log_density);
    hg_free(ctx, ring);
    return status;
}

/* log(density of the prediction at the hit / density of hits there), less the part that the prediction decides. Of a hit with one
 * coordinate the density is that of its strip. */
static hg_hit_record record_of(const hg_finder_input *input, int64_t hit, float log_density)
{
    const float log_2pi = 1.8378770664093453f;
    const hg_measurement *m = &input->measurements[hit];
    const hg_module *module = &input->detector->modules[m->module];
    bool has_u = hg_measurement_has(m, 0), has_v = hg_measurement_has(m, 1);
    hg_hit_record record = {.module = (int32_t)m->module, .row = (int32_t)hit};
    for (int c = 0; c < 2; ++c) {
        if (!hg_measurement_has(m, c)) continue;
        record.local[c] = (float)m->local[c];
        record.variance[c] = (float)m->variance[c];
    }
    if (has_u && has_v)
        record.base_gain = -log_2pi - log_density;
    else if (has_u || has_v)
        record.base_gain = -0.5f * log_2pi - log_density - logf(2.0f * fmaxf((float)(has_u ? module->half_v : module->half_u_max), 1.0f));
    return record;
}

static hg_status fill_cells(hg_context *ctx, const hg_finder_input *input, const int32_t *hit_layer, int64_t n_cells, const hit_spots *from,
                            hg_hit_index *index)
{
    hg_status status = HG_OK;
    const int64_t n = input->hits->n;
    int64_t *place = NULL;

    HG_TRY(hg_alloc(ctx, &index->cell, n_cells + 1));
    HG_TRY(hg_alloc_unset(ctx, &place, n));
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(static) if (n >= HG_PARALLEL_MIN)
    for (int64_t i = 0; i < n; ++i) place[i] = cell_of(&index->layer[hit_layer[i]], (double)from->phi[i], (double)from->c[i]);
    for (int64_t i = 0; i < n; ++i) ++index->cell[place[i]];
    hg_prefix_sum(index->cell, n_cells);
    /* each cell's first place moves on to the next cell's, and back again */
    for (int64_t i = 0; i < n; ++i) place[i] = index->cell[place[i]]++;
    memmove(index->cell + 1, index->cell, (size_t)n_cells * sizeof *index->cell);
    index->cell[0] = 0;
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(static) if (n >= HG_PARALLEL_MIN)
    for (int64_t i = 0; i < n; ++i) {
        index->phi[place[i]] = from->phi[i];
        index->c[place[i]] = from->c[i];
        index->record[place[i]] = record_of(input, i, from->log_density[i]);
    }
done:
    hg_free(ctx, place);
    return status;
}

/* A coordinate that is not measured is as uncertain as its module is long. */
static double variance_of(const hg_finder_input *input, int64_t hit, int coordinate)
{
    const hg_measurement *m = &input->measurements[hit];
    const hg_module *module = &input->detector->modules[m->module];
    if (hg_measurement_has(m, coordinate)) return m->variance[coordinate];
    const double error = fmax(coordinate ? module->half_v : module->half_u_max, 1.0) / 2.0;
    return error * error;
}

static void locate(hg_context *ctx, const hg_finder_input *input, const int32_t *hit_layer, hit_spots *at)
{
    const hg_hits *hits = input->hits;
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(static)
    for (int64_t i = 0; i < hits->n; ++i) {
        at->phi[i] = atan2f((float)hits->y[i], (float)hits->x[i]);
        at->c[i] =
            (float)(input->detector->layers[hit_layer[i]].barrel ? hits->z[i] : sqrt(hits->x[i] * hits->x[i] + hits->y[i] * hits->y[i]));
    }
}

hg_status hg_hit_index_create(hg_context *ctx, const hg_finder_input *input, const int32_t *hit_layer, const hg_batch_kernels *kernels,
                              hg_hit_index *out)
{
    hg_status status = HG_OK;
    const hg_hits *hits = input->hits;
    const hg_detector *detector = input->detector;
    hg_hit_index index = {.kernels = kernels};
    hit_spots at = {0};
    int64_t *n_on = NULL, n_cells = 0;

    HG_TRY(hg_alloc(ctx, &index.layer, detector->n_layers));
    HG_TRY(hg_alloc(ctx, &n_on, detector->n_layers));
    HG_TRY(hg_alloc(ctx, &index.phi, hits->n + HG_BATCH_LANES_MAX));
    HG_TRY(hg_alloc(ctx, &index.c, hits->n + HG_BATCH_LANES_MAX));
    HG_TRY(hg_alloc_unset(ctx, &index.record, hits->n));
    HG_TRY(hg_alloc_unset(ctx, &at.phi, hits->n));
    HG_TRY(hg_alloc_unset(ctx, &at.c, hits->n));
    HG_TRY(hg_alloc_unset(ctx, &at.log_density, hits->n));
    locate(ctx, input, hit_layer, &at);
    for (int64_t i = 0; i < hits->n; ++i) {
        hg_hit_layer *layer = &index.layer[hit_layer[i]];
        ++n_on[hit_layer[i]];
        layer->sigma_phi = fmax(layer->sigma_phi, variance_of(input, i, 0));
        layer->sigma_c = fmax(layer->sigma_c, variance_of(input, i, 1));
    }
    for (int64_t l = 0; l < detector->n_layers; ++l) {
        index.layer[l].sigma_phi = sqrt(index.layer[l].sigma_phi); /* variances until here */
        index.layer[l].sigma_c = sqrt(index.layer[l].sigma_c);
        index.layer[l].first_cell = n_cells;
        n_cells += lay_grid(&detector->layers[l], n_on[l], &index.layer[l]);
    }
    HG_TRY(fill_density(ctx, input, hit_layer, &index, &at));
    HG_TRY(fill_cells(ctx, input, hit_layer, n_cells, &at, &index));
    HG_TRY(hg_layer_columns_create(ctx, detector, index.layer, &index.columns));
    *out = index;
    index = (hg_hit_index){0};
done:
    hg_free(ctx, at.phi);
    hg_free(ctx, at.c);
    hg_free(ctx, at.log_density);
    hg_free(ctx, n_on);
    hg_hit_index_free(ctx, &index);
    return status;
}

/* What a search has found so far. */
typedef struct search {
    const hg_hit_index *index;
    const hg_window *window;
    const uint8_t *used;
    int room, n, nearest;
    float least;
    int32_t *places;
} search;

static void take_if_free(search *s, int64_t at)
{
    const float turn = 6.2831853f;
    const hg_window *w = s->window;
    if (s->used[s->index->record[at].row]) return;
    const float turned = fabsf(s->index->phi[at] - w->phi), around = fminf(turned, fabsf(turn - turned));
    const float u = around * w->scale_phi, v = (s->index->c[at] - w->c) * w->scale_c, distance = u * u + v * v;
    if (distance < s->least) {
        s->least = distance;
        s->nearest = s->n;
    }
    s->places[s->n++] = (int32_t)at;
}

/* Hits of cells that follow each other. */
static void look_through(search *s, int64_t first, int64_t last)
{
    const hg_hit_index *index = s->index;
    const int lanes = index->kernels->lanes;
    for (; first < last; first += lanes) {
        unsigned left = index->kernels->inside(s->window, index->phi + first, index->c + first);
        if (last - first < lanes) left &= (1u << (last - first)) - 1;
        for (; left && s->n < s->room; left &= left - 1) take_if_free(s, first + __builtin_ctz(left));
    }
}

int hg_hit_index_search(const hg_hit_index *index, const hg_window *window, const uint8_t *used, int room, int32_t *places, int *nearest)
{
    const hg_hit_layer *layer = &index->layer[window->layer];
    const double c = (double)window->c, half_c = (double)window->half_c, phi = (double)window->phi, half_phi = (double)window->half_phi;
    const double per_c = 1.0 / layer->c_step, per_cell = layer->n_phi / (2 * pi);
    const int32_t c_first = clamped_bin((c - half_c - layer->c_low) * per_c, layer->n_c);
    const int32_t c_last = clamped_bin((c + half_c - layer->c_low) * per_c, layer->n_c);
    int64_t phi_first = (int64_t)floor((phi - half_phi + pi) * per_cell), phi_last = (int64_t)floor((phi + half_phi + pi) * per_cell);
    search s = {.index = index, .window = window, .used = used, .room = room, .least = HUGE_VALF, .places = places};

    if (phi_last - phi_first >= layer->n_phi - 1) {
        phi_first = 0;
        phi_last = layer->n_phi - 1;
    }
    for (int32_t ic = c_first; ic <= c_last; ++ic) {
        const int64_t *cell = index->cell + layer->first_cell + (int64_t)ic * layer->n_phi;
        if (phi_first < 0) look_through(&s, cell[phi_first + layer->n_phi], cell[layer->n_phi]);
        look_through(&s, cell[phi_first < 0 ? 0 : phi_first], cell[phi_last < layer->n_phi ? phi_last + 1 : layer->n_phi]);
        if (phi_last >= layer->n_phi) look_through(&s, cell[0], cell[phi_last - layer->n_phi + 1]);
    }
    *nearest = s.nearest;
    return s.n;
}
