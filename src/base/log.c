/* base/log.c — log lines and progress through the context's sinks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <omp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/context.h"
#include "base/cores.h"

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

void hg_log_threads(hg_context *ctx)
{
    const hg_cores found = hg_cores_here();
    const int threads = hg_context_threads(ctx);
    hg_log(ctx, HG_LOG_DEBUG, "%d threads; %d cores, %d CPUs allowed, quota of %d CPUs (0 = none), %d NUMA nodes", threads, found.cores,
           found.cpus, found.quota, found.numa_nodes);
    if (found.numa_nodes > 1 && threads > 1 && omp_get_proc_bind() == omp_proc_bind_false)
        hg_log(ctx, HG_LOG_DEBUG,
               "threads may wander between %d NUMA nodes, away from their memory: set OMP_PROC_BIND=close and OMP_PLACES=cores",
               found.numa_nodes);
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
