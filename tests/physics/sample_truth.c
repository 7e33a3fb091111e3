/* physics/sample_truth.c — truth, weights and rates on the public 5 % sample of a TrackML event. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"
#include "hitgraph/metrics.h"
#include "hitgraph/trackml.h"
#include "hitgraph/weights.h"
#include "tests/near.h"
#include "tests/leaks.h"

#define SAMPLE "../shared/data/trackml/sample5pct"

static hg_context *ctx;
static hg_event *event;
static hg_detector *detector;
static hg_truth_order *order;

static int read_sample(void **state)
{
    (void)state;
    if (hg_context_create(&ctx) < 0) return 1;
    if (access(SAMPLE, R_OK) != 0) return 0;
    hg_event_list *list = NULL;
    hg_status status = hg_event_list_create(ctx, SAMPLE, &list);
    if (status >= 0) status = hg_event_read(ctx, &list->source[0], HG_PART_TRUTH | HG_PART_PARTICLES, &event);
    if (status >= 0) status = hg_detector_read(ctx, SAMPLE "/detectors.csv.gz", &detector);
    if (status >= 0) status = hg_truth_order_create(ctx, event, detector, NULL, &order);
    if (status < 0) fprintf(stderr, "%s\n", hg_context_message(ctx));
    hg_event_list_destroy(ctx, list);
    return status < 0;
}

static int free_sample(void **state)
{
    (void)state;
    hg_truth_order_destroy(ctx, order);
    hg_detector_destroy(ctx, detector);
    hg_event_destroy(ctx, event);
    return close_without_leaks(ctx);
}

static void need_sample(void)
{
    if (event) return;
    printf("SKIP sample_truth: ../shared/data is missing\n");
    skip();
}

static void weights_are_the_challenges_own(void **state)
{
    (void)state;
    need_sample();
    double *weight = NULL, raw = 0, sum = 0;
    assert_int_equal(hg_alloc(ctx, &weight, event->hits.n), HG_OK);
    assert_int_equal(hg_trackml_weights(ctx, event, HG_WEIGHTS_PHASE_2, weight, &raw), HG_OK);
    for (int64_t i = 0; i < event->hits.n; ++i) sum += event->truth.weight[i];
    for (int64_t i = 0; i < event->hits.n; ++i) {
        const double expected = event->truth.weight[i];
        assert_near(weight[i] * sum, expected, 1e-5 * expected);
    }
    assert_near(raw / sum, 2024.1, 0.1);
    /* the rule of the first phase is not the one that made this sample */
    double other = 0;
    assert_int_equal(hg_trackml_weights(ctx, event, HG_WEIGHTS_PHASE_1, weight, &other), HG_OK);
    assert_true(other > 1.05 * raw);
    hg_free(ctx, weight);
}

static void truth_has_the_measured_numbers(void **state)
{
    (void)state;
    need_sample();
    int64_t with_hits = 0, of_primaries = 0;
    for (int64_t p = 0; p < order->n_particles; ++p) {
        with_hits += order->n_hits_of[p] > 0;
        of_primaries += order->n_hits_of[p] > 0 && order->generation[p] == 0 && order->vertex_r_mm[p] < 2;
        assert_int_equal(order->n_hits_of[p], event->particles.nhits[p]);
    }
    assert_int_equal(order->n_particles, 548);
    assert_int_equal(with_hits, 468);
    assert_int_equal(of_primaries, 357);
    const hg_target all = {.pt_min_gev = -1, .eta_max = HUGE_VAL};
    hg_edge_rates rates;
    assert_int_equal(hg_doublet_rates(ctx, order, &(hg_edge_list){0}, HG_EDGES_LAYERWISE, &all, &rates), HG_OK);
    assert_near(rates.efficiency.denominator, 5560, 0);
}

static void perfect_labels_score_one(void **state)
{
    (void)state;
    need_sample();
    int64_t *label = NULL;
    double score = 0;
    assert_int_equal(hg_alloc(ctx, &label, event->hits.n), HG_OK);
    for (int64_t i = 0; i < event->hits.n; ++i) label[i] = order->particle[i] + 1;
    assert_int_equal(hg_trackml_score(ctx, event->hits.n, label, event->truth.particle_id, event->truth.weight, &score, NULL, NULL), HG_OK);
    assert_near(score, 1, 1e-12);
    for (int64_t i = 0; i < event->hits.n; ++i) label[i] = 1;
    assert_int_equal(hg_trackml_score(ctx, event->hits.n, label, event->truth.particle_id, event->truth.weight, &score, NULL, NULL), HG_OK);
    assert_near(score, 0, 0);
    hg_free(ctx, label);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_the_challenges_own),
        cmocka_unit_test(truth_has_the_measured_numbers),
        cmocka_unit_test(perfect_labels_score_one),
    };
    return cmocka_run_group_tests(tests, read_sample, free_sample);
}
