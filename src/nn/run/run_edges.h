/* nn/run/run_edges.h — the edges of a run: those of the batch and its levels, and those searched between layers. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_RUN_EDGES_H
#define HG_NN_RUN_EDGES_H

#include "nn/run/run.h"

/* When a run begins and ends: checks levels and types, takes the batch's edges; frees all that was made. */
hg_status hg_run_take_edges(hg_run *run);
void hg_run_clear_edges(hg_run *run);
/* Turns to an update: its edges (searched if they are not there yet) and its nodes. Both passes of an update begin with it. */
hg_status hg_run_enter(hg_run *run, const hg_update *u);

#endif
