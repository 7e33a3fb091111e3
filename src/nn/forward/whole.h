/* nn/forward/whole.h — networks with batch norms: layer by layer over all rows. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_WHOLE_H
#define HG_NN_WHOLE_H

#include "nn/forward/batch_norm.h"
#include "nn/forward/first_layer.h"

/* out: the table of the update. */
hg_status hg_whole_forward(hg_run *run, const hg_update *u, const hg_products *products, const hg_reduced *reduced, hg_real *out);
/* The same into a tape of all rows that keeps everything; norms: see batch_norm.h. */
hg_status hg_whole_tape(hg_run *run, const hg_update *u, const hg_products *products, const hg_reduced *reduced, const hg_tape *tape,
                        hg_batch_norm *norms);

#endif
