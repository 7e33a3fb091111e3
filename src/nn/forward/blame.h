/* nn/forward/blame.h — numbers that are not finite are traced to what they come from. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_BLAME_H
#define HG_NN_BLAME_H

#include "nn/run/run.h"

/* After a result was not finite: names the parameter or, by a second evaluation, the first update that it comes from.
 * HG_OK = nothing was found (or there was no memory to look). */
hg_status hg_blame(hg_run *run);

#endif
