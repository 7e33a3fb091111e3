/* hitgraph/simulate_pulses.h — simulated events of a neutrino telescope in ice. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_SIMULATE_PULSES_H
#define HITGRAPH_SIMULATE_PULSES_H

#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/pulses.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Opaque: detector, ice and what is drawn. */
typedef struct hg_telescope hg_telescope;

/** Builds a telescope from a configuration: the defaults, then the preset or file, then the settings (KEY=VALUE), as for every verb.
 *  @param preset name below datasets/presets or path; NULL = "icecube". @param config YAML file over it; NULL = none.
 *  @param settings borrowed; [n_settings]. @param level 0, 1, 2: which classes are drawn and made alike (see the preset's comments).
 *  @param out owned by the caller (hg_telescope_destroy); untouched on error.
 *  @return HG_OK; HG_ERR_CONFIG; HG_ERR_FORMAT, HG_ERR_DATA, HG_ERR_IO of the geometry and ice files; HG_ERR_ARG a level out of range. */
HG_API hg_status hg_telescope_create(hg_context *ctx, const char *preset, const char *config, const char *const *settings, int n_settings,
                                     int64_t level, hg_telescope **out);
/** Frees a telescope; NULL is fine. */
HG_API void hg_telescope_destroy(hg_context *ctx, hg_telescope *telescope);

/** The sensors. Borrowed, lives as long as the telescope. */
HG_API const hg_sensors *hg_telescope_sensors(const hg_telescope *telescope);

/** The effective configuration as YAML text. @param out owned by the caller (hg_free). */
HG_API hg_status hg_telescope_describe(hg_context *ctx, const hg_telescope *telescope, char **out);

/** Simulates the next n events that trigger, from try *first_try on; *first_try is moved behind the last try used.
 *  Event numbers are the numbers of the tries, so that the same seed gives the same events however they are cut into calls.
 *  @param out owned by the caller (hg_pulse_events_destroy); without sensors (see hg_telescope_sensors); untouched on error.
 *  @param n_triggered NULL, or is increased by the tries that triggered: at levels 1 and 2 not all of them are kept.
 *  @return HG_OK; HG_ERR_ARG; HG_ERR_DATA nothing triggers; HG_ERR_NOMEM; HG_ERR_INTERRUPTED.
 *  Threads: the context's; the events do not depend on them. */
HG_API hg_status hg_telescope_simulate(hg_context *ctx, const hg_telescope *telescope, uint64_t seed, uint64_t *first_try, int64_t n,
                                       int64_t *n_triggered, hg_pulse_events **out);

#ifdef __cplusplus
}
#endif
#endif
