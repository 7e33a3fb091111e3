/* nn/forward/training_weights.h — the weights of one update in the panels of the fused kernels, for both directions. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_TRAINING_WEIGHTS_H
#define HG_NN_TRAINING_WEIGHTS_H

#include "nn/run/run.h"

/* Forward panels in front of a layer norm are centred (kernels/dense.h). Vectors: NULL where there is none. */
typedef struct hg_panels {
    bool there;
    char *memory; /* owned; NULL where another update reads the same columns of the same network */
    const void *forward[HG_MAX_LAYERS], *back[HG_MAX_LAYERS];         /* layers above the first */
    const void *term_forward[HG_MAX_TERMS], *term_back[HG_MAX_TERMS]; /* the first layer, input by input */
    const hg_real *bias[HG_MAX_LAYERS], *gamma[HG_MAX_LAYERS], *beta[HG_MAX_LAYERS];
} hg_panels;

/* Fills run->panels[update], unless that was done or the update's network has layers that the fused kernels do not know on the way back:
 * types, groups, batch norms, dropout, norms alone, an affine norm before an activation whose slope needs its argument. */
hg_status hg_panels_need(hg_run *run, int update);
/* NULL where the update goes the plain way. */
const hg_panels *hg_panels_of(const hg_run *run, int update);
void hg_panels_clear(hg_run *run);

#endif
