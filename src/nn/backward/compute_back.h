/* nn/backward/compute_back.h — gradients of computed inputs. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_COMPUTE_BACK_H
#define HG_NN_COMPUTE_BACK_H

#include "nn/run/run.h"

/* From the gradient d of the rows of a computed term to those of the tables that it read. */
hg_status hg_compute_backward(hg_run *run, const hg_update *u, const hg_term *term, const hg_real *d);

#endif
