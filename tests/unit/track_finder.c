/* track_finder.c — the track finder on a toy barrel: helices on overlapping modules, noise, false edges. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "hitgraph/line_graph.h"
#include "hitgraph/track_finder.h"
#include "base/memory.h"
#include "base/random.h"

enum { LAYERS = 8, MODULES_Z = 9, HITS_MAX = 20000, EDGES_MAX = 100000 };
static const double layer_r[LAYERS] = {32, 72, 116, 172, 260, 360, 500, 660};
static const double curvature_per_gev = 0.299792458e-3 * 2.0; /* 2 T */

typedef struct toy {
    hg_context *ctx;
    hg_detector *detector;
    hg_field *field;
    hg_kalman kalman;
    hg_hits hits;
    double x[HITS_MAX], y[HITS_MAX], z[HITS_MAX];
    int64_t module[HITS_MAX];
    hg_measurement measurement[HITS_MAX];
    int32_t particle[HITS_MAX]; /* -1 = noise */
    int32_t n_particles;
    int64_t first_layer, end_layer; /* that a particle crosses */
    int64_t n_edges;
    int32_t sender[EDGES_MAX], receiver[EDGES_MAX];
    float wanted[EDGES_MAX]; /* score in the caller's order of edges */
    hg_graph *graph, *line;
    int64_t *line_doublet;
    float *doublet_score, *triplet_score;
} toy;

static int modules_phi(int layer)
{
    return (int)ceil(2 * M_PI * layer_r[layer] / 22.0); /* modules of 24 mm every 22 mm: a tenth of the crossings are double */
}

static void make_detector(toy *t)
{
    static hg_module modules[8192];
    int64_t n = 0;
    for (int l = 0; l < LAYERS; ++l) {
        for (int p = 0; p < modules_phi(l); ++p) {
            for (int k = 0; k < MODULES_Z; ++k) {
                if (n == 8192) break;
                double phi = 2 * M_PI * p / modules_phi(l), r = layer_r[l] + (k % 2 ? 0.3 : -0.3) + (p % 2 ? 0.15 : -0.15);
                double half_v = 20 + 0.9 * layer_r[l] / 9, c = cos(phi), s = sin(phi);
                modules[n++] = (hg_module){.volume_id = 8,
                                           .layer_id = 2 * l + 2,
                                           .module_id = (int32_t)(p * MODULES_Z + k + 1),
                                           .center = {r * c, r * s, (k - MODULES_Z / 2) * 2 * (half_v - 0.5)},
                                           .rotation = {-s, 0, c, c, 0, s, 0, 1, 0},
                                           .half_u_min = 12,
                                           .half_u_max = 12,
                                           .half_v = half_v,
                                           .thickness = 0.15,
                                           .pitch_u = 0.05,
                                           .pitch_v = 0.05};
            }
        }
    }
    assert_true(n < 8192);
    assert_int_equal(hg_detector_create(t->ctx, modules, n, &t->detector), HG_OK);
}

static void add_hit(toy *t, int64_t module, double u, double v, int32_t particle)
{
    const hg_module *m = &t->detector->modules[module];
    int64_t i = t->hits.n++;
    assert_true(i < HITS_MAX);
    t->x[i] = m->center[0] + m->rotation[0] * u + m->rotation[1] * v;
    t->y[i] = m->center[1] + m->rotation[3] * u + m->rotation[4] * v;
    t->z[i] = m->center[2] + m->rotation[6] * u + m->rotation[7] * v;
    t->module[i] = module;
    t->measurement[i] = (hg_measurement){.module = module, .local = {u, v}, .variance = {4e-4, 4e-4}};
    t->particle[i] = particle;
}

/* Hits of a helix from (0, 0, z0), layer by layer; the arc to a plane by Newton's method. */
static void add_particle(toy *t, hg_random *random, double pt, double phi0, double cot, double z0)
{
    double kappa = -curvature_per_gev / pt * (hg_random_uniform(random) < 0.5 ? -1 : 1);
    int32_t particle = t->n_particles++;

    for (int64_t l = t->first_layer; l < t->end_layer; ++l) {
        const hg_layer *layer = &t->detector->layers[l];
        for (int64_t m = layer->first_module; m < layer->first_module + layer->n_modules; ++m) {
            const hg_module *mod = &t->detector->modules[m];
            double n[2] = {mod->rotation[2], mod->rotation[5]}, s = layer->r, p[3] = {0, 0, 0}, phi = phi0;
            for (int step = 0; step < 8; ++step) {
                double a = kappa * s;
                phi = phi0 + a;
                p[0] = (sin(phi) - sin(phi0)) / kappa;
                p[1] = (cos(phi0) - cos(phi)) / kappa;
                s -= (n[0] * (p[0] - mod->center[0]) + n[1] * (p[1] - mod->center[1])) / (n[0] * cos(phi) + n[1] * sin(phi));
            }
            p[2] = z0 + s * cot;
            double d[3] = {p[0] - mod->center[0], p[1] - mod->center[1], p[2] - mod->center[2]};
            double u = mod->rotation[0] * d[0] + mod->rotation[3] * d[1], v = d[2];
            if (s <= 0 || s > 2 * layer->r || fabs(u) > mod->half_u_max || fabs(v) > mod->half_v) continue;
            add_hit(t, m, u + 0.02 * hg_random_normal(random), v + 0.02 * hg_random_normal(random), particle);
        }
    }
}

static void add_noise(toy *t, hg_random *random, int n)
{
    for (int k = 0; k < n; ++k) {
        int64_t module = hg_random_below(random, t->detector->n_modules);
        const hg_module *m = &t->detector->modules[module];
        add_hit(t, module, hg_random_range(random, -m->half_u_max, m->half_u_max), hg_random_range(random, -m->half_v, m->half_v), -1);
    }
}

static void add_edge(toy *t, int64_t from, int64_t to, double score)
{
    assert_true(t->n_edges < EDGES_MAX);
    t->sender[t->n_edges] = (int32_t)from;
    t->receiver[t->n_edges] = (int32_t)to;
    t->wanted[t->n_edges++] = (float)score;
}

static int layer_of(const toy *t, int64_t hit)
{
    return (int)t->detector->module_layer[t->module[hit]];
}

/* True doublets between neighbouring layers with high scores, as many false ones with low scores. */
static void add_edges(toy *t, hg_random *random, double efficiency)
{
    for (int64_t i = 0; i < t->hits.n; ++i)
        for (int64_t j = 0; j < t->hits.n; ++j)
            if (t->particle[i] >= 0 && t->particle[i] == t->particle[j] && layer_of(t, j) == layer_of(t, i) + 1 &&
                hg_random_uniform(random) < efficiency)
                add_edge(t, i, j, hg_random_range(random, 0.5, 1.0));
    for (int64_t k = t->n_edges; k > 0 && t->hits.n > 1; --k) {
        int64_t i = hg_random_below(random, t->hits.n), j = hg_random_below(random, t->hits.n);
        if (layer_of(t, j) == layer_of(t, i) + 1 && t->particle[i] != t->particle[j]) add_edge(t, i, j, hg_random_range(random, 0.0, 0.6));
    }
}

static void score_graphs(toy *t, hg_random *random)
{
    assert_int_equal(hg_graph_create(t->ctx, t->hits.n, t->n_edges, t->sender, t->receiver, 1, NULL, &t->graph), HG_OK);
    assert_int_equal(hg_alloc(t->ctx, &t->doublet_score, t->n_edges), HG_OK);
    for (int64_t e = 0; e < t->n_edges; ++e) t->doublet_score[e] = t->wanted[t->graph->caller_edge[e]];
    assert_int_equal(hg_line_graph_build(t->ctx, t->graph, NULL, &t->line_doublet, &t->line), HG_OK);
    assert_int_equal(hg_alloc(t->ctx, &t->triplet_score, t->line->n_edges), HG_OK);
    for (int64_t k = 0; k < t->line->n_edges; ++k) {
        int64_t a = t->line_doublet[t->line->sender[k]], b = t->line_doublet[t->line->receiver[k]];
        int32_t p = t->particle[t->graph->sender[a]];
        bool same = p >= 0 && p == t->particle[t->graph->receiver[a]] && p == t->particle[t->graph->receiver[b]];
        t->triplet_score[k] = (float)(same ? hg_random_range(random, 0.5, 1.0) : hg_random_range(random, 0.0, 0.4));
    }
}

static void toy_create_with(toy *t, uint64_t seed, int n_particles, int n_noise, double efficiency, int64_t first_layer, int64_t end_layer)
{
    hg_random random = hg_random_stream(seed, 77, 0, 0);
    memset(t, 0, sizeof *t);
    t->first_layer = first_layer;
    t->end_layer = end_layer;
    assert_int_equal(hg_context_create(&t->ctx), HG_OK);
    assert_int_equal(hg_context_set_threads(t->ctx, 2), HG_OK);
    make_detector(t);
    assert_int_equal(hg_field_create_constant(t->ctx, 2.0, &t->field), HG_OK);
    t->kalman = (hg_kalman){.detector = t->detector, .field = t->field, .options = hg_kalman_default_options()};
    t->hits = (hg_hits){.x = t->x, .y = t->y, .z = t->z};
    for (int p = 0; p < n_particles; ++p)
        add_particle(t, &random, hg_random_range(&random, 0.5, 5.0), hg_random_range(&random, -M_PI, M_PI),
                     hg_random_range(&random, -0.8, 0.8), hg_random_range(&random, -5.0, 5.0));
    add_noise(t, &random, n_noise);
    add_edges(t, &random, efficiency);
    score_graphs(t, &random);
}

static void toy_create(toy *t, uint64_t seed, int n_particles, int n_noise)
{
    toy_create_with(t, seed, n_particles, n_noise, 1.0, 0, LAYERS);
}

static void toy_destroy(toy *t)
{
    hg_graph_destroy(t->ctx, t->graph);
    hg_graph_destroy(t->ctx, t->line);
    hg_free(t->ctx, t->line_doublet);
    hg_free(t->ctx, t->doublet_score);
    hg_free(t->ctx, t->triplet_score);
    hg_detector_destroy(t->ctx, t->detector);
    hg_field_destroy(t->ctx, t->field);
    assert_int_equal(hg_memory_used(t->ctx), 0);
    hg_context_destroy(t->ctx);
}

static hg_finder_input input_of(const toy *t)
{
    return (hg_finder_input){.hits = &t->hits,
                             .hit_module = t->module,
                             .measurements = t->measurement,
                             .detector = t->detector,
                             .graph = t->graph,
                             .doublet_score = t->doublet_score,
                             .line = t->line,
                             .line_doublet = t->line_doublet,
                             .triplet_score = t->triplet_score};
}

/* Share of the particles of which one track holds all hits and nothing else. */
static double perfect_share(const toy *t, const hg_tracks *tracks)
{
    static int32_t hits_of[HITS_MAX];
    int perfect = 0;
    memset(hits_of, 0, sizeof hits_of);
    for (int64_t i = 0; i < t->hits.n; ++i)
        if (t->particle[i] >= 0) ++hits_of[t->particle[i]];
    for (int64_t k = 0; k < tracks->n; ++k) {
        int64_t first = tracks->hit_offset[k], n = tracks->hit_offset[k + 1] - first;
        int32_t p = t->particle[tracks->hit[first]];
        bool pure = p >= 0 && hits_of[p] == n;
        for (int64_t j = 0; j < n && pure; ++j) pure = t->particle[tracks->hit[first + j]] == p;
        perfect += pure;
    }
    return perfect / (double)t->n_particles;
}

static void check_lists(const toy *t, const hg_tracks *tracks)
{
    static uint8_t seen[HITS_MAX];
    memset(seen, 0, sizeof seen);
    for (int64_t k = 0; k < tracks->n_hits; ++k) {
        assert_in_range(tracks->hit[k], 0, t->hits.n - 1);
        assert_false(seen[tracks->hit[k]]++);
    }
    for (int64_t k = 0; k < tracks->n; ++k) {
        assert_true(isfinite(tracks->score[k]));
        for (int64_t j = tracks->hit_offset[k] + 1; j < tracks->hit_offset[k + 1]; ++j) {
            const int32_t here = tracks->hit[j], before = tracks->hit[j - 1];
            assert_true(layer_of(t, here) >= layer_of(t, before));
            assert_true(hypot(t->x[here], t->y[here]) >= hypot(t->x[before], t->y[before])); /* overlaps of one layer too */
        }
    }
}

static toy shared; /* large; one test at a time */

static void chains_find_all_particles(void **state)
{
    (void)state;
    toy_create(&shared, 1, 60, 300);
    hg_finder_input input = input_of(&shared);
    hg_tracks *tracks = NULL;

    assert_int_equal(hg_tracks_find(shared.ctx, &input, NULL, &tracks), HG_OK);
    check_lists(&shared, tracks);
    assert_true(tracks->n >= 60);
    assert_true(perfect_share(&shared, tracks) > 0.9);
    hg_tracks_destroy(shared.ctx, tracks);
    toy_destroy(&shared);
}

/* A third of the doublets is lost: the graph's chains are in pieces, but the hits are found on the layers. */
static void following_needs_only_pieces(void **state)
{
    (void)state;
    toy_create_with(&shared, 8, 60, 300, 0.67, 0, LAYERS);
    hg_finder_input input = input_of(&shared);
    hg_tracks *chains = NULL, *followed = NULL;

    assert_int_equal(hg_tracks_find(shared.ctx, &input, NULL, &chains), HG_OK);
    input.kalman = &shared.kalman;
    assert_int_equal(hg_tracks_find(shared.ctx, &input, NULL, &followed), HG_OK);
    check_lists(&shared, followed);
    assert_true(perfect_share(&shared, chains) < 0.5);
    assert_true(perfect_share(&shared, followed) > 0.9);
    for (int64_t k = 0; k < followed->n; ++k) assert_true(followed->score[k] > 0);
    hg_tracks_destroy(shared.ctx, chains);
    hg_tracks_destroy(shared.ctx, followed);
    toy_destroy(&shared);
}

/* The outermost of three layers is that of the seed's last hit: one track in ten has a second hit there. */
static void short_tracks_have_second_hits(void **state)
{
    (void)state;
    toy_create_with(&shared, 10, 60, 0, 1.0, 0, 3);
    hg_finder_input input = input_of(&shared);
    hg_tracks *tracks = NULL;

    input.kalman = &shared.kalman;
    assert_int_equal(hg_tracks_find(shared.ctx, &input, NULL, &tracks), HG_OK);
    check_lists(&shared, tracks);
    assert_true(perfect_share(&shared, tracks) > 0.98);
    hg_tracks_destroy(shared.ctx, tracks);
    toy_destroy(&shared);
}

/* The graph knows nothing of particles that are seen by the outer layers alone. */
static void hits_in_line_are_enough(void **state)
{
    (void)state;
    toy_create_with(&shared, 11, 60, 300, 0.0, LAYERS - 4, LAYERS);
    hg_finder_input input = input_of(&shared);
    hg_finder_options options = hg_finder_default_options();
    hg_tracks *tracks = NULL;

    input.kalman = &shared.kalman;
    options.pass[5].displaced_r_mm = 200;
    assert_int_equal(hg_tracks_find(shared.ctx, &input, &options, &tracks), HG_OK);
    check_lists(&shared, tracks);
    assert_true(perfect_share(&shared, tracks) > 0.9);
    hg_tracks_destroy(shared.ctx, tracks);
    options.n_passes = 5;
    assert_int_equal(hg_tracks_find(shared.ctx, &input, &options, &tracks), HG_OK);
    assert_int_equal(tracks->n, 0);
    hg_tracks_destroy(shared.ctx, tracks);
    toy_destroy(&shared);
}

static void doublets_alone_are_enough(void **state)
{
    (void)state;
    toy_create(&shared, 2, 40, 100);
    hg_finder_input input = input_of(&shared);
    hg_tracks *tracks = NULL;

    input.line = NULL;
    assert_int_equal(hg_tracks_find(shared.ctx, &input, NULL, &tracks), HG_OK);
    check_lists(&shared, tracks);
    assert_true(perfect_share(&shared, tracks) > 0.8);
    hg_tracks_destroy(shared.ctx, tracks);
    toy_destroy(&shared);
}

/* False doublets join particles into one component, but none is the best next of a hit. */
static void walks_part_what_components_join(void **state)
{
    (void)state;
    toy_create(&shared, 9, 4, 0);
    for (int64_t e = 0; e < shared.n_edges; ++e) {
        bool same = shared.particle[shared.graph->sender[e]] == shared.particle[shared.graph->receiver[e]];
        shared.doublet_score[e] = same ? 0.9f : 0.2f;
    }
    hg_finder_input input = input_of(&shared);
    hg_finder_options options = hg_finder_default_options();
    hg_tracks *tracks = NULL;

    options.builder = HG_FINDER_COMPONENTS;
    options.pass[0].doublet_min = 0.5f;
    assert_int_equal(hg_tracks_find(shared.ctx, &input, &options, &tracks), HG_OK);
    check_lists(&shared, tracks);
    assert_true(perfect_share(&shared, tracks) == 1.0);
    hg_tracks_destroy(shared.ctx, tracks);

    options.pass[0].doublet_min = 0.1f;
    assert_int_equal(hg_tracks_find(shared.ctx, &input, &options, &tracks), HG_OK);
    assert_true(perfect_share(&shared, tracks) < 1.0);
    hg_tracks_destroy(shared.ctx, tracks);

    options.builder = HG_FINDER_WALK;
    assert_int_equal(hg_tracks_find(shared.ctx, &input, &options, &tracks), HG_OK);
    check_lists(&shared, tracks);
    assert_int_equal(tracks->n, 4);
    for (int64_t k = 0; k < 4; ++k) {
        assert_int_equal(tracks->hit_offset[k + 1] - tracks->hit_offset[k], LAYERS);
        for (int64_t j = tracks->hit_offset[k]; j < tracks->hit_offset[k + 1]; ++j)
            assert_int_equal(shared.particle[tracks->hit[j]], shared.particle[tracks->hit[tracks->hit_offset[k]]]);
    }
    hg_tracks_destroy(shared.ctx, tracks);
    toy_destroy(&shared);
}

static void assert_same_tracks(const hg_tracks *a, const hg_tracks *b)
{
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->n_hits, b->n_hits);
    assert_memory_equal(a->hit, b->hit, (size_t)a->n_hits * sizeof *a->hit);
    assert_memory_equal(a->hit_offset, b->hit_offset, (size_t)(a->n + 1) * sizeof *a->hit_offset);
    assert_memory_equal(a->score, b->score, (size_t)a->n * sizeof *a->score);
}

static void same_for_any_number_of_threads(void **state)
{
    (void)state;
    toy_create(&shared, 3, 80, 400);
    hg_finder_input input = input_of(&shared);
    input.kalman = &shared.kalman;
    hg_tracks *one = NULL, *many = NULL;

    assert_int_equal(hg_context_set_threads(shared.ctx, 1), HG_OK);
    assert_int_equal(hg_tracks_find(shared.ctx, &input, NULL, &one), HG_OK);
    for (int threads = 2; threads <= 4; ++threads) {
        assert_int_equal(hg_context_set_threads(shared.ctx, threads), HG_OK);
        assert_int_equal(hg_tracks_find(shared.ctx, &input, NULL, &many), HG_OK);
        assert_same_tracks(one, many);
        hg_tracks_destroy(shared.ctx, many);
    }
    hg_tracks_destroy(shared.ctx, one);
    toy_destroy(&shared);
}

static void nothing_in_nothing_out(void **state)
{
    (void)state;
    const int noise[] = {0, 1, 50};
    for (int k = 0; k < 3; ++k) {
        toy_create(&shared, 4, 0, noise[k]);
        hg_finder_input input = input_of(&shared);
        input.kalman = &shared.kalman;
        hg_tracks *tracks = NULL;
        hg_seeds *seeds = NULL;
        assert_int_equal(hg_tracks_find(shared.ctx, &input, NULL, &tracks), HG_OK);
        assert_int_equal(hg_seeds_find(shared.ctx, &input, NULL, &seeds), HG_OK);
        assert_int_equal(tracks->n, 0);
        assert_int_equal(seeds->n, 0);
        hg_tracks_destroy(shared.ctx, tracks);
        hg_seeds_destroy(shared.ctx, seeds);
        toy_destroy(&shared);
    }
}

static void seeds_are_triplets_of_one_particle(void **state)
{
    (void)state;
    toy_create(&shared, 5, 60, 300);
    hg_finder_input input = input_of(&shared);
    hg_seeds *seeds = NULL;
    int good = 0;

    assert_int_equal(hg_seeds_find(shared.ctx, &input, NULL, &seeds), HG_OK);
    for (int64_t s = 0; s < seeds->n; ++s) {
        const int32_t *hit = seeds->hit + 3 * s;
        good += shared.particle[hit[0]] >= 0 && shared.particle[hit[0]] == shared.particle[hit[1]] &&
                shared.particle[hit[1]] == shared.particle[hit[2]];
        if (s) assert_true(seeds->score[s] <= seeds->score[s - 1]);
    }
    assert_true(seeds->n >= 60);
    assert_true(good > 0.9 * (double)seeds->n);
    hg_seeds_destroy(shared.ctx, seeds);
    toy_destroy(&shared);
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    toy_create(&shared, 6, 5, 5);
    hg_finder_input input = input_of(&shared);
    hg_finder_options options = hg_finder_default_options();
    hg_tracks *tracks = NULL;

    options.n_passes = HG_FINDER_PASSES_MAX + 1;
    assert_int_equal(hg_tracks_find(shared.ctx, &input, &options, &tracks), HG_ERR_ARG);
    shared.triplet_score[0] = NAN;
    assert_int_equal(hg_tracks_find(shared.ctx, &input, NULL, &tracks), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(shared.ctx), "triplet 0"));
    shared.triplet_score[0] = 0;
    shared.module[1] = 1000000;
    assert_int_equal(hg_tracks_find(shared.ctx, &input, NULL, &tracks), HG_ERR_ARG);
    assert_null(tracks);
    toy_destroy(&shared);
}

static void survives_failing_memory(void **state)
{
    (void)state;
    toy_create(&shared, 7, 10, 10);
    hg_finder_input input = input_of(&shared);
    input.kalman = &shared.kalman;
    hg_tracks *tracks = NULL;
    hg_status status = HG_ERR_NOMEM;

    for (int64_t n = 0; n < 1000 && status == HG_ERR_NOMEM; ++n) {
        size_t used = hg_memory_used(shared.ctx);
        hg_memory_fail_after(shared.ctx, n);
        status = hg_tracks_find(shared.ctx, &input, NULL, &tracks);
        hg_memory_fail_after(shared.ctx, -1);
        if (status == HG_ERR_NOMEM) assert_int_equal(hg_memory_used(shared.ctx), used);
    }
    assert_int_equal(status, HG_OK);
    hg_tracks_destroy(shared.ctx, tracks);
    toy_destroy(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_find_all_particles),
        cmocka_unit_test(following_needs_only_pieces),
        cmocka_unit_test(short_tracks_have_second_hits),
        cmocka_unit_test(hits_in_line_are_enough),
        cmocka_unit_test(doublets_alone_are_enough),
        cmocka_unit_test(walks_part_what_components_join),
        cmocka_unit_test(same_for_any_number_of_threads),
        cmocka_unit_test(nothing_in_nothing_out),
        cmocka_unit_test(seeds_are_triplets_of_one_particle),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(survives_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
