/* bench/case_files.h — a case handed over to another program: its network, its batch and our results. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BENCH_CASE_FILES_H
#define HG_BENCH_CASE_FILES_H

#include <stdio.h>
#include <string.h>
#include "base/check.h"
#include "base/data_path.h"
#include "base/memory.h"
#include "nn/model/model_files.h"

/* DIR/model.yaml and weights, DIR/batch.safetensors with n tensors, DIR/results.safetensors with the gradient and one more tensor. */
static inline hg_status bench_write_case(hg_context *ctx, const char *directory, const hg_model *model, int n,
                                         const hg_stored_tensor *batch, const hg_real *gradient, const hg_stored_tensor *output)
{
    hg_status status = HG_OK;
    char path[HG_PATH_SIZE];
    hg_tensor_list list = {0};
    hg_stored_tensor *results = NULL;
    HG_TRY(hg_model_save(ctx, model, directory));
    snprintf(path, sizeof path, "%s/batch.safetensors", directory);
    HG_TRY(hg_safetensors_write(ctx, path, n, batch, 0, NULL));
    HG_TRY(hg_tensor_list_add(ctx, &list, model, "weight.", gradient));
    HG_TRY(hg_alloc(ctx, &results, list.n + 1));
    memcpy(results, list.tensor, (size_t)list.n * sizeof *results);
    results[list.n] = *output;
    snprintf(path, sizeof path, "%s/results.safetensors", directory);
    HG_TRY(hg_safetensors_write(ctx, path, list.n + 1, results, 0, NULL));
done:
    hg_tensor_list_clear(ctx, &list);
    hg_free(ctx, results);
    return status;
}

#endif
