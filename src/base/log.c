/* base/log.c — log lines and progress through the context's sinks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/context.h"

void hg_context_set_log(hg_context *ctx, hg_log_level level, hg_log_fn *fn, void *user)
{
    ctx->log_level = level;
    ctx->log_fn = fn;
    ctx->log_user = user;
}

void hg_context_set_progress(hg_context *ctx, hg_progress_fn *fn, void *user)
{
    ctx->progress_fn = fn;
    ctx->progress_user = user;
}

void hg_log(hg_context *ctx, hg_log_level level, const char *format, ...)
{
    if (!ctx->log_fn || level > ctx->log_level) return;
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    ctx->log_fn(ctx->log_user, level, line);
}

void hg_progress(hg_context *ctx, const char *what, int64_t done, int64_t total, const char *note)
{
    if (ctx->progress_fn) ctx->progress_fn(ctx->progress_user, what, done, total, note ? note : "");
}

bool hg_interrupted(const hg_context *ctx)
{
    return (ctx->owner ? ctx->owner : ctx)->interrupted != 0;
}

double hg_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
