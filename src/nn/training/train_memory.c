/* nn/training/train_memory.c — see train_memory.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/training/train_memory.h"

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "nn/run/pool.h"

/* From fast to small; which one is taken changes no bit of the result. */
static const int64_t choices[] = {0, 1, 2, 3, 4, 6, 8, HG_CHECKPOINT_NONE};

hg_status hg_train_checkpoints(hg_context *ctx, const hg_model *model, const hg_batch *batch, const hg_train_options *options,
                               hg_workspace *workspace, hg_gradient_options *out, size_t *bytes)
{
    hg_status status = HG_OK;
    const size_t limit = hg_memory_limit(ctx), waiting = workspace ? hg_pool_held(workspace) : 0;
    hg_gradient_options found = {.checkpoint_every = options->checkpoint_every, .workspace = workspace};
    size_t needed = 0, used = hg_memory_used(ctx) - waiting;
    if (limit == 0 && !bytes) {
        *out = found;
        return HG_OK;
    }
    const int n = options->checkpoint_every == 0 && limit > 0 ? (int)(sizeof choices / sizeof *choices) : 1;
    for (int i = 0; i < n; ++i) {
        if (n > 1) found.checkpoint_every = choices[i];
        HG_TRY(hg_model_gradient_bytes(ctx, model, batch, &found, &needed));
        if (limit == 0 || (needed <= limit && used <= limit - needed)) break;
        HG_CHECK(i < n - 1, HG_ERR_LIMIT,
                 "a step on %" PRId64 " nodes and %" PRId64 " edges needs %zu bytes (engine.checkpoint_every %" PRId64
                 ") on top of %zu in use; the memory limit is %zu bytes",
                 batch->graph->n_nodes, batch->graph->n_edges, needed, found.checkpoint_every, used, limit);
    }
    if (bytes) *bytes = needed;
    *out = found;
done:
    return status;
}

hg_status hg_train_plan(hg_context *ctx, const hg_model *model, const hg_train_options *options, const hg_sample_set *set,
                        hg_train_memory *out)
{
    hg_status status = HG_OK;
    hg_train_memory m = {.sample = -1};
    for (int64_t i = 0; i < set->n; ++i) {
        hg_sample sample = {0};
        hg_gradient_options gradient = {0};
        size_t bytes = 0;
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "interrupted");
        HG_TRY(set->get(ctx, set->user, i, &sample));
        status = hg_train_checkpoints(ctx, model, &sample.batch, options, NULL, &gradient, &bytes);
        if (status < 0) hg_fail_prefix(ctx, "training sample %" PRId64 "%s%s", i, sample.name ? ", " : "", sample.name ? sample.name : "");
        if (set->release) set->release(ctx, set->user, i, &sample);
        HG_TRY(status);
        if (bytes > m.bytes) m = (hg_train_memory){bytes, i, gradient.checkpoint_every};
    }
    *out = m;
done:
    return status;
}
