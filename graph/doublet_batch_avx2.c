/* graph/doublet_batch_avx2.c — batch kernels of the doublet search that need x86-64-v3 (AVX2). */
/* SPDX-License-Identifier: Apache-2.0 */
#ifdef HG_X86_TABLES
#define TABLE hg_doublet_avx2
#include "graph/doublet_batch_body.h"
#endif
