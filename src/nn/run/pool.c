/* nn/run/pool.c — see pool.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/run/pool.h"

#include <assert.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/pages.h"

typedef struct block {
    hg_real *data; /* owned */
    int64_t size;
    bool used, mapped;
} block;

/* Numbers from which on a block of a workspace has pages of its own: what waits then gives them to what is taken. */
enum { MAPPED_MIN = 2 * HG_HUGE_PAGE / sizeof(hg_real) };

struct hg_workspace {
    block *block; /* owned; [room] */
    int64_t n, room;
    int64_t held, used, peak; /* numbers in all blocks, in those in use, and the most of these at one time */
    bool dry, maps;
};

hg_status hg_pool_create(hg_context *ctx, bool dry, hg_pool **out)
{
    hg_status status = HG_OK;
    hg_pool *made = NULL;
    HG_TRY(hg_alloc(ctx, &made, 1));
    made->dry = dry;
    *out = made;
done:
    return status;
}

hg_status hg_workspace_create(hg_context *ctx, hg_workspace **out)
{
    hg_status status = hg_pool_create(ctx, false, out);
    if (status >= 0) (*out)->maps = true;
    return status;
}

void hg_workspace_destroy(hg_context *ctx, hg_workspace *workspace)
{
    hg_pool_destroy(ctx, workspace);
}

static size_t bytes_of(int64_t n)
{
    return (size_t)n * sizeof(hg_real);
}

size_t hg_pool_held(const hg_pool *pool)
{
    return bytes_of(pool->held);
}

size_t hg_pool_peak(const hg_pool *pool)
{
    return bytes_of(pool->peak);
}

bool hg_pool_is_dry(const hg_pool *pool)
{
    return pool->dry;
}

static void release(hg_context *ctx, const block *b)
{
    if (b->mapped) {
        hg_pages_unmap((char *)b->data, bytes_of(b->size));
        hg_memory_unclaim(ctx, bytes_of(b->size));
    } else {
        hg_free(ctx, b->data);
    }
}

void hg_pool_destroy(hg_context *ctx, hg_pool *pool)
{
    if (!pool) return;
    for (int64_t i = 0; i < pool->n; ++i) release(ctx, &pool->block[i]);
    hg_free(ctx, pool->block);
    hg_free(ctx, pool);
}

/* The smallest waiting block that fits without waste; a block that is much too large is worth more to someone else. */
static block *find(const hg_pool *pool, int64_t n)
{
    block *best = NULL;
    for (int64_t i = 0; i < pool->n; ++i) {
        block *b = &pool->block[i];
        if (b->used || b->size < n || b->size > n + n / 8 + 1024) continue;
        if (!best || b->size < best->size) best = b;
    }
    return best;
}

/* The waiting block whose loss makes room with the least waste: the smallest of at least n numbers, or the largest. */
static int64_t find_victim(const hg_pool *pool, int64_t n)
{
    int64_t best = -1;
    for (int64_t i = 0; i < pool->n; ++i) {
        const block *b = &pool->block[i], *old = best < 0 ? NULL : &pool->block[best];
        if (b->used) continue;
        if (!old || (old->size < n ? b->size > old->size : b->size >= n && b->size < old->size)) best = i;
    }
    return best;
}

/* Makes a waiting block smaller by `least` numbers or more; an empty one is forgotten. False: see hg_pages_cut. */
static bool shrink(hg_context *ctx, hg_pool *pool, int64_t victim, int64_t least, hg_new_pages *to)
{
    block *b = &pool->block[victim];
    size_t left = 0;
    bool whole = true;
    if (b->mapped) {
        left = bytes_of(b->size);
        whole = hg_pages_cut((char *)b->data, &left, bytes_of(least), to);
        hg_memory_unclaim(ctx, bytes_of(b->size) - left);
    } else {
        hg_free(ctx, b->data);
    }
    const int64_t size = (int64_t)(left / sizeof(hg_real));
    pool->held -= b->size - size;
    b->size = size;
    if (size == 0) *b = pool->block[--pool->n];
    return whole;
}

/* Takes from waiting blocks until n more numbers stay below the most that was ever in use at one time. */
static bool make_room(hg_context *ctx, hg_pool *pool, int64_t n, hg_new_pages *to)
{
    bool whole = true;
    for (int64_t least; (least = pool->held + n - pool->peak) > 0;) {
        int64_t victim = find_victim(pool, least);
        if (victim < 0) break;
        whole = shrink(ctx, pool, victim, least, to) && whole;
    }
    return whole;
}

/* New memory; what waits goes to make room for it, its pages into it. */
static hg_status make_block(hg_context *ctx, hg_pool *pool, int64_t n, block *out)
{
    hg_status status = HG_OK;
    const bool countable = n <= INT64_MAX / (int64_t)sizeof(hg_real); /* hg_alloc says what is wrong with others */
    block made = {.size = n, .mapped = pool->maps && n >= MAPPED_MIN && countable};
    hg_new_pages new_pages = {.bytes = bytes_of(n)};
    if (!made.mapped) {
        (void)make_room(ctx, pool, n, &new_pages);
        HG_TRY(hg_alloc_unset(ctx, &made.data, pool->dry ? 1 : n));
    } else {
        new_pages.pages = hg_pages_map(new_pages.bytes);
        const bool whole = make_room(ctx, pool, n, &new_pages);
        HG_CHECK(new_pages.pages && whole, HG_ERR_NOMEM, "out of memory: %zu bytes asked for, %zu in use", new_pages.bytes,
                 hg_memory_used(ctx));
        HG_TRY(hg_memory_claim(ctx, new_pages.bytes));
        made.data = (hg_real *)(void *)new_pages.pages;
    }
    *out = made;
done:
    if (status < 0 && new_pages.pages) hg_pages_unmap(new_pages.pages, new_pages.bytes);
    return status;
}

hg_status hg_pool_take(hg_context *ctx, hg_pool *pool, hg_real **out, int64_t n)
{
    hg_status status = HG_OK;
    block *found = find(pool, n);
    int64_t used = pool->used + (found ? found->size : n);
    if (used > pool->peak) pool->peak = used;
    if (!found) {
        if (pool->n == pool->room) {
            HG_TRY(hg_grow(ctx, &pool->block, pool->room, 2 * pool->room + 32));
            pool->room = 2 * pool->room + 32;
        }
        block made;
        HG_TRY(make_block(ctx, pool, n, &made));
        pool->held += n;
        found = &pool->block[pool->n++];
        *found = made;
    }
    found->used = true;
    pool->used = used;
    *out = found->data;
done:
    return status;
}

void hg_pool_give(hg_pool *pool, hg_real *data)
{
    if (!data) return;
    int64_t i = 0;
    while (i < pool->n && pool->block[i].data != data) ++i;
    assert(i < pool->n && pool->block[i].used);
    pool->block[i].used = false;
    pool->used -= pool->block[i].size;
}
