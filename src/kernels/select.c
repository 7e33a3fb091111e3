/* kernels/select.c — which table of kernels runs: the best of this CPU, or the one named by HG_ISA. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "kernels/tables.h"

#ifdef HG_X86_TABLES
#include <cpuid.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool supports_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd");
}

#ifndef HG_REAL_DOUBLE
static bool supports_bf16(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 5);
}

/* The CPU has the tiles, the system keeps them across task switches, and this process may use them: Linux wants to be asked, because
 * tiles make every saved task 8 kB larger. */
static bool supports_amx(void)
{
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    unsigned a, b, c, d;
    const unsigned wanted = 1u << 22 | 1u << 24;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & wanted) != wanted) return false;
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

enum { ASKED = 1, HAS_BF16 = 2, HAS_AMX = 4 };

/* What the CPU has beyond AVX-512. It is asked once: cpuid traps in a virtual machine and costs tens of microseconds there. */
static unsigned beyond_avx512(void)
{
    static _Atomic unsigned selected_kernels;
    unsigned has = atomic_load(&selected_kernels);
    if (has == 0) {
        has = ASKED | (supports_bf16() ? HAS_BF16 : 0u);
        if ((has & HAS_BF16) && supports_amx()) has |= HAS_AMX;
        atomic_store(&selected_kernels, has);
    }
    return has;
}
#endif
#endif

int hg_kernels_list(const hg_kernels *out[HG_KERNEL_TABLES])
{
    int n = 0;
    out[n++] = &hg_kernels_generic;
#ifdef HG_X86_TABLES
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        out[n++] = &hg_kernels_avx2;
        if (supports_avx512()) {
            out[n++] = &hg_kernels_avx512;
#ifndef HG_REAL_DOUBLE
            const unsigned has = beyond_avx512();
            if (has & HAS_BF16) {
                out[n++] = &hg_kernels_avx512bf16;
                /* Intel's cores do half as many dot products of pairs as fp32 multiply-adds in the same time */
                if (__builtin_cpu_is("intel")) {
                    out[n - 1] = &hg_kernels_avx512;
                    out[n - 2] = &hg_kernels_avx512bf16;
                }
                if (has & HAS_AMX) out[n++] = &hg_kernels_amx;
            }
#endif
        }
    }
#endif
    return n;
}

hg_status hg_kernels_select(hg_context *ctx, const hg_kernels **out)
{
    const hg_kernels *table[HG_KERNEL_TABLES];
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
    return hg_fail(ctx, HG_ERR_ARG,
                   "environment HG_ISA: found \"%s\", expected generic, avx2, avx512, avx512bf16 or amx, as far as this CPU runs it",
                   wanted);
}
