/* nn/pool.c — see pool.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/pool.h"

#include <assert.h>

#include "base/check.h"
#include "base/memory.h"

typedef struct block {
    hg_real *data; /* owned */
    int64_t size;
    bool used;
} block;

struct hg_workspace {
    block *block; /* owned; [room] */
    int64_t n, room;
    int64_t held, used, peak; /* numbers in all blocks, in those in use, and the most of these at one time */
    bool dry;
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
    return hg_pool_create(ctx, false, out);
}

void hg_workspace_destroy(hg_context *ctx, hg_workspace *workspace)
{
    hg_pool_destroy(ctx, workspace);
}

size_t hg_pool_held(const hg_pool *pool)
{
    return (size_t)pool->held * sizeof(hg_real);
}

size_t hg_pool_peak(const hg_pool *pool)
{
    return (size_t)pool->peak * sizeof(hg_real);
}

bool hg_pool_is_dry(const hg_pool *pool)
{
    return pool->dry;
}

void hg_pool_destroy(hg_context *ctx, hg_pool *pool)
{
    if (!pool) return;
    for (int64_t i = 0; i < pool->n; ++i) hg_free(ctx, pool->block[i].data);
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

/* Frees waiting blocks until n more numbers stay below the most that was ever in use at one time. */
static void make_room(hg_context *ctx, hg_pool *pool, int64_t n)
{
    while (pool->held + n > pool->peak) {
        int64_t victim = find_victim(pool, pool->held + n - pool->peak);
        if (victim < 0) return;
        pool->held -= pool->block[victim].size;
        hg_free(ctx, pool->block[victim].data);
        pool->block[victim] = pool->block[--pool->n];
    }
}

hg_status hg_pool_take(hg_context *ctx, hg_pool *pool, hg_real **out, int64_t n)
{
    hg_status status = HG_OK;
    block *found = find(pool, n);
    hg_real *data = NULL;
    int64_t used = pool->used + (found ? found->size : n);
    if (used > pool->peak) pool->peak = used;
    if (!found) {
        make_room(ctx, pool, n);
        if (pool->n == pool->room) {
            HG_TRY(hg_grow(ctx, &pool->block, pool->room, 2 * pool->room + 32));
            pool->room = 2 * pool->room + 32;
        }
        HG_TRY(hg_alloc_unset(ctx, &data, pool->dry ? 1 : n));
        pool->held += n;
        found = &pool->block[pool->n++];
        *found = (block){.data = data, .size = n};
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
