/* batch_body.h — one source of all batch kernels: each unit sets LANES, OF_DOUBLE, ISA_NAME and TABLE, and includes this once. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tracking/batch_filter.h"
#include "tracking/batch_windows.h"

/* Rows of states to lanes and back. */
INLINE void load_states(const real *from, marks index, bound *s)
{
    marks at = index * HG_BATCH_STATE;
    for (int i = 0; i < 5; ++i) s->par[i] = gather(from + i, at);
    for (int i = 0; i < 15; ++i) s->cov[i] = gather(from + HG_BATCH_COV + i, at);
}

INLINE void store_states(real *to, const bound *s, const int32_t *status, int n)
{
    real rows[20][LANES];
    for (int i = 0; i < 5; ++i) store(rows[i], s->par[i]);
    for (int i = 0; i < 15; ++i) store(rows[HG_BATCH_COV + i], s->cov[i]);
    for (int l = 0; l < n; ++l) {
        if (status[l] != 0) continue;
        for (int i = 0; i < 20; ++i) to[l * HG_BATCH_STATE + i] = rows[i][l];
    }
}

/* Lanes beyond the last job repeat it. */
INLINE marks load_jobs(const int32_t *from, int64_t first, int64_t n)
{
    int32_t part[LANES];
    for (int l = 0; l < LANES; ++l) part[l] = from[first + (l < n ? l : n - 1)];
    return load_whole(part);
}

INLINE void predict_all(const hg_batch_world *world, const real *from, const hg_batch_jobs *jobs, bool to_beam, real *to)
{
    for (int64_t first = 0; first < jobs->n; first += LANES) {
        const int64_t n = jobs->n - first < LANES ? jobs->n - first : LANES;
        bound state;
        plane start, end;
        jacobian j;
        int32_t status[LANES];
        load_states(from, load_jobs(jobs->from_index, first, n), &state);
        load_plane(world, load_jobs(jobs->from_module, first, n), &start);
        if (!to_beam) load_plane(world, load_jobs(jobs->to_module, first, n), &end);
        marks bits = transport(world, &start, to_beam ? NULL : &end, all_whole(-1), state.par[4], &state, &j);
        fail(&bits, ~is_positive(state.cov), HG_TRACK_COV_NOT_POSITIVE);
        store_whole(status, bits);
        store_states(to + first * HG_BATCH_STATE, &state, status, (int)n);
        for (int l = 0; l < n; ++l) jobs->status[first + l] = status[l];
    }
}

static void predict(const hg_batch_world *world, const void *from, const hg_batch_jobs *jobs, void *to)
{
    predict_all(world, from, jobs, false, to);
}

static void predict_perigee(const hg_batch_world *world, const void *from, const hg_batch_jobs *jobs, void *to)
{
    predict_all(world, from, jobs, true, to);
}

static void windows(const hg_batch_world *world, const hg_batch_layers *layers, const void *from, const hg_batch_search *search)
{
    int32_t index[LANES];
    for (int64_t first = 0; first < search->n; first += LANES) {
        const int64_t n = search->n - first < LANES ? search->n - first : LANES;
        bound state;
        plane at;
        real table[H_NUMBERS][LANES];
        int32_t good[LANES];
        for (int l = 0; l < LANES; ++l) index[l] = (int32_t)(first + (l < n ? l : n - 1));
        load_states(from, load_whole(index), &state);
        load_plane(world, load_jobs(search->module, first, n), &at);
        store_whole(good, start_helices(world, &state, &at, table));
        for (int l = 0; l < n; ++l) {
            real h[H_NUMBERS];
            const int64_t k = first + l;
            for (int i = 0; i < H_NUMBERS; ++i) h[i] = table[i][l];
            search->n_windows[k] = good[l] ? windows_of(layers, h, search->own_layer[k], search->direction[k], search->room,
                                                        search->windows + k * search->room)
                                           : 0;
        }
    }
}

const hg_batch_kernels TABLE = {.name = ISA_NAME,
                                .lanes = LANES,
                                .real_size = sizeof(real),
                                .predict = predict,
                                .predict_perigee = predict_perigee,
                                .windows = windows,
                                .inside = inside_window,
                                .fit = fit_lanes};
