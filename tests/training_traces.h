/* training_traces.h — losses of published networks over the first steps of SGD and AdamW, computed in PyTorch in double. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_TRAINING_TRACES_H
#define HG_TESTS_TRAINING_TRACES_H

#include "hitgraph/optimiser.h"
#include "model_tools.h"

enum { TRACE_STEPS = 4 };

typedef struct trace {
    const char *file;
    const char *edits[7];
    int probabilities; /* the loss is on probabilities, not on logits */
    double sgd[TRACE_STEPS], adamw[TRACE_STEPS];
} trace;

static const trace traces[] = {
    {"interaction_network", {NULL}, 0, {.675076563, .659309651, .636189149, .605868932}, {.675076563, .653026952, .635703176, .619477529}},
    {"exatrkx_doublet", {NULL}, 0, {.724735194, .453048686, .332576553, .248359586}, {.724735194, .466817865, .335933693, .244761167}},
    {"exatrkx_triplet", {NULL}, 0, {.759161626, .554692540, .404183721, .322139494}, {.759161626, .558886086, .433648366, .338258249}},
    {"heptrkx_medium", {NULL}, 1, {.751163611, .629015985, .509694693, .414604620}, {.751163611, .618834020, .519910809, .451358577}},
    {"acorn_ignn", {NULL}, 0, {.675971042, .619233630, .658926257, .594030554}, {.675971042, .561110314, .552092080, .469733478}},
    {"acorn_ignn2",
     {"128", "16", "copies: 8", "copies: 2", "repeat: 8", "repeat: 2", NULL},
     0,
     {.698977014, .646563618, .442170354, .541285638},
     {.698977014, .569437070, .533586473, .521798147}},
    {"resin", {NULL}, 1, {.740704832, .674479208, .650314410, .637402150}, {.740704832, .690794569, .655857546, .643532829}},
};
enum { N_TRACES = sizeof traces / sizeof *traces };

static void check_trace(const trace *t, bool adamw, double tolerance)
{
    hg_optimiser_options options = hg_optimiser_default_options();
    options.kind = adamw ? HG_OPTIMISER_ADAMW : HG_OPTIMISER_SGD;
    options.momentum = 0.9;
    options.weight_decay = adamw ? 0.01 : 0;
    options.amsgrad = true;
    hg_model *model = architecture(t->file, t->edits);
    sample s = small_sample(hg_model_get_widths(model));
    int64_t n_tensors = hg_model_n_tensors(model), n = hg_model_n_parameters(model);
    int64_t *offset = calloc((size_t)n_tensors + 1, sizeof *offset);
    uint8_t *used = calloc((size_t)n_tensors, 1);
    hg_real *gradient = calloc((size_t)n, sizeof *gradient);
    for (int64_t i = 0; i < n_tensors; ++i) offset[i] = hg_model_tensor(model, i).offset;
    offset[n_tensors] = n;
    hg_optimiser *optimiser = NULL;
    must(hg_optimiser_create(ctx, &options, n_tensors, offset, &optimiser));
    for (int step = 0; step < TRACE_STEPS; ++step) {
        int probabilities = t->probabilities;
        double loss, expected = adamw ? t->adamw[step] : t->sgd[step];
        must(hg_model_gradient(ctx, model, &s.batch, labelled_bce, &probabilities, &loss, gradient, NULL, used));
        if (!(fabs(loss - expected) <= tolerance))
            fail_msg("%s, %s, step %d: loss %.10f, expected %.10f", t->file, adamw ? "AdamW" : "SGD", step, loss, expected);
        hg_optimiser_step(ctx, optimiser, adamw ? 1e-3 : 0.05, hg_model_parameters(model), gradient, used);
    }
    hg_optimiser_destroy(ctx, optimiser);
    free(gradient);
    free(used);
    free(offset);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

#endif
