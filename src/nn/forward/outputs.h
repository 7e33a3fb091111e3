/* nn/forward/outputs.h — the outputs of a run: checked, and where the caller wants them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_OUTPUTS_H
#define HG_NN_OUTPUTS_H

#include "nn/run/run.h"

/* HG_ERR_NUMERIC naming row and column unless every number of the tables of one output is finite (view[entity] where the mark has one);
 * blames the attributes where they are not finite. */
hg_status hg_check_views(hg_run *run, const hg_output_mark *mark, const hg_view view[HG_ENTITIES]);
/* The same for the run's own tables. */
hg_status hg_check_output(hg_run *run, const hg_output_mark *mark);
/* The array of the caller for one kind of rows; NULL = not wanted. */
hg_real *hg_output_array(const hg_outputs *out, int entity);

#endif
