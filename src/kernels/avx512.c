/* kernels/avx512.c — the table for x86-64-v4 (AVX-512): 32 registers of 16 floats. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/tables.h"

#ifdef HG_X86_TABLES
#define HG_ISA_NAME "avx512"
#define HG_TABLE hg_kernels_avx512
#include "kernels/avx512_shapes.h"
#include "kernels/body.h"
#endif
