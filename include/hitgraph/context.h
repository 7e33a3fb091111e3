/* hitgraph/context.h — messages, memory, threads, log: what a caller hands to every function. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_CONTEXT_H
#define HITGRAPH_CONTEXT_H

#include <stddef.h>
#include <stdint.h>
#include "hitgraph/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Opaque. One context serves one calling thread at a time; functions may use several threads inside. */
typedef struct hg_context hg_context;

typedef enum hg_log_level { HG_LOG_ERROR, HG_LOG_WARN, HG_LOG_INFO, HG_LOG_DEBUG } hg_log_level;

/** Receives log lines (no newline at the end). The library itself never prints. */
typedef void hg_log_fn(void *user, hg_log_level level, const char *line);

/** Receives progress of long work: `done` of `total` units of `what`; `note` may be "" and holds figures such as a loss. */
typedef void hg_progress_fn(void *user, const char *what, int64_t done, int64_t total, const char *note);

/** Creates a context with default limits and one thread per physical core that affinity and cgroup quota allow, or as many as
 *  OMP_NUM_THREADS or omp_set_num_threads asked for within them. @param out owned by the caller. @return HG_OK or HG_ERR_NOMEM. */
HG_API hg_status hg_context_create(hg_context **out);

/** Frees a context; NULL is fine. All that was made with it must have been freed before. */
HG_API void hg_context_destroy(hg_context *ctx);

/** Text of the last error: what, where, expected, found; "" if none. Borrowed, valid until the next call with this context. */
HG_API const char *hg_context_message(const hg_context *ctx);

/** Forgets the last message. */
HG_API void hg_context_clear(hg_context *ctx);

/** Sets the number of threads that functions use, 1 .. 1024; 0 = as hg_context_create. @return HG_OK or HG_ERR_ARG. */
HG_API hg_status hg_context_set_threads(hg_context *ctx, int n_threads);
HG_API int hg_context_threads(const hg_context *ctx);

/** How evaluated models store tables and hidden rows: float32, or bf16 (half the memory and faster where the CPU multiplies bf16; sums,
 *  norms and activations stay in float32, inputs and outputs too). Gradients are always made in float32. */
typedef enum hg_precision { HG_PRECISION_FLOAT32, HG_PRECISION_BF16 } hg_precision;

/** Sets the precision of hg_model_forward with this context; float32 by default. The build with hg_real = double ignores it.
 *  @return HG_OK or HG_ERR_ARG. */
HG_API hg_status hg_context_set_precision(hg_context *ctx, hg_precision precision);
HG_API hg_precision hg_context_precision(const hg_context *ctx);

/** Sets the sinks of log and progress; NULL = silent. `user` is borrowed and handed back unchanged. */
HG_API void hg_context_set_log(hg_context *ctx, hg_log_level level, hg_log_fn *fn, void *user);
HG_API void hg_context_set_progress(hg_context *ctx, hg_progress_fn *fn, void *user);

/** Asks running work to stop soon with HG_ERR_INTERRUPTED. Async-signal-safe. */
HG_API void hg_context_interrupt(hg_context *ctx);

/** Frees a plain array or text that the library made and the caller owns; NULL is fine. Thread-safe. */
HG_API void hg_free(hg_context *ctx, void *pointer);

/** Sets the largest number of bytes that may be allocated at once through this context; 0 = no limit (default). */
HG_API void hg_context_set_memory_limit(hg_context *ctx, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
