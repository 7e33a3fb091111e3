/* graph/kd_tree.h — a k-d tree over the points of one graph, for exact searches in any number of coordinates. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_KD_TREE_H
#define HG_GRAPH_KD_TREE_H

#include "hitgraph/context.h"

/* Halves of equal size, so the shape follows from the number of points; node k has children 2k + 1 and 2k + 2. */
typedef struct hg_kd_tree {
    const double *x; /* borrowed; [n_columns][stride] coordinates, points first .. first + n of each column */
    int64_t stride, first, n;
    int n_columns, depth; /* leaves are at this depth */
    int32_t *point;       /* [n] owned; the points in the order of the leaves, counted from `first` */
    double *box;          /* [nodes][n_columns][2] owned; least and greatest coordinate of each node's points */
} hg_kd_tree;

/* What a search does with the points that it meets. */
typedef struct hg_kd_search {
    const double *at; /* [n_columns] */
    double worst;     /* nothing farther is wanted (squared); `offer` may lower it */
    void (*offer)(struct hg_kd_search *search, double squared, int32_t point);
    void *user;
} hg_kd_search;

hg_status hg_kd_tree_build(hg_context *ctx, const double *x, int64_t stride, int64_t first, int64_t n, int n_columns, hg_kd_tree *out);
void hg_kd_tree_clear(hg_context *ctx, hg_kd_tree *tree);
/* Offers every point whose squared distance is at most `worst` at that time (some beyond it too). */
void hg_kd_tree_visit(const hg_kd_tree *tree, hg_kd_search *search);

#endif
