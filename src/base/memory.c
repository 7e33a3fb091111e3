/* base/memory.c — allocations with a size header in front, so that use and peak are known exactly. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/context.h"
#include "base/pages.h"

enum { ALIGNMENT = 64 };

static size_t *size_of(void *pointer)
{
    return (size_t *)(void *)((char *)pointer - ALIGNMENT);
}

/* The context that counts: a helper's memory is its owner's. */
static hg_context *counter(hg_context *ctx)
{
    return ctx->owner ? ctx->owner : ctx;
}

static void count_bytes(hg_context *ctx, size_t bytes)
{
    size_t used = atomic_fetch_add(&ctx->memory_used, bytes) + bytes;
    size_t peak = atomic_load(&ctx->memory_peak);
    while (used > peak && !atomic_compare_exchange_weak(&ctx->memory_peak, &peak, used)) {
    }
}

static bool injected_failure(hg_context *ctx)
{
    return atomic_load(&ctx->fail_after) >= 0 && atomic_fetch_sub(&ctx->fail_after, 1) == 0;
}

hg_status hg_memory_claim(hg_context *ctx, size_t bytes)
{
    hg_context *all = counter(ctx);
    if (all->memory_limit > 0 && (bytes > all->memory_limit || atomic_load(&all->memory_used) > all->memory_limit - bytes)) {
        return hg_fail(ctx, HG_ERR_LIMIT, "memory limit of %zu bytes: %zu in use, %zu more asked for", all->memory_limit,
                       atomic_load(&all->memory_used), bytes);
    }
    if (injected_failure(all))
        return hg_fail(ctx, HG_ERR_NOMEM, "out of memory: %zu bytes asked for, %zu in use", bytes, atomic_load(&all->memory_used));
    count_bytes(all, bytes);
    return HG_OK;
}

void hg_memory_unclaim(hg_context *ctx, size_t bytes)
{
    atomic_fetch_sub(&counter(ctx)->memory_used, bytes);
}

/* A block with its header. Large ones lie in huge pages where the system gives them: far fewer faults at first touch, fewer misses later.
 */
static char *get_block(size_t bytes)
{
    size_t alignment = bytes >= HG_HUGE_PAGE ? HG_HUGE_PAGE : ALIGNMENT;
    char *block = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (block && alignment == HG_HUGE_PAGE) (void)madvise(block, bytes, MADV_HUGEPAGE);
    return block;
}

static hg_status get_array(hg_context *ctx, void **out, int64_t count, size_t size, bool zero)
{
    if (count < 0) return hg_fail(ctx, HG_ERR_ARG, "allocation of %" PRId64 " elements: expected 0 or more", count);
    size_t bytes;
    if (__builtin_mul_overflow((size_t)count, size, &bytes) || bytes > SIZE_MAX / 2) {
        return hg_fail(ctx, HG_ERR_LIMIT, "allocation of %" PRId64 " elements of %zu bytes does not fit into the address space", count,
                       size);
    }
    hg_status status = hg_memory_claim(ctx, bytes);
    if (status < 0) return status;
    size_t whole = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + ALIGNMENT;
    char *block = get_block(whole);
    if (!block) {
        hg_memory_unclaim(ctx, bytes);
        return hg_fail(ctx, HG_ERR_NOMEM, "out of memory: %zu bytes asked for, %zu in use", bytes, hg_memory_used(counter(ctx)));
    }
    if (zero) memset(block, 0, whole);
    *(size_t *)(void *)block = bytes;
    *out = block + ALIGNMENT;
    return HG_OK;
}

hg_status hg_alloc_array(hg_context *ctx, void **out, int64_t count, size_t size)
{
    return get_array(ctx, out, count, size, true);
}

hg_status hg_alloc_unset_array(hg_context *ctx, void **out, int64_t count, size_t size)
{
    return get_array(ctx, out, count, size, false);
}

hg_status hg_grow_array(hg_context *ctx, void **array, int64_t old_count, int64_t new_count, size_t size)
{
    void *grown = NULL;
    hg_status status = hg_alloc_array(ctx, &grown, new_count, size);
    if (status < 0) return status;
    if (*array) memcpy(grown, *array, (size_t)(old_count < new_count ? old_count : new_count) * size);
    hg_free(ctx, *array);
    *array = grown;
    return HG_OK;
}

void hg_free(hg_context *ctx, void *pointer)
{
    if (!pointer) return;
    hg_memory_unclaim(ctx, *size_of(pointer));
    free(size_of(pointer));
}

hg_status hg_copy_string(hg_context *ctx, const char *text, char **out)
{
    size_t length = strlen(text);
    char *copy = NULL;
    hg_status status = hg_alloc(ctx, &copy, (int64_t)length + 1);
    if (status < 0) return status;
    memcpy(copy, text, length);
    *out = copy;
    return HG_OK;
}

size_t hg_memory_used(const hg_context *ctx)
{
    return atomic_load(&ctx->memory_used);
}

size_t hg_memory_peak(const hg_context *ctx)
{
    return atomic_load(&ctx->memory_peak);
}

size_t hg_memory_limit(const hg_context *ctx)
{
    return ctx->memory_limit;
}

int64_t hg_peak_rss(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    if (!file) return 0;
    char line[256];
    long long kilobytes = 0;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kilobytes = strtoll(line + 6, NULL, 10);
            break;
        }
    }
    fclose(file);
    return (int64_t)kilobytes * 1024;
}

void hg_memory_fail_after(hg_context *ctx, int64_t n)
{
    atomic_store(&ctx->fail_after, n);
}
