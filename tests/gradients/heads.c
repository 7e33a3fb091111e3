/* tests/gradients/heads.c — the losses of all heads of one output against central differences. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include <math.h>

#include "base/random.h"
#include "pipeline/classify_heads.h"

static void gradients_match_differences(void **state)
{
    (void)state;
    enum { N = 5, WIDTH = 19 };
    hg_classify_config config;
    hg_heads heads;
    hg_head_targets targets = {0};
    hg_pulse_events *events = NULL;
    hg_graph *graph = NULL;
    double output[N * WIDTH], gradient[N * WIDTH], loss, up, down;
    hg_random random = hg_random_stream(8, 1, 1, 1);
    const char *const settings[] = {"classify.task=direction,signal,vertex,class,energy,quantiles", "classify.loss.vertex=0.3"};
    must(hg_classify_config_read(ctx, NULL, NULL, settings, 2, &config));
    must(hg_classify_heads(ctx, &config, &heads));
    assert_int_equal(heads.width, WIDTH);
    must(hg_pulse_events_create(ctx, N, 0, 0, HG_TRUTH_LABEL | HG_TRUTH_ENERGY | HG_TRUTH_DIR | HG_TRUTH_VERTEX, &events));
    for (int e = 0; e < N; ++e) {
        double d[3];
        hg_direction_of_travel(0.5 * e, e, d);
        events->truth.label[e] = e % 4;
        events->truth.energy[e] = e == 2 ? 0 : 700.0f * (float)(e + 1); /* one is not known */
        for (int k = 0; k < 3; ++k) events->truth.dir[3 * e + k] = (float)d[k];
        for (int k = 0; k < 3; ++k) events->truth.vertex[4 * e + k] = (float)(100 * k - 60 * e);
    }
    must(hg_head_targets_make(ctx, &heads, events, true, &targets));
    must(hg_graph_create(ctx, 0, 0, NULL, NULL, N, (const int64_t[N + 1]){0}, &graph));
    for (int i = 0; i < N * WIDTH; ++i) output[i] = hg_random_normal(&random);
    const hg_batch batch = {.graph = graph};
    const hg_outputs out = {.globals = output};
    hg_outputs back = {.globals = gradient}, none = {0};
    must(hg_heads_loss(ctx, &targets, &batch, &out, &back, &loss));
    for (int i = 0; i < N * WIDTH; ++i) {
        const double at = output[i], h = 1e-6;
        output[i] = at + h;
        must(hg_heads_loss(ctx, &targets, &batch, &out, &none, &up));
        output[i] = at - h;
        must(hg_heads_loss(ctx, &targets, &batch, &out, &none, &down));
        output[i] = at;
        if (!(fabs((up - down) / (2 * h) - gradient[i]) < 1e-7))
            fail_msg("row %d, column %d: gradient %g, difference %g", i / WIDTH, i % WIDTH, gradient[i], (up - down) / (2 * h));
    }
    hg_head_targets_clear(ctx, &targets);
    hg_pulse_events_destroy(ctx, events);
    hg_graph_destroy(ctx, graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients_match_differences)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
