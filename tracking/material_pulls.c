/* material_pulls.c — thickness of material surfaces from the pulls of tracks fitted to true hits. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "hitgraph/calibration.h"
#include "hitgraph/material.h"
#include "hitgraph/pulls.h"
#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "tracking/calibrate.h"

/* Single scatterings have a narrow core and wide tails; parameters to which many of them add up feel their whole width, others the core
 * alone. No one step between hits tells what width is right for a surface: the tracks do. But tracks cannot tell neighbours apart, so
 * surfaces of one shape and extent are scaled together. To first order a parameter's variance is a sum of the groups' shares in it, found
 * by making one group at a time thicker; each group is then scaled to what is seen in the tracks that feel it (estimation of variance
 * components by expectation and maximisation). */

enum { TURNS = 20, HITS_MIN = 6, LAYERS_MIN = 5 };
static const double trial = 1.2, prompt_mm = 2.0, eta_max = 4.0;
static const double felt_min = 20.0;                            /* tracks; surfaces that fewer feel stay as they are */
static const double pull_cut = 2.5, mean_below_cut = 0.9112571; /* of the square of a normal number within the cut */

/* The true tracks of all events, and one row of HG_PULLS numbers for each of them. */
typedef struct sample {
    int64_t n_events, n_rows;
    const hg_calibration_event *event;
    hg_measurement **measurement; /* [n_events] */
    hg_tracks **tracks;           /* [n_events] */
    hg_target target;
    double *pull;    /* [n_rows][HG_PULLS] */
    int64_t *row_of; /* [n_rows] scratch: tracks of one event's pulls */
} sample;

static void close_sample(hg_context *ctx, sample *s)
{
    for (int64_t e = 0; e < s->n_events; ++e) {
        if (s->measurement) hg_free(ctx, s->measurement[e]);
        if (s->tracks) hg_tracks_destroy(ctx, s->tracks[e]);
    }
    hg_free(ctx, s->measurement);
    hg_free(ctx, s->tracks);
    hg_free(ctx, s->pull);
    hg_free(ctx, s->row_of);
}

static hg_status open_sample(hg_context *ctx, const hg_kalman *kalman, const hg_calibration_event *events, int64_t n, double pt_min_gev,
                             sample *s)
{
    hg_status status = HG_OK;
    *s = (sample){.n_events = n, .event = events, .target = {pt_min_gev, eta_max, HITS_MIN, LAYERS_MIN, true}};
    HG_TRY(hg_alloc(ctx, &s->measurement, n));
    HG_TRY(hg_alloc(ctx, &s->tracks, n));
    for (int64_t e = 0; e < n; ++e) {
        const hg_event *event = events[e].event;
        HG_TRY(hg_calibration_check_event(ctx, &events[e], true));
        HG_TRY(hg_alloc(ctx, &s->measurement[e], event->hits.n));
        HG_TRY(hg_measure_hits(ctx, kalman->detector, &event->hits, events[e].hit_module, event->has_cells ? &event->cells : NULL,
                               kalman->calibration, s->measurement[e]));
        HG_TRY(hg_truth_tracks(ctx, events[e].order, &s->target, prompt_mm, &s->tracks[e]));
        s->n_rows += s->tracks[e]->n;
    }
    HG_TRY(hg_alloc(ctx, &s->pull, s->n_rows * HG_PULLS));
    HG_TRY(hg_alloc(ctx, &s->row_of, s->n_rows));
done:
    return status;
}

/* Fits all tracks; variance [n_rows][HG_PULLS], 0 where a fit failed. */
static hg_status fit_sample(hg_context *ctx, const hg_kalman *kalman, const hg_material *material, sample *s, double *pull,
                            double *variance)
{
    hg_status status = HG_OK;
    hg_kalman with = *kalman;
    int64_t first = 0;
    with.material = material;
    for (int64_t k = 0; k < s->n_rows * HG_PULLS; ++k) variance[k] = 0.0;
    for (int64_t e = 0; e < s->n_events; ++e) {
        hg_tracks *tracks = s->tracks[e];
        int64_t n = 0;
        HG_TRY(hg_fit_tracks(ctx, &with, s->measurement[e], tracks));
        HG_TRY(hg_pulls_collect(ctx, s->event[e].event, s->event[e].order, &s->target, with.field, tracks, s->pull, s->row_of, &n));
        for (int64_t r = 0; r < n; ++r) {
            for (int k = 0; k < HG_PULLS; ++k) {
                const int64_t at = (first + s->row_of[r]) * HG_PULLS + k;
                variance[at] = tracks->cov[15 * s->row_of[r] + k * (k + 1) / 2 + k];
                if (pull) pull[at] = s->pull[r * HG_PULLS + k];
            }
        }
        first += tracks->n;
    }
    status = HG_OK;
done:
    return status;
}

/* Surfaces scaled together: [n surfaces] group of each, in the order of their first members. Returns the number of groups. */
static int64_t group_surfaces(const hg_material *material, int64_t *group)
{
    int64_t n = 0;
    for (int64_t i = 0; i < material->n; ++i) {
        const hg_material_surface *a = &material->surface[i];
        group[i] = -1;
        for (int64_t k = 0; k < i && group[i] < 0; ++k) {
            const hg_material_surface *b = &material->surface[k];
            if (a->cylinder == b->cylinder && a->low == b->low && a->high == b->high) group[i] = group[k];
        }
        if (group[i] < 0) group[i] = n++;
    }
    return n;
}

static void scale_group(hg_material *material, const int64_t *group, int64_t which, double factor)
{
    for (int64_t i = 0; i < material->n; ++i)
        if (group[i] == which) material->surface[i].x_over_x0 *= factor;
}

/* Each group's share in each variance: how the variance answers to a thicker group; share [n groups][n_rows][HG_PULLS]. */
static hg_status find_shares(hg_context *ctx, const hg_kalman *kalman, const hg_material *material, const int64_t *group, int64_t n_groups,
                             sample *s, const double *variance, float *share)
{
    hg_status status = HG_OK;
    hg_material *thicker = NULL;
    double *answer = NULL;
    const int64_t n = s->n_rows * HG_PULLS;
    HG_TRY(hg_alloc(ctx, &answer, n));
    for (int64_t g = 0; g < n_groups; ++g) {
        HG_CHECK(!hg_interrupted(ctx), HG_ERR_INTERRUPTED, "interrupted");
        hg_material_destroy(ctx, thicker);
        thicker = NULL;
        HG_TRY(hg_material_create(ctx, material->surface, material->n, &thicker));
        scale_group(thicker, group, g, trial);
        HG_TRY(fit_sample(ctx, kalman, thicker, s, NULL, answer));
        for (int64_t k = 0; k < n; ++k) {
            const bool both = variance[k] > 0.0 && answer[k] > 0.0;
            share[g * n + k] = both ? (float)fmin(1.0, fmax(0.0, (answer[k] / variance[k] - 1.0) / (trial - 1.0))) : 0.0f;
        }
        hg_progress(ctx, "material by pulls", g + 1, n_groups, "groups of surfaces");
    }
done:
    hg_free(ctx, answer);
    hg_material_destroy(ctx, thicker);
    return status;
}

/* One turn: sums of the shares in the variances as scaled so far, and of the shares times what was seen of each. */
static void compare_pulls(int64_t n, int64_t n_groups, const float *share, const double *variance, const double *pull, const double *factor,
                          double *felt, double *seen)
{
    for (int64_t g = 0; g < n_groups; ++g) felt[g] = seen[g] = 0.0;
    for (int64_t k = 0; k < n; ++k) {
        double scale = 1.0;
        for (int64_t g = 0; g < n_groups; ++g) scale += (double)share[g * n + k] * (factor[g] - 1.0);
        const double square = pull[k] * pull[k] / scale;
        if (!(variance[k] > 0.0 && scale > 0.0 && square < pull_cut * pull_cut)) continue;
        for (int64_t g = 0; g < n_groups; ++g) {
            const double part = (double)share[g * n + k] * factor[g] / scale;
            felt[g] += part;
            seen[g] += part * square;
        }
    }
}

static hg_status scale_groups(hg_context *ctx, int64_t n, const int64_t *group, int64_t n_groups, const float *share,
                              const double *variance, const double *pull, hg_material *material)
{
    hg_status status = HG_OK;
    double *factor = NULL, *felt = NULL, *seen = NULL;
    HG_TRY(hg_alloc(ctx, &factor, n_groups));
    HG_TRY(hg_alloc(ctx, &felt, n_groups));
    HG_TRY(hg_alloc(ctx, &seen, n_groups));
    for (int64_t g = 0; g < n_groups; ++g) factor[g] = 1.0;
    for (int turn = 0; turn < TURNS; ++turn) {
        compare_pulls(n, n_groups, share, variance, pull, factor, felt, seen);
        for (int64_t g = 0; g < n_groups; ++g)
            if (felt[g] > felt_min) factor[g] *= seen[g] / (felt[g] * mean_below_cut);
    }
    for (int64_t g = 0; g < n_groups; ++g) scale_group(material, group, g, factor[g]);
done:
    hg_free(ctx, factor);
    hg_free(ctx, felt);
    hg_free(ctx, seen);
    return status;
}

hg_status hg_material_learn_pulls(hg_context *ctx, const hg_kalman *kalman, const hg_calibration_event *events, int64_t n,
                                  double pt_min_gev, hg_material **out)
{
    hg_status status = HG_OK;
    hg_material *material = NULL;
    int64_t *group = NULL;
    double *pull = NULL, *variance = NULL;
    float *share = NULL;
    sample s = {0};

    HG_CHECK(kalman->material, HG_ERR_ARG, "learning material needs its places, found none");
    HG_TRY(hg_material_create(ctx, kalman->material->surface, kalman->material->n, &material));
    HG_TRY(open_sample(ctx, kalman, events, n, pt_min_gev, &s));
    HG_TRY(hg_alloc(ctx, &pull, s.n_rows * HG_PULLS));
    HG_TRY(hg_alloc(ctx, &variance, s.n_rows * HG_PULLS));
    HG_TRY(hg_alloc(ctx, &group, material->n));
    const int64_t n_groups = group_surfaces(material, group), n_pulls = s.n_rows * HG_PULLS;
    HG_TRY(hg_alloc(ctx, &share, n_groups * n_pulls));
    HG_TRY(fit_sample(ctx, kalman, material, &s, pull, variance));
    HG_TRY(find_shares(ctx, kalman, material, group, n_groups, &s, variance, share));
    HG_TRY(scale_groups(ctx, n_pulls, group, n_groups, share, variance, pull, material));
    *out = material;
    material = NULL;
done:
    hg_free(ctx, group);
    hg_free(ctx, share);
    hg_free(ctx, variance);
    hg_free(ctx, pull);
    close_sample(ctx, &s);
    hg_material_destroy(ctx, material);
    return status;
}
