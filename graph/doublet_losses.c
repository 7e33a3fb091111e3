/* doublet_losses.c — why true doublets are not in the doublet graph. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/doublet_losses.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "graph/doublet_score.h"
#include "graph/module_box.h"

const char *hg_doublet_fate_name(hg_doublet_fate fate)
{
    static const char *const names[HG_DOUBLET_FATES] = {"found",          "layer skipped", "no layer pair", "inward",
                                                        "no module pair", "window",        "score",         "no neighbour"};
    return fate >= 0 && fate < HG_DOUBLET_FATES ? names[fate] : "unknown";
}

void hg_doublet_fates_clear(hg_context *ctx, hg_doublet_fates *fates)
{
    hg_free(ctx, fates->hit);
    hg_free(ctx, fates->fate);
    *fates = (hg_doublet_fates){0};
}

/* Hits of targets by particle: those of particle p are row[first[p] .. first[p + 1]). */
static hg_status list_hits(hg_context *ctx, const hg_doublet_truth *truth, int64_t n_hits, int64_t **first, int32_t **row)
{
    hg_status status = HG_OK;
    int64_t *start = NULL, *next = NULL;
    int32_t *rows = NULL;

    HG_TRY(hg_alloc(ctx, &start, truth->n_particles + 1));
    HG_TRY(hg_alloc(ctx, &next, truth->n_particles));
    for (int64_t i = 0; i < n_hits; ++i) {
        const int32_t p = truth->particle[i];
        HG_CHECK(p >= -1 && p < truth->n_particles, HG_ERR_DATA, "hit row %" PRId64 ": particle row %" PRId32 ", expected -1 .. %" PRId64,
                 i, p, truth->n_particles - 1);
        if (p >= 0 && truth->weight[p] > 0) ++start[p];
    }
    HG_TRY(hg_alloc(ctx, &rows, hg_prefix_sum(start, truth->n_particles)));
    for (int64_t p = 0; p < truth->n_particles; ++p) next[p] = start[p];
    for (int64_t i = 0; i < n_hits; ++i) {
        const int32_t p = truth->particle[i];
        if (p >= 0 && truth->weight[p] > 0) rows[next[p]++] = (int32_t)i;
    }
    *first = start;
    *row = rows;
    start = NULL;
    rows = NULL;
done:
    hg_free(ctx, start);
    hg_free(ctx, next);
    hg_free(ctx, rows);
    return status;
}

/* i -> j is true; of the two directions of an overlap the one that goes from the lower row. */
static bool is_true(const hg_doublet_hits *hits, const hg_doublet_truth *truth, bool overlaps, int32_t i, int32_t j)
{
    const int32_t step = truth->layer_rank[j] - truth->layer_rank[i];
    const bool same = hits->layer[i] == hits->layer[j];
    if (step == 1) return !same;
    return overlaps && step == 0 && same && i < j && truth->module_rank[i] != truth->module_rank[j];
}

/* With hit NULL only counts. */
static int64_t list_true(const hg_doublet_hits *hits, const hg_doublet_truth *truth, bool overlaps, const int64_t *first,
                         const int32_t *row, int32_t *hit)
{
    int64_t n = 0;
    for (int64_t p = 0; p < truth->n_particles; ++p) {
        for (int64_t a = first[p]; a < first[p + 1]; ++a) {
            for (int64_t b = first[p]; b < first[p + 1]; ++b) {
                if (!is_true(hits, truth, overlaps, row[a], row[b])) continue;
                if (hit) hit[2 * n] = row[a], hit[2 * n + 1] = row[b];
                ++n;
            }
        }
    }
    return n;
}

static bool has_edge(const hg_graph *graph, int32_t i, int32_t j)
{
    for (int64_t e = graph->in_ptr[j]; e < graph->in_ptr[j + 1]; ++e)
        if (graph->sender[e] == i) return true;
    return false;
}

static int32_t find_pair(const hg_doublet_map *map, int32_t inner, int32_t outer)
{
    for (int32_t p = 0; p < map->n_pairs; ++p)
        if (map->pair[p].inner == inner && map->pair[p].outer == outer) return p;
    return -1;
}

/* The map leads from one layer to the other over a third one. */
static bool is_joined_over(const hg_doublet_map *map, int32_t inner, int32_t outer)
{
    for (int32_t p = 0; p < map->n_pairs; ++p) {
        const hg_doublet_pair *pair = &map->pair[p];
        if (pair->inner == inner && pair->outer != inner && find_pair(map, pair->outer, outer) >= 0) return true;
    }
    return false;
}

/* What the fate of a doublet is read from. */
typedef struct judge {
    const hg_doublet_hits *hits;
    const hg_doublet_map *map;
    const hg_graph *graph, *unpruned; /* with and without the condition on neighbours */
    const hg_hit_grid *grid;
    const int32_t *place;         /* [n hits] in the grid */
    const hg_module_map *modules; /* NULL = another mode */
    int32_t *found;               /* room of a search */
} judge;

static hg_doublet_fate judge_missing(const judge *j, int32_t inner, int32_t outer)
{
    const int32_t l1 = j->hits->layer[inner], l2 = j->hits->layer[outer], pair = find_pair(j->map, l1, l2);
    if (pair < 0) return is_joined_over(j->map, l1, l2) ? HG_DOUBLET_SKIPPED : HG_DOUBLET_NO_PAIR;
    const hg_point p1 = hg_grid_point(j->grid, j->place[inner]), p2 = hg_grid_point(j->grid, j->place[outer]);
    hg_doublet_values values;
    int32_t bend_z0, c_c;
    if (!hg_doublet_measure(l1 == l2, j->hits->layer_barrel[l1], j->hits->layer_barrel[l2], &p1, &p2, &values)) return HG_DOUBLET_INWARD;
    if (j->modules)
        return hg_module_map_find(j->modules, j->hits->module[inner], j->hits->module[outer]) < 0 ? HG_DOUBLET_NO_MODULES
                                                                                                  : HG_DOUBLET_SCORE;
    if (!hg_doublet_cells(&j->map->pair[pair], &values, &bend_z0, &c_c)) return HG_DOUBLET_WINDOW;
    const int32_t n = hg_doublet_search(j->map, j->grid, pair, j->place[inner], j->found);
    for (int32_t k = 0; k < n; ++k)
        if (j->found[k] == j->place[outer]) return HG_DOUBLET_SCORE;
    return HG_DOUBLET_WINDOW;
}

static hg_doublet_fate fate_of(const judge *j, int32_t inner, int32_t outer)
{
    const bool overlap = j->hits->layer[inner] == j->hits->layer[outer];
    if (has_edge(j->graph, inner, outer) || (overlap && has_edge(j->graph, outer, inner))) return HG_DOUBLET_FOUND;
    if (has_edge(j->unpruned, inner, outer) || (overlap && has_edge(j->unpruned, outer, inner))) return HG_DOUBLET_NEIGHBOUR;
    const hg_doublet_fate fate = judge_missing(j, inner, outer);
    if (!overlap || fate != HG_DOUBLET_INWARD) return fate;
    return judge_missing(j, outer, inner); /* an overlap has no direction along the particle */
}

static hg_status judge_all(hg_context *ctx, const hg_doublet_hits *hits, const hg_doublet_map *map, const hg_module_map *modules,
                           const hg_graph *graph, const hg_graph *unpruned, hg_doublet_fates *fates)
{
    hg_status status = HG_OK;
    hg_hit_grid *grid = NULL;
    int32_t *place = NULL, *found = NULL;

    HG_TRY(hg_hit_grid_create(ctx, hits, &grid));
    HG_TRY(hg_alloc(ctx, &place, hits->n));
    HG_TRY(hg_alloc(ctx, &found, (int64_t)grid->largest + HG_GRID_LANES));
    for (int32_t i = 0; i < grid->n; ++i) place[grid->hit[i]] = i;
    const judge j = {hits, map, graph, unpruned, grid, place, modules, found};
    for (int64_t k = 0; k < fates->n; ++k) fates->fate[k] = (uint8_t)fate_of(&j, fates->hit[2 * k], fates->hit[2 * k + 1]);
done:
    hg_hit_grid_destroy(ctx, grid);
    hg_free(ctx, place);
    hg_free(ctx, found);
    return status;
}

hg_status hg_doublet_fates_find(hg_context *ctx, const hg_doublet_hits *hits, const hg_doublet_truth *truth, const hg_doublet_map *map,
                                const hg_doublet_options *options, const hg_doublet_graph *doublets, hg_doublet_fates *out)
{
    hg_status status = HG_OK;
    hg_doublet_options unpruned_options = options ? *options : hg_doublet_default_options();
    hg_doublet_graph *unpruned = NULL;
    hg_doublet_fates fates = {0};
    int64_t *first = NULL;
    int32_t *row = NULL;

    unpruned_options.triplet_window = 0;
    unpruned_options.neighbour_tables = false;
    HG_TRY(hg_doublet_graph_create(ctx, hits, map, &unpruned_options, &unpruned));
    HG_TRY(list_hits(ctx, truth, hits->n, &first, &row));
    fates.n = list_true(hits, truth, unpruned_options.overlaps, first, row, NULL);
    HG_TRY(hg_alloc(ctx, &fates.hit, 2 * fates.n));
    HG_TRY(hg_alloc(ctx, &fates.fate, fates.n));
    list_true(hits, truth, unpruned_options.overlaps, first, row, fates.hit);
    const hg_module_map *modules = unpruned_options.mode == HG_DOUBLETS_MODULE_MAP ? unpruned_options.modules : NULL;
    HG_TRY(judge_all(ctx, hits, map, modules, doublets->graph, unpruned->graph, &fates));
    *out = fates;
    fates = (hg_doublet_fates){0};
done:
    hg_doublet_fates_clear(ctx, &fates);
    hg_doublet_graph_destroy(ctx, unpruned);
    hg_free(ctx, first);
    hg_free(ctx, row);
    return status;
}
