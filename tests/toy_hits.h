/* toy_hits.h — helices from the beam line through four cylinders and two discs, with overlaps and noise; truth known. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_TOY_HITS_H
#define HG_TESTS_TOY_HITS_H

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"
#include "hitgraph/doublets.h"

enum { TOY_LAYERS = 6, TOY_HITS = 20000, TOY_PARTICLES = 2000 };
static const double toy_radius[4] = {32, 72, 116, 172}, toy_disc[2] = {600, 700};
static const uint8_t toy_barrel[TOY_LAYERS] = {1, 1, 1, 1, 0, 0};

typedef struct toy_event {
    double x[TOY_HITS], y[TOY_HITS], z[TOY_HITS];
    int32_t layer[TOY_HITS], module[TOY_HITS], particle[TOY_HITS], layer_rank[TOY_HITS], module_rank[TOY_HITS];
    float weight[TOY_PARTICLES];
    hg_doublet_hits hits;
    hg_doublet_truth truth;
} toy_event;

static void toy_add_hit(toy_event *e, double r, double phi, double z, int32_t layer, int32_t module, int32_t particle, int32_t layer_rank,
                        int32_t module_rank)
{
    int64_t i = e->hits.n++;
    e->x[i] = r * cos(phi);
    e->y[i] = r * sin(phi);
    e->z[i] = z;
    e->layer[i] = layer;
    e->module[i] = module;
    e->particle[i] = particle;
    e->layer_rank[i] = layer_rank;
    e->module_rank[i] = module_rank;
}

static int32_t toy_module(int32_t layer, double phi, double c)
{
    int sector = (int)floor((remainder(phi, 2 * M_PI) + M_PI) / (2 * M_PI) * 16), slice = (int)floor((c + 500) / 50);
    sector = sector < 0 ? 0 : sector > 15 ? 15 : sector;
    slice = slice < 0 ? 0 : slice > 19 ? 19 : slice;
    return (layer * 16 + sector) * 20 + slice;
}

static void toy_add_particle(toy_event *e, hg_random *rng, double sigma_z)
{
    int32_t particle = (int32_t)e->truth.n_particles++, rank = 0, module_rank = 0;
    double kappa = (hg_random_below(rng, 2) ? 1 : -1) * 6e-4 / hg_random_range(rng, 0.25, 3), phi0 = hg_random_range(rng, -M_PI, M_PI);
    double cot = sinh(hg_random_range(rng, -2.8, 2.8)), z0 = sigma_z * hg_random_normal(rng);
    e->weight[particle] = particle % 7 ? 1 : 0; /* some are true, but no targets */
    for (int32_t l = 0; l < TOY_LAYERS; ++l) {
        double t, r;
        if (l < 4) {
            r = toy_radius[l];
            t = 2 * asin(kappa * r / 2) / kappa;
            if (fabs(z0 + cot * t) > 500) continue;
        } else {
            t = (toy_disc[l - 4] - z0) / cot;
            r = 2 * sin(kappa * t / 2) / kappa;
            if (t < 0 || r < 30 || r > 180) continue;
        }
        double phi = phi0 + asin(kappa * r / 2) + 1e-4 * hg_random_normal(rng),
               z = z0 + cot * t + (l < 4 ? 0.05 * hg_random_normal(rng) : 0);
        int32_t module = toy_module(l, phi, l < 4 ? z : r);
        toy_add_hit(e, r, phi, z, l, module, particle, rank, module_rank++);
        if (hg_random_below(rng, 8) == 0) { /* a second module behind the first */
            double dr = l < 4 ? 1 : cot > 0 ? 1 / cot : 0, dz = l < 4 ? cot : 1;
            toy_add_hit(e, r + dr, phi + kappa / 2 * dr, z + dz, l, module + 100000, particle, rank, module_rank++);
        }
        ++rank;
    }
}

/* The hits added so far as arrays. The pointers inside are to the event itself: do not copy it. */
static void toy_end_hits(toy_event *e)
{
    e->hits = (hg_doublet_hits){.n = e->hits.n,
                                .x = e->x,
                                .y = e->y,
                                .z = e->z,
                                .layer = e->layer,
                                .module = e->module,
                                .n_layers = TOY_LAYERS,
                                .layer_barrel = toy_barrel};
}

static void toy_make(toy_event *e, uint64_t number, int n_particles, int n_noise, double sigma_z)
{
    hg_random rng = hg_random_stream(11, 4, number, 0);
    memset(e, 0, sizeof *e);
    for (int p = 0; p < n_particles; ++p) toy_add_particle(e, &rng, sigma_z);
    for (int k = 0; k < n_noise; ++k) {
        int32_t l = (int32_t)hg_random_below(&rng, TOY_LAYERS);
        double r = l < 4 ? toy_radius[l] : hg_random_range(&rng, 30, 180), z = l < 4 ? hg_random_range(&rng, -500, 500) : toy_disc[l - 4];
        double phi = hg_random_range(&rng, -M_PI, M_PI);
        toy_add_hit(e, r, phi, z, l, toy_module(l, phi, l < 4 ? z : r), -1, -1, -1);
    }
    toy_end_hits(e);
    e->truth = (hg_doublet_truth){e->truth.n_particles, e->particle, e->layer_rank, e->module_rank, e->weight};
}

/* For hg_doublet_map_learn: user is a toy_event that is overwritten. */
static inline hg_status toy_next(hg_context *ctx, void *user, int64_t i, hg_doublet_hits *hits, hg_doublet_truth *truth)
{
    (void)ctx;
    toy_event *e = user;
    toy_make(e, (uint64_t)i, 800, 800, 5);
    *hits = e->hits;
    *truth = e->truth;
    return HG_OK;
}

static inline void toy_assert_same_graphs(const hg_doublet_graph *a, const hg_doublet_graph *b)
{
    int64_t n = a->graph->n_edges;
    assert_int_equal(n, b->graph->n_edges);
    assert_memory_equal(a->graph->sender, b->graph->sender, (size_t)n * sizeof *a->graph->sender);
    assert_memory_equal(a->graph->receiver, b->graph->receiver, (size_t)n * sizeof *a->graph->receiver);
    assert_memory_equal(a->table_score, b->table_score, (size_t)n * sizeof *a->table_score);
    assert_memory_equal(a->edge_features, b->edge_features, (size_t)(n * HG_DOUBLET_EDGE_FEATURES) * sizeof *a->edge_features);
    assert_memory_equal(a->node_features, b->node_features,
                        (size_t)(a->graph->n_nodes * HG_DOUBLET_NODE_FEATURES) * sizeof *a->node_features);
}

/* The n-th allocation fails, for every n: no graph, and nothing left behind. */
static inline void toy_fail_at_each_allocation(hg_context *ctx, const hg_doublet_hits *hits, const hg_doublet_map *map,
                                               const hg_doublet_options *options)
{
    const size_t before = hg_memory_used(ctx);
    hg_status status = HG_ERR_NOMEM;
    for (int64_t n = 0; status != HG_OK; ++n) {
        hg_doublet_graph *d = NULL;
        hg_memory_fail_after(ctx, n);
        status = hg_doublet_graph_create(ctx, hits, map, options, &d);
        hg_memory_fail_after(ctx, -1);
        assert_true(status == HG_OK || (status == HG_ERR_NOMEM && !d));
        hg_doublet_graph_destroy(ctx, d);
        assert_int_equal(hg_memory_used(ctx), before);
        assert_true(n < 500);
    }
}

#endif
