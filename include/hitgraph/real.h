/* hitgraph/real.h — the floating-point type of networks and graph features. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_REAL_H
#define HITGRAPH_REAL_H

/** float in the product; double in the build that checks gradients (HG_REAL_DOUBLE), from the same sources. */
#ifdef HG_REAL_DOUBLE
typedef double hg_real;
#else
typedef float hg_real;
#endif

#endif
