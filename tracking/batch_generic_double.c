/* batch_generic_double.c — batch kernels in double that run everywhere: vectors of 4. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tracking/batch_tables.h"

#define OF_DOUBLE
#define ISA_NAME "generic"
#define LANES 4
#define TABLE hg_batch_generic_double
#include "tracking/batch_body.h"
