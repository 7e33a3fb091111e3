/* kernels/avx2.c — the table for x86-64-v3 (AVX2 and FMA): 16 registers of 8 floats. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/tables.h"

#ifdef HG_X86_TABLES
#define HG_ISA_NAME "avx2"
#define HG_TABLE hg_kernels_avx2
#define HG_WIDE_4 0
#define HG_WIDE_2 0
#ifdef HG_REAL_DOUBLE
#define HG_WIDE_1 0
#define HG_NARROW 6
#else
#define HG_WIDE_1 6
#define HG_NARROW 8
#endif
#define HG_PANEL 2
#ifdef HG_REAL_DOUBLE
#define HG_VL 4
#define HG_ROWS_1 4
#define HG_ROWS_2 4
#else
#define HG_VL 8
#define HG_ROWS_1 8
#define HG_ROWS_2 6
#endif
#include "kernels/body.h"
#endif
