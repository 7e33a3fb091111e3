/* cli/info_model.h — what info tells of a model: shapes, parameters, and its cost on a graph of given size. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_CLI_INFO_MODEL_H
#define HG_CLI_INFO_MODEL_H

#include "cli/cli.h"

/* Size of the graph that the cost is told for. */
typedef struct hg_cli_model_flags {
    int64_t nodes, edges, graphs;
} hg_cli_model_flags;

#define HG_CLI_MODEL_FLAGS(flags)                                                                                                          \
    {"nodes", HG_CLI_INT, &(flags).nodes, "N", "of a model: nodes of the graph that the cost is told for; default 120000"},                \
        {"edges", HG_CLI_INT, &(flags).edges, "E", "its edges; default 1000000"},                                                          \
    {                                                                                                                                      \
        "graphs", HG_CLI_INT, &(flags).graphs, "G", "graphs that these make up; default 1"                                                 \
    }

/* Prints about cli->input[0]: a directory with model.yaml and weights, or a YAML description. */
hg_status hg_cli_info_model(hg_cli *cli, const hg_cli_model_flags *flags);

#endif
