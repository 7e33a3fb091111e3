/* base/context.h — what is inside a context; for src/base only. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_CONTEXT_H
#define HG_BASE_CONTEXT_H

#include <signal.h>
#include <stdatomic.h>
#include "hitgraph/context.h"

enum { HG_MESSAGE_SIZE = 2048 };

struct hg_context {
    int threads;
    hg_precision precision;
    hg_log_level log_level;
    hg_log_fn *log_fn;
    void *log_user;
    hg_progress_fn *progress_fn;
    void *progress_user;
    volatile sig_atomic_t interrupted;
    size_t memory_limit;
    atomic_size_t memory_used, memory_peak; /* allocation may happen inside parallel regions */
    atomic_llong fail_after;                /* allocations until one fails; negative = never */
    void *arena;                            /* owned; base/arena.h */
    size_t arena_bytes, arena_lent;
    hg_context *owner;   /* of a helper (base/helpers.h): counts its memory, and is asked to stop; NULL */
    hg_context **helper; /* [n_helpers] owned */
    int n_helpers;
    char message[HG_MESSAGE_SIZE];
};

#endif
