/* batch_avx2.c — batch kernels in float for x86-64-v3 (AVX2 and FMA). */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tracking/batch_tables.h"

#ifdef HG_X86_TABLES
#define ISA_NAME "avx2"
#define LANES 8
#define TABLE hg_batch_avx2
#include "tracking/batch_body.h"
#endif
