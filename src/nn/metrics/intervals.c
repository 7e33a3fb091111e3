/* nn/metrics/intervals.c — confidence intervals of a fraction, through the incomplete beta function. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "hitgraph/classification.h"

/* Continued fraction of I_x(a, b) by the modified Lentz method (DLMF 8.17.22); converges fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m < 10000; ++m) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 + even * d, c = 1 + even / c;
        d = 1 / (fabs(d) < tiny ? tiny : d), c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 + odd * d, c = 1 + odd / c;
        d = 1 / (fabs(d) < tiny ? tiny : d), c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        if (fabs(d * c - 1) < 1e-15) break;
    }
    return h;
}

/* log Gamma of a positive number without lgamma's global sign. */
static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

double hg_incomplete_beta(double a, double b, double x)
{
    if (!(x > 0)) return x == x ? 0 : NAN;
    if (x >= 1) return 1;
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double hg_incomplete_beta_inverse(double a, double b, double p)
{
    if (!(p > 0)) return p == p ? 0 : NAN;
    if (p >= 1) return 1;
    double low = 0, high = 1;
    for (int step = 0; step < 200 && high - low > 1e-16 * high; ++step) { /* I_x grows with x: bisection cannot fail */
        double middle = (low + high) / 2;
        if (hg_incomplete_beta(a, b, middle) < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

void hg_interval_wilson(double passed, double total, double z, double *low, double *high)
{
    *low = 0;
    *high = 1;
    if (!(total > 0)) return;
    double p = passed / total, z2 = z * z / total;
    double centre = (p + z2 / 2) / (1 + z2), half = z / (1 + z2) * sqrt(fmax(0, p * (1 - p) / total + z2 / (4 * total)));
    *low = fmax(0, centre - half);
    *high = fmin(1, centre + half);
}

void hg_interval_clopper_pearson(double passed, double total, double outside, double *low, double *high)
{
    *low = 0;
    *high = 1;
    if (!(total > 0)) return;
    if (passed > 0) *low = hg_incomplete_beta_inverse(passed, total - passed + 1, outside / 2);
    if (passed < total) *high = hg_incomplete_beta_inverse(passed + 1, total - passed, 1 - outside / 2);
}
