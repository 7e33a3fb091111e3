/* datasets/pulse_kind.c — what kind of telescope file something is, by its first bytes and its columns. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/pulse_kind.h"

#include <stdbool.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "datasets/csv_header.h"
#include "datasets/hdf5.h"
#include "hitgraph/pulse_files.h"

static bool has_columns(const char *line, const char *const *names)
{
    for (; *names; ++names)
        if (!hg_csv_header_has(line, *names)) return false;
    return true;
}

static hg_pulse_kind kind_of_table(const char *line)
{
    static const char *const kaggle[] = {"event_id", "sensor_id", "time", "charge", NULL};
    static const char *const km3net[] = {"t", "tot", "pos_x", "pos_y", "pos_z", NULL};
    static const char *const graphnet[] = {"event_no", "dom_x", "dom_y", "dom_z", NULL};
    static const char *const prometheus[] = {"event_no", "sensor_pos_x", "sensor_pos_y", "sensor_pos_z", NULL};
    if (has_columns(line, kaggle)) return HG_PULSES_KAGGLE;
    if (has_columns(line, km3net)) return HG_PULSES_KM3NET;
    if (has_columns(line, graphnet) || has_columns(line, prometheus)) return HG_PULSES_EXPORT;
    return HG_PULSES_UNKNOWN;
}

hg_status hg_pulse_kind_of(hg_context *ctx, const char *path, hg_pulse_kind *out)
{
    static const char sqlite[] = "SQLite format 3", hdf5[] = "\x89HDF\r";
    hg_status status = HG_OK;
    hg_h5 *h5 = NULL;
    char line[HG_CSV_HEADER_SIZE];
    HG_TRY(hg_csv_header_read(ctx, path, line));
    *out = HG_PULSES_UNKNOWN;
    if (strcmp(line, sqlite) == 0) {
        *out = HG_PULSES_SQLITE;
    } else if (strcmp(line, hdf5) == 0) {
        status = hg_h5_open(ctx, path, "pulses", &h5);
        if (status >= 0) *out = HG_PULSES_HDF5;
        if (status != HG_ERR_NOMEM) status = HG_OK; /* another format is no failure; the message stays */
    } else {
        *out = kind_of_table(line);
        if (*out == HG_PULSES_UNKNOWN)
            hg_fail(ctx, HG_ERR_FORMAT,
                    "%s: not a file of telescope events, expected HDF5 (hitgraph-pulses), a SQLite database, or CSV with the columns "
                    "event_id, sensor_id, time, charge or t, tot, pos_x, pos_y, pos_z",
                    path);
    }
done:
    hg_h5_close(ctx, h5);
    return status;
}

bool hg_pulse_file_is_one(hg_context *ctx, const char *path)
{
    hg_pulse_kind kind = HG_PULSES_UNKNOWN;
    const bool is_one = hg_pulse_kind_of(ctx, path, &kind) >= 0 && kind != HG_PULSES_UNKNOWN;
    hg_context_clear(ctx);
    return is_one;
}
