/* kernels/generic.c — the table that runs everywhere: plain vectors of 8, four rows at a time. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/tables.h"

#define HG_ISA_NAME "generic"
#define HG_TABLE hg_kernels_generic
#define HG_WIDE_4 0
#define HG_WIDE_2 0
#define HG_WIDE_1 0
#define HG_NARROW 4
#define HG_PANEL 2
#define HG_VL 4
#define HG_ROWS_1 4
#define HG_ROWS_2 4
#include "kernels/body.h"
