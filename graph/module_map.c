/* module_map.c — which modules true doublets join, with the range of each variable. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/module_map.h"

#include <math.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/memory.h"

static int compare_modules(const void *a, const void *b)
{
    const hg_true_doublet *p = *(const hg_true_doublet *const *)a, *q = *(const hg_true_doublet *const *)b;
    if (p->module[0] != q->module[0]) return p->module[0] < q->module[0] ? -1 : 1;
    if (p->module[1] != q->module[1]) return p->module[1] < q->module[1] ? -1 : 1;
    return 0;
}

/* Minima and maxima over doublets of one pair of modules; few doublets say little about the range, so it is widened by 3/n of itself
 * and by the width of the rounding to float. */
static void window_of(const hg_true_doublet *const *d, int64_t n, float *window)
{
    for (int v = 0; v < 4; ++v) {
        window[2 * v] = INFINITY;
        window[2 * v + 1] = -INFINITY;
    }
    for (int64_t i = 0; i < n; ++i) {
        float variables[4];
        hg_doublet_module_variables(&d[i]->p1, &d[i]->p2, variables);
        for (int v = 0; v < 4; ++v) {
            window[2 * v] = fminf(window[2 * v], variables[v]);
            window[2 * v + 1] = fmaxf(window[2 * v + 1], variables[v]);
        }
    }
    static const float least[4] = {5, 1e-3f, 1e-5f, 1e-2f}; /* mm, rad, rad/mm, 1: what a single doublet stands for */
    for (int v = 0; v < 4; ++v) {
        float margin = fmaxf(3 * (window[2 * v + 1] - window[2 * v]), least[v]) / (float)n;
        window[2 * v] -= margin;
        window[2 * v + 1] += margin;
    }
}

hg_status hg_module_map_learn(hg_context *ctx, const hg_truth_sample *sample, hg_doublet_map *map)
{
    hg_status status = HG_OK;
    const hg_true_doublet **sorted = NULL;
    int32_t *pair = NULL;
    float *window = NULL;
    int64_t n = sample->n_doublets, keys = 0;
    HG_TRY(hg_alloc_array(ctx, (void **)&sorted, n, sizeof *sorted));
    for (int64_t i = 0; i < n; ++i) sorted[i] = &sample->doublet[i];
    qsort(sorted, (size_t)n, sizeof *sorted, compare_modules);
    for (int64_t i = 0; i < n; ++i) keys += i == 0 || compare_modules(&sorted[i - 1], &sorted[i]) != 0;
    HG_TRY(hg_alloc(ctx, &pair, 2 * keys));
    HG_TRY(hg_alloc(ctx, &window, keys * HG_DOUBLET_MODULE_WINDOW));
    keys = 0;
    for (int64_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && compare_modules(&sorted[first], &sorted[end]) == 0;) ++end;
        pair[2 * keys] = sorted[first]->module[0];
        pair[2 * keys + 1] = sorted[first]->module[1];
        window_of(sorted + first, end - first, window + keys * HG_DOUBLET_MODULE_WINDOW);
        ++keys;
    }
    hg_free(ctx, map->module_pair);
    hg_free(ctx, map->module_window);
    map->n_module_pairs = keys;
    map->module_pair = pair;
    map->module_window = window;
    pair = NULL;
    window = NULL;
done:
    hg_free(ctx, sorted);
    hg_free(ctx, pair);
    hg_free(ctx, window);
    return status;
}
