/* datasets/simulate_buffer.c — the growing tables into which the parts of the event simulator write. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "base/memory.h"
#include "datasets/simulation.h"

static int64_t more_room(int64_t room)
{
    return room < 64 ? 64 : 2 * room;
}

hg_status hg_sim_add_particle(hg_context *ctx, hg_sim_buffer *buffer, const hg_sim_particle *particle)
{
    hg_status status = HG_OK;
    if (buffer->n_particles == buffer->room_particles) {
        HG_TRY(hg_grow(ctx, &buffer->particle, buffer->room_particles, more_room(buffer->room_particles)));
        buffer->room_particles = more_room(buffer->room_particles);
    }
    buffer->particle[buffer->n_particles++] = *particle;
done:
    return status;
}

hg_status hg_sim_add_hit(hg_context *ctx, hg_sim_buffer *buffer, const hg_sim_hit *hit)
{
    hg_status status = HG_OK;
    if (buffer->n_hits == buffer->room_hits) {
        HG_TRY(hg_grow(ctx, &buffer->hit, buffer->room_hits, more_room(buffer->room_hits)));
        buffer->room_hits = more_room(buffer->room_hits);
    }
    buffer->hit[buffer->n_hits++] = *hit;
done:
    return status;
}

hg_status hg_sim_add_cell(hg_context *ctx, hg_sim_buffer *buffer, hg_sim_cell cell)
{
    hg_status status = HG_OK;
    if (buffer->n_cells == buffer->room_cells) {
        HG_TRY(hg_grow(ctx, &buffer->cell, buffer->room_cells, more_room(buffer->room_cells)));
        buffer->room_cells = more_room(buffer->room_cells);
    }
    buffer->cell[buffer->n_cells++] = cell;
done:
    return status;
}

void hg_sim_buffer_clear(hg_context *ctx, hg_sim_buffer *buffer)
{
    hg_free(ctx, buffer->particle);
    hg_free(ctx, buffer->hit);
    hg_free(ctx, buffer->cell);
    *buffer = (hg_sim_buffer){0};
}
