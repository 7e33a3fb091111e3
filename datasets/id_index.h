/* datasets/id_index.h — from 64-bit ids to rows: ids need be neither contiguous nor sorted. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_ID_INDEX_H
#define HG_DATASETS_ID_INDEX_H

#include <stdint.h>
#include "hitgraph/context.h"

typedef struct hg_id_index {
    const uint64_t *id; /* [n] borrowed: must outlive the index */
    int64_t n, mask;
    int32_t *slot; /* [mask + 1] owned: row + 1, 0 = free */
} hg_id_index;

/* Builds the index in O(n). *duplicate: first row whose id was seen before, -1 = all are different; may be NULL.
 * With duplicates, the first row of an id is the one found. Free with hg_id_index_release (fine on a zeroed struct). */
hg_status hg_id_index_build(hg_context *ctx, const uint64_t *id, int64_t n, hg_id_index *out, int64_t *duplicate);
void hg_id_index_release(hg_context *ctx, hg_id_index *index);

/* Row of an id, -1 = none. Threads: reentrant. */
int64_t hg_id_index_find(const hg_id_index *index, uint64_t id);

#endif
