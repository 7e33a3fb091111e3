/* tracking/transport.h — track states with covariance carried through field and thin material. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_TRANSPORT_H
#define HG_TRACKING_TRANSPORT_H

#include "hitgraph/kalman.h"
#include "tracking/propagate.h"

/* Lower triangle by rows: element (i, j), i >= j, of a symmetric 5x5. */
#define HG_PACKED(i, j) ((i) * ((i) + 1) / 2 + (j))

/* Largest path (mm) between two surfaces of one fit. */
#define HG_PATH_MAX 10000.0

/* cov <- J cov J^T, J row-major 5x5. */
void hg_cov_transform(const double jacobian[25], double cov[15]);

/* True if the matrix is finite and positive definite (Cholesky without roots: every pivot > 0). */
bool hg_cov_is_positive(const double cov[15]);

/* Position and direction of a state on a plane or at the perigee to the z axis. Returns false for a state that is not finite or theta
 * outside (0, pi). */
bool hg_free_from_module(const hg_module *module, const double par[5], hg_free_state *out);
bool hg_free_from_perigee(const double par[5], hg_free_state *out);

/* Carries a state on a module, or at the perigee to the z axis (module < 0), to another module or to the perigee (target < 0). par and cov
 * are in and out, untouched on failure. matter_qop: the q/p by which matter scatters and brakes; NULL = the state's own. A fit that is
 * repeated gives that of the time before: with the filtered one tracks that come out too stiff would scatter too little, and weigh most.
 * jacobian: NULL, or [25] gets d(out)/d(in) along the way, losses included. Returns 0 or status bits. Threads: reentrant. */
int hg_transport_state(const hg_kalman *kalman, int64_t from_module, int64_t target_module, const double *matter_qop, double par[5],
                       double cov[15], double *jacobian);

#endif
