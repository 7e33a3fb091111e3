/* neighbour_tables.c — candidates judged by those that continue them and those that compete with them. */
/* SPDX-License-Identifier: Apache-2.0 */

/* refined = score + neighbours[score][best score + link of those that come in at the sender][of those that go out of the receiver];
 * final = refined + rivals[refined][lead over the others that go out of the sender][over the others that come in at the receiver]. */
#include "graph/neighbour_tables.h"

#include "base/check.h"
#include "base/memory.h"

enum { HITS_PER_TURN = 256 };

float hg_candidate_offset(const hg_doublet_map *map, const hg_doublet_hits *hits, const hg_doublet_options *options)
{
    const bool clusters = options->clusters && map->n_volumes > 0 && hits->nu;
    return (clusters ? map->cluster_threshold : map->threshold) + (float)options->score_shift;
}

static int32_t axis_bin(const float range[2], float value)
{
    const float at = (value - range[0]) / (range[1] - range[0]) * (float)HG_NEIGHBOUR_BINS;
    const float limited = at < (float)HG_NEIGHBOUR_BINS ? at : (float)HG_NEIGHBOUR_BINS; /* fminf without a call */
    return hg_doublet_clamped_bin(at > 0 ? limited : 0, HG_NEIGHBOUR_BINS);
}

static int32_t cell_of(int32_t first, int32_t second, int32_t third)
{
    return (first * HG_NEIGHBOUR_BINS + second) * HG_NEIGHBOUR_BINS + third;
}

int32_t hg_neighbour_cell(const hg_neighbour_axes *axes, const hg_neighbour_scores *s, float score, int64_t k)
{
    return cell_of(axis_bin(axes->score, score), axis_bin(axes->support, s->support[0][k]), axis_bin(axes->support, s->support[1][k]));
}

int32_t hg_rival_cell(const hg_neighbour_axes *axes, const hg_neighbour_scores *s, int64_t k)
{
    return cell_of(axis_bin(axes->refined, s->refined[k]), axis_bin(axes->lead, s->lead[0][k]), axis_bin(axes->lead, s->lead[1][k]));
}

hg_status hg_neighbours_support(hg_context *ctx, const hg_doublet_map *map, float offset, const hg_candidates *c,
                                const hg_incoming_index *in, hg_neighbour_scores *s)
{
    hg_status status = HG_OK;
    const int threads = hg_context_threads(ctx);
    const hg_doublet_kernels *kernels = NULL;
    float *after = NULL; /* [n] by place in the index */
    HG_TRY(hg_doublet_kernels_select(ctx, &kernels));
    HG_TRY(hg_alloc_unset(ctx, &after, c->n));
    for (int side = 0; side < 2; ++side) HG_TRY(hg_alloc_unset(ctx, &s->support[side], c->n));
#pragma omp parallel num_threads(threads)
    {
#pragma omp for
        for (int64_t k = 0; k < c->n; ++k) after[k] = s->support[0][k] = hg_no_support;
#pragma omp for schedule(dynamic, HITS_PER_TURN)
        for (int64_t i = 0; i < c->n_hits; ++i) {
            const int64_t first_in = in->first[i], first_out = c->first[i];
            kernels->support(map, in->doublet + first_in, (int32_t)(in->first[i + 1] - first_in), c->doublet + first_out,
                             (int32_t)(c->first[i + 1] - first_out), after + first_in, s->support[0] + first_out);
        }
#pragma omp for
        for (int64_t k = 0; k < c->n; ++k) {
            s->support[0][k] += offset;
            s->support[1][in->doublet[k].candidate] = after[k] + offset;
        }
    }
done:
    hg_free(ctx, after);
    return status;
}

/* Of some scores: the largest and the second largest. */
typedef struct best_two {
    float first, second;
} best_two;

static void meet(best_two *best, float score)
{
    if (score > best->first) {
        best->second = best->first;
        best->first = score;
    } else if (score > best->second) {
        best->second = score;
    }
}

static float lead_of(float score, const best_two *best)
{
    return score - (score == best->first ? best->second : best->first);
}

static void find_leads(const hg_doublet_map *map, const hg_candidates *c, const hg_incoming_index *in, int64_t i, hg_neighbour_scores *s)
{
    best_two out = {hg_no_support, hg_no_support}, come = out;
    for (int64_t k = c->first[i]; k < c->first[i + 1]; ++k)
        if (!hg_candidate_overlaps(map, &c->doublet[k])) meet(&out, s->refined[k]);
    for (int64_t k = c->first[i]; k < c->first[i + 1]; ++k) s->lead[0][k] = lead_of(s->refined[k], &out);
    for (int64_t k = in->first[i]; k < in->first[i + 1]; ++k)
        if (in->doublet[k].pair >= 0) meet(&come, s->refined[in->doublet[k].candidate]);
    for (int64_t k = in->first[i]; k < in->first[i + 1]; ++k) {
        const int32_t candidate = in->doublet[k].candidate;
        s->lead[1][candidate] = lead_of(s->refined[candidate], &come);
    }
}

hg_status hg_neighbours_refine(hg_context *ctx, const hg_doublet_map *map, float offset, const hg_candidates *c,
                               const hg_incoming_index *in, hg_neighbour_scores *s)
{
    hg_status status = HG_OK;
    const int threads = hg_context_threads(ctx);
    const hg_neighbour_tables *tables = map->neighbours;
    HG_TRY(hg_alloc_unset(ctx, &s->refined, c->n));
    for (int side = 0; side < 2; ++side) HG_TRY(hg_alloc_unset(ctx, &s->lead[side], c->n));
#pragma omp parallel num_threads(threads)
    {
#pragma omp for
        for (int64_t k = 0; k < c->n; ++k) {
            const float score = c->doublet[k].score + offset;
            s->refined[k] = score + map->table_step * (float)tables->neighbours[hg_neighbour_cell(&tables->axes, s, score, k)];
        }
#pragma omp for schedule(dynamic, HITS_PER_TURN)
        for (int64_t i = 0; i < c->n_hits; ++i) find_leads(map, c, in, i, s);
    }
done:
    return status;
}

float hg_neighbours_final(const hg_doublet_map *map, const hg_neighbour_scores *s, int64_t k)
{
    const hg_neighbour_tables *tables = map->neighbours;
    return s->refined[k] + map->table_step * (float)tables->rivals[hg_rival_cell(&tables->axes, s, k)];
}

void hg_neighbour_scores_release(hg_context *ctx, hg_neighbour_scores *s)
{
    hg_free(ctx, s->refined);
    for (int side = 0; side < 2; ++side) {
        hg_free(ctx, s->support[side]);
        hg_free(ctx, s->lead[side]);
    }
    *s = (hg_neighbour_scores){0};
}
