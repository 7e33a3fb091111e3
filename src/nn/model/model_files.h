/* nn/model/model_files.h — moves arrays shaped like a model's parameters between memory and safetensors. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_MODEL_FILES_H
#define HG_NN_MODEL_FILES_H

#include "hitgraph/model.h"
#include "nn/model/safetensors.h"

/* out[n_parameters] from the tensors PREFIX + name of each tensor of the model. A missing one, or one of another shape, is HG_ERR_MODEL and
 * named; out is then undefined. */
hg_status hg_parameters_read(hg_context *ctx, const hg_safetensors *file, const hg_model *model, const char *prefix, hg_real *out);

/* A list of tensors to be written: views of the caller's data under names that the list owns. Zero-initialise. */
typedef struct hg_tensor_list {
    int64_t n;
    hg_stored_tensor *tensor; /* [n] owned */
    char **name;              /* [n] owned */
} hg_tensor_list;

/* Adds all tensors of the model, taken from data[n_parameters] (borrowed), as PREFIX + name. */
hg_status hg_tensor_list_add(hg_context *ctx, hg_tensor_list *list, const hg_model *model, const char *prefix, const hg_real *data);
void hg_tensor_list_clear(hg_context *ctx, hg_tensor_list *list);

#endif
