/* base/context.c — creation of contexts, messages, threads. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/cores.h"

enum { MAX_THREADS = 1024 };

const char *hg_status_name(hg_status status)
{
    switch (status) {
    case HG_OK:
        return "ok";
    case HG_INFO_PARTIAL:
        return "partly done";
    case HG_ERR_ARG:
        return "bad argument";
    case HG_ERR_NOMEM:
        return "out of memory";
    case HG_ERR_LIMIT:
        return "limit reached";
    case HG_ERR_IO:
        return "input/output error";
    case HG_ERR_FORMAT:
        return "bad format";
    case HG_ERR_DATA:
        return "bad data";
    case HG_ERR_CONFIG:
        return "bad configuration";
    case HG_ERR_MODEL:
        return "model mismatch";
    case HG_ERR_NUMERIC:
        return "numerical error";
    case HG_ERR_INTERRUPTED:
        return "interrupted";
    }
    return "unknown status";
}

hg_status hg_context_create(hg_context **out)
{
    hg_context *ctx = calloc(1, sizeof *ctx);
    if (!ctx) return HG_ERR_NOMEM;
    ctx->threads = hg_default_threads();
    ctx->log_level = HG_LOG_INFO;
    atomic_init(&ctx->memory_used, 0);
    atomic_init(&ctx->memory_peak, 0);
    atomic_init(&ctx->fail_after, -1);
    *out = ctx;
    return HG_OK;
}

void hg_context_destroy(hg_context *ctx)
{
    if (!ctx) return;
    for (int i = 0; i < ctx->n_helpers; ++i) hg_context_destroy(ctx->helper[i]);
    free(ctx->helper);
    free(ctx->arena);
    free(ctx);
}

const char *hg_context_message(const hg_context *ctx)
{
    return ctx->message;
}

void hg_context_clear(hg_context *ctx)
{
    ctx->message[0] = '\0';
}

hg_status hg_context_set_threads(hg_context *ctx, int n_threads)
{
    if (n_threads < 0 || n_threads > MAX_THREADS) {
        return hg_fail(ctx, HG_ERR_ARG, "threads: found %d, expected 0 .. %d", n_threads, MAX_THREADS);
    }
    ctx->threads = n_threads > 0 ? n_threads : hg_default_threads();
    return HG_OK;
}

int hg_context_threads(const hg_context *ctx)
{
    return ctx->threads;
}

hg_status hg_context_set_precision(hg_context *ctx, hg_precision precision)
{
    if (precision != HG_PRECISION_FLOAT32 && precision != HG_PRECISION_BF16)
        return hg_fail(ctx, HG_ERR_ARG, "precision: found %d, expected %d (float32) or %d (bf16)", (int)precision, HG_PRECISION_FLOAT32,
                       HG_PRECISION_BF16);
    ctx->precision = precision;
    return HG_OK;
}

hg_precision hg_context_precision(const hg_context *ctx)
{
    return ctx->precision;
}

void hg_context_interrupt(hg_context *ctx)
{
    ctx->interrupted = 1;
}

void hg_context_set_memory_limit(hg_context *ctx, size_t bytes)
{
    ctx->memory_limit = bytes;
}

hg_status hg_fail(hg_context *ctx, hg_status status, const char *format, ...)
{
    /* the arguments may point into the old message */
    char message[HG_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    memcpy(ctx->message, message, sizeof message);
    return status;
}

void hg_fail_prefix(hg_context *ctx, const char *format, ...)
{
    char message[2 * HG_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(message, HG_MESSAGE_SIZE, format, arguments);
    va_end(arguments);
    if (n < 0 || n >= HG_MESSAGE_SIZE) return;
    snprintf(message + n, sizeof message - (size_t)n, ": %s", ctx->message);
    message[HG_MESSAGE_SIZE - 1] = '\0';
    memcpy(ctx->message, message, HG_MESSAGE_SIZE);
}
