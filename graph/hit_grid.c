/* hit_grid.c — the hits of an event sorted by layer, place along the layer and phi, for window queries. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/hit_grid.h"

#include <math.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "graph/doublet_batch.h"

enum { HITS_PER_ROW = 64 };            /* fewer fill no batch */
static const double farthest_mm = 1e6; /* fourth powers are still numbers in float */

static hg_status check_hits(hg_context *ctx, const hg_doublet_hits *hits)
{
    hg_status status = HG_OK;
    HG_CHECK(hits->n >= 0 && hits->n <= INT32_MAX, HG_ERR_LIMIT, "%" PRId64 " hits, at most %d fit", hits->n, INT32_MAX);
    for (int64_t i = 0; i < hits->n; ++i) {
        HG_CHECK(fabs(hits->x[i]) <= farthest_mm && fabs(hits->y[i]) <= farthest_mm && fabs(hits->z[i]) <= farthest_mm, HG_ERR_DATA,
                 "hit row %" PRId64 ": position (%g, %g, %g), expected numbers within +-%g mm", i, hits->x[i], hits->y[i], hits->z[i],
                 farthest_mm);
        HG_CHECK(hits->layer[i] >= 0 && hits->layer[i] < hits->n_layers, HG_ERR_DATA,
                 "hit row %" PRId64 ": layer %" PRId32 ", expected 0 .. %" PRId32, i, hits->layer[i], hits->n_layers - 1);
    }
done:
    return status;
}

static hg_status allocate(hg_context *ctx, const hg_doublet_hits *hits, hg_hit_grid *g)
{
    hg_status status = HG_OK;
    g->n = hits->n;
    g->n_layers = hits->n_layers;
    HG_TRY(hg_alloc_unset(ctx, &g->x, g->n + HG_GRID_LANES));
    HG_TRY(hg_alloc_unset(ctx, &g->y, g->n + HG_GRID_LANES));
    HG_TRY(hg_alloc_unset(ctx, &g->z, g->n + HG_GRID_LANES));
    HG_TRY(hg_alloc_unset(ctx, &g->r, g->n + HG_GRID_LANES));
    HG_TRY(hg_alloc_unset(ctx, &g->phi, g->n + HG_GRID_LANES));
    HG_TRY(hg_alloc_unset(ctx, &g->c, g->n + HG_GRID_LANES));
    HG_TRY(hg_alloc_unset(ctx, &g->inverse_r2, g->n + HG_GRID_LANES));
    HG_TRY(hg_alloc_unset(ctx, &g->hit, g->n));
    HG_TRY(hg_alloc_unset(ctx, &g->module, g->n));
    HG_TRY(hg_alloc(ctx, &g->layer_first, g->n_layers + 1));
    HG_TRY(hg_alloc(ctx, &g->c_low, g->n_layers));
    HG_TRY(hg_alloc(ctx, &g->c_scale, g->n_layers));
    HG_TRY(hg_alloc(ctx, &g->r_max, g->n_layers));
    HG_TRY(hg_alloc(ctx, &g->barrel, g->n_layers));
    HG_TRY(hg_alloc(ctx, &g->row_first, g->n_layers + 1));
    memcpy(g->barrel, hits->layer_barrel, (size_t)g->n_layers);
done:
    return status;
}

/* Cylinder coordinates of the hits in their own order, and where each of them goes. */
typedef struct places {
    float *r, *phi, *c; /* [n] */
    int32_t *key;       /* [n] cell */
    int32_t *hit;       /* [n] by place */
} places;

static void free_places(hg_context *ctx, places *p)
{
    hg_free(ctx, p->r);
    hg_free(ctx, p->phi);
    hg_free(ctx, p->c);
    hg_free(ctx, p->key);
    hg_free(ctx, p->hit);
}

/* On error the caller frees what there is. */
static hg_status find_places(hg_context *ctx, const hg_doublet_hits *hits, places *p)
{
    hg_status status = HG_OK;
    const int threads = hg_context_threads(ctx);
    HG_TRY(hg_alloc_unset(ctx, &p->r, hits->n));
    HG_TRY(hg_alloc_unset(ctx, &p->phi, hits->n));
    HG_TRY(hg_alloc_unset(ctx, &p->c, hits->n));
    HG_TRY(hg_alloc_unset(ctx, &p->key, hits->n));
    HG_TRY(hg_alloc_unset(ctx, &p->hit, hits->n));
#pragma omp parallel for num_threads(threads)
    for (int64_t i = 0; i < hits->n; ++i) {
        p->r[i] = (float)hypot(hits->x[i], hits->y[i]);
        p->phi[i] = (float)atan2(hits->y[i], hits->x[i]);
        p->c[i] = hits->layer_barrel[hits->layer[i]] ? (float)hits->z[i] : p->r[i];
    }
done:
    return status;
}

/* Range of c, largest radius and rows of each layer; c_scale first holds the largest c. */
static void measure_layers(const hg_doublet_hits *hits, const places *p, hg_hit_grid *g)
{
    for (int32_t l = 0; l < g->n_layers; ++l) {
        g->c_low[l] = INFINITY;
        g->c_scale[l] = -INFINITY;
    }
    for (int64_t i = 0; i < hits->n; ++i) {
        int32_t l = hits->layer[i];
        g->c_low[l] = p->c[i] < g->c_low[l] ? p->c[i] : g->c_low[l];
        g->c_scale[l] = p->c[i] > g->c_scale[l] ? p->c[i] : g->c_scale[l];
        g->r_max[l] = p->r[i] > g->r_max[l] ? p->r[i] : g->r_max[l];
        ++g->layer_first[l + 1];
    }
    for (int32_t l = 0; l < g->n_layers; ++l) {
        int32_t n = g->layer_first[l + 1];
        g->largest = n > g->largest ? n : g->largest;
        g->layer_first[l + 1] += g->layer_first[l];
        float width = g->c_scale[l] - g->c_low[l];
        int32_t rows = n / HITS_PER_ROW < HG_GRID_ROWS ? n / HITS_PER_ROW + 1 : HG_GRID_ROWS;
        if (n == 0) g->c_low[l] = 0;
        if (n == 0 || !(width > 0)) rows = 1;
        g->c_scale[l] = n > 0 && width > 0 ? (float)rows / width : 0;
        g->row_first[l + 1] = g->row_first[l] + rows;
    }
}

/* Row of all layers. Monotonic in c, and the same for hits and window edges, so that a query can miss no hit. */
static int32_t row_of(const hg_hit_grid *g, int32_t layer, float c)
{
    const int32_t first = g->row_first[layer], rows = g->row_first[layer + 1] - first;
    float row = (c - g->c_low[layer]) * g->c_scale[layer];
    if (!(row > 0)) return first;
    return first + (row < (float)rows ? (int32_t)row : rows - 1);
}

/* Counting sort by cell, stable. */
static void find_order(const hg_doublet_hits *hits, int threads, places *p, hg_hit_grid *g)
{
    const int64_t n_cells = (int64_t)g->row_first[g->n_layers] * HG_GRID_CELLS;
#pragma omp parallel for num_threads(threads)
    for (int64_t i = 0; i < hits->n; ++i)
        p->key[i] = row_of(g, hits->layer[i], p->c[i]) * HG_GRID_CELLS + hg_grid_cell_inside(hg_grid_cell(p->phi[i]));
    for (int64_t i = 0; i < hits->n; ++i) ++g->cell_first[p->key[i] + 1];
    for (int64_t k = 0; k < n_cells; ++k) g->cell_first[k + 1] += g->cell_first[k];
    for (int64_t i = 0; i < hits->n; ++i) p->hit[g->cell_first[p->key[i]]++] = (int32_t)i;
    memmove(g->cell_first + 1, g->cell_first, (size_t)n_cells * sizeof *g->cell_first);
    g->cell_first[0] = 0;
}

static void place_hits(const hg_doublet_hits *hits, int threads, const places *p, hg_hit_grid *g)
{
#pragma omp parallel for num_threads(threads)
    for (int64_t at = 0; at < hits->n; ++at) {
        const int32_t i = p->hit[at];
        g->x[at] = (float)hits->x[i];
        g->y[at] = (float)hits->y[i];
        g->z[at] = (float)hits->z[i];
        g->r[at] = p->r[i];
        g->phi[at] = p->phi[i];
        g->c[at] = p->c[i];
        g->inverse_r2[at] = 1 / (p->r[i] * p->r[i]);
        g->hit[at] = i;
        g->module[at] = hits->module[i];
    }
    for (int64_t at = hits->n; at < hits->n + HG_GRID_LANES; ++at)
        g->x[at] = g->y[at] = g->z[at] = g->r[at] = g->phi[at] = g->c[at] = g->inverse_r2[at] = 0;
}

hg_status hg_hit_grid_create(hg_context *ctx, const hg_doublet_hits *hits, hg_hit_grid **out)
{
    hg_status status = HG_OK;
    const int threads = hg_context_threads(ctx);
    hg_hit_grid *g = NULL;
    places p = {0};
    HG_TRY(check_hits(ctx, hits));
    HG_TRY(hg_alloc(ctx, &g, 1));
    HG_TRY(allocate(ctx, hits, g));
    HG_TRY(hg_doublet_kernels_select(ctx, &g->kernels));
    HG_TRY(find_places(ctx, hits, &p));
    measure_layers(hits, &p, g);
    HG_TRY(hg_alloc(ctx, &g->cell_first, (int64_t)g->row_first[g->n_layers] * HG_GRID_CELLS + 1));
    find_order(hits, threads, &p, g);
    place_hits(hits, threads, &p, g);
    *out = g;
    g = NULL;
done:
    free_places(ctx, &p);
    hg_hit_grid_destroy(ctx, g);
    return status;
}

void hg_hit_grid_destroy(hg_context *ctx, hg_hit_grid *g)
{
    if (!g) return;
    hg_free(ctx, g->x);
    hg_free(ctx, g->y);
    hg_free(ctx, g->z);
    hg_free(ctx, g->r);
    hg_free(ctx, g->phi);
    hg_free(ctx, g->c);
    hg_free(ctx, g->hit);
    hg_free(ctx, g->module);
    hg_free(ctx, g->layer_first);
    hg_free(ctx, g->c_low);
    hg_free(ctx, g->c_scale);
    hg_free(ctx, g->r_max);
    hg_free(ctx, g->barrel);
    hg_free(ctx, g->row_first);
    hg_free(ctx, g->inverse_r2);
    hg_free(ctx, g->cell_first);
    hg_free(ctx, g);
}

int32_t hg_hit_grid_query(const hg_hit_grid *g, int32_t layer, float c_low, float c_high, float phi, float half, int32_t *found)
{
    if (g->layer_first[layer] == g->layer_first[layer + 1] || !(c_low <= c_high)) return 0;
    const int32_t end = row_of(g, layer, c_high);
    int32_t n = 0;
    for (int32_t row = row_of(g, layer, c_low); row <= end; ++row) {
        hg_grid_run runs[HG_GRID_RUNS];
        const int32_t n_runs = hg_grid_runs(g, row, phi, half, runs);
        for (int32_t k = 0; k < n_runs; ++k) {
            for (int32_t i = runs[k].first; i < runs[k].end; ++i) {
                found[n] = i;
                n += (g->c[i] >= c_low) & (g->c[i] <= c_high) & (fabsf(g->phi[i] - runs[k].phi) <= runs[k].half);
            }
        }
    }
    return n;
}
