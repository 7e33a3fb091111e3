/* nn/forward/compute.c — see compute.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/compute.h"

#include <math.h>
#include <string.h>
#include "base/check.h"

static void dot_rows(const hg_run *run, const hg_term *term, int64_t n, hg_real *out)
{
    const int32_t *left = hg_end_index(run, term->left), *right = hg_end_index(run, term->right);
    int64_t width = term->source, share = width / term->groups;
#pragma omp parallel for schedule(static) num_threads(hg_team(run, n))
    for (int64_t i = 0; i < n; ++i) {
        const hg_real *a = run->table[term->value] + (left ? left[i] : i) * width;
        const hg_real *b = run->table[term->weight] + (right ? right[i] : i) * width;
        for (int64_t g = 0; g < term->groups; ++g) {
            hg_real sum = 0;
            for (int64_t c = g * share; c < (g + 1) * share; ++c) sum += a[c] * b[c];
            out[i * term->groups + g] = sum;
        }
    }
}

static void distance_rows(const hg_run *run, const hg_term *term, int64_t n, hg_real *out)
{
    int64_t width = term->source;
#pragma omp parallel for schedule(static) num_threads(hg_team(run, n))
    for (int64_t i = 0; i < n; ++i) {
        const hg_real *a = run->table[term->value] + run->graph->sender[i] * width;
        const hg_real *b = run->table[term->value] + run->graph->receiver[i] * width;
        hg_real sum = 0;
        for (int64_t c = 0; c < width; ++c) sum += (a[c] - b[c]) * (a[c] - b[c]);
        out[i] = sum;
    }
}

static void column_rows(const hg_run *run, const hg_term *term, int64_t n, hg_real *out)
{
    const hg_real *from = run->table[term->value] + term->first;
    for (int64_t i = 0; i < n; ++i) memcpy(out + i * term->width, from + i * term->source, (size_t)term->width * sizeof *out);
}

static void homophily_rows(const hg_run *run, const hg_term *term, hg_real *out)
{
    const hg_graph *g = run->graph;
    const hg_real *x = run->table[term->value];
    int64_t width = term->width;
#pragma omp parallel for schedule(dynamic) num_threads(hg_team(run, g->n_edges))
    for (int64_t graph = 0; graph < g->n_graphs; ++graph) {
        hg_real *row = out + graph * width, n = (hg_real)(g->edge_ptr[graph + 1] - g->edge_ptr[graph]);
        for (int64_t e = g->edge_ptr[graph]; e < g->edge_ptr[graph + 1]; ++e) {
            const hg_real *a = x + g->sender[e] * width, *b = x + g->receiver[e] * width;
            for (int64_t c = 0; c < width; ++c) row[c] += a[c] == b[c] ? (hg_real)1 : (hg_real)0;
        }
        for (int64_t c = 0; c < width && n > 0; ++c) row[c] /= n;
    }
}

static void count_rows(const hg_run *run, const hg_term *term, hg_real *out)
{
    const hg_value *v = &run->d->value[term->value];
    const int64_t *ptr = v->entity == HG_EDGES ? run->graph->edge_ptr : hg_level_graph(run, v->set)->node_ptr;
    for (int64_t g = 0; g < run->batch->graph->n_graphs; ++g) {
        int64_t n = ptr[g + 1] - ptr[g];
        out[g] = (hg_real)n;
        if (term->computation == HG_COMPUTE_LOG_COUNT) out[g] = n > 0 ? (hg_real)log10((double)n) : 0;
    }
}

hg_status hg_compute_forward(hg_run *run, const hg_update *u, const hg_term *term, hg_real **out)
{
    hg_status status = HG_OK;
    int64_t n = hg_run_rows(run, u->entity);
    HG_TRY(hg_run_take(run, out, n * term->width));
    if (run->dry) goto done;
    hg_zero(run, *out, n * term->width);
    switch (term->computation) {
    case HG_COMPUTE_DOT:
        dot_rows(run, term, n, *out);
        break;
    case HG_COMPUTE_DISTANCE:
        distance_rows(run, term, n, *out);
        break;
    case HG_COMPUTE_COLUMNS:
        column_rows(run, term, n, *out);
        break;
    case HG_COMPUTE_HOMOPHILY:
        homophily_rows(run, term, *out);
        break;
    case HG_COMPUTE_COUNT:
    case HG_COMPUTE_LOG_COUNT:
        count_rows(run, term, *out);
        break;
    }
done:
    return status;
}
