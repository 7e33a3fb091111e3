/* simulate_vertices.c — collisions: vertices, spectra, decays of neutral strange particles; or a particle gun. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "datasets/simulation.h"
#include "base/check.h"

enum { MAX_VERTICES = 4095, MAX_PARTICLES = 65535 }; /* of the barcode's 12 and 16 bits */

/* What the hard collision has more than the others: particles and transverse momentum. */
static const double hard_multiplicity = 3, hard_pt = 1.6;
/* Shape of the negative binomial multiplicity. */
static const double multiplicity_shape = 1.5;
/* Neutral strange particles and neutral hadrons that may interact, per charged particle. */
static const double v0_share = 0.055, v0_pt = 1.3, neutral_share = 0.6;

/* Share of particles by transverse momentum in GeV, measured on the challenge's data; uniform in log pT inside a bin. The last bin falls
 * as pT^-5. */
static const double pt_edge[] = {0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1, 1.5, 2, 3, 5};
static const double pt_share[] = {0.003, 0.064, 0.185, 0.143, 0.134, 0.188, 0.148, 0.076, 0.022, 0.020, 0.011, 0.006};
/* Share of particles by |eta| in steps of 0.5. */
static const double eta_share[] = {0.143, 0.146, 0.151, 0.104, 0.126, 0.126, 0.115, 0.090};

typedef struct species {
    int32_t pdg;
    int32_t charge;
    double mass_gev, share;
} species;

static const species table[] = {
    {211, 1, 0.13957039, 0.851},    {321, 1, 0.493677, 0.09},  {2212, 1, 0.93827209, 0.057},
    {-11, 1, 0.00051099895, 0.002}, {-13, 1, 0.1056583755, 0},
};

/* A neutral particle and its two-body decay. */
typedef struct decay {
    int32_t pdg, plus, minus;
    double share, mass_gev, c_tau_mm;
} decay;

static const decay decays[] = {
    {310, 211, -211, 0.55, 0.497611, 26.84},
    {3122, 2212, -211, 0.225, 1.115683, 78.9},
    {-3122, 211, -2212, 0.225, 1.115683, 78.9},
};

static const species *find_species(int32_t pdg)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; ++i)
        if (table[i].pdg == pdg || table[i].pdg == -pdg) return &table[i];
    return NULL;
}

double hg_sim_mass_gev(int32_t pdg)
{
    const species *found = find_species(pdg);
    return found ? found->mass_gev : 0.939565;
}

int32_t hg_sim_charge(int32_t pdg)
{
    const species *found = find_species(pdg);
    return !found ? 0 : found->pdg == pdg ? found->charge : -found->charge;
}

double hg_sim_draw_pt(hg_random *random, double pt_min_gev)
{
    enum { BINS = sizeof pt_share / sizeof *pt_share };
    double part[BINS], sum = 0;
    for (int i = 0; i < BINS; ++i) {
        part[i] = pt_share[i];
        if (i + 1 < BINS) {
            const double low = fmin(fmax(pt_edge[i], pt_min_gev), pt_edge[i + 1]);
            part[i] *= log(pt_edge[i + 1] / low) / log(pt_edge[i + 1] / pt_edge[i]);
        }
        sum += part[i];
    }
    double x = sum * hg_random_uniform(random);
    for (int i = 0; i + 1 < BINS; ++i) {
        if (x < part[i]) return fmax(pt_edge[i], pt_min_gev) * pow(pt_edge[i + 1] / fmax(pt_edge[i], pt_min_gev), x / part[i]);
        x -= part[i];
    }
    return fmax(pt_edge[BINS - 1], pt_min_gev) * pow(hg_random_uniform(random), -0.25);
}

static double draw_eta(hg_random *random, double eta_max)
{
    enum { BINS = sizeof eta_share / sizeof *eta_share };
    for (;;) {
        const double bin = hg_random_uniform(random) * BINS;
        if (0.151 * hg_random_uniform(random) > eta_share[(int)bin]) continue;
        const double eta = bin / BINS * eta_max;
        return hg_random_u32(random) & 1 ? eta : -eta;
    }
}

static void set_momentum(hg_sim_particle *particle, double pt, double eta, double phi)
{
    particle->p[0] = pt * cos(phi);
    particle->p[1] = pt * sin(phi);
    particle->p[2] = pt * sinh(eta);
}

static void set_species(hg_sim_particle *particle, int32_t pdg)
{
    particle->pdg = pdg;
    particle->q = hg_sim_charge(pdg);
    particle->mass_gev = hg_sim_mass_gev(pdg);
}

static int32_t draw_species(hg_random *random)
{
    double x = hg_random_uniform(random);
    const int32_t sign = hg_random_u32(random) & 1 ? 1 : -1;
    for (size_t i = 0; i < sizeof table / sizeof *table; ++i) {
        x -= table[i].share;
        if (x < 0) return sign * table[i].pdg;
    }
    return sign * table[0].pdg;
}

/* One collision: where it is, and where its particles go. */
typedef struct collision {
    const hg_sim_world *world;
    uint64_t number; /* from 1 */
    uint64_t n;      /* particles numbered so far */
    double vertex[3], pt_scale;
    hg_sim_buffer *out;
} collision;

static uint64_t next_id(collision *from)
{
    if (from->n < MAX_PARTICLES) ++from->n;
    return from->number << 52 | from->n << 36;
}

static void boost(double p[3], double energy, const double gamma_beta[3])
{
    const double gb2 = gamma_beta[0] * gamma_beta[0] + gamma_beta[1] * gamma_beta[1] + gamma_beta[2] * gamma_beta[2];
    const double gamma = sqrt(1 + gb2), along = p[0] * gamma_beta[0] + p[1] * gamma_beta[1] + p[2] * gamma_beta[2];
    for (int i = 0; i < 3; ++i) p[i] += gamma_beta[i] * (energy + along / (gamma + 1));
}

/* A neutral strange particle flies straight, lives its proper time and decays into two; it is not listed itself. */
static hg_status add_v0(hg_context *ctx, collision *from, hg_random *random)
{
    hg_status status = HG_OK;
    const hg_simulate_options *options = &from->world->options;
    double x = hg_random_uniform(random);
    const decay *kind = decays;
    while (kind + 1 < decays + sizeof decays / sizeof *decays && x >= kind->share) x -= (kind++)->share;

    hg_sim_particle parent = {.mass_gev = kind->mass_gev};
    set_momentum(&parent, v0_pt * from->pt_scale * hg_sim_draw_pt(random, options->pt_min_gev), draw_eta(random, options->eta_max),
                 hg_random_range(random, -M_PI, M_PI));
    const double c_tau = kind->c_tau_mm * hg_random_exponential(random);
    const double m = kind->mass_gev, m1 = hg_sim_mass_gev(kind->plus), m2 = hg_sim_mass_gev(kind->minus);
    const double p = sqrt((m * m - (m1 + m2) * (m1 + m2)) * (m * m - (m1 - m2) * (m1 - m2))) / (2 * m);
    const double cosine = hg_random_range(random, -1, 1), sine = sqrt(1 - cosine * cosine), phi = hg_random_range(random, -M_PI, M_PI);
    double gamma_beta[3];
    for (int i = 0; i < 3; ++i) gamma_beta[i] = parent.p[i] / m;

    for (int side = 1; side >= -1; side -= 2) {
        hg_sim_particle child = {.p = {side * p * sine * cos(phi), side * p * sine * sin(phi), side * p * cosine}};
        set_species(&child, side > 0 ? kind->plus : kind->minus);
        boost(child.p, hypot(p, child.mass_gev), gamma_beta);
        for (int i = 0; i < 3; ++i) child.vertex[i] = from->vertex[i] + gamma_beta[i] * c_tau;
        child.id = next_id(from);
        const double pt = hypot(child.p[0], child.p[1]);
        if (pt < options->pt_min_gev || fabs(asinh(child.p[2] / pt)) > options->eta_max) continue;
        if (hypot(child.vertex[0], child.vertex[1]) > from->world->r_max || fabs(child.vertex[2]) > from->world->z_max) continue;
        HG_TRY(hg_sim_add_particle(ctx, from->out, &child));
    }
done:
    return status;
}

static hg_status add_prompt(hg_context *ctx, collision *from, bool neutral, hg_random *random)
{
    const hg_simulate_options *options = &from->world->options;
    hg_sim_particle particle = {.vertex = {from->vertex[0], from->vertex[1], from->vertex[2]}};
    set_species(&particle, neutral ? 2112 : draw_species(random));
    set_momentum(&particle, from->pt_scale * hg_sim_draw_pt(random, options->pt_min_gev), draw_eta(random, options->eta_max),
                 hg_random_range(random, -M_PI, M_PI));
    particle.id = next_id(from);
    return hg_sim_add_particle(ctx, from->out, &particle);
}

static hg_status add_collision(hg_context *ctx, const hg_sim_world *world, uint64_t number, hg_sim_buffer *out)
{
    hg_status status = HG_OK;
    const hg_simulate_options *options = &world->options;
    hg_random random = hg_random_stream(world->seed, HG_SIM_VERTEX, world->event, number);
    const bool hard = number == 1;
    collision here = {.world = world, .number = number, .pt_scale = hard ? hard_pt : 1, .out = out};
    here.vertex[0] = options->sigma_xy_mm * hg_random_normal(&random);
    here.vertex[1] = options->sigma_xy_mm * hg_random_normal(&random);
    here.vertex[2] = options->sigma_z_mm * hg_random_normal(&random);
    /* two charged particles come from each neutral strange one, most of them inside the acceptance */
    const double prompt = options->multiplicity * (hard ? hard_multiplicity : 1) / (options->decays ? 1 + 1.6 * v0_share : 1);
    const double mean = prompt / multiplicity_shape * hg_random_gamma(&random, multiplicity_shape);
    const int64_t n_charged = hg_random_poisson(&random, mean);
    const int64_t n_v0 = options->decays ? hg_random_poisson(&random, v0_share * mean) : 0;
    const int64_t n_neutral = options->interactions ? hg_random_poisson(&random, neutral_share * mean) : 0;
    for (int64_t i = 0; i < n_charged; ++i) HG_TRY(add_prompt(ctx, &here, false, &random));
    for (int64_t i = 0; i < n_v0; ++i) HG_TRY(add_v0(ctx, &here, &random));
    for (int64_t i = 0; i < n_neutral; ++i) HG_TRY(add_prompt(ctx, &here, true, &random));
done:
    return status;
}

static hg_status add_gun(hg_context *ctx, const hg_sim_world *world, hg_sim_buffer *out)
{
    hg_status status = HG_OK;
    const hg_gun *gun = &world->options.gun;
    for (int64_t i = 0; i < gun->n; ++i) {
        hg_random random = hg_random_stream(world->seed, HG_SIM_PARTICLE, world->event, (uint64_t)i);
        const int32_t sign = gun->both_charges && (hg_random_u32(&random) & 1) ? -1 : 1;
        const double x = hg_random_uniform(&random);
        const double pt =
            gun->log_pt ? gun->pt_gev[0] * pow(gun->pt_gev[1] / gun->pt_gev[0], x) : gun->pt_gev[0] + x * (gun->pt_gev[1] - gun->pt_gev[0]);
        const double eta = hg_random_range(&random, gun->eta[0], gun->eta[1]), phi = hg_random_range(&random, gun->phi[0], gun->phi[1]);
        const double d0 = hg_random_range(&random, gun->d0_mm[0], gun->d0_mm[1]);
        hg_sim_particle particle = {.vertex = {-d0 * sin(phi), d0 * cos(phi), hg_random_range(&random, gun->z0_mm[0], gun->z0_mm[1])}};
        set_species(&particle, sign * (int32_t)gun->pdg);
        set_momentum(&particle, pt, eta, phi);
        /* one vertex per 2^16 particles: the barcode has 16 bits for them */
        particle.id = ((uint64_t)i / MAX_PARTICLES + 1) << 52 | ((uint64_t)i % MAX_PARTICLES + 1) << 36;
        HG_TRY(hg_sim_add_particle(ctx, out, &particle));
    }
done:
    return status;
}

hg_status hg_sim_generate(hg_context *ctx, const hg_sim_world *world, hg_sim_buffer *out)
{
    hg_status status = HG_OK;
    if (world->options.gun.n > 0) return add_gun(ctx, world, out);
    hg_random random = hg_random_stream(world->seed, HG_SIM_VERTEX, world->event, 0);
    const int64_t n = 1 + hg_random_poisson(&random, world->options.pileup);
    for (int64_t i = 1; i <= n && i <= MAX_VERTICES; ++i) HG_TRY(add_collision(ctx, world, (uint64_t)i, out));
done:
    return status;
}
