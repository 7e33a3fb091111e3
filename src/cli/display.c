/* cli/display.c — the verb display: an event and its tracks as a picture. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/output.h"
#include "cli/cli.h"
#include "cli/pulses.h"
#include "datasets/builtin_detector.h"
#include "hitgraph/display.h"
#include "hitgraph/field_map.h"
#include "hitgraph/trackml.h"
#include "pipeline/found_tracks.h"
#include "pipeline/track_config.h"

typedef struct display_flags {
    const char *out, *detector, *field, *title;
    double pt_min;
    int64_t max_tracks, max_kilobytes, event;
    bool only_track_hits;
} display_flags;

static hg_status load_field(hg_cli *cli, const char *spec, hg_field **out)
{
    hg_track_config config;
    if (spec != NULL) return hg_field_create_spec(cli->ctx, spec, out);
    const hg_status status =
        hg_track_config_read(cli->ctx, cli->preset ? cli->preset : "trackml", cli->config, cli->setting, cli->n_settings, &config);
    return status < 0 ? status : hg_field_create_spec(cli->ctx, config.field, out);
}

static hg_status only_event(hg_context *ctx, const char *input, hg_event **out)
{
    hg_event_list *events = NULL;
    hg_status status = hg_event_list_create(ctx, input, &events);
    if (status >= 0 && events->n != 1)
        status = hg_fail(ctx, HG_ERR_ARG, "%s: %" PRId64 " events, expected one: name it, for example %s/event%09" PRIu64, input, events->n,
                         input, events->source[0].event_id);
    if (status >= 0) status = hg_event_read(ctx, &events->source[0], 0, out);
    hg_event_list_destroy(ctx, events);
    return status;
}

static hg_status draw(hg_cli *cli, const display_flags *flags)
{
    hg_status status = HG_OK;
    hg_context *ctx = cli->ctx;
    hg_detector *detector = NULL;
    hg_field *field = NULL;
    hg_event *event = NULL;
    hg_found_tracks *found = NULL;
    hg_tracks_content content = {0};
    char *svg = NULL, title[64];

    HG_TRY(flags->detector ? hg_detector_read(ctx, flags->detector, &detector) : hg_builtin_detector_create(ctx, &detector));
    HG_TRY(load_field(cli, flags->field, &field));
    HG_TRY(only_event(ctx, cli->input[1], &event));
    HG_TRY(hg_found_tracks_open(ctx, cli->input[0], &found));
    HG_TRY(hg_found_tracks_of_event(ctx, found, event, &content));
    snprintf(title, sizeof title, "Event %" PRIu64, event->event_id);
    const hg_display_options options = {.title = flags->title ? flags->title : title,
                                        .pt_min_gev = flags->pt_min,
                                        .max_tracks = flags->max_tracks,
                                        .only_track_hits = flags->only_track_hits,
                                        .max_bytes = 1000 * (flags->max_kilobytes < 1000000 ? flags->max_kilobytes : 1000000)};
    HG_TRY(hg_display_svg(ctx, &event->hits, detector, field, content.tracks, &options, &svg, NULL));
    HG_TRY(hg_output_print(ctx, flags->out, "%s", svg));
done:
    hg_free(ctx, svg);
    hg_tracks_content_clear(ctx, &content);
    hg_found_tracks_close(ctx, found);
    hg_event_destroy(ctx, event);
    hg_field_destroy(ctx, field);
    hg_detector_destroy(ctx, detector);
    return status;
}

static hg_status draw_pulses(hg_cli *cli, const display_flags *flags)
{
    char *svg = NULL;
    hg_status status = hg_cli_draw_pulses(cli, cli->input[0], flags->event, flags->title, &svg);
    if (status >= 0) status = hg_output_print(cli->ctx, flags->out, "%s", svg);
    hg_free(cli->ctx, svg);
    return status;
}

int hg_cli_display(hg_cli *cli, int argc, char **argv)
{
    const hg_display_options preset = hg_display_default_options();
    display_flags f = {.pt_min = preset.pt_min_gev, .max_tracks = preset.max_tracks, .max_kilobytes = preset.max_bytes / 1000};
    const hg_cli_flag flags[] = {
        {"out", HG_CLI_TEXT, &f.out, "FILE.svg", "the picture (needed)"},
        {"pt-min", HG_CLI_NUMBER, &f.pt_min, "GEV", "leave out softer tracks; default 1"},
        {"max-tracks", HG_CLI_INT, &f.max_tracks, "N", "of more tracks, draw an even choice over pT; default 150"},
        {"only-track-hits", HG_CLI_FLAG, &f.only_track_hits, NULL, "leave out the hits of no drawn track"},
        {"max-kb", HG_CLI_INT, &f.max_kilobytes, "KB", "thin out to stay below this size; default 700"},
        {"title", HG_CLI_TEXT, &f.title, "TEXT", "default: the event's number"},
        {"detector", HG_CLI_TEXT, &f.detector, "FILE", "detectors.csv[.gz]; default: the built-in TrackML detector"},
        {"field", HG_CLI_TEXT, &f.field, "SPEC", "field that carries the tracks, as for track; default: the preset's"},
        {"event", HG_CLI_INT, &f.event, "N", "telescope events: which one of the file, counted from 0; default 0"},
        {NULL, HG_CLI_FLAG, NULL, NULL, NULL},
    };
    const hg_cli_usage usage = {
        .verb = "display",
        .arguments = "TRACKS.h5|SUBMISSION.csv EVENT, or PULSES.h5",
        .summary = "Draws the hits and tracks of one event as SVG, across and along the beam; or one event of a neutrino telescope.",
        .details = "Fitted tracks (TRACKS.h5) are carried through the field; tracks of a submission are curves through their hits.\n\n"
                   "example:\n  hitgraph display result/tracks.h5 data/event000021007 --out event.svg --pt-min 0.5\n"
                   "  hitgraph display pulses.h5 --event 3 --out event.svg",
        .min_inputs = 1,
        .max_inputs = 2,
    };
    const int exit_code = hg_cli_parse(cli, &usage, flags, argc, argv);
    if (exit_code >= 0) return exit_code;
    if (f.out == NULL) {
        fprintf(stderr, "hitgraph display: --out FILE.svg is missing; see hitgraph display --help\n");
        return HG_EXIT_USAGE;
    }
    const bool pulses = cli->n_inputs == 1;
    const hg_status status = pulses ? draw_pulses(cli, &f) : draw(cli, &f);
    if (status >= 0) return HG_EXIT_OK;
    return hg_cli_fail_input(cli, "display", status);
}
