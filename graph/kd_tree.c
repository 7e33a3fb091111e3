/* graph/kd_tree.c — build and search of the k-d tree: median cuts across the widest side, boxes that bound from below. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/kd_tree.h"

#include "base/check.h"
#include "base/memory.h"

enum { LEAF_POINTS = 12 };

static double coordinate(const hg_kd_tree *t, int c, int32_t point)
{
    return t->x[c * t->stride + t->first + point];
}

/* Order along one coordinate, by index where equal: the cut never depends on the order found. */
static bool before(const hg_kd_tree *t, int c, int32_t a, int32_t b)
{
    double x = coordinate(t, c, a), y = coordinate(t, c, b);
    return x < y || (x == y && a < b);
}

/* Quickselect: afterwards place `middle` of point[first .. end) has what a sort would put there, smaller ones before it. */
static void select_middle(hg_kd_tree *t, int c, int64_t first, int64_t end, int64_t middle)
{
    int32_t *p = t->point;
    while (end - first > 1) {
        int32_t pivot = p[first + (end - first) / 2];
        int64_t low = first, high = end - 1;
        while (low <= high) {
            while (before(t, c, p[low], pivot)) ++low;
            while (before(t, c, pivot, p[high])) --high;
            if (low > high) break;
            int32_t swap = p[low];
            p[low++] = p[high];
            p[high--] = swap;
        }
        if (middle <= high) {
            end = high + 1;
        } else if (middle >= low) {
            first = low;
        } else {
            return;
        }
    }
}

static int widest_side(const double *box, int n_columns)
{
    int best = 0;
    for (int c = 1; c < n_columns; ++c) {
        if (box[2 * c + 1] - box[2 * c] > box[2 * best + 1] - box[2 * best]) best = c;
    }
    return best;
}

static void build_node(hg_kd_tree *t, int64_t node, int depth, int64_t first, int64_t end)
{
    double *box = t->box + node * t->n_columns * 2;
    for (int c = 0; c < t->n_columns; ++c) {
        double low = coordinate(t, c, t->point[first]), high = low;
        for (int64_t i = first + 1; i < end; ++i) {
            double x = coordinate(t, c, t->point[i]);
            if (x < low) low = x;
            if (x > high) high = x;
        }
        box[2 * c] = low;
        box[2 * c + 1] = high;
    }
    if (depth == t->depth) return;
    int64_t middle = first + (end - first) / 2;
    select_middle(t, widest_side(box, t->n_columns), first, end, middle);
    build_node(t, 2 * node + 1, depth + 1, first, middle);
    build_node(t, 2 * node + 2, depth + 1, middle, end);
}

hg_status hg_kd_tree_build(hg_context *ctx, const double *x, int64_t stride, int64_t first, int64_t n, int n_columns, hg_kd_tree *out)
{
    hg_status status = HG_OK;
    hg_kd_tree t = {.x = x, .stride = stride, .first = first, .n = n, .n_columns = n_columns};
    while ((n >> t.depth) > LEAF_POINTS) ++t.depth;
    HG_TRY(hg_alloc(ctx, &t.point, n));
    HG_TRY(hg_alloc(ctx, &t.box, ((INT64_C(2) << t.depth) - 1) * n_columns * 2));
    for (int64_t i = 0; i < n; ++i) t.point[i] = (int32_t)i;
    if (n > 0) build_node(&t, 0, 0, 0, n);
    *out = t;
    t = (hg_kd_tree){0};
done:
    hg_kd_tree_clear(ctx, &t);
    return status;
}

void hg_kd_tree_clear(hg_context *ctx, hg_kd_tree *t)
{
    hg_free(ctx, t->point);
    hg_free(ctx, t->box);
    *t = (hg_kd_tree){0};
}

/* The same operations in the same order as a distance, each term no greater: so never above the distance of a point inside, rounding
 * included. */
static double box_distance(const hg_kd_tree *t, const double *at, int64_t node)
{
    const double *box = t->box + node * t->n_columns * 2;
    double sum = 0;
    for (int c = 0; c < t->n_columns; ++c) {
        double d = at[c] < box[2 * c] ? box[2 * c] - at[c] : at[c] > box[2 * c + 1] ? at[c] - box[2 * c + 1] : 0;
        sum += d * d;
    }
    return sum;
}

static void visit_node(const hg_kd_tree *t, hg_kd_search *s, int64_t node, int depth, int64_t first, int64_t end)
{
    if (depth == t->depth) {
        for (int64_t i = first; i < end; ++i) {
            double sum = 0;
            for (int c = 0; c < t->n_columns; ++c) {
                double d = coordinate(t, c, t->point[i]) - s->at[c];
                sum += d * d;
            }
            s->offer(s, sum, t->point[i]);
        }
        return;
    }
    int64_t middle = first + (end - first) / 2;
    double left = box_distance(t, s->at, 2 * node + 1), right = box_distance(t, s->at, 2 * node + 2);
    if (left <= right) {
        if (left <= s->worst) visit_node(t, s, 2 * node + 1, depth + 1, first, middle);
        if (right <= s->worst) visit_node(t, s, 2 * node + 2, depth + 1, middle, end);
    } else {
        if (right <= s->worst) visit_node(t, s, 2 * node + 2, depth + 1, middle, end);
        if (left <= s->worst) visit_node(t, s, 2 * node + 1, depth + 1, first, middle);
    }
}

void hg_kd_tree_visit(const hg_kd_tree *t, hg_kd_search *s)
{
    if (t->n > 0) visit_node(t, s, 0, 0, 0, t->n);
}
