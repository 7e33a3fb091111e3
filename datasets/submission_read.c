/* datasets/submission_read.c — reads TrackML submissions and hands their labels to events. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/submission.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "datasets/csv.h"

static const int64_t rows_limit = INT64_C(1) << 33;

typedef struct submission_row {
    uint64_t event_id, hit_id;
    int64_t track_id, line;
} submission_row;

static int compare_rows(const void *a, const void *b)
{
    const submission_row *p = a, *q = b;
    if (p->event_id != q->event_id) return p->event_id < q->event_id ? -1 : 1;
    if (p->hit_id != q->hit_id) return p->hit_id < q->hit_id ? -1 : 1;
    return (p->line > q->line) - (p->line < q->line);
}

static hg_status sorted_rows(hg_context *ctx, const char *path, const hg_csv_column *columns, int64_t n, submission_row **out)
{
    hg_status status = HG_OK;
    submission_row *rows = NULL;
    const uint64_t *event_id = columns[0].data, *hit_id = columns[1].data;
    const int64_t *track_id = columns[2].data, *line = columns[3].data;

    HG_TRY(hg_alloc(ctx, &rows, n));
    for (int64_t i = 0; i < n; ++i) {
        HG_CHECK(track_id[i] >= 0, HG_ERR_DATA, "%s:%" PRId64 ": track_id is %" PRId64 ", expected 0 (no track) or more", path, line[i],
                 track_id[i]);
        rows[i] = (submission_row){event_id[i], hit_id[i], track_id[i], line[i]};
    }
    qsort(rows, (size_t)n, sizeof *rows, compare_rows);
    for (int64_t i = 1; i < n; ++i)
        HG_CHECK(rows[i].event_id != rows[i - 1].event_id || rows[i].hit_id != rows[i - 1].hit_id, HG_ERR_DATA,
                 "%s:%" PRId64 ": hit %" PRIu64 " of event %" PRIu64 " was given a track in line %" PRId64 " already", path, rows[i].line,
                 rows[i].hit_id, rows[i].event_id, rows[i - 1].line);
    *out = rows;
    rows = NULL;
done:
    hg_free(ctx, rows);
    return status;
}

hg_status hg_labels_read(hg_context *ctx, const char *path, hg_labels **out)
{
    hg_status status = HG_OK;
    hg_labels *labels = NULL;
    submission_row *rows = NULL;
    int64_t n = 0;
    hg_csv_column columns[] = {
        {"event_id", HG_CSV_U64, false, NULL},
        {"hit_id", HG_CSV_U64, false, NULL},
        {"track_id", HG_CSV_I64, false, NULL},
        {"line", HG_CSV_LINE, false, NULL},
    };
    enum { N_COLUMNS = sizeof columns / sizeof *columns };

    HG_TRY(hg_csv_read(ctx, path, columns, N_COLUMNS, rows_limit, &n));
    HG_TRY(sorted_rows(ctx, path, columns, n, &rows));
    HG_TRY(hg_alloc(ctx, &labels, 1));
    HG_TRY(hg_alloc(ctx, &labels->event_id, n));
    HG_TRY(hg_alloc(ctx, &labels->hit_id, n));
    HG_TRY(hg_alloc(ctx, &labels->track_id, n));
    labels->n = n;
    for (int64_t i = 0; i < n; ++i) {
        labels->event_id[i] = rows[i].event_id;
        labels->hit_id[i] = rows[i].hit_id;
        labels->track_id[i] = rows[i].track_id;
    }
    *out = labels;
    labels = NULL;
done:
    hg_labels_destroy(ctx, labels);
    hg_free(ctx, rows);
    hg_csv_free(ctx, columns, N_COLUMNS);
    return status;
}

void hg_labels_destroy(hg_context *ctx, hg_labels *labels)
{
    if (labels == NULL) return;
    hg_free(ctx, labels->event_id);
    hg_free(ctx, labels->hit_id);
    hg_free(ctx, labels->track_id);
    hg_free(ctx, labels);
}

/* First row at or after (event, hit). */
static int64_t lower_bound(const hg_labels *labels, uint64_t event_id, uint64_t hit_id)
{
    int64_t low = 0, high = labels->n;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const uint64_t event = labels->event_id[middle];
        if (event < event_id || (event == event_id && labels->hit_id[middle] < hit_id))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

hg_status hg_labels_of_event(hg_context *ctx, const hg_labels *labels, uint64_t event_id, const hg_hits *hits, int64_t *label)
{
    hg_status status = HG_OK;
    int64_t *found = NULL; /* [hits] */
    uint8_t *taken = NULL; /* [rows of the event] */

    const int64_t first = lower_bound(labels, event_id, 0);
    int64_t end = first;
    while (end < labels->n && labels->event_id[end] == event_id) ++end;
    HG_CHECK(end > first || hits->n == 0, HG_ERR_DATA, "the submission has no row of event %" PRIu64, event_id);
    HG_TRY(hg_alloc(ctx, &found, hits->n));
    HG_TRY(hg_alloc(ctx, &taken, end - first));
    for (int64_t i = 0; i < hits->n; ++i) {
        const int64_t row = lower_bound(labels, event_id, hits->hit_id[i]);
        HG_CHECK(row < end && labels->hit_id[row] == hits->hit_id[i], HG_ERR_DATA, "the submission lacks hit %" PRIu64 " of event %" PRIu64,
                 hits->hit_id[i], event_id);
        found[i] = labels->track_id[row];
        taken[row - first] = 1;
    }
    for (int64_t row = first; row < end; ++row)
        HG_CHECK(taken[row - first], HG_ERR_DATA, "the submission has hit %" PRIu64 ", which event %" PRIu64 " lacks", labels->hit_id[row],
                 event_id);
    for (int64_t i = 0; i < hits->n; ++i) label[i] = found[i];
done:
    hg_free(ctx, found);
    hg_free(ctx, taken);
    return status;
}
