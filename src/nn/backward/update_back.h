/* nn/backward/update_back.h — one update on its way back. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_UPDATE_BACK_H
#define HG_NN_UPDATE_BACK_H

#include "nn/run/run.h"

/* Carries run->gradient of the update's table to the tables it read, and to run->weight_gradient. */
hg_status hg_update_backward(hg_run *run, int update);

#endif
