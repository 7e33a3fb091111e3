/* graph/doublet_batch_select.c — which batch kernels of the doublet search run: the instruction set of the kernels of the networks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/check.h"
#include "graph/doublet_batch.h"
#include "kernels/kernels.h"

hg_status hg_doublet_kernels_select(hg_context *ctx, const hg_doublet_kernels **out)
{
    hg_status status = HG_OK;
    const hg_kernels *chosen = NULL;
    HG_TRY(hg_kernels_select(ctx, &chosen));
    *out = &hg_doublet_generic;
#ifdef HG_X86_TABLES
    if (strncmp(chosen->name, "avx512", 6) == 0 || strcmp(chosen->name, "amx") == 0) *out = &hg_doublet_avx512;
    if (strcmp(chosen->name, "avx2") == 0) *out = &hg_doublet_avx2;
#endif
done:
    return status;
}
