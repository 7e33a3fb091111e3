/* model_tools.h — the small graph, the parameters and the losses that tests of networks share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_MODEL_TOOLS_H
#define HG_TESTS_MODEL_TOOLS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hitgraph/model.h"

static hg_context *ctx;

static inline void must(hg_status status)
{
    if (status < 0) fail_msg("%s", hg_context_message(ctx));
}

/* Element number q (from 1) of all parameters: a hash in -0.5 .. 0.5. */
static inline double hashed(uint32_t q)
{
    uint32_t h = q * 2654435761u;
    h ^= h >> 16;
    h *= 2246822519u;
    h ^= h >> 13;
    return h / 4294967296.0 - 0.5;
}

/* Linear weights 4u/sqrt(in), norm weights 1 + 0.2u, biases 0.2u. */
static inline void fill_parameters(hg_model *model)
{
    hg_real *p = hg_model_parameters(model);
    for (int64_t t = 0; t < hg_model_n_tensors(model); ++t) {
        hg_tensor tensor = hg_model_tensor(model, t);
        bool weight = strstr(tensor.name, ".weight") != NULL;
        for (int64_t q = tensor.offset; q < tensor.offset + tensor.size; ++q) {
            double u = hashed((uint32_t)(q + 1)), value = 0.2 * u;
            if (weight) value = tensor.rank >= 2 ? 4 * u / sqrt((double)tensor.shape[tensor.rank - 1]) : 1 + 0.2 * u;
            if (strstr(tensor.name, ".running_var")) value = 1 + u;
            p[q] = (hg_real)value;
        }
    }
}

/* The text with every `from` replaced by `to`; free() it. */
static inline char *replaced(char *text, const char *from, const char *to)
{
    size_t room = 4 * strlen(text) + 4096, used = 0;
    char *out = calloc(room, 1);
    assert_non_null(strstr(text, from));
    for (const char *c = text; *c;) {
        if (!strncmp(c, from, strlen(from))) {
            used += (size_t)snprintf(out + used, room - used, "%s", to);
            c += strlen(from);
        } else {
            out[used++] = *c++;
        }
    }
    free(text);
    return out;
}

/* A published architecture; edits: NULL-terminated pairs from, to. */
static inline hg_model *architecture(const char *name, const char *const *edits)
{
    char path[256];
    snprintf(path, sizeof path, "datasets/models/architectures/%s.yaml", name);
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("cannot open %s", path);
    char *text = calloc(1 << 16, 1);
    assert_true(fread(text, 1, (1 << 16) - 1, file) > 0);
    fclose(file);
    for (; edits && *edits; edits += 2) text = replaced(text, edits[0], edits[1]);
    hg_model *model = NULL;
    must(hg_model_create(ctx, name, text, 1, &model));
    free(text);
    fill_parameters(model);
    return model;
}

static inline hg_model *model_of(const char *yaml)
{
    hg_model *model = NULL;
    must(hg_model_create(ctx, "test", yaml, 7, &model));
    return model;
}

/* Attributes in sorted edge order, owned. */
typedef struct sample {
    hg_graph *graph;
    hg_real *nodes, *edges, *globals;
    hg_batch batch;
} sample;

static inline void sample_attach(sample *s, hg_model_widths w)
{
    const hg_graph *g = s->graph;
    s->nodes = calloc((size_t)(g->n_nodes * w.node_in + 1), sizeof(hg_real));
    s->edges = calloc((size_t)(g->n_edges * w.edge_in + 1), sizeof(hg_real));
    s->globals = calloc((size_t)(g->n_graphs * w.global_in + 1), sizeof(hg_real));
    for (int64_t i = 0; i < g->n_nodes; ++i) {
        for (int64_t j = 0; j < w.node_in; ++j) s->nodes[i * w.node_in + j] = (hg_real)sin(0.7 * (double)i + 1.3 * (double)j + 0.2);
    }
    for (int64_t e = 0; e < g->n_edges; ++e) {
        double k = (double)g->caller_edge[e];
        for (int64_t j = 0; j < w.edge_in; ++j) s->edges[e * w.edge_in + j] = (hg_real)cos(0.9 * k + 0.4 * (double)j - 0.3);
    }
    for (int64_t i = 0; i < g->n_graphs * w.global_in; ++i) s->globals[i] = (hg_real)(0.3 + 0.1 * (double)i);
    s->batch = (hg_batch){
        .graph = g, .nodes = w.node_in ? s->nodes : NULL, .edges = w.edge_in ? s->edges : NULL, .globals = w.global_in ? s->globals : NULL};
}

/* Six nodes, the last one isolated, seven edges that are not sorted. */
static inline sample small_sample(hg_model_widths w)
{
    const int32_t sender[] = {2, 0, 3, 0, 1, 1, 0}, receiver[] = {3, 1, 4, 2, 3, 2, 4};
    sample s = {0};
    must(hg_graph_create(ctx, 6, 7, sender, receiver, 1, NULL, &s.graph));
    sample_attach(&s, w);
    return s;
}

/* Three graphs: parallel edges, a self loop and an isolated node; an empty graph; nodes without edges. */
static inline sample awkward_sample(hg_model_widths w)
{
    const int32_t sender[] = {0, 0, 2, 1, 3, 0, 4, 1}, receiver[] = {1, 1, 2, 3, 0, 3, 1, 4};
    const int64_t node_ptr[] = {0, 6, 6, 8};
    sample s = {0};
    must(hg_graph_create(ctx, 8, 8, sender, receiver, 3, node_ptr, &s.graph));
    sample_attach(&s, w);
    return s;
}

static inline void sample_clear(sample *s)
{
    hg_graph_destroy(ctx, s->graph);
    free(s->nodes);
    free(s->edges);
    free(s->globals);
}

/* Outputs of a model with room for any test graph. */
typedef struct results {
    hg_real *nodes, *edges, *globals;
    hg_outputs out;
} results;

static inline results results_for(const hg_graph *g, hg_model_widths w)
{
    results r = {.nodes = calloc((size_t)(g->n_nodes * w.node_out + 1), sizeof(hg_real)),
                 .edges = calloc((size_t)(g->n_edges * w.edge_out + 1), sizeof(hg_real)),
                 .globals = calloc((size_t)(g->n_graphs * w.global_out + 1), sizeof(hg_real))};
    r.out = (hg_outputs){r.nodes, r.edges, r.globals};
    return r;
}

static inline void results_clear(results *r)
{
    free(r->nodes);
    free(r->edges);
    free(r->globals);
}

/* Mean binary cross-entropy against the labels 1 1 0 1 0 1 0, on logits, or on probabilities where *user is 1. */
static inline hg_status labelled_bce(hg_context *context, void *user, const hg_batch *batch, const hg_outputs *out, hg_outputs *gradient,
                                     double *loss)
{
    static const int labels[] = {1, 1, 0, 1, 0, 1, 0};
    (void)context;
    int64_t n = batch->graph->n_edges;
    *loss = 0;
    for (int64_t e = 0; e < n; ++e) {
        double z = (double)out->edges[e], y = labels[batch->graph->caller_edge[e] % 7], p = 1 / (1 + exp(-z));
        if (*(int *)user) {
            *loss -= (y * log(z) + (1 - y) * log(1 - z)) / (double)n;
            gradient->edges[e] = (hg_real)((z - y) / (z * (1 - z)) / (double)n);
        } else {
            *loss += (fmax(z, 0) - z * y + log1p(exp(-fabs(z)))) / (double)n;
            gradient->edges[e] = (hg_real)((p - y) / (double)n);
        }
    }
    return HG_OK;
}

/* A smooth loss that reaches every output: sum of c (y + y^2 / 4) with c different for every element. */
static inline double mixed_terms(const hg_real *y, hg_real *gradient, int64_t n, double phase)
{
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) {
        double c = sin(1.7 * (double)i + phase) + 0.3;
        sum += c * ((double)y[i] + 0.25 * (double)y[i] * (double)y[i]);
        gradient[i] = (hg_real)(c * (1 + 0.5 * (double)y[i]));
    }
    return sum;
}

static inline hg_status mixed_loss(hg_context *context, void *user, const hg_batch *batch, const hg_outputs *out, hg_outputs *gradient,
                                   double *loss)
{
    (void)context;
    hg_model_widths w = hg_model_get_widths(user);
    const hg_graph *g = batch->graph;
    *loss = 0;
    if (out->nodes) *loss += mixed_terms(out->nodes, gradient->nodes, g->n_nodes * w.node_out, 0.1);
    if (out->edges) *loss += mixed_terms(out->edges, gradient->edges, g->n_edges * w.edge_out, 0.7);
    if (out->globals) *loss += mixed_terms(out->globals, gradient->globals, g->n_graphs * w.global_out, 1.3);
    return HG_OK;
}

/* sum of C * y over each output; coefficients in the caller's edge order are not needed: the tests' graphs are sorted. */
typedef struct linear_coefficients {
    const double *nodes, *edges, *globals;
} linear_coefficients;

static inline hg_status linear_loss(hg_context *context, void *user, const hg_batch *batch, const hg_outputs *out, hg_outputs *gradient,
                                    double *loss)
{
    (void)context;
    const linear_coefficients *c = user;
    const double *each[] = {c->nodes, c->edges, c->globals};
    const hg_real *y[] = {out->nodes, out->edges, out->globals};
    hg_real *d[] = {gradient->nodes, gradient->edges, gradient->globals};
    (void)batch;
    *loss = 0;
    for (int k = 0; k < 3; ++k) {
        /* coefficients end with NaN */
        for (int64_t i = 0; each[k] && !isnan(each[k][i]); ++i) {
            *loss += each[k][i] * (double)y[k][i];
            d[k][i] = (hg_real)each[k][i];
        }
    }
    return HG_OK;
}

#endif
