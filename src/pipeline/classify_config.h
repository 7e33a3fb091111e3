/* pipeline/classify_config.h — every setting of the telescope's classification: graphs, heads, training. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_CLASSIFY_CONFIG_H
#define HG_PIPELINE_CLASSIFY_CONFIG_H

#include "base/config.h"
#include "hitgraph/pulses.h"
#include "hitgraph/train.h"
#include "pipeline/telescope_seed.h"

/* What one group of columns of the model's global output means. */
typedef enum hg_head_kind {
    HG_HEAD_SIGNAL,    /* 1: logit of the signal classes against the others; binary cross-entropy */
    HG_HEAD_CLASS,     /* HG_N_CLASSES logits; cross-entropy */
    HG_HEAD_ENERGY,    /* 2: log10(E/GeV) - 3 and its log variance; Gaussian */
    HG_HEAD_QUANTILES, /* 3: the 16, 50 and 84 % quantiles of log10(E/GeV) - 3; quantile loss */
    HG_HEAD_DIRECTION, /* 3: kappa times the direction of travel, see the option classify.kappa; von Mises-Fisher */
    HG_HEAD_VERTEX,    /* 6: (place / HG_VERTEX_UNIT, log variance) of x, y, z; Gaussian */
    HG_N_HEADS
} hg_head_kind;

typedef struct hg_head {
    hg_head_kind kind;
    int64_t column, width; /* first column of the output, number of columns */
    double weight;         /* factor on its loss */
} hg_head;

typedef struct hg_heads {
    int n;
    hg_head head[HG_N_HEADS];
    int64_t width;                /* columns of all heads */
    bool is_signal[HG_N_CLASSES]; /* of the head signal */
    bool exponential;             /* direction: the model gives r, and exp(|r|) r is kappa times the direction */
} hg_heads;

/* A number of a node, see the option graph.columns. */
typedef enum hg_node_column {
    HG_NODE_X,
    HG_NODE_Y,
    HG_NODE_Z,
    HG_NODE_T,
    HG_NODE_Q,
    HG_NODE_HLC,
    HG_NODE_RDE,
    HG_NODE_AREA,
    HG_NODE_T10,
    HG_NODE_T50,
    HG_NODE_T90,
    HG_NODE_COUNT,
    HG_NODE_ALONG,
    HG_NODE_SIDE,
    HG_NODE_UP,
    HG_NODE_DISTANCE,
    HG_NODE_RESIDUAL,
    HG_NODE_LATE,
    HG_N_NODE_COLUMNS
} hg_node_column;

typedef enum hg_standardisation {
    HG_STANDARD_EVENT,
    HG_STANDARD_ICECUBE86,
    HG_STANDARD_KAGGLE,
    HG_STANDARD_DEEPCORE,
    HG_STANDARD_UPGRADE
} hg_standardisation;
typedef enum hg_time_zero { HG_TIME_ABSOLUTE, HG_TIME_FIRST, HG_TIME_MEDIAN } hg_time_zero;
typedef enum hg_pulse_edges {
    HG_PULSE_EDGES_NONE,
    HG_PULSE_EDGES_NEAREST,
    HG_PULSE_EDGES_INTERVAL,
    HG_PULSE_EDGES_RADIUS,
    HG_PULSE_EDGES_COMPLETE
} hg_pulse_edges;

typedef struct hg_classify_config {
    int nodes;           /* 0 = pulses, 1 = sensors */
    int standardisation; /* hg_standardisation */
    int time_zero;       /* hg_time_zero */
    int edges;           /* hg_pulse_edges */
    int seed;            /* hg_seed_kind */
    int kappa;           /* 0 = as it is, 1 = exponential */
    char columns[HG_OPTION_TEXT_SIZE];
    int64_t nodes_max, k, edge_columns;
    double radius, light_speed;
    char task[HG_OPTION_TEXT_SIZE], signal[HG_OPTION_TEXT_SIZE], architecture[HG_OPTION_TEXT_SIZE];
    double loss_weight[HG_N_HEADS];
    bool class_weights, summary;
    double validation_share;
    int64_t batch_events;
    hg_train_options train;
} hg_classify_config;

/* The rows of all settings, owned by the caller (hg_free). */
hg_status hg_classify_config_table(hg_context *ctx, hg_option **out);

/* Defaults, then the preset (NULL = "icecube-classify"; "icecube" means it, too), the YAML file config (NULL = none), n settings. */
hg_status hg_classify_config_read(hg_context *ctx, const char *preset, const char *config, const char *const *setting, int n_settings,
                                  hg_classify_config *out);

/* The heads that `task` names, in the order of their columns. HG_ERR_CONFIG: unknown or repeated words. */
hg_status hg_classify_heads(hg_context *ctx, const hg_classify_config *config, hg_heads *out);

/* The columns of a node. HG_ERR_CONFIG: unknown words, or those of sensors where nodes are pulses. */
hg_status hg_classify_columns(hg_context *ctx, const hg_classify_config *config, int *n, hg_node_column column[HG_N_NODE_COLUMNS]);

/* "signal" and so on; never NULL. */
const char *hg_head_name(hg_head_kind kind);

#define HG_VERTEX_UNIT 500.0 /* m */
#define HG_ENERGY_CENTRE 3.0 /* log10(E/GeV) */

#endif
