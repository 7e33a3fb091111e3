/* pipeline/classify_run.c — a trained model applied to telescope events: scores out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/classify_run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/text.h"

static const char config_key[] = "telescope";
enum { KEY_ROOM = 64, NUMBER_ROOM = 40 };

/* ---- the directory ---- */

void hg_classifier_destroy(hg_context *ctx, hg_classifier *classifier)
{
    if (!classifier) return;
    hg_model_destroy(ctx, classifier->model);
    hg_free(ctx, classifier);
}

static void calibration_key(char key[KEY_ROOM], hg_head_kind kind)
{
    snprintf(key, KEY_ROOM, "calibration.%s", hg_head_name(kind));
}

hg_status hg_classifier_save(hg_context *ctx, hg_classifier *classifier, const char *directory)
{
    hg_status status = HG_OK;
    hg_option *table = NULL;
    char *text = NULL;
    HG_TRY(hg_classify_config_table(ctx, &table));
    hg_classify_config config = classifier->config;
    config.train.checkpoint_directory[0] = '\0'; /* says nothing on another machine */
    config.train.resume = false;
    HG_TRY(hg_options_print(ctx, table, &config, false, &text));
    HG_TRY(hg_model_set_metadata(ctx, classifier->model, config_key, text));
    for (int h = 0; h < classifier->heads.n; ++h) {
        char key[KEY_ROOM], number[NUMBER_ROOM];
        const hg_head_kind kind = classifier->heads.head[h].kind;
        calibration_key(key, kind);
        hg_format_double(number, classifier->calibration.factor[kind]);
        HG_TRY(hg_model_set_metadata(ctx, classifier->model, key, number));
    }
    HG_TRY(hg_make_directory(ctx, directory));
    HG_TRY(hg_model_save(ctx, classifier->model, directory));
done:
    hg_free(ctx, table);
    hg_free(ctx, text);
    return status;
}

static hg_status read_config(hg_context *ctx, const char *directory, hg_classifier *c)
{
    hg_status status = HG_OK;
    hg_option *table = NULL;
    hg_yaml *root = NULL;
    const char *text = hg_model_metadata(c->model, config_key);
    HG_CHECK(text, HG_ERR_MODEL, "%s: is no model of telescope events: its weights do not say how events become graphs", directory);
    HG_TRY(hg_classify_config_table(ctx, &table));
    HG_TRY(hg_options_set_defaults(ctx, table, &c->config));
    HG_TRY(hg_yaml_parse(ctx, directory, text, strlen(text), &root));
    HG_TRY(hg_options_apply_yaml(ctx, table, root, &c->config));
done:
    hg_yaml_destroy(ctx, root);
    hg_free(ctx, table);
    return status;
}

static hg_status read_calibration(hg_context *ctx, const char *directory, hg_classifier *c)
{
    hg_status status = HG_OK;
    for (int k = 0; k < HG_N_HEADS; ++k) c->calibration.factor[k] = 1;
    for (int h = 0; h < c->heads.n; ++h) {
        char key[KEY_ROOM];
        double factor = 1;
        calibration_key(key, c->heads.head[h].kind);
        const char *text = hg_model_metadata(c->model, key);
        HG_CHECK(!text || (hg_parse_double(text, strlen(text), &factor) && factor > 0), HG_ERR_MODEL,
                 "%s: %s is \"%s\", expected a number above 0", directory, key, text);
        c->calibration.factor[c->heads.head[h].kind] = factor;
    }
done:
    return status;
}

hg_status hg_classifier_load(hg_context *ctx, const char *directory, hg_classifier **out)
{
    hg_status status = HG_OK;
    hg_classifier *c = NULL;
    HG_TRY(hg_alloc(ctx, &c, 1));
    HG_TRY(hg_model_load(ctx, directory, &c->model));
    HG_TRY(read_config(ctx, directory, c));
    HG_TRY(hg_classify_heads(ctx, &c->config, &c->heads));
    HG_TRY(hg_graph_layout_read(ctx, &c->config, &c->layout));
    const hg_model_widths widths = hg_model_get_widths(c->model);
    HG_CHECK(widths.global_out == c->heads.width && widths.node_in == c->layout.n_columns && widths.global_in == c->layout.n_globals,
             HG_ERR_MODEL,
             "%s: the network reads %" PRId64 " numbers per node and gives %" PRId64
             " per event, but its settings speak of %d and %" PRId64,
             directory, widths.node_in, widths.global_out, c->layout.n_columns, c->heads.width);
    HG_TRY(read_calibration(ctx, directory, c));
    *out = c;
    c = NULL;
done:
    hg_classifier_destroy(ctx, c);
    return status;
}

/* ---- outputs ---- */

static void turn_directions(const hg_heads *heads, const hg_track_seed *seed, int64_t n, hg_real *output)
{
    for (int h = 0; h < heads->n; ++h) {
        if (heads->head[h].kind != HG_HEAD_DIRECTION) continue;
        for (int64_t i = 0; i < n; ++i) {
            hg_real *row = output + i * heads->width + heads->head[h].column;
            if (heads->exponential) hg_direction_expand(row);
            if (seed) hg_track_seed_turn_back(&seed[i], row);
        }
    }
}

hg_status hg_classifier_outputs(hg_context *ctx, const hg_classifier *classifier, const hg_pulse_events *events, const hg_track_seed *seed,
                                const int64_t *chosen, int64_t n, hg_real *output)
{
    hg_status status = HG_OK;
    hg_pulse_graphs graphs = {0};
    HG_TRY(hg_pulse_graphs_make(ctx, &classifier->layout, events, seed, chosen, n, &graphs));
    const hg_batch batch = hg_pulse_graphs_batch(&graphs);
    HG_TRY(hg_model_forward(ctx, classifier->model, &batch, &(hg_outputs){.globals = output}));
    turn_directions(&classifier->heads, graphs.seed, n, output);
done:
    hg_pulse_graphs_clear(ctx, &graphs);
    return status;
}

static double sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

static float energy_of(double log_energy)
{
    return (float)pow(10, fmin(fmax(log_energy + HG_ENERGY_CENTRE, -30), 30));
}

static void put_classes(const hg_real *row, float *const out[], int64_t i)
{
    double most = (double)row[0], sum = 0;
    for (int k = 1; k < HG_N_CLASSES; ++k) most = fmax(most, (double)row[k]);
    for (int k = 0; k < HG_N_CLASSES; ++k) sum += exp((double)row[k] - most);
    for (int k = 0; k < HG_N_CLASSES; ++k) out[k][i] = (float)(exp((double)row[k] - most) / sum);
}

static void put_direction(const hg_real *row, double factor, float *const out[], int64_t i)
{
    const double x = (double)row[0], y = (double)row[1], z = (double)row[2], kappa = sqrt(x * x + y * y + z * z);
    const double unit = kappa > 0 ? 1 / kappa : 0;
    const float dir[3] = {(float)(x * unit), (float)(y * unit), kappa > 0 ? (float)(z * unit) : -1};
    double zenith, azimuth;
    hg_direction_of_origin(dir, &zenith, &azimuth);
    for (int k = 0; k < 3; ++k) out[k][i] = dir[k];
    out[3][i] = (float)(kappa * factor);
    out[4][i] = (float)zenith;
    out[5][i] = (float)azimuth;
}

/* A row of the model's numbers as the columns of its head mean them. out: the head's columns in the order of `names`. */
static void put_head(const hg_head *head, const hg_real *row, double factor, float *const out[], int64_t i)
{
    switch (head->kind) {
    case HG_HEAD_SIGNAL:
        out[0][i] = (float)row[0];
        out[1][i] = (float)sigmoid((double)row[0] / factor);
        break;
    case HG_HEAD_CLASS:
        put_classes(row, out, i);
        break;
    case HG_HEAD_ENERGY:
        out[0][i] = energy_of((double)row[0]);
        out[1][i] = (float)(factor * exp((double)row[1] / 2));
        break;
    case HG_HEAD_QUANTILES:
        for (int k = 0; k < 3; ++k) out[k][i] = energy_of((double)row[k]);
        break;
    case HG_HEAD_DIRECTION:
        put_direction(row, factor, out, i);
        break;
    default:
        for (int k = 0; k < 3; ++k) {
            out[k][i] = (float)(HG_VERTEX_UNIT * (double)row[2 * k]);
            out[3 + k][i] = (float)(HG_VERTEX_UNIT * factor * exp((double)row[2 * k + 1] / 2));
        }
    }
}

enum { HEAD_COLUMNS = 6 };
static const char *const names[HG_N_HEADS][HEAD_COLUMNS + 1] = {
    [HG_HEAD_SIGNAL] = {"signal_logit", "signal"},
    [HG_HEAD_CLASS] = {"through", "starting", "cascade", "bundle"},
    [HG_HEAD_ENERGY] = {"energy", "energy_width"},
    [HG_HEAD_QUANTILES] = {"energy_low", "energy_median", "energy_high"},
    [HG_HEAD_DIRECTION] = {"dir_x", "dir_y", "dir_z", "kappa", "zenith", "azimuth"},
    [HG_HEAD_VERTEX] = {"vertex_x", "vertex_y", "vertex_z", "vertex_x_width", "vertex_y_width", "vertex_z_width"},
};

/* Rows of the good events, as columns. */
static hg_status fill_table(hg_context *ctx, const hg_classifier *c, const hg_pulse_events *events, const hg_real *output,
                            const int64_t *good, int64_t n, hg_score_table *out)
{
    hg_status status = HG_OK;
    float *pulses = NULL;
    hg_score_table table = {.n = n};
    HG_TRY(hg_alloc(ctx, &table.event_id, n));
    HG_TRY(hg_score_table_add(ctx, &table, "pulses", &pulses));
    for (int64_t i = 0; i < n; ++i) {
        table.event_id[i] = events->event_id[good[i]];
        pulses[i] = (float)(events->offset[good[i] + 1] - events->offset[good[i]]);
    }
    for (int h = 0; h < c->heads.n; ++h) {
        const hg_head *head = &c->heads.head[h];
        float *column[HEAD_COLUMNS] = {0};
        for (int k = 0; names[head->kind][k]; ++k) HG_TRY(hg_score_table_add(ctx, &table, names[head->kind][k], &column[k]));
        for (int64_t i = 0; i < n; ++i)
            put_head(head, output + good[i] * c->heads.width + head->column, c->calibration.factor[head->kind], column, i);
    }
    *out = table;
    table = (hg_score_table){0};
done:
    hg_score_table_clear(ctx, &table);
    return status;
}

static void note_failure(hg_context *ctx, hg_classify_failures *failures, uint64_t event_id)
{
    if (failures->n == 0) snprintf(failures->first, sizeof failures->first, "event %" PRIu64 ": %s", event_id, hg_context_message(ctx));
    if (failures->n < HG_CLASSIFY_EXAMPLES) failures->example[failures->n] = event_id;
    failures->n++;
}

/* A batch; where it fails for its numbers, its events one by one. good: [n] receives the events with scores, *n_good is moved on. */
static hg_status score_batch(hg_context *ctx, const hg_classifier *c, const hg_pulse_events *events, const hg_track_seed *seed,
                             const int64_t *chosen, int64_t n, hg_real *output, int64_t *good, int64_t *n_good,
                             hg_classify_failures *failures)
{
    const hg_status status = hg_classifier_outputs(ctx, c, events, seed, chosen, n, output + chosen[0] * c->heads.width);
    if (status < 0 && status != HG_ERR_NUMERIC) return status;
    for (int64_t i = 0; i < n; ++i) {
        const hg_status one =
            status < 0 ? hg_classifier_outputs(ctx, c, events, seed, chosen + i, 1, output + chosen[i] * c->heads.width) : HG_OK;
        if (one < 0 && one != HG_ERR_NUMERIC) return one;
        if (one < 0)
            note_failure(ctx, failures, events->event_id[chosen[i]]);
        else
            good[(*n_good)++] = chosen[i];
    }
    return HG_OK;
}

hg_status hg_classifier_apply(hg_context *ctx, const hg_classifier *classifier, const hg_pulse_events *events,
                              hg_classify_failures *failures, hg_score_table *out)
{
    hg_status status = HG_OK;
    hg_real *output = NULL;
    int64_t *all = NULL, *good = NULL, n_good = 0;
    hg_track_seed *seed = NULL; /* once for all batches */
    const hg_seed_kind kind = (hg_seed_kind)classifier->config.seed;
    *failures = (hg_classify_failures){0};
    HG_TRY(hg_graph_layout_check(ctx, &classifier->layout, events));
    HG_TRY(hg_alloc(ctx, &output, events->n_events * classifier->heads.width));
    HG_TRY(hg_alloc(ctx, &all, events->n_events));
    HG_TRY(hg_alloc(ctx, &good, events->n_events));
    for (int64_t e = 0; e < events->n_events; ++e) all[e] = e;
    if (kind != HG_SEED_NONE) {
        HG_TRY(hg_alloc(ctx, &seed, events->n_events));
        HG_TRY(hg_track_seeds(ctx, events, NULL, events->n_events, kind, seed));
    }
    for (int64_t e = 0; e < events->n_events; e += HG_CLASSIFY_BATCH) {
        const int64_t left = events->n_events - e, n = left < HG_CLASSIFY_BATCH ? left : HG_CLASSIFY_BATCH;
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "interrupted after %" PRId64 " of %" PRId64 " events", e, events->n_events);
        HG_TRY(score_batch(ctx, classifier, events, seed, all + e, n, output, good, &n_good, failures));
        hg_progress(ctx, "events", e + n, events->n_events, "");
    }
    HG_TRY(fill_table(ctx, classifier, events, output, good, n_good, out));
    if (failures->n > 0) status = HG_INFO_PARTIAL;
done:
    hg_free(ctx, output);
    hg_free(ctx, all);
    hg_free(ctx, good);
    hg_free(ctx, seed);
    return status;
}
