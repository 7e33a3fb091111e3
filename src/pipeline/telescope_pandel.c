/* pipeline/telescope_pandel.c — the Pandel likelihood of a track, and its maximum. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "pipeline/telescope_baselines.h"

/* Ice model H2 of IceTray's rpdf documentation, refractive indices of ppc at 400 nm: the values of the simulator's preset. */
static const double light_speed = 0.299792458, tau_ns = 556.7, lambda_m = 33.29, absorption_m = 98;
static const double n_phase = 1.3194, n_group = 1.356;
/* Smoothing of the density: the last is that of the photomultiplier and of what the ice model does not know; the search begins with wider
 * ones, in which far starts still see where to go. */
static const double jitters_ns[] = {200, 50, 10};
enum { N_SEARCHES = 3 };
static const double noise_share = 0.05, noise_ns = 1e4; /* a flat floor, so that one stray pulse does not decide */

/* ---- regularised incomplete gamma function P(a, x): series below a + 1, continued fraction (Lentz) above ---- */

enum { TERMS_MOST = 300 };
static const double precision = 1e-9;

/* lgamma itself keeps the sign in a variable of the process. */
static double log_gamma(double a)
{
    int sign;
    return lgamma_r(a, &sign);
}

/* log_gamma_a: that of a, which both ends of a box share. */
static double gamma_series(double a, double x, double log_gamma_a)
{
    double term = 1 / a, sum = term;
    for (int k = 1; k < TERMS_MOST && term > precision * sum; ++k) sum += term *= x / (a + k);
    return sum * exp(a * log(x) - x - log_gamma_a);
}

static double gamma_fraction(double a, double x, double log_gamma_a)
{
    static const double tiny = 1e-300;
    double b = x + 1 - a, c = 1 / tiny, d = 1 / b, h = d;
    for (int k = 1; k < TERMS_MOST; ++k) {
        const double an = -k * (k - a);
        b += 2;
        d = an * d + b;
        if (fabs(d) < tiny) d = tiny;
        c = b + an / c;
        if (fabs(c) < tiny) c = tiny;
        d = 1 / d;
        h *= d * c;
        if (fabs(d * c - 1) < precision) break;
    }
    return 1 - h * exp(a * log(x) - x - log_gamma_a);
}

static double incomplete_gamma(double a, double x, double log_gamma_a)
{
    if (x <= 0) return 0;
    return x < a + 1 ? gamma_series(a, x, log_gamma_a) : gamma_fraction(a, x, log_gamma_a);
}

double hg_pandel_density(double residual_ns, double d, double cos_eta, double jitter_ns)
{
    /* the mean over a box of the jitter's variance: finite for shapes below 1, and for residuals below 0 */
    const double half = jitter_ns * sqrt(3), rate = 1 / tau_ns + light_speed / (n_group * absorption_m);
    const double effective = 0.8395 * d + 3.094 + cos_eta * (4.636 * cos_eta - 3.946), shape = fmax(effective, 0.1) / lambda_m;
    if (residual_ns + half <= 0) return 0;
    const double log_gamma_shape = log_gamma(shape);
    const double above = incomplete_gamma(shape, rate * (residual_ns + half), log_gamma_shape);
    const double below = incomplete_gamma(shape, rate * (residual_ns - half), log_gamma_shape);
    return fmax(above - below, 0) / (2 * half);
}

double hg_cherenkov_delay(double along, double d)
{
    const double cos_c = 1 / n_phase, sin_c = sqrt(1 - cos_c * cos_c);
    return (along + d * (n_group / sin_c - cos_c / sin_c)) / light_speed;
}

/* ---- the track's five numbers around a start ---- */

enum { N_FREE = 5, ROUNDS = 150 };

typedef struct search {
    const hg_first_hit *hit;
    int64_t n;
    double place[3], dir[3], across[2][3], time; /* the start, and two directions across it */
    double jitter_ns;
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
    double place[3], dir[3], time, sum = 0;
    const double cos_c = 1 / n_phase, sin_c = sqrt(1 - cos_c * cos_c), cot = cos_c / sin_c;
    track_of(s, free, place, dir, &time);
    for (int64_t i = 0; i < s->n; ++i) {
        double r[3], along = 0, r2 = 0;
        for (int k = 0; k < 3; ++k) {
            r[k] = s->hit[i].x[k] - place[k];
            along += r[k] * dir[k];
            r2 += r[k] * r[k];
        }
        const double d = fmax(sqrt(fmax(r2 - along * along, 0)), 0.1651);
        const double cos_eta = fmin(fmax((r[2] - (along - d * cot) * dir[2]) * sin_c / d, -1), 1);
        const double residual = s->hit[i].t - time - hg_cherenkov_delay(along, d);
        sum -= log((1 - noise_share) * hg_pandel_density(residual, d, cos_eta, s->jitter_ns) + noise_share / noise_ns);
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
    for (int round = 0; round < ROUNDS && value[worst] - value[best] > 1e-6; ++round) {
        step(s, point, value);
        rank(value, &best, &worst, &second);
    }
    track_of(s, point[best], place, dir, &time);
    memcpy(s->place, place, sizeof place);
    memcpy(s->dir, dir, sizeof dir);
    s->time = time;
    return -value[best];
}

double hg_pandel_fit(const hg_first_hit *hit, int64_t n, double place[3], double dir[3], double *time)
{
    search s = {.hit = hit, .n = n, .time = *time};
    memcpy(s.place, place, sizeof s.place);
    memcpy(s.dir, dir, sizeof s.dir);
    double likelihood = 0;
    for (int k = 0; k < N_SEARCHES; ++k) {
        s.jitter_ns = jitters_ns[k];
        likelihood = descend(&s, 1.0 / (1 + k));
    }
    memcpy(place, s.place, sizeof s.place);
    memcpy(dir, s.dir, sizeof s.dir);
    *time = s.time;
    return likelihood;
}
