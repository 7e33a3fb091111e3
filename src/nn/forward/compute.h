/* nn/forward/compute.h — inputs computed from tables: dot products, distances, columns, homophilies, counts. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_COMPUTE_H
#define HG_NN_COMPUTE_H

#include "nn/run/run.h"

/* *out [rows of the update, term->width], made by this call: a computed term. */
hg_status hg_compute_forward(hg_run *run, const hg_update *u, const hg_term *term, hg_real **out);

/* The index through which rows of edges reach that end of theirs; NULL = rows as they are. */
static inline const int32_t *hg_end_index(const hg_run *run, hg_access access)
{
    return access == HG_SENDER ? run->graph->sender : access == HG_RECEIVER ? run->graph->receiver : NULL;
}

#endif
