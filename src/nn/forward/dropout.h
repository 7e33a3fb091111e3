/* nn/forward/dropout.h — dropout layers. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_DROPOUT_H
#define HG_NN_DROPOUT_H

#include "nn/run/run.h"

/* y [rows, stride] of the dropout layer l of an update: rows `row` on are multiplied by its mask (0 or 1 / (1 - p)). */
void hg_dropout(const hg_run *run, const hg_update *u, int l, int64_t row, int64_t rows, hg_real *y, int64_t stride);

#endif
