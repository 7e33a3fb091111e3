/* tests/unit/gradient_memory.c — memory of gradients: planned, limited, reused; and training under a limit gives the same bits. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "../model_tools.h"
#include "../training_tools.h"
#include "base/memory.h"
#include "nn/run/pool.h"
#include "tests/leaks.h"

enum { NODES = 200, EDGES = 3000, STEPS = 200 };

static const struct {
    const char *name, *edits[8];
} cases[] = {{"acorn_ignn", {"repeat: 8", "repeat: 4"}},
             {"acorn_ignn2", {"repeat: 8", "repeat: 2", "copies: 8", "copies: 2", "128", "32"}},
             {"interaction_network", {NULL}},
             {"exatrkx_doublet", {"repeat: 8", "repeat: 3"}},
             {"resin", {NULL}},
             {"graph_nets", {NULL}},
             {"graph_transformer", {NULL}}};
enum { CASES = sizeof cases / sizeof *cases };
static const int64_t choices[] = {0, 1, 2, 3, HG_CHECKPOINT_NONE};
enum { CHOICES = sizeof choices / sizeof *choices };

static sample large_sample(hg_model_widths w)
{
    static int32_t sender[EDGES], receiver[EDGES];
    hg_random r = hg_random_stream(4, 1, 0, 0);
    sample s = {0};
    for (int e = 0; e < EDGES; ++e) {
        sender[e] = (int32_t)hg_random_below(&r, NODES);
        receiver[e] = (int32_t)hg_random_below(&r, NODES);
    }
    must(hg_graph_create(ctx, NODES, EDGES, sender, receiver, 1, NULL, &s.graph));
    sample_attach(&s, w);
    return s;
}

/* The most bytes in use while a gradient is taken, beyond those before; a context of its own has a peak of its own. */
static size_t measured(hg_model *model, const sample *s, const hg_gradient_options *options, hg_real *gradient)
{
    double loss;
    hg_context *own = NULL;
    must(hg_context_create(&own));
    must(hg_context_set_threads(own, 2));
    const hg_status status = hg_model_gradient_with(own, model, &s->batch, options, mixed_loss, model, &loss, gradient, NULL, NULL);
    if (status < 0) fail_msg("%s", hg_context_message(own));
    const size_t peak = hg_memory_peak(own);
    hg_context_destroy(own);
    return peak;
}

static void plans_are_right(void **state)
{
    (void)state;
    must(hg_context_set_threads(ctx, 2));
    for (int i = 0; i < CASES; ++i) {
        hg_model *model = architecture(cases[i].name, cases[i].edits);
        sample s = large_sample(hg_model_get_widths(model));
        const size_t n = (size_t)hg_model_n_parameters(model);
        hg_real *first = calloc(n, sizeof *first), *gradient = calloc(n, sizeof *gradient);
        size_t least = SIZE_MAX;
        for (int c = 0; c < CHOICES; ++c) {
            const hg_gradient_options options = {.checkpoint_every = choices[c]};
            size_t planned = 0;
            must(hg_model_gradient_bytes(ctx, model, &s.batch, &options, &planned));
            const size_t peak = measured(model, &s, &options, c == 0 ? first : gradient);
            if (fabs((double)planned / (double)peak - 1) > 0.05)
                fail_msg("%s, checkpoint_every %d: %zu bytes planned, %zu measured", cases[i].name, (int)choices[c], planned, peak);
            if (c > 0) assert_memory_equal(gradient, first, n * sizeof *first);
            least = planned < least ? planned : least;
        }
        size_t everything = 0;
        must(hg_model_gradient_bytes(ctx, model, &s.batch, NULL, &everything));
        if (i == 0) assert_true(least < everything - everything / 4);
        free(first);
        free(gradient);
        sample_clear(&s);
        hg_model_destroy(ctx, model);
    }
}

/* Networks that end with a ReLU keep its signs for the way back, except where nothing is kept: the bits are the same. */
static void signs_stand_for_the_last_layer(void **state)
{
    (void)state;
    hg_model *model = model_of("inputs: {nodes: 3}\n"
                               "networks:\n"
                               "  - {name: a, widths: [9, 299], activation: relu, output_activation: relu}\n"
                               "  - {name: b, widths: [67], output_activation: relu}\n"
                               "  - {name: c, widths: [1]}\n"
                               "updates:\n"
                               "  - {edges: m, network: a, inputs: [sender x, receiver x]}\n"
                               "  - {nodes: y, network: b, inputs: [in sum m, x]}\n"
                               "  - {edges: logit, network: c, inputs: [sender y, receiver y, m]}\n"
                               "  - outputs: {edges: logit}\n");
    sample s = large_sample(hg_model_get_widths(model));
    const size_t n = (size_t)hg_model_n_parameters(model);
    hg_real *kept = calloc(n, sizeof *kept), *made_again = calloc(n, sizeof *made_again);
    measured(model, &s, &(hg_gradient_options){.checkpoint_every = 1}, kept);
    measured(model, &s, &(hg_gradient_options){.checkpoint_every = HG_CHECKPOINT_NONE}, made_again);
    assert_memory_equal(kept, made_again, n * sizeof *kept);
    free(kept);
    free(made_again);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

static void limit_is_an_error_before_any_work(void **state)
{
    (void)state;
    hg_model *model = architecture("acorn_ignn", cases[0].edits);
    sample s = large_sample(hg_model_get_widths(model));
    hg_real *gradient = calloc((size_t)hg_model_n_parameters(model), sizeof *gradient);
    double loss = -1;
    size_t needed = 0;
    char words[64];
    must(hg_model_gradient_bytes(ctx, model, &s.batch, NULL, &needed));
    const size_t used = hg_memory_used(ctx);
    hg_context_set_memory_limit(ctx, used + needed - 1);
    assert_int_equal(hg_model_gradient(ctx, model, &s.batch, mixed_loss, model, &loss, gradient, NULL, NULL), HG_ERR_LIMIT);
    snprintf(words, sizeof words, "needs %zu bytes", needed);
    assert_non_null(strstr(hg_context_message(ctx), words));
    snprintf(words, sizeof words, "limit is %zu bytes", used + needed - 1);
    assert_non_null(strstr(hg_context_message(ctx), words));
    assert_true(loss == -1 && hg_memory_used(ctx) == used);
    hg_context_set_memory_limit(ctx, used + needed + needed / 20);
    must(hg_model_gradient(ctx, model, &s.batch, mixed_loss, model, &loss, gradient, NULL, NULL));
    hg_context_set_memory_limit(ctx, 0);
    free(gradient);
    sample_clear(&s);
    hg_model_destroy(ctx, model);
}

/* Two graphs in turn: after each has been seen once, nothing is asked of the system any more. */
static void memory_stays_flat(void **state)
{
    (void)state;
    hg_model *model = architecture("acorn_ignn", cases[0].edits);
    const hg_model_widths w = hg_model_get_widths(model);
    sample large = large_sample(w), small = small_sample(w);
    hg_real *gradient = calloc((size_t)hg_model_n_parameters(model), sizeof *gradient);
    hg_gradient_options options = {.checkpoint_every = 1};
    size_t peak = 0;
    double loss;
    must(hg_workspace_create(ctx, &options.workspace));
    for (int step = 0; step < STEPS; ++step) {
        const sample *s = step % 20 ? &small : &large;
        must(hg_model_gradient_with(ctx, model, &s->batch, &options, mixed_loss, model, &loss, gradient, NULL, NULL));
        if (step == 20) peak = hg_memory_peak(ctx);
    }
    assert_true(hg_memory_peak(ctx) <= peak + peak / 50);
    hg_workspace_destroy(ctx, options.workspace);
    free(gradient);
    sample_clear(&large);
    sample_clear(&small);
    hg_model_destroy(ctx, model);
}

static void pool_keeps_no_more_than_was_used(void **state)
{
    (void)state;
    hg_pool *pool = NULL;
    hg_real *a, *b, *c;
    const size_t kb = 1024 * sizeof(hg_real);
    must(hg_pool_create(ctx, false, &pool));
    must(hg_pool_take(ctx, pool, &a, 100 * 1024));
    must(hg_pool_take(ctx, pool, &b, 10 * 1024));
    assert_int_equal(hg_pool_held(pool), 110 * kb);
    hg_pool_give(pool, a);
    must(hg_pool_take(ctx, pool, &c, 100 * 1024 - 7));
    assert_ptr_equal(c, a);
    hg_pool_give(pool, c);
    must(hg_pool_take(ctx, pool, &a, 50 * 1024)); /* does not fit beside what waits: that goes */
    assert_int_equal(hg_pool_held(pool), 60 * kb);
    assert_int_equal(hg_pool_peak(pool), 110 * kb);
    hg_pool_give(pool, NULL);
    hg_pool_destroy(ctx, pool);
    must(hg_pool_create(ctx, true, &pool));
    const size_t used = hg_memory_used(ctx);
    must(hg_pool_take(ctx, pool, &a, INT64_C(1) << 40));
    assert_true(hg_pool_peak(pool) == ((size_t)1 << 40) * sizeof(hg_real) && hg_memory_used(ctx) < used + 65536);
    hg_pool_destroy(ctx, pool);
}

/* Large blocks of a workspace: what waits is cut for what is taken, and both stay good for use. */
static void pages_move_to_the_next_block(void **state)
{
    (void)state;
    enum { MEGA = (1 << 20) / sizeof(hg_real) };
    static const int64_t sizes[] = {13 * MEGA + 5, 9 * MEGA, 31 * MEGA + 1, 4 * MEGA - 8, 22 * MEGA, 5, 7 * MEGA + 3};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    hg_workspace *pool = NULL;
    const size_t used = hg_memory_used(ctx);
    must(hg_workspace_create(ctx, &pool));
    for (int round = 0; round < 3; ++round) {
        hg_real *block[2] = {NULL, NULL};
        for (int i = 0; i < SIZES; ++i) {
            const int64_t n = sizes[(i * (round + 1)) % SIZES];
            hg_pool_give(pool, block[i % 2]);
            must(hg_pool_take(ctx, pool, &block[i % 2], n));
            assert_true((uintptr_t)block[i % 2] % 64 == 0 && hg_pool_held(pool) <= hg_pool_peak(pool));
            block[i % 2][0] = (hg_real)i;
            for (int64_t c = 0; c < n; c += 512) block[i % 2][c] = (hg_real)i;
            block[i % 2][n - 1] = (hg_real)i;
            if (i > 0) assert_true(block[(i + 1) % 2][0] == (hg_real)(i - 1));
        }
        assert_true(hg_memory_used(ctx) < used + hg_pool_held(pool) + 4096);
        hg_pool_give(pool, block[0]);
        hg_pool_give(pool, block[1]);
    }
    hg_memory_fail_after(ctx, 0);
    hg_real *none = NULL;
    assert_int_equal(hg_pool_take(ctx, pool, &none, 60 * MEGA), HG_ERR_NOMEM);
    hg_memory_fail_after(ctx, -1);
    assert_null(none);
    hg_workspace_destroy(ctx, pool);
    assert_int_equal(hg_memory_used(ctx), used);
}

/* weights [n_parameters] after two epochs. */
static hg_status train_toy(size_t limit_above_used, int64_t every, hg_real *weights, hg_train_memory *plan, char *message)
{
    hg_context *own = NULL;
    hg_model *model = NULL;
    toy training = toy_of(1);
    hg_sample_set set = set_of(&training, 5);
    hg_train_options options = toy_options();
    options.epochs = 2;
    options.checkpoint_every = every;
    must(hg_context_create(&own));
    must(hg_context_set_threads(own, 1));
    must(hg_model_create(own, "toy", toy_yaml, 5, &model));
    if (limit_above_used > 0) hg_context_set_memory_limit(own, hg_memory_used(own) + limit_above_used);
    hg_status status = hg_train_plan(own, model, &options, &set, plan);
    if (status >= 0) status = hg_train(own, model, &options, &set, NULL, NULL, NULL, NULL);
    snprintf(message, 512, "%s", hg_context_message(own));
    memcpy(weights, hg_model_parameters(model), (size_t)hg_model_n_parameters(model) * sizeof *weights);
    hg_model_destroy(own, model);
    hg_context_destroy(own);
    return status;
}

static void training_fits_the_limit(void **state)
{
    (void)state;
    hg_train_memory everything = {0}, none = {0}, chosen = {0};
    hg_real weights[2][512] = {{0}};
    char message[512];
    must(train_toy(0, 0, weights[0], &everything, message));
    assert_int_equal(everything.checkpoint_every, 0);
    must(train_toy(0, HG_CHECKPOINT_NONE, weights[1], &none, message));
    assert_memory_equal(weights[0], weights[1], sizeof weights[0]);
    assert_true(none.bytes < everything.bytes && none.sample >= 0 && none.sample < 5);
    assert_int_equal(train_toy(none.bytes / 2, 0, weights[1], &chosen, message), HG_ERR_LIMIT);
    if (!strstr(message, "training sample 0: a step on 24 nodes and 60 edges needs")) fail_msg("%s", message);
    /* room for samples and optimiser comes on top */
    hg_status status = train_toy(everything.bytes + (1 << 20), 0, weights[1], &chosen, message);
    if (status < 0) fail_msg("%s", message);
    assert_memory_equal(weights[0], weights[1], sizeof weights[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(plans_are_right),
                                       cmocka_unit_test(signs_stand_for_the_last_layer),
                                       cmocka_unit_test(limit_is_an_error_before_any_work),
                                       cmocka_unit_test(memory_stays_flat),
                                       cmocka_unit_test(pool_keeps_no_more_than_was_used),
                                       cmocka_unit_test(pages_move_to_the_next_block),
                                       cmocka_unit_test(training_fits_the_limit)};
    if (hg_context_create(&ctx) < 0) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
