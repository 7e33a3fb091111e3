/* graph/doublet_batch_generic.c — batch kernels of the doublet search that run everywhere. */
/* SPDX-License-Identifier: Apache-2.0 */
#define TABLE hg_doublet_generic
#include "graph/doublet_batch_body.h"
