/* pipeline/classify_config.c — the settings of the telescope's classification: names, defaults, ranges, and the words in them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/classify_config.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "nn/training/train_options.h"

static const char *const node_words[] = {"pulses", "sensors", NULL};
static const char *const standard_words[] = {"event", "icecube86", "kaggle", "deepcore", "upgrade", NULL};
static const char *const zero_words[] = {"absolute", "first", "median", NULL};
static const char *const edge_words[] = {"none", "nearest", "interval", "radius", "complete", NULL};
static const char *const seed_words[] = {"none", "linefit", "pandel", NULL};
static const char *const kappa_words[] = {"direct", "exponential", NULL};
static const char *const head_words[] = {"signal", "class", "energy", "quantiles", "direction", "vertex", NULL};
static const char *const column_words[] = {"x",   "y",     "z",     "t",    "q",  "hlc",      "rde",      "area", "t10", "t50",
                                           "t90", "count", "along", "side", "up", "distance", "residual", "late", NULL};
static const char *const class_words[] = {"through", "starting", "cascade", "bundle", NULL};
static const int64_t head_width[HG_N_HEADS] = {1, HG_N_CLASSES, 2, 3, 3, 6};

#define AT(member) offsetof(hg_classify_config, member)
#define LOSS(name, kind)                                                                                                                   \
    {                                                                                                                                      \
        "classify.loss." name, HG_OPTION_NUMBER, AT(loss_weight[kind]), "1", 0, 1e6, NULL, "factor on the loss of this head"               \
    }

static const hg_option own_rows[] = {
    {"graph.nodes", HG_OPTION_WORD, AT(nodes), "pulses", 0, 0, node_words, "a node for each pulse, or for each sensor with pulses"},
    {"graph.columns", HG_OPTION_TEXT, AT(columns), "x,y,z,t,q,hlc", 0, 0, NULL,
     "numbers of a node, of x y z t q hlc rde area; with sensors also t10 t50 t90 (times by which so much of the charge is there) count; "
     "with graph.seed also along side up distance (from the track, 100 m, 10 where it is farther) residual late (first pulse, half of the "
     "charge: asinh of ns / 25)"},
    {"graph.standardisation", HG_OPTION_WORD, AT(standardisation), "event", 0, 0, standard_words,
     "how they are scaled: event = place/500 m, time/1500 ns, log10 q; the others are GraphNeT's, meant for graph.time_zero=absolute"},
    {"graph.time_zero", HG_OPTION_WORD, AT(time_zero), "median", 0, 0, zero_words,
     "what times count from: the event's own zero, its first pulse, the median of its coincident pulses (of all where none is)"},
    {"graph.nodes_max", HG_OPTION_INT, AT(nodes_max), "256", 1, 1e6, NULL, "most nodes of an event: coincident ones first, then by charge"},
    {"graph.edges", HG_OPTION_WORD, AT(edges), "none", 0, 0, edge_words,
     "edges given to the model: none (it searches its own), nearest, interval (Minkowski), radius, complete"},
    {"graph.k", HG_OPTION_INT, AT(k), "8", 1, 1024, NULL, "nearest, interval: neighbours of a node"},
    {"graph.edge_columns", HG_OPTION_INT, AT(edge_columns), "3", 1, HG_N_NODE_COLUMNS, NULL, "how many first columns are the distance"},
    {"graph.radius", HG_OPTION_NUMBER, AT(radius), "0.2", 1e-9, 1e9, NULL, "radius: largest distance in those columns"},
    {"graph.light_speed", HG_OPTION_NUMBER, AT(light_speed), "0.9", 1e-9, 1e9, NULL, "interval: speed of light in units of the columns"},
    {"graph.summary", HG_OPTION_BOOL, AT(summary), "false", 0, 0, NULL,
     "seven numbers of the event for the model: LineFit's direction and speed, log10 of charge, hit sensors and outer-layer charge"},
    {"graph.seed", HG_OPTION_WORD, AT(seed), "none", 0, 0, seed_words,
     "a track fitted first: the head direction speaks in its frame, and the model is told seven more numbers of the event"},
    {"classify.kappa", HG_OPTION_WORD, AT(kappa), "direct", 0, 0, kappa_words,
     "head direction: the model gives kappa times the direction, or r such that exp(|r|) r is that"},
    {"classify.task", HG_OPTION_TEXT, AT(task), "signal", 0, 0, NULL,
     "heads of the model, separated by commas: signal class energy quantiles direction vertex"},
    {"classify.signal", HG_OPTION_TEXT, AT(signal), "through,starting,cascade", 0, 0, NULL,
     "head signal: the classes that are signal, of through starting cascade bundle"},
    {"classify.architecture", HG_OPTION_TEXT, AT(architecture), "models/icecube/small.yaml", 0, 0, NULL,
     "YAML description of the network; {columns}, {globals} and {heads} in it stand for the widths that the settings ask for"},
    LOSS("signal", HG_HEAD_SIGNAL),
    LOSS("class", HG_HEAD_CLASS),
    LOSS("energy", HG_HEAD_ENERGY),
    LOSS("quantiles", HG_HEAD_QUANTILES),
    LOSS("direction", HG_HEAD_DIRECTION),
    LOSS("vertex", HG_HEAD_VERTEX),
    {"classify.class_weights", HG_OPTION_BOOL, AT(class_weights), "true", 0, 0, NULL, "every class counts alike, whatever its number"},
    {"classify.validation_share", HG_OPTION_NUMBER, AT(validation_share), "0.1", 0, 0.9, NULL,
     "share of the events kept for validation where no file is given for it"},
    {"classify.batch_events", HG_OPTION_INT, AT(batch_events), "32", 1, 1e6, NULL,
     "events of one sample; train.batch_graphs samples make a step"},
};

/* Rows of training that mean something else here. */
static bool is_fixed(const char *name)
{
    return strcmp(name, "train.target") == 0 || strcmp(name, "train.loss") == 0 || strcmp(name, "train.reduction") == 0;
}

hg_status hg_classify_config_table(hg_context *ctx, hg_option **out)
{
    const int64_t n_own = (int64_t)(sizeof own_rows / sizeof *own_rows);
    hg_option *table = NULL;
    int64_t n_train = 0, n = n_own;
    while (hg_train_option_table[n_train].name) n_train++;
    const hg_status status = hg_alloc(ctx, &table, n_own + n_train + 1);
    if (status < 0) return status;
    memcpy(table, own_rows, sizeof own_rows);
    for (int64_t i = 0; i < n_train; ++i) {
        if (is_fixed(hg_train_option_table[i].name)) continue;
        table[n] = hg_train_option_table[i];
        table[n++].offset += AT(train);
    }
    *out = table;
    return HG_OK;
}

hg_status hg_classify_config_read(hg_context *ctx, const char *preset, const char *config, const char *const *setting, int n_settings,
                                  hg_classify_config *out)
{
    hg_status status = HG_OK;
    hg_option *table = NULL;
    const char *name = !preset || strcmp(preset, "icecube") == 0 ? "icecube-classify" : preset;
    *out = (hg_classify_config){.train = hg_train_default_options()};
    HG_TRY(hg_classify_config_table(ctx, &table));
    HG_TRY(hg_config_read(ctx, table, name, config, setting, n_settings, out));
    out->train.target = HG_TRAIN_GLOBALS;
done:
    hg_free(ctx, table);
    return status;
}

/* Cuts a list of words at its commas; number[i] becomes the place of the i-th among `words`. */
static hg_status read_words(hg_context *ctx, const char *option, const char *text, const char *const *words, int room, int *number, int *n)
{
    hg_status status = HG_OK;
    *n = 0;
    for (const char *at = text; *at;) {
        const size_t length = strcspn(at, ",");
        int found = -1;
        for (int w = 0; words[w]; ++w)
            if (strlen(words[w]) == length && strncmp(words[w], at, length) == 0) found = w;
        HG_CHECK(found >= 0, HG_ERR_CONFIG, "%s: found \"%.*s\", which is none of its words; see --help", option, (int)length, at);
        for (int i = 0; i < *n; ++i) HG_CHECK(number[i] != found, HG_ERR_CONFIG, "%s: \"%s\" stands there twice", option, words[found]);
        HG_CHECK(*n < room, HG_ERR_CONFIG, "%s: more than %d words", option, room);
        number[(*n)++] = found;
        at += length + (at[length] == ',');
    }
    HG_CHECK(*n > 0, HG_ERR_CONFIG, "%s: is empty", option);
done:
    return status;
}

hg_status hg_classify_heads(hg_context *ctx, const hg_classify_config *config, hg_heads *out)
{
    hg_status status = HG_OK;
    hg_heads heads = {0};
    int kind[HG_N_HEADS], class_number[HG_N_CLASSES], n_classes = 0;
    HG_TRY(read_words(ctx, "classify.task", config->task, head_words, HG_N_HEADS, kind, &heads.n));
    HG_TRY(read_words(ctx, "classify.signal", config->signal, class_words, HG_N_CLASSES, class_number, &n_classes));
    for (int i = 0; i < heads.n; ++i) {
        heads.head[i] = (hg_head){(hg_head_kind)kind[i], heads.width, head_width[kind[i]], config->loss_weight[kind[i]]};
        heads.width += head_width[kind[i]];
    }
    heads.exponential = config->kappa == 1;
    for (int i = 0; i < n_classes; ++i) heads.is_signal[class_number[i]] = true;
    *out = heads;
done:
    return status;
}

hg_status hg_classify_columns(hg_context *ctx, const hg_classify_config *config, int *n, hg_node_column column[HG_N_NODE_COLUMNS])
{
    hg_status status = HG_OK;
    int number[HG_N_NODE_COLUMNS];
    HG_TRY(read_words(ctx, "graph.columns", config->columns, column_words, HG_N_NODE_COLUMNS, number, n));
    for (int i = 0; i < *n; ++i) {
        HG_CHECK(number[i] < HG_NODE_T10 || number[i] > HG_NODE_COUNT || config->nodes == 1, HG_ERR_CONFIG,
                 "graph.columns: %s needs graph.nodes=sensors", column_words[number[i]]);
        HG_CHECK(number[i] < HG_NODE_ALONG || config->seed != HG_SEED_NONE, HG_ERR_CONFIG,
                 "graph.columns: %s needs graph.seed=linefit or pandel", column_words[number[i]]);
        column[i] = (hg_node_column)number[i];
    }
    HG_CHECK(config->edges == HG_PULSE_EDGES_NONE || config->edge_columns <= *n, HG_ERR_CONFIG,
             "graph.edge_columns: %" PRId64 ", but a node has %d columns", config->edge_columns, *n);
done:
    return status;
}

const char *hg_head_name(hg_head_kind kind)
{
    return kind >= 0 && kind < HG_N_HEADS ? head_words[kind] : "";
}
