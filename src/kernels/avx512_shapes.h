/* kernels/avx512_shapes.h — the block shapes of every table with 32 registers of 16 floats (8 doubles). */
/* SPDX-License-Identifier: Apache-2.0 */
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
