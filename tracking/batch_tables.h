/* tracking/batch_tables.h — the batch kernels that exist in this build. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_BATCH_TABLES_H
#define HG_TRACKING_BATCH_TABLES_H

#include "tracking/batch.h"

extern const hg_batch_kernels hg_batch_generic, hg_batch_generic_double;
#ifdef HG_X86_TABLES
extern const hg_batch_kernels hg_batch_avx2, hg_batch_avx2_double, hg_batch_avx512, hg_batch_avx512_double;
#endif

#endif
