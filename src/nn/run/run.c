/* nn/run/run.c — the tables of one evaluation: their rows, and letting go of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/run/run.h"

#include <string.h>
#include "base/memory.h"
#include "base/parallel.h"

int64_t hg_run_rows(const hg_run *run, hg_entity entity)
{
    return entity == HG_NODES ? run->nodes->n_nodes : entity == HG_EDGES ? run->graph->n_edges : run->batch->graph->n_graphs;
}

int64_t hg_value_rows(const hg_run *run, int value)
{
    const hg_value *v = &run->d->value[value];
    if (v->entity == HG_NODES) return hg_level_graph(run, v->set)->n_nodes;
    return v->entity == HG_EDGES ? run->edge_set[v->set].graph->n_edges : run->batch->graph->n_graphs;
}

const int32_t *hg_graph_index(const hg_run *run, hg_entity entity)
{
    return entity == HG_EDGES ? run->edge_graph : run->nodes->node_graph;
}

void hg_zero(const hg_run *run, hg_real *array, int64_t n)
{
    if (run->dry) return;
#pragma omp parallel for schedule(static) num_threads(hg_team(run, n / 64))
    for (int64_t block = 0; block < hg_block_count(n, HG_SUM_BLOCK); ++block) {
        int64_t first = block * HG_SUM_BLOCK, count = n - first < HG_SUM_BLOCK ? n - first : HG_SUM_BLOCK;
        memset(array + first, 0, (size_t)count * sizeof *array);
    }
}

void hg_reduced_clear(hg_run *run, hg_reduced *r)
{
    hg_run_give(run, r->value);
    hg_run_give(run, r->first);
    hg_run_give(run, r->second);
    *r = (hg_reduced){0};
}

void hg_run_drop(hg_run *run, int value)
{
    hg_run_give(run, run->owned[value]);
    run->owned[value] = NULL;
    run->table[value] = NULL;
}

void hg_run_drop_reduced(hg_run *run, int update)
{
    if (!run->reduced[update]) return;
    for (int t = 0; t < run->d->update[update].n_terms; ++t) hg_reduced_clear(run, &run->reduced[update][t]);
    hg_free(run->ctx, run->reduced[update]);
    run->reduced[update] = NULL;
}
