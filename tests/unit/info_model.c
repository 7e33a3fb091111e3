/* info_model.c — what info tells of a model: parameters, shapes, cost for a graph size; and the answers of bench roofline. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/program.h"

static double number_at(const json_t *root, const char *const *path)
{
    for (; *path; ++path) root = json_object_get(root, *path);
    assert_true(json_is_number(root));
    return json_number_value(root);
}

#define AT(root, ...) number_at((root), (const char *const[]){__VA_ARGS__, NULL})

static void near(double found, double expected, double relative)
{
    if (!(found >= expected * (1 - relative) && found <= expected * (1 + relative))) fail_msg("%g, expected %g", found, expected);
}

static void cost_of_a_published_network(void **state)
{
    (void)state;
    answer a = run("info models/architectures/acorn_ignn.yaml --json");
    expect_answer("info", &a, 0, (const char *const[]){NULL});
    json_t *lines = json_lines(&a);
    const json_t *root = json_array_get(lines, 0), *cost = json_object_get(root, "cost");
    assert_int_equal(json_integer_value(json_object_get(root, "parameters")), 87233);
    const json_t *tensors = json_object_get(root, "tensors");
    int64_t sum = 0;
    for (size_t i = 0; i < json_array_size(tensors); ++i) sum += json_integer_value(json_object_get(json_array_get(tensors, i), "size"));
    assert_int_equal(sum, 87233);
    near(AT(cost, "inference", "nominal_flops"), 443e9, 0.5 / 443);
    near(AT(cost, "inference", "flops"), 299e9, 0.5 / 299);
    near(AT(cost, "inference", "fp32", "budget_bytes"), 395e6, 0.01);
    near(AT(cost, "inference", "fp32", "bound_compute_s"),
         AT(cost, "inference", "flops") / AT(cost, "inference", "fp32", "flops_per_second"), 1e-5);
    near(AT(cost, "inference", "fp32", "bound_memory_s"), AT(cost, "inference", "fp32", "bytes_fused") / AT(cost, "bytes_per_second"),
         1e-5);
    assert_true(AT(cost, "training", "fp32", "budget_bytes") < 2.5e9);
    assert_true(AT(cost, "training", "memory_bytes_all") > AT(cost, "training", "memory_bytes_every_step"));
    assert_true(AT(cost, "training", "memory_bytes_every_step") > AT(cost, "training", "memory_bytes_no_edges"));
    json_decref(lines);
    forget(&a);
    a = run("info models/architectures/acorn_ignn.yaml --json --nodes 12000 --edges 100000");
    lines = json_lines(&a);
    near(AT(json_array_get(lines, 0), "cost", "inference", "nominal_flops"), 44.3e9, 0.002);
    json_decref(lines);
    forget(&a);
}

static void text_of_a_shipped_network(void **state)
{
    (void)state;
    answer a = run("info models/trackml/doublet");
    expect_answer("info", &a, 0, (const char *const[]){NULL});
    static const char *const texts[] = {
        "reads  9 node, 26 edge, 0 global features", "  node_encoder ", "9 -> 16 relu -> 16 relu", "node_encoder.0.weight", "[16, 9]",
        "cost of 120000 nodes and 1000000 edges",    "inference:",      "training step:"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; ++i) {
        if (!strstr(a.out, texts[i])) fail_msg("info lacks \"%s\":\n%s", texts[i], a.out);
    }
    forget(&a);
}

static void roofline_of_every_number_of_threads(void **state)
{
    (void)state;
    answer a = run("bench roofline --rounds 1 --threads 2 --json");
    expect_answer("bench roofline", &a, 0, (const char *const[]){NULL});
    json_t *lines = json_lines(&a);
    assert_int_equal(json_array_size(lines), 2);
    for (size_t i = 0; i < 2; ++i) {
        const json_t *row = json_array_get(lines, i);
        assert_int_equal(json_integer_value(json_object_get(row, "threads")), i + 1);
        assert_true(AT(row, "fp32_gflops") > 0.1 && AT(row, "triad_gb_per_s") > 0.1);
        assert_true(AT(row, "bf16_gflops") >= 0 && AT(row, "bf16_tile_gflops") >= 0);
    }
    json_decref(lines);
    forget(&a);
}

static void mistakes(void **state)
{
    (void)state;
    static const mistake cases[] = {
        {"info models/trackml/doublet --nodes -1", 2, "--nodes -1"},
        {"info models/trackml/doublet --graphs 0", 2, "--graphs 0"},
        {"info models/none", 3, "models/none"},
        {"bench", 2, "found 0 inputs"},
        {"bench speed", 2, "unknown measurement 'speed', expected roofline"},
        {"bench roofline --rounds 0", 2, "--rounds"},
    };
    expect_mistakes(cases, sizeof cases / sizeof *cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cost_of_a_published_network),
        cmocka_unit_test(text_of_a_shipped_network),
        cmocka_unit_test(roofline_of_every_number_of_threads),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
