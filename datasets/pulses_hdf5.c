/* datasets/pulses_hdf5.c — telescope events as HDF5: written batch by batch, read as a whole. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/pulses_hdf5.h"

#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "datasets/hdf5_tables.h"
#include "datasets/pulse_arrays.h"
#include "datasets/pulse_screen.h"

static const hg_h5_column offset_column = {"/events/offset", HG_H5_I64, 0, "1", "pulses of each event"};
static const char convention[] = "dir_convention";
enum {
    TRUTH_PARTS = HG_TRUTH_LABEL | HG_TRUTH_ENERGY | HG_TRUTH_DIR | HG_TRUTH_VERTEX | HG_TRUTH_WEIGHT | HG_TRUTH_PDG |
                  HG_TRUTH_INTERACTION | HG_TRUTH_INELASTICITY | HG_TRUTH_MUONS,
    SENSOR_PARTS = HG_SENSOR_STRING | HG_SENSOR_DOM | HG_SENSOR_RDE | HG_SENSOR_AREA | HG_SENSOR_SOURCE_ID
};

/* ---- writing ---- */

struct hg_pulses_h5 {
    hg_h5 *h5; /* owned */
    int64_t n_pulses, n_sensors;
    bool started;   /* parts are known */
    unsigned parts; /* what all batches have */
};

static hg_status write_sensors(hg_context *ctx, hg_h5 *h5, const hg_sensors *sensors)
{
    hg_status status = HG_OK;
    const hg_pulse_events holder = {.sensors = *sensors};
    for (const hg_pulse_array *a = hg_pulse_array_list; a->column.path; ++a) {
        const void *data = hg_pulse_array_data(&holder, a);
        if (a->rows == HG_ROWS_SENSORS && data) HG_TRY(hg_h5_write(ctx, h5, &a->column, data, sensors->n));
    }
done:
    return status;
}

hg_status hg_pulses_h5_begin(hg_context *ctx, const char *path, const hg_provenance *provenance, const hg_sensors *sensors,
                             hg_pulses_h5 **out)
{
    static const uint8_t no = 0;
    hg_status status = HG_OK;
    hg_pulses_h5 *file = NULL;
    const int64_t zero = 0;
    HG_TRY(hg_alloc(ctx, &file, 1));
    HG_TRY(hg_h5_create(ctx, path, "pulses", &file->h5));
    HG_TRY(hg_h5_set_provenance(ctx, file->h5, provenance, "m"));
    HG_TRY(hg_h5_set_string(ctx, file->h5, "/", "standardisation", "none"));
    HG_TRY(hg_h5_set_number(ctx, file->h5, "/", "standardised", &no));
    HG_TRY(hg_h5_append(ctx, file->h5, &offset_column, &zero, 1));
    if (sensors && sensors->n > 0) {
        HG_TRY(write_sensors(ctx, file->h5, sensors));
        file->n_sensors = sensors->n;
    }
    *out = file;
    file = NULL;
done:
    hg_pulses_h5_abort(ctx, file);
    return status;
}

static hg_status check_batch(hg_context *ctx, hg_pulses_h5 *file, const hg_pulse_events *events)
{
    hg_status status = HG_OK;
    const unsigned parts = hg_pulse_events_parts(events) & ~(unsigned)SENSOR_PARTS;
    if (!file->started && (parts & HG_TRUTH_DIR)) HG_TRY(hg_h5_set_string(ctx, file->h5, "/", convention, "to"));
    if (!file->started) file->parts = parts;
    file->started = true;
    HG_CHECK(parts == file->parts, HG_ERR_ARG, "%s: these events have other parts (%x) than the ones before (%x)", hg_h5_name(file->h5),
             parts, file->parts);
    for (int64_t i = 0; events->pulses.sensor && i < events->n_pulses; ++i)
        HG_CHECK(events->pulses.sensor[i] >= 0 && events->pulses.sensor[i] < file->n_sensors, HG_ERR_ARG,
                 "%s: pulse %" PRId64 " names sensor %d of %" PRId64, hg_h5_name(file->h5), i, events->pulses.sensor[i], file->n_sensors);
done:
    return status;
}

static hg_status append_offsets(hg_context *ctx, hg_pulses_h5 *file, const hg_pulse_events *events)
{
    hg_status status = HG_OK;
    int64_t *ends = NULL; /* [n_events] counted over the file */
    HG_TRY(hg_alloc(ctx, &ends, events->n_events));
    for (int64_t e = 0; e < events->n_events; ++e) ends[e] = file->n_pulses + events->offset[e + 1];
    HG_TRY(hg_h5_append(ctx, file->h5, &offset_column, ends, events->n_events));
    file->n_pulses += events->n_pulses;
done:
    hg_free(ctx, ends);
    return status;
}

hg_status hg_pulses_h5_append(hg_context *ctx, hg_pulses_h5 *file, const hg_pulse_events *events)
{
    hg_status status = HG_OK;
    HG_TRY(check_batch(ctx, file, events));
    for (const hg_pulse_array *a = hg_pulse_array_list; a->column.path; ++a) {
        const void *data = hg_pulse_array_data(events, a);
        if (a->rows != HG_ROWS_SENSORS && data) HG_TRY(hg_h5_append(ctx, file->h5, &a->column, data, hg_pulse_array_rows(events, a)));
    }
    HG_TRY(append_offsets(ctx, file, events));
done:
    return status;
}

hg_status hg_pulses_h5_commit(hg_context *ctx, hg_pulses_h5 *file)
{
    hg_status status = HG_OK;
    hg_pulse_events *nothing = NULL;
    if (!file->started) { /* a file without events still has its columns */
        HG_TRY(hg_pulse_events_create(ctx, 0, 0, 0, 0, &nothing));
        HG_TRY(hg_pulses_h5_append(ctx, file, nothing));
    }
    HG_TRY(hg_h5_commit(ctx, &file->h5));
done:
    hg_pulse_events_destroy(ctx, nothing);
    hg_pulses_h5_abort(ctx, file);
    return status;
}

void hg_pulses_h5_abort(hg_context *ctx, hg_pulses_h5 *file)
{
    if (!file) return;
    hg_h5_close(ctx, file->h5);
    hg_free(ctx, file);
}

hg_status hg_pulses_h5_write(hg_context *ctx, const char *path, const hg_provenance *provenance, const hg_pulse_events *events)
{
    hg_status status = HG_OK;
    hg_pulses_h5 *file = NULL, *complete;
    HG_TRY(hg_pulses_h5_begin(ctx, path, provenance, &events->sensors, &file));
    HG_TRY(hg_pulses_h5_append(ctx, file, events));
    complete = file;
    file = NULL;
    HG_TRY(hg_pulses_h5_commit(ctx, complete));
done:
    hg_pulses_h5_abort(ctx, file);
    return status;
}

/* ---- reading ---- */

/* The optional arrays that the file has. */
static unsigned parts_of(const hg_h5 *h5, hg_truth_mode truth)
{
    unsigned parts = 0;
    for (const hg_pulse_array *a = hg_pulse_array_list; a->column.path; ++a)
        if (a->part && hg_h5_has(h5, a->column.path)) parts |= a->part;
    return truth == HG_TRUTH_NONE ? parts & ~(unsigned)TRUTH_PARTS : parts;
}

/* Directions become directions of travel. */
static hg_status turn_directions(hg_context *ctx, hg_h5 *h5, hg_pulse_events *events)
{
    hg_status status = HG_OK;
    char *text = NULL;
    HG_CHECK(hg_h5_has_attribute(h5, "/", convention), HG_ERR_FORMAT,
             "%s: has /events/dir but no attribute dir_convention, expected \"from\" or \"to\"", hg_h5_name(h5));
    HG_TRY(hg_h5_get_string(ctx, h5, "/", convention, &text));
    HG_CHECK(strcmp(text, "from") == 0 || strcmp(text, "to") == 0, HG_ERR_FORMAT,
             "%s: attribute dir_convention: found \"%.20s\", expected \"from\" or \"to\"", hg_h5_name(h5), text);
    for (int64_t i = 0; text[0] == 'f' && i < 3 * events->n_events; ++i) events->truth.dir[i] = -events->truth.dir[i];
done:
    hg_free(ctx, text);
    return status;
}

static hg_status check_plain(hg_context *ctx, hg_h5 *h5)
{
    hg_status status = HG_OK;
    uint8_t standardised = 0;
    if (hg_h5_has_attribute(h5, "/", "standardised")) HG_TRY(hg_h5_get_number(ctx, h5, "/", "standardised", &standardised));
    HG_CHECK(!standardised, HG_ERR_FORMAT, "%s: attribute standardised is %d, expected 0: metres, ns and photo-electrons", hg_h5_name(h5),
             standardised);
done:
    return status;
}

static hg_status read_arrays(hg_context *ctx, hg_h5 *h5, hg_pulse_events *events)
{
    hg_status status = HG_OK;
    for (const hg_pulse_array *a = hg_pulse_array_list; a->column.path; ++a) {
        void *data = *hg_pulse_array_of(events, a);
        const int64_t rows = hg_pulse_array_rows(events, a);
        int64_t found = 0;
        if (!data || (a->rows == HG_ROWS_SENSORS && rows == 0)) continue;
        HG_TRY(hg_h5_shape(ctx, h5, a->column.path, a->column.type, a->column.width, &found, NULL));
        HG_CHECK(found == rows, HG_ERR_FORMAT, "%s:%s: has %" PRId64 " rows, expected %" PRId64, hg_h5_name(h5), a->column.path, found,
                 rows);
        HG_TRY(hg_h5_read_unchecked(ctx, h5, &a->column, 0, rows, data));
    }
done:
    return status;
}

static hg_status read_open_file(hg_context *ctx, hg_h5 *h5, hg_truth_mode truth, hg_pulse_events **out)
{
    hg_status status = HG_OK;
    hg_pulse_events *events = NULL;
    int64_t n_events = 0, n_pulses = 0, n_sensors = 0, *offset = NULL;
    const unsigned parts = parts_of(h5, truth);
    HG_CHECK(truth != HG_TRUTH_NEEDED || (parts & TRUTH_PARTS), HG_ERR_FORMAT, "%s: has no truth, expected /events/label or /events/dir",
             hg_h5_name(h5));
    HG_TRY(check_plain(ctx, h5));
    HG_TRY(hg_h5_shape(ctx, h5, "/events/event_id", HG_H5_U64, 0, &n_events, NULL));
    HG_TRY(hg_h5_shape(ctx, h5, "/pulses/t", HG_H5_F32, 0, &n_pulses, NULL));
    if (hg_h5_has(h5, "/geometry/x")) HG_TRY(hg_h5_shape(ctx, h5, "/geometry/x", HG_H5_F32, 0, &n_sensors, NULL));
    HG_TRY(hg_h5_read_offsets(ctx, h5, offset_column.path, &n_events, &n_pulses, &offset));
    HG_TRY(hg_pulse_events_create(ctx, n_events, n_pulses, n_sensors, parts, &events));
    memcpy(events->offset, offset, (size_t)(n_events + 1) * sizeof *offset);
    HG_TRY(read_arrays(ctx, h5, events));
    if (events->truth.dir) HG_TRY(turn_directions(ctx, h5, events));
    *out = events;
    events = NULL;
done:
    hg_free(ctx, offset);
    hg_pulse_events_destroy(ctx, events);
    return status;
}

hg_status hg_pulses_h5_read(hg_context *ctx, const char *path, hg_truth_mode truth, hg_pulse_report *report, hg_pulse_events **out)
{
    const hg_pulse_origin origin = {.path = path, .pulse_table = "/pulses", .truth_table = "/events"};
    hg_h5 *h5 = NULL;
    hg_pulse_events *events = NULL;
    hg_status status = hg_h5_open(ctx, path, "pulses", &h5);
    if (status >= 0) status = read_open_file(ctx, h5, truth, &events);
    hg_h5_close(ctx, h5);
    return status < 0 ? status : hg_pulse_screen(ctx, &origin, NULL, events, report, out);
}
