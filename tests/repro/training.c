/* tests/repro/training.c — training learns, and gives the same bits for any number of threads and after any interruption. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "../model_tools.h"
#include "../training_tools.h"
#include "tests/leaks.h"

enum { TRAIN = 11, VALID = 4, EPOCHS_MAX = 64 };
static char directory[] = "/tmp/hitgraph-training-XXXXXX";

/* One run in a context of its own: its status, weights, figures of each epoch and outcome. */
typedef struct run {
    hg_status status;
    char message[512];
    hg_real weights[512];
    int64_t n_weights, n_epochs;
    hg_epoch epoch[EPOCHS_MAX];
    hg_train_result result;
} run;

static void keep_epoch(void *user, const hg_epoch *epoch)
{
    run *r = user;
    r->epoch[r->n_epochs++] = *epoch;
}

static void train(run *r, const hg_train_options *options, int threads, toy *training, toy *validation)
{
    hg_context *own = NULL;
    hg_model *model = NULL;
    hg_sample_set training_set = set_of(training, TRAIN), validation_set = {0};
    *r = (run){0};
    assert_int_equal(hg_context_create(&own), HG_OK);
    assert_int_equal(hg_context_set_threads(own, threads), HG_OK);
    assert_int_equal(hg_model_create(own, "toy", toy_yaml, 5, &model), HG_OK);
    if (validation) validation_set = set_of(validation, VALID);
    r->status = hg_train(own, model, options, &training_set, &validation_set, keep_epoch, r, &r->result);
    snprintf(r->message, sizeof r->message, "%s", hg_context_message(own));
    r->n_weights = hg_model_n_parameters(model);
    assert_true(r->n_weights <= 512);
    memcpy(r->weights, hg_model_parameters(model), (size_t)r->n_weights * sizeof(hg_real));
    hg_model_destroy(own, model);
    hg_context_destroy(own);
}

static void assert_same_weights(const run *a, const run *b)
{
    assert_memory_equal(a->weights, b->weights, (size_t)a->n_weights * sizeof(hg_real));
}

static void learns(void **state)
{
    (void)state;
    toy training = toy_of(1), validation = toy_of(2);
    hg_train_options options = toy_options();
    options.epochs = 40;
    run r;
    train(&r, &options, 1, &training, &validation);
    if (r.status < 0) fail_msg("%s", r.message);
    assert_int_equal(r.n_epochs, 40);
    assert_int_equal(r.result.epochs, 40);
    assert_true(r.epoch[39].loss < 0.5 * r.epoch[0].loss);
    assert_true(r.result.best.auc > 0.95 && r.result.best.efficiency > 0.85 && r.result.best.purity > 0.7);
    for (int64_t e = 0; e < r.n_epochs; ++e) assert_true(r.epoch[e].validation_loss >= r.result.best.validation_loss);
    assert_false(r.result.stopped_early);
}

static void same_bits_for_any_number_of_threads(void **state)
{
    (void)state;
    run first, other;
    for (int threads = 1; threads <= 4; ++threads) {
        toy training = toy_of(1), validation = toy_of(2);
        hg_train_options options = toy_options();
        train(threads == 1 ? &first : &other, &options, threads, &training, &validation);
        if (threads == 1) continue;
        assert_same_weights(&first, &other);
        assert_memory_equal(first.epoch, other.epoch, sizeof first.epoch);
    }
}

static void order_depends_on_the_seed(void **state)
{
    (void)state;
    run a, b;
    toy training = toy_of(1), again = toy_of(1);
    hg_train_options options = toy_options();
    train(&a, &options, 1, &training, NULL);
    options.seed = 2;
    train(&b, &options, 1, &again, NULL);
    assert_true(memcmp(a.weights, b.weights, sizeof a.weights) != 0);
}

static void resumed_equals_uninterrupted(void **state)
{
    (void)state;
    run whole, r;
    toy training = toy_of(1), validation = toy_of(2);
    hg_train_options options = toy_options();
    train(&whole, &options, 1, &training, &validation);
    assert_int_equal(whole.status, HG_OK);
    snprintf(options.checkpoint_directory, sizeof options.checkpoint_directory, "%s", directory);
    options.resume = true;
    /* in the middle of a step, between steps, in the first, a middle and the last epoch; and while validating */
    for (int64_t stop = 0; stop < 4 * TRAIN; stop += 5) {
        remove_checkpoints(directory);
        toy first = toy_of(1), second = toy_of(1), valid = toy_of(2);
        first.interrupt_at = stop;
        train(&r, &options, 2, &first, &valid);
        assert_int_equal(r.status, HG_ERR_INTERRUPTED);
        assert_non_null(strstr(r.message, "checkpoint in"));
        train(&r, &options, 1, &second, &valid);
        if (r.status < 0) fail_msg("%s", r.message);
        assert_true(second.calls < training.calls || stop < 3);
        assert_same_weights(&whole, &r);
        assert_memory_equal(&whole.result, &r.result, sizeof r.result);
        assert_memory_equal(&whole.epoch[whole.n_epochs - 1], &r.epoch[r.n_epochs - 1], sizeof(hg_epoch));
    }
    for (int64_t stop = 1; stop < 4 * VALID; stop += 3) {
        remove_checkpoints(directory);
        toy first = toy_of(1), second = toy_of(1), valid = toy_of(2), valid2 = toy_of(2);
        valid.interrupt_at = stop;
        train(&r, &options, 1, &first, &valid);
        if (stop < 4 * VALID - 1) assert_int_equal(r.status, HG_ERR_INTERRUPTED);
        train(&r, &options, 1, &second, &valid2);
        assert_int_equal(r.status, HG_OK);
        assert_same_weights(&whole, &r);
    }
    /* resuming a finished training does nothing and gives the same */
    toy again = toy_of(1);
    train(&r, &options, 1, &again, &validation);
    assert_int_equal(again.calls, 0);
    assert_same_weights(&whole, &r);
    /* more epochs continue where it ended: the learning rate does not depend on their number here */
    remove_checkpoints(directory);
    options.schedule = 0;
    options.epochs = 3;
    toy part = toy_of(1), rest = toy_of(1), all = toy_of(1);
    train(&r, &options, 1, &part, NULL);
    options.epochs = 6;
    train(&r, &options, 1, &rest, NULL);
    assert_int_equal(rest.calls, 3 * TRAIN);
    options.resume = false;
    options.checkpoint_directory[0] = '\0';
    train(&whole, &options, 1, &all, NULL);
    assert_same_weights(&whole, &r);
    remove_checkpoints(directory);
}

static void stops_when_patience_runs_out(void **state)
{
    (void)state;
    run r, until_best;
    toy training = toy_of(1), validation = toy_of(2), again = toy_of(1);
    hg_train_options options = toy_options();
    options.epochs = 60;
    options.schedule = 0;
    options.learning_rate = 0.3; /* too large: the loss jumps about */
    options.patience = 3;
    options.watch = HG_WATCH_AUC;
    train(&r, &options, 1, &training, &validation);
    assert_int_equal(r.status, HG_OK);
    assert_true(r.result.stopped_early && r.result.epochs < 60);
    assert_int_equal(r.result.epochs, r.result.best.epoch + 3);
    /* and the weights are those of the best epoch */
    options.epochs = r.result.best.epoch;
    train(&until_best, &options, 1, &again, &validation);
    assert_same_weights(&until_best, &r);
}

static void not_a_number_stops_with_its_place(void **state)
{
    (void)state;
    run r, untouched;
    toy training = toy_of(1), none = toy_of(1);
    hg_train_options options = toy_options();
    options.epochs = 0;
    train(&untouched, &options, 1, &none, NULL);
    assert_int_equal(untouched.status, HG_OK);
    options.epochs = 4;
    training.broken_sample = 7;
    train(&r, &options, 1, &training, NULL);
    assert_int_equal(r.status, HG_ERR_NUMERIC);
    if (!strstr(r.message, "epoch 1, training sample 7, step")) fail_msg("%s", r.message);
    assert_same_weights(&untouched, &r);
}

/* The checkpoint before the fault is left as it was, and training goes on from it once the fault is gone. */
static void not_a_number_leaves_the_last_good_checkpoint(void **state)
{
    (void)state;
    run r, whole;
    toy first = toy_of(1), broken = toy_of(1), mended = toy_of(1), all = toy_of(1);
    hg_train_options options = toy_options();
    options.schedule = 0;
    options.epochs = 3;
    train(&whole, &options, 1, &all, NULL);
    snprintf(options.checkpoint_directory, sizeof options.checkpoint_directory, "%s", directory);
    options.resume = true;
    options.epochs = 1;
    train(&r, &options, 1, &first, NULL);
    assert_int_equal(r.status, HG_OK);
    options.epochs = 3;
    broken.broken_sample = 7;
    train(&r, &options, 1, &broken, NULL);
    assert_int_equal(r.status, HG_ERR_NUMERIC);
    if (!strstr(r.message, "the checkpoint after epoch 1") || !strstr(r.message, "epoch 2, training sample 7, step"))
        fail_msg("%s", r.message);
    train(&r, &options, 2, &mended, NULL);
    if (r.status < 0) fail_msg("%s", r.message);
    assert_int_equal(mended.calls, 2 * TRAIN);
    assert_same_weights(&whole, &r);
    remove_checkpoints(directory);
}

/* A step that throws the weights out of range stops there and then. */
static void infinite_step_stops(void **state)
{
    (void)state;
    run r;
    toy training = toy_of(1);
    hg_train_options options = toy_options();
    options.optimiser = 0;
    options.momentum = 0.9;
    options.learning_rate = 1e39;
    train(&r, &options, 1, &training, NULL);
    assert_int_equal(r.status, HG_ERR_NUMERIC);
    if (!strstr(r.message, "epoch 1, training sample") || !strstr(r.message, "the step made encode.0.weight, element"))
        fail_msg("%s", r.message);
}

/* The published trace of the interaction network through the loop itself. */
typedef struct fixed {
    sample s;
    uint8_t label[7];
} fixed;

static hg_status fixed_get(hg_context *context, void *user, int64_t i, hg_sample *out)
{
    fixed *f = user;
    (void)context;
    (void)i;
    *out = (hg_sample){.batch = f->s.batch, .label = f->label};
    return HG_OK;
}

static void loop_follows_the_published_trace(void **state)
{
    (void)state;
    const double expected[] = {.675076563, .659309651, .636189149, .605868932};
    const uint8_t labels[] = {1, 1, 0, 1, 0, 1, 0};
    hg_model *model = architecture("interaction_network", NULL);
    fixed f = {.s = small_sample(hg_model_get_widths(model))};
    for (int e = 0; e < 7; ++e) f.label[e] = labels[f.s.graph->caller_edge[e]];
    hg_sample_set set = {.user = &f, .n = 1, .get = fixed_get};
    hg_train_options options = hg_train_default_options();
    options.epochs = 4;
    options.optimiser = 0;
    options.learning_rate = 0.05;
    options.weight_decay = 0;
    run r = {0};
    must(hg_train(ctx, model, &options, &set, NULL, keep_epoch, &r, NULL));
    for (int e = 0; e < 4; ++e) assert_true(fabs(r.epoch[e].loss - expected[e]) < 1e-4);
    sample_clear(&f.s);
    hg_model_destroy(ctx, model);
}

static int open_context(void **state)
{
    (void)state;
    if (!mkdtemp(directory)) return -1;
    return hg_context_create(&ctx);
}

static int close_context(void **state)
{
    (void)state;
    remove_checkpoints(directory);
    rmdir(directory);
    return close_without_leaks(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns),
        cmocka_unit_test(same_bits_for_any_number_of_threads),
        cmocka_unit_test(order_depends_on_the_seed),
        cmocka_unit_test(resumed_equals_uninterrupted),
        cmocka_unit_test(stops_when_patience_runs_out),
        cmocka_unit_test(not_a_number_stops_with_its_place),
        cmocka_unit_test(not_a_number_leaves_the_last_good_checkpoint),
        cmocka_unit_test(infinite_step_stops),
        cmocka_unit_test(loop_follows_the_published_trace),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
