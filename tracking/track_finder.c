/* track_finder.c — from scored doublets and triplets to hit lists: passes of chains, following and competition. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>
#include "hitgraph/material.h"
#include "tracking/finder.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"

hg_finder_options hg_finder_default_options(void)
{
    return (hg_finder_options){
        .builder = HG_FINDER_FOLLOW,
        .n_passes = 6,
        .pass =
            {
                {.doublet_min = 0.1f, .triplet_min = 0.5f, .chain_min = 8, .hits_min = 4, .layers_min = 3, .score_min = 6.0f},
                {.doublet_min = 0.1f, .triplet_min = 0.5f, .chain_min = 5, .hits_min = 4, .layers_min = 3, .score_min = 6.0f},
                {.doublet_min = 0.1f, .triplet_min = 0.5f, .chain_min = 3, .hits_min = 3, .layers_min = 3, .score_min = 4.0f},
                {.doublet_min = 0.01f, .triplet_min = 0.01f, .chain_min = 3, .hits_min = 3, .layers_min = 3, .score_min = 5.0f},
                {.doublets = true, .doublet_min = 0.01f, .chain_min = 3, .hits_min = 3, .layers_min = 3, .score_min = 6.0f},
                {.displaced_r_mm = 300.0f, .chain_min = 4, .hits_min = 4, .layers_min = 3, .score_min = 8.0f},
            },
        .n_branches = 2,
        .return_branches = 3,
        .holes_max = 1,
        .chi2_max = 45.0,
        .overlap_chi2_max = 20.0,
        .hole_penalty = 4.0f,
        .gain_min = -2.0f,
        .expected_gain_min = -10.0f,
        .chain_bonus = 5.0f,
        .return_bonus = 3.0f,
        .branch_gap = 5.0f,
        .material_scale = 2.0,
        .loosening = 30.0,
        .beam_sigma_mm = 0.05,
        .prompt_share = 0.9,
        .displaced_mm = 10.0,
        .kept_min = 0.6f,
        .walk_keep_min = 0.01f,
        .walk_best_min = 0.1f,
        .walk_all_min = 0.6f,
        .overlap_min = 0.3f,
        .overlap_mm = 25.0,
    };
}

static hg_status check_options(hg_context *ctx, const hg_finder_options *o)
{
    hg_status status = HG_OK;

    HG_CHECK(o->builder >= HG_FINDER_FOLLOW && o->builder <= HG_FINDER_JUNCTIONS, HG_ERR_ARG, "builder: expected 0..%d, found %d",
             (int)HG_FINDER_JUNCTIONS, (int)o->builder);
    HG_CHECK(o->n_passes >= 1 && o->n_passes <= HG_FINDER_PASSES_MAX, HG_ERR_ARG, "n_passes: expected 1..%d, found %d",
             HG_FINDER_PASSES_MAX, o->n_passes);
    HG_CHECK(o->n_branches >= 1 && o->n_branches <= 4, HG_ERR_ARG, "n_branches: expected 1..4, found %d", o->n_branches);
    HG_CHECK(o->return_branches >= 1 && o->return_branches <= 4, HG_ERR_ARG, "return_branches: expected 1..4, found %d",
             o->return_branches);
    HG_CHECK(o->prompt_share >= 0 && o->prompt_share < 1 && o->displaced_mm > 0, HG_ERR_ARG,
             "prompt_share: expected 0 <= share < 1, displaced_mm: above 0, found %g, %g", o->prompt_share, o->displaced_mm);
    HG_CHECK(o->holes_max >= 0, HG_ERR_ARG, "holes_max: expected 0 or more, found %d", o->holes_max);
    HG_CHECK(o->chi2_max > 0 && o->overlap_chi2_max > 0, HG_ERR_ARG, "chi2_max, overlap_chi2_max: expected above 0, found %g, %g",
             o->chi2_max, o->overlap_chi2_max);
    HG_CHECK(o->material_scale > 0 && o->loosening >= 1, HG_ERR_ARG, "material_scale: expected above 0, loosening: 1 or more, found %g, %g",
             o->material_scale, o->loosening);
    for (int k = 0; k < o->n_passes; ++k)
        HG_CHECK(o->pass[k].chain_min >= 3, HG_ERR_ARG, "pass %d, chain_min: expected 3 or more, found %d", k, o->pass[k].chain_min);
done:
    return status;
}

static hg_status check_scores(hg_context *ctx, const char *what, const float *score, int64_t n)
{
    hg_status status = HG_OK;

    HG_CHECK(score || n == 0, HG_ERR_ARG, "%s scores: expected %" PRId64 ", found none", what, n);
    for (int64_t i = 0; i < n; ++i)
        HG_CHECK(isfinite(score[i]), HG_ERR_DATA, "%s %" PRId64 ": expected a finite score, found %g", what, i, (double)score[i]);
done:
    return status;
}

static hg_status check_input(hg_context *ctx, const hg_finder_input *in)
{
    hg_status status = HG_OK;

    HG_CHECK(in && in->hits && in->detector && in->graph, HG_ERR_ARG, "expected hits, a detector and a graph, found NULL");
    HG_CHECK(in->hits->n == 0 || in->hit_module, HG_ERR_ARG, "expected the module of each hit, found NULL");
    HG_CHECK(in->graph->n_nodes == in->hits->n, HG_ERR_ARG, "expected a graph of %" PRId64 " hits, found %" PRId64 " nodes", in->hits->n,
             in->graph->n_nodes);
    HG_CHECK(!in->kalman || in->measurements || in->hits->n == 0, HG_ERR_ARG, "a Kalman filter needs measurements, found NULL");
    for (int64_t i = 0; i < in->hits->n; ++i)
        HG_CHECK(in->hit_module[i] >= 0 && in->hit_module[i] < in->detector->n_modules, HG_ERR_ARG,
                 "hit %" PRId64 ": expected a module in 0..%" PRId64 ", found %" PRId64, i, in->detector->n_modules - 1, in->hit_module[i]);
    HG_TRY(check_scores(ctx, "doublet", in->doublet_score, in->graph->n_edges));
    if (!in->line) goto done;
    HG_CHECK(in->line_doublet || in->line->n_nodes == 0, HG_ERR_ARG, "expected the doublet of each line-graph node, found NULL");
    for (int64_t d = 0; d < in->line->n_nodes; ++d)
        HG_CHECK(in->line_doublet[d] >= 0 && in->line_doublet[d] < in->graph->n_edges, HG_ERR_ARG,
                 "line-graph node %" PRId64 ": expected a doublet in 0..%" PRId64 ", found %" PRId64, d, in->graph->n_edges - 1,
                 in->line_doublet[d]);
    HG_TRY(check_scores(ctx, "triplet", in->triplet_score, in->line->n_edges));
done:
    return status;
}

/* The finder's own Kalman filter: the caller's with more scattering. */
static hg_status scale_material(hg_context *ctx, hg_finder *finder)
{
    hg_status status = HG_OK;
    const hg_material *material = finder->input->kalman->material;

    finder->kalman = *finder->input->kalman;
    if (!material) return HG_OK;
    HG_TRY(hg_material_create(ctx, material->surface, material->n, &finder->material));
    for (int64_t i = 0; i < material->n; ++i) finder->material->surface[i].x_over_x0 *= finder->options->material_scale;
    finder->kalman.material = finder->material;
done:
    return status;
}

/* What only following needs. */
static hg_status prepare_following(hg_context *ctx, hg_finder *finder)
{
    hg_status status = HG_OK;
    HG_TRY(hg_batch_select(ctx, false, &finder->kernels));
    HG_TRY(hg_hit_index_create(ctx, finder->input, finder->hit_layer, finder->kernels, &finder->index));
    HG_TRY(scale_material(ctx, finder));
    HG_TRY(hg_batch_world_create(ctx, &finder->kalman, false, &finder->world));
    HG_TRY(hg_follower_create(ctx, finder, &finder->follower));
done:
    return status;
}

void hg_finder_destroy(hg_context *ctx, hg_finder *finder)
{
    if (!finder) return;
    hg_follower_destroy(ctx, finder->follower);
    hg_batch_world_destroy(ctx, finder->world);
    hg_material_destroy(ctx, finder->material);
    hg_paths_free(ctx, &finder->first_chains);
    hg_free(ctx, finder->hit_layer);
    hg_free(ctx, finder->layer_rank);
    hg_free(ctx, finder->hit_order);
    hg_free(ctx, finder->doublet_order);
    hg_free(ctx, finder->used);
    hg_free(ctx, finder->tracks.item);
    hg_hit_index_free(ctx, &finder->index);
    hg_free(ctx, finder);
}

hg_status hg_finder_create(hg_context *ctx, const hg_finder_input *input, const hg_finder_options *options, hg_finder **out)
{
    hg_status status = HG_OK;
    hg_finder *finder = NULL;
    const hg_finder_options chosen = options ? *options : hg_finder_default_options();

    HG_TRY(check_options(ctx, &chosen));
    HG_TRY(check_input(ctx, input));
    HG_TRY(hg_alloc(ctx, &finder, 1));
    finder->given = *input;
    finder->chosen = chosen;
    finder->input = &finder->given;
    finder->options = &finder->chosen;
    finder->follows = input->kalman && chosen.builder == HG_FINDER_FOLLOW;
    HG_TRY(hg_alloc(ctx, &finder->hit_layer, input->hits->n));
    HG_TRY(hg_alloc(ctx, &finder->used, input->hits->n));
    for (int64_t i = 0; i < input->hits->n; ++i) finder->hit_layer[i] = input->detector->module_layer[input->hit_module[i]];
    *out = finder;
    finder = NULL;
done:
    hg_finder_destroy(ctx, finder);
    return status;
}

hg_status hg_finder_first_chains(hg_context *ctx, hg_finder *finder)
{
    return finder->first_chains.offset ? HG_OK : hg_chains_build(ctx, finder, 0, &finder->first_chains);
}

/* Without a fit a hit counts by the network's belief in the triplet that brought it. */
static hg_status chains_to_candidates(hg_context *ctx, const hg_paths *chains, int64_t least, hg_candidates *candidates)
{
    hg_status status = hg_candidates_reserve(ctx, candidates, chains->n);
    if (status < 0) return status;
    for (int64_t c = 0; c < chains->n; ++c) {
        hg_candidate *candidate = &candidates->item[candidates->n];
        if (chains->offset[c + 1] - chains->offset[c] < least) continue;
        ++candidates->n;
        for (int64_t k = chains->offset[c]; k < chains->offset[c + 1] && candidate->n < HG_CANDIDATE_HITS; ++k) {
            candidate->hit[candidate->n] = chains->node[k];
            candidate->gain[candidate->n] = 1.0f + chains->link[k];
            candidate->score += candidate->gain[candidate->n++];
        }
    }
    return HG_OK;
}

static hg_status make_chains(hg_context *ctx, hg_finder *finder, int pass, hg_paths *chains)
{
    if (pass > 0) return hg_chains_build(ctx, finder, pass, chains);
    const hg_status status = hg_finder_first_chains(ctx, finder);
    if (status < 0) return status;
    *chains = finder->first_chains;
    finder->first_chains = (hg_paths){0};
    return HG_OK;
}

static hg_status run_pass(hg_context *ctx, hg_finder *finder, int pass)
{
    hg_status status = HG_OK;
    if (finder->options->pass[pass].displaced_r_mm > 0 && !finder->follows) return HG_OK;
    hg_paths chains = {0};
    hg_candidates candidates = {0};
    int64_t first = finder->tracks.n;

    HG_TRY(make_chains(ctx, finder, pass, &chains));
    if (finder->follows)
        HG_TRY(hg_follow_chains(ctx, finder, &chains, finder->options->pass[pass].chain_min, &candidates));
    else
        HG_TRY(chains_to_candidates(ctx, &chains, finder->options->pass[pass].chain_min, &candidates));
    HG_TRY(hg_compete(ctx, finder, pass, &candidates));
    if (!finder->follows) hg_overlaps_from_graph(finder, first);
done:
    hg_paths_free(ctx, &chains);
    hg_free(ctx, candidates.item);
    return status;
}

/* The builders that know only doublets: one pass, disjoint candidates. */
static hg_status build_from_doublets(hg_context *ctx, hg_finder *finder)
{
    hg_status status = HG_OK;
    hg_candidates candidates = {0};

    if (finder->options->builder == HG_FINDER_WALK)
        HG_TRY(hg_build_walks(ctx, finder, &candidates));
    else
        HG_TRY(hg_build_components(ctx, finder, &candidates));
    HG_TRY(hg_compete(ctx, finder, 0, &candidates));
done:
    hg_free(ctx, candidates.item);
    return status;
}

static hg_status write_tracks(hg_context *ctx, const hg_finder *finder, hg_tracks **out)
{
    hg_status status = HG_OK;
    hg_tracks *tracks = NULL;
    int64_t n_hits = 0;

    for (int64_t t = 0; t < finder->tracks.n; ++t) n_hits += finder->tracks.item[t].n;
    HG_TRY(hg_tracks_create(ctx, finder->tracks.n, n_hits, &tracks));
    for (int64_t t = 0, at = 0; t < finder->tracks.n; ++t) {
        const hg_candidate *item = &finder->tracks.item[t];
        memcpy(tracks->hit + at, item->hit, (size_t)item->n * sizeof *item->hit);
        tracks->hit_offset[t] = at;
        at += item->n;
        tracks->hit_offset[t + 1] = at;
        tracks->score[t] = item->score;
        tracks->n_hole[t] = item->n_hole;
    }
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(static) if (n_hits >= HG_PARALLEL_MIN)
    for (int64_t t = 0; t < tracks->n; ++t)
        hg_order_overlaps(finder, tracks->hit + tracks->hit_offset[t], (int32_t)(tracks->hit_offset[t + 1] - tracks->hit_offset[t]));
    *out = tracks;
done:
    return status;
}

hg_status hg_finder_tracks(hg_context *ctx, hg_finder *finder, hg_tracks **out)
{
    hg_status status = HG_OK;

    HG_CHECK(!finder->done, HG_ERR_ARG, "the tracks of a finder were asked for twice");
    finder->done = true;
    if (finder->follows) HG_TRY(prepare_following(ctx, finder));
    if (finder->options->builder >= HG_FINDER_COMPONENTS) {
        HG_TRY(build_from_doublets(ctx, finder));
    } else {
        for (int pass = 0; pass < finder->options->n_passes; ++pass) HG_TRY(run_pass(ctx, finder, pass));
    }
    HG_TRY(write_tracks(ctx, finder, out));
done:
    return status;
}

hg_status hg_tracks_find(hg_context *ctx, const hg_finder_input *input, const hg_finder_options *options, hg_tracks **out)
{
    hg_finder *finder = NULL;
    hg_status status = hg_finder_create(ctx, input, options, &finder);
    if (status >= 0) status = hg_finder_tracks(ctx, finder, out);
    hg_finder_destroy(ctx, finder);
    return status;
}
