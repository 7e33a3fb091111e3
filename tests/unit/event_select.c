/* unit/event_select.c — an event with only some of its hits, row by row against the whole one. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include "base/random.h"
#include "hitgraph/event.h"

enum { MOST_HITS = 40, MOST_CELLS = 4 };

/* Which parts an event has besides its hits; each bit one part. */
enum { CELLS = 1, TRUTH = 2, PARTICLES = 4, PDG = 8, ALL_PARTS = 15 };

/* Every number of the event is another one. */
static hg_event *numbered_event(int64_t n_hits, int parts, const int *cells_of)
{
    hg_event *e = NULL;
    int64_t n_cells = 0, next = 1;
    for (int64_t i = 0; i < n_hits; ++i) n_cells += cells_of[i];
    must(hg_event_create(ctx, n_hits, parts & CELLS ? n_cells : -1, parts & PARTICLES ? 3 : -1, parts & TRUTH, &e));
    e->event_id = 12;
    for (int64_t i = 0; i < n_hits; ++i) {
        e->hits.hit_id[i] = (uint64_t)1 << 60 | (uint64_t)next++; /* no double holds it */
        double *const place[] = {&e->hits.x[i], &e->hits.y[i], &e->hits.z[i]};
        for (int k = 0; k < 3; ++k) *place[k] = (double)next++;
        int32_t *const where[] = {&e->hits.volume_id[i], &e->hits.layer_id[i], &e->hits.module_id[i]};
        for (int k = 0; k < 3; ++k) *where[k] = (int32_t)next++;
        if (parts & TRUTH) {
            const hg_truth *t = &e->truth;
            t->particle_id[i] = (uint64_t)1 << 61 | (uint64_t)next++;
            double *const truth[] = {t->tx, t->ty, t->tz, t->tpx, t->tpy, t->tpz, t->weight};
            for (int k = 0; k < 7; ++k) truth[k][i] = (double)next++;
        }
        if (!(parts & CELLS)) continue;
        const hg_cells *c = &e->cells;
        c->offset[i + 1] = c->offset[i] + cells_of[i];
        for (int64_t k = c->offset[i]; k < c->offset[i + 1]; ++k) {
            c->ch0[k] = (int32_t)next++;
            c->ch1[k] = (int32_t)next++;
            c->value[k] = (float)next++;
        }
    }
    for (int64_t p = 0; parts & PARTICLES && p < 3; ++p) {
        const hg_particles *all = &e->particles;
        double *const number[] = {all->vx, all->vy, all->vz, all->px, all->py, all->pz};
        all->particle_id[p] = (uint64_t)1 << 61 | (uint64_t)next++;
        for (int k = 0; k < 6; ++k) number[k][p] = (double)next++;
        all->q[p] = (int32_t)next++;
        all->nhits[p] = (int32_t)next++;
        all->pdg[p] = (int32_t)next++;
    }
    if (parts & PARTICLES && !(parts & PDG)) {
        hg_free(ctx, e->particles.pdg);
        e->particles.pdg = NULL;
    }
    return e;
}

static void same_hit(const hg_event *from, int64_t i, const hg_event *to, int64_t k)
{
    const hg_hits *a = &from->hits, *b = &to->hits;
    assert_true(a->hit_id[i] == b->hit_id[k] && a->x[i] == b->x[k] && a->y[i] == b->y[k] && a->z[i] == b->z[k]);
    assert_true(a->volume_id[i] == b->volume_id[k] && a->layer_id[i] == b->layer_id[k] && a->module_id[i] == b->module_id[k]);
    if (from->has_truth) {
        const hg_truth *s = &from->truth, *t = &to->truth;
        assert_true(s->particle_id[i] == t->particle_id[k] && s->tx[i] == t->tx[k] && s->ty[i] == t->ty[k] && s->tz[i] == t->tz[k]);
        assert_true(s->tpx[i] == t->tpx[k] && s->tpy[i] == t->tpy[k] && s->tpz[i] == t->tpz[k] && s->weight[i] == t->weight[k]);
    }
    if (!from->has_cells) return;
    const hg_cells *c = &from->cells, *d = &to->cells;
    const int64_t n = c->offset[i + 1] - c->offset[i];
    assert_int_equal(d->offset[k + 1] - d->offset[k], n);
    assert_memory_equal(c->ch0 + c->offset[i], d->ch0 + d->offset[k], (size_t)n * sizeof *c->ch0);
    assert_memory_equal(c->ch1 + c->offset[i], d->ch1 + d->offset[k], (size_t)n * sizeof *c->ch1);
    assert_memory_equal(c->value + c->offset[i], d->value + d->offset[k], (size_t)n * sizeof *c->value);
}

static void same_particles(const hg_particles *a, const hg_particles *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->particle_id, b->particle_id, (size_t)a->n * sizeof *a->particle_id);
    const double *const left[] = {a->vx, a->vy, a->vz, a->px, a->py, a->pz};
    const double *const right[] = {b->vx, b->vy, b->vz, b->px, b->py, b->pz};
    for (int k = 0; k < 6; ++k) assert_memory_equal(left[k], right[k], (size_t)a->n * sizeof(double));
    assert_memory_equal(a->q, b->q, (size_t)a->n * sizeof *a->q);
    assert_memory_equal(a->nhits, b->nhits, (size_t)a->n * sizeof *a->nhits);
    assert_int_equal(a->pdg == NULL, b->pdg == NULL);
    if (a->pdg) assert_memory_equal(a->pdg, b->pdg, (size_t)a->n * sizeof *a->pdg);
}

static void selected_rows_are_the_whole_event_s(void **state)
{
    (void)state;
    uint8_t keep[MOST_HITS];
    int cells_of[MOST_HITS];
    for (uint64_t trial = 0; trial < 300; ++trial) {
        hg_random random = hg_random_stream(5, 1, trial, 0);
        const int64_t n = hg_random_below(&random, MOST_HITS + 1);
        const int parts = (int)(trial & ALL_PARTS);
        const double share = (double)(trial % 5) / 4; /* from none to all */
        for (int64_t i = 0; i < n; ++i) {
            keep[i] = hg_random_uniform(&random) < share;
            cells_of[i] = (int)hg_random_below(&random, MOST_CELLS);
        }
        hg_event *whole = numbered_event(n, parts, cells_of), *some = NULL;
        must(hg_event_select(ctx, whole, keep, &some));
        int64_t k = 0;
        for (int64_t i = 0; i < n; ++i)
            if (keep[i]) same_hit(whole, i, some, k++);
        assert_int_equal(some->hits.n, k);
        assert_int_equal(some->event_id, whole->event_id);
        assert_true(some->has_cells == whole->has_cells && some->has_truth == whole->has_truth);
        assert_true(some->has_particles == whole->has_particles);
        if (whole->has_cells) assert_int_equal(some->cells.n, some->cells.offset[k]);
        if (whole->has_particles) same_particles(&whole->particles, &some->particles);
        hg_event_destroy(ctx, some);
        hg_event_destroy(ctx, whole);
    }
}

/* The n-th allocation fails, for every n. */
static void without_memory_the_output_stays(void **state)
{
    (void)state;
    const int cells_of[MOST_HITS] = {1, 2, 3};
    const uint8_t keep[MOST_HITS] = {1, 0, 1, 1};
    hg_event *whole = numbered_event(MOST_HITS, ALL_PARTS, cells_of), *some = NULL;
    const size_t used = hg_memory_used(ctx);
    hg_status status = HG_ERR_NOMEM;
    int64_t failures = 0;
    for (; status != HG_OK; ++failures) {
        hg_memory_fail_after(ctx, failures);
        status = hg_event_select(ctx, whole, keep, &some);
        hg_memory_fail_after(ctx, -1);
        assert_true(status == HG_OK || (status == HG_ERR_NOMEM && !some && hg_memory_used(ctx) == used));
        assert_true(failures < 100);
    }
    assert_in_range(failures, 20, 100);
    hg_event_destroy(ctx, some);
    hg_event_destroy(ctx, whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selected_rows_are_the_whole_event_s),
        cmocka_unit_test(without_memory_the_output_stays),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
