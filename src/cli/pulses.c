/* cli/pulses.c — telescope events on the command line: how to read them, convert, info. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pulses.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/json.h"
#include "base/memory.h"
#include "hitgraph/display_pulses.h"

hg_status hg_cli_pulse_options(hg_cli *cli, const hg_cli_pulse_flags *flags, hg_pulse_read_options *out)
{
    hg_status status = HG_OK;
    hg_context *ctx = cli->ctx;
    const char *d = flags->direction;
    HG_CHECK(!d || strcmp(d, "from") == 0 || strcmp(d, "to") == 0, HG_ERR_ARG, "--direction: found \"%s\", expected from or to", d);
    *out = (hg_pulse_read_options){.pulse_table = flags->pulse_table,
                                   .truth_table = flags->truth_table,
                                   .geometry = flags->geometry,
                                   .meta = flags->meta,
                                   .direction = !d            ? HG_DIR_UNSTATED
                                                : d[0] == 'f' ? HG_DIR_FROM
                                                              : HG_DIR_TO,
                                   .truth = flags->no_truth ? HG_TRUTH_NONE : HG_TRUTH_IF_THERE};
done:
    return status;
}

bool hg_cli_is_pulse_file(hg_cli *cli, const char *path)
{
    static const char *const endings[] = {".db", ".sqlite", ".sqlite3", NULL};
    for (const char *const *end = endings; *end; ++end)
        if (strlen(path) > strlen(*end) && strcmp(path + strlen(path) - strlen(*end), *end) == 0) return true;
    return hg_pulse_file_is_one(cli->ctx, path);
}

void hg_cli_print_left_out(const hg_cli *cli, const char *verb, const hg_pulse_report *report)
{
    if (report->n_left_out == 0 || cli->quiet) return;
    fprintf(stderr, "hitgraph %s: left out %" PRId64 " of %" PRId64 " events:\n", verb, report->n_left_out, report->n_read);
    for (int f = 0; f < HG_N_FAULTS; ++f) {
        if (report->count[f] == 0) continue;
        fprintf(stderr, "  %" PRId64 " %s: events", report->count[f], hg_pulse_fault_name((hg_pulse_fault)f));
        for (int64_t i = 0; i < report->count[f] && i < HG_FAULT_EXAMPLES; ++i) fprintf(stderr, " %" PRIu64, report->example[f][i]);
        fprintf(stderr, "%s\n    %s\n", report->count[f] > HG_FAULT_EXAMPLES ? " ..." : "", report->first[f]);
    }
}

/* ---- convert ---- */

static hg_status convert(hg_cli *cli, const hg_cli_pulse_flags *flags, const char *out, hg_pulse_report *report, int64_t count[2])
{
    hg_status status = HG_OK;
    hg_context *ctx = cli->ctx;
    hg_pulse_read_options options;
    hg_pulse_events *events = NULL;
    const char *path = cli->input[0], *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    HG_CHECK(cli->n_inputs == 1, HG_ERR_ARG, "%d inputs, expected one file of telescope events", cli->n_inputs);
    HG_TRY(hg_cli_pulse_options(cli, flags, &options));
    HG_TRY(hg_pulse_events_read(ctx, path, &options, report, &events));
    HG_TRY(hg_pulses_h5_write(ctx, out, &(hg_provenance){.source = name}, events));
    count[0] = events->n_events;
    count[1] = events->n_pulses;
done:
    hg_pulse_events_destroy(ctx, events);
    return status;
}

int hg_cli_convert_pulses(hg_cli *cli, const hg_cli_pulse_flags *flags, const char *out)
{
    hg_pulse_report report = {0};
    int64_t count[2] = {0};
    const hg_status status = convert(cli, flags, out, &report, count);
    hg_cli_print_left_out(cli, "convert", &report);
    if (status < 0) return hg_cli_fail_input(cli, "convert", status);
    printf("%s: %" PRId64 " events, %" PRId64 " pulses\n", out, count[0], count[1]);
    return report.n_left_out > 0 ? HG_EXIT_BAD_INPUT : HG_EXIT_OK;
}

/* ---- info ---- */

typedef struct column_range {
    const char *name;
    double low, high;
} column_range;

enum { COLUMNS_MOST = 32 };

static void add_range(column_range *list, int *n, const char *name, const float *data, int64_t count, int64_t stride)
{
    if (!data) return;
    column_range range = {name, INFINITY, -INFINITY};
    for (int64_t i = 0; i < count; ++i) {
        range.low = fmin(range.low, (double)data[i * stride]);
        range.high = fmax(range.high, (double)data[i * stride]);
    }
    if (*n < COLUMNS_MOST) list[(*n)++] = range;
}

static void add_integers(column_range *list, int *n, const char *name, const int32_t *data, int64_t count)
{
    if (!data) return;
    column_range range = {name, INFINITY, -INFINITY};
    for (int64_t i = 0; i < count; ++i) {
        range.low = fmin(range.low, (double)data[i]);
        range.high = fmax(range.high, (double)data[i]);
    }
    if (*n < COLUMNS_MOST) list[(*n)++] = range;
}

static int find_ranges(const hg_pulse_events *e, column_range list[COLUMNS_MOST])
{
    int n = 0;
    const hg_pulses *p = &e->pulses;
    const hg_pulse_truth *t = &e->truth;
    add_range(list, &n, "x [m]", p->x, e->n_pulses, 1);
    add_range(list, &n, "y [m]", p->y, e->n_pulses, 1);
    add_range(list, &n, "z [m]", p->z, e->n_pulses, 1);
    add_range(list, &n, "t [ns]", p->t, e->n_pulses, 1);
    add_range(list, &n, "q [pe]", p->q, e->n_pulses, 1);
    add_range(list, &n, "rde", p->rde, e->n_pulses, 1);
    add_range(list, &n, "area [m^2]", p->area, e->n_pulses, 1);
    add_range(list, &n, "tot [ns]", p->tot, e->n_pulses, 1);
    add_integers(list, &n, "sensor", p->sensor, e->n_pulses);
    add_range(list, &n, "truth energy [GeV]", t->energy, e->n_events, 1);
    if (t->dir) add_range(list, &n, "truth dir z", t->dir + 2, e->n_events, 3);
    if (t->vertex) add_range(list, &n, "truth vertex x [m]", t->vertex, e->n_events, 4);
    if (t->vertex) add_range(list, &n, "truth vertex y [m]", t->vertex + 1, e->n_events, 4);
    if (t->vertex) add_range(list, &n, "truth vertex z [m]", t->vertex + 2, e->n_events, 4);
    add_integers(list, &n, "truth label", t->label, e->n_events);
    add_integers(list, &n, "truth pdg", t->pdg, e->n_events);
    return n;
}

static void pulses_per_event(const hg_pulse_events *e, int64_t *least, int64_t *most)
{
    *least = e->n_events > 0 ? INT64_MAX : 0;
    *most = 0;
    for (int64_t i = 0; i < e->n_events; ++i) {
        const int64_t n = e->offset[i + 1] - e->offset[i];
        if (n < *least) *least = n;
        if (n > *most) *most = n;
    }
}

static void print_table(const char *path, const hg_pulse_events *e, bool stated)
{
    column_range list[COLUMNS_MOST];
    int64_t least, most, hlc = 0, of_class[HG_N_CLASSES + 1] = {0};
    const int n = find_ranges(e, list);
    pulses_per_event(e, &least, &most);
    printf("telescope events %s\n  %" PRId64 " events, %" PRId64 " pulses (%" PRId64 " to %" PRId64 " an event), %" PRId64 " sensors\n",
           path, e->n_events, e->n_pulses, least, most, e->sensors.n);
    for (int i = 0; i < n; ++i)
        if (list[i].low <= list[i].high) printf("  %-20s %14.6g .. %.6g\n", list[i].name, list[i].low, list[i].high);
    for (int64_t i = 0; e->pulses.hlc && i < e->n_pulses; ++i) hlc += e->pulses.hlc[i];
    if (e->pulses.hlc) printf("  %-20s %" PRId64 " pulses\n", "in coincidence", hlc);
    for (int64_t i = 0; e->truth.label && i < e->n_events; ++i)
        of_class[e->truth.label[i] >= 0 && e->truth.label[i] < HG_N_CLASSES ? e->truth.label[i] : HG_N_CLASSES]++;
    for (int32_t c = 0; c <= HG_N_CLASSES; ++c)
        if (of_class[c]) printf("  class %-14s %" PRId64 " events\n", hg_event_class_name(c), of_class[c]);
    if (!stated) printf("  the file does not say what its directions mean: --direction from or to is needed to convert it\n");
}

static hg_status print_json(hg_cli *cli, const char *path, const hg_pulse_events *e)
{
    column_range list[COLUMNS_MOST];
    const int n = find_ranges(e, list);
    json_t *columns = json_object();
    char *text = NULL;
    for (int i = 0; i < n; ++i)
        if (list[i].low <= list[i].high) json_object_set_new(columns, list[i].name, json_pack("[f, f]", list[i].low, list[i].high));
    json_t *root = json_pack("{s:s, s:I, s:I, s:I, s:o}", "file", path, "events", (json_int_t)e->n_events, "pulses",
                             (json_int_t)e->n_pulses, "sensors", (json_int_t)e->sensors.n, "ranges", columns);
    const hg_status status = hg_json_print(cli->ctx, root, &text);
    if (status >= 0) printf("%s\n", text);
    hg_free(cli->ctx, text);
    json_decref(root);
    return status;
}

int hg_cli_info_pulses(hg_cli *cli, const hg_cli_pulse_flags *flags)
{
    hg_pulse_read_options options;
    hg_pulse_report report = {0};
    hg_pulse_events *events = NULL;
    const char *path = cli->input[0];
    bool stated = true;
    hg_status status = hg_cli_pulse_options(cli, flags, &options);
    if (status >= 0) status = hg_pulse_events_read(cli->ctx, path, &options, &report, &events);
    if (status == HG_ERR_ARG && !flags->direction) { /* to look at a file, its convention need not be known */
        stated = false;
        options.direction = HG_DIR_FROM;
        status = hg_pulse_events_read(cli->ctx, path, &options, &report, &events);
    }
    hg_cli_print_left_out(cli, "info", &report);
    if (status >= 0 && cli->json)
        status = print_json(cli, path, events);
    else if (status >= 0)
        print_table(path, events, stated);
    hg_pulse_events_destroy(cli->ctx, events);
    if (status < 0) return hg_cli_fail_input(cli, "info", status);
    return report.n_left_out > 0 ? HG_EXIT_BAD_INPUT : HG_EXIT_OK;
}

/* ---- display ---- */

hg_status hg_cli_draw_pulses(hg_cli *cli, const char *path, int64_t event, const char *title, char **svg)
{
    hg_status status = HG_OK;
    hg_context *ctx = cli->ctx;
    hg_pulse_events *events = NULL;
    char number[64];
    /* where the directions of a file mean nothing certain, none is drawn */
    hg_pulse_read_options options = {.truth = HG_TRUTH_IF_THERE};
    if (hg_pulse_events_read(ctx, path, &options, NULL, &events) == HG_ERR_ARG) options.truth = HG_TRUTH_NONE;
    if (!events) HG_TRY(hg_pulse_events_read(ctx, path, &options, NULL, &events));
    HG_CHECK(event >= 0 && event < events->n_events, HG_ERR_ARG, "--event: found %" PRId64 ", expected 0 to %" PRId64, event,
             events->n_events - 1);
    snprintf(number, sizeof number, "Event %" PRIu64, events->event_id[event]);
    HG_TRY(hg_pulse_display_svg(ctx, events, event, title ? title : number, svg, NULL));
done:
    hg_pulse_events_destroy(ctx, events);
    return status;
}
