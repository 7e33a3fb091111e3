/* tests/gradients/published_models.c — published networks in double: logits, losses, gradient norms to 1e-8. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "../dynedge_numbers.h"
#include "../other_networks.h"
#include "../published_models.h"
#include "tests/leaks.h"

static void logits_and_gradients(void **state)
{
    (void)state;
    for (int i = 0; i < N_PUBLISHED; ++i) check_published(&models[i], 1e-8);
}

static void reversed_edges(void **state)
{
    (void)state;
    check_reversed(1e-8);
}

static void encode_process_decode(void **state)
{
    (void)state;
    check_graph_nets(1e-8);
}

static void dynamic_graphs(void **state)
{
    (void)state;
    check_dynedge(1e-8);
    check_dynedge_sizes();
}

static void outputs_and_gradients_of_others(void **state)
{
    (void)state;
    for (int i = 0; i < N_OTHER; ++i) check_other_network(&other_networks[i], 1e-8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(logits_and_gradients), cmocka_unit_test(outputs_and_gradients_of_others),
                                       cmocka_unit_test(reversed_edges), cmocka_unit_test(encode_process_decode),
                                       cmocka_unit_test(dynamic_graphs)};
    if (hg_context_create(&ctx) < 0) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
