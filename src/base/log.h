/* base/log.h — log lines, progress and the wish to stop, through the context's sinks. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_LOG_H
#define HG_BASE_LOG_H

#include <stdbool.h>
#include "hitgraph/context.h"

void hg_log(hg_context *ctx, hg_log_level level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Debug lines: threads and cores; a warning when threads are free to wander between NUMA nodes. */
void hg_log_threads(hg_context *ctx);

/* Reports `done` of `total` units of `what`; note may be NULL. */
void hg_progress(hg_context *ctx, const char *what, int64_t done, int64_t total, const char *note);

/* True after hg_context_interrupt. */
bool hg_interrupted(const hg_context *ctx);

/* Monotonic wall-clock seconds. */
double hg_seconds(void);

#endif
