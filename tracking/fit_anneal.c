/* fit_anneal.c — the deterministic annealing filter: weights for the hits of one track in place of the rejection of outliers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "tracking/fit_plain.h"

/* Fruehwirth and Strandlie, Comput. Phys. Commun. 120 (1999) 197: at temperature T a hit weighs 1/(1 + exp((chi2 - cut)/2T)), chi2 being
 * the one against all other hits. What is sought is the choice of hits of least energy,
 *     E = chi2 of the fit to the hits in use + sum of the cuts of the others;
 * in a linear model E changes by just the difference of chi2 and cut when one hit changes sides.
 * Annealing reweighs all hits at once. On the outermost layers, where little holds the track, an outlier then takes its neighbours with
 * it, each against a prediction that the others have spoilt. So the last step, at T = 0, changes one hit at a time while E falls; and it
 * is made from two starts, from all hits and from where annealing ends, of which the lower E counts. */

/* The inner- and outermost hit of a seed. */
typedef struct seed {
    int64_t first, outer;
} seed;

/* chi2 of a hit against all others at its full precision, though the fit took it in with less: with W = V / weight and M = (W - P)^-1 the
 * others alone predict with residual W M r and covariance W M W - W. */
static double unbiased_chi2(const hg_plain_fit *f, const hg_filter_step *step)
{
    const hg_measurement m = hg_plain_measurement(f, step->hit), loose = hg_plain_weighted(f, step->hit);
    const bool has[2] = {hg_measurement_has(&m, 0), hg_measurement_has(&m, 1)};
    const double *p = step->smooth_cov, p_diagonal[2] = {p[0], p[2]}, cross = has[0] && has[1] ? p[1] : 0.0;
    double r[2] = {0.0, 0.0}, w[2] = {1.0, 1.0}, a[2] = {1.0, 1.0}, v[2] = {0.0, 0.0};
    for (int j = 0; j < 2; ++j) {
        if (!has[j]) continue;
        r[j] = m.local[j] - step->smooth_par[j];
        w[j] = loose.variance[j];
        v[j] = m.variance[j];
        a[j] = fmax(1e-6 * w[j], w[j] - p_diagonal[j]);
    }
    const double determinant = a[0] * a[1] - cross * cross;
    if (!(determinant > 0.0)) return 0.0;
    const double inverse[3] = {a[1] / determinant, cross / determinant, a[0] / determinant};
    const double residual[2] = {w[0] * (inverse[0] * r[0] + inverse[1] * r[1]), w[1] * (inverse[1] * r[0] + inverse[2] * r[1])};
    const double c[3] = {v[0] + w[0] * w[0] * inverse[0] - w[0], w[0] * w[1] * inverse[1], v[1] + w[1] * w[1] * inverse[2] - w[1]};
    const double chi2 = hg_residual_chi2(residual, c, has[0], has[1]);
    return chi2 == HUGE_VAL ? 0.0 : chi2;
}

/* By how much the chi2 of a step's hit exceeds its cut. */
static double excess(const hg_plain_fit *f, const hg_filter_step *step)
{
    const hg_measurement m = hg_plain_measurement(f, step->hit);
    return unbiased_chi2(f, step) - hg_plain_cut(f, &m);
}

/* Returns the largest change of a weight. */
static double weigh_hits(hg_plain_fit *f, double temperature)
{
    double change = 0.0;
    for (int64_t k = 0; k < f->n_steps; ++k) {
        float *weight = &f->weight[f->steps[k].hit];
        const double now = 1.0 / (1.0 + exp(excess(f, &f->steps[k]) / (2.0 * temperature)));
        change = fmax(change, fabs(now - (double)*weight));
        *weight = (float)now;
    }
    return change;
}

static bool is_used(const hg_plain_fit *f, int64_t i)
{
    return f->weight[i] >= HG_HIT_WEIGHT_MIN && f->outlier[i] == HG_HIT_USED;
}

static double energy(const hg_plain_fit *f)
{
    double sum = f->chi2;
    for (int64_t i = 0; i < f->n; ++i) {
        const hg_measurement m = hg_plain_measurement(f, i);
        if (!is_used(f, i)) sum += hg_plain_cut(f, &m);
    }
    return sum;
}

static int pass(hg_plain_fit *f, hg_track_state *state)
{
    int status = hg_plain_pass(f, state);
    return status != 0 ? status : hg_plain_restart(f, state);
}

/* From the seed; the schedule ends warm, as the descent goes on from there. */
static int cool(hg_plain_fit *f, seed ends, hg_track_state *state)
{
    static const double temperature[] = {81.0, 9.0};
    enum { TEMPERATURES = sizeof temperature / sizeof *temperature, PASSES_MAX = 20 };
    const double settled = 0.01;
    int status = hg_plain_start(f, ends.first, ends.outer, state);
    for (int k = 0; k < TEMPERATURES; ++k) {
        double change = 1.0;
        for (int n = 0; status == 0 && n < PASSES_MAX && change > settled; ++n) {
            status = pass(f, state);
            if (status == 0) change = weigh_hits(f, temperature[k]);
        }
    }
    return status;
}

/* The hit whose change of side lowers the energy most, or -1 (tie: the innermost). */
static int64_t best_change(const hg_plain_fit *f)
{
    int64_t best = -1;
    double most = 0.0;
    for (int64_t k = 0; k < f->n_steps; ++k) {
        const double e = excess(f, &f->steps[k]), gain = is_used(f, f->steps[k].hit) ? e : -e;
        if (!(gain > most)) continue;
        most = gain;
        best = f->steps[k].hit;
    }
    return best;
}

/* Hits in or out, one change a pass, until none lowers the energy. The weights then tell how clear each choice was. */
static int descend(hg_plain_fit *f, hg_track_state *state)
{
    enum { CHANGES_MAX = 10 };
    for (int64_t i = 0; i < f->n; ++i) f->weight[i] = f->weight[i] < HG_HIT_WEIGHT_MIN ? 0.0f : 1.0f;
    for (int changes = 0;;) {
        const bool first = !f->refit;
        const int status = pass(f, state);
        if (status != 0) return status;
        if (changes == CHANGES_MAX) break;
        const int64_t hit = first && f->slope_errors ? -1 : best_change(f); /* no hit is judged by an error that is not its own */
        if (hit < 0 && !first) {
            weigh_hits(f, 1.0);
            break;
        }
        if (hit < 0) continue;
        f->weight[hit] = f->weight[hit] < HG_HIT_WEIGHT_MIN ? 1.0f : 0.0f;
        ++changes;
    }
    return f->n_scalars < HG_FIT_SCALARS_MIN ? HG_TRACK_TOO_FEW_HITS : 0;
}

static int descend_from_seed(hg_plain_fit *f, seed ends, hg_track_state *state)
{
    const int status = hg_plain_start(f, ends.first, ends.outer, state);
    return status != 0 ? status : descend(f, state);
}

/* Whether the two starts came to the same choice of hits. */
static bool same_choice(const hg_plain_fit *f)
{
    for (int64_t i = 0; i < f->n; ++i)
        if ((f->weight[i] < HG_HIT_WEIGHT_MIN) != (f->steps[i].kept_weight < HG_HIT_WEIGHT_MIN)) return false;
    return true;
}

static int64_t used_hits(const hg_plain_fit *f)
{
    int64_t n = 0;
    for (int64_t i = 0; i < f->n; ++i) n += is_used(f, i);
    return n;
}

/* A spoilt start can turn a fit round: the same curve, run through from its end with the opposite charge. Then it heads away from the hit
 * half way. */
static bool heads_outward(const hg_plain_fit *f)
{
    const hg_filter_step *first = &f->steps[0], *middle = &f->steps[f->n_steps / 2];
    const double phi = first->smooth_par[2], theta = first->smooth_par[3];
    double x[3], y[3];
    hg_plain_position(f, first->hit, x);
    hg_plain_position(f, middle->hit, y);
    return sin(theta) * (cos(phi) * (y[0] - x[0]) + sin(phi) * (y[1] - x[1])) + cos(theta) * (y[2] - x[2]) > 0.0;
}

/* The descent from all hits, and, if that has left any out, the better of it and the one from where annealing ends.
 */
static int choose_hits(hg_plain_fit *f, seed ends, hg_track_state *state)
{
    for (int64_t i = 0; i < f->n; ++i) f->weight[i] = 1.0f;
    const int status = descend_from_seed(f, ends, state);
    if (status == 0 && used_hits(f) == f->n) return 0;
    const double least = status == 0 ? energy(f) : HUGE_VAL;
    for (int64_t i = 0; i < f->n; ++i) {
        f->steps[i].kept_weight = f->weight[i];
        f->weight[i] = 1.0f;
    }
    int annealed = cool(f, ends, state);
    if (annealed == 0) annealed = descend(f, state);
    if (annealed == 0 && (energy(f) < least || same_choice(f))) return 0;
    if (status != 0) return status;
    for (int64_t i = 0; i < f->n; ++i) f->weight[i] = f->steps[i].kept_weight;
    return descend_from_seed(f, ends, state);
}

/* The first pass keeps near the seed: the filter would follow an outlier among its first hits to where no other surface is reached. An
 * outlier in the seed itself may spoil the fit beyond repair: then it fails, or few hits agree with it, and the next seed has its turn.
 * Long seeds suffer least; a short one serves tracks that turn back. */
int hg_plain_anneal(hg_plain_fit *f, hg_track_state *state)
{
    enum { SEEDS = 4, SPAN = 6 };
    const int64_t last = f->n - 1;
    const seed seeds[SEEDS] = {{0, last}, {0, SPAN}, {1, last - 1}, {2, last - 2}};
    int status = 0, sound = -1;
    f->seed_variance = 0.01;
    for (int k = 0; k < SEEDS; ++k) {
        if (seeds[k].outer > last || seeds[k].outer < seeds[k].first + 2) continue;
        status = choose_hits(f, seeds[k], state);
        if (status == 0 && !heads_outward(f)) status = HG_TRACK_SEED_BAD;
        if (status == 0 && 2 * used_hits(f) > f->n) break;
        if (status == 0 && sound < 0) sound = k;
    }
    if (status != 0 && sound >= 0) status = choose_hits(f, seeds[sound], state);
    for (int64_t i = 0; status == 0 && i < f->n; ++i)
        if (f->outlier[i] == HG_HIT_USED && !is_used(f, i)) f->outlier[i] = HG_HIT_DROPPED;
    return status;
}
