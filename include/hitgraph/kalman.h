/* hitgraph/kalman.h — track states on modules, their propagation, and the Kalman filter with smoother. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_KALMAN_H
#define HITGRAPH_KALMAN_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/detector.h"
#include "hitgraph/field.h"
#include "hitgraph/tracks.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A thin material surface: cylinder about the z axis at radius `position` for z in low..high, or disc at z = `position` for r in low..high
 * (mm). */
typedef struct hg_material_surface {
    bool cylinder;
    double position, low, high;
    double x_over_x0; /* at normal incidence */
    double loss_mev;  /* median energy loss at normal incidence of a minimum-ionising particle */
} hg_material_surface;

typedef struct hg_material {
    int64_t n;
    hg_material_surface *surface; /* [n] owned or borrowed as the holder says */
} hg_material;

typedef struct hg_kalman_options {
    double mass_gev;                         /* hypothesis; default 0.13957039 (pion) */
    double outlier_chi2_2d, outlier_chi2_1d; /* a hit with a larger chi2 is left out; defaults 15, 12 */
    double step_tolerance_mm; /* on the error estimate of a Runge-Kutta-Nystroem step, itself some hundred times the error; default 1e-3 */
    double start_inflation;   /* factor on the seed's variances, which never start tighter than 5 mm, 50 mrad, 30 % of q/p; default 50 */
    bool scattering, energy_loss;
    bool rts; /* smoother of Rauch, Tung and Striebel in place of the modified Bryson-Frazier one; the slower plain fit; default false */
    bool daf; /* deterministic annealing filter in place of the rejection of outliers, weights per hit; plain fit; default false */
} hg_kalman_options;
/** What NULL stands for: the defaults named above. */
HG_API hg_kalman_options hg_kalman_default_options(void);

/** Hit errors: hitgraph/measurement.h. */
typedef struct hg_calibration hg_calibration;

/** Tables of a detector, its field and its material that vectors gather from. */
typedef struct hg_batch_world hg_kalman_tables;

/** Everything that a propagation needs. All pointers borrowed; read-only, so threads may share it. */
typedef struct hg_kalman {
    const hg_detector *detector;
    const hg_field *field;
    const hg_material *material; /* NULL = vacuum */
    hg_kalman_options options;
    const hg_kalman_tables *tables;    /* for many calls with one detector; NULL = each call makes its own */
    const hg_calibration *calibration; /* from its second pass on a fit takes hit errors by slope from here; NULL = the measurements' */
} hg_kalman;

/** Makes the tables once; put them into kalman->tables, or into copies of *kalman with other options. A filter with another detector,
 *  field or places of material does not use them. A few MB.
 *  @param kalman borrowed for as long as the tables live. @param out owned by the caller (hg_kalman_tables_destroy); untouched on error.
 *  @return HG_OK; HG_ERR_LIMIT too many modules, layers or nodes of a map; HG_ERR_NOMEM. Threads: read-only after creation. */
HG_API hg_status hg_kalman_tables_create(hg_context *ctx, const hg_kalman *kalman, hg_kalman_tables **out);
/** Frees tables; NULL is fine. */
HG_API void hg_kalman_tables_destroy(hg_context *ctx, hg_kalman_tables *tables);

/** A hit in its module's frame: local (u, v) in mm and their variances in mm^2. A variance that is 0 or infinite = not measured (1-D
 * strips). */
typedef struct hg_measurement {
    int64_t module;
    double local[2], variance[2];
} hg_measurement;

/** Track state on a module plane: par = loc0, loc1 (mm), phi, theta (rad, of the momentum), q/p (1/GeV); cov lower triangle by rows. */
typedef struct hg_track_state {
    int64_t module;
    double par[5], cov[15];
} hg_track_state;

/** Carries a state (with material and covariance) to another module's plane, forward or backward along the track.
 *  @return 0, or the hg_track_status bits that tell why not (then *to is untouched). Threads: reentrant. */
HG_API int hg_kalman_predict(const hg_kalman *kalman, const hg_track_state *from, int64_t module, hg_track_state *to);
/** chi2 of a measurement with respect to a predicted state, both on the same module. */
HG_API double hg_kalman_chi2(const hg_track_state *state, const hg_measurement *measurement);
/** Sequential scalar updates; returns the chi2 of the predicted residuals, negative if the covariance is no longer positive (state
 * untouched then). */
HG_API double hg_kalman_update(hg_track_state *state, const hg_measurement *measurement);

/** State at a measurement of three points of one track (global positions, from inside out; field at the middle one): on the module of
 *  point `at` (0, 1 or 2), with a covariance from the measurements' variances and scattering. PHYSICS: exact for a helix. Returns 0 or
 * status bits. */
HG_API int hg_seed_state(const hg_kalman *kalman, const hg_measurement points[3], int at, hg_track_state *out);
/** The same at the perigee to the z axis: params d0, z0, phi, theta, q/p; cov [15]. */
HG_API int hg_seed_perigee(const hg_kalman *kalman, const hg_measurement points[3], double params[5], double cov[15]);

/** Fits every track: filter outward, smoother back, outlier rejection, perigee. Fills params, cov, chi2, ndf, status, outlier, weight.
 *  At least two passes; each drops the hit whose chi2 against all others exceeds the cut most, until none does. chi2 sums predicted
 * residuals. With options.daf the hits in use are those that make chi2 + the sum of the cuts of the others least, as far as can be seen:
 * from all hits, and from where annealing ends (Fruehwirth and Strandlie, Comput. Phys. Commun. 120 (1999) 197; temperatures 81 and 9), one
 * hit at a time goes or comes back. A hit's weight 1/(1 + exp((chi2 - cut)/2)), chi2 against all others, tells how clear its case is;
 * outliers are those below 1/2, and chi2 and ndf count the others.
 *  @param measurements borrowed; [n_hits of the event], indexed by tracks->hit. Hits of a track must be in order along it.
 *  @return HG_OK, HG_INFO_PARTIAL (some tracks failed; see their status), HG_ERR_NOMEM. Threads: the context's; same bits for any number.
 */
HG_API hg_status hg_fit_tracks(hg_context *ctx, const hg_kalman *kalman, const hg_measurement *measurements, hg_tracks *tracks);

#ifdef __cplusplus
}
#endif
#endif
