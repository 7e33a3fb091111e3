/* nn/run/preparation.c — preparing and ending one evaluation: checks, packed weights, tables. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/run/preparation.h"

#include "base/check.h"
#include "base/memory.h"
#include "nn/run/finite.h"
#include "nn/run/run_edges.h"

static const hg_real *attributes(const hg_batch *batch, hg_entity entity)
{
    return entity == HG_NODES ? batch->nodes : entity == HG_EDGES ? batch->edges : batch->globals;
}

static hg_status take_inputs(hg_run *run)
{
    hg_context *ctx = run->ctx;
    hg_status status = HG_OK;
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        int value = run->d->input[entity];
        const hg_real *data = attributes(run->batch, (hg_entity)entity);
        int64_t rows = hg_run_rows(run, (hg_entity)entity), width = run->d->width[entity];
        HG_CHECK(data || value < 0 || rows == 0, HG_ERR_ARG, "batch has no attributes of %s: found none, expected %" PRId64 " x %" PRId64,
                 hg_entity_names[entity], rows, width);
        HG_CHECK(!data || value >= 0, HG_ERR_ARG, "batch has attributes of %s, the model expects none (width 0)", hg_entity_names[entity]);
        if (value >= 0) run->table[value] = data;
    }
done:
    return status;
}

static void note_reader(hg_run *run, int value, int update)
{
    if (run->first_reader[value] > update) run->first_reader[value] = update;
    if (run->last_reader[value] < update) run->last_reader[value] = update;
}

static hg_status find_readers(hg_run *run)
{
    hg_status status = HG_OK;
    const hg_description *d = run->d;
    HG_TRY(hg_alloc(run->ctx, &run->first_reader, d->n_values));
    HG_TRY(hg_alloc(run->ctx, &run->last_reader, d->n_values));
    HG_TRY(hg_alloc(run->ctx, &run->producer, d->n_values));
    for (int v = 0; v < d->n_values; ++v) {
        run->first_reader[v] = d->n_updates;
        run->last_reader[v] = run->producer[v] = -1;
    }
    for (int i = 0; i < d->n_updates; ++i) {
        const hg_update *u = &d->update[i];
        if (!u->live) continue;
        run->producer[u->value] = i;
        if (u->old >= 0) note_reader(run, u->old, i);
        for (int t = 0; t < u->n_terms; ++t) {
            note_reader(run, u->term[t].value, i);
            if (u->term[t].weight >= 0) note_reader(run, u->term[t].weight, i);
        }
    }
done:
    return status;
}

hg_status hg_run_begin(hg_context *ctx, const hg_model *model, const hg_batch *batch, bool training, hg_pool *pool, hg_run *run)
{
    hg_status status = HG_OK;
    const hg_description *d = &model->description;
    *run = (hg_run){.ctx = ctx, .model = model, .d = d, .batch = batch, .graph = batch->graph, .training = training};
    run->nodes = batch->graph;
    run->threads = hg_context_threads(ctx);
    HG_TRY(hg_kernels_select(ctx, &run->k));
    run->pool = pool;
    run->own_pool = !pool;
    if (!pool) HG_TRY(hg_pool_create(ctx, false, &run->pool));
    run->dry = hg_pool_is_dry(run->pool);
    HG_TRY(hg_alloc(ctx, &run->table, d->n_values));
    HG_TRY(hg_alloc(ctx, &run->owned, d->n_values));
    HG_TRY(hg_alloc(ctx, &run->packed, d->n_networks));
    HG_TRY(hg_alloc(ctx, &run->reduced, d->n_updates));
    if (training) HG_TRY(hg_alloc(ctx, &run->signs, d->n_updates));
    HG_TRY(hg_alloc(ctx, &run->edge_set, d->n_edge_sets));
    HG_TRY(find_readers(run));
    if (!run->dry) HG_TRY(take_inputs(run));
    HG_TRY(hg_run_take_edges(run));
    if (!run->dry) HG_TRY(hg_check_attributes(run));
    for (int i = 0; training && i < d->n_updates; ++i) {
        if (d->update[i].live) HG_TRY(hg_run_pack(run, d->update[i].network));
    }
done:
    return status;
}

hg_status hg_run_pack(hg_run *run, int network)
{
    if (network < 0 || run->packed[network].memory) return HG_OK;
    return hg_mlp_pack(run->ctx, &run->d->network[network], run->model->parameters, run->training, &run->packed[network]);
}

void hg_run_clear(hg_run *run)
{
    hg_context *ctx = run->ctx;
    for (int i = 0; i < run->d->n_values; ++i) {
        if (run->owned) hg_run_give(run, run->owned[i]);
    }
    for (int i = 0; run->reduced && i < run->d->n_updates; ++i) hg_run_drop_reduced(run, i);
    for (int i = 0; run->signs && i < run->d->n_updates; ++i) hg_run_give(run, run->signs[i]);
    for (int i = 0; run->packed && i < run->d->n_networks; ++i) hg_free(ctx, run->packed[i].memory);
    if (run->own_pool) hg_pool_destroy(ctx, run->pool);
    hg_free(ctx, run->table);
    hg_free(ctx, run->owned);
    hg_free(ctx, run->packed);
    hg_free(ctx, run->reduced);
    hg_free(ctx, run->signs);
    hg_free(ctx, run->first_reader);
    hg_free(ctx, run->last_reader);
    hg_free(ctx, run->producer);
    hg_run_clear_edges(run);
}
