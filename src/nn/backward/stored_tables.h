/* nn/backward/stored_tables.h — which tables of the forward pass stay in memory for the way back, and how the others come back. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_STORED_TABLES_H
#define HG_NN_STORED_TABLES_H

#include "nn/run/run.h"

/* Fills run->stored from run->checkpoint_every. */
hg_status hg_stored_choose(hg_run *run);
/* After an update forward: drops tables that are not stored and that no later update reads. */
void hg_stored_drop(hg_run *run, int update);
/* Before an update backward: makes the tables again that it reads and that are not there. */
hg_status hg_stored_need(hg_run *run, int update);

#endif
