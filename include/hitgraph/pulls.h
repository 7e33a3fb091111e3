/* hitgraph/pulls.h — fitted track parameters against the truth, in units of their errors. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_PULLS_H
#define HITGRAPH_PULLS_H

#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/event.h"
#include "hitgraph/field.h"
#include "hitgraph/tracks.h"
#include "hitgraph/truth.h"

#ifdef __cplusplus
extern "C" {
#endif

/** d0, z0, phi, theta, q/p. */
enum { HG_PULLS = 5 };

/** Perigee to the z axis of a particle: helix from its vertex in a constant field along z. Exact, also without field.
 *  @param vertex_mm,momentum_gev [3]. @param charge in e; 0 goes straight, with q/p = 0. @param params d0, z0 (mm), phi, theta, q/p
 * (1/GeV); d0 = y cos phi - x sin phi at the point of closest approach. Threads: reentrant. */
HG_API void hg_true_perigee(const double vertex_mm[3], const double momentum_gev[3], double charge, double b_tesla,
                            double params[HG_PULLS]);

/** Pulls (fit - true) / sigma at the perigee of all tracks whose fit succeeded and that match, by double majority, a target
 *  particle made within 2 mm of the beam axis.
 *  @param event borrowed; with particles. @param order borrowed; of this event: its particle rows are those of event->particles.
 *  @param pull [tracks->n, HG_PULLS] owned by the caller; the first *n rows are filled.
 *  @param track_of [tracks->n] track of each row; NULL = not wanted.
 *  @return HG_OK; HG_ERR_ARG no particles, a hit row out of range; HG_ERR_NOMEM. Threads: reentrant. */
HG_API hg_status hg_pulls_collect(hg_context *ctx, const hg_event *event, const hg_truth_order *order, const hg_target *target,
                                  const hg_field *field, const hg_tracks *tracks, double *pull, int64_t *track_of, int64_t *n);

/** One parameter's distribution. With no entries all numbers are 0, the widths with one entry. */
typedef struct hg_pull_summary {
    int64_t n;
    double mean, rms;             /* of all entries, rms about the mean */
    double median, mad_width;     /* 1.4826 x median of |pull - median| */
    double core_mean, core_width; /* Gaussian that has the mean and rms of the entries within 2 widths */
    double beyond_3;              /* fraction with |pull| > 3; 0.0027 for a Gaussian */
} hg_pull_summary;

/** "d0", "z0", "phi", "theta", "q/p". Threads: reentrant. */
HG_API const char *hg_pull_name(int parameter);

/** Summaries of n rows of pulls, of one or many events. @param summary [HG_PULLS], untouched on error. @return HG_OK or HG_ERR_NOMEM.
 * Threads: reentrant. */
HG_API hg_status hg_pulls_summarise(hg_context *ctx, int64_t n, const double *pull, hg_pull_summary *summary);

#ifdef __cplusplus
}
#endif
#endif
