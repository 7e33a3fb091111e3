/* nn/fused/fused_pass.h — one update on tiles of rows, and what all updates of a fused evaluation share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_FUSED_PASS_H
#define HG_NN_FUSED_PASS_H

#include "nn/fused/fused_weights.h"
#include "nn/run/run.h"

typedef struct hg_fused {
    hg_run *run; /* borrowed; tables of the reference path */
    const hg_outputs *out;
    hg_plan plan;
    const hg_fused_weights *weights;
    char *arena;   /* lent by the context */
    hg_view *view; /* [n_values] owned: every table that exists now */
    void **own;    /* [n_values] owned: tables that have no place in the arena */
} hg_fused;

/* One update, tile by tile; made[t]: rows of the inputs that the reference path has reduced or computed; message[t]: padded rows of those
 * that are reduced here. */
void hg_fused_pass(const hg_fused *f, int update, const hg_view *made, const hg_view *message);
/* The products of one update that no earlier pass has made. */
void hg_fused_products(const hg_fused *f, int update);

#endif
