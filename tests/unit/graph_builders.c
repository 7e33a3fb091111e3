/* graph_builders.c — CC and walk against the algorithm over all paths, junction removal against its definition, on random graphs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "base/random.h"
#include "tests/leaks.h"
#include "tracking/finder.h"

enum { HITS = 24, EDGES_MAX = HITS * HITS, TRIALS = 400 };
static hg_context *ctx;

typedef struct sample {
    hg_hits hits;
    double x[HITS], y[HITS], z[HITS], score_of[HITS][HITS]; /* 0 = no edge */
    hg_graph *graph;
    float *score;
    hg_finder_input input;
    hg_finder_options options;
    hg_finder finder;
} sample;

/* Edges go to higher rows, which lie farther out. Scores are sixteenths, so that sums are exact and ties are frequent. */
static void make_sample(uint64_t trial, sample *s)
{
    int32_t sender[EDGES_MAX], receiver[EDGES_MAX];
    int64_t n = 0;
    hg_random rng = hg_random_stream(3, 1, trial, 0);
    const double density = hg_random_range(&rng, 0.02, 0.25);
    memset(s, 0, sizeof *s);
    for (int32_t i = 0; i < HITS; ++i) {
        s->x[i] = i + 1;
        for (int32_t j = i + 1; j < HITS; ++j) {
            if (hg_random_uniform(&rng) > density) continue;
            sender[n] = i, receiver[n++] = j;
            s->score_of[i][j] = (double)(1 + hg_random_below(&rng, 15)) / 16;
        }
    }
    s->hits = (hg_hits){.n = HITS, .x = s->x, .y = s->y, .z = s->z};
    assert_int_equal(hg_graph_create(ctx, HITS, n, sender, receiver, 1, NULL, &s->graph), HG_OK);
    assert_int_equal(hg_alloc(ctx, &s->score, n), HG_OK);
    for (int64_t e = 0; e < n; ++e) s->score[e] = (float)s->score_of[s->graph->sender[e]][s->graph->receiver[e]];
    s->input = (hg_finder_input){.hits = &s->hits, .graph = s->graph, .doublet_score = s->score};
    s->options = hg_finder_default_options();
    s->options.pass[0].doublet_min = 0.2f;
    s->options.walk_keep_min = 0.1f;
    s->options.walk_best_min = 0.2f;
    s->finder = (hg_finder){.input = &s->input, .options = &s->options};
}

static void drop_sample(sample *s)
{
    hg_graph_destroy(ctx, s->graph);
    hg_free(ctx, s->score);
}

typedef struct path {
    int n;
    int32_t hit[HITS];
    double sum;
} path;

/* Every path from the last hit of `now` on, by recursion as the published algorithm builds its roads. */
static void try_all(const sample *s, const bool *used, const bool *there, path *now, path *best)
{
    const int32_t at = now->hit[now->n - 1];
    double highest = 0;
    int32_t first = -1;
    for (int32_t j = 0; j < HITS; ++j)
        if (there[j] && !used[j] && s->score_of[at][j] > (double)s->options.walk_best_min && s->score_of[at][j] > highest)
            highest = s->score_of[at][j], first = j;
    bool ends = true;
    for (int32_t j = 0; j < HITS; ++j) {
        if (first < 0 || !there[j] || used[j]) continue;
        if (j != first && !(s->score_of[at][j] > (double)s->options.walk_all_min)) continue;
        ends = false;
        now->hit[now->n++] = j;
        now->sum += s->score_of[at][j];
        try_all(s, used, there, now, best);
        now->sum -= s->score_of[at][j];
        --now->n;
    }
    /* paths are met in rising order of hits, so the first of equals has the smaller ones */
    if (ends && (now->n > best->n || (now->n == best->n && now->sum > best->sum))) *best = *now;
}

static void find_component(const sample *s, int32_t i, int32_t name, int32_t *component)
{
    component[i] = name;
    for (int32_t j = 0; j < HITS; ++j) {
        const double score = i < j ? s->score_of[i][j] : s->score_of[j][i];
        if (component[j] < 0 && score > (double)s->options.walk_keep_min) find_component(s, j, name, component);
    }
}

/* Rows in the order that the topological sort of the builder gives: hits without predecessors first, by row, then as they become free. */
static int sort_topologically(const sample *s, const bool *there, int32_t order[HITS])
{
    int waiting[HITS] = {0}, n = 0;
    for (int32_t i = 0; i < HITS; ++i)
        for (int32_t j = 0; j < HITS; ++j) waiting[j] += there[j] && there[i] && s->score_of[i][j] > (double)s->options.walk_keep_min;
    for (int32_t j = 0; j < HITS; ++j)
        if (there[j] && waiting[j] == 0) order[n++] = j;
    for (int k = 0; k < n; ++k)
        for (int32_t j = 0; j < HITS; ++j)
            if (there[j] && s->score_of[order[k]][j] > (double)s->options.walk_keep_min && --waiting[j] == 0) order[n++] = j;
    return n;
}

static int walk_by_hand(const sample *s, path *tracks)
{
    int32_t component[HITS], order[HITS];
    bool there[HITS] = {false}, used[HITS] = {false};
    int n_tracks = 0;
    memset(component, -1, sizeof component);
    for (int32_t i = 0; i < HITS; ++i) {
        if (component[i] >= 0) continue;
        path whole = {0};
        bool branches = false;
        find_component(s, i, i, component);
        for (int32_t j = 0; j < HITS; ++j) {
            int in = 0, out = 0;
            if (component[j] != i) continue;
            for (int32_t k = 0; k < HITS; ++k) {
                in += s->score_of[k][j] > (double)s->options.walk_keep_min;
                out += s->score_of[j][k] > (double)s->options.walk_keep_min;
            }
            branches = branches || in > 1 || out > 1;
            whole.hit[whole.n++] = j;
        }
        if (!branches && whole.n >= 3) tracks[n_tracks++] = whole;
        for (int k = 0; k < whole.n; ++k) there[whole.hit[k]] = branches;
    }
    const int n = sort_topologically(s, there, order);
    for (int k = 0; k < n; ++k) {
        path now = {.n = 1, .hit = {order[k]}}, best = {0};
        if (used[order[k]]) continue;
        try_all(s, used, there, &now, &best);
        if (best.n < 3) continue;
        for (int h = 0; h < best.n; ++h) used[best.hit[h]] = true;
        tracks[n_tracks++] = best;
    }
    return n_tracks;
}

static void assert_same_tracks(const path *expected, int n, const hg_candidates *found)
{
    assert_int_equal(found->n, n);
    for (int t = 0; t < n; ++t) {
        assert_int_equal(found->item[t].n, expected[t].n);
        assert_memory_equal(found->item[t].hit, expected[t].hit, (size_t)expected[t].n * sizeof(int32_t));
    }
}

/* Best next and best previous hit of each, first of equals; what is mutual is followed from its start. */
static int remove_junctions_by_hand(const sample *s, path *tracks)
{
    int32_t next[HITS], previous[HITS];
    int n_tracks = 0;
    for (int32_t i = 0; i < HITS; ++i) {
        double in = (double)s->options.pass[0].doublet_min, out = in;
        next[i] = previous[i] = -1;
        for (int32_t j = 0; j < HITS; ++j) {
            if (s->score_of[i][j] > out) out = s->score_of[i][j], next[i] = j;
            if (s->score_of[j][i] > in) in = s->score_of[j][i], previous[i] = j;
        }
    }
    for (int32_t i = 0; i < HITS; ++i) {
        path track = {.n = 1, .hit = {i}};
        if (previous[i] >= 0 && next[previous[i]] == i) continue;
        for (int32_t at = i; next[at] >= 0 && previous[next[at]] == at;) track.hit[track.n++] = at = next[at];
        if (track.n >= 3) tracks[n_tracks++] = track;
    }
    return n_tracks;
}

/* Tracks of a sample by brute force; [HITS] at most. Returns how many. */
typedef int by_hand_fn(const sample *s, path *tracks);
typedef hg_status build_fn(hg_context *ctx, const hg_finder *finder, hg_candidates *out);

static void assert_same_as_by_hand(hg_finder_builder builder, build_fn *build, by_hand_fn *by_hand)
{
    int64_t n_all = 0;
    for (uint64_t trial = 0; trial < TRIALS; ++trial) {
        sample s;
        path expected[HITS];
        hg_candidates found = {0};
        make_sample(trial, &s);
        s.options.builder = builder;
        assert_int_equal(build(ctx, &s.finder, &found), HG_OK);
        assert_same_tracks(expected, by_hand(&s, expected), &found);
        n_all += found.n;
        hg_free(ctx, found.item);
        drop_sample(&s);
    }
    assert_true(n_all > TRIALS);
}

static void walks_are_those_over_all_paths(void **state)
{
    (void)state;
    assert_same_as_by_hand(HG_FINDER_WALK, hg_build_walks, walk_by_hand);
}

static void junctions_keep_what_is_best_of_both_ends(void **state)
{
    (void)state;
    assert_same_as_by_hand(HG_FINDER_JUNCTIONS, hg_build_components, remove_junctions_by_hand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_are_those_over_all_paths),
        cmocka_unit_test(junctions_keep_what_is_best_of_both_ends),
    };
    hg_context_create(&ctx);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + close_without_leaks(ctx);
}
