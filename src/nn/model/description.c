/* nn/model/description.c — see description.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/model/description.h"

#include "base/memory.h"

const char *const hg_entity_names[] = {"nodes", "edges", "globals", NULL};
const char *const hg_activation_words[] = {"none", "relu",      "leaky_relu", "sigmoid", "tanh",           "silu",
                                           "gelu", "gelu_tanh", "softplus",   "exp",     "leaky_relu 0.2", NULL};

void hg_description_clear(hg_context *ctx, hg_description *d)
{
    for (int i = 0; i < d->n_networks; ++i) hg_free(ctx, d->network[i].name);
    for (int i = 0; i < d->n_updates; ++i) {
        hg_free(ctx, d->update[i].term);
        hg_free(ctx, d->update[i].name);
    }
    hg_free(ctx, d->network);
    hg_free(ctx, d->update);
    hg_free(ctx, d->value);
    hg_free(ctx, d->output);
    hg_free(ctx, d->edge_set);
    *d = (hg_description){0};
}
