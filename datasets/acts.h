/* datasets/acts.h — CSV files of the ACTS examples framework: simulated hits with their particles, and the detector's surfaces. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_ACTS_H
#define HG_DATASETS_ACTS_H

#include "hitgraph/detector.h"
#include "hitgraph/event.h"

/* Whether a table is one of ACTS: it has a geometry_id column. Errors: those of reading. */
hg_status hg_acts_is_table(hg_context *ctx, const char *path, bool *is);

/* Reads PREFIX-hits.csv (simulated hits) and, if wanted and there, PREFIX-particles_initial.csv or -particles.csv. Hits lie where the
 * particles crossed; they carry their own truth, without weights. hit_id is the column of this name, else the row number from 0; modules
 * are those of hg_acts_modules_read. Particle ids, in one column or in five, are packed as TrackML's: primary vertex 12 bits, particle 16,
 * generation 12, secondary vertex 12, sub-particle 12, from the top; the generation is read from there.
 * Errors: as hg_event_read; HG_ERR_LIMIT a part of an id does not fit. */
hg_status hg_acts_event_read(hg_context *ctx, const char *prefix, uint64_t event_id, unsigned parts, hg_event **out);

/* Reads the sensors of a detectors.csv of ACTS, passive surfaces left out. The number of a module in its layer is the sensitive part of its
 * geometry_id plus 2^20 times the extra part. Rectangles and trapezoids have sizes, other shapes unknown ones.
 * *modules: [*n] owned by the caller. Errors: HG_ERR_FORMAT, HG_ERR_DATA ids that are not those of geometry_id; HG_ERR_IO; HG_ERR_NOMEM. */
hg_status hg_acts_modules_read(hg_context *ctx, const char *path, hg_module **modules, int64_t *n);

#endif
