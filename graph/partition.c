/* graph/partition.c — the one door to METIS: it sees only checked, undirected, simple graphs, and one call at a time. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/partition.h"

#include <metis.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

_Static_assert(sizeof(idx_t) == IDXTYPEWIDTH / 8 && (IDXTYPEWIDTH == 32 || IDXTYPEWIDTH == 64), "METIS header of an unknown width");

/* below so many nodes a part METIS leaves parts empty and prints about it */
enum { NODES_PER_PART_MIN = 8 };

/* METIS keeps its state in globals (the random numbers among them): concurrent calls would disturb each other */
static pthread_mutex_t metis_lock = PTHREAD_MUTEX_INITIALIZER;

typedef struct metis_input {
    idx_t n, n_constraints, n_parts;
    idx_t *ptr, *neighbour, *node_weight, *edge_weight, *part; /* owned */
} metis_input;

hg_partition_options hg_partition_default_options(void)
{
    return (hg_partition_options){.n_parts = 1, .seed = 1, .balance = HG_BALANCE_NODES};
}

bool hg_metis_fits(int64_t n_nodes, int64_t n_neighbours)
{
    return n_nodes < IDX_MAX && n_neighbours <= IDX_MAX;
}

static int64_t weight_of(const hg_graph *graph, const hg_partition_options *options, int64_t node)
{
    if (options->node_weight) return options->node_weight[node];
    return options->balance == HG_BALANCE_EDGES ? 1 + graph->in_ptr[node + 1] - graph->in_ptr[node] : 1;
}

static hg_status check_weights(hg_context *ctx, const char *what, const int32_t *weight, int64_t n, int64_t most)
{
    hg_status status = HG_OK;
    int64_t sum = 0;
    for (int64_t i = 0; weight && i < n; ++i) {
        HG_CHECK(weight[i] >= 1, HG_ERR_ARG, "weight of %s %" PRId64 ": found %" PRId32 ", expected 1 or more", what, i, weight[i]);
        sum += weight[i];
    }
    HG_CHECK(sum <= most, HG_ERR_LIMIT, "weights of all %ss: their sum is %" PRId64 ", expected at most %" PRId64, what, sum, most);
done:
    return status;
}

static hg_status check_options(hg_context *ctx, const hg_graph *graph, const hg_partition_options *o)
{
    hg_status status = HG_OK;
    HG_CHECK(graph->sender_ptr == graph->node_ptr, HG_ERR_ARG, "partition: the graph is bipartite, expected one set of nodes");
    HG_CHECK(o->n_parts >= 1, HG_ERR_ARG, "%" PRId64 " parts, expected at least 1", o->n_parts);
    HG_CHECK(o->n_parts <= HG_PARTS_MAX, HG_ERR_LIMIT, "%" PRId64 " parts, expected at most %d", o->n_parts, HG_PARTS_MAX);
    HG_CHECK(o->seed >= 0 && o->seed <= INT32_MAX, HG_ERR_ARG, "seed %" PRId64 ", expected 0 .. %d", o->seed, INT32_MAX);
    HG_CHECK(o->balance == HG_BALANCE_NODES || o->balance == HG_BALANCE_EDGES, HG_ERR_ARG, "balance %d is unknown", (int)o->balance);
    /* METIS adds them up in 32 bits, those of edges from both ends */
    HG_TRY(check_weights(ctx, "node", o->node_weight, graph->n_nodes, INT32_MAX));
    HG_TRY(check_weights(ctx, "edge", o->edge_weight, graph->n_edges, INT32_MAX / 2));
done:
    return status;
}

/* Copies into METIS's integers: its interface takes pointers to what it may change. */
static hg_status make_input(hg_context *ctx, const hg_graph *graph, const hg_partition_options *options, const hg_adjacency *a,
                            metis_input *out)
{
    hg_status status = HG_OK;
    const int64_t n = a->n_nodes, n_neighbours = a->ptr[n];
    *out = (metis_input){.n = (idx_t)n, .n_constraints = 1, .n_parts = (idx_t)options->n_parts};
    HG_TRY(hg_alloc(ctx, &out->ptr, n + 1));
    HG_TRY(hg_alloc(ctx, &out->part, n));
    HG_TRY(hg_alloc(ctx, &out->node_weight, n));
    HG_TRY(hg_alloc(ctx, &out->neighbour, n_neighbours));
    for (int64_t i = 0; i <= n; ++i) out->ptr[i] = (idx_t)a->ptr[i];
    for (int64_t i = 0; i < n; ++i) out->node_weight[i] = (idx_t)weight_of(graph, options, i);
    for (int64_t k = 0; k < n_neighbours; ++k) out->neighbour[k] = (idx_t)a->neighbour[k];
    if (!options->edge_weight) goto done;
    HG_TRY(hg_alloc(ctx, &out->edge_weight, n_neighbours));
    for (int64_t k = 0; k < n_neighbours; ++k) out->edge_weight[k] = (idx_t)a->weight[k];
done:
    return status;
}

static void clear_input(hg_context *ctx, metis_input *input)
{
    hg_free(ctx, input->ptr);
    hg_free(ctx, input->neighbour);
    hg_free(ctx, input->node_weight);
    hg_free(ctx, input->edge_weight);
    hg_free(ctx, input->part);
}

/* What METIS allocates itself for its coarser graphs, about. */
static size_t metis_bytes(const hg_adjacency *a)
{
    return 100 * (size_t)a->n_nodes + 32 * (size_t)a->ptr[a->n_nodes];
}

static int call_metis(metis_input *in, int64_t seed)
{
    idx_t options[METIS_NOPTIONS], cut = 0;
    sigset_t blocked, before;
    METIS_SetDefaultOptions(options);
    options[METIS_OPTION_SEED] = (idx_t)seed;
    options[METIS_OPTION_NUMBERING] = 0;
    options[METIS_OPTION_CONTIG] = 0;
    options[METIS_OPTION_NCUTS] = 1;
    options[METIS_OPTION_DBGLVL] = 0; /* else it prints on stdout */
    /* METIS catches SIGTERM to leave by longjmp: the user's signal waits until it is back */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_mutex_lock(&metis_lock);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const int answer = METIS_PartGraphKway(&in->n, &in->n_constraints, in->ptr, in->neighbour, in->node_weight, NULL, in->edge_weight,
                                           &in->n_parts, NULL, NULL, options, &cut, in->part);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_mutex_unlock(&metis_lock);
    return answer;
}

static hg_status cut_by_metis(hg_context *ctx, const hg_graph *graph, const hg_partition_options *options, const hg_adjacency *a,
                              int32_t *part)
{
    hg_status status = HG_OK;
    metis_input input = {0};
    size_t claimed = 0;
    HG_TRY(make_input(ctx, graph, options, a, &input));
    HG_TRY(hg_memory_claim(ctx, metis_bytes(a)));
    claimed = metis_bytes(a);
    const int answer = call_metis(&input, options->seed);
    HG_CHECK(answer != METIS_ERROR_MEMORY, HG_ERR_NOMEM, "METIS ran out of memory on %" PRId64 " nodes", graph->n_nodes);
    HG_CHECK(answer == METIS_OK, HG_ERR_ARG, "METIS refused %" PRId64 " nodes in %" PRId64 " parts (its code %d)", graph->n_nodes,
             options->n_parts, answer);
    for (int64_t i = 0; i < graph->n_nodes; ++i) {
        HG_CHECK(input.part[i] >= 0 && input.part[i] < options->n_parts, HG_ERR_NUMERIC, "METIS put node %" PRId64 " into part %lld", i,
                 (long long)input.part[i]);
        part[i] = (int32_t)input.part[i];
    }
done:
    hg_memory_unclaim(ctx, claimed);
    clear_input(ctx, &input);
    return status;
}

/* Equal shares of weight along a reverse Cuthill-McKee order; every part gets a node. */
static hg_status cut_along_rcm(hg_context *ctx, const hg_graph *graph, const hg_partition_options *options, const hg_adjacency *a,
                               int32_t *part)
{
    hg_status status = HG_OK;
    int32_t *order = NULL;
    int64_t total = 0, before = 0, now = 0;
    const int64_t n = graph->n_nodes, n_parts = options->n_parts;
    HG_TRY(hg_alloc(ctx, &order, n));
    HG_TRY(hg_adjacency_rcm(ctx, a, graph->n_graphs, graph->node_ptr, order));
    for (int64_t i = 0; i < n; ++i) total += weight_of(graph, options, i);
    for (int64_t k = 0; k < n; ++k) {
        const int64_t weight = weight_of(graph, options, order[k]);
        const double middle = (double)before + 0.5 * (double)weight;
        const int64_t wanted = (int64_t)((double)n_parts * middle / (double)total);
        if (k > 0 && (wanted > now || n - k <= n_parts - 1 - now)) now++; /* the last nodes go one to a part if parts are still empty */
        part[order[k]] = (int32_t)(now < n_parts ? now : n_parts - 1);
        before += weight;
    }
done:
    hg_free(ctx, order);
    return status;
}

hg_status hg_partition_create(hg_context *ctx, const hg_graph *graph, const hg_partition_options *options, hg_partition **out)
{
    hg_status status = HG_OK;
    hg_partition *p = NULL;
    hg_adjacency a = {0};
    HG_CHECK(graph && options && out, HG_ERR_ARG, "partition: graph, options and out must not be NULL");
    HG_TRY(check_options(ctx, graph, options));
    HG_CHECK(options->n_parts == 1 || options->n_parts <= graph->n_nodes, HG_ERR_ARG,
             "%" PRId64 " parts of %" PRId64 " nodes, expected at most one part a node", options->n_parts, graph->n_nodes);
    HG_TRY(hg_alloc(ctx, &p, 1));
    HG_TRY(hg_alloc(ctx, &p->part, graph->n_nodes));
    HG_TRY(hg_adjacency_create(ctx, graph, options->edge_weight, &a));
    *p = (hg_partition){.n_parts = options->n_parts, .part = p->part, .loops = a.loops, .merged = a.merged};
    /* the sums of the weights were checked, except that of the incoming edges */
    p->by_metis = options->n_parts > 1 && graph->n_nodes >= NODES_PER_PART_MIN * options->n_parts &&
                  hg_metis_fits(graph->n_nodes, a.ptr[graph->n_nodes]) && graph->n_nodes + graph->n_edges <= INT32_MAX;
    if (p->by_metis)
        HG_TRY(cut_by_metis(ctx, graph, options, &a, p->part));
    else if (options->n_parts > 1)
        HG_TRY(cut_along_rcm(ctx, graph, options, &a, p->part));
    HG_TRY(hg_partition_fill(ctx, graph, options, p));
    *out = p;
    p = NULL;
done:
    hg_adjacency_clear(ctx, &a);
    hg_partition_destroy(ctx, p);
    return status;
}

hg_status hg_partition_from_parts(hg_context *ctx, const hg_graph *graph, const hg_partition_options *options, const int32_t *part,
                                  hg_partition **out)
{
    hg_status status = HG_OK;
    hg_partition *p = NULL;
    HG_CHECK(graph && options && out && (part || graph->n_nodes == 0), HG_ERR_ARG,
             "partition: graph, options, part and out must not be NULL");
    HG_TRY(check_options(ctx, graph, options));
    for (int64_t i = 0; i < graph->n_nodes; ++i)
        HG_CHECK(part[i] >= 0 && part[i] < options->n_parts, HG_ERR_ARG, "node %" PRId64 " is in part %" PRId32 ", expected 0 .. %" PRId64,
                 i, part[i], options->n_parts - 1);
    HG_TRY(hg_alloc(ctx, &p, 1));
    p->n_parts = options->n_parts;
    HG_TRY(hg_alloc(ctx, &p->part, graph->n_nodes));
    if (graph->n_nodes > 0) memcpy(p->part, part, (size_t)graph->n_nodes * sizeof *part);
    HG_TRY(hg_partition_fill(ctx, graph, options, p));
    *out = p;
    p = NULL;
done:
    hg_partition_destroy(ctx, p);
    return status;
}
