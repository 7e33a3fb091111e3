/* follow_seconds.c — second hits on the layer of a seed's last hit, where no walk that ends there would look for them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "tracking/follow.h"

/* Numbers of standard deviations, and what bending and scattering between the modules of one layer may do, mm. */
#define N_SIGMA 4.0f
#define SLACK_MM 2.0f
#define STEEPEST 30.0f

/* The window on the layer of a hit through which the track, going straight, leaves or enters the layer. */
static hg_window window_around(const hg_engine *e, const hg_branch *at, int32_t hit)
{
    const hg_hits *hits = e->finder->input->hits;
    const int32_t layer = e->finder->hit_layer[hit];
    const hg_hit_layer *own = &e->finder->index.layer[layer];
    const bool barrel = e->finder->input->detector->layers[layer].barrel;
    const float x = (float)hits->x[hit], y = (float)hits->y[hit], radius = fmaxf(hypotf(x, y), 1.0f), phi = atan2f(y, x);
    const float sine = sinf(at->state[3]), cosine = fabsf(cosf(at->state[3])), psi = at->state[2] - phi;
    const float radial = fmaxf(fabsf(cosf(psi)), 1.0f / STEEPEST), around = fabsf(sinf(psi)), depth = 2.0f * (float)own->depth;
    const float path = fminf(depth / fmaxf(barrel ? sine * radial : cosine, 1e-3f), STEEPEST * depth);
    const float sigma_c = N_SIGMA * (float)own->sigma_c, sigma_phi = N_SIGMA * (float)own->sigma_phi;
    return (hg_window){.layer = layer,
                       .phi = phi,
                       .c = barrel ? (float)hits->z[hit] : radius,
                       .half_phi = (path * sine * around + sigma_phi + SLACK_MM) / radius,
                       .half_c = path * (barrel ? cosine : sine * radial) + sigma_c + SLACK_MM,
                       .scale_phi = radius,
                       .scale_c = 1.0f};
}

bool hg_slot_begin_seconds(const hg_engine *e, hg_slot *s)
{
    const hg_candidate *seed = &s->best.candidate;
    if (s->has_seconds || seed->n != HG_SEED_STEPS) return false;
    s->has_seconds = true;
    hg_slot_begin_branch(s, &s->best);
    const hg_window window = window_around(e, &s->current, seed->hit[seed->n - 1]);
    s->n_matches = 0;
    s->n_found = hg_hit_index_search(&e->finder->index, &window, e->finder->used, HG_WINDOW_HITS, s->found, &s->nearest);
    for (int k = 0; k < s->n_found; ++k)
        if (hg_engine_record(e, s->found[k])->module != s->current.module) s->matches[s->n_matches++] = (hg_match){.place = s->found[k]};
    s->stage = HG_SLOT_SECONDS;
    return s->n_matches > 0;
}
