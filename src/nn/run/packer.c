/* nn/run/packer.c — see packer.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/run/packer.h"

#include <string.h>
#include "kernels/dense.h"

void *hg_packer_take(hg_packer *p, int64_t bytes)
{
    void *at = p->memory ? p->memory + p->used : NULL;
    p->used += (bytes + 63) / 64 * 64;
    return at;
}

const hg_real *hg_packer_vector(hg_packer *p, const hg_real *parameters, int64_t offset, int64_t n, bool centred)
{
    if (offset < 0) return NULL;
    const int64_t padded = hg_stride(HG_STORE_REAL, n);
    hg_real *v = hg_packer_take(p, padded * (int64_t)sizeof *v);
    if (!v) return NULL;
    double mean = 0;
    for (int64_t i = 0; centred && i < n; ++i) mean += (double)parameters[offset + i] / (double)n;
    memset(v, 0, (size_t)padded * sizeof *v);
    for (int64_t i = 0; i < n; ++i) v[i] = (hg_real)((double)parameters[offset + i] - mean);
    return v;
}

bool hg_layer_is_centred(const hg_mlp_layer *layer)
{
    return layer->linear && (layer->norm == HG_NORM_LAYER || layer->norm == HG_NORM_LAYER_AFFINE);
}

void hg_column_means(const hg_real *w, int64_t step, int64_t n, int64_t k, hg_real *mean)
{
    for (int64_t i = 0; i < k; ++i) {
        double sum = 0;
        for (int64_t o = 0; o < n; ++o) sum += (double)w[o * step + i];
        mean[i] = (hg_real)(sum / (double)n);
    }
}
