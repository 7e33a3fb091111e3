/* hitgraph/trackml.h — events and detectors as files: TrackML CSV in and out, ACTS CSV and events of hitgraph HDF5 files in. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_TRACKML_H
#define HITGRAPH_TRACKML_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/detector.h"
#include "hitgraph/event.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Where one event lies. */
typedef struct hg_event_source {
    uint64_t event_id; /* the number of the file name; 0 if it has none */
    char *path;        /* prefix of the CSV files ("DIR/event000021007"), or the HDF5 file; owned by the list */
    int64_t index;     /* place inside the HDF5 file; -1 = CSV files */
} hg_event_source;

/** Sources sorted by event id. */
typedef struct hg_event_list {
    int64_t n;
    hg_event_source *source; /* [n] owned */
} hg_event_list;

/** Finds the events of an input: a directory of event files or with events.h5, an event prefix, one "...-hits.csv[.gz|.zst]" file,
 *  a hitgraph-events .h5 file or FILE.h5/event<number>. An event that lacks its hits file is listed too: reading it tells what is missing.
 *  @param out owned by the caller; untouched on error.
 *  @return HG_OK; HG_ERR_IO there is nothing such, or no event in it (message: what was looked for); HG_ERR_FORMAT damaged HDF5;
 * HG_ERR_NOMEM. */
HG_API hg_status hg_event_list_create(hg_context *ctx, const char *input, hg_event_list **out);
/** Frees a list; NULL is fine. */
HG_API void hg_event_list_destroy(hg_context *ctx, hg_event_list *list);

/** Parts of an event besides its hits. */
enum { HG_PART_CELLS = 1, HG_PART_TRUTH = 2, HG_PART_PARTICLES = 4, HG_PART_ALL = 7 };

/** Reads one event; truth and cells are joined to the hit rows. A hits file with a column geometry_id is one of ACTS: simulated hits, each
 *  with its truth but without a weight; the particles are those of PREFIX-particles_initial or -particles, their ids packed as TrackML's
 *  (from the top: primary vertex 12 bits, particle 16, generation 12, secondary vertex 12, sub-particle 12). A part that is not wanted or
 * has no file is left out (has_... false). Zero hits and one hit are legal. hg_event.particles.pdg is NULL when the source has no
 * particle_type.
 *  @param parts HG_PART_ bits. @param out owned by the caller; untouched on error.
 *  @return HG_OK; HG_ERR_IO no hits file, cannot be read; HG_ERR_FORMAT columns, fields, numbers (NaN too), truncated gz;
 *          HG_ERR_DATA duplicate hit id, truth or cell of an unknown hit, hit without truth, unknown particle; HG_ERR_LIMIT; HG_ERR_NOMEM.
 *          Messages say file, line, column, found, expected. Threads: one at a time when the source is HDF5. */
HG_API hg_status hg_event_read(hg_context *ctx, const hg_event_source *source, unsigned parts, hg_event **out);

/** Writes DIR/event%09d-hits.csv[.gz] and, where the event has them, -cells, -truth, -particles: shortest text that reads back to the same
 * bits. Either all files appear or, on error, none.
 *  @param directory created if missing. @return HG_OK, HG_ERR_IO, HG_ERR_NOMEM. */
HG_API hg_status hg_trackml_write(hg_context *ctx, const hg_event *event, const char *directory, bool gzip);

/** Reads detectors.csv[.gz], of ACTS if it has a column geometry_id: passive surfaces are left out, modules are numbered by the sensitive
 *  bits of the id plus 2^20 times the extra ones. Of TrackML: ids, cx cy cz and the nine rot_ columns are required; module_t, module_minhu,
 * module_maxhu, module_hv, pitch_u, pitch_v are optional (0 = unknown). Columns in any order.
 *  @param out owned by the caller; untouched on error. @return as hg_event_read, or an error of hg_detector_create. */
HG_API hg_status hg_detector_read(hg_context *ctx, const char *path, hg_detector **out);

/** Writes detectors.csv, compressed if the name ends in .gz. */
HG_API hg_status hg_detector_write(hg_context *ctx, const hg_detector *detector, const char *path);

/** A TrackML submission under construction: event_id,hit_id,track_id of one or several events. */
typedef struct hg_submission hg_submission;

/** Starts the file; nothing is seen at `path` before the commit. *out ends with commit or abort. */
HG_API hg_status hg_submission_begin(hg_context *ctx, const char *path, hg_submission **out);
/** Adds one event: every hit once. @param track_id borrowed; [hits->n], >= 0, 0 = no track. */
HG_API hg_status hg_submission_append(hg_context *ctx, hg_submission *submission, uint64_t event_id, const hg_hits *hits,
                                      const int64_t *track_id);
/** Puts the file in place. Frees the submission, on failure too (then the target is as before). */
HG_API hg_status hg_submission_commit(hg_context *ctx, hg_submission *submission);
/** Leaves nothing behind; NULL is fine. */
HG_API void hg_submission_abort(hg_context *ctx, hg_submission *submission);

#ifdef __cplusplus
}
#endif
#endif
