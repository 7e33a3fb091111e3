/* training_tools.h — a small edge-classification task that a tiny network can learn, for tests of training. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_TRAINING_TOOLS_H
#define HG_TESTS_TRAINING_TOOLS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/random.h"
#include "hitgraph/train.h"

enum { TOY_NODES = 24, TOY_EDGES = 60 };

static const char *const toy_yaml = "inputs: {nodes: 2}\n"
                                    "networks:\n"
                                    "  - {name: encode, widths: [8], output_activation: tanh}\n"
                                    "  - {name: edge, widths: [8, 1], activation: tanh}\n"
                                    "  - {name: node, widths: [8], output_activation: tanh}\n"
                                    "updates:\n"
                                    "  - {nodes: x, network: encode, inputs: [x]}\n"
                                    "  - {edges: w, network: edge, inputs: [sender x, receiver x], activation: sigmoid}\n"
                                    "  - {nodes: x, network: node, inputs: [in sum w * sender x, x], residual: add}\n"
                                    "  - {edges: logit, network: edge, inputs: [sender x, receiver x]}\n"
                                    "  - outputs: {edges: logit}\n";

/* Builds samples when they are asked for: edge i -> j is true when the two nodes have nearly the same angle. */
typedef struct toy {
    uint32_t purpose;      /* different for training and validation */
    int64_t calls;         /* of get so far */
    int64_t interrupt_at;  /* call that asks for an interruption, -1 = never */
    int64_t broken_sample; /* its first attribute is not a number, -1 = none */
    hg_real nodes[2 * TOY_NODES], weight[TOY_EDGES];
    uint8_t label[TOY_EDGES];
    hg_graph *graph;
} toy;

static hg_status toy_get(hg_context *context, void *user, int64_t i, hg_sample *out)
{
    toy *t = user;
    int32_t sender[TOY_EDGES], receiver[TOY_EDGES];
    double angle[TOY_NODES];
    hg_random random = hg_random_stream(9, t->purpose, (uint64_t)i, 0);
    if (t->calls++ == t->interrupt_at) hg_context_interrupt(context);
    for (int k = 0; k < TOY_NODES; ++k) {
        angle[k] = hg_random_range(&random, -1, 1);
        t->nodes[2 * k] = (hg_real)angle[k];
        t->nodes[2 * k + 1] = (hg_real)hg_random_normal(&random);
    }
    for (int k = 0; k < TOY_EDGES; ++k) {
        sender[k] = (int32_t)hg_random_below(&random, TOY_NODES);
        receiver[k] = (int32_t)hg_random_below(&random, TOY_NODES);
    }
    if (i == t->broken_sample) t->nodes[0] = (hg_real)NAN, sender[0] = 0;
    hg_status status = hg_graph_create(context, TOY_NODES, TOY_EDGES, sender, receiver, 1, NULL, &t->graph);
    if (status < 0) return status;
    for (int k = 0; k < TOY_EDGES; ++k) {
        double d = angle[t->graph->sender[k]] - angle[t->graph->receiver[k]];
        t->label[k] = fabs(d) < 0.4;
        t->weight[k] = k % 10 == 0 ? 0 : 1;
    }
    *out = (hg_sample){.batch = {.graph = t->graph, .nodes = t->nodes}, .label = t->label, .weight = t->weight};
    return HG_OK;
}

static void toy_release(hg_context *context, void *user, int64_t i, hg_sample *taken)
{
    toy *t = user;
    (void)i;
    (void)taken;
    hg_graph_destroy(context, t->graph);
    t->graph = NULL;
}

static inline toy toy_of(uint32_t purpose)
{
    return (toy){.purpose = purpose, .interrupt_at = -1, .broken_sample = -1};
}

static inline hg_sample_set set_of(toy *t, int64_t n)
{
    return (hg_sample_set){.user = t, .n = n, .get = toy_get, .release = toy_release, .hash = t->purpose};
}

static inline hg_train_options toy_options(void)
{
    hg_train_options options = hg_train_default_options();
    options.epochs = 4;
    options.batch_graphs = 3; /* the last step of an epoch has fewer */
    options.learning_rate = 0.02;
    options.amsgrad = true;
    options.clip = 1;
    options.pos_weight = 1.5;
    options.schedule = 5; /* cosine */
    options.schedule_unit = 1;
    options.schedule_floor = 1e-3;
    options.warmup = 2;
    return options;
}

static inline void remove_checkpoints(const char *directory)
{
    const char *const names[] = {"checkpoint.safetensors", "checkpoint.previous.safetensors", "checkpoint.damaged.safetensors"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        unlink(path);
    }
}

#endif
