/* nn/fused/fused.c — see fused.h. The reference path does what the fused one cannot. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/fused/fused.h"

#include <string.h>
#include "base/arena.h"
#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "kernels/bf16.h"
#include "nn/forward/compute.h"
#include "nn/forward/outputs.h"
#include "nn/forward/reduction.h"
#include "nn/forward/update.h"
#include "nn/fused/fused_pass.h"
#include "nn/run/preparation.h"
#include "nn/run/run_edges.h"

/* width numbers of a row of any storage. */
static void copy_row(const hg_view *view, int64_t row, int64_t width, hg_real *to)
{
    const void *from = hg_stored_row(view->rows, view->storage, view->ld, row);
    if (view->storage == HG_STORE_REAL) {
        memcpy(to, from, (size_t)width * sizeof *to);
    } else {
        for (int64_t c = 0; c < width; ++c) to[c] = hg_stored_number(from, view->storage, c);
    }
}

/* Copies a table to rows of another stride. */
static void copy_rows(const hg_fused *f, int value, int64_t ld, hg_real *to)
{
    const hg_value *v = &f->run->d->value[value];
    const hg_view *view = &f->view[value];
    int64_t rows = hg_value_rows(f->run, value);
#pragma omp parallel for schedule(static) num_threads(hg_team(f->run, rows))
    for (int64_t i = 0; i < rows; ++i) copy_row(view, i, v->width, to + i * ld);
}

/* run->table[value] for the reference path, which knows no padding. */
static hg_status show_to_reference(hg_fused *f, int value)
{
    hg_status status = HG_OK;
    hg_run *run = f->run;
    if (value < 0 || run->table[value]) goto done;
    if (f->view[value].storage == HG_STORE_REAL && f->view[value].ld == run->d->value[value].width) {
        run->table[value] = f->view[value].rows;
    } else {
        const int64_t width = run->d->value[value].width;
        HG_TRY(hg_run_take(run, &run->owned[value], hg_value_rows(run, value) * width));
        copy_rows(f, value, width, run->owned[value]);
        run->table[value] = run->owned[value];
    }
done:
    return status;
}

/* What the reference path saw is forgotten, but for the tables that it made itself. */
static void hide_from_reference(hg_fused *f)
{
    hg_run *run = f->run;
    for (int v = 0; v < run->d->n_values; ++v) {
        if (run->d->value[v].input || run->table[v] == NULL) continue;
        if (run->owned[v] == NULL) {
            run->table[v] = NULL;
        } else if (f->view[v].rows != run->owned[v]) {
            hg_run_drop(run, v);
        }
    }
}

static hg_status run_reference(hg_fused *f, int update)
{
    hg_status status = HG_OK;
    hg_run *run = f->run;
    const hg_update *u = &run->d->update[update];
    for (int t = 0; t < u->n_terms; ++t) {
        HG_TRY(show_to_reference(f, u->term[t].value));
        HG_TRY(show_to_reference(f, u->term[t].weight));
    }
    HG_TRY(show_to_reference(f, u->old));
    if (u->edges >= 0) HG_TRY(show_to_reference(f, run->d->edge_set[u->edges].value));
    HG_TRY(hg_run_pack(run, u->network));
    HG_TRY(hg_update_forward(run, update));
    f->view[u->value] = (hg_view){run->table[u->value], run->d->value[u->value].width, HG_STORE_REAL};
done:
    hide_from_reference(f);
    return status;
}

/* Inputs of one update that are made from other tables: padded messages for those that the pass reduces itself, rows made by the reference
 * path for the others. */
typedef struct made_inputs {
    hg_view made[HG_MAX_TERMS], message[HG_MAX_TERMS];
    hg_reduced reference[HG_MAX_TERMS];
    hg_real *copy[HG_MAX_TERMS]; /* owned */
} made_inputs;

static hg_status make_input(hg_fused *f, const hg_update *u, int t, made_inputs *m)
{
    hg_status status = HG_OK;
    const hg_term *term = &u->term[t];
    const hg_view *view = &f->view[term->value];
    const int64_t padded = hg_stride(HG_STORE_REAL, term->width);
    if (!hg_plan_folds(u->entity, term)) {
        HG_TRY(show_to_reference(f, term->value));
        HG_TRY(show_to_reference(f, term->weight));
        if (term->access == HG_REDUCED) {
            HG_TRY(hg_reduce_forward(f->run, u->entity, term, false, &m->reference[t]));
        } else {
            HG_TRY(hg_compute_forward(f->run, u, term, &m->reference[t].value));
        }
        m->made[t] = (hg_view){m->reference[t].value, term->width, HG_STORE_REAL};
    } else if (view->ld == hg_stride(view->storage, term->width) && !f->run->d->value[term->value].input) {
        m->message[t] = *view;
    } else {
        HG_TRY(hg_alloc(f->run->ctx, &m->copy[t], hg_value_rows(f->run, term->value) * padded));
        copy_rows(f, term->value, padded, m->copy[t]);
        m->message[t] = (hg_view){m->copy[t], padded, HG_STORE_REAL};
    }
done:
    return status;
}

/* The edges of an update may have to be searched in a table, by the reference path. */
static hg_status enter(hg_fused *f, const hg_update *u)
{
    hg_status status = HG_OK;
    if (u->edges >= 0) HG_TRY(show_to_reference(f, f->run->d->edge_set[u->edges].value));
    HG_TRY(hg_run_enter(f->run, u));
done:
    return status;
}

static hg_status place_output(hg_fused *f, int update)
{
    hg_status status = HG_OK;
    const hg_update *u = &f->run->d->update[update];
    const hg_place *place = &f->plan.value[u->value];
    hg_view *view = &f->view[u->value];
    view->ld = place->ld;
    view->storage = place->storage;
    if (place->offset >= 0) {
        view->rows = f->arena + place->offset;
    } else {
        HG_TRY(hg_alloc_array(f->run->ctx, &f->own[u->value], hg_value_rows(f->run, u->value) * place->ld,
                              (size_t)hg_stored_size(place->storage)));
        view->rows = f->own[u->value];
    }
done:
    return status;
}

static hg_status run_fused(hg_fused *f, int update)
{
    hg_status status = HG_OK;
    const hg_update *u = &f->run->d->update[update];
    made_inputs m = {0};
    HG_TRY(enter(f, u));
    for (int t = 0; t < u->n_terms; ++t) {
        if (hg_term_made(&u->term[t]) && !hg_plan_streams(&f->plan, update, &u->term[t])) HG_TRY(make_input(f, u, t, &m));
    }
    hg_fused_products(f, update);
    if (f->plan.update[update].streamed_to >= 0) goto done;
    HG_TRY(place_output(f, update));
    hg_fused_pass(f, update, m.made, m.message);
done:
    for (int t = 0; t < u->n_terms; ++t) {
        hg_reduced_clear(f->run, &m.reference[t]);
        hg_free(f->run->ctx, m.copy[t]);
    }
    hide_from_reference(f);
    return status;
}

static hg_status check_outputs(const hg_fused *f, const hg_output_mark *mark)
{
    hg_view view[HG_ENTITIES] = {{0}};
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        if (mark->value[entity] >= 0) view[entity] = f->view[mark->value[entity]];
    }
    return hg_check_views(f->run, mark, view);
}

static void copy_outputs(const hg_fused *f, const hg_output_mark *mark)
{
    const hg_description *d = f->run->d;
    for (int entity = 0; entity < HG_ENTITIES; ++entity) {
        hg_real *to = hg_output_array(f->out, entity);
        int value = mark->value[entity];
        if (!to || value < 0) continue;
        int64_t width = d->value[value].width, rows = hg_value_rows(f->run, value);
        const hg_view *view = &f->view[value];
#pragma omp parallel for schedule(static) num_threads(hg_team(f->run, rows))
        for (int64_t i = 0; i < rows; ++i) copy_row(view, i, width, to + i * width);
    }
}

static hg_status run_updates(hg_fused *f)
{
    hg_status status = HG_OK;
    hg_run *run = f->run;
    hg_context *ctx = run->ctx;
    const hg_description *d = run->d;
    for (int v = 0; v < d->n_values; ++v) {
        if (d->value[v].input) f->view[v] = (hg_view){run->table[v], d->value[v].width, HG_STORE_REAL};
    }
    for (int i = 0; i < d->n_updates; ++i) {
        if (!d->update[i].live_last) continue;
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "model evaluation was interrupted");
        HG_TRY(f->plan.update[i].fused ? run_fused(f, i) : run_reference(f, i));
        for (int v = 0; v < d->n_values; ++v) {
            if (d->value[v].last_use > i) continue;
            if (run->owned[v]) hg_run_drop(run, v);
            hg_free(ctx, f->own[v]);
            f->own[v] = NULL;
        }
    }
done:
    return status;
}

/* Rows of every table as far as they are known before the updates run. */
static hg_status count_rows(const hg_run *run, int64_t **out)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(run->ctx, out, run->d->n_values));
    for (int v = 0; v < run->d->n_values; ++v) {
        const hg_value *value = &run->d->value[v];
        bool known = value->entity != HG_EDGES || run->edge_set[value->set].graph;
        (*out)[v] = known ? hg_value_rows(run, v) : -1;
    }
done:
    return status;
}

static hg_storage chosen_storage(const hg_context *ctx, const hg_kernels *k)
{
    return hg_context_precision(ctx) == HG_PRECISION_BF16 && k->dense[HG_STORE_BF16].run ? HG_STORE_BF16 : HG_STORE_REAL;
}

hg_status hg_fused_weights_of(hg_context *ctx, const hg_model *model, hg_fused_weights *out)
{
    hg_status status = HG_OK;
    const hg_description *d = &model->description;
    const hg_kernels *kernels;
    hg_plan plan = {0};
    int64_t *rows = NULL; /* weights do not depend on them */
    HG_TRY(hg_kernels_select(ctx, &kernels));
    HG_TRY(hg_alloc(ctx, &rows, d->n_values));
    HG_TRY(hg_plan_make(ctx, d, chosen_storage(ctx, kernels), rows, 1, &plan));
    HG_TRY(hg_fused_weights_make(ctx, kernels, &plan, model->parameters, out));
done:
    hg_plan_clear(ctx, &plan);
    hg_free(ctx, rows);
    return status;
}

static hg_status forward(hg_run *run, const hg_fused_weights *weights, const hg_outputs *out)
{
    hg_status status = HG_OK;
    const hg_description *d = run->d;
    const hg_output_mark *mark = &d->output[d->n_outputs - 1];
    hg_fused f = {.run = run, .out = out, .weights = weights};
    hg_fused_weights own = {0};
    void *arena = NULL;
    int64_t *rows = NULL;
    HG_TRY(count_rows(run, &rows));
    HG_TRY(hg_plan_make(run->ctx, d, chosen_storage(run->ctx, run->k), rows, run->threads, &f.plan));
    if (!weights) {
        HG_TRY(hg_fused_weights_make(run->ctx, run->k, &f.plan, run->model->parameters, &own));
        f.weights = &own;
    }
    HG_TRY(hg_alloc(run->ctx, &f.view, d->n_values));
    HG_TRY(hg_alloc(run->ctx, &f.own, d->n_values));
    HG_TRY(hg_arena_reserve(run->ctx, (size_t)f.plan.bytes, &arena));
    f.arena = arena;
    HG_TRY(run_updates(&f));
    HG_TRY(check_outputs(&f, mark));
    copy_outputs(&f, mark);
done:
    if (f.arena) hg_arena_release(run->ctx);
    hg_fused_weights_clear(run->ctx, d, &own);
    hg_plan_clear(run->ctx, &f.plan);
    for (int v = 0; f.own && v < d->n_values; ++v) hg_free(run->ctx, f.own[v]);
    hg_free(run->ctx, f.own);
    hg_free(run->ctx, f.view);
    hg_free(run->ctx, rows);
    return status;
}

hg_status hg_fused_forward(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_fused_weights *weights,
                           const hg_outputs *out)
{
    hg_status status = HG_OK;
    hg_run run = {.ctx = ctx};
    HG_TRY(hg_run_begin(ctx, model, batch, false, NULL, &run));
    HG_TRY(forward(&run, weights, out));
done:
    hg_run_clear(&run);
    return status;
}

hg_status hg_plan_bytes(hg_context *ctx, const hg_model *model, int64_t n_nodes, int64_t n_edges, int64_t n_graphs, int64_t *bytes)
{
    hg_status status = HG_OK;
    const hg_description *d = &model->description;
    const int64_t size[HG_ENTITIES] = {n_nodes, n_edges, n_graphs};
    const hg_kernels *kernels;
    hg_plan plan = {0};
    int64_t *rows = NULL, weights = 0;
    HG_TRY(hg_kernels_select(ctx, &kernels));
    HG_TRY(hg_alloc(ctx, &rows, d->n_values));
    for (int v = 0; v < d->n_values; ++v)
        rows[v] = d->value[v].entity == HG_GLOBALS || d->value[v].set == 0 ? size[d->value[v].entity] : -1;
    HG_TRY(hg_plan_make(ctx, d, chosen_storage(ctx, kernels), rows, hg_context_threads(ctx), &plan));
    HG_TRY(hg_fused_weights_bytes(ctx, kernels, &plan, &weights));
    *bytes = plan.bytes + weights;
done:
    hg_plan_clear(ctx, &plan);
    hg_free(ctx, rows);
    return status;
}
