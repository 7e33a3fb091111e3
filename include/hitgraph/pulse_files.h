/* hitgraph/pulse_files.h — files of a neutrino telescope's events: the project's HDF5, GraphNeT and Prometheus SQLite, CSV. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_PULSE_FILES_H
#define HITGRAPH_PULSE_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/hdf5_files.h"
#include "hitgraph/pulses.h"

#ifdef __cplusplus
extern "C" {
#endif

/** ---- reading ---- */

typedef enum hg_truth_mode {
    HG_TRUTH_IF_THERE, /* read when the source has it */
    HG_TRUTH_NEEDED,   /* a source without it is an error */
    HG_TRUTH_NONE      /* not read: events without truth are as good as the others */
} hg_truth_mode;

typedef enum hg_dir_convention { HG_DIR_UNSTATED, HG_DIR_FROM, HG_DIR_TO } hg_dir_convention;

/** How to read. All zero = defaults. Texts are borrowed. */
typedef struct hg_pulse_read_options {
    const char *pulse_table;     /* SQLite: name of the pulse map; NULL = the only table with event_no, a time and positions */
    const char *truth_table;     /* SQLite: NULL = the only table with event_no and a zenith */
    const char *geometry;        /* Kaggle CSV: sensor_geometry.csv; NULL = looked for beside the batch and one folder above */
    const char *meta;            /* Kaggle CSV: train_meta.csv; NULL = looked for in the same places, optional */
    hg_dir_convention direction; /* what zenith and azimuth mean where the source does not say: needed for Prometheus truth */
    hg_truth_mode truth;
} hg_pulse_read_options;

/** Why an event was left out. */
typedef enum hg_pulse_fault {
    HG_FAULT_NOT_A_NUMBER, /* NaN, infinity, NULL or text where a number is needed */
    HG_FAULT_NEGATIVE_CHARGE,
    HG_FAULT_UNKNOWN_SENSOR,
    HG_FAULT_NO_TRUTH, /* pulses, but no row in the truth table */
    HG_FAULT_TRUTH_TWICE,
    HG_FAULT_BAD_TRUTH, /* an energy, direction or vertex that cannot be */
    HG_N_FAULTS
} hg_pulse_fault;

enum { HG_FAULT_EXAMPLES = 5 };

/** What was left out of a batch, and where it was seen first. */
typedef struct hg_pulse_report {
    int64_t n_read, n_left_out;                       /* events */
    int64_t n_without_pulses;                         /* legal events, kept: truth without pulses */
    int64_t count[HG_N_FAULTS];                       /* events by their first fault */
    uint64_t example[HG_N_FAULTS][HG_FAULT_EXAMPLES]; /* numbers of the first such events */
    char first[HG_N_FAULTS][256];                     /* "table, column, event, row: found, expected" of the first; "" = none */
} hg_pulse_report;

/** A reason in words, for example "negative charge". Never NULL. Threads: reentrant. */
HG_API const char *hg_pulse_fault_name(hg_pulse_fault fault);

/** Reads all events of a file. Its kind is told by its content:
 *  - the project's HDF5 (format hitgraph-pulses);
 *  - SQLite: one table per pulse map and one of truth, joined on event_no. Columns by name: dom_x y z or sensor_pos_x y z; dom_time, time
 *    or t; charge; rde; pmt_area; hlc; string or sensor_string_id; dom_number, pmt_number or sensor_id; pmt_dir_x y z. One scan, events
 *    by number, pulses in the table's order. A database that is being written is refused;
 *  - CSV, compressed or not: a batch of the Kaggle challenge (event_id, sensor_id, time, charge, auxiliary), or KM3NeT's hits of one
 *    event (t, tot, pos_x y z, dir_x y z, triggered).
 *  Values are the nearest floats of the source's numbers. t0 is 0 unless an event has times beyond 1e6 ns: its earliest whole ns then.
 *
 *  @param options borrowed; NULL = defaults. @param report filled on success and for a batch without any good event; may be NULL.
 *  @param out     owned by the caller (hg_pulse_events_destroy); untouched on error.
 *  @return HG_OK; HG_INFO_PARTIAL some events were left out (see report; a warning in the log lists them);
 *          HG_ERR_FORMAT not such a file, truncated, being written, a missing table or column (message: file, table, column, what was
 *          found); HG_ERR_DATA no good event among at least one; HG_ERR_ARG an option is needed; HG_ERR_IO; HG_ERR_NOMEM; HG_ERR_LIMIT.
 *  Threads: the context's; the result does not depend on them. One call at a time (HDF5 has one global state). */
HG_API hg_status hg_pulse_events_read(hg_context *ctx, const char *path, const hg_pulse_read_options *options, hg_pulse_report *report,
                                      hg_pulse_events **out);

/** True if hg_pulse_events_read would take the file by its first bytes or its columns; false for tracking events, other files and files
 *  that cannot be opened. Threads: as above. */
HG_API bool hg_pulse_file_is_one(hg_context *ctx, const char *path);

/** ---- writing: format hitgraph-pulses, rules as in hitgraph/hdf5_files.h ---- */

typedef struct hg_pulses_h5 hg_pulses_h5;

/** @param sensors borrowed for the call; written as /geometry; NULL or n = 0: not written. */
HG_API hg_status hg_pulses_h5_begin(hg_context *ctx, const char *path, const hg_provenance *provenance, const hg_sensors *sensors,
                                    hg_pulses_h5 **out);
/** Adds events; the optional arrays must be the same in all calls, else HG_ERR_ARG. Sensor numbers are rows of the table given to begin. */
HG_API hg_status hg_pulses_h5_append(hg_context *ctx, hg_pulses_h5 *file, const hg_pulse_events *events);
/** Completes the file and puts it in place. Frees `file`, on error too (the target is then as before). @return HG_OK, HG_ERR_IO,
 *  HG_ERR_NOMEM. */
HG_API hg_status hg_pulses_h5_commit(hg_context *ctx, hg_pulses_h5 *file);
/** Gives up: frees `file` and leaves the target as it was; NULL is fine. */
HG_API void hg_pulses_h5_abort(hg_context *ctx, hg_pulses_h5 *file);

/** Begin, append and commit in one. */
HG_API hg_status hg_pulses_h5_write(hg_context *ctx, const char *path, const hg_provenance *provenance, const hg_pulse_events *events);

#ifdef __cplusplus
}
#endif
#endif
