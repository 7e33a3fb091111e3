/* nn/backward/reduction_back.c — see reduction_back.h. Every row of a gradient is written by one loop, in a fixed order. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/backward/reduction_back.h"

#include "base/check.h"
#include "base/parallel.h"
#include "kernels/functions.h"
#include "nn/backward/table_gradient.h"

enum { CHUNK = 1024 };

/* One reduction on its way back: d [segments, width] is the gradient of its value. */
typedef struct way_back {
    const hg_run *run;
    hg_items it;
    hg_reduction reduction; /* MEAN has become SUM of d / n */
    const hg_reduced *r;
    const hg_real *d;
} way_back;

/* Gradient of column c of the item's M (attention: of its m), where M = factor * m. */
static inline hg_real column_gradient(const way_back *w, int64_t segment, int64_t group, int64_t c, hg_real factor, hg_real m)
{
    int64_t at = segment * w->it.width + c, score = segment * w->it.groups + group;
    hg_real d = w->d[at], value = w->r->value ? w->r->value[at] : 0, message = factor * m;
    switch (w->reduction) {
    case HG_REDUCE_MAX:
    case HG_REDUCE_MIN:
        return message == value ? d / w->r->second[at] : 0;
    case HG_REDUCE_STD: {
        hg_real n = (hg_real)(w->it.ptr[segment + 1] - w->it.ptr[segment]);
        return value > 0 ? d * (message - w->r->first[at]) / (n * value) : 0;
    }
    case HG_REDUCE_SOFTMAX:
        return d * hg_exp_negative(message - w->r->first[at]) / w->r->second[at] * (1 + message - value);
    case HG_REDUCE_ATTENTION:
        return d * hg_exp_negative(factor - w->r->first[score]) / w->r->second[score];
    case HG_REDUCE_SUM:
    case HG_REDUCE_MEAN:
        break;
    }
    return d;
}

/* target[0 .. width) += gradient of the item's row of the message table. */
static void add_message_gradient(const way_back *w, int64_t item, hg_real *target)
{
    const hg_items *it = &w->it;
    const hg_real *m = it->message + (it->end ? it->end[item] : item) * it->width;
    int64_t size = it->width / it->groups, segment = it->segment[item];
    for (int64_t group = 0; group < it->groups; ++group) {
        hg_real factor = it->factor ? it->factor[item * it->groups + group] : 1;
        hg_real outer = w->reduction == HG_REDUCE_ATTENTION ? 1 : factor;
        if (w->reduction == HG_REDUCE_SUM) {
            const hg_real *d = w->d + segment * it->width;
            for (int64_t c = group * size; c < (group + 1) * size; ++c) target[c] += outer * d[c];
        } else {
            for (int64_t c = group * size; c < (group + 1) * size; ++c)
                target[c] += outer * column_gradient(w, segment, group, c, factor, m[c]);
        }
    }
}

/* target[0 .. groups) += gradient of the item's factors: dM . m, or for scores of attention alpha (d . m - d . value). */
static void add_factor_gradient(const way_back *w, int64_t item, hg_real *target)
{
    const hg_items *it = &w->it;
    const hg_real *m = it->message + (it->end ? it->end[item] : item) * it->width;
    int64_t size = it->width / it->groups, segment = it->segment[item];
    for (int64_t group = 0; group < it->groups; ++group) {
        hg_real factor = it->factor[item * it->groups + group], sum = 0;
        for (int64_t c = group * size; c < (group + 1) * size; ++c) {
            hg_real arm = w->reduction == HG_REDUCE_ATTENTION ? m[c] - w->r->value[segment * it->width + c] : m[c];
            sum += column_gradient(w, segment, group, c, factor, m[c]) * arm;
        }
        target[group] += sum;
    }
}

static void own_messages_back(const way_back *w, hg_real *gradient)
{
    const hg_items *it = &w->it;
#pragma omp parallel for schedule(static) num_threads(hg_team(w->run, it->n_items))
    for (int64_t chunk = 0; chunk < hg_block_count(it->n_items, CHUNK); ++chunk) {
        int64_t first = chunk * CHUNK, count = it->n_items - first < CHUNK ? it->n_items - first : CHUNK;
        for (int64_t item = first; item < first + count; ++item) add_message_gradient(w, item, gradient + item * it->width);
    }
}

/* Messages that are rows of nodes: each node collects from its edges. */
static void node_messages_back(const way_back *w, bool sender, hg_real *gradient)
{
    const hg_items *it = &w->it;
    const hg_graph *g = w->run->graph;
    const int64_t *ptr = sender ? g->out_ptr : g->in_ptr, *edge = sender ? g->out_edge : NULL, n = sender ? g->n_senders : g->n_nodes;
#pragma omp parallel for schedule(dynamic, 256) num_threads(hg_team(w->run, g->n_edges))
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t t = ptr[i]; t < ptr[i + 1]; ++t) add_message_gradient(w, edge ? edge[t] : t, gradient + i * it->width);
    }
}

static void factors_back(const way_back *w, hg_real *gradient)
{
    const hg_items *it = &w->it;
#pragma omp parallel for schedule(static) num_threads(hg_team(w->run, it->n_items))
    for (int64_t item = 0; item < it->n_items; ++item) add_factor_gradient(w, item, gradient + item * it->groups);
}

void hg_mean_back(const hg_run *run, const hg_items *it, hg_real *d, int64_t ld)
{
    if (run->dry) return;
#pragma omp parallel for schedule(static) num_threads(hg_team(run, it->n_segments))
    for (int64_t s = 0; s < it->n_segments; ++s) {
        hg_real n = (hg_real)(it->ptr[s + 1] - it->ptr[s]);
        for (int64_t c = 0; n > 0 && c < ld; ++c) d[s * ld + c] /= n;
    }
}

hg_status hg_reduce_backward(hg_run *run, hg_entity entity, const hg_term *term, const hg_reduced *reduced, hg_real *d)
{
    hg_status status = HG_OK;
    way_back w = {.run = run, .it = hg_items_of(run, entity, term), .reduction = term->reduction, .r = reduced, .d = d};
    hg_real *gradient = NULL;
    if (term->reduction == HG_REDUCE_MEAN) {
        hg_mean_back(run, &w.it, d, term->width);
        w.reduction = HG_REDUCE_SUM;
    }
    if (run->wanted[term->value]) {
        HG_TRY(hg_gradient_of(run, term->value, &gradient));
        if (run->dry) {
            /* nothing to add */
        } else if (term->message == HG_OWN) {
            own_messages_back(&w, gradient);
        } else {
            node_messages_back(&w, term->message == HG_SENDER, gradient);
        }
    }
    if (term->weight >= 0 && run->wanted[term->weight]) {
        HG_TRY(hg_gradient_of(run, term->weight, &gradient));
        if (!run->dry) factors_back(&w, gradient);
    }
done:
    return status;
}
