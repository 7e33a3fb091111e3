/* nn/forward/update.h — one update forward, and what its way back shares with it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_UPDATE_H
#define HG_NN_UPDATE_H

#include "nn/run/run.h"

/* Makes the table of one update. */
hg_status hg_update_forward(hg_run *run, int update);

/* Fills run->reduced[update]; statistics: also what the way back needs. */
hg_status hg_update_reduce(hg_run *run, int update, bool statistics);

/* Sums of messages as they are: their gradient is the segment's, gathered where the message's table is next worked on. */
static inline bool hg_term_is_plain_sum(const hg_term *term)
{
    bool sum = term->reduction == HG_REDUCE_SUM || term->reduction == HG_REDUCE_MEAN;
    return term->access == HG_REDUCED && sum && term->message == HG_OWN && term->weight < 0;
}
/* True where the gradients of an update's inputs do not depend on their rows: copies and plain sums side by side. */
bool hg_update_is_linear(const hg_update *u);

#endif
