/* pipeline/telescope_pandel_density.c — the Pandel density of arrival times, and its tables. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "pipeline/telescope_pandel.h"

#include "base/memory.h"

/* Ice model H2 of IceTray's rpdf documentation, refractive indices of ppc at 400 nm: the values of the simulator's preset. */
static const double light_speed = 0.299792458, tau_ns = 556.7, lambda_m = 33.29, absorption_m = 98;
static const double n_phase = 1.3194, n_group = 1.356;
static const double noise_share = 0.05, noise_ns = 1e4; /* a flat floor, so that one stray pulse does not decide */
static const double distance_least_m = 0.1;

const double hg_pandel_jitter_ns[HG_PANDEL_JITTERS] = {200, 50, 10};

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

double hg_pandel_distance(double d, double cos_eta)
{
    const double effective = 0.8395 * d + 3.094 + cos_eta * (4.636 * cos_eta - 3.946);
    return effective > distance_least_m ? effective : distance_least_m;
}

/* Integral of P(shape, rate s) over s from 0 to y, by P(a + 1, x) = P(a, x) - x^a e^-x / Gamma(a + 1). */
static double integral(double shape, double rate, double y, double log_gamma_shape)
{
    const double x = rate * y;
    if (x <= 0) return 0;
    const double last = exp(shape * log(x) - x - log_gamma_shape) / rate;
    return (y - shape / rate) * incomplete_gamma(shape, x, log_gamma_shape) + last;
}

/* The mean over a triangle of the jitter's variance: finite for shapes below 1, and without steps, on which a search would be caught. */
static double smoothed(double residual_ns, double distance, double jitter_ns)
{
    const double half = jitter_ns * sqrt(6), rate = 1 / tau_ns + light_speed / (n_group * absorption_m), shape = distance / lambda_m;
    if (residual_ns + half <= 0) return 0;
    const double log_gamma_shape = log_gamma(shape);
    const double after = integral(shape, rate, residual_ns + half, log_gamma_shape);
    const double at = integral(shape, rate, residual_ns, log_gamma_shape);
    const double before = integral(shape, rate, residual_ns - half, log_gamma_shape);
    return fmax(after - 2 * at + before, 0) / (half * half);
}

double hg_pandel_density(double residual_ns, double d, double cos_eta, double jitter_ns)
{
    return smoothed(residual_ns, hg_pandel_distance(d, cos_eta), jitter_ns);
}

double hg_pandel_log_density(double residual_ns, double distance, double jitter_ns)
{
    return log((1 - noise_share) * smoothed(residual_ns, distance, jitter_ns) + noise_share / noise_ns);
}

double hg_cherenkov_delay(double along, double d)
{
    const double cos_c = 1 / n_phase, sin_c = sqrt(1 - cos_c * cos_c);
    return (along + d * (n_group / sin_c - cos_c / sin_c)) / light_speed;
}

double hg_pandel_look(const double r[3], const double dir[3], double *distance)
{
    const double cos_c = 1 / n_phase, sin_c = sqrt(1 - cos_c * cos_c), sensor_radius_m = 0.1651;
    const double along = r[0] * dir[0] + r[1] * dir[1] + r[2] * dir[2];
    const double d2 = r[0] * r[0] + r[1] * r[1] + r[2] * r[2] - along * along;
    const double d = d2 > sensor_radius_m * sensor_radius_m ? sqrt(d2) : sensor_radius_m;
    const double cos_eta = (r[2] - along * dir[2]) * sin_c / d + cos_c * dir[2];
    *distance = hg_pandel_distance(d, cos_eta < -1 ? -1 : cos_eta > 1 ? 1 : cos_eta);
    return hg_cherenkov_delay(along, d);
}

/* ---- tables ---- */

/* In units of a table's constants: the triangle of any jitter begins at the first knot, and at the last there is noise alone. */
static const double jitters_per_scale = 20, far_scale_m = 50;
static const double late_first = -0.109113, late_last = 0.98, far_first = 0, far_last = 0.95;

/* Inverse of x / (1 + |x|). */
static double expand(double u)
{
    return u / (1 - fabs(u));
}

static void fill_row(hg_pandel_table *t, int f, double jitter_ns)
{
    const double distance = t->far_scale * expand(far_first + (far_last - far_first) * f / HG_PANDEL_FAR_CELLS);
    for (int l = 0; l <= HG_PANDEL_LATE_CELLS; ++l) {
        const double late = t->late_scale * expand(late_first + (late_last - late_first) * l / HG_PANDEL_LATE_CELLS);
        t->log_density[f][l] = (float)hg_pandel_log_density(late, fmax(distance, distance_least_m), jitter_ns);
    }
}

hg_status hg_pandel_tables_make(hg_context *ctx, hg_pandel_table **out)
{
    hg_pandel_table *tables = NULL;
    const hg_status status = hg_alloc(ctx, &tables, HG_PANDEL_JITTERS);
    if (status < 0) return status;
    for (int k = 0; k < HG_PANDEL_JITTERS; ++k) {
        tables[k].late_scale = jitters_per_scale * hg_pandel_jitter_ns[k];
        tables[k].far_scale = far_scale_m;
    }
    const int threads = hg_context_threads(ctx);
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(threads)
    for (int k = 0; k < HG_PANDEL_JITTERS; ++k)
        for (int f = 0; f <= HG_PANDEL_FAR_CELLS; ++f) fill_row(&tables[k], f, hg_pandel_jitter_ns[k]);
    *out = tables;
    return HG_OK;
}

/* A place between knots, held inside the table. */
static inline double clamp(double at, double last)
{
    return at < 0 ? 0 : at > last ? last : at;
}

double hg_pandel_table_sum(const hg_pandel_table *table, int n, const double *residual_ns, const double *distance)
{
    static const double just_below = 1 - 1e-12; /* the last knot belongs to the last cell */
    const double per_late = HG_PANDEL_LATE_CELLS / (late_last - late_first), per_far = HG_PANDEL_FAR_CELLS / (far_last - far_first);
    double sum = 0;
    for (int i = 0; i < n; ++i) {
        const double u = residual_ns[i] / (table->late_scale + fabs(residual_ns[i])), v = distance[i] / (table->far_scale + distance[i]);
        const double late = clamp((u - late_first) * per_late, HG_PANDEL_LATE_CELLS * just_below);
        const double far = clamp((v - far_first) * per_far, HG_PANDEL_FAR_CELLS * just_below);
        const int l = (int)late, f = (int)far;
        const float *near_row = table->log_density[f] + l, *far_row = table->log_density[f + 1] + l;
        const double a = late - l, b = far - f;
        const double nearer = (1 - a) * (double)near_row[0] + a * (double)near_row[1];
        const double farther = (1 - a) * (double)far_row[0] + a * (double)far_row[1];
        sum += (1 - b) * nearer + b * farther;
    }
    return sum;
}
