/* pipeline/classical_seeding.c — seeds by cuts on helices in place of graph and networks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/classical_seeding.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "hitgraph/classical_seeds.h"
#include "pipeline/track_graphs.h"
#include "tracking/kalman.h"

static hg_status find_triplets(hg_context *ctx, const hg_setup *setup, const hg_track_result *result, hg_classical_triplets *out)
{
    hg_status status = HG_OK;
    const double precise = 0.1; /* mm: pixels are, strips are not */
    const hg_track_config *config = &setup->config;
    const hg_prepared *prepared = result->prepared;
    const hg_doublet_hits *hits = &prepared->hits;
    hg_classical_options options = hg_classical_default_options();
    double field[3];
    uint8_t *use = NULL;

    HG_TRY(hg_alloc(ctx, &use, hits->n));
    for (int64_t i = 0; i < hits->n; ++i) {
        const hg_measurement *m = &prepared->measurement[i];
        use[i] = hg_measurement_has(m, 0) && hg_measurement_has(m, 1) && m->variance[0] < precise * precise &&
                 m->variance[1] < precise * precise;
    }
    hg_field_at(setup->field, (const double[3]){0, 0, 0}, field);
    options.field_tesla = field[2];
    options.pt_min_gev = config->classical_pt_min_gev;
    options.d0_max = config->classical_d0_max_mm;
    options.z0_max = config->classical_z0_max_mm > 0 ? config->classical_z0_max_mm : 4 * result->sigma_z_mm + 10;
    HG_TRY(hg_classical_triplets_find(ctx, &(hg_space_points){hits->n, hits->x, hits->y, hits->z, hits->layer, hits->n_layers, use},
                                      &options, out));
done:
    hg_free(ctx, use);
    return status;
}

/* One half of a triplet. */
typedef struct half {
    int32_t hit[2];
    int64_t place; /* 2 * triplet, + 1 for the outer half */
} half;

static int by_hits(const void *left, const void *right)
{
    const half *a = left, *b = right;
    for (int k = 0; k < 2; ++k)
        if (a->hit[k] != b->hit[k]) return a->hit[k] < b->hit[k] ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

/* The different doublets of the triplets; doublet_of: [2 n triplets] the one of each half. Returns their number. */
static hg_status list_doublets(hg_context *ctx, const hg_classical_triplets *triplets, int32_t *sender, int32_t *receiver,
                               int32_t *doublet_of, int64_t *n)
{
    hg_status status = HG_OK;
    half *halves = NULL;
    int64_t made = 0;

    HG_TRY(hg_alloc(ctx, &halves, 2 * triplets->n));
    for (int64_t k = 0; k < 2 * triplets->n; ++k) {
        const int32_t *hit = triplets->hit + 3 * (k / 2) + k % 2;
        halves[k] = (half){{hit[0], hit[1]}, k};
    }
    qsort(halves, (size_t)(2 * triplets->n), sizeof *halves, by_hits);
    for (int64_t k = 0; k < 2 * triplets->n; ++k) {
        const half *h = &halves[k];
        if (k == 0 || h->hit[0] != h[-1].hit[0] || h->hit[1] != h[-1].hit[1]) {
            sender[made] = h->hit[0];
            receiver[made++] = h->hit[1];
        }
        doublet_of[h->place] = (int32_t)(made - 1);
    }
    *n = made;
done:
    hg_free(ctx, halves);
    return status;
}

/* The graph of the doublets, each of them a node of the line graph. row: [doublets] the graph's edge of each doublet. */
static hg_status make_doublets(hg_context *ctx, int64_t n_hits, int64_t n, const int32_t *sender, const int32_t *receiver,
                               hg_track_result *result, int32_t *row)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(ctx, &result->doublets, 1));
    HG_TRY(hg_graph_create(ctx, n_hits, n, sender, receiver, 1, NULL, &result->doublets->graph));
    HG_TRY(hg_alloc(ctx, &result->doublets->same_layer, n));
    HG_TRY(hg_alloc(ctx, &result->doublet_score, n));
    HG_TRY(hg_alloc(ctx, &result->keep, n));
    HG_TRY(hg_alloc(ctx, &result->line_doublet, n));
    for (int64_t e = 0; e < n; ++e) {
        row[result->doublets->graph->caller_edge[e]] = (int32_t)e;
        result->doublet_score[e] = 0.5f;
        result->keep[e] = 1;
        result->line_doublet[e] = e;
    }
done:
    return status;
}

static hg_status make_graphs(hg_context *ctx, const hg_classical_triplets *triplets, hg_track_result *result)
{
    hg_status status = HG_OK;
    int32_t *sender = NULL, *receiver = NULL, *doublet_of = NULL, *row = NULL;
    int64_t n_doublets = 0;

    HG_CHECK(triplets->n <= INT32_MAX / 2, HG_ERR_LIMIT, "%" PRId64 " classical triplets, at most %d", triplets->n, INT32_MAX / 2);
    HG_TRY(hg_alloc(ctx, &sender, 2 * triplets->n));
    HG_TRY(hg_alloc(ctx, &receiver, 2 * triplets->n));
    HG_TRY(hg_alloc(ctx, &doublet_of, 2 * triplets->n));
    HG_TRY(hg_alloc(ctx, &row, 2 * triplets->n));
    HG_TRY(list_doublets(ctx, triplets, sender, receiver, doublet_of, &n_doublets));
    HG_TRY(make_doublets(ctx, result->prepared->hits.n, n_doublets, sender, receiver, result, row));
    for (int64_t t = 0; t < triplets->n; ++t) {
        sender[t] = row[doublet_of[2 * t]];
        receiver[t] = row[doublet_of[2 * t + 1]];
    }
    HG_TRY(hg_graph_create(ctx, n_doublets, triplets->n, sender, receiver, 1, NULL, &result->line));
    HG_TRY(hg_alloc(ctx, &result->triplet_score, triplets->n));
    for (int64_t t = 0; t < triplets->n; ++t) result->triplet_score[t] = triplets->score[result->line->caller_edge[t]];
done:
    hg_free(ctx, sender);
    hg_free(ctx, receiver);
    hg_free(ctx, doublet_of);
    hg_free(ctx, row);
    return status;
}

hg_status hg_stage_classical(hg_context *ctx, const hg_setup *setup, const hg_event *event, hg_track_result *result)
{
    hg_status status = HG_OK;
    double start = hg_seconds();
    hg_stage stage = HG_STAGE_GRAPH;
    hg_classical_triplets triplets = {0};

    result->event_id = event->event_id;
    HG_TRY(hg_prepare_event(ctx, event, setup->detector, setup->calibration, &result->prepared));
    hg_end_stage(result, stage, start);
    stage = HG_STAGE_TRIPLET_GRAPH;
    start = hg_seconds();
    HG_TRY(hg_find_luminous_length(ctx, setup, NULL, result));
    HG_TRY(find_triplets(ctx, setup, result, &triplets));
    HG_TRY(make_graphs(ctx, &triplets, result));
done:
    hg_classical_triplets_clear(ctx, &triplets);
    hg_end_stage(result, stage, start);
    return status;
}
