/* unit/evaluation.c — events, tracks and truth joined: the table and the JSON object say the same. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "datasets/builtin_detector.h"
#include "pipeline/evaluation.h"
#include "tests/near.h"
#include "tests/leaks.h"

enum { PARTICLES = 3, HITS_EACH = 6, HITS = PARTICLES * HITS_EACH + 1 };

static hg_context *ctx;
static hg_detector *detector;
static hg_event *event;

/* Particle p crosses the first module of six barrel layers; the last hit is noise. */
static int make_event(void **state)
{
    (void)state;
    if (hg_context_create(&ctx) < 0 || hg_builtin_detector_create(ctx, &detector) < 0) return 1;
    if (hg_event_create(ctx, HITS, -1, PARTICLES, true, &event) < 0) return 1;
    int64_t barrel[HITS_EACH], n = 0;
    for (int64_t l = 0; l < detector->n_layers && n < HITS_EACH; ++l)
        if (detector->layers[l].barrel) barrel[n++] = detector->layers[l].first_module;
    for (int64_t p = 0; p < PARTICLES; ++p) {
        event->particles.particle_id[p] = (uint64_t)p + 1;
        event->particles.px[p] = 0.8 + 0.15 * (double)p; /* 0.8, 0.95, 1.1 GeV: one more target at each cut */
    }
    for (int64_t i = 0; i < HITS; ++i) {
        const int64_t k = i % HITS_EACH;
        const hg_module *module = &detector->modules[barrel[k]];
        event->hits.hit_id[i] = (uint64_t)i + 1;
        event->hits.volume_id[i] = module->volume_id, event->hits.layer_id[i] = module->layer_id,
        event->hits.module_id[i] = module->module_id;
        event->truth.particle_id[i] = i + 1 < HITS ? (uint64_t)(i / HITS_EACH) + 1 : 0;
        event->truth.tx[i] = 10 * (double)(k + 1);
        event->truth.weight[i] = i + 1 < HITS ? 1.0 / (HITS - 1) : 0;
    }
    return 0;
}

static int free_event(void **state)
{
    (void)state;
    hg_event_destroy(ctx, event);
    hg_detector_destroy(ctx, detector);
    return close_without_leaks(ctx);
}

static double number_at(json_t *root, const char *first, const char *second, const char *third)
{
    return json_number_value(json_object_get(json_object_get(json_object_get(root, first), second), third));
}

static void table_and_json_agree(void **state)
{
    (void)state;
    /* particle 1 is split, particle 2 whole, particle 3 whole with the noise hit */
    const int64_t offset[] = {0, 3, 6, 12, 19};
    hg_tracks_content found = {0};
    assert_int_equal(hg_tracks_create(ctx, 4, HITS, &found.tracks), HG_OK);
    memcpy(found.tracks->hit_offset, offset, sizeof offset);
    for (int32_t i = 0; i < HITS; ++i) found.tracks->hit[i] = i;
    /* seeds and triplets for particles 1 and 3, a doublet chain for particle 1 alone: found is found, whatever the stages say */
    int32_t seed[] = {0, 1, 2, 12, 13, 14}, triplet[] = {0, 1, 2, 12, 13, 14}, doublet[] = {0, 1, 1, 2};
    float doublet_score[] = {0.9f, 0.1f}, triplet_score[] = {0.9f, 0.9f};
    hg_evaluation evaluation = {.with_losses = true};
    char *text = NULL, *json = NULL;
    for (int twice = 0; twice < 2; ++twice) assert_int_equal(hg_evaluation_add(ctx, event, detector, &found, &evaluation), HG_OK);
    assert_int_equal(hg_evaluation_print(ctx, &evaluation, &text), HG_OK);
    assert_int_equal(hg_evaluation_json(ctx, &evaluation, &json), HG_OK);

    json_t *root = NULL;
    assert_int_equal(hg_json_parse(ctx, "evaluation", json, strlen(json), &root), HG_OK);
    assert_int_equal(json_integer_value(json_object_get(root, "n_events")), 2);
    assert_int_equal(json_integer_value(json_object_get(root, "n_tracks")), 8);
    assert_near(json_number_value(json_object_get(root, "trackml_score")), 2.0 / 3, 1e-8);
    json_t *soft = json_array_get(json_object_get(root, "targets"), 0), *middle = json_array_get(json_object_get(root, "targets"), 1);
    json_t *matching = json_object_get(soft, "tracks");
    assert_near(number_at(matching, "double majority", "efficiency", "value"), 2.0 / 3, 1e-8);
    assert_near(number_at(matching, "double majority", "fake", "value"), 0.5, 1e-8);
    assert_near(number_at(matching, "perfect", "efficiency", "value"), 1.0 / 3, 1e-8);
    assert_near(number_at(matching, "ATLAS", "duplicate", "value"), 1.0 / 3, 1e-8);
    assert_near(number_at(json_object_get(middle, "tracks"), "two-way", "efficiency", "denominator"), 4, 0);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(soft, "losses"), "track")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(soft, "losses"), "found")), 4);
    json_decref(root);

    assert_non_null(strstr(text, "TrackML score 0.6667"));
    assert_non_null(strstr(text, "targets: pT > 0.9 GeV"));
    for (int kind = 0; kind < HG_MATCH_KINDS; ++kind) assert_non_null(strstr(text, hg_match_name((hg_match_kind)kind)));
    hg_free(ctx, text);
    hg_free(ctx, json);

    const hg_tracks_content all = {found.tracks, 2, 2, 2, seed, doublet, doublet_score, triplet, triplet_score};
    const struct {
        double doublet_min, triplet_min;
        hg_loss_stage lost;
    } cuts[] = {{0, 0, HG_LOSS_TRACK}, {0.5, 0, HG_LOSS_DOUBLET}, {0, 0.95, HG_LOSS_TRIPLET}};
    for (int k = 0; k < 3; ++k) {
        hg_evaluation e = {.with_losses = true, .doublet_min = cuts[k].doublet_min, .triplet_min = cuts[k].triplet_min};
        assert_int_equal(hg_evaluation_add(ctx, event, detector, &all, &e), HG_OK);
        assert_int_equal(e.loss[0][HG_LOSS_NONE], 2);
        assert_int_equal(e.loss[0][cuts[k].lost], 1);
    }
    hg_tracks_destroy(ctx, found.tracks);
}

static void events_without_truth_are_refused(void **state)
{
    (void)state;
    hg_evaluation evaluation = {0};
    hg_tracks_content none = {0};
    assert_int_equal(hg_tracks_create(ctx, 0, 0, &none.tracks), HG_OK);
    event->has_truth = false;
    assert_int_equal(hg_evaluation_add(ctx, event, detector, &none, &evaluation), HG_ERR_DATA);
    event->has_truth = true;
    event->hits.module_id[0] += 100000;
    assert_int_equal(hg_evaluation_add(ctx, event, detector, &none, &evaluation), HG_ERR_DATA);
    event->hits.module_id[0] -= 100000;
    assert_int_equal(evaluation.tracks.n_events, 0);
    hg_tracks_content_clear(ctx, &none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_and_json_agree),
        cmocka_unit_test(events_without_truth_are_refused),
    };
    return cmocka_run_group_tests(tests, make_event, free_event);
}
