/* datasets/pulse_arrays.h — the one list of the arrays of hg_pulse_events: where they lie, how wide they are, what files call them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_PULSE_ARRAYS_H
#define HG_DATASETS_PULSE_ARRAYS_H

#include <stddef.h>
#include "datasets/hdf5.h"
#include "hitgraph/pulses.h"

/* What the rows of an array are. */
typedef enum hg_pulse_rows { HG_ROWS_EVENTS, HG_ROWS_PULSES, HG_ROWS_SENSORS } hg_pulse_rows;

typedef struct hg_pulse_array {
    hg_h5_column column; /* path NULL: end of the list */
    hg_pulse_rows rows;
    size_t offset; /* of the pointer in hg_pulse_events */
    unsigned part; /* of hg_pulse_parts; 0 = always there */
} hg_pulse_array;

/* All arrays but offset, which has one row more. */
extern const hg_pulse_array hg_pulse_array_list[];

void **hg_pulse_array_of(hg_pulse_events *events, const hg_pulse_array *array);
const void *hg_pulse_array_data(const hg_pulse_events *events, const hg_pulse_array *array);
int64_t hg_pulse_array_rows(const hg_pulse_events *events, const hg_pulse_array *array);
/* Bytes of one row. */
size_t hg_pulse_array_bytes(const hg_pulse_array *array);

#endif
