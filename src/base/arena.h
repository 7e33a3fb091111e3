/* base/arena.h — the one large block that a context keeps from call to call, so that repeated work causes no page faults. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_ARENA_H
#define HG_BASE_ARENA_H

#include "hitgraph/context.h"

/* Lends at least `bytes` bytes, not zeroed, on a boundary of 2 MB where they are many. The context owns the block and keeps it after
 * hg_arena_release until it is destroyed; it counts as used memory only while it is lent. One loan at a time.
 * Errors: HG_ERR_LIMIT beyond the context's memory limit, HG_ERR_NOMEM, HG_ERR_ARG lent already. *out is untouched on error. */
hg_status hg_arena_reserve(hg_context *ctx, size_t bytes, void **out);
void hg_arena_release(hg_context *ctx);

#endif
