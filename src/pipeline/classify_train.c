/* pipeline/classify_train.c — training on telescope events: files with truth in, a model directory out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/classify_train.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/data_path.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "pipeline/classify_run.h"

enum { ARCHITECTURE_LIMIT = 1 << 20, SPLIT_EVENTS = 0x73706c69, SHUFFLE_EVENTS = 0x73687566 };

/* Events of one file with their targets, in the order in which samples take them. */
typedef struct source {
    hg_pulse_events *events; /* owned */
    hg_head_targets targets;
    hg_track_seed *seed;        /* [n_events] owned; NULL without graph.seed */
    int64_t *split, *order;     /* [n_events] the order that splits the source, and that of the epoch */
    int64_t n_train, n_samples; /* the first n_train of the order are trained on; samples before this source */
} source;

typedef struct sources {
    const hg_classifier *classifier;
    source *source; /* [n] owned */
    int n;
    int64_t n_left_out;
    /* the sample at hand */
    hg_pulse_graphs graphs;
    hg_head_targets targets;
} sources;

static void sources_clear(hg_context *ctx, sources *s)
{
    for (int i = 0; s->source && i < s->n; ++i) {
        hg_pulse_events_destroy(ctx, s->source[i].events);
        hg_head_targets_clear(ctx, &s->source[i].targets);
        hg_free(ctx, s->source[i].seed);
        hg_free(ctx, s->source[i].split);
        hg_free(ctx, s->source[i].order);
    }
    hg_free(ctx, s->source);
    *s = (sources){0};
}

/* Once for all epochs: a likelihood takes longer than a small network. */
static hg_status make_seeds(hg_context *ctx, const hg_classifier *c, source *s)
{
    hg_status status = HG_OK;
    const hg_seed_kind kind = (hg_seed_kind)c->config.seed;
    if (kind == HG_SEED_NONE) return HG_OK;
    HG_TRY(hg_alloc(ctx, &s->seed, s->events->n_events));
    HG_TRY(hg_track_seeds(ctx, s->events, NULL, s->events->n_events, kind, s->seed));
done:
    return status;
}

static hg_status read_source(hg_context *ctx, const hg_classifier *c, const hg_pulse_read_options *reading, const char *path, int number,
                             double held_back, source *out, int64_t *n_left_out)
{
    hg_status status = HG_OK;
    hg_pulse_report report = {0};
    hg_pulse_read_options options = *reading;
    options.truth = HG_TRUTH_NEEDED;
    HG_TRY(hg_pulse_events_read(ctx, path, &options, &report, &out->events));
    *n_left_out += report.n_left_out;
    const int64_t n = out->events->n_events;
    status = hg_graph_layout_check(ctx, &c->layout, out->events);
    if (status >= 0) status = hg_head_targets_make(ctx, &c->heads, out->events, c->config.class_weights, &out->targets);
    if (status < 0) hg_fail_prefix(ctx, "%s", path);
    HG_TRY(status);
    HG_TRY(make_seeds(ctx, c, out));
    HG_TRY(hg_alloc(ctx, &out->split, n));
    HG_TRY(hg_alloc(ctx, &out->order, n));
    hg_random stream = hg_random_stream((uint64_t)c->config.train.seed, SPLIT_EVENTS, (uint64_t)number, 0);
    hg_random_permutation(&stream, n, out->split);
    memcpy(out->order, out->split, (size_t)n * sizeof *out->order);
    out->n_train = n - (int64_t)(held_back * (double)n);
done:
    return status;
}

static hg_status sources_read(hg_context *ctx, const hg_classifier *c, const hg_pulse_read_options *reading, char *const *path, int n,
                              double held_back, sources *out)
{
    hg_status status = HG_OK;
    out->classifier = c;
    HG_TRY(hg_alloc(ctx, &out->source, n));
    for (out->n = 0; out->n < n; ++out->n) {
        HG_TRY(read_source(ctx, c, reading, path[out->n], out->n, held_back, &out->source[out->n], &out->n_left_out));
        hg_progress(ctx, "files", out->n + 1, n, path[out->n]);
    }
done:
    if (status < 0 && out->source) out->n++; /* the one that failed is cleared with the others */
    return status;
}

/* ---- a part of the sources as a set of samples ---- */

typedef struct part {
    sources *from; /* borrowed */
    bool held_back;
} part;

static int64_t events_of(const part *p, const source *s)
{
    return p->held_back ? s->events->n_events - s->n_train : s->n_train;
}

static int64_t samples_of(const part *p, const source *s)
{
    const int64_t size = p->from->classifier->config.batch_events;
    return (events_of(p, s) + size - 1) / size;
}

/* The events of sample i: a stretch of its source's order. */
static const int64_t *stretch(const part *p, int64_t i, const source **out, int64_t *n)
{
    const source *s = p->from->source;
    while (i >= samples_of(p, s)) i -= samples_of(p, s++);
    const int64_t size = p->from->classifier->config.batch_events, left = events_of(p, s) - i * size;
    *out = s;
    *n = left < size ? left : size;
    return s->order + (p->held_back ? s->n_train : 0) + i * size;
}

static hg_status get_sample(hg_context *ctx, void *user, int64_t i, hg_sample *out)
{
    hg_status status = HG_OK;
    part *p = user;
    sources *all = p->from;
    const source *s;
    int64_t n;
    const int64_t *chosen = stretch(p, i, &s, &n);
    HG_TRY(hg_pulse_graphs_make(ctx, &all->classifier->layout, s->events, s->seed, chosen, n, &all->graphs));
    HG_TRY(hg_head_targets_select(ctx, &s->targets, chosen, n, &all->targets));
    for (int64_t k = 0; all->graphs.seed && k < n; ++k) hg_track_seed_turn(&all->graphs.seed[k], all->targets.direction + 3 * k);
    const bool ranks = all->classifier->heads.head[0].kind == HG_HEAD_SIGNAL;
    *out = (hg_sample){.batch = hg_pulse_graphs_batch(&all->graphs),
                       .label = ranks ? all->targets.signal : NULL,
                       .weight = ranks ? all->targets.weight[HG_HEAD_SIGNAL] : NULL,
                       .truth = &all->targets};
done:
    if (status < 0) hg_pulse_graphs_clear(ctx, &all->graphs);
    return status;
}

static void release_sample(hg_context *ctx, void *user, int64_t i, hg_sample *sample)
{
    part *p = user;
    (void)i;
    (void)sample;
    hg_pulse_graphs_clear(ctx, &p->from->graphs);
    hg_head_targets_clear(ctx, &p->from->targets);
}

/* Events meet others in every epoch: the part trained on is put in an order drawn from the seed and the epoch. */
static hg_status reshuffle(hg_context *ctx, void *user, int64_t epoch)
{
    const part *p = user;
    for (int i = 0; i < p->from->n; ++i) {
        source *s = &p->from->source[i];
        int64_t *place = NULL;
        const hg_status status = hg_alloc(ctx, &place, s->n_train);
        if (status < 0) return status;
        hg_random stream = hg_random_stream((uint64_t)p->from->classifier->config.train.seed, SHUFFLE_EVENTS, (uint64_t)i, (uint64_t)epoch);
        hg_random_permutation(&stream, s->n_train, place);
        for (int64_t k = 0; k < s->n_train; ++k) s->order[k] = s->split[place[k]];
        hg_free(ctx, place);
    }
    return HG_OK;
}

/* Says for a checkpoint whether the events are the same: their numbers and sizes (FNV-1a over words). */
static uint64_t hash_of(const sources *s)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int k = 0; k < s->n; ++k) {
        const hg_pulse_events *e = s->source[k].events;
        for (int64_t i = 0; i < e->n_events; ++i) {
            hash = (hash ^ e->event_id[i]) * UINT64_C(0x100000001b3);
            hash = (hash ^ (uint64_t)e->offset[i + 1]) * UINT64_C(0x100000001b3);
        }
    }
    return hash;
}

static hg_sample_set view(part *p)
{
    hg_sample_set set = {.user = p,
                         .get = get_sample,
                         .release = release_sample,
                         .loss = hg_heads_loss,
                         .begin_epoch = p->held_back ? NULL : reshuffle,
                         .hash = hash_of(p->from)};
    for (int k = 0; k < p->from->n; ++k) set.n += samples_of(p, &p->from->source[k]);
    return set;
}

/* ---- the model ---- */

static hg_status replace(hg_context *ctx, hg_text *out, const char *text, const char *word, int64_t number)
{
    hg_status status = HG_OK;
    for (const char *at = text; *at;) {
        const char *found = strstr(at, word);
        HG_TRY(hg_text_append(ctx, out, "%.*s", found ? (int)(found - at) : (int)strlen(at), at));
        if (!found) break;
        HG_TRY(hg_text_append(ctx, out, "%" PRId64, number));
        at = found + strlen(word);
    }
done:
    return status;
}

static hg_status create_classifier(hg_context *ctx, const hg_classify_config *config, hg_classifier **out)
{
    hg_status status = HG_OK;
    hg_classifier *c = NULL;
    char path[HG_PATH_SIZE], *text = NULL;
    size_t length = 0;
    hg_text with_columns = {0}, with_globals = {0}, whole = {0};
    HG_TRY(hg_alloc(ctx, &c, 1));
    c->config = *config;
    for (int k = 0; k < HG_N_HEADS; ++k) c->calibration.factor[k] = 1;
    HG_TRY(hg_classify_heads(ctx, &c->config, &c->heads));
    HG_TRY(hg_graph_layout_read(ctx, &c->config, &c->layout));
    HG_TRY(hg_data_path(ctx, config->architecture, path));
    HG_TRY(hg_read_file(ctx, path, ARCHITECTURE_LIMIT, &text, &length));
    HG_TRY(replace(ctx, &with_columns, text, "{columns}", c->layout.n_columns));
    HG_TRY(replace(ctx, &with_globals, with_columns.data, "{globals}", c->layout.n_globals));
    HG_TRY(replace(ctx, &whole, with_globals.data, "{heads}", c->heads.width));
    HG_TRY(hg_model_create(ctx, path, whole.data, (uint64_t)config->train.seed, &c->model));
    const hg_model_widths widths = hg_model_get_widths(c->model);
    HG_CHECK(widths.global_out == c->heads.width && widths.node_in == c->layout.n_columns && widths.global_in == c->layout.n_globals,
             HG_ERR_MODEL,
             "%s: reads %" PRId64 " numbers per node and %" PRId64 " per event and gives %" PRId64
             "; expected %d (graph.columns), %d (graph.summary) and %" PRId64 " (classify.task)",
             path, widths.node_in, widths.global_in, widths.global_out, c->layout.n_columns, c->layout.n_globals, c->heads.width);
    *out = c;
    c = NULL;
done:
    hg_classifier_destroy(ctx, c);
    hg_free(ctx, text);
    hg_free(ctx, with_columns.data);
    hg_free(ctx, with_globals.data);
    hg_free(ctx, whole.data);
    return status;
}

/* Learns the calibration on the part held back. All sources' outputs are gathered with their targets, sample by sample. */
static hg_status calibrate(hg_context *ctx, hg_classifier *c, part *p, const hg_sample_set *set)
{
    hg_status status = HG_OK;
    hg_real *output = NULL;
    int64_t n = 0, done_events = 0;
    hg_head_targets all = {0};
    for (int k = 0; k < p->from->n; ++k) n += events_of(p, &p->from->source[k]);
    HG_TRY(hg_alloc(ctx, &output, n * c->heads.width));
    HG_TRY(hg_head_targets_room(ctx, &c->heads, n, &all));
    for (int64_t i = 0; i < set->n; ++i) {
        const source *s;
        int64_t m;
        const int64_t *chosen = stretch(p, i, &s, &m);
        HG_TRY(hg_classifier_outputs(ctx, c, s->events, s->seed, chosen, m, output + done_events * c->heads.width));
        hg_head_targets_copy(&s->targets, chosen, m, done_events, &all);
        done_events += m;
    }
    HG_TRY(hg_heads_calibrate(ctx, &c->heads, output, &all, &c->calibration));
done:
    hg_free(ctx, output);
    hg_head_targets_clear(ctx, &all);
    return status;
}

static hg_status describe(hg_context *ctx, const hg_classify_train_options *options, const hg_train_result *result, hg_model *model)
{
    hg_status status = HG_OK;
    char figures[160];
    snprintf(figures, sizeof figures, "epoch %" PRId64 ", validation loss %.5f", result->best.epoch, result->best.validation_loss);
    HG_TRY(hg_model_set_metadata(ctx, model, "command", options->command));
    HG_TRY(hg_model_set_metadata(ctx, model, "best", figures));
done:
    return status;
}

hg_status hg_classify_train(hg_context *ctx, const hg_classify_train_options *options, hg_train_result *result)
{
    hg_status status = HG_OK;
    const hg_classify_config *config = options->config;
    hg_classifier *c = NULL;
    sources training = {0}, validation = {0};
    const double held_back = options->n_validation > 0 ? 0 : config->validation_share;

    HG_TRY(create_classifier(ctx, config, &c));
    HG_TRY(sources_read(ctx, c, options->reading, options->training, options->n_training, held_back, &training));
    HG_TRY(sources_read(ctx, c, options->reading, options->validation, options->n_validation, 1, &validation));
    part to_train = {&training, false}, to_watch = {options->n_validation > 0 ? &validation : &training, true};
    const hg_sample_set train_set = view(&to_train), watch_set = view(&to_watch);
    hg_log(ctx, HG_LOG_INFO, "training %" PRId64 " parameters on %" PRId64 " batches, validating on %" PRId64,
           hg_model_n_parameters(c->model), train_set.n, watch_set.n);
    HG_TRY(hg_train(ctx, c->model, &config->train, &train_set, &watch_set, NULL, NULL, result));
    HG_TRY(calibrate(ctx, c, &to_watch, &watch_set));
    HG_TRY(describe(ctx, options, result, c->model));
    HG_TRY(hg_classifier_save(ctx, c, options->directory));
    if (training.n_left_out + validation.n_left_out > 0) status = HG_INFO_PARTIAL;
done:
    sources_clear(ctx, &training);
    sources_clear(ctx, &validation);
    hg_classifier_destroy(ctx, c);
    return status;
}
