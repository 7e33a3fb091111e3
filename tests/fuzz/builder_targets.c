/* builder_targets.c — the builder of doublet graphs on arbitrary hits and settings, and within little memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/fuzz/fuzz.h"
#include "tests/toy_hits.h"

enum { MOST_HITS = 2000 };

typedef struct builder_hit {
    double x, y, z;
    int32_t layer, module;
} builder_hit;

typedef struct builder_input {
    uint8_t mode, overlaps, neighbour_tables, limited;
    uint16_t memory_kib; /* that the builder may use, if limited */
    uint16_t window_scale, triplet_window, triplet_cost;
    int16_t score_shift; /* these four in units of 1 / 256 */
    uint8_t n_layers, spare[3];
    builder_hit hit[MOST_HITS]; /* as many as the input has */
} builder_input;

static bool seed_builder(int number)
{
    static toy_event event;
    static builder_input in;
    static const int particles[] = {60, 20, 3}, noise[] = {40, 0, 200};
    if (number > 2) return false;
    toy_make(&event, 100 + (uint64_t)number, particles[number], noise[number], 5);
    in = (builder_input){.mode = number == 1,
                         .overlaps = 1,
                         .neighbour_tables = 1,
                         .limited = number == 2,
                         .memory_kib = 300,
                         .window_scale = 256,
                         .triplet_window = 384,
                         .n_layers = TOY_LAYERS};
    for (int64_t i = 0; i < event.hits.n; ++i)
        in.hit[i] = (builder_hit){event.x[i], event.y[i], event.z[i], event.layer[i], event.module[i]};
    fuzz_write(FUZZ_INPUT, &in, offsetof(builder_input, hit) + (size_t)event.hits.n * sizeof *in.hit);
    return true;
}

/* Edges by receiver, then sender, none twice, in agreement with both lists of offsets. */
static void look_at_edges(const hg_graph *g)
{
    for (int64_t e = 0; e < g->n_edges; ++e) {
        const int32_t s = g->sender[e], r = g->receiver[e];
        fuzz_require(s >= 0 && s < g->n_nodes && r >= 0 && r < g->n_nodes && s != r);
        fuzz_require(e == 0 || r > g->receiver[e - 1] || (r == g->receiver[e - 1] && s > g->sender[e - 1]));
        fuzz_require(g->in_ptr[r] <= e && e < g->in_ptr[r + 1]);
    }
    fuzz_require(g->in_ptr[0] == 0 && g->in_ptr[g->n_nodes] == g->n_edges);
    fuzz_require(g->out_ptr[0] == 0 && g->out_ptr[g->n_nodes] == g->n_edges);
    for (int64_t i = 0; i < g->n_nodes; ++i) {
        fuzz_require(g->in_ptr[i] <= g->in_ptr[i + 1] && g->out_ptr[i] <= g->out_ptr[i + 1]);
        for (int64_t k = g->out_ptr[i]; k < g->out_ptr[i + 1]; ++k) fuzz_require(g->sender[g->out_edge[k]] == i);
    }
}

static bool all_finite(const hg_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; ++i)
        if (!isfinite(x[i])) return false;
    return true;
}

static void look_at_doublets(const hg_doublet_graph *d, const hg_doublet_hits *hits, const hg_doublet_map *map)
{
    const hg_graph *g = d->graph;
    fuzz_require(g->n_nodes == hits->n);
    look_at_edges(g);
    for (int64_t e = 0; e < g->n_edges; ++e) {
        fuzz_require(d->pair[e] >= 0 && d->pair[e] < map->n_pairs);
        const hg_doublet_pair *pair = &map->pair[d->pair[e]];
        fuzz_require(pair->inner == hits->layer[g->sender[e]] && pair->outer == hits->layer[g->receiver[e]]);
        fuzz_require(d->same_layer[e] == (pair->inner == pair->outer));
        fuzz_require(isfinite(d->table_score[e]) && isfinite(d->kappa[e]) && isfinite(d->cot[e]));
    }
    fuzz_require(all_finite(d->node_features, g->n_nodes * HG_DOUBLET_NODE_FEATURES));
    fuzz_require(all_finite(d->edge_features, g->n_edges * HG_DOUBLET_EDGE_FEATURES));
}

static hg_status build(const hg_doublet_hits *hits, const builder_input *in)
{
    const hg_doublet_map *map = fuzz_toy_map();
    hg_doublet_options options = hg_doublet_default_options();
    hg_doublet_graph *doublets = FUZZ_UNTOUCHED;
    double sigma_z = 0;
    options.mode = in->mode % 2 ? HG_DOUBLETS_WINDOWS : HG_DOUBLETS_TABLES;
    options.overlaps = in->overlaps % 2;
    options.neighbour_tables = in->neighbour_tables % 2;
    options.score_shift = in->score_shift / 256.0;
    options.window_scale = in->window_scale / 256.0;
    options.triplet_window = in->triplet_window / 256.0;
    options.triplet_cost = in->triplet_cost / 256.0;
    const hg_status status = hg_doublet_graph_create(fuzz_ctx, hits, map, &options, &doublets);
    if (status < 0) {
        fuzz_require(doublets == FUZZ_UNTOUCHED);
        return status;
    }
    look_at_doublets(doublets, hits, map);
    hg_doublet_graph_destroy(fuzz_ctx, doublets);
    if (hg_luminous_sigma_z(fuzz_ctx, hits, &sigma_z) >= 0) fuzz_require(isfinite(sigma_z) && sigma_z >= 0);
    return status;
}

static hg_status read_builder(void)
{
    static builder_input in;
    static toy_event event;
    size_t length;
    fuzz_toy_map(); /* before the limit */
    uint8_t *bytes = fuzz_read(FUZZ_INPUT, &length);
    memset(&in, 0, sizeof in);
    memcpy(&in, bytes, length < sizeof in ? length : sizeof in);
    free(bytes);
    const size_t given = length < offsetof(builder_input, hit) ? 0 : (length - offsetof(builder_input, hit)) / sizeof *in.hit;
    event.hits.n = given < MOST_HITS ? (int64_t)given : MOST_HITS;
    for (int64_t i = 0; i < event.hits.n; ++i) {
        event.x[i] = in.hit[i].x, event.y[i] = in.hit[i].y, event.z[i] = in.hit[i].z;
        event.layer[i] = in.hit[i].layer, event.module[i] = in.hit[i].module;
    }
    toy_end_hits(&event);
    if (in.n_layers < TOY_LAYERS) event.hits.n_layers = in.n_layers;
    const size_t limit = hg_memory_limit(fuzz_ctx);
    if (in.limited % 2) hg_context_set_memory_limit(fuzz_ctx, hg_memory_used(fuzz_ctx) + ((size_t)in.memory_kib << 10) + 1);
    const hg_status status = build(&event.hits, &in);
    hg_context_set_memory_limit(fuzz_ctx, limit);
    return status;
}

const fuzz_target fuzz_builder_targets[] = {
    {"graph_builder", FUZZ_INPUT, seed_builder, read_builder, HG_ERR_MODEL, NULL, NULL},
    {NULL, NULL, NULL, NULL, HG_OK, NULL, NULL},
};
