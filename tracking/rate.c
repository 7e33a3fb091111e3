/* tracking/rate.c — ratios with Wilson intervals, and the target particles that they are quoted for. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include "hitgraph/metrics.h"

/* Wilson, J. Am. Stat. Assoc. 22 (1927) 209, with z = 1 (68.27 %) and n effective entries. */
static void set_interval(hg_rate *rate)
{
    rate->value = rate->low = rate->high = NAN;
    if (!(rate->denominator > 0)) return;
    double p = rate->numerator / rate->denominator;
    const double rounding = 1e-9; /* weights that were added in another order */
    if (p > 1 && p < 1 + rounding) p = 1;
    rate->value = p;
    if (!(p <= 1) || !(rate->weight2 > 0)) return;
    const double n = rate->denominator * rate->denominator / rate->weight2;
    const double centre = (p + 0.5 / n) / (1 + 1 / n);
    const double half = sqrt(fmax(0, p * (1 - p) / n + 0.25 / (n * n))) / (1 + 1 / n);
    rate->low = fmax(0, centre - half);
    rate->high = fmin(1, centre + half);
}

hg_rate hg_rate_of_weights(const char *definition, double numerator, double denominator, double weight2)
{
    hg_rate rate = {.definition = definition, .numerator = numerator, .denominator = denominator, .weight2 = weight2};
    set_interval(&rate);
    return rate;
}

hg_rate hg_rate_of_counts(const char *definition, double numerator, double denominator)
{
    return hg_rate_of_weights(definition, numerator, denominator, denominator);
}

void hg_rate_add(hg_rate *sum, const hg_rate *more)
{
    if (sum->definition == NULL) sum->definition = more->definition;
    sum->numerator += more->numerator;
    sum->denominator += more->denominator;
    sum->weight2 += more->weight2;
    set_interval(sum);
}

void hg_target_describe(const hg_target *target, char *buffer, size_t size)
{
    snprintf(buffer, size, "pT > %g GeV, |eta| < %g, >= %d layers, >= %d hits%s", target->pt_min_gev, target->eta_max, target->layers_min,
             target->hits_min, target->primary_only ? ", generation 0" : "");
}

void hg_target_defaults(hg_target targets[HG_DEFAULT_TARGETS])
{
    const double pt[HG_DEFAULT_TARGETS] = {0.5, 0.9, 1.0};
    const int32_t hits[HG_DEFAULT_TARGETS] = {3, 3, 5};
    for (int t = 0; t < HG_DEFAULT_TARGETS; ++t)
        targets[t] = (hg_target){.pt_min_gev = pt[t], .eta_max = 4, .hits_min = hits[t], .layers_min = 3, .primary_only = false};
}
