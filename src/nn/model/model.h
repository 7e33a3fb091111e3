/* nn/model/model.h — the inside of hg_model. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_MODEL_H
#define HG_NN_MODEL_H

#include "hitgraph/model.h"
#include "nn/model/description.h"

typedef struct hg_metadata {
    char *key, *value; /* owned */
} hg_metadata;

struct hg_model {
    char *yaml; /* owned */
    hg_description description;
    int64_t n_tensors, n_parameters, n_metadata;
    hg_tensor *tensor;     /* [n_tensors] owned, names too */
    int *tensor_network;   /* [n_tensors] owned: network that each tensor belongs to */
    hg_real *parameters;   /* [n_parameters] owned */
    hg_metadata *metadata; /* [n_metadata] owned */
};

#endif
