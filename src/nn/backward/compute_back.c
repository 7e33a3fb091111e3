/* nn/backward/compute_back.c — see compute_back.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/backward/compute_back.h"

#include "base/check.h"
#include "nn/backward/table_gradient.h"
#include "nn/forward/compute.h"

/* One side of a computation on its way back: what a row of the update adds to the row of the table that it reaches over `end`. */
typedef struct side {
    const hg_run *run;
    const hg_term *term;
    const hg_real *d, *other; /* gradient of the term's rows; table on the other side */
    hg_access end, other_end;
} side;

static void add_row(const side *s, int64_t row, hg_real *target)
{
    const hg_term *term = s->term;
    const int32_t *index = hg_end_index(s->run, s->other_end);
    int64_t width = term->source, share = width / term->groups;
    const hg_real *other = s->other + (index ? index[row] : row) * width, *d = s->d + row * term->groups;
    for (int64_t g = 0; g < term->groups; ++g) {
        for (int64_t c = g * share; c < (g + 1) * share; ++c) target[c] += d[g] * other[c];
    }
}

/* d (s - r)^2 = 2 (s - r) ds: the same for both ends but for the sign. */
static void add_distance_row(const side *s, int64_t row, hg_real *target)
{
    int64_t width = s->term->source;
    const hg_real *own = s->other + hg_end_index(s->run, s->end)[row] * width,
                  *other = s->other + hg_end_index(s->run, s->other_end)[row] * width;
    for (int64_t c = 0; c < width; ++c) target[c] += 2 * s->d[row] * (own[c] - other[c]);
}

/* Every row of the gradient is written by one loop, in the order of the edges. */
static void side_back(const side *s, int64_t n, void (*add)(const side *, int64_t, hg_real *), hg_real *gradient)
{
    const hg_graph *g = s->run->graph;
    int64_t width = s->term->source;
    if (s->run->dry) return;
    if (s->end == HG_OWN) {
#pragma omp parallel for schedule(static) num_threads(hg_team(s->run, n))
        for (int64_t i = 0; i < n; ++i) add(s, i, gradient + i * width);
        return;
    }
    bool sender = s->end == HG_SENDER;
    const int64_t *ptr = sender ? g->out_ptr : g->in_ptr, *edge = sender ? g->out_edge : NULL;
    int64_t n_nodes = sender ? g->n_senders : g->n_nodes;
#pragma omp parallel for schedule(dynamic, 256) num_threads(hg_team(s->run, n))
    for (int64_t i = 0; i < n_nodes; ++i) {
        for (int64_t t = ptr[i]; t < ptr[i + 1]; ++t) add(s, edge ? edge[t] : t, gradient + i * width);
    }
}

static hg_status dot_back(hg_run *run, const hg_term *term, int64_t n, const hg_real *d)
{
    hg_status status = HG_OK;
    hg_real *gradient = NULL;
    if (run->wanted[term->value]) {
        side left = {run, term, d, run->table[term->weight], term->left, term->right};
        HG_TRY(hg_gradient_of(run, term->value, &gradient));
        side_back(&left, n, add_row, gradient);
    }
    if (run->wanted[term->weight]) {
        side right = {run, term, d, run->table[term->value], term->right, term->left};
        HG_TRY(hg_gradient_of(run, term->weight, &gradient));
        side_back(&right, n, add_row, gradient);
    }
done:
    return status;
}

hg_status hg_compute_backward(hg_run *run, const hg_update *u, const hg_term *term, const hg_real *d)
{
    hg_status status = HG_OK;
    hg_real *gradient = NULL;
    int64_t n = hg_run_rows(run, u->entity);
    bool distance = term->computation == HG_COMPUTE_DISTANCE, columns = term->computation == HG_COMPUTE_COLUMNS;
    if (term->computation == HG_COMPUTE_DOT) return dot_back(run, term, n, d);
    /* equality and counting have no gradient */
    if (!(distance || columns) || !run->wanted[term->value]) goto done;
    HG_TRY(hg_gradient_of(run, term->value, &gradient));
    if (columns) {
        for (int64_t i = 0; i < n && !run->dry; ++i) {
            for (int64_t c = 0; c < term->width; ++c) gradient[i * term->source + term->first + c] += d[i * term->width + c];
        }
        goto done;
    }
    side sender = {run, term, d, run->table[term->value], HG_SENDER, HG_RECEIVER};
    side receiver = {run, term, d, run->table[term->value], HG_RECEIVER, HG_SENDER};
    side_back(&sender, n, add_distance_row, gradient);
    side_back(&receiver, n, add_distance_row, gradient);
done:
    return status;
}
