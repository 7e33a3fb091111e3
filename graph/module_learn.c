/* module_learn.c — module maps from truth: which triplets of modules tracks cross, with the range of each variable. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/module_map.h"

#include <float.h>
#include "base/check.h"
#include "base/context.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/sort.h"
#include "graph/doublet_learn.h"
#include "graph/module_box.h"

/* Merging is cut into PARTS by the innermost module, whatever the number of threads. */
enum { MODULES = 3, VALUES = HG_MODULE_TRIPLET_WINDOW / 2, FEWEST_WAITING = 1 << 20, PARTS = 64, MODULE_BITS = 21 };

/* What a single track stands for on each side: mm, rad, rad/mm, 1 for both pairs, then ratios. */
static const float alone[VALUES] = {5, 1e-3f, 1e-5f, 1e-2f, 5, 1e-3f, 1e-5f, 1e-2f, 2e-2f, 2e-2f};

/* The tracks through three modules. */
typedef struct crossing {
    int32_t module[MODULES];
    int64_t n;
    float window[HG_MODULE_TRIPLET_WINDOW];
} crossing;

/* One track through three modules; module[0] < 0 = none that counts. */
typedef struct passage {
    int32_t module[MODULES];
    float value[VALUES];
} passage;

struct hg_module_learner {
    hg_module_learn_options options;
    crossing *seen; /* [n_seen] each triplet once, ascending */
    int64_t n_seen;
    passage *waiting; /* [n_waiting] single tracks, to be merged with those seen */
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

/* ---- merging what waits with what was seen ---- */

static uint64_t key_of(const int32_t module[MODULES])
{
    return (uint64_t)module[0] << 2 * MODULE_BITS | (uint64_t)module[1] << MODULE_BITS | (uint64_t)module[2];
}

static int64_t first_seen_from(const hg_module_learner *l, int32_t module)
{
    int64_t low = 0, high = l->n_seen;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (l->seen[middle].module[0] < module)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void unite(crossing *into, const passage *track)
{
    ++into->n;
    for (int v = 0; v < VALUES; ++v) {
        into->window[2 * v] = fmaxf(into->window[2 * v], track->value[v]);
        into->window[2 * v + 1] = fminf(into->window[2 * v + 1], track->value[v]);
    }
}

static crossing crossing_of(const passage *track)
{
    crossing c = {.module = {track->module[0], track->module[1], track->module[2]}, .n = 1};
    for (int v = 0; v < VALUES; ++v) c.window[2 * v] = c.window[2 * v + 1] = track->value[v];
    return c;
}

/* The crossings of one part, from those seen and the sorted tracks, into out; NULL only counts them. Returns their number. */
static int64_t merge_part(const crossing *seen, int64_t n_seen, const hg_ranked *track, int64_t n_tracks, const passage *waiting,
                          crossing *out)
{
    int64_t n = 0, a = 0, b = 0;
    for (; a < n_seen || b < n_tracks; ++n) {
        const bool old = a < n_seen && (b == n_tracks || key_of(seen[a].module) <= track[b].key);
        const uint64_t key = old ? key_of(seen[a].module) : track[b].key;
        if (out) out[n] = old ? seen[a] : crossing_of(&waiting[track[b].index]);
        if (old)
            ++a;
        else
            ++b;
        for (; b < n_tracks && track[b].key == key; ++b)
            if (out) unite(&out[n], &waiting[track[b].index]);
    }
    return n;
}

/* The tracks that wait, by part; first: [PARTS + 1]. */
static void part_tracks(const hg_module_learner *l, int32_t n_modules, hg_ranked *track, int64_t *first)
{
    int64_t next[PARTS];
    for (int p = 0; p <= PARTS; ++p) first[p] = 0;
    for (int64_t k = 0; k < l->n_waiting; ++k)
        if (l->waiting[k].module[0] >= 0) ++first[(int64_t)l->waiting[k].module[0] * PARTS / n_modules];
    hg_prefix_sum(first, PARTS);
    for (int p = 0; p < PARTS; ++p) next[p] = first[p];
    for (int64_t k = 0; k < l->n_waiting; ++k) {
        const int32_t *module = l->waiting[k].module;
        if (module[0] >= 0) track[next[(int64_t)module[0] * PARTS / n_modules]++] = (hg_ranked){key_of(module), k};
    }
}

/* One more than the largest number of a module. */
static hg_status count_modules(hg_context *ctx, const hg_module_learner *l, int32_t *n_modules)
{
    hg_status status = HG_OK;
    int32_t largest = 0;
    for (int64_t k = 0; k < l->n_waiting; ++k)
        for (int m = 0; m < MODULES; ++m) largest = l->waiting[k].module[m] > largest ? l->waiting[k].module[m] : largest;
    if (l->n_seen > 0 && l->seen[l->n_seen - 1].module[0] > largest) largest = l->seen[l->n_seen - 1].module[0];
    HG_CHECK(largest < 1 << MODULE_BITS, HG_ERR_LIMIT, "a module map of modules up to number %" PRId32 ", at most %d", largest,
             (1 << MODULE_BITS) - 1);
    *n_modules = largest + 1;
done:
    return status;
}

static hg_status merge(hg_context *ctx, hg_module_learner *l)
{
    hg_status status = HG_OK;
    crossing *all = NULL;
    hg_ranked *track = NULL, *scratch = NULL, *sorted[PARTS];
    int64_t first[PARTS + 1], seen[PARTS + 1], made[PARTS + 1];
    int32_t n_modules = 0;

    HG_TRY(count_modules(ctx, l, &n_modules));
    HG_TRY(hg_alloc_unset(ctx, &track, l->n_waiting));
    HG_TRY(hg_alloc_unset(ctx, &scratch, l->n_waiting));
    part_tracks(l, n_modules, track, first);
    /* the first module of part p is the smallest m with m PARTS / n_modules >= p */
    for (int64_t p = 0; p <= PARTS; ++p) seen[p] = first_seen_from(l, (int32_t)((p * n_modules + PARTS - 1) / PARTS));
#pragma omp parallel for schedule(dynamic) num_threads(hg_context_threads(ctx))
    for (int p = 0; p < PARTS; ++p) {
        const int64_t n = first[p + 1] - first[p];
        sorted[p] = hg_sort_ranked(n, track + first[p], scratch + first[p]);
        made[p] = merge_part(l->seen + seen[p], seen[p + 1] - seen[p], sorted[p], n, l->waiting, NULL);
    }
    hg_prefix_sum(made, PARTS);
    HG_TRY(hg_alloc_unset(ctx, &all, made[PARTS]));
#pragma omp parallel for schedule(dynamic) num_threads(hg_context_threads(ctx))
    for (int p = 0; p < PARTS; ++p)
        merge_part(l->seen + seen[p], seen[p + 1] - seen[p], sorted[p], first[p + 1] - first[p], l->waiting, all + made[p]);
    hg_free(ctx, l->seen);
    l->seen = all;
    l->n_seen = made[PARTS];
    l->n_waiting = 0;
done:
    hg_free(ctx, track);
    hg_free(ctx, scratch);
    return status;
}

/* ---- tracks of an event ---- */

/* A track through three modules; none where it has no box (both hits of a pair at one radius) or comes back to a module. */
static passage passage_of(const hg_true_doublet *first, const hg_true_doublet *second)
{
    static const passage none = {.module = {-1, -1, -1}};
    const hg_module_hit hit[MODULES] = {hg_module_hit_at(&first->p1), hg_module_hit_at(&first->p2), hg_module_hit_at(&second->p2)};
    passage t = {.module = {first->module[0], first->module[1], second->module[1]}};
    if (t.module[0] == t.module[1] || t.module[1] == t.module[2] || t.module[0] == t.module[2]) return none;
    hg_module_pair_values(&hit[0], &hit[1], t.value);
    hg_module_pair_values(&hit[1], &hit[2], t.value + HG_MODULE_PAIR_VALUES);
    hg_module_triplet_values(&hit[0].at, &hit[1].at, &hit[2].at, t.value + 2 * HG_MODULE_PAIR_VALUES);
    for (int v = 0; v < VALUES; ++v)
        if (!isfinite(t.value[v])) return none;
    return t;
}

/* The doublets of a sample that triplets are made of, by their inner hits. */
typedef struct outgoing {
    int64_t n;
    int64_t *first;                  /* [n_hits + 1] owned */
    const hg_true_doublet **doublet; /* [n] owned; borrows the sample */
} outgoing;

static hg_status list_outgoing(hg_context *ctx, const hg_truth_sample *sample, bool overlaps, int64_t n_hits, outgoing *out)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(ctx, &out->first, n_hits + 2));
    HG_TRY(hg_alloc_unset(ctx, &out->doublet, sample->n_doublets));
    int64_t *next = out->first + 1; /* filled from first[h], it ends as first[h + 1] */
    for (int64_t k = 0; k < sample->n_doublets; ++k) {
        const hg_true_doublet *d = &sample->doublet[k];
        if (overlaps || d->layer[0] != d->layer[1]) ++next[d->hit[0]];
    }
    hg_prefix_sum(next, n_hits);
    for (int64_t k = 0; k < sample->n_doublets; ++k) {
        const hg_true_doublet *d = &sample->doublet[k];
        if (overlaps || d->layer[0] != d->layer[1]) out->doublet[next[d->hit[0]]++] = d;
    }
    out->n = out->first[n_hits];
done:
    return status;
}

/* Room for more tracks; a few times in all when it grows. */
static hg_status make_room(hg_context *ctx, hg_module_learner *l, int64_t more)
{
    if (l->n_waiting + more <= l->room) return HG_OK;
    const int64_t room = l->n_waiting + more + l->room / 2;
    const hg_status status = hg_grow(ctx, &l->waiting, l->n_waiting, room);
    if (status >= 0) l->room = room;
    return status;
}

hg_status hg_module_learner_add(hg_context *ctx, hg_module_learner *l, const hg_doublet_hits *hits, const hg_doublet_truth *truth)
{
    hg_status status = HG_OK;
    hg_truth_sample sample = {0};
    outgoing o = {0};
    int64_t *place = NULL; /* [o.n + 1] first track of each doublet as the inner one */

    HG_TRY(hg_truth_sample_add(ctx, &sample, hits, truth));
    HG_TRY(list_outgoing(ctx, &sample, l->options.overlaps, hits->n, &o));
    HG_TRY(hg_alloc_unset(ctx, &place, o.n + 1));
    for (int64_t a = 0; a < o.n; ++a) {
        const int32_t middle = o.doublet[a]->hit[1];
        place[a] = o.first[middle + 1] - o.first[middle];
    }
    hg_prefix_sum(place, o.n);
    HG_TRY(make_room(ctx, l, place[o.n]));
#pragma omp parallel for num_threads(hg_context_threads(ctx))
    for (int64_t a = 0; a < o.n; ++a) {
        const hg_true_doublet *const *second = o.doublet + o.first[o.doublet[a]->hit[1]];
        for (int64_t k = place[a]; k < place[a + 1]; ++k) l->waiting[l->n_waiting + k] = passage_of(o.doublet[a], second[k - place[a]]);
    }
    l->n_waiting += place[o.n];
    /* merged when there are as many as before: each is copied a few times in all */
    if (l->n_waiting > FEWEST_WAITING && l->n_waiting > l->n_seen) HG_TRY(merge(ctx, l));
done:
    hg_truth_sample_release(ctx, &sample);
    hg_free(ctx, o.first);
    hg_free(ctx, o.doublet);
    hg_free(ctx, place);
    return status;
}

/* ---- boxes ---- */

/* The largest number of tracks that may be asked of a triplet without losing more than the efficiency allows. */
static hg_status find_fewest(hg_context *ctx, const hg_module_learner *l, int64_t *fewest)
{
    hg_status status = HG_OK;
    hg_ranked *count = NULL, *scratch = NULL;
    int64_t all = 0, lost = 0;
    HG_TRY(hg_alloc_unset(ctx, &count, l->n_seen));
    HG_TRY(hg_alloc_unset(ctx, &scratch, l->n_seen));
    for (int64_t k = 0; k < l->n_seen; ++k) {
        count[k].key = (uint64_t)l->seen[k].n;
        all += l->seen[k].n;
    }
    const hg_ranked *sorted = hg_sort_ranked(l->n_seen, count, scratch);
    *fewest = l->options.fewest;
    for (int64_t first = 0, end; first < l->n_seen; first = end) {
        for (end = first; end < l->n_seen && sorted[end].key == sorted[first].key; ++end) lost += (int64_t)sorted[end].key;
        if ((double)lost > (1 - l->options.efficiency) * (double)all || end == l->n_seen) {
            if ((int64_t)sorted[first].key > *fewest) *fewest = (int64_t)sorted[first].key;
            break;
        }
    }
done:
    hg_free(ctx, count);
    hg_free(ctx, scratch);
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
    int64_t *row = NULL, n = 0, fewest = 1; /* row: [n] those that are kept */
    HG_TRY(merge(ctx, l));
    HG_TRY(find_fewest(ctx, l, &fewest));
    HG_TRY(hg_alloc_unset(ctx, &row, l->n_seen));
    for (int64_t k = 0; k < l->n_seen; ++k)
        if (l->seen[k].n >= fewest) row[n++] = k;
    HG_CHECK(n > 0, HG_ERR_DATA, "no triplet of modules with %" PRId64 " or more tracks of target particles to learn from", fewest);
    HG_TRY(hg_alloc_unset(ctx, &t.module, MODULES * n));
    HG_TRY(hg_alloc_unset(ctx, &t.occurrence, n));
    HG_TRY(hg_alloc_unset(ctx, &t.window, HG_MODULE_TRIPLET_WINDOW * n));
    t.n = n;
#pragma omp parallel for num_threads(hg_context_threads(ctx))
    for (int64_t k = 0; k < n; ++k) {
        const crossing *c = &l->seen[row[k]];
        for (int m = 0; m < MODULES; ++m) t.module[MODULES * k + m] = (uint64_t)c->module[m];
        t.occurrence[k] = c->n;
        write_box(c, l->options.margin, t.window + k * HG_MODULE_TRIPLET_WINDOW);
    }
    *out = t;
    t = (hg_module_triplets){0};
done:
    hg_module_triplets_clear(ctx, &t);
    hg_free(ctx, row);
    return status;
}
