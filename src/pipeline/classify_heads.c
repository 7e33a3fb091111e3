/* pipeline/classify_heads.c — the heads of a model: targets from truth, and their losses. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/classify_heads.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "hitgraph/loss.h"

static const double quantiles[3] = {0.1587, 0.5, 0.8413};

/* ---- targets ---- */

void hg_head_targets_clear(hg_context *ctx, hg_head_targets *targets)
{
    hg_free(ctx, targets->signal);
    hg_free(ctx, targets->label);
    hg_free(ctx, targets->energy);
    hg_free(ctx, targets->direction);
    hg_free(ctx, targets->vertex);
    for (int k = 0; k < HG_N_HEADS; ++k) hg_free(ctx, targets->weight[k]);
    *targets = (hg_head_targets){0};
}

hg_status hg_head_targets_room(hg_context *ctx, const hg_heads *heads, int64_t n, hg_head_targets *out)
{
    hg_status status = HG_OK;
    hg_head_targets t = {.heads = heads, .n = n};
    HG_TRY(hg_alloc(ctx, &t.signal, n));
    HG_TRY(hg_alloc(ctx, &t.label, n));
    HG_TRY(hg_alloc(ctx, &t.energy, n));
    HG_TRY(hg_alloc(ctx, &t.direction, 3 * n));
    HG_TRY(hg_alloc(ctx, &t.vertex, 3 * n));
    for (int h = 0; h < heads->n; ++h) HG_TRY(hg_alloc(ctx, &t.weight[heads->head[h].kind], n));
    *out = t;
    t = (hg_head_targets){0};
done:
    hg_head_targets_clear(ctx, &t);
    return status;
}

static bool is_class(int32_t label)
{
    return label >= 0 && label < HG_N_CLASSES;
}

static bool knows(const hg_pulse_truth *truth, hg_head_kind kind, int64_t e)
{
    switch (kind) {
    case HG_HEAD_SIGNAL:
    case HG_HEAD_CLASS:
        return truth->label && is_class(truth->label[e]);
    case HG_HEAD_ENERGY:
    case HG_HEAD_QUANTILES:
        return truth->energy && truth->energy[e] > 0;
    case HG_HEAD_DIRECTION:
        return truth->dir && (truth->dir[3 * e] != 0 || truth->dir[3 * e + 1] != 0 || truth->dir[3 * e + 2] != 0);
    default:
        return truth->vertex != NULL;
    }
}

static void fill(const hg_heads *heads, const hg_pulse_truth *truth, int64_t e, hg_head_targets *t)
{
    t->label[e] = truth->label && is_class(truth->label[e]) ? truth->label[e] : 0;
    t->signal[e] = heads->is_signal[t->label[e]];
    t->energy[e] = (hg_real)(truth->energy && truth->energy[e] > 0 ? log10((double)truth->energy[e]) - HG_ENERGY_CENTRE : 0);
    for (int k = 0; k < 3; ++k) {
        t->direction[3 * e + k] = truth->dir ? (hg_real)truth->dir[3 * e + k] : 0;
        t->vertex[3 * e + k] = truth->vertex ? (hg_real)((double)truth->vertex[4 * e + k] / HG_VERTEX_UNIT) : 0;
    }
    for (int h = 0; h < heads->n; ++h) {
        const hg_head_kind kind = heads->head[h].kind;
        const double weight = truth->weight ? (double)truth->weight[e] : 1;
        t->weight[kind][e] = knows(truth, kind, e) ? (hg_real)weight : 0;
    }
}

static int group_of(const hg_head_targets *t, hg_head_kind kind, int64_t e)
{
    return kind == HG_HEAD_SIGNAL ? t->signal[e] : t->label[e];
}

/* Every class that the head tells apart gets the same sum of weights; the sum of all stays. */
static void balance(hg_head_targets *t, hg_head_kind kind)
{
    double sum[HG_N_CLASSES] = {0}, all = 0, present = 0;
    hg_real *w = t->weight[kind];
    for (int64_t e = 0; w && e < t->n; ++e) sum[group_of(t, kind, e)] += (double)w[e];
    for (int c = 0; c < HG_N_CLASSES; ++c) {
        all += sum[c];
        present += sum[c] > 0;
    }
    for (int64_t e = 0; w && e < t->n; ++e)
        if (w[e] > 0) w[e] = (hg_real)((double)w[e] * all / (present * sum[group_of(t, kind, e)]));
}

hg_status hg_head_targets_make(hg_context *ctx, const hg_heads *heads, const hg_pulse_events *events, bool class_weights,
                               hg_head_targets *out)
{
    hg_status status = HG_OK;
    hg_head_targets t = {0};
    HG_TRY(hg_head_targets_room(ctx, heads, events->n_events, &t));
    for (int64_t e = 0; e < events->n_events; ++e) fill(heads, &events->truth, e, &t);
    for (int h = 0; h < heads->n; ++h) {
        const hg_head_kind kind = heads->head[h].kind;
        int64_t known = 0;
        for (int64_t e = 0; e < t.n; ++e) {
            known += t.weight[kind][e] > 0;
            HG_CHECK(kind != HG_HEAD_CLASS || t.weight[kind][e] > 0, HG_ERR_DATA,
                     "truth, label of event %" PRIu64 ": is none of the %d classes, as the head class needs", events->event_id[e],
                     HG_N_CLASSES);
        }
        HG_CHECK(known > 0, HG_ERR_DATA, "truth: none of %" PRId64 " events has what the head %s learns from", t.n, hg_head_name(kind));
    }
    if (class_weights) balance(&t, HG_HEAD_SIGNAL);
    if (class_weights) balance(&t, HG_HEAD_CLASS);
    *out = t;
    t = (hg_head_targets){0};
done:
    hg_head_targets_clear(ctx, &t);
    return status;
}

void hg_head_targets_copy(const hg_head_targets *all, const int64_t *chosen, int64_t n, int64_t first, hg_head_targets *to)
{
    for (int64_t i = 0; i < n; ++i) {
        const int64_t e = chosen[i], row = first + i;
        to->signal[row] = all->signal[e];
        to->label[row] = all->label[e];
        to->energy[row] = all->energy[e];
        memcpy(to->direction + 3 * row, all->direction + 3 * e, 3 * sizeof *to->direction);
        memcpy(to->vertex + 3 * row, all->vertex + 3 * e, 3 * sizeof *to->vertex);
        for (int k = 0; k < HG_N_HEADS; ++k)
            if (to->weight[k]) to->weight[k][row] = all->weight[k][e];
    }
}

hg_status hg_head_targets_select(hg_context *ctx, const hg_head_targets *all, const int64_t *chosen, int64_t n, hg_head_targets *out)
{
    hg_head_targets t = {0};
    const hg_status status = hg_head_targets_room(ctx, all->heads, n, &t);
    if (status < 0) return status;
    hg_head_targets_copy(all, chosen, n, 0, &t);
    *out = t;
    return HG_OK;
}

/* ---- losses ---- */

/* Columns first .. first + width of a table of `stride` columns, and back with a factor. */
static void take_columns(const hg_real *table, int64_t n, int64_t stride, int64_t first, int64_t width, hg_real *out)
{
    for (int64_t i = 0; i < n; ++i) memcpy(out + i * width, table + i * stride + first, (size_t)width * sizeof *out);
}

static void put_columns(const hg_real *from, int64_t n, int64_t stride, int64_t first, int64_t width, double factor, hg_real *table)
{
    for (int64_t i = 0; i < n; ++i)
        for (int64_t k = 0; k < width; ++k) table[i * stride + first + k] = (hg_real)(factor * (double)from[i * width + k]);
}

/* The places of a loss's arrays: columns of the head's own room. */
typedef struct head_room {
    hg_real *in, *gradient; /* [n, width]; gradient NULL = not wanted */
    hg_real *part, *part_gradient, *target;
} head_room;

/* Gaussian losses of three coordinates, summed. */
static hg_status vertex_loss(hg_context *ctx, const hg_head_targets *t, head_room *r, double *loss)
{
    hg_status status = HG_OK;
    *loss = 0;
    for (int k = 0; k < 3; ++k) {
        double part = 0;
        take_columns(r->in, t->n, 6, 2 * k, 2, r->part);
        take_columns(t->vertex, t->n, 3, k, 1, r->target);
        HG_TRY(hg_loss_gaussian(ctx, t->n, r->part, r->target, t->weight[HG_HEAD_VERTEX], HG_LOSS_MEAN, &part,
                                r->gradient ? r->part_gradient : NULL));
        if (r->gradient) put_columns(r->part_gradient, t->n, 6, 2 * k, 2, 1, r->gradient);
        *loss += part;
    }
done:
    return status;
}

static hg_status quantile_loss(hg_context *ctx, const hg_head_targets *t, head_room *r, double *loss)
{
    hg_status status = HG_OK;
    *loss = 0;
    for (int k = 0; k < 3; ++k) {
        double part = 0;
        take_columns(r->in, t->n, 3, k, 1, r->part);
        HG_TRY(hg_loss_regression(ctx, HG_REGRESSION_QUANTILE, quantiles[k], t->n, r->part, t->energy, t->weight[HG_HEAD_QUANTILES],
                                  HG_LOSS_MEAN, &part, r->gradient ? r->part_gradient : NULL));
        if (r->gradient) put_columns(r->part_gradient, t->n, 3, k, 1, 1, r->gradient);
        *loss += part;
    }
done:
    return status;
}

/* Cross-entropy in which every event has a weight of its own; divided by the sum of these. */
static hg_status class_loss(hg_context *ctx, const hg_head_targets *t, const hg_real *logit, double *loss, hg_real *gradient)
{
    hg_status status = HG_OK;
    const hg_real *weight = t->weight[HG_HEAD_CLASS];
    double all = 0;
    *loss = 0;
    for (int64_t i = 0; i < t->n; ++i) all += (double)weight[i];
    for (int64_t i = 0; i < t->n; ++i) {
        hg_real *row = gradient ? gradient + i * HG_N_CLASSES : NULL;
        const double share = all > 0 ? (double)weight[i] / all : 0;
        double part = 0;
        HG_TRY(hg_loss_cross_entropy(ctx, 1, HG_N_CLASSES, logit + i * HG_N_CLASSES, t->label + i, NULL, 0, HG_LOSS_MEAN, &part, row));
        *loss += share * part;
        for (int k = 0; row && k < HG_N_CLASSES; ++k) row[k] = (hg_real)(share * (double)row[k]);
    }
done:
    return status;
}

/* exp of this is beyond any concentration that data can show, and far from an overflow */
static const double length_most = 20;

void hg_direction_expand(hg_real r[3])
{
    const double length = sqrt((double)r[0] * (double)r[0] + (double)r[1] * (double)r[1] + (double)r[2] * (double)r[2]);
    const double growth = exp(fmin(length, length_most));
    for (int k = 0; k < 3; ++k) r[k] = (hg_real)((double)r[k] * growth);
}

/* From dl/dp to dl/dr where p = exp(|r|) r: exp(|r|) (dl/dp + (r . dl/dp) r / |r|). */
static void contract(const hg_real r[3], hg_real gradient[3])
{
    double length = 0, along = 0;
    for (int k = 0; k < 3; ++k) {
        length += (double)r[k] * (double)r[k];
        along += (double)r[k] * (double)gradient[k];
    }
    length = sqrt(length);
    const double growth = exp(fmin(length, length_most)), radial = length > 0 && length < length_most ? along / length : 0;
    for (int k = 0; k < 3; ++k) gradient[k] = (hg_real)(growth * ((double)gradient[k] + radial * (double)r[k]));
}

static hg_status direction_loss(hg_context *ctx, const hg_head_targets *t, head_room *r, double *loss)
{
    const hg_real *weight = t->weight[HG_HEAD_DIRECTION];
    if (!t->heads->exponential) return hg_loss_vmf3(ctx, t->n, r->in, t->direction, weight, HG_LOSS_MEAN, loss, r->gradient);
    memcpy(r->part, r->in, (size_t)(3 * t->n) * sizeof *r->part);
    for (int64_t i = 0; i < t->n; ++i) hg_direction_expand(r->part + 3 * i);
    const hg_status status = hg_loss_vmf3(ctx, t->n, r->part, t->direction, weight, HG_LOSS_MEAN, loss, r->gradient);
    for (int64_t i = 0; status >= 0 && r->gradient && i < t->n; ++i) contract(r->in + 3 * i, r->gradient + 3 * i);
    return status;
}

static hg_status head_loss(hg_context *ctx, const hg_head_targets *t, hg_head_kind kind, head_room *r, double *loss)
{
    const hg_real *weight = t->weight[kind];
    switch (kind) {
    case HG_HEAD_SIGNAL:
        for (int64_t i = 0; i < t->n; ++i) r->target[i] = t->signal[i];
        return hg_loss_bce(ctx, t->n, r->in, r->target, weight, 1, HG_LOSS_MEAN, loss, r->gradient);
    case HG_HEAD_CLASS:
        return class_loss(ctx, t, r->in, loss, r->gradient);
    case HG_HEAD_ENERGY:
        return hg_loss_gaussian(ctx, t->n, r->in, t->energy, weight, HG_LOSS_MEAN, loss, r->gradient);
    case HG_HEAD_QUANTILES:
        return quantile_loss(ctx, t, r, loss);
    case HG_HEAD_DIRECTION:
        return direction_loss(ctx, t, r, loss);
    default:
        return vertex_loss(ctx, t, r, loss);
    }
}

hg_status hg_heads_loss(hg_context *ctx, void *user, const hg_batch *batch, const hg_outputs *out, hg_outputs *gradient, double *loss)
{
    hg_status status = HG_OK;
    const hg_head_targets *t = user;
    const hg_heads *heads = t->heads;
    head_room room = {0};
    hg_real *memory = NULL;
    const int64_t n = batch->graph->n_graphs, widest = 6;
    double sum = 0;

    HG_TRY(hg_alloc(ctx, &memory, n * (2 * widest + 3 + 2 + 1)));
    room.in = memory;
    room.part = memory + 2 * widest * n;
    room.part_gradient = room.part + 3 * n;
    room.target = room.part_gradient + 2 * n;
    room.gradient = gradient->globals ? memory + widest * n : NULL;
    for (int h = 0; h < heads->n; ++h) {
        const hg_head *head = &heads->head[h];
        double part = 0;
        take_columns(out->globals, n, heads->width, head->column, head->width, room.in);
        HG_TRY(head_loss(ctx, t, head->kind, &room, &part));
        if (room.gradient) put_columns(room.gradient, n, heads->width, head->column, head->width, head->weight, gradient->globals);
        sum += head->weight * part;
    }
    *loss = sum;
done:
    hg_free(ctx, memory);
    return status;
}
