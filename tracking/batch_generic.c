/* batch_generic.c — batch kernels in float that run everywhere: vectors of 8. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tracking/batch_tables.h"

#define ISA_NAME "generic"
#define LANES 8
#define TABLE hg_batch_generic
#include "tracking/batch_body.h"
