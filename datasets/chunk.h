/* datasets/chunk.h — decodes a stored HDF5 chunk: checksum, deflate, shuffle. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_CHUNK_H
#define HG_DATASETS_CHUNK_H

#include <stddef.h>
#include <stdint.h>
#include "hitgraph/context.h"

/* HDF5's numbers of the filters that are read. */
enum { HG_FILTER_DEFLATE = 1, HG_FILTER_SHUFFLE = 2, HG_FILTER_FLETCHER32 = 3 };

/* The filters of a dataset in the order of writing. */
typedef struct hg_filters {
    int n, id[3];
} hg_filters;

/* Decodes one chunk. The libraries' own filters trust the stored sizes (HDF5 1.10.8 reads out of bounds where they lie); this does not.
 * @param where "file:/dataset", for messages. @param skipped bit i = filter i was not applied to this chunk.
 * @param element bytes of one stored element. @param stored borrowed; [n_stored]. @param out [n_out] overwritten.
 * @return HG_OK; HG_ERR_FORMAT wrong checksum, damaged deflate data or another length than n_out; HG_ERR_NOMEM. */
hg_status hg_chunk_decode(hg_context *ctx, const char *where, const hg_filters *filters, uint32_t skipped, size_t element,
                          const uint8_t *stored, size_t n_stored, uint8_t *out, size_t n_out);

#endif
