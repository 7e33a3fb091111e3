/* base/memory.h — the one place where memory comes from: overflow-checked, 64-byte aligned, counted. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_MEMORY_H
#define HG_BASE_MEMORY_H

#include <stdbool.h>
#include "hitgraph/context.h"

/* Zeroed room for count elements of `size` bytes; count 0 gives a valid pointer. *out is untouched on error. */
hg_status hg_alloc_array(hg_context *ctx, void **out, int64_t count, size_t size);

/* The same without zeroing: for large arrays that are written before they are read, page by page by the threads that use them. */
hg_status hg_alloc_unset_array(hg_context *ctx, void **out, int64_t count, size_t size);

/* Grows an array from old_count to new_count elements; new elements are zero. *array keeps its old value on error. */
hg_status hg_grow_array(hg_context *ctx, void **array, int64_t old_count, int64_t new_count, size_t size);

/* hg_alloc(ctx, &pointer, count): the element size comes from the pointer's type. */
#define hg_alloc(ctx, pointer, count) hg_alloc_array((ctx), (void **)(pointer), (count), sizeof **(pointer))
#define hg_alloc_unset(ctx, pointer, count) hg_alloc_unset_array((ctx), (void **)(pointer), (count), sizeof **(pointer))
#define hg_grow(ctx, pointer, old_count, new_count) hg_grow_array((ctx), (void **)(pointer), (old_count), (new_count), sizeof **(pointer))

/* A copy of a string, to be freed with hg_free. */
hg_status hg_copy_string(hg_context *ctx, const char *text, char **out);

/* Counts `bytes` as used, if the limit (and a failure that a test injects) allows it: for memory that comes from elsewhere.
 * Errors: HG_ERR_LIMIT, HG_ERR_NOMEM. */
hg_status hg_memory_claim(hg_context *ctx, size_t bytes);
void hg_memory_unclaim(hg_context *ctx, size_t bytes);

/* Bytes allocated now, and the most at one time since creation. */
size_t hg_memory_used(const hg_context *ctx);
size_t hg_memory_peak(const hg_context *ctx);
/* 0 = none. */
size_t hg_memory_limit(const hg_context *ctx);

/* Peak resident set of the process in bytes (Linux: VmHWM); 0 where unknown. */
int64_t hg_peak_rss(void);

/* Makes the n-th allocation from now fail (0 = the next one); negative switches this off. For tests of error paths. */
void hg_memory_fail_after(hg_context *ctx, int64_t n);

#endif
