/* nn/forward.h — checks and outputs that evaluation and gradient share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_FORWARD_H
#define HG_NN_FORWARD_H

#include "nn/run.h"

/* HG_ERR_NUMERIC naming row and column unless every number of the table is finite. */
hg_status hg_check_finite(hg_run *run, int value, const char *what);
/* The same for the tables of one output; blames the attributes where they are not finite. */
hg_status hg_check_output(hg_run *run, const hg_output_mark *mark);
hg_real *hg_output_array(const hg_outputs *out, int entity);

#endif
