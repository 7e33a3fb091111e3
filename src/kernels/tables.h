/* kernels/tables.h — the tables that exist in this build. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_KERNELS_TABLES_H
#define HG_KERNELS_TABLES_H

#include "kernels/kernels.h"

extern const hg_kernels hg_kernels_generic;
/* The Makefile compiles the other units for their instruction sets on x86-64 only and says so by HG_X86_TABLES. */
#ifdef HG_X86_TABLES
extern const hg_kernels hg_kernels_avx2, hg_kernels_avx512;
#ifndef HG_REAL_DOUBLE
extern const hg_kernels hg_kernels_avx512bf16, hg_kernels_amx;
#endif
#endif

#endif
