/* datasets/pulse_rows.h — pulses and truth as rows of a source's tables, and how they become events. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_PULSE_ROWS_H
#define HG_DATASETS_PULSE_ROWS_H

#include "datasets/pulse_screen.h"
#include "datasets/sqlite.h"

/* Rows in the source's order; all arrays [n], owned; NULL: the source has no such column. Integers that are none: HG_SQLITE_NO_INTEGER,
 * other numbers that are none: NaN. */
typedef struct hg_pulse_rows {
    int64_t n;
    int64_t *event, *sensor_id, *string, *dom, *pmt;
    float *x, *y, *z, *q, *rde, *area, *hlc, *auxiliary, *tot, *axis_x, *axis_y, *axis_z;
    double *t;
} hg_pulse_rows;

/* Truth in any order. zenith, azimuth as the source has them. */
typedef struct hg_truth_rows {
    int64_t n;
    int64_t *event, *pdg, *interaction;
    double *energy, *zenith, *azimuth, *x, *y, *z, *inelasticity;
} hg_truth_rows;

/* One column that may be asked for: where it goes, what sources call it. */
typedef struct hg_row_column {
    size_t offset; /* of the pointer in the rows */
    hg_sqlite_type type;
    bool needed;
    const char *names[6]; /* the first that the source has is taken; NULL-terminated */
    size_t target;        /* of the pointer in hg_pulse_events that it becomes, for messages; 0 = none */
} hg_row_column;

/* Both end with names[0] == NULL. */
extern const hg_row_column hg_pulse_row_columns[];
extern const hg_row_column hg_truth_row_columns[];

void **hg_row_array(void *rows, const hg_row_column *column);
void hg_pulse_rows_clear(hg_context *ctx, hg_pulse_rows *rows);
void hg_truth_rows_clear(hg_context *ctx, hg_truth_rows *rows);

/* All that becomes events. */
typedef struct hg_pulse_source {
    hg_pulse_origin origin;
    const hg_pulse_rows *parts; /* [n_parts] borrowed; together all pulses, the same columns in each */
    int64_t n_parts;
    const hg_truth_rows *truth;  /* borrowed; NULL = none */
    const hg_sensors *sensors;   /* borrowed: the geometry, source_id rising, for pulses that have a sensor_id but no position; NULL = made
                                    of the pulses */
    hg_dir_convention direction; /* of the truth */
} hg_pulse_source;

/* Events by number, each with its pulses in the order of the rows; the truth's label is told by particle and interaction. Screened.
 * Status as for hg_pulse_events_read. */
hg_status hg_pulse_assemble(hg_context *ctx, const hg_pulse_source *source, hg_pulse_report *report, hg_pulse_events **out);

#endif
