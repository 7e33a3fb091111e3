/* datasets/telescope_try.c — one try from the draw of what happens to its read-out. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "datasets/telescope.h"

hg_status hg_tel_try(hg_context *ctx, const hg_telescope *telescope, uint64_t seed, uint64_t number, hg_tel_room *room, hg_tel_truth *truth,
                     bool *triggered)
{
    hg_status status = HG_OK;
    *triggered = false;
    HG_TRY(hg_tel_draw(ctx, telescope, seed, number, room, truth));
    HG_TRY(hg_tel_shine(ctx, telescope, seed, number, room));
    /* noise may complete a trigger but does not make one */
    if (2 * room->n_photons < telescope->options.trigger_hits) return status;
    HG_TRY(hg_tel_add_noise(ctx, telescope, seed, number, room));
    HG_TRY(hg_tel_read_out(ctx, telescope, seed, number, room, truth, triggered));
done:
    return status;
}
