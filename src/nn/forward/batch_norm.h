/* nn/forward/batch_norm.h — batch norms over whole tables (MODELS 2.3). */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_BATCH_NORM_H
#define HG_NN_BATCH_NORM_H

#include "nn/run/run.h"

/* What the layers of one network leave for the way back. */
typedef struct hg_batch_norm {
    hg_real *rstd[HG_MAX_LAYERS]; /* owned; [graphs, padded out] where the layer has a batch norm; running norms: one row for all */
} hg_batch_norm;
void hg_batch_norm_clear(hg_context *ctx, hg_batch_norm *norms);
/* z [rows of the update, stride] is normalised in place; *rstd is made by this call. */
hg_status hg_batch_norm_forward(hg_run *run, const hg_update *u, const hg_mlp_layer *layer, hg_real *z, int64_t stride, hg_real **rstd);
/* d: gradient of h -> gradient of z. */
hg_status hg_batch_norm_back(hg_run *run, const hg_update *u, const hg_mlp_layer *layer, const hg_real *h, const hg_real *rstd,
                             int64_t stride, hg_real *d);

#endif
