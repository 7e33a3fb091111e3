/* tests/gradients/training_traces.c — the first training steps of published networks, in double: 1e-7 for SGD; 1e-6 for AdamW, where tiny
 * gradients decide signs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "../training_traces.h"
#include "tests/leaks.h"

static void sgd_with_momentum(void **state)
{
    (void)state;
    for (int i = 0; i < N_TRACES; ++i) check_trace(&traces[i], false, 1e-7);
}

static void adamw_with_amsgrad(void **state)
{
    (void)state;
    for (int i = 0; i < N_TRACES; ++i) check_trace(&traces[i], true, 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sgd_with_momentum), cmocka_unit_test(adamw_with_amsgrad)};
    if (hg_context_create(&ctx) < 0) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
