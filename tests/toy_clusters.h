/* toy_clusters.h — clusters for the toy hits: as long as the track is inclined to the module, of any length for noise. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_TOY_CLUSTERS_H
#define HG_TESTS_TOY_CLUSTERS_H

#include "tests/toy_hits.h"

enum { TOY_MODULES = TOY_LAYERS * 320, TOY_SECOND = 100000, TOY_CELLS_PER_SLOPE = 4 };
static const int32_t toy_volume[TOY_LAYERS] = {0, 0, 0, 0, 1, 1};

/* Modules behind others are those TOY_SECOND further on. */
typedef struct toy_clusters {
    toy_event event;
    uint8_t nu[TOY_HITS], nv[TOY_HITS];
    float frame[TOY_SECOND + TOY_MODULES][9];
} toy_clusters;

static inline void toy_set_frames(toy_clusters *c)
{
    for (int32_t m = 0; m < TOY_MODULES; ++m) {
        double phi = -M_PI + 2 * M_PI * ((m / 20) % 16 + 0.5) / 16;
        float x = (float)cos(phi), y = (float)sin(phi);
        const float barrel[9] = {-y, x, 0, 0, 0, 1, x, y, 0}, disc[9] = {-y, x, 0, x, y, 0, 0, 0, 1};
        memcpy(c->frame[m], toy_barrel[m / 320] ? barrel : disc, sizeof barrel);
        memcpy(c->frame[TOY_SECOND + m], c->frame[m], sizeof barrel);
    }
}

static inline uint8_t toy_size(double slope, int largest)
{
    double cells = 1 + TOY_CELLS_PER_SLOPE * fabs(slope);
    return (uint8_t)(cells < largest ? cells : largest);
}

/* The direction at a hit is that to a hit of its particle on another layer. */
static inline void toy_add_clusters(toy_clusters *c, hg_random *rng)
{
    toy_event *e = &c->event;
    for (int64_t i = 0; i < e->hits.n; ++i) {
        int64_t other = -1;
        for (int64_t j = i > 3 ? i - 3 : 0; j <= i + 3 && j < e->hits.n; ++j) {
            if (e->particle[i] >= 0 && e->particle[j] == e->particle[i] && e->layer[j] != e->layer[i]) other = j;
        }
        c->nu[i] = (uint8_t)(1 + hg_random_below(rng, 6));
        c->nv[i] = (uint8_t)(1 + hg_random_below(rng, 20));
        if (other < 0) continue;
        const double d[3] = {e->x[other] - e->x[i], e->y[other] - e->y[i], e->z[other] - e->z[i]};
        const float *f = c->frame[e->module[i]];
        double along[3] = {0};
        for (int k = 0; k < 9; ++k) along[k / 3] += d[k % 3] * (double)f[k];
        c->nu[i] = toy_size(along[0] / along[2], 6);
        c->nv[i] = toy_size(along[1] / along[2], 20);
    }
    e->hits.nu = c->nu;
    e->hits.nv = c->nv;
    e->hits.frame = &c->frame[0][0];
    e->hits.layer_volume = toy_volume;
}

static inline void toy_clusters_make(toy_clusters *c, uint64_t number, int n_particles, int n_noise)
{
    hg_random rng = hg_random_stream(11, 6, number, 0);
    toy_make(&c->event, number, n_particles, n_noise, 5);
    toy_set_frames(c);
    toy_add_clusters(c, &rng);
}

/* For hg_doublet_map_learn: user is a toy_clusters that is overwritten. */
static inline hg_status toy_clusters_next(hg_context *ctx, void *user, int64_t i, hg_doublet_hits *hits, hg_doublet_truth *truth)
{
    (void)ctx;
    toy_clusters *c = user;
    toy_clusters_make(c, (uint64_t)i, 800, 800);
    *hits = c->event.hits;
    *truth = c->event.truth;
    return HG_OK;
}

#endif
