/* pipeline/prepare.c — an event joined with its detector. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/prepare.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"

static hg_status find_modules(hg_context *ctx, hg_prepared *prepared)
{
    hg_status status = HG_OK;
    const hg_hits *hits = &prepared->event->hits;
    const hg_detector *detector = prepared->detector;

    int64_t lost = hits->n;

#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(static) if (hits->n >= HG_PARALLEL_MIN) reduction(min : lost)
    for (int64_t i = 0; i < hits->n; ++i) {
        const int64_t module = hg_detector_find(detector, hits->volume_id[i], hits->layer_id[i], hits->module_id[i]);
        prepared->module[i] = module;
        prepared->module_index[i] = (int32_t)module;
        prepared->layer[i] = module < 0 ? -1 : detector->module_layer[module];
        if (module < 0 && i < lost) lost = i;
    }
    HG_CHECK(lost == hits->n, HG_ERR_DATA, "event %" PRIu64 ": hit %" PRIu64 ": volume %d, layer %d, module %d is not in the detector",
             prepared->event->event_id, hits->hit_id[lost], hits->volume_id[lost], hits->layer_id[lost], hits->module_id[lost]);
    for (int64_t l = 0; l < detector->n_layers; ++l) prepared->layer_barrel[l] = detector->layers[l].barrel;
done:
    return status;
}

static hg_status measure_clusters(hg_context *ctx, hg_prepared *prepared)
{
    hg_status status = HG_OK;
    const hg_cells *cells = &prepared->event->cells;
    const hg_detector *detector = prepared->detector;
    const int64_t n = prepared->event->hits.n;

    HG_TRY(hg_alloc_unset(ctx, &prepared->nu, n));
    HG_TRY(hg_alloc_unset(ctx, &prepared->nv, n));
    HG_TRY(hg_alloc_unset(ctx, &prepared->frame, 9 * detector->n_modules));
    HG_TRY(hg_alloc(ctx, &prepared->layer_volume, detector->n_layers));
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(static) if (n >= HG_PARALLEL_MIN)
    for (int64_t i = 0; i < n; ++i) {
        int64_t size[2];
        hg_cluster_size(cells, i, size);
        prepared->nu[i] = (uint8_t)(size[0] < UINT8_MAX ? size[0] : UINT8_MAX);
        prepared->nv[i] = (uint8_t)(size[1] < UINT8_MAX ? size[1] : UINT8_MAX);
    }
    for (int64_t m = 0; m < detector->n_modules; ++m) {
        const double *rotation = detector->modules[m].rotation;
        for (int k = 0; k < 9; ++k) prepared->frame[9 * m + k] = (float)rotation[3 * (k % 3) + k / 3];
    }
    for (int64_t l = 1; l < detector->n_layers; ++l) {
        const bool another = detector->layers[l].volume_id != detector->layers[l - 1].volume_id;
        prepared->layer_volume[l] = prepared->layer_volume[l - 1] + another;
    }
done:
    return status;
}

hg_status hg_prepare_event(hg_context *ctx, const hg_event *event, const hg_detector *detector, const hg_calibration *calibration,
                           hg_prepared **out)
{
    hg_status status = HG_OK;
    hg_prepared *prepared = NULL;
    const int64_t n = event->hits.n;

    HG_TRY(hg_alloc(ctx, &prepared, 1));
    prepared->event = event;
    prepared->detector = detector;
    HG_TRY(hg_alloc_unset(ctx, &prepared->module, n));
    HG_TRY(hg_alloc_unset(ctx, &prepared->module_index, n));
    HG_TRY(hg_alloc_unset(ctx, &prepared->layer, n));
    HG_TRY(hg_alloc_unset(ctx, &prepared->measurement, n));
    HG_TRY(hg_alloc(ctx, &prepared->layer_barrel, detector->n_layers));
    HG_TRY(find_modules(ctx, prepared));
    HG_TRY(hg_measure_hits(ctx, detector, &event->hits, prepared->module, event->has_cells ? &event->cells : NULL, calibration,
                           prepared->measurement));
    if (event->has_cells) HG_TRY(measure_clusters(ctx, prepared));
    prepared->hits = (hg_doublet_hits){.n = n,
                                       .x = event->hits.x,
                                       .y = event->hits.y,
                                       .z = event->hits.z,
                                       .layer = prepared->layer,
                                       .module = prepared->module_index,
                                       .n_layers = (int32_t)detector->n_layers,
                                       .layer_barrel = prepared->layer_barrel,
                                       .nu = prepared->nu,
                                       .nv = prepared->nv,
                                       .frame = prepared->frame,
                                       .layer_volume = prepared->layer_volume};
    *out = prepared;
    prepared = NULL;
done:
    hg_prepared_destroy(ctx, prepared);
    return status;
}

void hg_prepared_destroy(hg_context *ctx, hg_prepared *prepared)
{
    if (!prepared) return;
    hg_free(ctx, prepared->module);
    hg_free(ctx, prepared->module_index);
    hg_free(ctx, prepared->layer);
    hg_free(ctx, prepared->layer_barrel);
    hg_free(ctx, prepared->measurement);
    hg_free(ctx, prepared->nu);
    hg_free(ctx, prepared->nv);
    hg_free(ctx, prepared->frame);
    hg_free(ctx, prepared->layer_volume);
    hg_free(ctx, prepared);
}

hg_status hg_prepare_truth(hg_context *ctx, const hg_prepared *prepared, double pt_min_gev, hg_prepared_truth **out)
{
    hg_status status = HG_OK;
    hg_prepared_truth *truth = NULL;

    HG_TRY(hg_alloc(ctx, &truth, 1));
    HG_TRY(hg_truth_order_create(ctx, prepared->event, prepared->detector, prepared->module, &truth->order));
    HG_TRY(hg_alloc(ctx, &truth->weight, truth->order->n_particles));
    for (int64_t p = 0; p < truth->order->n_particles; ++p) {
        const hg_truth_order *order = truth->order;
        if (order->pt_gev[p] < pt_min_gev) continue;
        truth->weight[p] = hg_doublet_target_weight(order->pt_gev[p], order->generation[p], order->n_hits_of[p]);
    }
    truth->truth = (hg_doublet_truth){.n_particles = truth->order->n_particles,
                                      .particle = truth->order->particle,
                                      .layer_rank = truth->order->layer_rank,
                                      .module_rank = truth->order->module_rank,
                                      .weight = truth->weight};
    *out = truth;
    truth = NULL;
done:
    hg_prepared_truth_destroy(ctx, truth);
    return status;
}

void hg_prepared_truth_destroy(hg_context *ctx, hg_prepared_truth *truth)
{
    if (!truth) return;
    hg_truth_order_destroy(ctx, truth->order);
    hg_free(ctx, truth->weight);
    hg_free(ctx, truth);
}
