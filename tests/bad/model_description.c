/* tests/bad/model_description.c — broken descriptions and batches: each gives its status and a message that names the place. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "../model_tools.h"
#include "base/memory.h"

static void refused(const char *yaml, const char *place, const char *words)
{
    hg_model *model = (hg_model *)(uintptr_t)8;
    hg_status status = hg_model_create(ctx, "m.yaml", yaml, 1, &model);
    const char *message = hg_context_message(ctx);
    if (status != HG_ERR_CONFIG || !strstr(message, place) || !strstr(message, words))
        fail_msg("status %d, message \"%s\" of\n%s", status, message, yaml);
    assert_ptr_equal(model, (void *)(uintptr_t)8);
}

#define HEAD "inputs: {nodes: 3, edges: 4}\n"
#define NETS "networks: [{name: a, widths: [8]}]\n"
#define END "  - outputs: {nodes: x}\n"

static void broken_descriptions(void **state)
{
    (void)state;
    refused("inputs: {nodes: 3, points: 4}\nupdates: []\n", "m.yaml:1:", "points");
    refused(HEAD "layers: 3\nupdates: []\n", "m.yaml:2:", "layers");
    refused(HEAD "updates: []\n", "m.yaml:1:", "no outputs");
    refused(HEAD, "m.yaml:1:", "updates");
    refused(HEAD "networks: [{name: a, widths: [8], activation: swish}]\nupdates: []\n", "m.yaml:2:", "swish");
    refused(HEAD "networks: [{name: a, widths: [8], size: 3}]\nupdates: []\n", "m.yaml:2:", "size");
    refused(HEAD "networks: [{name: a}]\nupdates: []\n", "m.yaml:2:", "widths");
    refused(HEAD "networks: [{name: a, widths: [0]}]\nupdates: []\n", "m.yaml:2:", "0");
    refused(HEAD "networks: [{name: a, widths: [8], copies: 2}]\nupdates: []\n", "m.yaml:2:", "{copy}");
    refused(HEAD NETS "updates:\n" END, "m.yaml:", "not used");
    refused(HEAD NETS "updates:\n  - {nodes: x, network: b, inputs: [x]}\n" END, "m.yaml:4:", "no network \"b\"");
    refused(HEAD NETS "updates:\n  - {nodes: x, network: a, inputs: [x]}\n  - {nodes: x, network: a, inputs: [x]}\n" END,
            "m.yaml:5:", "3 columns");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [z]}\n" END, "m.yaml:3:", "no table \"z\"");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [e]}\n" END, "m.yaml:3:", "table of edges");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [sum e]}\n" END, "m.yaml:3:", "in or out");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [in total e]}\n" END, "m.yaml:3:", "attention");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [in attention e]}\n" END, "m.yaml:3:", "scores");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [in sum x]}\n" END, "m.yaml:3:", "expected edges");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [in sum e * sender x]}\n" END, "m.yaml:3:", "do not divide");
    refused(HEAD "updates:\n  - {edges: e, inputs: [in sum e]}\n" END, "m.yaml:3:", "cannot reduce");
    refused(HEAD "updates:\n  - {edges: e, inputs: [sender e]}\n" END, "m.yaml:3:", "tables of nodes");
    refused(HEAD "updates:\n  - {globals: g, inputs: [in sum e]}\n" END, "m.yaml:3:", "globals");
    refused(HEAD "updates:\n  - {nodes: e, inputs: [in sum e]}\n" END, "m.yaml:3:", "table \"e\"");
    refused(HEAD "updates:\n  - {nodes: x, edges: e, inputs: [x]}\n" END, "m.yaml:3:", "more than one");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [x x]}\n" END, "m.yaml:3:", "did not expect");
    refused(HEAD "updates:\n  - {nodes: y, inputs: [x], residual: add}\n" END, "m.yaml:3:", "no table \"y\"");
    refused(HEAD "updates:\n  - {nodes: x, inputs: [x, x], residual: add}\n" END, "m.yaml:3:", "6");
    refused(HEAD "updates:\n  - {nodes: \"x{step}\", inputs: [x]}\n" END, "m.yaml:3:", "{step}");
    refused(HEAD "updates:\n  - {repeat: 0, updates: []}\n" END, "m.yaml:3:", "0");
    refused(HEAD "updates:\n  - outputs: {edges: x}\n", "m.yaml:3:", "not a table of edges");
    refused(HEAD "updates: [{outputs: {nodes: x}}]\nloss: median\n", "m.yaml:3:", "median");
    refused(HEAD "networks: [{name: a, widths: [2], norm: batch, output_norm: batch}]\nupdates:\n  - {globals: g, network: a, inputs: [sum "
                 "x]}\n" END,
            "m.yaml:4:", "batch norms");
}

static void broken_batches(void **state)
{
    (void)state;
    hg_model *model = architecture("interaction_network", NULL);
    sample s = small_sample(hg_model_get_widths(model));
    results r = results_for(s.graph, hg_model_get_widths(model));
    hg_batch batch = s.batch;
    batch.edges = NULL;
    assert_int_equal(hg_model_forward(ctx, model, &batch, &r.out), HG_ERR_ARG);
    assert_non_null(strstr(hg_context_message(ctx), "edges"));
    batch = s.batch;
    batch.globals = s.nodes;
    assert_int_equal(hg_model_forward(ctx, model, &batch, &r.out), HG_ERR_ARG);
    assert_non_null(strstr(hg_context_message(ctx), "globals"));
    r.edges[0] = 42;
    s.nodes[4] = (hg_real)NAN;
    assert_int_equal(hg_model_forward(ctx, model, &s.batch, &r.out), HG_ERR_NUMERIC);
    assert_non_null(strstr(hg_context_message(ctx), "attributes of nodes: row 1, column 1"));
    assert_true(r.edges[0] == 42);
    s.nodes[4] = 0;
    hg_model_parameters(model)[hg_model_n_parameters(model) - 1] = (hg_real)INFINITY;
    assert_int_equal(hg_model_forward(ctx, model, &s.batch, &r.out), HG_ERR_NUMERIC);
    assert_non_null(strstr(hg_context_message(ctx), "output of edges: row 0"));
    results_clear(&r);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

static void memory_that_runs_out(void **state)
{
    (void)state;
    const char *const edits[] = {"128", "8", "copies: 8", "copies: 2", "repeat: 8", "repeat: 2", NULL};
    hg_model *model = architecture("acorn_ignn2", edits), *other = NULL;
    sample s = small_sample(hg_model_get_widths(model));
    results r = results_for(s.graph, hg_model_get_widths(model));
    hg_real *gradient = calloc((size_t)hg_model_n_parameters(model), sizeof *gradient);
    double loss;
    size_t used = hg_memory_used(ctx);
    hg_status status[3] = {HG_ERR_NOMEM, HG_ERR_NOMEM, HG_ERR_NOMEM};
    for (int64_t n = 0; status[0] < 0 || status[1] < 0 || status[2] < 0; ++n) {
        hg_memory_fail_after(ctx, n);
        status[0] = hg_model_create(ctx, "m.yaml", hg_model_yaml(model), 1, &other);
        hg_memory_fail_after(ctx, n);
        status[1] = hg_model_forward(ctx, model, &s.batch, &r.out);
        hg_memory_fail_after(ctx, n);
        status[2] = hg_model_gradient(ctx, model, &s.batch, mixed_loss, model, &loss, gradient, NULL, NULL);
        hg_memory_fail_after(ctx, -1);
        for (int i = 0; i < 3; ++i) assert_true(status[i] == HG_OK || status[i] == HG_ERR_NOMEM);
        hg_model_destroy(ctx, other);
        other = NULL;
        assert_int_equal(hg_memory_used(ctx), used);
        assert_true(n < 5000);
    }
    free(gradient);
    results_clear(&r);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(broken_descriptions), cmocka_unit_test(broken_batches),
                                       cmocka_unit_test(memory_that_runs_out)};
    if (hg_context_create(&ctx) < 0) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hg_context_destroy(ctx);
    return failed;
}
