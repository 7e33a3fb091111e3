/* kernels/avx512.c — the table for x86-64-v4 (AVX-512): 32 registers of 16 floats. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/tables.h"

#ifdef HG_X86_TABLES
#define HG_ISA_NAME "avx512"
#define HG_TABLE hg_kernels_avx512
#ifdef HG_REAL_DOUBLE
#define HG_WIDE_4 0
#define HG_WIDE_2 0
#define HG_WIDE_1 8
#define HG_NARROW 8
#else
#define HG_WIDE_4 6
#define HG_WIDE_2 8
#define HG_WIDE_1 8
#define HG_NARROW 8
#endif
#define HG_PANEL 4
#ifdef HG_REAL_DOUBLE
#define HG_VL 8
#define HG_ROWS_1 8
#define HG_ROWS_2 8
#define HG_ROWS_3 8
#define HG_ROWS_4 6
#else
#define HG_VL 16
#define HG_ROWS_1 16
#define HG_ROWS_2 12
#define HG_ROWS_3 8
#define HG_ROWS_4 6
#endif
#include "kernels/body.h"
#endif
