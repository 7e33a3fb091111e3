/* nn/model/description.h — a model as data: networks, and the unrolled list of updates that use them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_DESCRIPTION_H
#define HG_NN_DESCRIPTION_H

#include <stdbool.h>
#include <stdint.h>
#include "hitgraph/context.h"
#include "hitgraph/neighbours.h"
#include "kernels/kernels.h"

/* What a table has one row of. The order is that of the YAML words nodes, edges, globals. */
typedef enum hg_entity { HG_NODES, HG_EDGES, HG_GLOBALS, HG_ENTITIES } hg_entity;
extern const char *const hg_entity_names[];     /* NULL-terminated */
extern const char *const hg_activation_words[]; /* likewise, in the order of hg_activation */

/* BATCH: statistics of the rows of each graph, in training and inference. BATCH_RUNNING: of all rows of the batch in training, remembered
 * ones in inference. */
typedef enum hg_norm { HG_NORM_NONE, HG_NORM_LAYER, HG_NORM_LAYER_AFFINE, HG_NORM_BATCH, HG_NORM_BATCH_RUNNING } hg_norm;
static inline bool hg_norm_is_batch(hg_norm norm)
{
    return norm == HG_NORM_BATCH || norm == HG_NORM_BATCH_RUNNING;
}
typedef enum hg_initial { HG_INITIAL_DEFAULT, HG_INITIAL_XAVIER, HG_INITIAL_KAIMING, HG_INITIAL_SONNET } hg_initial;

/* Linear (or nothing), norm, activation, in this order; or dropout alone. Offsets into the flat parameters; -1 = has none. */
typedef struct hg_mlp_layer {
    bool linear;
    hg_norm norm;
    double eps;
    hg_activation activation;
    double dropout; /* > 0: the layer is nothing but a dropout of this probability */
    int64_t in, out;
    int64_t types;  /* > 0: so many weight matrices and biases, chosen by the type of the row's edge (first layers only) */
    int64_t groups; /* the weights are block-diagonal with so many blocks, [out, in / groups]; 1 = full */
    int64_t weight, bias, gamma, beta;
    int64_t mean, variance; /* running statistics */
} hg_mlp_layer;

enum { HG_MAX_LAYERS = 32, HG_MAX_WIDTH = 65536, HG_MAX_UPDATES = 4096, HG_MAX_NETWORKS = 4096, HG_MAX_TERMS = 64 };

typedef struct hg_network {
    char *name;       /* owned; prefix of the tensor names */
    int line, column; /* of its description */
    int64_t in;       /* 0 until an update says it */
    int64_t out;
    int n_layers;
    bool bias, batch_norm, typed;
    bool unnumbered; /* tensors are NAME.weight and NAME.bias: the module is no sequence */
    hg_initial initial;
    hg_mlp_layer layer[HG_MAX_LAYERS];
} hg_network;

typedef enum hg_reduction {
    HG_REDUCE_SUM,
    HG_REDUCE_MEAN,
    HG_REDUCE_MAX,
    HG_REDUCE_MIN,
    HG_REDUCE_STD,
    HG_REDUCE_SOFTMAX,
    HG_REDUCE_ATTENTION
} hg_reduction;

/* How an update reaches the row of another table that belongs to its own row. */
typedef enum hg_access {
    HG_OWN,        /* same row */
    HG_SENDER,     /* edge: node at its start */
    HG_RECEIVER,   /* edge: node at its end */
    HG_DIFFERENCE, /* edge: sender minus receiver */
    HG_GRAPH,      /* edge, node: its graph's global row */
    HG_REDUCED,    /* node: its edges; global: its graph's edges or nodes */
    HG_COMPUTED    /* rows computed from one or two tables, see hg_computation */
} hg_access;

typedef enum hg_computation {
    HG_COMPUTE_DOT,       /* products of two rows, summed in `groups` equal shares of the columns */
    HG_COMPUTE_DISTANCE,  /* edge: squared distance of the rows at its ends */
    HG_COMPUTE_COLUMNS,   /* some of the columns */
    HG_COMPUTE_HOMOPHILY, /* global: per column, share of the edges whose ends have exactly the same value */
    HG_COMPUTE_COUNT,     /* global: number of rows of the graph */
    HG_COMPUTE_LOG_COUNT  /* global: log10 of it, 0 where there is none */
} hg_computation;

typedef struct hg_term {
    hg_access access;
    int value; /* table that is read */
    int64_t width, column;
    /* HG_REDUCED only */
    hg_reduction reduction;
    bool outgoing;     /* node updates: over outgoing edges */
    hg_access message; /* HG_OWN, or the node at the HG_SENDER or HG_RECEIVER end of the edge */
    int weight;        /* table of factors (attention: scores) of the items, -1 = none */
    int64_t groups;    /* width of that table: each factor serves width / groups columns */
    /* HG_COMPUTED only; `weight` is the right table of a DOT */
    hg_computation computation;
    hg_access left, right; /* HG_OWN, HG_SENDER or HG_RECEIVER */
    int64_t first, source; /* COLUMNS: the first one; width of `value` */
} hg_term;

/* Terms whose rows are made before the update: reductions and computations. */
static inline bool hg_term_made(const hg_term *term)
{
    return term->access == HG_REDUCED || term->access == HG_COMPUTED;
}

/* Where edges come from. */
typedef enum hg_edges_from {
    HG_EDGES_INPUT,    /* of the batch: its graph, or that of a level */
    HG_EDGES_POOL,     /* of the batch: from the nodes of the level below to those of this level */
    HG_EDGES_NEAREST,  /* searched: k nearest neighbours */
    HG_EDGES_WITHIN,   /* searched: all within a radius */
    HG_EDGES_COMPLETE, /* all pairs of each graph */
    HG_EDGES_FROM
} hg_edges_from;

/* The edges that updates may speak of; which ones is said by {graph: ...} items. Set 0 is the batch's graph. */
typedef struct hg_edge_set {
    hg_edges_from from;
    int level; /* of the receivers, and of the senders unless POOL */
    int value; /* table searched in, -1 = none */
    int64_t k, n_columns, column[HG_NEIGHBOUR_COLUMNS];
    double radius, light_speed, time_weight;
    bool loops;
    int line;
} hg_edge_set;
static inline int hg_sender_level(const hg_edge_set *set)
{
    return set->from == HG_EDGES_POOL ? set->level - 1 : set->level;
}

/* value = keep * old + change * (shift + scale * activation(network(inputs))). */
typedef struct hg_update {
    hg_entity entity;
    int network; /* -1 = the inputs as they are */
    int n_terms;
    hg_term *term; /* owned */
    hg_activation activation;
    double scale, shift, keep, change;
    int old;   /* table of the residual, -1 = none */
    int value; /* table that is made */
    int edges; /* set of edges that it works on, -1 = none */
    int line;
    char *name;     /* owned; of the table */
    bool live;      /* a supervised output depends on it */
    bool live_last; /* the last output depends on it */
} hg_update;

/* One table of the unrolled program: an input or the result of one update. */
typedef struct hg_value {
    hg_entity entity;
    int set; /* nodes: their level; edges: their set */
    int64_t width;
    bool input;
    bool needed, needed_last; /* by a supervised output, by the last output */
    int last_use;             /* last update that reads it on the way to the last output; n_updates when that output does */
} hg_value;

typedef struct hg_output_mark {
    int value[HG_ENTITIES]; /* -1 = none */
    int after;              /* number of updates done before it */
} hg_output_mark;

typedef enum hg_supervision { HG_SUPERVISE_LAST, HG_SUPERVISE_SUM, HG_SUPERVISE_MEAN } hg_supervision;

/* Everything owned; freed by hg_description_clear. */
typedef struct hg_description {
    int64_t width[HG_ENTITIES];    /* of the inputs */
    int n_levels;                  /* of coarser nodes above those of the batch's graph */
    int64_t n_types, n_pool_types; /* of edges; 0 = edges have no types */
    int input[HG_ENTITIES];        /* their tables, -1 = none */
    hg_supervision supervision;
    int n_networks, n_updates, n_values, n_outputs, n_edge_sets;
    hg_network *network;
    hg_update *update;
    hg_value *value;
    hg_output_mark *output;
    hg_edge_set *edge_set;
} hg_description;

void hg_description_clear(hg_context *ctx, hg_description *description);

/* Fills `live`, `needed` and `last_use` of updates and tables. */
void hg_description_find_live(hg_description *description);

/* The first layer reads its inputs side by side, not as a sum of products: it has weights per type, or none. */
static inline bool hg_network_concatenates(const hg_network *net)
{
    return net->typed || !net->layer[0].linear;
}

#endif
