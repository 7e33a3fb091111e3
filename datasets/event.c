/* datasets/event.c — room for one event. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/event.h"

#include "base/check.h"
#include "base/memory.h"

static hg_status create_hits(hg_context *ctx, hg_hits *hits, int64_t n)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(ctx, &hits->hit_id, n));
    HG_TRY(hg_alloc(ctx, &hits->x, n));
    HG_TRY(hg_alloc(ctx, &hits->y, n));
    HG_TRY(hg_alloc(ctx, &hits->z, n));
    HG_TRY(hg_alloc(ctx, &hits->volume_id, n));
    HG_TRY(hg_alloc(ctx, &hits->layer_id, n));
    HG_TRY(hg_alloc(ctx, &hits->module_id, n));
    hits->n = n;
done:
    return status;
}

static hg_status create_cells(hg_context *ctx, hg_cells *cells, int64_t n_hits, int64_t n)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(ctx, &cells->offset, n_hits + 1));
    HG_TRY(hg_alloc(ctx, &cells->ch0, n));
    HG_TRY(hg_alloc(ctx, &cells->ch1, n));
    HG_TRY(hg_alloc(ctx, &cells->value, n));
    cells->n = n;
done:
    return status;
}

static hg_status create_truth(hg_context *ctx, hg_truth *truth, int64_t n)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(ctx, &truth->particle_id, n));
    HG_TRY(hg_alloc(ctx, &truth->tx, n));
    HG_TRY(hg_alloc(ctx, &truth->ty, n));
    HG_TRY(hg_alloc(ctx, &truth->tz, n));
    HG_TRY(hg_alloc(ctx, &truth->tpx, n));
    HG_TRY(hg_alloc(ctx, &truth->tpy, n));
    HG_TRY(hg_alloc(ctx, &truth->tpz, n));
    HG_TRY(hg_alloc(ctx, &truth->weight, n));
done:
    return status;
}

static hg_status create_particles(hg_context *ctx, hg_particles *particles, int64_t n)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(ctx, &particles->particle_id, n));
    HG_TRY(hg_alloc(ctx, &particles->vx, n));
    HG_TRY(hg_alloc(ctx, &particles->vy, n));
    HG_TRY(hg_alloc(ctx, &particles->vz, n));
    HG_TRY(hg_alloc(ctx, &particles->px, n));
    HG_TRY(hg_alloc(ctx, &particles->py, n));
    HG_TRY(hg_alloc(ctx, &particles->pz, n));
    HG_TRY(hg_alloc(ctx, &particles->q, n));
    HG_TRY(hg_alloc(ctx, &particles->nhits, n));
    HG_TRY(hg_alloc(ctx, &particles->pdg, n));
    particles->n = n;
done:
    return status;
}

hg_status hg_event_create(hg_context *ctx, int64_t n_hits, int64_t n_cells, int64_t n_particles, bool with_truth, hg_event **out)
{
    hg_status status = HG_OK;
    hg_event *event = NULL;
    HG_CHECK(n_hits >= 0, HG_ERR_ARG, "an event of %" PRId64 " hits, expected 0 or more", n_hits);
    HG_CHECK(n_hits <= INT32_MAX, HG_ERR_LIMIT, "an event of %" PRId64 " hits, expected at most %d", n_hits, INT32_MAX);
    HG_TRY(hg_alloc(ctx, &event, 1));
    event->has_cells = n_cells >= 0;
    event->has_truth = with_truth;
    event->has_particles = n_particles >= 0;
    HG_TRY(create_hits(ctx, &event->hits, n_hits));
    if (event->has_cells) HG_TRY(create_cells(ctx, &event->cells, n_hits, n_cells));
    if (event->has_truth) HG_TRY(create_truth(ctx, &event->truth, n_hits));
    if (event->has_particles) HG_TRY(create_particles(ctx, &event->particles, n_particles));
    *out = event;
    event = NULL;
done:
    hg_event_destroy(ctx, event);
    return status;
}

void hg_event_destroy(hg_context *ctx, hg_event *event)
{
    if (!event) return;
    void *arrays[] = {
        event->hits.hit_id,    event->hits.x,        event->hits.y,         event->hits.z,
        event->hits.volume_id, event->hits.layer_id, event->hits.module_id, event->cells.offset,
        event->cells.ch0,      event->cells.ch1,     event->cells.value,    event->truth.particle_id,
        event->truth.tx,       event->truth.ty,      event->truth.tz,       event->truth.tpx,
        event->truth.tpy,      event->truth.tpz,     event->truth.weight,   event->particles.particle_id,
        event->particles.vx,   event->particles.vy,  event->particles.vz,   event->particles.px,
        event->particles.py,   event->particles.pz,  event->particles.q,    event->particles.nhits,
        event->particles.pdg,
    };
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; ++i) hg_free(ctx, arrays[i]);
    hg_free(ctx, event);
}
