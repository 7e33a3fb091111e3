/* base/arena.c — a block that is borrowed for one piece of work and kept for the next. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdlib.h>
#include <sys/mman.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/context.h"

enum { LINE = 64, HUGE_PAGE = 2 << 20 };

static void *allocate(size_t *bytes)
{
    const size_t alignment = *bytes >= HUGE_PAGE ? HUGE_PAGE : LINE;
    *bytes = (*bytes + alignment - 1) / alignment * alignment;
    void *block = aligned_alloc(alignment, *bytes);
    /* only advice: where the system has no large pages the block is as good, a little slower */
    if (block && alignment == HUGE_PAGE) (void)madvise(block, *bytes, MADV_HUGEPAGE);
    return block;
}

hg_status hg_arena_reserve(hg_context *ctx, size_t bytes, void **out)
{
    if (ctx->arena_lent > 0) return hg_fail(ctx, HG_ERR_ARG, "the context's arena is lent already: expected one loan at a time");
    if (bytes < LINE) bytes = LINE;
    hg_status status = hg_memory_claim(ctx, bytes);
    if (status < 0) return status;
    if (ctx->arena_bytes < bytes) {
        size_t room = bytes;
        free(ctx->arena);
        ctx->arena = allocate(&room);
        ctx->arena_bytes = ctx->arena ? room : 0;
    }
    if (!ctx->arena) {
        hg_memory_unclaim(ctx, bytes);
        return hg_fail(ctx, HG_ERR_NOMEM, "out of memory: %zu bytes asked for, %zu in use", bytes,
                       hg_memory_used(ctx->owner ? ctx->owner : ctx));
    }
    ctx->arena_lent = bytes;
    *out = ctx->arena;
    return HG_OK;
}

void hg_arena_release(hg_context *ctx)
{
    hg_memory_unclaim(ctx, ctx->arena_lent);
    ctx->arena_lent = 0;
}
