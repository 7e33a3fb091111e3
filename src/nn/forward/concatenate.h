/* nn/forward/concatenate.h — the inputs of an update side by side in one row. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_CONCATENATE_H
#define HG_NN_CONCATENATE_H

#include "nn/run/run.h"

/* out: the inputs of row `row` of the update that was entered, each from its term->column on; the second: of `rows` rows. */
void hg_concatenate_row(const hg_run *run, const hg_update *u, const hg_reduced *reduced, int64_t row, hg_real *out);
void hg_concatenate(const hg_run *run, const hg_update *u, const hg_reduced *reduced, int64_t row, int64_t rows, hg_real *out,
                    int64_t stride);

#endif
