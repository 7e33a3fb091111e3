/* batch_avx512.c — batch kernels in float for x86-64-v4 (AVX-512). */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tracking/batch_tables.h"

#ifdef HG_X86_TABLES
#define ISA_NAME "avx512"
#define LANES 16
#define TABLE hg_batch_avx512
#include "tracking/batch_body.h"
#endif
