/* graph/doublet_batch_avx512.c — batch kernels of the doublet search that need x86-64-v4 (AVX-512). */
/* SPDX-License-Identifier: Apache-2.0 */
#ifdef HG_X86_TABLES
#define TABLE hg_doublet_avx512
#include "graph/doublet_batch_body.h"
#endif
