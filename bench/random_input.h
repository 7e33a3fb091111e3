/* bench/random_input.h — models and random input for the benchmarks of networks. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BENCH_RANDOM_INPUT_H
#define HG_BENCH_RANDOM_INPUT_H

#include "base/data_path.h"
#include "base/log.h"
#include "base/random.h"
#include "bench/bench.h"
#include "hitgraph/graph.h"
#include "hitgraph/model.h"

static inline hg_status bench_model(hg_context *ctx, const char *name, hg_model **out)
{
    char path[HG_PATH_SIZE];
    hg_status status = hg_data_path(ctx, name, path);
    return status < 0 ? status : hg_model_open(ctx, path, 1, out);
}

/* [n] standard normal numbers; INDEX tells arrays apart. */
static inline hg_status bench_random_numbers(hg_context *ctx, int64_t n, uint64_t index, hg_real **out)
{
    hg_random stream = hg_random_stream(1, 1, 0, index);
    hg_status status = hg_alloc(ctx, out, n);
    if (status < 0) return status;
    for (int64_t i = 0; i < n; ++i) (*out)[i] = (hg_real)hg_random_normal(&stream);
    return HG_OK;
}

/* Edges between uniformly drawn nodes; seconds that sorting and indexing took, or NULL. */
static inline hg_status bench_random_graph(hg_context *ctx, int64_t n_nodes, int64_t n_edges, hg_graph **out, double *seconds)
{
    hg_status status = HG_OK;
    int32_t *end = NULL;
    hg_random stream = hg_random_stream(1, 2, 0, 0);
    HG_TRY(hg_alloc(ctx, &end, 2 * n_edges));
    for (int64_t i = 0; i < 2 * n_edges; ++i) end[i] = (int32_t)hg_random_below(&stream, n_nodes);
    const double start = hg_seconds();
    HG_TRY(hg_graph_create(ctx, n_nodes, n_edges, end, end + n_edges, 1, NULL, out));
    if (seconds) *seconds = hg_seconds() - start;
done:
    hg_free(ctx, end);
    return status;
}

#endif
