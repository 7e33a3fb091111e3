/* pipeline/track_run.c — the main verb: all events of the inputs through the pipeline, answers into a directory. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/track_run.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/data_path.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/output.h"
#include "hitgraph/hdf5_files.h"
#include "hitgraph/submission.h"
#include "pipeline/usable_hits.h"

typedef struct run {
    hg_context *ctx;
    const hg_track_run_options *options;
    hg_setup *setup;
    hg_track_models models;
    hg_submission *submission;
    hg_tracks_h5 *tracks;
    hg_track_run_fn *fn;
    void *user;
    hg_track_outcome *outcome;
    hg_provenance provenance;
    char *config; /* owned text of the provenance */
    char weights_hash[40];
    int64_t n_good;
} run;

/* Label of each hit of the whole event: track number from 1, 0 = none. Hits that the fit left out still belong to their track. */
static hg_status make_labels(hg_context *ctx, const hg_usable_event *in, const hg_tracks *tracks, int64_t **out)
{
    hg_status status = HG_OK;
    int64_t *label = NULL, *row = NULL, n = 0;

    HG_TRY(hg_alloc(ctx, &label, in->whole->hits.n));
    HG_TRY(hg_alloc(ctx, &row, in->usable->hits.n));
    for (int64_t i = 0; i < in->whole->hits.n; ++i)
        if (in->keep[i]) row[n++] = i;
    for (int64_t t = 0; t < tracks->n; ++t) {
        for (int64_t h = tracks->hit_offset[t]; h < tracks->hit_offset[t + 1]; ++h) label[row[tracks->hit[h]]] = t + 1;
    }
    *out = label;
    label = NULL;
done:
    hg_free(ctx, label);
    hg_free(ctx, row);
    return status;
}

static hg_status write_event(run *r, const hg_usable_event *in, const hg_track_result *result)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    int64_t *label = NULL;
    const hg_hits *hits = &result->prepared->event->hits;

    HG_TRY(make_labels(ctx, in, result->tracks, &label));
    HG_TRY(hg_submission_append(ctx, r->submission, result->event_id, &in->whole->hits, label));
    HG_TRY(hg_tracks_h5_append(ctx, r->tracks,
                               &(hg_track_record){.event_id = result->event_id,
                                                  .hits = hits,
                                                  .tracks = result->tracks,
                                                  .seeds = result->seeds,
                                                  .doublets = result->doublets->graph,
                                                  .doublet_score = result->doublet_score,
                                                  .line = result->line,
                                                  .line_doublet = result->line_doublet,
                                                  .triplet_score = result->triplet_score}));
done:
    hg_free(ctx, label);
    return status;
}

/* One event from file to answer. Errors before writing concern the event alone. */
static hg_status track_one(run *r, const hg_event_source *source, hg_run_report *report, bool *written)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    hg_usable_event in = {0};
    const hg_hit_rule rule = hg_setup_hit_rule(r->setup);
    hg_track_result result = {0};

    double start = hg_seconds();
    HG_TRY(hg_usable_event_read(ctx, &rule, source, HG_PART_ALL, &in));
    const double read_seconds = hg_seconds() - start;
    const int64_t read_rss = hg_peak_rss();
    status = hg_track_event(ctx, r->setup, &r->models, in.usable, &result);
    if (status < 0) hg_fail_prefix(ctx, "%s", source->path);
    HG_TRY(status);
    result.seconds[HG_STAGE_READ] = read_seconds;
    result.peak_rss[HG_STAGE_READ] = read_rss;
    start = hg_seconds();
    *written = r->outcome->output_failed = true;
    HG_TRY(write_event(r, &in, &result));
    r->outcome->output_failed = false;
    result.seconds[HG_STAGE_WRITE] = hg_seconds() - start;
    result.peak_rss[HG_STAGE_WRITE] = hg_peak_rss();
    HG_TRY(hg_run_report_make(ctx, r->setup, &result, report));
    report->left_out = in.left_out;
    HG_TRY(hg_run_report_add(ctx, report, &r->outcome->total));
done:
    hg_track_result_clear(ctx, &result);
    hg_usable_event_clear(ctx, &in);
    return status;
}

static bool ends_run(hg_status status, bool written)
{
    return status < 0 && (written || status == HG_ERR_INTERRUPTED || status == HG_ERR_NOMEM || status == HG_ERR_LIMIT);
}

static void report_failure(run *r, const char *what)
{
    r->outcome->n_failed++;
    r->fn(r->user, what, NULL, hg_context_message(r->ctx));
}

static hg_status track_source(run *r, const hg_event_source *source)
{
    hg_run_report report = {0};
    bool written = false;
    const hg_status status = track_one(r, source, &report, &written);

    if (ends_run(status, written)) {
        hg_run_report_clear(r->ctx, &report);
        return status;
    }
    if (status < 0) {
        report_failure(r, source->path);
    } else {
        r->n_good++;
        r->fn(r->user, source->path, &report, NULL);
    }
    hg_run_report_clear(r->ctx, &report);
    return HG_OK;
}

static hg_status track_input(run *r, const char *input)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    hg_event_list *list = NULL;

    status = hg_event_list_create(ctx, input, &list);
    if (status < 0 && !ends_run(status, false)) {
        report_failure(r, input); /* the other inputs are done all the same */
        return HG_OK;
    }
    HG_TRY(status);
    for (int64_t i = 0; i < list->n; ++i) {
        HG_TRY(track_source(r, &list->source[i]));
        if (list->n > 1) hg_progress(ctx, "events", i + 1, list->n, input);
    }
done:
    hg_event_list_destroy(ctx, list);
    return status;
}

/* FNV-1a over the bits of all parameters. */
static uint64_t weights_hash(const hg_model *model)
{
    uint64_t hash = 14695981039346656037ull;
    const hg_real *parameters = hg_model_parameters((hg_model *)(uintptr_t)model); /* only read */
    const unsigned char *byte = (const unsigned char *)parameters;
    for (size_t i = 0; i < (size_t)hg_model_n_parameters(model) * sizeof *parameters; ++i) hash = (hash ^ byte[i]) * 1099511628211ull;
    return hash;
}

static hg_status make_provenance(run *r)
{
    hg_status status = hg_options_print(r->ctx, hg_track_option_table, r->options->config, false, &r->config);
    if (status < 0) return status;
    r->provenance = (hg_provenance){.config = r->config, .weights_hash = r->weights_hash};
    if (!r->models.doublet) return HG_OK;
    snprintf(r->weights_hash, sizeof r->weights_hash, "%016" PRIx64 "%016" PRIx64, weights_hash(r->models.doublet),
             weights_hash(r->models.triplet));
    return HG_OK;
}

static hg_status open_outputs(run *r)
{
    hg_status status = HG_OK;
    hg_context *ctx = r->ctx;
    char path[HG_PATH_SIZE];

    HG_CHECK(strlen(r->options->directory) + 32 < sizeof path, HG_ERR_ARG, "%s: name too long", r->options->directory);
    HG_TRY(hg_make_directory(ctx, r->options->directory));
    snprintf(path, sizeof path, "%s/submission.csv", r->options->directory);
    HG_TRY(hg_submission_begin(ctx, path, &r->submission));
    snprintf(path, sizeof path, "%s/tracks.h5", r->options->directory);
    HG_TRY(make_provenance(r));
    HG_TRY(hg_tracks_h5_begin(ctx, path, &r->provenance, &r->tracks));
done:
    return status;
}

static hg_status close_outputs(run *r)
{
    hg_tracks_h5 *tracks = r->tracks;
    hg_submission *submission = r->submission;
    r->tracks = NULL;
    hg_status status = hg_tracks_h5_commit(r->ctx, tracks);
    if (status < 0) return status;
    r->submission = NULL;
    return hg_submission_commit(r->ctx, submission);
}

hg_status hg_track_run(hg_context *ctx, const hg_track_run_options *options, hg_track_run_fn *fn, void *user, hg_track_outcome *outcome)
{
    hg_status status = HG_OK;
    run r = {.ctx = ctx, .options = options, .fn = fn, .user = user, .outcome = outcome};

    *outcome = (hg_track_outcome){0};
    HG_TRY(hg_setup_create(ctx, options->config, true, &r.setup));
    if (options->config->seeds == HG_SEEDS_GNN) HG_TRY(hg_track_models_load(ctx, options->config, &r.models));
    outcome->output_failed = true;
    HG_TRY(open_outputs(&r));
    outcome->output_failed = false;
    for (int i = 0; i < options->n_inputs; ++i) HG_TRY(track_input(&r, options->input[i]));
    outcome->output_failed = true;
    if (r.n_good > 0) HG_TRY(close_outputs(&r));
    outcome->output_failed = false;
done:
    hg_submission_abort(ctx, r.submission);
    hg_tracks_h5_abort(ctx, r.tracks);
    hg_free(ctx, r.config);
    hg_track_models_destroy(ctx, &r.models);
    hg_setup_destroy(ctx, r.setup);
    return status;
}
