/* tracking/graph_metrics.c — efficiency and purity of doublets, triplets and seeds against truth. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "tracking/graph_truth.h"

hg_status hg_truth_check_rows(hg_context *ctx, const char *what, int64_t n_edges, const int32_t *sender, const int32_t *receiver, int64_t n)
{
    for (int64_t e = 0; e < n_edges; ++e)
        if (sender[e] < 0 || sender[e] >= n || receiver[e] < 0 || receiver[e] >= n)
            return hg_fail(ctx, HG_ERR_ARG, "%s %" PRId64 ": joins %" PRId32 " and %" PRId32 ", expected 0 .. %" PRId64, what, e, sender[e],
                           receiver[e], n - 1);
    return HG_OK;
}

const char *hg_edge_truth_name(hg_edge_truth truth)
{
    static const char *const names[] = {"layerwise", "modulewise", "layerwise with overlaps"};
    return truth >= HG_EDGES_LAYERWISE && truth <= HG_EDGES_WITH_OVERLAPS ? names[truth] : "unknown";
}

hg_edge_label hg_truth_doublet_label(const hg_truth_order *order, hg_edge_truth truth, const hg_edge_list *doublets, int64_t e)
{
    const int32_t i = doublets->sender[e], j = doublets->receiver[e];
    if (truth == HG_EDGES_MODULEWISE) return hg_truth_is_doublet_modulewise(order, i, j) ? HG_EDGE_TRUE : HG_EDGE_FALSE;
    if (hg_truth_is_doublet_layerwise(order, i, j)) return HG_EDGE_TRUE;
    const bool overlap =
        i != j && order->particle[i] >= 0 && order->particle[i] == order->particle[j] && order->layer_rank[i] == order->layer_rank[j];
    return truth == HG_EDGES_WITH_OVERLAPS && overlap ? HG_EDGE_TRUE_OVERLAP : HG_EDGE_FALSE;
}

hg_edge_label hg_truth_triplet_label(const hg_truth_order *order, hg_edge_truth truth, const hg_edge_list *doublets,
                                     const int64_t *doublet_of, const hg_edge_list *triplets, int64_t t, int32_t *particle)
{
    const int32_t a = triplets->sender[t], b = triplets->receiver[t];
    const int64_t first = doublet_of == NULL ? a : doublet_of[a], second = doublet_of == NULL ? b : doublet_of[b];
    if (doublets->receiver[first] != doublets->sender[second]) return HG_EDGE_FALSE;
    const hg_edge_label labels[2] = {hg_truth_doublet_label(order, truth, doublets, first),
                                     hg_truth_doublet_label(order, truth, doublets, second)};
    if (labels[0] == HG_EDGE_FALSE || labels[1] == HG_EDGE_FALSE) return HG_EDGE_FALSE;
    *particle = order->particle[doublets->sender[first]];
    return labels[0] == HG_EDGE_TRUE && labels[1] == HG_EDGE_TRUE ? HG_EDGE_TRUE : HG_EDGE_TRUE_OVERLAP;
}

/* True chains of `length` hits in consecutive groups, over all target particles: the product of the groups' sizes, summed along each
 * particle. */
static hg_status count_true_chains(hg_context *ctx, const hg_truth_order *order, hg_edge_truth truth, const hg_target *target, int length,
                                   double *out)
{
    hg_status status = HG_OK;
    const int32_t *rank = truth == HG_EDGES_MODULEWISE ? order->module_rank : order->layer_rank;
    int64_t *start = NULL; /* [n_particles + 1] first group of each particle */
    int64_t *size = NULL;  /* hits in each group */
    double sum = 0;

    HG_TRY(hg_alloc(ctx, &start, order->n_particles + 1));
    for (int64_t i = 0; i < order->n_hits; ++i) {
        const int32_t p = order->particle[i];
        if (p >= 0 && rank[i] >= start[p]) start[p] = rank[i] + 1;
    }
    const int64_t n_groups = hg_prefix_sum(start, order->n_particles);
    HG_TRY(hg_alloc(ctx, &size, n_groups));
    for (int64_t i = 0; i < order->n_hits; ++i)
        if (order->particle[i] >= 0) ++size[start[order->particle[i]] + rank[i]];
    for (int64_t p = 0; p < order->n_particles; ++p) {
        if (!hg_truth_is_target(order, target, p)) continue;
        for (int64_t k = start[p]; k + length <= start[p + 1]; ++k) {
            double chains = 1;
            for (int step = 0; step < length; ++step) chains *= (double)size[k + step];
            sum += chains;
        }
    }
    *out = sum;
done:
    hg_free(ctx, start);
    hg_free(ctx, size);
    return status;
}

typedef struct edge_counts {
    int64_t kept, true_target, true_other, counted; /* counted: of true_target, those that the efficiency asks for */
} edge_counts;

static void count_edge(edge_counts *counts, const hg_truth_order *order, const hg_target *target, hg_edge_label label, int32_t particle)
{
    ++counts->kept;
    if (label == HG_EDGE_FALSE) return;
    if (!hg_truth_is_target(order, target, particle)) {
        ++counts->true_other;
        return;
    }
    ++counts->true_target;
    counts->counted += label == HG_EDGE_TRUE;
}

static hg_edge_rates rates_of(const edge_counts *counts, double all_true)
{
    const double kept = (double)counts->kept, of_target = (double)counts->true_target, of_others = (double)counts->true_other;
    return (hg_edge_rates){
        .n_kept = counts->kept,
        .efficiency = hg_rate_of_counts("true edges of targets that are kept / true edges of targets", (double)counts->counted, all_true),
        .purity_total = hg_rate_of_counts("true edges of targets / all edges", of_target, kept),
        .purity_all_true = hg_rate_of_counts("true edges of anyone / all edges", of_target + of_others, kept),
        .purity_masked = hg_rate_of_counts("true edges of targets / (all edges - true edges of others)", of_target, kept - of_others),
    };
}

hg_status hg_doublet_rates(hg_context *ctx, const hg_truth_order *order, const hg_edge_list *doublets, hg_edge_truth truth,
                           const hg_target *target, hg_edge_rates *out)
{
    hg_status status = HG_OK;
    edge_counts counts = {0};
    double all_true = 0;

    HG_TRY(hg_truth_check_rows(ctx, "doublet", doublets->n, doublets->sender, doublets->receiver, order->n_hits));
    HG_TRY(count_true_chains(ctx, order, truth, target, 2, &all_true));
    for (int64_t e = 0; e < doublets->n; ++e) {
        if (doublets->keep != NULL && !doublets->keep[e]) continue;
        count_edge(&counts, order, target, hg_truth_doublet_label(order, truth, doublets, e), order->particle[doublets->sender[e]]);
    }
    *out = rates_of(&counts, all_true);
done:
    return status;
}

hg_status hg_truth_check_triplets(hg_context *ctx, const hg_truth_order *order, const hg_edge_list *doublets, int64_t n_nodes,
                                  const int64_t *doublet_of, const hg_edge_list *triplets)
{
    hg_status status = HG_OK;
    HG_TRY(hg_truth_check_rows(ctx, "doublet", doublets->n, doublets->sender, doublets->receiver, order->n_hits));
    HG_TRY(hg_truth_check_rows(ctx, "triplet", triplets->n, triplets->sender, triplets->receiver, n_nodes));
    HG_CHECK(doublet_of != NULL || n_nodes <= doublets->n, HG_ERR_ARG, "%" PRId64 " nodes of the line graph, but %" PRId64 " doublets",
             n_nodes, doublets->n);
    for (int64_t k = 0; doublet_of != NULL && k < n_nodes; ++k)
        HG_CHECK(doublet_of[k] >= 0 && doublet_of[k] < doublets->n, HG_ERR_ARG,
                 "line-graph node %" PRId64 ": doublet %" PRId64 ", expected 0 .. %" PRId64, k, doublet_of[k], doublets->n - 1);
done:
    return status;
}

hg_status hg_triplet_rates(hg_context *ctx, const hg_truth_order *order, const hg_edge_list *doublets, int64_t n_nodes,
                           const int64_t *doublet_of, const hg_edge_list *triplets, hg_edge_truth truth, const hg_target *target,
                           hg_edge_rates *out)
{
    hg_status status = HG_OK;
    edge_counts counts = {0};
    double all_true = 0;

    HG_TRY(hg_truth_check_triplets(ctx, order, doublets, n_nodes, doublet_of, triplets));
    HG_TRY(count_true_chains(ctx, order, truth, target, 3, &all_true));
    for (int64_t t = 0; t < triplets->n; ++t) {
        if (triplets->keep != NULL && !triplets->keep[t]) continue;
        int32_t particle = -1;
        const hg_edge_label label = hg_truth_triplet_label(order, truth, doublets, doublet_of, triplets, t, &particle);
        count_edge(&counts, order, target, label, particle);
    }
    *out = rates_of(&counts, all_true);
done:
    return status;
}

void hg_edge_rates_add(hg_edge_rates *sum, const hg_edge_rates *more)
{
    sum->n_kept += more->n_kept;
    hg_rate_add(&sum->efficiency, &more->efficiency);
    hg_rate_add(&sum->purity_total, &more->purity_total);
    hg_rate_add(&sum->purity_all_true, &more->purity_all_true);
    hg_rate_add(&sum->purity_masked, &more->purity_masked);
}

int32_t hg_truth_seed_particle(const hg_truth_order *order, const hg_hit_lists *seeds, int64_t s)
{
    const int64_t first = seeds->offset[s], end = seeds->offset[s + 1];
    if (first == end) return -1;
    const int32_t particle = order->particle[seeds->hit[first]];
    for (int64_t k = first + 1; k < end; ++k)
        if (order->particle[seeds->hit[k]] != particle) return -1;
    return particle;
}

hg_status hg_truth_check_lists(hg_context *ctx, const char *what, const hg_truth_order *order, const hg_hit_lists *lists)
{
    for (int64_t s = 0; s < lists->n; ++s)
        for (int64_t k = lists->offset[s]; k < lists->offset[s + 1]; ++k)
            if (lists->hit[k] < 0 || lists->hit[k] >= order->n_hits)
                return hg_fail(ctx, HG_ERR_ARG, "%s %" PRId64 ": hit row %" PRId32 ", expected 0 .. %" PRId64, what, s, lists->hit[k],
                               order->n_hits - 1);
    return HG_OK;
}

hg_status hg_seed_rates_make(hg_context *ctx, const hg_truth_order *order, const hg_hit_lists *seeds, const hg_target *target,
                             hg_seed_rates *out)
{
    hg_status status = HG_OK;
    uint8_t *found = NULL; /* [n_particles] */
    double n_targets = 0, distinct = 0, correct = 0, of_target = 0;

    HG_TRY(hg_truth_check_lists(ctx, "seed", order, seeds));
    HG_TRY(hg_alloc(ctx, &found, order->n_particles));
    for (int64_t p = 0; p < order->n_particles; ++p) n_targets += hg_truth_is_target(order, target, p);
    for (int64_t s = 0; s < seeds->n; ++s) {
        const int32_t p = hg_truth_seed_particle(order, seeds, s);
        if (p < 0) continue;
        ++correct;
        if (!hg_truth_is_target(order, target, p)) continue;
        ++of_target;
        distinct += found[p] == 0;
        found[p] = 1;
    }
    *out = (hg_seed_rates){
        .n_seeds = seeds->n,
        .efficiency = hg_rate_of_counts("targets with a seed of only their hits / targets", distinct, n_targets),
        .purity = hg_rate_of_counts("seeds of one particle / all seeds", correct, (double)seeds->n),
        .duplicate =
            hg_rate_of_counts("(correct seeds of targets - targets with one) / correct seeds of targets", of_target - distinct, of_target),
    };
done:
    hg_free(ctx, found);
    return status;
}

void hg_seed_rates_add(hg_seed_rates *sum, const hg_seed_rates *more)
{
    sum->n_seeds += more->n_seeds;
    hg_rate_add(&sum->efficiency, &more->efficiency);
    hg_rate_add(&sum->purity, &more->purity);
    hg_rate_add(&sum->duplicate, &more->duplicate);
}
