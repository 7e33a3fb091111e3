/* tracking/losses.c — at which stage target particles were lost. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "tracking/graph_truth.h"

const char *hg_loss_name(hg_loss_stage stage)
{
    static const char *const names[HG_LOSS_STAGES] = {"found", "hits", "graph", "doublet cut", "triplet cut", "seed", "track"};
    return stage >= 0 && stage < HG_LOSS_STAGES ? names[stage] : "unknown";
}

/* Marks the particles that have two consecutive true doublets among the given ones: entered[hit] = a true doublet ends here. */
static void mark_chains(const hg_truth_order *order, hg_edge_truth truth, const hg_edge_list *doublets, bool cut, uint8_t *entered,
                        uint8_t *passed, uint8_t bit)
{
    memset(entered, 0, (size_t)order->n_hits);
    for (int pass = 0; pass < 2; ++pass)
        for (int64_t e = 0; e < doublets->n; ++e) {
            if (cut && doublets->keep != NULL && !doublets->keep[e]) continue;
            if (hg_truth_doublet_label(order, truth, doublets, e) != HG_EDGE_TRUE) continue;
            if (pass == 0)
                entered[doublets->receiver[e]] = 1;
            else if (entered[doublets->sender[e]])
                passed[order->particle[doublets->sender[e]]] |= bit;
        }
}

static void mark_triplets(const hg_truth_order *order, const hg_stages *stages, const hg_edge_list *joined, uint8_t *passed, uint8_t bit)
{
    const hg_edge_list *triplets = stages->triplets;
    for (int64_t t = 0; t < triplets->n; ++t) {
        if (triplets->keep != NULL && !triplets->keep[t]) continue;
        int32_t p = -1;
        const hg_edge_label label = hg_truth_triplet_label(order, stages->truth, joined, stages->doublet_of, triplets, t, &p);
        if (label == HG_EDGE_TRUE) passed[p] |= bit;
    }
}

static void mark_seeds(const hg_truth_order *order, const hg_hit_lists *seeds, uint8_t *passed, uint8_t bit)
{
    for (int64_t s = 0; s < seeds->n; ++s) {
        const int32_t p = hg_truth_seed_particle(order, seeds, s);
        if (p >= 0) passed[p] |= bit;
    }
}

static hg_status mark_tracks(hg_context *ctx, const hg_truth_order *order, const hg_hit_lists *tracks, uint8_t *passed, uint8_t bit)
{
    hg_status status = HG_OK;
    hg_track_match *match = NULL;

    HG_TRY(hg_alloc(ctx, &match, tracks->n));
    HG_TRY(hg_match_tracks(ctx, order, tracks, match));
    for (int64_t t = 0; t < tracks->n; ++t)
        if (match[t].n_hits >= 3 && hg_track_is_matched(&match[t], HG_MATCH_DOUBLE_MAJORITY)) passed[match[t].majority] |= bit;
done:
    hg_free(ctx, match);
    return status;
}

static void mark_hits(const hg_truth_order *order, hg_edge_truth truth, uint8_t *passed, uint8_t bit)
{
    const int32_t *rank = truth == HG_EDGES_MODULEWISE ? order->module_rank : order->layer_rank;
    for (int64_t i = 0; i < order->n_hits; ++i)
        if (order->particle[i] >= 0 && rank[i] >= 2) passed[order->particle[i]] |= bit;
}

static uint8_t stage_bit(hg_loss_stage stage)
{
    return (uint8_t)(1u << stage);
}

hg_status hg_losses_count(hg_context *ctx, const hg_truth_order *order, const hg_target *target, const hg_stages *stages,
                          int64_t count[HG_LOSS_STAGES])
{
    hg_status status = HG_OK;
    uint8_t *passed = NULL;  /* [n_particles] bits of the stages that a particle passed */
    uint8_t *entered = NULL; /* [n_hits] */
    int64_t result[HG_LOSS_STAGES] = {0};
    const hg_edge_list *joined = stages->triplet_doublets != NULL ? stages->triplet_doublets : stages->doublets;
    bool looked_at[HG_LOSS_STAGES] = {[HG_LOSS_HITS] = true};

    HG_CHECK(stages->triplets == NULL || joined != NULL, HG_ERR_ARG, "triplets without doublets");
    HG_TRY(hg_alloc(ctx, &passed, order->n_particles));
    HG_TRY(hg_alloc(ctx, &entered, order->n_hits));
    mark_hits(order, stages->truth, passed, stage_bit(HG_LOSS_HITS));
    if (stages->doublets != NULL) {
        HG_TRY(
            hg_truth_check_rows(ctx, "doublet", stages->doublets->n, stages->doublets->sender, stages->doublets->receiver, order->n_hits));
        looked_at[HG_LOSS_GRAPH] = looked_at[HG_LOSS_DOUBLET] = true;
        mark_chains(order, stages->truth, stages->doublets, false, entered, passed, stage_bit(HG_LOSS_GRAPH));
        mark_chains(order, stages->truth, stages->doublets, true, entered, passed, stage_bit(HG_LOSS_DOUBLET));
    }
    if (stages->triplets != NULL) {
        HG_TRY(hg_truth_check_triplets(ctx, order, joined, stages->n_nodes, stages->doublet_of, stages->triplets));
        looked_at[HG_LOSS_TRIPLET] = true;
        mark_triplets(order, stages, joined, passed, stage_bit(HG_LOSS_TRIPLET));
    }
    if (stages->seeds != NULL) {
        HG_TRY(hg_truth_check_lists(ctx, "seed", order, stages->seeds));
        looked_at[HG_LOSS_SEED] = true;
        mark_seeds(order, stages->seeds, passed, stage_bit(HG_LOSS_SEED));
    }
    if (stages->tracks != NULL) {
        looked_at[HG_LOSS_TRACK] = true;
        HG_TRY(mark_tracks(ctx, order, stages->tracks, passed, stage_bit(HG_LOSS_TRACK)));
    }

    for (int64_t p = 0; p < order->n_particles; ++p) {
        if (!hg_truth_is_target(order, target, p)) continue;
        hg_loss_stage lost = HG_LOSS_NONE;
        /* a track may pick up a particle that an earlier stage lost: found is found */
        for (hg_loss_stage s = HG_LOSS_TRACK; s > HG_LOSS_NONE && !(passed[p] & stage_bit(HG_LOSS_TRACK)); --s)
            if (looked_at[s] && !(passed[p] & stage_bit(s))) lost = s;
        ++result[lost];
    }
    memcpy(count, result, sizeof result);
done:
    hg_free(ctx, passed);
    hg_free(ctx, entered);
    return status;
}
