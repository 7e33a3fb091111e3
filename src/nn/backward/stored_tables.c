/* nn/backward/stored_tables.c — see stored_tables.h. Only tables of edges are ever left out: they are what fills the memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/backward/stored_tables.h"

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "nn/backward/table_gradient.h"
#include "nn/forward/update.h"

static bool is_edges(const hg_run *run, int value)
{
    return run->d->value[value].entity == HG_EDGES;
}

static bool reads_edges(const hg_run *run, const hg_update *u)
{
    bool reads = u->old >= 0 && is_edges(run, u->old);
    for (int t = 0; t < u->n_terms; ++t) reads = reads || (is_edges(run, u->term[t].value) && !run->d->value[u->term[t].value].input);
    return reads;
}

hg_status hg_stored_choose(hg_run *run)
{
    hg_status status = HG_OK;
    const hg_description *d = run->d;
    int64_t every = run->checkpoint_every, count = 0;
    HG_TRY(hg_alloc(run->ctx, &run->stored, d->n_values));
    for (int v = 0; v < d->n_values; ++v) run->stored[v] = true;
    if (every == 0) goto done;
    for (int i = 0; i < d->n_updates; ++i) {
        const hg_update *u = &d->update[i];
        if (!u->live || u->entity != HG_EDGES) continue;
        /* an encoder is one update away from tables that are there */
        run->stored[u->value] = reads_edges(run, u) && every > 0 && ++count % every == 0;
    }
    for (int o = 0; o < d->n_outputs; ++o) {
        for (int entity = 0; entity < HG_ENTITIES; ++entity) {
            if (d->output[o].value[entity] >= 0) run->stored[d->output[o].value[entity]] = true;
        }
    }
done:
    return status;
}

void hg_stored_drop(hg_run *run, int update)
{
    for (int v = 0; v < run->d->n_values; ++v) {
        if (run->owned[v] && !run->stored[v] && run->last_reader[v] <= update) hg_run_drop(run, v);
    }
}

typedef struct inputs {
    int n, value[2 * HG_MAX_TERMS + 1];
} inputs;

static inputs inputs_of(const hg_update *u)
{
    inputs in = {0};
    if (u->old >= 0) in.value[in.n++] = u->old;
    for (int t = 0; t < u->n_terms; ++t) {
        in.value[in.n++] = u->term[t].value;
        if (u->term[t].weight >= 0) in.value[in.n++] = u->term[t].weight;
    }
    return in;
}

/* Goes back to the nearest tables that are there. Without checkpoints the ones on the way are dropped again. */
static hg_status make_again(hg_run *run, int value)
{
    hg_status status = HG_OK;
    hg_context *ctx = run->ctx;
    int update = run->producer[value];
    if (run->owned[value] || update < 0) return HG_OK;
    HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "gradient was interrupted");
    inputs in = inputs_of(&run->d->update[update]);
    uint8_t made[2 * HG_MAX_TERMS + 1] = {0};
    for (int i = 0; i < in.n; ++i) {
        made[i] = !run->owned[in.value[i]] && run->producer[in.value[i]] >= 0;
        HG_TRY(make_again(run, in.value[i]));
    }
    HG_TRY(hg_update_forward(run, update));
    for (int i = 0; i < in.n; ++i) {
        if (made[i] && run->checkpoint_every == HG_CHECKPOINT_NONE) hg_run_drop(run, in.value[i]);
    }
done:
    return status;
}

hg_status hg_stored_need(hg_run *run, int update)
{
    hg_status status = HG_OK;
    const hg_update *u = &run->d->update[update];
    if (!hg_gradient_exists(&run->gradient[u->value]) || hg_update_is_linear(u)) return HG_OK;
    for (int t = 0; t < u->n_terms; ++t) {
        HG_TRY(make_again(run, u->term[t].value));
        if (u->term[t].weight >= 0) HG_TRY(make_again(run, u->term[t].weight));
    }
done:
    return status;
}
