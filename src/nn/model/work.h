/* nn/model/work.h — the arithmetic and the traffic that a model needs on a graph of given size, counted from its description. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_WORK_H
#define HG_NN_WORK_H

#include "nn/model/model.h"

typedef struct hg_work_size {
    int64_t n_nodes, n_edges, n_graphs;
    double cache_bytes;  /* node tables up to this size are gathered without traffic to memory */
    double number_bytes; /* of one stored number: 4, or 2 in bf16 */
} hg_work_size;

/* Of one pass. */
typedef struct hg_work {
    double nominal_flops; /* with every first layer on its concatenated inputs */
    double flops;         /* executed: first layers split, products of node tables made on the nodes */
    double bytes;         /* to and from memory when every update is one fused pass */
} hg_work;

enum { HG_WORK_FORWARD, HG_WORK_TRAINING, HG_WORK_PASSES }; /* inference; forward and backward */

/* Adds one update of the description. Formulas: ENGINE 2 (forward), 8 (training: four times the split forward). */
void hg_work_add_update(const hg_description *description, const hg_update *update, const hg_work_size *size, hg_work pass[HG_WORK_PASSES]);

/* All updates that the last output depends on. */
void hg_work_count(const hg_model *model, const hg_work_size *size, hg_work pass[HG_WORK_PASSES]);

/* What the budget allows at the peak of one evaluation: the largest edge tables alive at one time, four node tables, indices (ENGINE 9);
 * and of one training step that stores the inputs of every update, without the optimiser. */
double hg_work_inference_bytes(const hg_model *model, const hg_work_size *size);
double hg_work_training_bytes(const hg_model *model, const hg_work_size *size);

/* Seconds that a pass takes at least with such peaks: the larger of arithmetic and traffic. */
static inline double hg_work_bound(const hg_work *work, double flops_per_second, double bytes_per_second)
{
    const double compute = work->flops / flops_per_second, traffic = work->bytes / bytes_per_second;
    return compute > traffic ? compute : traffic;
}

#endif
