/* module_learn.c — module maps from truth: which triplets of modules tracks cross, with the range of each variable. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/module_map.h"

#include <float.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/memory.h"
#include "graph/doublet_learn.h"
#include "graph/module_box.h"

enum { MODULES = 3, VALUES = HG_MODULE_TRIPLET_WINDOW / 2, FEWEST_WAITING = 1 << 20 };

/* What a single track stands for on each side: mm, rad, rad/mm, 1 for both pairs, then ratios. */
static const float alone[VALUES] = {5, 1e-3f, 1e-5f, 1e-2f, 5, 1e-3f, 1e-5f, 1e-2f, 2e-2f, 2e-2f};

/* The tracks through three modules. */
typedef struct crossing {
    int32_t module[MODULES];
    int64_t n;
    float window[HG_MODULE_TRIPLET_WINDOW];
} crossing;

struct hg_module_learner {
    hg_module_learn_options options;
    crossing *seen; /* [n_seen] each triplet once, ascending */
    int64_t n_seen;
    crossing *waiting; /* [n_waiting] single tracks, to be merged with those seen */
    int64_t n_waiting, room;
};

hg_module_learn_options hg_module_default_learn_options(void)
{
    return (hg_module_learn_options){.efficiency = 1, .margin = 3, .fewest = 1, .overlaps = true};
}

hg_status hg_module_learner_create(hg_context *ctx, const hg_module_learn_options *options, hg_module_learner **out)
{
    hg_status status = HG_OK;
    const hg_module_learn_options o = options ? *options : hg_module_default_learn_options();
    hg_module_learner *learner = NULL;
    HG_CHECK(o.efficiency > 0 && o.efficiency <= 1 && o.margin >= 0 && o.fewest >= 1, HG_ERR_ARG,
             "learning a module map: efficiency %g, margin %g, at least %" PRId64 " tracks; expected 0 .. 1, >= 0, >= 1", o.efficiency,
             o.margin, o.fewest);
    HG_TRY(hg_alloc(ctx, &learner, 1));
    learner->options = o;
    *out = learner;
done:
    return status;
}

void hg_module_learner_destroy(hg_context *ctx, hg_module_learner *learner)
{
    if (!learner) return;
    hg_free(ctx, learner->seen);
    hg_free(ctx, learner->waiting);
    hg_free(ctx, learner);
}

static int compare_crossings(const void *a, const void *b)
{
    const crossing *p = a, *q = b;
    for (int k = 0; k < MODULES; ++k)
        if (p->module[k] != q->module[k]) return p->module[k] < q->module[k] ? -1 : 1;
    return 0;
}

static void unite(crossing *into, const crossing *other)
{
    into->n += other->n;
    for (int v = 0; v < HG_MODULE_TRIPLET_WINDOW; v += 2) {
        into->window[v] = fmaxf(into->window[v], other->window[v]);
        into->window[v + 1] = fminf(into->window[v + 1], other->window[v + 1]);
    }
}

/* Sorted crossings, those of the same modules made one. Returns how many are left. */
static int64_t unite_neighbours(crossing *list, int64_t n)
{
    int64_t kept = 0;
    for (int64_t k = 0; k < n; ++k) {
        if (kept > 0 && compare_crossings(&list[kept - 1], &list[k]) == 0)
            unite(&list[kept - 1], &list[k]);
        else
            list[kept++] = list[k];
    }
    return kept;
}

static hg_status merge(hg_context *ctx, hg_module_learner *l)
{
    hg_status status = HG_OK;
    crossing *all = NULL;
    int64_t n = 0, a = 0, b = 0;
    if (l->n_waiting > 0) qsort(l->waiting, (size_t)l->n_waiting, sizeof *l->waiting, compare_crossings);
    l->n_waiting = unite_neighbours(l->waiting, l->n_waiting);
    HG_TRY(hg_alloc_unset(ctx, &all, l->n_seen + l->n_waiting));
    while (a < l->n_seen && b < l->n_waiting)
        all[n++] = compare_crossings(&l->seen[a], &l->waiting[b]) <= 0 ? l->seen[a++] : l->waiting[b++];
    while (a < l->n_seen) all[n++] = l->seen[a++];
    while (b < l->n_waiting) all[n++] = l->waiting[b++];
    hg_free(ctx, l->seen);
    l->seen = all;
    l->n_seen = unite_neighbours(all, n);
    l->n_waiting = 0;
done:
    return status;
}

/* One more track; those without a box (both hits of a pair at one radius) or back to the first module are left out. */
static hg_status add_crossing(hg_context *ctx, hg_module_learner *l, const hg_true_doublet *first, const hg_true_doublet *second)
{
    hg_status status = HG_OK;
    const hg_module_hit hit[MODULES] = {hg_module_hit_at(&first->p1), hg_module_hit_at(&first->p2), hg_module_hit_at(&second->p2)};
    crossing c = {.module = {first->module[0], first->module[1], second->module[1]}, .n = 1};
    float values[VALUES];
    if (c.module[0] == c.module[1] || c.module[1] == c.module[2] || c.module[0] == c.module[2]) return HG_OK;
    hg_module_pair_values(&hit[0], &hit[1], values);
    hg_module_pair_values(&hit[1], &hit[2], values + HG_MODULE_PAIR_VALUES);
    hg_module_triplet_values(&hit[0].at, &hit[1].at, &hit[2].at, values + 2 * HG_MODULE_PAIR_VALUES);
    for (int v = 0; v < VALUES; ++v) {
        if (!isfinite(values[v])) return HG_OK;
        c.window[2 * v] = c.window[2 * v + 1] = values[v];
    }
    if (l->n_waiting == l->room) {
        const int64_t room = 2 * l->room + 1024;
        HG_TRY(hg_grow(ctx, &l->waiting, l->n_waiting, room));
        l->room = room;
    }
    l->waiting[l->n_waiting++] = c;
done:
    return status;
}

static int compare_inner_hits(const void *a, const void *b)
{
    const hg_true_doublet *p = a, *q = b;
    if (p->hit[0] != q->hit[0]) return p->hit[0] < q->hit[0] ? -1 : 1;
    return (p->hit[1] > q->hit[1]) - (p->hit[1] < q->hit[1]);
}

static int64_t first_from(const hg_true_doublet *doublet, int64_t n, int32_t hit)
{
    int64_t low = 0, high = n;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (doublet[middle].hit[0] < hit)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

hg_status hg_module_learner_add(hg_context *ctx, hg_module_learner *l, const hg_doublet_hits *hits, const hg_doublet_truth *truth)
{
    hg_status status = HG_OK;
    hg_truth_sample sample = {0};
    int64_t n = 0;
    HG_TRY(hg_truth_sample_add(ctx, &sample, hits, truth));
    for (int64_t k = 0; k < sample.n_doublets; ++k) {
        const hg_true_doublet *d = &sample.doublet[k];
        if (l->options.overlaps || d->layer[0] != d->layer[1]) sample.doublet[n++] = *d;
    }
    if (n > 0) qsort(sample.doublet, (size_t)n, sizeof *sample.doublet, compare_inner_hits);
    for (int64_t a = 0; a < n; ++a) {
        const int32_t middle = sample.doublet[a].hit[1];
        for (int64_t b = first_from(sample.doublet, n, middle); b < n && sample.doublet[b].hit[0] == middle; ++b)
            HG_TRY(add_crossing(ctx, l, &sample.doublet[a], &sample.doublet[b]));
    }
    /* merged when there are as many as before: each is copied a few times in all */
    if (l->n_waiting > FEWEST_WAITING && l->n_waiting > l->n_seen) HG_TRY(merge(ctx, l));
done:
    hg_truth_sample_release(ctx, &sample);
    return status;
}

static int compare_counts(const void *a, const void *b)
{
    const int64_t p = *(const int64_t *)a, q = *(const int64_t *)b;
    return (p > q) - (p < q);
}

/* The largest number of tracks that may be asked of a triplet without losing more than the efficiency allows. */
static hg_status find_fewest(hg_context *ctx, const hg_module_learner *l, int64_t *fewest)
{
    hg_status status = HG_OK;
    int64_t *count = NULL, all = 0, lost = 0;
    HG_TRY(hg_alloc_unset(ctx, &count, l->n_seen));
    for (int64_t k = 0; k < l->n_seen; ++k) all += count[k] = l->seen[k].n;
    qsort(count, (size_t)l->n_seen, sizeof *count, compare_counts);
    *fewest = l->options.fewest;
    for (int64_t first = 0, end; first < l->n_seen; first = end) {
        for (end = first; end < l->n_seen && count[end] == count[first]; ++end) lost += count[end];
        if ((double)lost > (1 - l->options.efficiency) * (double)all || end == l->n_seen) {
            if (count[first] > *fewest) *fewest = count[first];
            break;
        }
    }
done:
    hg_free(ctx, count);
    return status;
}

static void write_box(const crossing *c, double margin, float *window)
{
    for (int v = 0; v < VALUES; ++v) {
        const float high = c->window[2 * v], low = c->window[2 * v + 1];
        const float one = alone[v] * (v < 2 * HG_MODULE_PAIR_VALUES ? 1 : 1 + fmaxf(fabsf(high), fabsf(low)));
        const float more = fmaxf((float)margin * (high - low), one) / (float)c->n;
        window[2 * v] = fminf(nextafterf(high + more, INFINITY), FLT_MAX);
        window[2 * v + 1] = fmaxf(nextafterf(low - more, -INFINITY), -FLT_MAX);
    }
}

hg_status hg_module_learner_finish(hg_context *ctx, hg_module_learner *l, hg_module_triplets *out)
{
    hg_status status = HG_OK;
    hg_module_triplets t = {0};
    int64_t n = 0, fewest = 1;
    HG_TRY(merge(ctx, l));
    HG_TRY(find_fewest(ctx, l, &fewest));
    for (int64_t k = 0; k < l->n_seen; ++k) n += l->seen[k].n >= fewest;
    HG_CHECK(n > 0, HG_ERR_DATA, "no triplet of modules with %" PRId64 " or more tracks of target particles to learn from", fewest);
    HG_TRY(hg_alloc_unset(ctx, &t.module, MODULES * n));
    HG_TRY(hg_alloc_unset(ctx, &t.occurrence, n));
    HG_TRY(hg_alloc_unset(ctx, &t.window, HG_MODULE_TRIPLET_WINDOW * n));
    for (int64_t k = 0; k < l->n_seen; ++k) {
        const crossing *c = &l->seen[k];
        if (c->n < fewest) continue;
        for (int m = 0; m < MODULES; ++m) t.module[MODULES * t.n + m] = (uint64_t)c->module[m];
        t.occurrence[t.n] = c->n;
        write_box(c, l->options.margin, t.window + t.n * HG_MODULE_TRIPLET_WINDOW);
        ++t.n;
    }
    *out = t;
    t = (hg_module_triplets){0};
done:
    hg_module_triplets_clear(ctx, &t);
    return status;
}
