/* tests/unit/hdf5_files.c — graphs, scores and tracks files against what was put in. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include "datasets/hdf5.h"
#include "hitgraph/hdf5_files.h"

/* Two graphs of 3 and 2 nodes; receiver 2 gets edges from 1 and 0 (not in this order), twice from 1. */
static const int32_t sender[] = {1, 0, 0, 1, 4}, receiver[] = {2, 1, 2, 2, 3};
static const int64_t node_ptr[] = {0, 3, 5};

static void graphs_are_csr_sorted_by_sender(void **state)
{
    (void)state;
    hg_graph *graph = NULL;
    hg_graphs_h5 *file = NULL;
    hg_scores_h5 *scores = NULL;
    hg_h5 *h5 = NULL;
    const uint64_t hits[] = {10, 11, 12, 13, 14}, particles[] = {1, 1, 0, 2, 2};
    const hg_real nodes[] = {0, 1, 2, 3, 4};
    const double scale[] = {1000};
    hg_real edges[10];
    uint8_t label[5];
    float score[5];
    must(hg_graph_create(ctx, 5, 5, sender, receiver, 2, node_ptr, &graph));
    for (int e = 0; e < 5; ++e) { /* attributes tell the caller's edge */
        edges[2 * e] = (hg_real)graph->caller_edge[e];
        edges[2 * e + 1] = 1;
        score[e] = (float)graph->caller_edge[e];
        label[e] = graph->caller_edge[e] == 2;
    }
    const hg_graph_columns columns = {.node_width = 1, .edge_width = 2, .node_names = "r", .node_scale = scale};
    const hg_graph_content content = {
        .graph = graph, .hit_id = hits, .nodes = nodes, .edges = edges, .particle_id = particles, .label = label};
    const hg_graph_content other = {.graph = graph, .hit_id = hits, .nodes = nodes, .edges = edges};
    must(hg_graphs_h5_begin(ctx, in_folder("graphs.h5"), NULL, &columns, &file));
    must(hg_graphs_h5_append(ctx, file, 7, &content));
    must(hg_graphs_h5_append(ctx, file, 8, &content));
    expect_failure(hg_graphs_h5_append(ctx, file, 9, &other), HG_ERR_ARG, "the graph of event 9 has other optional arrays");
    must(hg_graphs_h5_commit(ctx, file));

    int64_t rowptr[11], edge_id[10], node_offset[5];
    int32_t col[10], section[4];
    float attr[20], edge_score[10];
    uint8_t y[10];
    uint64_t hash = 0, graph_hash = 1;
    char *text = NULL;
    must(hg_h5_open(ctx, in_folder("graphs.h5"), "graphs", &h5));
    must(hg_h5_read(ctx, h5, "/csr/rowptr", HG_H5_I64, 0, 0, 11, rowptr));
    must(hg_h5_read(ctx, h5, "/csr/col", HG_H5_I32, 0, 0, 10, col));
    must(hg_h5_read(ctx, h5, "/csr/edge_id", HG_H5_I64, 0, 0, 10, edge_id));
    must(hg_h5_read(ctx, h5, "/graphs/node_offset", HG_H5_I64, 0, 0, 5, node_offset));
    must(hg_h5_read(ctx, h5, "/graphs/section", HG_H5_I32, 0, 0, 4, section));
    must(hg_h5_read(ctx, h5, "/edges/attr", HG_H5_F32, 2, 0, 10, attr));
    must(hg_h5_read(ctx, h5, "/edges/y", HG_H5_U8, 0, 0, 10, y));
    must(hg_h5_get_string(ctx, h5, "/nodes/x", "feature_names", &text));
    assert_string_equal(text, "r");
    hg_free(ctx, text);
    hg_h5_close(ctx, h5);
    assert_memory_equal(rowptr, ((const int64_t[]){0, 0, 1, 4, 5, 5, 5, 6, 9, 10, 10}), sizeof rowptr);
    assert_memory_equal(col, ((const int32_t[]){0, 0, 1, 1, 1, 0, 0, 1, 1, 1}), sizeof col);
    assert_memory_equal(edge_id, ((const int64_t[]){1, 2, 0, 3, 4, 1, 2, 0, 3, 4}), sizeof edge_id);
    assert_memory_equal(node_offset, ((const int64_t[]){0, 3, 5, 8, 10}), sizeof node_offset);
    assert_memory_equal(section, ((const int32_t[]){0, 1, 0, 1}), sizeof section);

    must(hg_h5_content_hash(ctx, in_folder("graphs.h5"), &hash));
    must(hg_scores_h5_begin(ctx, in_folder("scores.h5"), NULL, true, hash, NULL, 0.5f, &scores));
    must(hg_scores_h5_append(ctx, scores, graph, score));
    must(hg_scores_h5_append(ctx, scores, graph, score));
    must(hg_scores_h5_commit(ctx, scores));
    must(hg_h5_open(ctx, in_folder("scores.h5"), "scores", &h5));
    must(hg_h5_read(ctx, h5, "/scores/edge", HG_H5_F32, 0, 0, 10, edge_score));
    must(hg_h5_get_number(ctx, h5, "/", "graph_hash", &graph_hash));
    assert_true(graph_hash == hash);
    hg_h5_close(ctx, h5);
    for (int e = 0; e < 10; ++e) {
        assert_true(attr[2 * e] == (float)edge_id[e] && attr[2 * e + 1] == 1 && edge_score[e] == (float)edge_id[e]);
        assert_int_equal(y[e], edge_id[e] == 2);
    }
    hg_graph_destroy(ctx, graph);
}

typedef struct small {
    hg_hits hits;
    hg_tracks *tracks;
    hg_graph *graph, *line;
    int32_t seed_hit[3];
    double seed_params[5], seed_cov[15];
    float seed_score[1];
    hg_seeds seeds;
} small;

static uint64_t ids[4] = {100, 7, 300, 5};

static void make_small(small *s)
{
    *s = (small){.seed_hit = {0, 1, 2}, .seed_params = {1, 2, 3, 4, 5}, .seed_score = {0.75f}};
    s->hits = (hg_hits){.n = 4, .hit_id = ids};
    s->seeds = (hg_seeds){.n = 1, .hit = s->seed_hit, .params = s->seed_params, .cov = s->seed_cov, .score = s->seed_score};
    must(hg_tracks_create(ctx, 2, 5, &s->tracks));
    const int64_t offset[] = {0, 3, 5};
    const int32_t hit[] = {0, 1, 2, 1, 3};
    memcpy(s->tracks->hit_offset, offset, sizeof offset);
    memcpy(s->tracks->hit, hit, sizeof hit);
    for (int i = 0; i < 10; ++i) s->tracks->params[i] = i;
    s->tracks->outlier[2] = 1;
    s->tracks->status[0] = HG_TRACK_OUTLIERS;
    s->tracks->status[1] = HG_TRACK_FAILED | HG_TRACK_TANGENT;
    must(hg_graph_create(ctx, 4, 2, (const int32_t[]){0, 1}, (const int32_t[]){1, 2}, 1, NULL, &s->graph));
    must(hg_graph_create(ctx, 2, 1, (const int32_t[]){0}, (const int32_t[]){1}, 1, NULL, &s->line));
}

static void check_tracks(const char *path, int64_t n_events)
{
    hg_h5 *h5 = NULL;
    uint64_t hit_id[10], triplet[6], seed[6];
    int64_t hit_offset[5], track_offset[3], rows;
    int32_t n_outlier[2], n_shared[2], status[2], bits[2];
    double params[10], reference[3];
    uint8_t shared = 0;
    must(hg_h5_open(ctx, path, "tracks", &h5));
    must(hg_h5_read(ctx, h5, "/events/track_offset", HG_H5_I64, 0, 0, n_events + 1, track_offset));
    must(hg_h5_read(ctx, h5, "/tracks/hit_offset", HG_H5_I64, 0, 0, 2 * n_events + 1, hit_offset));
    assert_memory_equal(hit_offset, ((const int64_t[]){0, 3, 5, 8, 10}), sizeof(int64_t) * (size_t)(2 * n_events + 1));
    assert_int_equal(track_offset[n_events], 2 * n_events);
    must(hg_h5_read(ctx, h5, "/tracks/hit_id", HG_H5_U64, 0, 0, 5 * n_events, hit_id));
    assert_memory_equal(hit_id, ((const uint64_t[]){100, 7, 300, 7, 5}), 5 * sizeof *hit_id);
    must(hg_h5_read(ctx, h5, "/tracks/n_outlier", HG_H5_I32, 0, 0, 2, n_outlier));
    must(hg_h5_read(ctx, h5, "/tracks/n_shared", HG_H5_I32, 0, 0, 2, n_shared));
    must(hg_h5_read(ctx, h5, "/tracks/status", HG_H5_I32, 0, 0, 2, status));
    must(hg_h5_read(ctx, h5, "/tracks/status_bits", HG_H5_I32, 0, 0, 2, bits));
    assert_true(n_outlier[0] == 1 && n_outlier[1] == 0 && n_shared[0] == 1 && n_shared[1] == 1);
    assert_true(status[0] == HG_TRACK_OUTLIERS && status[1] == HG_ERR_NUMERIC && bits[1] == (HG_TRACK_FAILED | HG_TRACK_TANGENT));
    must(hg_h5_read(ctx, h5, "/tracks/params", HG_H5_F64, 5, 0, 2, params));
    assert_true(params[7] == 7);
    must(hg_h5_get_numbers(ctx, h5, "/tracks/params", "reference", HG_H5_F64, 3, reference));
    must(hg_h5_get_number(ctx, h5, "/tracks", "shared_hits", &shared));
    assert_int_equal(shared, 1);
    must(hg_h5_shape(ctx, h5, "/tracks/cov", HG_H5_F64, 15, &rows, NULL));
    must(hg_h5_read(ctx, h5, "/seeds/hit_id", HG_H5_U64, 3, 0, n_events, seed));
    must(hg_h5_read(ctx, h5, "/triplets/hit_id", HG_H5_U64, 3, 0, n_events, triplet));
    assert_memory_equal(triplet, ((const uint64_t[]){100, 7, 300}), 3 * sizeof *triplet);
    assert_memory_equal(seed, triplet, 3 * sizeof *seed);
    must(hg_h5_shape(ctx, h5, "/doublets/score", HG_H5_F32, 0, &rows, NULL));
    assert_int_equal(rows, 2 * n_events);
    hg_h5_close(ctx, h5);
}

static void tracks_of_several_events(void **state)
{
    (void)state;
    small s;
    hg_tracks_h5 *file = NULL;
    const float doublet_score[] = {0.5f, 0.25f}, triplet_score[] = {0.125f}, share[] = {1, 0.5f};
    const int64_t line_doublet[] = {0, 1};
    const uint64_t majority[] = {418837445421830145u, 0};
    make_small(&s);
    hg_track_record record = {.event_id = 3,
                              .hits = &s.hits,
                              .tracks = s.tracks,
                              .seeds = &s.seeds,
                              .doublets = s.graph,
                              .doublet_score = doublet_score,
                              .line = s.line,
                              .line_doublet = line_doublet,
                              .triplet_score = triplet_score,
                              .majority = majority,
                              .purity = share,
                              .completeness = share};
    must(hg_tracks_h5_begin(ctx, in_folder("tracks.h5"), NULL, &file));
    must(hg_tracks_h5_append(ctx, file, &record));
    must(hg_tracks_h5_append(ctx, file, &record));
    record.seeds = NULL;
    expect_failure(hg_tracks_h5_append(ctx, file, &record), HG_ERR_ARG, "event 3 has other parts");
    must(hg_tracks_h5_commit(ctx, file));
    check_tracks(in_folder("tracks.h5"), 2);
    must(hg_tracks_h5_begin(ctx, in_folder("none.h5"), NULL, &file));
    must(hg_tracks_h5_commit(ctx, file));
    s.tracks->hit[4] = 4;
    must(hg_tracks_h5_begin(ctx, in_folder("bad.h5"), NULL, &file));
    expect_failure(hg_tracks_h5_append(ctx, file, &record), HG_ERR_ARG, "hit row 4, expected 0 <= row < 4");
    hg_tracks_h5_abort(ctx, file);
    shell("test -z \"$(ls %s | grep -e bad -e tmp)\"", folder);
    hg_tracks_destroy(ctx, s.tracks);
    hg_graph_destroy(ctx, s.graph);
    hg_graph_destroy(ctx, s.line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_are_csr_sorted_by_sender),
        cmocka_unit_test(tracks_of_several_events),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
