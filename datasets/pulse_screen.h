/* datasets/pulse_screen.h — the one place where bad events are told from good ones, whatever file they come from. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_PULSE_SCREEN_H
#define HG_DATASETS_PULSE_SCREEN_H

#include "hitgraph/pulse_files.h"

enum { HG_PULSE_ARRAYS = 32 };

/* What the source calls things, for messages. All borrowed. */
typedef struct hg_pulse_origin {
    const char *path, *pulse_table, *truth_table; /* table NULL: the file is the table */
    const char *column[HG_PULSE_ARRAYS];          /* by place in hg_pulse_array_list; NULL = as in the project's own files */
} hg_pulse_origin;

/* Sets the source's name of the array that lies at this offset of hg_pulse_events. */
void hg_pulse_origin_name(hg_pulse_origin *origin, size_t offset, const char *column);

/* Leaves out bad events: a reader hands over NaN where it found no number, sensor -1 where it does not know one.
 * @param fault  borrowed; [n_events] what the reader found: a hg_pulse_fault, HG_N_FAULTS = nothing; NULL = nothing anywhere.
 * @param events moved: freed or handed on, on error too. @param report NULL = not wanted. @param out the good events.
 * @return HG_OK; HG_INFO_PARTIAL (listed in the log too); HG_ERR_DATA no good event is left of at least one; HG_ERR_NOMEM. */
hg_status hg_pulse_screen(hg_context *ctx, const hg_pulse_origin *origin, const uint8_t *fault, hg_pulse_events *events,
                          hg_pulse_report *report, hg_pulse_events **out);

#endif
