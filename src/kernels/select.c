/* kernels/select.c — which table of kernels runs: the best of this CPU, or the one named by HG_ISA. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "kernels/tables.h"

int hg_kernels_list(const hg_kernels *out[3])
{
    int n = 0;
    out[n++] = &hg_kernels_generic;
#ifdef HG_X86_TABLES
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        out[n++] = &hg_kernels_avx2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd"))
            out[n++] = &hg_kernels_avx512;
    }
#endif
    return n;
}

hg_status hg_kernels_select(hg_context *ctx, const hg_kernels **out)
{
    const hg_kernels *table[3];
    int n = hg_kernels_list(table);
    const char *wanted = getenv("HG_ISA");

    if (!wanted || !*wanted) {
        *out = table[n - 1];
        return HG_OK;
    }
    for (int i = 0; i < n; ++i) {
        if (!strcmp(table[i]->name, wanted)) {
            *out = table[i];
            return HG_OK;
        }
    }
    return hg_fail(ctx, HG_ERR_ARG, "environment HG_ISA: found \"%s\", expected generic, avx2 or avx512, as far as this CPU runs it",
                   wanted);
}
