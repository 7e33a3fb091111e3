/* pipeline/classify_report.c — scores against the truth, in slices of class, energy and pulse count. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/classify_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "hitgraph/classification.h"
#include "pipeline/classify_figures.h"

static const double energy_edge[] = {0, 1e3, 1e4, 1e5, INFINITY};
static const int64_t pulse_edge[] = {0, 80, 160, 320, INT64_MAX};
enum { N_ENERGIES = 4, N_PULSES = 4, NAME_ROOM = 64 };

typedef struct pairs {
    int64_t n;
    int64_t *row, *event; /* [n] owned: a row of the scores and its event */
} pairs;

/* ---- which events are in both ---- */

typedef struct id_row {
    uint64_t id;
    int64_t event;
} id_row;

static int by_id(const void *a, const void *b)
{
    const id_row *p = a, *q = b;
    if (p->id != q->id) return p->id < q->id ? -1 : 1;
    return (p->event > q->event) - (p->event < q->event);
}

static hg_status match(hg_context *ctx, const hg_score_table *scores, const hg_pulse_events *events, pairs *out)
{
    hg_status status = HG_OK;
    id_row *key = NULL;
    pairs p = {0};
    HG_TRY(hg_alloc(ctx, &key, events->n_events));
    HG_TRY(hg_alloc(ctx, &p.row, scores->n));
    HG_TRY(hg_alloc(ctx, &p.event, scores->n));
    for (int64_t e = 0; e < events->n_events; ++e) key[e] = (id_row){events->event_id[e], e};
    qsort(key, (size_t)events->n_events, sizeof *key, by_id);
    for (int64_t e = 1; e < events->n_events; ++e)
        HG_CHECK(key[e].id != key[e - 1].id, HG_ERR_DATA, "truth: event %" PRIu64 " stands there twice", key[e].id);
    for (int64_t i = 0, e = 0; i < scores->n; ++i) { /* both are sorted */
        while (e < events->n_events && key[e].id < scores->event_id[i]) ++e;
        if (e == events->n_events || key[e].id != scores->event_id[i]) continue;
        p.row[p.n] = i;
        p.event[p.n++] = key[e].event;
    }
    HG_CHECK(p.n > 0 || scores->n == 0, HG_ERR_DATA, "none of the %" PRId64 " events with scores is among the %" PRId64 " with truth",
             scores->n, events->n_events);
    *out = p;
    p = (pairs){0};
done:
    hg_free(ctx, key);
    hg_free(ctx, p.row);
    hg_free(ctx, p.event);
    return status;
}

/* ---- one slice ---- */

typedef struct source {
    const hg_score_table *scores;
    const hg_pulse_events *events;
    const hg_classify_report_options *options;
} source;

/* Figures of rankings: the network's, and of every cut that is made without one. */
static hg_status rank_all(hg_context *ctx, const source *s, const pairs *p, json_t *slice)
{
    hg_status status = HG_OK;
    const hg_baselines *b = s->options->baselines;
    const float *logit = hg_score_table_find(s->scores, "signal_logit");
    json_t *list = json_array();
    hg_real *value = NULL;
    uint8_t *label = NULL;
    int64_t n = 0;
    HG_TRY(hg_alloc(ctx, &value, p->n));
    HG_TRY(hg_alloc(ctx, &label, p->n));
    if (!s->events->truth.label) goto done;
    const struct {
        const char *name;
        const float *data;
        int64_t stride, first;
        bool by_event;
    } ranking[] = {{"network", logit, 1, 0, false},
                   {"charge", b ? b->charge : NULL, 1, 0, true},
                   {"hit sensors", b ? b->hits : NULL, 1, 0, true},
                   {"outer veto", b ? b->outer : NULL, 1, 0, true},
                   {"LineFit zenith", b ? b->linefit : NULL, 3, 2, true},
                   {"Pandel likelihood", b ? b->likelihood : NULL, 1, 0, true}};
    for (size_t k = 0; k < sizeof ranking / sizeof *ranking; ++k) {
        if (!ranking[k].data) continue;
        n = 0;
        for (int64_t i = 0; i < p->n; ++i) {
            const int32_t c = s->events->truth.label[p->event[i]];
            if (c < 0 || c >= HG_N_CLASSES) continue;
            const int64_t row = ranking[k].by_event ? p->event[i] : p->row[i];
            value[n] = (hg_real)ranking[k].data[row * ranking[k].stride + ranking[k].first];
            label[n++] = s->options->is_signal[c];
        }
        HG_TRY(hg_figures_ranking(ctx, ranking[k].name, n, value, label, ranking[k].by_event, list));
        if (k == 0) HG_TRY(hg_figures_calibration(ctx, n, value, label, hg_score_table_find(s->scores, "signal"), p->row, slice));
    }
done:
    if (json_array_size(list) > 0) json_object_set(slice, "signal", list);
    json_decref(list);
    hg_free(ctx, value);
    hg_free(ctx, label);
    return status;
}

static hg_status angles(hg_context *ctx, const source *s, const pairs *p, json_t *slice)
{
    hg_status status = HG_OK;
    const hg_baselines *b = s->options->baselines;
    const float *truth = s->events->truth.dir, *kappa = hg_score_table_find(s->scores, "kappa");
    const float *found[3] = {hg_score_table_find(s->scores, "dir_x"), hg_score_table_find(s->scores, "dir_y"),
                             hg_score_table_find(s->scores, "dir_z")};
    json_t *list = json_array();
    double *cosine = NULL, *its_kappa = NULL;
    HG_TRY(hg_alloc(ctx, &cosine, p->n));
    HG_TRY(hg_alloc(ctx, &its_kappa, p->n));
    const float *other[] = {b ? b->linefit : NULL, b ? b->pandel : NULL};
    static const char *const name[] = {"LineFit", "Pandel SPE1st"};
    if (truth && found[0] && found[1] && found[2]) {
        for (int64_t i = 0; i < p->n; ++i) {
            const float dir[3] = {found[0][p->row[i]], found[1][p->row[i]], found[2][p->row[i]]};
            cosine[i] = hg_figures_cosine(dir, truth + 3 * p->event[i]);
            its_kappa[i] = kappa ? (double)kappa[p->row[i]] : 0;
        }
        HG_TRY(hg_figures_angles(ctx, "network", p->n, cosine, kappa ? its_kappa : NULL, list));
    }
    for (int k = 0; truth && k < 2; ++k) {
        if (!other[k]) continue;
        for (int64_t i = 0; i < p->n; ++i) cosine[i] = hg_figures_cosine(other[k] + 3 * p->event[i], truth + 3 * p->event[i]);
        HG_TRY(hg_figures_angles(ctx, name[k], p->n, cosine, NULL, list));
    }
done:
    if (json_array_size(list) > 0) json_object_set(slice, "direction", list);
    json_decref(list);
    hg_free(ctx, cosine);
    hg_free(ctx, its_kappa);
    return status;
}

/* log10 of the energy, and its width; or the share of the truth between the quantiles. */
static hg_status energies(hg_context *ctx, const source *s, const pairs *p, json_t *slice)
{
    hg_status status = HG_OK;
    const float *truth = s->events->truth.energy, *found = hg_score_table_find(s->scores, "energy");
    const float *width = hg_score_table_find(s->scores, "energy_width"), *median = hg_score_table_find(s->scores, "energy_median");
    const float *low = hg_score_table_find(s->scores, "energy_low"), *high = hg_score_table_find(s->scores, "energy_high");
    double *difference = NULL, *its_width = NULL, inside = 0;
    int64_t n = 0;
    HG_TRY(hg_alloc(ctx, &difference, p->n));
    HG_TRY(hg_alloc(ctx, &its_width, p->n));
    for (int64_t i = 0; truth && found && i < p->n; ++i) {
        if (!(truth[p->event[i]] > 0)) continue;
        difference[n] = log10((double)found[p->row[i]]) - log10((double)truth[p->event[i]]);
        its_width[n++] = width ? (double)width[p->row[i]] : 0;
    }
    if (n > 0) HG_TRY(hg_figures_pulls(ctx, "energy", n, difference, width ? its_width : NULL, slice));
    n = 0;
    for (int64_t i = 0; truth && low && high && median && i < p->n; ++i) {
        const float e = truth[p->event[i]];
        if (!(e > 0)) continue;
        inside += e >= low[p->row[i]] && e <= high[p->row[i]];
        difference[n++] = log10((double)median[p->row[i]]) - log10((double)e);
    }
    if (n > 0) HG_TRY(hg_figures_pulls(ctx, "quantiles", n, difference, NULL, slice));
    if (n > 0) json_object_set_new(json_object_get(slice, "quantiles"), "coverage", json_real(inside / (double)n));
done:
    hg_free(ctx, difference);
    hg_free(ctx, its_width);
    return status;
}

/* Adds the median of [n] distances from the true vertices to the slice's figures of vertices. */
static hg_status add_distances(hg_context *ctx, const char *key, int64_t n, double *distance, json_t *slice)
{
    json_t *apart = json_object();
    const hg_status status = hg_figures_pulls(ctx, "distance", n, distance, NULL, apart);
    if (status >= 0)
        json_object_set(json_object_get(slice, "vertex"), key, json_object_get(json_object_get(apart, "distance"), "median_error"));
    json_decref(apart);
    return status;
}

/* The centre of charge is what stands for the vertex without a network. @param distance [p->n] room. */
static hg_status add_centres(hg_context *ctx, const source *s, const pairs *p, double *distance, json_t *slice)
{
    const float *centre = s->options->baselines->centre, *truth = s->events->truth.vertex;
    for (int64_t i = 0; i < p->n; ++i) {
        const float *c = centre + 3 * p->event[i], *v = truth + 4 * p->event[i];
        distance[i] = hypot(hypot((double)c[0] - (double)v[0], (double)c[1] - (double)v[1]), (double)c[2] - (double)v[2]);
    }
    return add_distances(ctx, "centre_of_charge_distance", p->n, distance, slice);
}

static hg_status vertices(hg_context *ctx, const source *s, const pairs *p, json_t *slice)
{
    hg_status status = HG_OK;
    static const char *const place[] = {"vertex_x", "vertex_y", "vertex_z"};
    static const char *const place_width[] = {"vertex_x_width", "vertex_y_width", "vertex_z_width"};
    const float *truth = s->events->truth.vertex;
    double *difference = NULL, *its_width = NULL, *distance = NULL;
    int64_t n = 0;
    HG_TRY(hg_alloc(ctx, &distance, p->n));
    HG_TRY(hg_alloc(ctx, &difference, 3 * p->n));
    HG_TRY(hg_alloc(ctx, &its_width, 3 * p->n));
    for (int k = 0; truth && k < 3; ++k) {
        const float *found = hg_score_table_find(s->scores, place[k]), *width = hg_score_table_find(s->scores, place_width[k]);
        for (int64_t i = 0; found && width && i < p->n; ++i) {
            difference[n] = (double)found[p->row[i]] - (double)truth[4 * p->event[i] + k];
            distance[i] = hypot(distance[i], difference[n]);
            its_width[n++] = (double)width[p->row[i]];
        }
    }
    if (n > 0) HG_TRY(hg_figures_pulls(ctx, "vertex", n, difference, its_width, slice));
    if (n > 0) HG_TRY(add_distances(ctx, "median_distance", p->n, distance, slice));
    if (n > 0 && s->options->baselines) HG_TRY(add_centres(ctx, s, p, distance, slice));
done:
    hg_free(ctx, distance);
    hg_free(ctx, difference);
    hg_free(ctx, its_width);
    return status;
}

/* Rows: true classes; columns: the most probable class. */
static void confusion(const source *s, const pairs *p, json_t *slice)
{
    const float *column[HG_N_CLASSES];
    int64_t count[HG_N_CLASSES][HG_N_CLASSES] = {{0}}, right = 0, n = 0;
    for (int k = 0; k < HG_N_CLASSES; ++k) column[k] = hg_score_table_find(s->scores, hg_event_class_name(k));
    for (int k = 0; k < HG_N_CLASSES; ++k)
        if (!column[k] || !s->events->truth.label) return;
    for (int64_t i = 0; i < p->n; ++i) {
        const int32_t truth = s->events->truth.label[p->event[i]];
        int best = 0;
        if (truth < 0 || truth >= HG_N_CLASSES) continue;
        for (int k = 1; k < HG_N_CLASSES; ++k)
            if (column[k][p->row[i]] > column[best][p->row[i]]) best = k;
        count[truth][best]++;
        right += truth == best;
        n++;
    }
    json_t *rows = json_object();
    for (int k = 0; k < HG_N_CLASSES; ++k)
        json_object_set_new(
            rows, hg_event_class_name(k),
            json_pack("[I, I, I, I]", (json_int_t)count[k][0], (json_int_t)count[k][1], (json_int_t)count[k][2], (json_int_t)count[k][3]));
    if (n > 0) json_object_set_new(slice, "class", json_pack("{s:f, s:O}", "accuracy", (double)right / (double)n, "true_by_found", rows));
    json_decref(rows);
}

static hg_status add_slice(hg_context *ctx, const source *s, const char *name, const pairs *p, json_t *slices)
{
    hg_status status = HG_OK;
    json_t *slice = json_pack("{s:s, s:I}", "name", name, "n", (json_int_t)p->n);
    HG_TRY(rank_all(ctx, s, p, slice));
    confusion(s, p, slice);
    HG_TRY(energies(ctx, s, p, slice));
    HG_TRY(angles(ctx, s, p, slice));
    HG_TRY(vertices(ctx, s, p, slice));
    json_array_append(slices, slice);
done:
    json_decref(slice);
    return status;
}

/* ---- all slices ---- */

static void keep_energies(const hg_pulse_events *events, const pairs *all, int bin, pairs *out)
{
    out->n = 0;
    for (int64_t i = 0; i < all->n; ++i) {
        const double energy = (double)events->truth.energy[all->event[i]];
        if (!(energy >= energy_edge[bin] && energy < energy_edge[bin + 1])) continue;
        out->row[out->n] = all->row[i];
        out->event[out->n++] = all->event[i];
    }
}

static void keep_pulses(const hg_pulse_events *events, const pairs *all, int bin, pairs *out)
{
    out->n = 0;
    for (int64_t i = 0; i < all->n; ++i) {
        const int64_t e = all->event[i], pulses = events->offset[e + 1] - events->offset[e];
        if (pulses < pulse_edge[bin] || pulses >= pulse_edge[bin + 1]) continue;
        out->row[out->n] = all->row[i];
        out->event[out->n++] = e;
    }
}

static void keep_class(const hg_pulse_events *events, const pairs *all, int class, pairs *out)
{
    out->n = 0;
    for (int64_t i = 0; i < all->n; ++i) {
        if (events->truth.label[all->event[i]] != class) continue;
        out->row[out->n] = all->row[i];
        out->event[out->n++] = all->event[i];
    }
}

hg_status hg_classify_report(hg_context *ctx, const hg_score_table *scores, const hg_pulse_events *events,
                             const hg_classify_report_options *options, json_t **out)
{
    hg_status status = HG_OK;
    const source s = {scores, events, options};
    pairs all = {0}, some = {0};
    char name[NAME_ROOM];
    json_t *slices = json_array();
    HG_TRY(match(ctx, scores, events, &all));
    HG_TRY(hg_alloc(ctx, &some.row, all.n));
    HG_TRY(hg_alloc(ctx, &some.event, all.n));
    HG_TRY(add_slice(ctx, &s, "all", &all, slices));
    for (int k = 0; events->truth.label && k < HG_N_CLASSES; ++k) {
        snprintf(name, sizeof name, "class %s", hg_event_class_name(k));
        keep_class(events, &all, k, &some);
        if (some.n > 0 && some.n < all.n) HG_TRY(add_slice(ctx, &s, name, &some, slices));
    }
    for (int k = 0; events->truth.energy && k < N_ENERGIES; ++k) {
        snprintf(name, sizeof name, "energy %g to %g GeV", energy_edge[k], energy_edge[k + 1]);
        keep_energies(events, &all, k, &some);
        if (some.n > 0) HG_TRY(add_slice(ctx, &s, name, &some, slices));
    }
    for (int k = 0; k < N_PULSES; ++k) {
        if (k + 1 < N_PULSES)
            snprintf(name, sizeof name, "%" PRId64 " to %" PRId64 " pulses", pulse_edge[k], pulse_edge[k + 1] - 1);
        else
            snprintf(name, sizeof name, "%" PRId64 " pulses and more", pulse_edge[k]);
        keep_pulses(events, &all, k, &some);
        if (some.n > 0) HG_TRY(add_slice(ctx, &s, name, &some, slices));
    }
    *out = json_pack("{s:I, s:I, s:I, s:O}", "events", (json_int_t)all.n, "without_scores", (json_int_t)(events->n_events - all.n),
                     "without_truth", (json_int_t)(scores->n - all.n), "slices", slices);
done:
    json_decref(slices);
    hg_free(ctx, all.row);
    hg_free(ctx, all.event);
    hg_free(ctx, some.row);
    hg_free(ctx, some.event);
    return status;
}
