/* cli/partition.c — the verb partition: a graph cut into parts, in METIS's files. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/cli.h"
#include "hitgraph/graphs_file.h"
#include "hitgraph/metis_files.h"
#include "hitgraph/partition.h"

typedef struct request {
    int64_t n_parts, seed, number;
    const char *balance, *read, *parts_out, *graph_out;
} request;

static hg_status read_graph(hg_context *ctx, const char *path, int64_t number, hg_metis_graph *out)
{
    hg_status status = HG_OK;
    hg_graphs_content content = {0};
    if (!hg_text_ends_in(path, ".h5") && !hg_text_ends_in(path, ".hdf5")) {
        HG_CHECK(number <= 0, HG_ERR_ARG, "%s: graph %" PRId64 ", but a METIS file holds one", path, number);
        HG_TRY(hg_metis_graph_read(ctx, path, out));
    } else {
        HG_TRY(hg_graphs_content_read(ctx, path, number, &content));
        out->graph = content.graph;
        content.graph = NULL;
    }
done:
    hg_graphs_content_clear(ctx, &content);
    return status;
}

static hg_status cut(hg_context *ctx, const request *r, const hg_metis_graph *graph, hg_partition **out)
{
    hg_status status = HG_OK;
    int32_t *part = NULL;
    int64_t found = 0;
    const hg_partition_options options = {.n_parts = r->n_parts,
                                          .seed = r->seed,
                                          .balance = strcmp(r->balance, "edges") == 0 ? HG_BALANCE_EDGES : HG_BALANCE_NODES,
                                          .node_weight = graph->node_weight,
                                          .edge_weight = graph->edge_weight};
    hg_partition_options known = options;
    if (!r->read) {
        HG_TRY(hg_partition_create(ctx, graph->graph, &options, out));
        goto done;
    }
    HG_TRY(hg_metis_parts_read(ctx, r->read, graph->graph->n_nodes, r->n_parts, &found, &part));
    known.n_parts = r->n_parts > 0 ? r->n_parts : found > 0 ? found : 1;
    HG_TRY(hg_partition_from_parts(ctx, graph->graph, &known, part, out));
done:
    hg_free(ctx, part);
    return status;
}

static double percent(int64_t part, int64_t whole)
{
    return whole > 0 ? 100 * (double)part / (double)whole : 0;
}

static void print_table(const request *r, const char *path, const hg_partition *p, double seconds)
{
    const int64_t halo = p->halo_ptr[p->n_parts];
    printf("%s: %" PRId64 " nodes, %" PRId64 " edges", path, p->n_nodes, p->n_edges);
    if (p->loops + p->merged > 0) printf("; left out: %" PRId64 " self loops, %" PRId64 " repeated edges", p->loops, p->merged);
    printf("\n%" PRId64 " parts %s, %.2f s: %" PRId64 " edges cut (%.2f %%)", p->n_parts,
           r->read          ? "as read"
           : p->by_metis    ? "by METIS"
           : p->n_parts > 1 ? "along a reverse Cuthill-McKee order"
                            : "without a cut",
           seconds, p->cut_edges, percent(p->cut_edges, p->n_edges));
    if (p->cut_weight != p->cut_edges) printf(", weight %" PRId64, p->cut_weight);
    printf("; largest over mean %.3f nodes, %.3f edges; halo %" PRId64 " nodes (%.2f %%)", p->node_imbalance, p->edge_imbalance, halo,
           percent(halo, p->n_nodes));
    if (p->empty_parts > 0) printf("; %" PRId64 " parts are empty", p->empty_parts);
    printf("\n%6s %10s %10s %10s %10s %10s\n", "part", "nodes", "interior", "edges", "interior", "halo");
    for (int64_t k = 0; k < p->n_parts; ++k)
        printf("%6" PRId64 " %10" PRId64 " %10" PRId64 " %10" PRId64 " %10" PRId64 " %10" PRId64 "\n", k,
               p->node_ptr[k + 1] - p->node_ptr[k], p->interior_nodes[k], p->edge_ptr[k + 1] - p->edge_ptr[k], p->interior_edges[k],
               p->halo_ptr[k + 1] - p->halo_ptr[k]);
}

static hg_status print_json(hg_context *ctx, const char *path, const hg_partition *p, double seconds)
{
    char *text = NULL;
    json_t *list = json_array();
    for (int64_t k = 0; k < p->n_parts; ++k)
        json_array_append_new(list, json_pack("{s:I, s:I, s:I, s:I, s:I}", "nodes", (json_int_t)(p->node_ptr[k + 1] - p->node_ptr[k]),
                                              "interior_nodes", (json_int_t)p->interior_nodes[k], "edges",
                                              (json_int_t)(p->edge_ptr[k + 1] - p->edge_ptr[k]), "interior_edges",
                                              (json_int_t)p->interior_edges[k], "halo", (json_int_t)(p->halo_ptr[k + 1] - p->halo_ptr[k])));
    json_t *root =
        json_pack("{s:s, s:I, s:I, s:I, s:b, s:f, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:I, s:o}", "graph", path, "nodes",
                  (json_int_t)p->n_nodes, "edges", (json_int_t)p->n_edges, "parts", (json_int_t)p->n_parts, "by_metis", p->by_metis,
                  "seconds", seconds, "cut_edges", (json_int_t)p->cut_edges, "cut_weight", (json_int_t)p->cut_weight, "node_imbalance",
                  p->node_imbalance, "edge_imbalance", p->edge_imbalance, "halo", (json_int_t)p->halo_ptr[p->n_parts], "empty_parts",
                  (json_int_t)p->empty_parts, "self_loops", (json_int_t)p->loops, "repeated_edges", (json_int_t)p->merged, "part", list);
    const hg_status status = hg_json_print(ctx, root, &text);
    if (status >= 0) printf("%s\n", text);
    hg_free(ctx, text);
    json_decref(root);
    return status;
}

static hg_status run(hg_cli *cli, const request *r, bool *writing)
{
    hg_status status = HG_OK;
    hg_context *ctx = cli->ctx;
    hg_metis_graph graph = {0};
    hg_partition *partition = NULL;
    HG_TRY(read_graph(ctx, cli->input[0], r->number, &graph));
    const double start = hg_seconds();
    HG_TRY(cut(ctx, r, &graph, &partition));
    const double seconds = hg_seconds() - start;
    *writing = true;
    if (r->parts_out) HG_TRY(hg_metis_parts_write(ctx, r->parts_out, partition->n_nodes, partition->part));
    if (r->graph_out) HG_TRY(hg_metis_graph_write(ctx, r->graph_out, graph.graph, graph.node_weight, graph.edge_weight));
    if (cli->json)
        HG_TRY(print_json(ctx, cli->input[0], partition, seconds));
    else
        print_table(r, cli->input[0], partition, seconds);
done:
    hg_partition_destroy(ctx, partition);
    hg_metis_graph_clear(ctx, &graph);
    return status;
}

int hg_cli_partition(hg_cli *cli, int argc, char **argv)
{
    request r = {.seed = 1, .number = -1, .balance = "nodes"};
    const hg_cli_flag flags[] = {
        {"parts", HG_CLI_INT, &r.n_parts, "N", "parts to cut into (needed, unless --read says them)"},
        {"out", HG_CLI_TEXT, &r.parts_out, "FILE", "write the part of each node, one a line; METIS calls such a file GRAPH.part.N"},
        {"graph-out", HG_CLI_TEXT, &r.graph_out, "FILE", "write the undirected simple graph as a METIS .graph file"},
        {"read", HG_CLI_TEXT, &r.read, "FILE", "take the parts from this file instead of cutting: compare with gpmetis and others"},
        {"balance", HG_CLI_TEXT, &r.balance, "WHAT", "nodes (default) or edges: what all parts have equally many of"},
        {"graph", HG_CLI_INT, &r.number, "I", "the one graph of an HDF5 file, from 0; default: all as one"},
        {"seed", HG_CLI_INT, &r.seed, "N", "of METIS's random numbers; default 1; the same parts for one seed"},
        {NULL, HG_CLI_FLAG, NULL, NULL, NULL},
    };
    const hg_cli_usage usage = {
        .verb = "partition",
        .arguments = "GRAPH",
        .summary = "Cuts a graph into parts of equal size with few edges between them (METIS), and tells cut, balance and halo.",
        .details =
            "GRAPH: an HDF5 file of hitgraph build (.h5, .hdf5), or a METIS .graph file. Edges belong to the part of their\n"
            "receiver; interior nodes have no neighbour in other parts; the halo of a part are the foreign neighbours of its nodes.\n\n"
            "examples:\n  hitgraph partition graphs.h5 --parts 64 --out graphs.part.64\n"
            "  hitgraph partition mesh.graph --read mesh.graph.part.8",
        .min_inputs = 1,
        .max_inputs = 1,
    };
    bool writing = false;
    const int exit_code = hg_cli_parse(cli, &usage, flags, argc, argv);
    if (exit_code >= 0) return exit_code;
    const bool balanced = strcmp(r.balance, "nodes") == 0 || strcmp(r.balance, "edges") == 0;
    if (!balanced || r.n_parts < 0 || (r.n_parts == 0 && !r.read)) {
        fprintf(stderr, "hitgraph partition: %s; see hitgraph partition --help\n",
                balanced ? "--parts: expected 1 or more" : "--balance: expected nodes or edges");
        return HG_EXIT_USAGE;
    }
    const hg_status status = run(cli, &r, &writing);
    if (status >= 0) return HG_EXIT_OK;
    return writing ? hg_cli_fail(cli, "partition", status) : hg_cli_fail_input(cli, "partition", status);
}
