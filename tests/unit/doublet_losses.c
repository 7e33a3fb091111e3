/* doublet_losses.c — fates of true doublets: found ones are those of the graph, each cause is seen where it alone is at work. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/doublet_losses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/memory.h"
#include "tests/toy_map.h"

typedef struct outcome {
    int64_t n, count[HG_DOUBLET_FATES];
    int64_t labelled; /* true doublets of targets among the edges */
} outcome;

static outcome follow(const hg_doublet_options *options)
{
    outcome o = {0};
    hg_doublet_graph *doublets = NULL;
    hg_doublet_fates fates;
    uint8_t *label = NULL;
    float *weight = NULL;
    assert_int_equal(hg_doublet_graph_create(ctx, &toy.hits, map, options, &doublets), HG_OK);
    assert_int_equal(hg_doublet_fates_find(ctx, &toy.hits, &toy.truth, map, options, doublets, &fates), HG_OK);
    assert_int_equal(hg_alloc(ctx, &label, doublets->graph->n_edges), HG_OK);
    assert_int_equal(hg_alloc(ctx, &weight, doublets->graph->n_edges), HG_OK);
    hg_doublet_labels(doublets, &toy.truth, label, weight);
    for (int64_t e = 0; e < doublets->graph->n_edges; ++e) o.labelled += label[e] && weight[e] > 0;
    for (int64_t k = 0; k < fates.n; ++k) ++o.count[fates.fate[k]];
    o.n = fates.n;
    hg_free(ctx, label);
    hg_free(ctx, weight);
    hg_doublet_fates_clear(ctx, &fates);
    hg_doublet_graph_destroy(ctx, doublets);
    return o;
}

static void found_are_those_of_the_graph(void **state)
{
    (void)state;
    toy_make(&toy, 70, 300, 300, 5);
    for (int overlaps = 0; overlaps < 2; ++overlaps) {
        hg_doublet_options options = hg_doublet_default_options();
        options.overlaps = overlaps;
        const outcome o = follow(&options);
        assert_int_equal(o.count[HG_DOUBLET_FOUND], o.labelled);
        assert_true(o.labelled > 500 && o.n > o.labelled);
    }
}

/* What a condition is blamed for is found once the condition is gone. */
static void each_cause_ends_with_its_condition(void **state)
{
    (void)state;
    hg_doublet_options options = hg_doublet_default_options();
    toy_make(&toy, 71, 300, 300, 5);
    options.score_shift = 2;
    options.triplet_window = 0.3;
    const outcome strict = follow(&options);
    assert_true(strict.count[HG_DOUBLET_SCORE] > 0 && strict.count[HG_DOUBLET_NEIGHBOUR] > 0);
    options.triplet_window = 0;
    const outcome lonely = follow(&options);
    assert_int_equal(lonely.count[HG_DOUBLET_NEIGHBOUR], 0);
    assert_int_equal(lonely.count[HG_DOUBLET_FOUND], strict.count[HG_DOUBLET_FOUND] + strict.count[HG_DOUBLET_NEIGHBOUR]);
    options.score_shift = -100;
    const outcome open = follow(&options);
    assert_int_equal(open.count[HG_DOUBLET_SCORE], 0);
    assert_int_equal(open.count[HG_DOUBLET_FOUND], lonely.count[HG_DOUBLET_FOUND] + lonely.count[HG_DOUBLET_SCORE]);
    assert_int_equal(open.count[HG_DOUBLET_WINDOW], lonely.count[HG_DOUBLET_WINDOW]);
}

/* The map without its joints between the two innermost layers; and particles that leave out the second layer. */
static void missing_pairs_and_layers_are_told_apart(void **state)
{
    (void)state;
    toy_make(&toy, 72, 300, 0, 5);
    const outcome before = follow(NULL);
    assert_int_equal(before.count[HG_DOUBLET_NO_PAIR], 0);
    for (int32_t p = 0; p < map->n_pairs; ++p) {
        if (map->pair[p].inner != 0 || map->pair[p].outer != 1) continue;
        map->pair[p].outer = 5; /* no particle goes there from the innermost layer */
        const outcome after = follow(NULL);
        map->pair[p].outer = 1;
        assert_true(after.count[HG_DOUBLET_NO_PAIR] > 100);
    }
    for (int64_t i = 0; i < toy.hits.n; ++i) {
        if (toy.particle[i] < 0) continue;
        if (toy.layer[i] == 1) toy.particle[i] = -1;
    }
    for (int64_t i = 0; i < toy.hits.n; ++i)
        if (toy.particle[i] >= 0 && toy.layer[i] != 0 && toy.layer_rank[i] > 1) --toy.layer_rank[i];
    const outcome skipped = follow(NULL);
    assert_true(skipped.count[HG_DOUBLET_SKIPPED] > 100);
    assert_int_equal(skipped.count[HG_DOUBLET_NO_PAIR], 0);
}

static void bad_rows_are_named(void **state)
{
    (void)state;
    hg_doublet_graph *doublets = NULL;
    hg_doublet_fates fates = {0};
    toy_make(&toy, 73, 20, 0, 5);
    assert_int_equal(hg_doublet_graph_create(ctx, &toy.hits, map, NULL, &doublets), HG_OK);
    toy.particle[3] = (int32_t)toy.truth.n_particles;
    assert_int_equal(hg_doublet_fates_find(ctx, &toy.hits, &toy.truth, map, NULL, doublets, &fates), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(ctx), "hit row 3"));
    assert_null(fates.hit);
    hg_doublet_graph_destroy(ctx, doublets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_are_those_of_the_graph),
        cmocka_unit_test(each_cause_ends_with_its_condition),
        cmocka_unit_test(missing_pairs_and_layers_are_told_apart),
        cmocka_unit_test(bad_rows_are_named),
    };
    return cmocka_run_group_tests(tests, learn_toy_map, drop_toy_map);
}
