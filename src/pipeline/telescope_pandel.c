/* pipeline/telescope_pandel.c — the track with the largest Pandel likelihood. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/telescope_pandel.h"

#include <math.h>
#include <string.h>

#include "pipeline/telescope_baselines.h"

/* ---- the track's five numbers around a start ---- */

enum { N_FREE = 5, ROUNDS = 150, BLOCK = 128 };
static const double likelihood_step = 1e-4; /* per hit: steps below it move no track by what a fit is uncertain of */

typedef struct search {
    const hg_first_hit *hit;
    int64_t n;
    double place[3], dir[3], across[2][3], time; /* the start, and two directions across it */
    const hg_pandel_table *table;
} search;

/* free: two shifts across [m], two tilts [rad], a time [ns]. */
static void track_of(const search *s, const double free[N_FREE], double place[3], double dir[3], double *time)
{
    double length = 0;
    for (int k = 0; k < 3; ++k) {
        place[k] = s->place[k] + free[0] * s->across[0][k] + free[1] * s->across[1][k];
        dir[k] = s->dir[k] + tan(fmin(fmax(free[2], -1.5), 1.5)) * s->across[0][k] + tan(fmin(fmax(free[3], -1.5), 1.5)) * s->across[1][k];
        length += dir[k] * dir[k];
    }
    for (int k = 0; k < 3; ++k) dir[k] /= sqrt(length);
    *time = s->time + free[4];
}

/* Minus the log likelihood per hit. */
static double cost(const search *s, const double free[N_FREE])
{
    double place[3], dir[3], time, sum = 0, late[BLOCK], distance[BLOCK];
    track_of(s, free, place, dir, &time);
    for (int64_t first = 0; first < s->n; first += BLOCK) {
        const int n = s->n - first < BLOCK ? (int)(s->n - first) : BLOCK;
        for (int i = 0; i < n; ++i) {
            const hg_first_hit *hit = &s->hit[first + i];
            const double r[3] = {hit->x[0] - place[0], hit->x[1] - place[1], hit->x[2] - place[2]};
            late[i] = hit->t - time - hg_pandel_look(r, dir, &distance[i]);
        }
        sum -= hg_pandel_table_sum(s->table, n, late, distance);
    }
    return sum / (double)s->n;
}

/* ---- the simplex search of Nelder and Mead (1965) ---- */

static void toward(const double from[N_FREE], const double to[N_FREE], double share, double out[N_FREE])
{
    for (int k = 0; k < N_FREE; ++k) out[k] = from[k] + share * (to[k] - from[k]);
}

static void put(double point[][N_FREE], double *value, int i, const double at[N_FREE], double its_value)
{
    memcpy(point[i], at, sizeof point[i]);
    value[i] = its_value;
}

/* Best, worst and second worst corner. */
static void rank(const double *value, int *best, int *worst, int *second)
{
    *best = *worst = 0;
    for (int i = 1; i <= N_FREE; ++i) {
        if (value[i] < value[*best]) *best = i;
        if (value[i] > value[*worst]) *worst = i;
    }
    *second = *best;
    for (int i = 0; i <= N_FREE; ++i)
        if (i != *worst && value[i] > value[*second]) *second = i;
}

static void step(const search *s, double point[][N_FREE], double *value)
{
    int best, worst, second;
    double centre[N_FREE] = {0}, reflected[N_FREE], other[N_FREE];
    rank(value, &best, &worst, &second);
    for (int i = 0; i <= N_FREE; ++i)
        for (int k = 0; k < N_FREE; ++k) centre[k] += i == worst ? 0 : point[i][k] / N_FREE;
    toward(centre, point[worst], -1, reflected);
    const double mirrored = cost(s, reflected);
    if (mirrored < value[best]) {
        toward(centre, point[worst], -2, other);
        const double farther = cost(s, other);
        put(point, value, worst, farther < mirrored ? other : reflected, fmin(farther, mirrored));
        return;
    }
    if (mirrored < value[second]) {
        put(point, value, worst, reflected, mirrored);
        return;
    }
    toward(centre, mirrored < value[worst] ? reflected : point[worst], 0.5, other);
    const double nearer = cost(s, other);
    if (nearer < fmin(mirrored, value[worst])) {
        put(point, value, worst, other, nearer);
        return;
    }
    for (int i = 0; i <= N_FREE; ++i) {
        if (i == best) continue;
        toward(point[best], point[i], 0.5, other);
        put(point, value, i, other, cost(s, other));
    }
}

static void set_across(search *s)
{
    const int least = fabs(s->dir[0]) < 0.6 ? 0 : 1;
    double axis[3] = {0}, length = 0;
    axis[least] = 1;
    for (int k = 0; k < 3; ++k) {
        s->across[0][k] = axis[k] - s->dir[least] * s->dir[k];
        length += s->across[0][k] * s->across[0][k];
    }
    for (int k = 0; k < 3; ++k) s->across[0][k] /= sqrt(length);
    for (int k = 0; k < 3; ++k)
        s->across[1][k] = s->dir[(k + 1) % 3] * s->across[0][(k + 2) % 3] - s->dir[(k + 2) % 3] * s->across[0][(k + 1) % 3];
}

/* One search from the start; its end becomes the start. */
static double descend(search *s, double scale)
{
    static const double size[N_FREE] = {30, 30, 0.3, 0.3, 150};
    double point[N_FREE + 1][N_FREE] = {{0}}, value[N_FREE + 1], place[3], dir[3], time;
    int best, worst, second;
    set_across(s);
    for (int i = 0; i < N_FREE; ++i) point[i + 1][i] = scale * size[i];
    for (int i = 0; i <= N_FREE; ++i) value[i] = cost(s, point[i]);
    rank(value, &best, &worst, &second);
    for (int round = 0; round < ROUNDS && value[worst] - value[best] > likelihood_step; ++round) {
        step(s, point, value);
        rank(value, &best, &worst, &second);
    }
    track_of(s, point[best], place, dir, &time);
    memcpy(s->place, place, sizeof place);
    memcpy(s->dir, dir, sizeof dir);
    s->time = time;
    return -value[best];
}

double hg_pandel_fit(const hg_pandel_table *tables, const hg_first_hit *hit, int64_t n, double place[3], double dir[3], double *time)
{
    search s = {.hit = hit, .n = n, .time = *time};
    memcpy(s.place, place, sizeof s.place);
    memcpy(s.dir, dir, sizeof s.dir);
    double likelihood = 0;
    for (int k = 0; k < HG_PANDEL_JITTERS; ++k) {
        s.table = &tables[k];
        likelihood = descend(&s, 1.0 / (1 + k));
    }
    memcpy(place, s.place, sizeof s.place);
    memcpy(dir, s.dir, sizeof s.dir);
    *time = s.time;
    return likelihood;
}
