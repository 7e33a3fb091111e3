/* batch_select.c — which batch kernels run: the same instruction set as the kernels of the networks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/check.h"
#include "kernels/kernels.h"
#include "tracking/batch_tables.h"

hg_status hg_batch_select(hg_context *ctx, bool of_double, const hg_batch_kernels **out)
{
    hg_status status = HG_OK;
    const hg_kernels *chosen = NULL;
    HG_TRY(hg_kernels_select(ctx, &chosen));
#ifdef HG_X86_TABLES
    if (strcmp(chosen->name, "avx2") == 0) {
        *out = of_double ? &hg_batch_avx2_double : &hg_batch_avx2;
        goto done;
    }
    if (strcmp(chosen->name, "generic") != 0) { /* all tables beyond AVX2 include AVX-512; what else they bring is for networks */
        *out = of_double ? &hg_batch_avx512_double : &hg_batch_avx512;
        goto done;
    }
#endif
    *out = of_double ? &hg_batch_generic_double : &hg_batch_generic;
done:
    return status;
}
