/* datasets/telescope_room.c — the working room of one thread of the telescope simulator. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "base/memory.h"
#include "datasets/telescope.h"

hg_status hg_tel_room_create(hg_context *ctx, const hg_telescope *telescope, hg_tel_room *out)
{
    hg_status status = HG_OK;
    hg_tel_room room = {.n_tracks = 0};
    HG_TRY(hg_alloc(ctx, &room.target, telescope->table.n));
    HG_TRY(hg_alloc(ctx, &room.first, telescope->table.n + 1));
    *out = room;
    room = (hg_tel_room){.n_tracks = 0};
done:
    hg_tel_room_clear(ctx, &room);
    return status;
}

void hg_tel_room_clear(hg_context *ctx, hg_tel_room *room)
{
    hg_free(ctx, room->track);
    hg_free(ctx, room->cascade);
    hg_free(ctx, room->photon);
    hg_free(ctx, room->sorted);
    hg_free(ctx, room->pulse);
    hg_free(ctx, room->target);
    hg_free(ctx, room->first);
    hg_free(ctx, room->moment);
    *room = (hg_tel_room){.n_tracks = 0};
}

/* Room for one more row of a table that doubles. */
#define GROW(ctx, array, n, room) ((n) < (room) ? HG_OK : grow((ctx), (void **)(array), (n), &(room), sizeof **(array)))

static hg_status grow(hg_context *ctx, void **array, int64_t n, int64_t *room, size_t size)
{
    const int64_t larger = *room ? 2 * *room : 64;
    const hg_status status = hg_grow_array(ctx, array, n, larger, size);
    if (status >= 0) *room = larger;
    return status;
}

hg_status hg_tel_add_track(hg_context *ctx, hg_tel_room *room, const hg_tel_track *track)
{
    const hg_status status = GROW(ctx, &room->track, room->n_tracks, room->room_tracks);
    if (status >= 0) room->track[room->n_tracks++] = *track;
    return status;
}

hg_status hg_tel_add_cascade(hg_context *ctx, hg_tel_room *room, const hg_tel_cascade *cascade)
{
    const hg_status status = GROW(ctx, &room->cascade, room->n_cascades, room->room_cascades);
    if (status >= 0) room->cascade[room->n_cascades++] = *cascade;
    return status;
}

hg_status hg_tel_add_photon(hg_context *ctx, hg_tel_room *room, hg_tel_photon photon)
{
    const hg_status status = GROW(ctx, &room->photon, room->n_photons, room->room_photons);
    if (status >= 0) room->photon[room->n_photons++] = photon;
    return status;
}

/* As many pulses as photo-electrons at most. */
hg_status hg_tel_room_for_pulses(hg_context *ctx, hg_tel_room *room)
{
    hg_status status = HG_OK;
    const int64_t n = room->room_photons;
    if (n <= room->room_pulses) return HG_OK;
    HG_TRY(hg_grow(ctx, &room->sorted, room->room_pulses, n));
    HG_TRY(hg_grow(ctx, &room->pulse, room->room_pulses, n));
    HG_TRY(hg_grow(ctx, &room->moment, room->room_pulses, n));
    room->room_pulses = n;
done:
    return status;
}
