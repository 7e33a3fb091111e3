/* batch_avx512_double.c — batch kernels in double for x86-64-v4 (AVX-512). */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tracking/batch_tables.h"

#ifdef HG_X86_TABLES
#define OF_DOUBLE
#define ISA_NAME "avx512"
#define LANES 8
#define TABLE hg_batch_avx512_double
#include "tracking/batch_body.h"
#endif
