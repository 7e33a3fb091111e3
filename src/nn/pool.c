/* nn/pool.c — see pool.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/pool.h"

#include "base/check.h"
#include "base/memory.h"

typedef struct block {
    hg_real *data; /* owned */
    int64_t size;
    bool used;
} block;

struct hg_workspace {
    block *block;                /* owned; [room] */
    int64_t n, room, held, peak; /* numbers held now and at most */
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

/* Frees waiting blocks until n numbers are free or none is left, the largest first. */
static void make_room(hg_context *ctx, hg_pool *pool, int64_t n)
{
    while (n > 0) {
        int64_t largest = -1;
        for (int64_t i = 0; i < pool->n; ++i) {
            if (!pool->block[i].used && (largest < 0 || pool->block[i].size > pool->block[largest].size)) largest = i;
        }
        if (largest < 0) return;
        n -= pool->block[largest].size;
        pool->held -= pool->block[largest].size;
        hg_free(ctx, pool->block[largest].data);
        pool->block[largest] = pool->block[--pool->n];
    }
}

hg_status hg_pool_take(hg_context *ctx, hg_pool *pool, hg_real **out, int64_t n)
{
    hg_status status = HG_OK;
    block *found = find(pool, n);
    hg_real *data = NULL;
    if (!found) {
        make_room(ctx, pool, n);
        if (pool->n == pool->room) {
            HG_TRY(hg_grow(ctx, &pool->block, pool->room, 2 * pool->room + 32));
            pool->room = 2 * pool->room + 32;
        }
        HG_TRY(hg_alloc_unset(ctx, &data, pool->dry ? 1 : n));
        pool->held += n;
        if (pool->held > pool->peak) pool->peak = pool->held;
        found = &pool->block[pool->n++];
        *found = (block){.data = data, .size = n};
    }
    found->used = true;
    *out = found->data;
done:
    return status;
}

void hg_pool_give(hg_pool *pool, hg_real *data)
{
    for (int64_t i = 0; data && i < pool->n; ++i) {
        if (pool->block[i].data == data) pool->block[i].used = false;
    }
}
