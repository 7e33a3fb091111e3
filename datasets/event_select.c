/* datasets/event_select.c — an event with only some of its hits. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "hitgraph/event.h"

static void copy_hit(const hg_event *from, int64_t i, hg_event *to, int64_t k)
{
    to->hits.hit_id[k] = from->hits.hit_id[i];
    to->hits.x[k] = from->hits.x[i];
    to->hits.y[k] = from->hits.y[i];
    to->hits.z[k] = from->hits.z[i];
    to->hits.volume_id[k] = from->hits.volume_id[i];
    to->hits.layer_id[k] = from->hits.layer_id[i];
    to->hits.module_id[k] = from->hits.module_id[i];
}

static void copy_truth(const hg_truth *from, int64_t i, hg_truth *to, int64_t k)
{
    to->particle_id[k] = from->particle_id[i];
    to->tx[k] = from->tx[i];
    to->ty[k] = from->ty[i];
    to->tz[k] = from->tz[i];
    to->tpx[k] = from->tpx[i];
    to->tpy[k] = from->tpy[i];
    to->tpz[k] = from->tpz[i];
    to->weight[k] = from->weight[i];
}

/* Cells of hit row i of `from` become those of row k. */
static void copy_cells(const hg_cells *from, int64_t i, hg_cells *to, int64_t k)
{
    const int64_t first = from->offset[i], n = from->offset[i + 1] - first, at = to->offset[k];
    memcpy(to->ch0 + at, from->ch0 + first, (size_t)n * sizeof *to->ch0);
    memcpy(to->ch1 + at, from->ch1 + first, (size_t)n * sizeof *to->ch1);
    memcpy(to->value + at, from->value + first, (size_t)n * sizeof *to->value);
    to->offset[k + 1] = at + n;
}

static void copy_particles(const hg_particles *from, hg_context *ctx, hg_particles *to)
{
    const size_t n = (size_t)from->n;
    memcpy(to->particle_id, from->particle_id, n * sizeof *to->particle_id);
    double *const target[] = {to->vx, to->vy, to->vz, to->px, to->py, to->pz};
    const double *const source[] = {from->vx, from->vy, from->vz, from->px, from->py, from->pz};
    for (size_t c = 0; c < sizeof target / sizeof *target; ++c) memcpy(target[c], source[c], n * sizeof *to->vx);
    memcpy(to->q, from->q, n * sizeof *to->q);
    memcpy(to->nhits, from->nhits, n * sizeof *to->nhits);
    if (from->pdg) {
        memcpy(to->pdg, from->pdg, n * sizeof *to->pdg);
    } else {
        hg_free(ctx, to->pdg);
        to->pdg = NULL;
    }
}

hg_status hg_event_select(hg_context *ctx, const hg_event *event, const uint8_t *keep, hg_event **out)
{
    hg_status status = HG_OK;
    hg_event *made = NULL;
    int64_t n_hits = 0, n_cells = 0, k = 0;
    for (int64_t i = 0; i < event->hits.n; ++i) {
        if (!keep[i]) continue;
        ++n_hits;
        if (event->has_cells) n_cells += event->cells.offset[i + 1] - event->cells.offset[i];
    }
    HG_TRY(hg_event_create(ctx, n_hits, event->has_cells ? n_cells : -1, event->has_particles ? event->particles.n : -1, event->has_truth,
                           &made));
    made->event_id = event->event_id;
    for (int64_t i = 0; i < event->hits.n; ++i) {
        if (!keep[i]) continue;
        copy_hit(event, i, made, k);
        if (event->has_truth) copy_truth(&event->truth, i, &made->truth, k);
        if (event->has_cells) copy_cells(&event->cells, i, &made->cells, k);
        ++k;
    }
    if (event->has_particles) copy_particles(&event->particles, ctx, &made->particles);
    *out = made;
    made = NULL;
done:
    hg_event_destroy(ctx, made);
    return status;
}
