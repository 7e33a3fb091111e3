/* nn/forward/signs.h — where the ReLU at the end of a network passes, one bit a number: the way back then need not compute the last layer
 * again. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_SIGNS_H
#define HG_NN_SIGNS_H

#include "nn/run/run.h"

/* Before an update forward: room for its bits where it is worth it and there is none yet; see run->signs. */
hg_status hg_signs_make(hg_run *run, int update);
/* From rows row .. row + rows of the update's table. */
void hg_signs_write(const hg_run *run, int update, const hg_real *y, int64_t row, int64_t rows);
/* y [rows, stride]: 1 where the table is above 0, 0 elsewhere: to a ReLU's way back the same as the table. */
void hg_signs_read(const hg_run *run, int update, int64_t row, int64_t rows, hg_real *y, int64_t stride);
void hg_signs_drop(hg_run *run, int update);

#endif
