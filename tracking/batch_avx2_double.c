/* batch_avx2_double.c — batch kernels in double for x86-64-v3 (AVX2 and FMA). */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tracking/batch_tables.h"

#ifdef HG_X86_TABLES
#define OF_DOUBLE
#define ISA_NAME "avx2"
#define LANES 4
#define TABLE hg_batch_avx2_double
#include "tracking/batch_body.h"
#endif
