/* datasets/sensor_keys.h — a table of the sensors that the pulses of a source name. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_SENSOR_KEYS_H
#define HG_DATASETS_SENSOR_KEYS_H

#include "datasets/pulse_rows.h"

/* True if pulses say which sensor they are of: sensor_id, or string and module. */
bool hg_sensor_has_key(const hg_pulse_rows *rows);
/* The sensor's number in the source: sensor_id, or string x 2^20 + module x 2^8 + photomultiplier; HG_SQLITE_NO_INTEGER = not said. */
int64_t hg_sensor_key(const hg_pulse_rows *rows, int64_t row);

/* The numbers that occur, rising. @param keys owned by the caller (hg_free). Cost: O(pulses). */
hg_status hg_sensor_keys(hg_context *ctx, const hg_pulse_rows *parts, int64_t n_parts, int64_t **keys, int64_t *n);

#endif
