/* base/check.h — the two macros that every fallible function is written with. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_CHECK_H
#define HG_BASE_CHECK_H

#include <inttypes.h>
#include "hitgraph/context.h"

/* Stores a message in the context and returns `status`, so that callers can write `return hg_fail(...)`. */
hg_status hg_fail(hg_context *ctx, hg_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " in front of the context's message; used where a caller knows better where it happened. */
void hg_fail_prefix(hg_context *ctx, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Both need a variable `hg_status status` and a label `done` in the function; HG_CHECK also `ctx`. */
#define HG_TRY(call)                                                                                                                       \
    do {                                                                                                                                   \
        status = (call);                                                                                                                   \
        if (status < 0) goto done;                                                                                                         \
    } while (0)

#define HG_CHECK(condition, code, ...)                                                                                                     \
    do {                                                                                                                                   \
        if (!(condition)) {                                                                                                                \
            status = hg_fail(ctx, (code), __VA_ARGS__);                                                                                    \
            goto done;                                                                                                                     \
        }                                                                                                                                  \
    } while (0)

#endif
