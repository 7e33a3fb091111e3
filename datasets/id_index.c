/* datasets/id_index.c — from 64-bit ids to rows: ids need be neither contiguous nor sorted. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/id_index.h"

#include "base/check.h"
#include "base/memory.h"

/* Finaliser of splitmix64: ids that differ in few bits spread over all slots. */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Slot that holds the id, or the free one where it belongs. */
static int64_t find_slot(const hg_id_index *index, uint64_t id)
{
    int64_t s = (int64_t)(mix(id) & (uint64_t)index->mask);
    while (index->slot[s] && index->id[index->slot[s] - 1] != id) s = (s + 1) & index->mask;
    return s;
}

hg_status hg_id_index_build(hg_context *ctx, const uint64_t *id, int64_t n, hg_id_index *out, int64_t *duplicate)
{
    hg_status status = HG_OK;
    hg_id_index index = {.id = id, .n = n, .mask = 15, .slot = NULL};
    int64_t first_duplicate = -1;
    HG_CHECK(n < INT32_MAX, HG_ERR_LIMIT, "%" PRId64 " ids, expected less than %d", n, INT32_MAX);
    while (index.mask < 2 * n) index.mask = 2 * index.mask + 1;
    HG_TRY(hg_alloc(ctx, &index.slot, index.mask + 1));
    for (int64_t i = 0; i < n; ++i) {
        const int64_t s = find_slot(&index, id[i]);
        if (!index.slot[s])
            index.slot[s] = (int32_t)(i + 1);
        else if (first_duplicate < 0)
            first_duplicate = i;
    }
    if (duplicate) *duplicate = first_duplicate;
    *out = index;
done:
    return status;
}

void hg_id_index_release(hg_context *ctx, hg_id_index *index)
{
    hg_free(ctx, index->slot);
    index->slot = NULL;
}

int64_t hg_id_index_find(const hg_id_index *index, uint64_t id)
{
    return (int64_t)index->slot[find_slot(index, id)] - 1;
}
