/* context.h — the context of a test program, as cmocka's set-up and tear-down. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_CONTEXT_H
#define HG_TESTS_CONTEXT_H

#include "tests/leaks.h"

static hg_context *ctx;

static inline int open_context(void **state)
{
    (void)state;
    return hg_context_create(&ctx) < 0;
}

/* Memory that is still in use is a failure. */
static inline int close_context(void **state)
{
    (void)state;
    return close_without_leaks(ctx);
}

#endif
