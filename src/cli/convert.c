/* cli/convert.c — the verb convert: events from CSV to HDF5 and back. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/pulses.h"
#include "datasets/builtin_detector.h"
#include "hitgraph/hdf5_files.h"
#include "hitgraph/module_map_file.h"
#include "hitgraph/trackml.h"

typedef struct conversion {
    hg_context *ctx;
    hg_events_h5 *file; /* NULL = CSV files into `directory` */
    const char *directory;
    bool gzip;
    int64_t n_events;
} conversion;

static hg_status convert_event(conversion *c, const hg_event_source *source)
{
    hg_event *event = NULL;
    hg_status status = hg_event_read(c->ctx, source, HG_PART_ALL, &event);
    if (status >= 0) {
        status = c->file ? hg_events_h5_append(c->ctx, c->file, event) : hg_trackml_write(c->ctx, event, c->directory, c->gzip);
    }
    hg_event_destroy(c->ctx, event);
    if (status >= 0) c->n_events++;
    return status;
}

static hg_status convert_input(conversion *c, const char *input)
{
    hg_status status = HG_OK;
    hg_context *ctx = c->ctx;
    hg_event_list *list = NULL;

    HG_TRY(hg_event_list_create(ctx, input, &list));
    for (int64_t i = 0; i < list->n; ++i) {
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "interrupted");
        HG_TRY(convert_event(c, &list->source[i]));
        hg_progress(ctx, "events", i + 1, list->n, input);
    }
done:
    hg_event_list_destroy(ctx, list);
    return status;
}

static bool is_module_map_name(const char *path)
{
    return hg_text_ends_in(path, ".txt") || hg_text_ends_in(path, ".h5") || hg_text_ends_in(path, ".hgmap");
}

/* A module map is text, HDF5, or a file to be mapped; from HDF5 to HDF5 there are only events. */
static bool is_module_map(const char *in, const char *out)
{
    return is_module_map_name(in) && is_module_map_name(out) && !(hg_text_ends_in(in, ".h5") && hg_text_ends_in(out, ".h5"));
}

static hg_status write_map(hg_context *ctx, hg_module_triplets *triplets, const char *out)
{
    return hg_text_ends_in(out, ".txt") ? hg_module_triplets_write_text(ctx, triplets, out)
                                        : hg_module_triplets_write_hdf5(ctx, triplets, out);
}

/* From or to a file that is mapped: its modules are numbers in the detector, elsewhere they are ids. */
static hg_status convert_mapped(hg_context *ctx, const char *in, const char *out, const char *detector_path, int64_t *n)
{
    hg_status status = HG_OK;
    hg_detector *detector = NULL;
    hg_module_maps maps = {0};
    hg_module_triplets triplets = {0};

    HG_TRY(detector_path ? hg_detector_read(ctx, detector_path, &detector) : hg_builtin_detector_create(ctx, &detector));
    HG_TRY(hg_module_maps_open(ctx, in, detector, &maps));
    *n = maps.map[0]->n_triplets;
    if (hg_text_ends_in(out, ".hgmap")) {
        HG_TRY(hg_module_maps_save(ctx, maps.map, maps.n, detector, out));
        goto done;
    }
    HG_CHECK(maps.n == 1, HG_ERR_DATA, "%s: holds %" PRId64 " module maps, %s can hold one; hint: hitgraph build --learn-modules --out %s",
             in, maps.n, out, out);
    HG_TRY(hg_module_map_list(ctx, maps.map[0], &triplets));
    HG_TRY(hg_module_triplets_to_ids(ctx, detector, &triplets));
    HG_TRY(write_map(ctx, &triplets, out));
done:
    hg_module_triplets_clear(ctx, &triplets);
    hg_module_maps_close(ctx, &maps);
    hg_detector_destroy(ctx, detector);
    return status;
}

/* Ids stay as they are: they may be of any detector. */
static hg_status convert_ids(hg_context *ctx, const char *in, const char *out, int64_t *n)
{
    hg_module_triplets triplets = {0};
    hg_status status =
        hg_text_ends_in(in, ".txt") ? hg_module_triplets_read_text(ctx, in, &triplets) : hg_module_triplets_read_hdf5(ctx, in, &triplets);
    if (status >= 0) status = write_map(ctx, &triplets, out);
    *n = triplets.n;
    hg_module_triplets_clear(ctx, &triplets);
    return status;
}

static int convert_module_map(hg_cli *cli, const char *in, const char *out, const char *detector)
{
    int64_t n = 0;
    const bool mapped = hg_text_ends_in(in, ".hgmap") || hg_text_ends_in(out, ".hgmap");
    const hg_status status = mapped ? convert_mapped(cli->ctx, in, out, detector, &n) : convert_ids(cli->ctx, in, out, &n);
    if (status < 0) return hg_cli_fail_input(cli, "convert", status);
    printf("%s: %" PRId64 " triplets of modules\n", out, n);
    return HG_EXIT_OK;
}

static hg_status run_convert(hg_cli *cli, const char *out, bool gzip, const char *detector_path, int64_t *n_events)
{
    hg_status status = HG_OK;
    hg_context *ctx = cli->ctx;
    hg_detector *detector = NULL;
    conversion c = {.ctx = ctx, .directory = out, .gzip = gzip};

    if (detector_path) HG_TRY(hg_detector_read(ctx, detector_path, &detector));
    if (hg_text_ends_in(out, ".h5")) HG_TRY(hg_events_h5_begin(ctx, out, &(hg_provenance){0}, detector, &c.file));
    for (int i = 0; i < cli->n_inputs; ++i) HG_TRY(convert_input(&c, cli->input[i]));
    hg_events_h5 *file = c.file;
    c.file = NULL;
    if (file) HG_TRY(hg_events_h5_commit(ctx, file));
    *n_events = c.n_events;
done:
    hg_events_h5_abort(ctx, c.file);
    hg_detector_destroy(ctx, detector);
    return status;
}

int hg_cli_convert(hg_cli *cli, int argc, char **argv)
{
    const char *out = NULL, *detector = NULL;
    bool gzip = false;
    hg_cli_pulse_flags pulses = {.no_truth = false};
    const hg_cli_flag flags[] = {
        {"out", HG_CLI_TEXT, &out, "FILE.h5|DIR", "an HDF5 file for all events, or a directory for TrackML CSV files (needed)"},
        {"gzip", HG_CLI_FLAG, &gzip, NULL, "CSV files are compressed"},
        {"detector", HG_CLI_TEXT, &detector, "FILE",
         "detectors.csv[.gz]: stored in the HDF5 file too; module maps: default the built-in one"},
        HG_CLI_PULSE_FLAGS(pulses),
        {NULL, HG_CLI_FLAG, NULL, NULL, NULL},
    };
    const hg_cli_usage usage = {
        .verb = "convert",
        .arguments = "INPUT...",
        .summary = "Converts events between TrackML CSV files and HDF5, without loss either way; events of ACTS (simulated hits) to both; "
                   "telescope events to HDF5; module "
                   "maps between text, HDF5 and files that are mapped into memory.",
        .details =
            "INPUT is a directory of events, an event prefix, a hits file, or an HDF5 file of events; or one file of telescope\n"
            "events: a SQLite database of GraphNeT or Prometheus, a CSV batch of the Kaggle challenge, KM3NeT's hits. Then the\n"
            "output may be the last argument; bad events are left out and listed, exit code 3. Or a module map: text (.txt) with\n"
            "24 columns for each triplet of modules (ids, occurrence, largest and smallest value of ten variables), HDF5 (.h5) with\n"
            "the same, or a file that build and track map into memory (.hgmap). The last needs the detector: ids are geometry\n"
            "identifiers of ACTS then, volume << 56 | layer << 36 | module << 8.\n\n"
            "Events and detectors of ACTS are told by their column geometry_id: PREFIX-hits.csv (simulated hits, at their true\n"
            "places) with PREFIX-particles_initial.csv, and detectors.csv. Modules are numbered by the sensitive bits of the\n"
            "geometry_id, plus 2^20 times the extra bits; particle ids are packed as TrackML's.\n\n"
            "examples:\n  hitgraph convert --out events.h5 data/\n  hitgraph convert --gzip --out csv events.h5\n"
            "  hitgraph convert events.db pulses.h5\n  hitgraph convert map.txt map.h5\n  hitgraph convert --detector detectors.csv "
            "map.txt map.hgmap",
        .min_inputs = 1,
        .max_inputs = 1 << 20,
    };
    int64_t n_events = 0;
    const int exit_code = hg_cli_parse(cli, &usage, flags, argc, argv);
    if (exit_code >= 0) return exit_code;
    const bool telescope = hg_cli_is_pulse_file(cli, cli->input[0]);
    if (!out && cli->n_inputs == 2 && (telescope || is_module_map(cli->input[0], cli->input[1]))) out = cli->input[--cli->n_inputs];
    if (!out) {
        fprintf(stderr, "hitgraph convert: --out is missing; see hitgraph convert --help\n");
        return HG_EXIT_USAGE;
    }
    if (cli->n_inputs == 1 && is_module_map(cli->input[0], out)) return convert_module_map(cli, cli->input[0], out, detector);
    if (telescope) return hg_cli_convert_pulses(cli, &pulses, out);
    const hg_status status = run_convert(cli, out, gzip, detector, &n_events);
    if (status < 0) return hg_cli_fail_input(cli, "convert", status);
    printf("%s: %" PRId64 " events\n", out, n_events);
    return HG_EXIT_OK;
}
