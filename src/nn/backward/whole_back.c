/* nn/backward/whole_back.c — networks with batch norms in reverse: every layer over all rows before the one below. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "nn/backward/back.h"
#include "nn/forward/whole.h"

typedef enum stage { STAGE_OUTPUT, STAGE_UPPER, STAGE_LOWER } stage;

/* Everything that stands still while the stages run over the rows. */
typedef struct whole {
    hg_back *b;
    hg_tape tape;       /* of all rows */
    hg_real *d, *below; /* [rows, stride of the layer] */
    hg_real *memory;    /* scratch of all threads */
    int64_t scratch;    /* numbers per thread */
} whole;

static void run_stage_tile(const whole *w, stage what, int l, int64_t row, int64_t rows, hg_real *group, hg_back_scratch *s)
{
    const hg_network *net = w->b->net;
    hg_tape at = hg_tape_at(net, &w->tape, row);
    int64_t stride = at.layer[l].stride;
    hg_real *d = w->d + row * stride;
    if (what == STAGE_OUTPUT) {
        hg_finish_back(w->b, at.layer[l].y, stride, row, rows, s, d);
    } else if (what == STAGE_UPPER) {
        hg_layer_back_rows(w->b, l, HG_LAYER_UPPER, &at, row, rows, d, group);
    } else {
        hg_real *below = l > 0 ? w->below + row * at.layer[l - 1].stride : NULL;
        hg_layer_back_rows(w->b, l, HG_LAYER_LOWER, &at, row, rows, d, group);
        hg_layer_back_below(w->b, l, &at, row, rows, d, below, group, s);
    }
}

static void run_stage(const whole *w, stage what, int l)
{
    const hg_weight_sums *sums = &w->b->sums;
#pragma omp parallel num_threads(hg_team(w->b->run, sums->n_rows))
    {
        hg_back_scratch s;
        hg_back_scratch_layout(w->b, false, w->memory + w->scratch * hg_thread(), &s);
#pragma omp for schedule(dynamic)
        for (int64_t group = 0; group < sums->n_groups; ++group) {
            int64_t end = hg_weight_sums_row(sums, group + 1);
            if (what == STAGE_OUTPUT) hg_weight_sums_open(sums, group);
            for (int64_t row = hg_weight_sums_row(sums, group); row < end; row += HG_TILE_ROWS) {
                int64_t rows = end - row < HG_TILE_ROWS ? end - row : HG_TILE_ROWS;
                run_stage_tile(w, what, l, row, rows, sums->memory + group * sums->size, &s);
            }
        }
    }
}

static hg_status walk_back(whole *w, const hg_batch_norm *norms)
{
    hg_status status = HG_OK;
    hg_back *b = w->b;
    const hg_network *net = b->net;
    run_stage(w, STAGE_OUTPUT, net->n_layers - 1);
    for (int l = net->n_layers - 1; l >= 0; --l) {
        const hg_layer_tape *t = &w->tape.layer[l];
        run_stage(w, STAGE_UPPER, l);
        if (hg_norm_is_batch(net->layer[l].norm))
            HG_TRY(hg_batch_norm_back(b->run, b->u, &net->layer[l], t->h, norms->rstd[l], t->stride, w->d));
        run_stage(w, STAGE_LOWER, l);
        if (!net->layer[l].linear) continue;
        hg_real *swap = w->d;
        w->d = w->below;
        w->below = swap;
    }
done:
    return status;
}

hg_status hg_whole_backward(hg_back *b)
{
    hg_status status = HG_OK;
    hg_context *ctx = b->run->ctx;
    hg_batch_norm norms = {{0}};
    hg_real *tape_memory = NULL, *d[2] = {NULL, NULL};
    hg_back_scratch counted;
    whole w = {.b = b};
    int64_t n = b->sums.n_rows, widest = 0;
    for (int l = 0; l < b->net->n_layers; ++l) widest = b->net->layer[l].out > widest ? b->net->layer[l].out : widest;
    w.scratch = hg_back_scratch_layout(b, false, NULL, &counted);
    HG_TRY(hg_run_take(b->run, &w.memory, w.scratch * b->run->threads));
    HG_TRY(hg_run_take(b->run, &tape_memory, hg_tape_layout(b->net, n, true, NULL, &w.tape)));
    hg_tape_layout(b->net, n, true, tape_memory, &w.tape);
    for (int i = 0; i < 2; ++i) HG_TRY(hg_run_take(b->run, &d[i], n * hg_padded(widest)));
    if (b->run->dry) goto done;
    w.d = d[0];
    w.below = d[1];
    HG_TRY(hg_whole_tape(b->run, b->u, &b->products, b->reduced, &w.tape, &norms));
    HG_TRY(walk_back(&w, &norms));
done:
    hg_batch_norm_clear(ctx, &norms);
    hg_run_give(b->run, w.memory);
    hg_run_give(b->run, tape_memory);
    hg_run_give(b->run, d[0]);
    hg_run_give(b->run, d[1]);
    return status;
}
