/* simulate_interactions.c — directions after scattering, and the products of hadronic interactions. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "datasets/simulation.h"
#include "base/check.h"

/* Secondaries as the challenge's data have them: kinds, and a log-normal momentum (quantiles 10, 50, 90 %: 0.17, 0.29, 0.47 GeV). */
static const double secondaries_mean = 1.5, proton_share = 0.43, plus_share = 0.28, momentum_median_gev = 0.28, momentum_spread = 0.42;
/* Below this transverse momentum secondaries are neither followed nor listed. */
static const double listed_pt_gev = 0.1;
enum { MAX_SECONDARIES = 4095, MAX_GENERATION = 4095 }; /* of the barcode's 12 bits */

void hg_sim_deflect(double direction[3], double angle_1, double angle_2)
{
    const double angle = hypot(angle_1, angle_2), *t = direction;
    if (!(angle > 0)) return;
    /* first axis at right angles: from the smallest component */
    const int i = fabs(t[0]) < fabs(t[1]) ? (fabs(t[0]) < fabs(t[2]) ? 0 : 2) : (fabs(t[1]) < fabs(t[2]) ? 1 : 2);
    const int j = (i + 1) % 3, k = (i + 2) % 3;
    const double norm = hypot(t[j], t[k]);
    double first[3], second[3];
    first[i] = 0;
    first[j] = -t[k] / norm;
    first[k] = t[j] / norm;
    for (int a = 0; a < 3; ++a) second[a] = t[(a + 1) % 3] * first[(a + 2) % 3] - t[(a + 2) % 3] * first[(a + 1) % 3];
    double turned[3], length = 0;
    for (int a = 0; a < 3; ++a) {
        turned[a] = cos(angle) * t[a] + sin(angle) * (angle_1 * first[a] + angle_2 * second[a]) / angle;
        length += turned[a] * turned[a];
    }
    for (int a = 0; a < 3; ++a) direction[a] = turned[a] / sqrt(length);
}

hg_status hg_sim_interact(hg_context *ctx, const hg_sim_particle *parent, const double point[3], const double direction[3], double p_gev,
                          int32_t *n_secondaries, hg_random *random, hg_sim_buffer *out)
{
    hg_status status = HG_OK;
    const uint64_t family = parent->id >> 36 << 36, generation = (parent->id >> 24 & 0xfff) + 1;
    if (generation > MAX_GENERATION) return HG_OK;
    const int64_t n = hg_random_poisson(random, secondaries_mean);
    for (int64_t i = 0; i < n && *n_secondaries < MAX_SECONDARIES; ++i) {
        const double x = hg_random_uniform(random);
        const double p = fmin(momentum_median_gev * exp(momentum_spread * hg_random_normal(random)), 0.9 * p_gev);
        double t[3] = {direction[0], direction[1], direction[2]};
        const double spread = 0.3 / p, angle_1 = spread * hg_random_normal(random), angle_2 = spread * hg_random_normal(random);
        hg_sim_deflect(t, angle_1, angle_2);
        hg_sim_particle child = {.pdg = x < proton_share ? 2212 : x < proton_share + plus_share ? 211 : -211};
        child.q = hg_sim_charge(child.pdg);
        child.mass_gev = hg_sim_mass_gev(child.pdg);
        for (int a = 0; a < 3; ++a) {
            child.vertex[a] = point[a];
            child.p[a] = p * t[a];
        }
        if (hypot(child.p[0], child.p[1]) < listed_pt_gev) continue;
        const uint64_t number = (uint64_t)++ * n_secondaries;
        child.id = family | generation << 24 | number << 12 | number;
        HG_TRY(hg_sim_add_particle(ctx, out, &child));
    }
done:
    return status;
}
