/* tests/repro/track.c — the main job gives the same bits for any number of threads, in any directory, with and without truth. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/shared_event.h"

#include "hitgraph/triplets.h"
#include "pipeline/track_run.h"
#include "pipeline/train_run.h"

static int make_event(void **state)
{
    return make_shared_event(state, 20);
}

static void assert_same(const char *what, int threads, const void *a, const void *b, int64_t n, size_t size)
{
    if (!a && !b) return; /* classical seeds have no features */
    if (n > 0 && memcmp(a, b, (size_t)n * size) != 0) fail_msg("%s differs between 1 and %d threads", what, threads);
}

#define SAME(name, member, n) assert_same(name, threads, a->member, b->member, n, sizeof *a->member)

static void assert_same_result(int threads, const hg_track_result *a, const hg_track_result *b)
{
    const hg_graph *graph = a->doublets->graph;
    const int64_t n_edges = graph->n_edges, n_triplets = a->line->n_edges, n_tracks = a->tracks->n;
    assert_int_equal(n_edges, b->doublets->graph->n_edges);
    assert_int_equal(a->line->n_nodes, b->line->n_nodes);
    assert_int_equal(n_triplets, b->line->n_edges);
    assert_int_equal(a->seeds->n, b->seeds->n);
    assert_int_equal(n_tracks, b->tracks->n);
    assert_true(n_edges > 10000 && n_triplets > 1000 && a->seeds->n > 100 && n_tracks > 500);
    assert_memory_equal(&a->sigma_z_mm, &b->sigma_z_mm, sizeof a->sigma_z_mm);
    SAME("senders", doublets->graph->sender, n_edges);
    SAME("receivers", doublets->graph->receiver, n_edges);
    SAME("node features", doublets->node_features, graph->n_nodes * HG_DOUBLET_NODE_FEATURES);
    SAME("edge features", doublets->edge_features, n_edges * HG_DOUBLET_EDGE_FEATURES);
    SAME("doublet scores", doublet_score, n_edges);
    SAME("triplets' senders", line->sender, n_triplets);
    SAME("triplet scores", triplet_score, n_triplets);
    SAME("seed parameters", seeds->params, 5 * a->seeds->n);
    SAME("seed covariances", seeds->cov, 15 * a->seeds->n);
    SAME("track offsets", tracks->hit_offset, n_tracks + 1);
    SAME("track hits", tracks->hit, a->tracks->hit_offset[n_tracks]);
    SAME("track parameters", tracks->params, 5 * n_tracks);
    SAME("track covariances", tracks->cov, 15 * n_tracks);
}

/* Stage by stage in memory, so that a difference says where it comes from. */
static void compare_threads(hg_seeding seeds)
{
    hg_track_result first = {0};
    shared_job.setup->config.seeds = (int)seeds;
    for (int threads = 1; threads <= 4; ++threads) {
        hg_track_result other = {0};
        must(hg_context_set_threads(ctx, threads));
        must(hg_track_event(ctx, shared_job.setup, &shared_job.models, event, threads == 1 ? &first : &other));
        if (threads > 1) assert_same_result(threads, &first, &other);
        hg_track_result_clear(ctx, &other);
    }
    hg_track_result_clear(ctx, &first);
    shared_job.setup->config.seeds = HG_SEEDS_GNN;
}

static void every_stage_for_any_number_of_threads(void **state)
{
    (void)state;
    compare_threads(HG_SEEDS_GNN);
}

static void the_same_without_networks(void **state)
{
    (void)state;
    compare_threads(HG_SEEDS_TABLES);
    compare_threads(HG_SEEDS_CA);
    compare_threads(HG_SEEDS_CLASSICAL);
}

static void ignore_report(void *user, const char *name, const hg_run_report *report, const char *failure)
{
    (void)user;
    (void)report;
    if (failure) fail_msg("%s: %s", name, failure);
}

/* The verb's work: events of folder/input into folder/out. */
static void run_into(const char *out, const char *input, int threads)
{
    char inputs[256], directory[256];
    char *list[] = {inputs};
    hg_track_outcome outcome;
    snprintf(inputs, sizeof inputs, "%s", in_folder(input));
    snprintf(directory, sizeof directory, "%s", in_folder(out));
    must(hg_context_set_threads(ctx, threads));
    const hg_track_run_options options = {.config = &shared_job.setup->config, .input = list, .n_inputs = 1, .directory = directory};
    must(hg_track_run(ctx, &options, ignore_report, NULL, &outcome));
    hg_run_report_clear(ctx, &outcome.total);
}

static void files_for_any_number_of_threads(void **state)
{
    (void)state;
    run_into("one", "events", 1);
    for (int threads = 2; threads <= 4; ++threads) {
        run_into("deeper/other", "events", threads);
        shell("cd %s && cmp one/submission.csv deeper/other/submission.csv && cmp one/tracks.h5 deeper/other/tracks.h5", folder);
    }
}

/* Truth serves the report alone, and compression changes nothing. */
static void truth_has_no_say(void **state)
{
    (void)state;
    run_into("with", "events", 2);
    shell("cd %s && mkdir bare && cp events/*-hits.csv events/*-cells.csv bare && gzip bare/*", folder);
    run_into("without", "bare", 2);
    shell("cd %s && cmp with/submission.csv without/submission.csv && cmp with/tracks.h5 without/tracks.h5", folder);
}

static const char tiny[] = "networks:\n"
                           "  - {name: encode, widths: [4], output_activation: tanh}\n"
                           "  - {name: message, widths: [4], output_activation: relu}\n"
                           "  - {name: classify, widths: [6, 1], activation: relu}\n"
                           "updates:\n"
                           "  - {nodes: h, network: encode, inputs: [x]}\n"
                           "  - {edges: m, network: message, inputs: [e, sender h, receiver h]}\n"
                           "  - {edges: logit, network: classify, inputs: [m, sender h, receiver h]}\n"
                           "  - outputs: {edges: logit}\n";

static void write_network(const char *name, int nodes, int edges)
{
    char text[sizeof tiny + 64];
    snprintf(text, sizeof text, "inputs: {nodes: %d, edges: %d}\n%s", nodes, edges, tiny);
    write_text(name, text);
}

static void train_into(const char *out, const char *architecture, const hg_option *table, bool triplets, int threads)
{
    char input[256], directory[256], network[300];
    char *list[] = {input};
    hg_train_config config;
    hg_train_result result = {0};
    const char *const settings[] = {network, "train.sections=4", "train.epochs=2", "train.learning_rate=0.03"};
    snprintf(input, sizeof input, "%s", in_folder("events"));
    snprintf(directory, sizeof directory, "%s", in_folder(out));
    snprintf(network, sizeof network, "train.architecture=%s", in_folder(architecture));
    must(hg_config_read(ctx, table, "trackml", NULL, settings, 4, &config));
    must(hg_context_set_threads(ctx, threads));
    const hg_train_run_options options = {.config = &config,
                                          .triplets = triplets,
                                          .training = list,
                                          .n_training = 1,
                                          .validation = list,
                                          .n_validation = 1,
                                          .directory = directory,
                                          .command = "test"};
    must(hg_train_run(ctx, &options, &result));
    assert_int_equal(result.epochs, 2);
    assert_true(result.best.auc > 0.5);
}

static void trained_weights_for_any_number_of_threads(void **state)
{
    (void)state;
    hg_option *table = NULL;
    must(hg_train_config_table(ctx, &table));
    write_network("doublet.yaml", HG_DOUBLET_NODE_FEATURES, HG_DOUBLET_EDGE_FEATURES);
    write_network("triplet.yaml", HG_TRIPLET_NODE_FEATURES, HG_TRIPLET_EDGE_FEATURES);
    train_into("m1", "doublet.yaml", table, false, 1);
    train_into("m3", "doublet.yaml", table, false, 3);
    shell("cd %s && cmp m1/weights.safetensors m3/weights.safetensors && cmp m1/model.yaml m3/model.yaml", folder);
    train_into("t1", "triplet.yaml", table, true, 1);
    train_into("t3", "triplet.yaml", table, true, 3);
    shell("cd %s && cmp t1/weights.safetensors t3/weights.safetensors && ! cmp -s t1/weights.safetensors m1/weights.safetensors", folder);
    hg_free(ctx, table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stage_for_any_number_of_threads),     cmocka_unit_test(the_same_without_networks),
        cmocka_unit_test(files_for_any_number_of_threads),           cmocka_unit_test(truth_has_no_say),
        cmocka_unit_test(trained_weights_for_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, make_event, drop_shared_event);
}
