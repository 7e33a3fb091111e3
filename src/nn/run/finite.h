/* nn/run/finite.h — numbers that are not finite, in tables and parameters. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_FINITE_H
#define HG_NN_FINITE_H

#include "nn/run/run.h"

/* HG_ERR_NUMERIC naming row and column unless every number of the table is finite. what: "attributes", "output", ... */
hg_status hg_check_finite(hg_run *run, int value, const hg_view *view, const char *what);

/* The attributes of the batch. They are looked at before a run: a maximum may swallow a NaN. */
hg_status hg_check_attributes(hg_run *run);

/* HG_ERR_NUMERIC naming tensor and element where a parameter is not finite (or a running variance negative), HG_OK if all are. */
hg_status hg_check_parameters(hg_run *run);

#endif
