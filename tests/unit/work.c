/* work.c — flops, traffic and memory counted from a description, against the table of ENGINE 2 and against counts by hand. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include "base/data_path.h"
#include "base/roofline.h"
#include "base/text.h"
#include "nn/model/work.h"

static const hg_work_size full_event = {.n_nodes = 120000, .n_edges = 1000000, .n_graphs = 1, .cache_bytes = 0, .number_bytes = 4};

/* The InteractionGNN with another width and another number of steps. */
static hg_model *interaction_model(int width, int steps)
{
    char path[HG_PATH_SIZE], *text = NULL, number[16];
    size_t length = 0;
    hg_text yaml = {0};
    hg_model *model = NULL;
    must(hg_data_path(ctx, "models/architectures/acorn_ignn.yaml", path));
    must(hg_read_file(ctx, path, 1 << 20, &text, &length));
    for (const char *at = text; *at;) {
        const char *width_at = strstr(at, "64"), *steps_at = strstr(at, "repeat: 8");
        const char *next = width_at && (!steps_at || width_at < steps_at) ? width_at : steps_at;
        if (!next) next = at + strlen(at);
        must(hg_text_append(ctx, &yaml, "%.*s", (int)(next - at), at));
        at = next;
        if (!*at) break;
        snprintf(number, sizeof number, "%d", at == width_at ? width : steps);
        must(hg_text_append(ctx, &yaml, "%s%s", at == width_at ? "" : "repeat: ", number));
        at += at == width_at ? 2 : 9;
    }
    must(hg_model_create(ctx, "test", yaml.data, 1, &model));
    hg_free(ctx, text);
    hg_free(ctx, yaml.data);
    return model;
}

static hg_work work_of(int width, int steps, int pass)
{
    hg_work work[HG_WORK_PASSES];
    hg_model *model = interaction_model(width, steps);
    hg_work_count(model, &full_event, work);
    hg_model_destroy(ctx, model);
    return work[pass];
}

static void near(double found, double expected, double relative)
{
    if (!(found >= expected * (1 - relative) && found <= expected * (1 + relative))) fail_msg("%g, expected %g", found, expected);
}

static bool same(double a, double b)
{
    return !(a < b || a > b);
}

static void flops_and_traffic_of_the_table(void **state)
{
    (void)state;
    const struct {
        int width;
        double nominal, executed, bytes;
    } rows[] = {{64, 443e9, 299e9, 10.7e9}, {128, 1771e9, 1194e9, 21.4e9}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        const hg_work work = work_of(rows[i].width, 8, HG_WORK_FORWARD);
        near(work.nominal_flops, rows[i].nominal, 0.5 / 443);
        near(work.flops, rows[i].executed, 0.5 / 299);
        near(work.bytes, rows[i].bytes, 0.06); /* the table leaves out what encoder and classifier gather */
    }
}

/* One step: e is read, written and read again for the outgoing sums, P is gathered, seven node streams, three indices an edge. */
static void traffic_of_one_step(void **state)
{
    (void)state;
    const double step = work_of(64, 9, HG_WORK_FORWARD).bytes - work_of(64, 8, HG_WORK_FORWARD).bytes;
    near(step, 4 * (4 * 64e6 + 7 * 64 * 120e3) + 4 * 3e6, 1e-12);
}

static void cache_and_width_of_numbers(void **state)
{
    (void)state;
    hg_work cold[HG_WORK_PASSES], warm[HG_WORK_PASSES], narrow[HG_WORK_PASSES];
    hg_model *model = interaction_model(64, 8);
    hg_work_size size = full_event;
    hg_work_count(model, &size, cold);
    size.cache_bytes = 4.0 * 64 * 120000;
    hg_work_count(model, &size, warm);
    size = full_event;
    size.number_bytes = 2;
    hg_work_count(model, &size, narrow);
    near(cold->bytes - warm->bytes, 4 * 64e6 * 10, 1e-12); /* encoder, eight steps, classifier */
    assert_true(same(cold->flops, narrow->flops));
    near(narrow->bytes, cold->bytes / 2, 0.01);
    hg_model_destroy(ctx, model);
}

/* Forward, its recomputation, and two products of each matrix; the attributes need no gradient. */
static void training_is_four_forwards(void **state)
{
    (void)state;
    const hg_work forward = work_of(64, 8, HG_WORK_FORWARD), training = work_of(64, 8, HG_WORK_TRAINING);
    near(training.flops, 4 * forward.flops - 2.0 * 120000 * 3 * 64, 1e-12);
    assert_true(training.bytes > 2 * forward.bytes && training.bytes < 4 * forward.bytes);
    near(hg_work_bound(&forward, 1e12, 1e10), forward.bytes / 1e10, 1e-12);
    near(hg_work_bound(&forward, 1e10, 1e12), forward.flops / 1e10, 1e-12);
}

/* ENGINE 9: 379 MB and indices; e_1 .. e_8, x_0 .. x_8 and working tables. */
static void memory_of_the_budget(void **state)
{
    (void)state;
    hg_model *model = interaction_model(64, 8);
    near(hg_work_inference_bytes(model, &full_event), 4.0 * 64 * (1e6 + 4 * 120e3) + 16e6, 1e-12);
    near(hg_work_training_bytes(model, &full_event), 4.0 * (64 * (8e6 + 9 * 120e3 + 4 * 120e3) + 1e6) + 16e6, 1e-12);
    hg_model_destroy(ctx, model);
}

static void roofline_keeps_the_best(void **state)
{
    (void)state;
    hg_roofline roof = {.flops = 1e30, .bandwidth = 1};
    must(hg_roofline_measure(ctx, 1, &roof));
    assert_true(same(roof.flops, 1e30));
    assert_true(roof.bandwidth > 1e8);
    assert_true(roof.bf16_flops >= 0 && roof.tile_flops >= 0);
    assert_true(hg_last_cache_bytes() >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flops_and_traffic_of_the_table), cmocka_unit_test(traffic_of_one_step),
        cmocka_unit_test(cache_and_width_of_numbers),     cmocka_unit_test(training_is_four_forwards),
        cmocka_unit_test(memory_of_the_budget),           cmocka_unit_test(roofline_keeps_the_best),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
