/* published_tests.h — the tests of published networks, run in float and in double. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_PUBLISHED_TESTS_H
#define HG_TESTS_PUBLISHED_TESTS_H

#include "dynedge_numbers.h"
#include "other_networks.h"
#include "published_models.h"
#include "tests/leaks.h"

static double published_tolerance;

static void logits_and_gradients(void **state)
{
    (void)state;
    for (int i = 0; i < N_PUBLISHED; ++i) {
        if (sizeof(hg_real) == sizeof(double) || !models[i].double_only) check_published(&models[i], published_tolerance);
    }
}

static void reversed_edges(void **state)
{
    (void)state;
    check_reversed(published_tolerance);
}

static void encode_process_decode(void **state)
{
    (void)state;
    check_graph_nets(published_tolerance);
}

static void dynamic_graphs(void **state)
{
    (void)state;
    check_dynedge(published_tolerance);
    check_dynedge_sizes();
}

static void outputs_and_gradients_of_others(void **state)
{
    (void)state;
    for (int i = 0; i < N_OTHER; ++i) check_other_network(&other_networks[i], published_tolerance);
}

/* All of them, logits, losses and gradient norms to a relative tolerance. */
static inline int run_published(double tolerance)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(logits_and_gradients), cmocka_unit_test(outputs_and_gradients_of_others),
                                       cmocka_unit_test(reversed_edges), cmocka_unit_test(encode_process_decode),
                                       cmocka_unit_test(dynamic_graphs)};
    published_tolerance = tolerance;
    if (hg_context_create(&ctx) < 0) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}

#endif
