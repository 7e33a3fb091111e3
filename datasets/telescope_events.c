/* datasets/telescope_events.c — what happens in a try: class, energy, direction, place; muons with their losses, cascades. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "base/check.h"
#include "datasets/telescope.h"

static const double light_speed = 0.299792458; /* m/ns */
static const double two_pi = 6.283185307179586476925286766559;

static double power_law(hg_random *random, double low, double high, double index)
{
    const double u = hg_random_uniform(random), power = 1 - index;
    if (fabs(power) < 1e-9) return low * pow(high / low, u);
    return pow(pow(low, power) + u * (pow(high, power) - pow(low, power)), 1 / power);
}

/* Direction of travel from the cosine of the zenith that it comes from. */
static void set_direction(hg_random *random, double cos_zenith, double dir[3])
{
    hg_direction_of_travel(acos(cos_zenith), two_pi * hg_random_uniform(random), dir);
}

static double down_going(const hg_telescope_options *o, hg_random *random)
{
    const double p = o->bundle_cos_power + 1, low = pow(o->bundle_cos_min, p);
    return pow(low + hg_random_uniform(random) * (1 - low), 1 / p);
}

/* Two unit vectors at right angles to a direction. */
static void across(const double dir[3], double u[3], double v[3])
{
    const int least = fabs(dir[0]) < fabs(dir[1]) ? (fabs(dir[0]) < fabs(dir[2]) ? 0 : 2) : (fabs(dir[1]) < fabs(dir[2]) ? 1 : 2);
    double length = 0;
    for (int k = 0; k < 3; ++k) u[k] = (k == least) - dir[least] * dir[k];
    for (int k = 0; k < 3; ++k) length += u[k] * u[k];
    for (int k = 0; k < 3; ++k) u[k] /= sqrt(length);
    for (int k = 0; k < 3; ++k) v[k] = dir[(k + 1) % 3] * u[(k + 2) % 3] - dir[(k + 2) % 3] * u[(k + 1) % 3];
}

static void set_nearest_point(hg_tel_truth *truth)
{
    const double *v = truth->vertex, *d = truth->dir;
    const double along = v[0] * d[0] + v[1] * d[1] + v[2] * d[2];
    const double r2 = v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
    truth->impact = sqrt(fmax(0, r2 - along * along));
}

/* A muon along a straight line: it loses a per metre, and point cascades with dN/de = K / e, K (E - e0) = b E per metre. */
static hg_status add_muon(hg_context *ctx, const hg_telescope_options *o, double energy, const double start[3], const double dir[3],
                          double time, double length, hg_random *random, hg_tel_room *room)
{
    static const double step_most = 50; /* m, after which the energy is looked at again */
    hg_status status = HG_OK;
    const double light = hg_tel_muon_light(o, energy), e0 = o->loss_min_gev;
    double x = 0;
    while (x < length && energy > 0) {
        const double rate = energy > 2 * e0 ? o->radiation_per_m * energy / (energy - e0) * log(energy / e0) : 0;
        const double free_path = rate > 0 ? hg_random_exponential(random) / rate : step_most;
        const double step = fmin(fmin(free_path, step_most), o->ionisation_gev_per_m > 0 ? energy / o->ionisation_gev_per_m : step_most);
        x += step;
        energy -= o->ionisation_gev_per_m * step;
        if (energy <= 1e-6 * e0) break;
        if (free_path > step || x > length || energy <= 2 * e0) continue;
        const double e = e0 * pow(energy / e0, hg_random_uniform(random));
        hg_tel_cascade cascade = {.time = time + x / light_speed, .light = hg_tel_em_light(o, e)};
        for (int k = 0; k < 3; ++k) cascade.at[k] = start[k] + x * dir[k];
        HG_TRY(hg_tel_add_cascade(ctx, room, &cascade));
        energy -= e;
    }
    hg_tel_track track = {.time = time, .length = fmin(x, length), .light = light};
    for (int k = 0; k < 3; ++k) {
        track.start[k] = start[k];
        track.dir[k] = dir[k];
    }
    HG_TRY(hg_tel_add_track(ctx, room, &track));
done:
    return status;
}

/* Muons from outside the array: one, or a bundle. The vertex is where the axis is nearest to the centre, at time 0. */
static hg_status draw_incoming(hg_context *ctx, const hg_telescope *t, hg_random *random, hg_random *losses, hg_tel_room *room,
                               hg_tel_truth *truth)
{
    static const double margin = 100; /* m around the sensors where muons enter */
    hg_status status = HG_OK;
    const hg_telescope_options *o = &t->options;
    const bool bundle = truth->label == HG_CLASS_BUNDLE, down = bundle || t->level == 1;
    double u[3], v[3];
    set_direction(random, down ? down_going(o, random) : -hg_random_uniform(random), truth->dir);
    across(truth->dir, u, v);
    const double b = o->impact_m * sqrt(hg_random_uniform(random)), phi = two_pi * hg_random_uniform(random);
    for (int k = 0; k < 3; ++k) truth->vertex[k] = b * (cos(phi) * u[k] + sin(phi) * v[k]);
    truth->n_muons = bundle ? 1 + (int32_t)(o->bundle_extra * hg_random_exponential(random)) : 1;
    const double ball = t->radius + margin, half = sqrt(fmax(0, ball * ball - b * b));
    for (int32_t i = 0; i < truth->n_muons; ++i) {
        const double energy = bundle ? power_law(random, o->bundle_e_min, o->bundle_e_max, o->bundle_index)
                                     : power_law(random, o->through_e_min, o->through_e_max, o->through_index);
        const double du = bundle ? o->bundle_width_m * hg_random_normal(random) : 0;
        const double dv = bundle ? o->bundle_width_m * hg_random_normal(random) : 0;
        double start[3];
        for (int k = 0; k < 3; ++k) start[k] = truth->vertex[k] + du * u[k] + dv * v[k] - half * truth->dir[k];
        truth->energy += energy;
        HG_TRY(add_muon(ctx, o, energy, start, truth->dir, -half / light_speed, 2 * half, losses, room));
    }
    truth->pdg = bundle ? 13 : 14;
    truth->interaction = bundle ? 0 : 1;
done:
    return status;
}

static hg_status add_vertex_cascade(hg_context *ctx, const double at[4], double light, hg_tel_room *room)
{
    const hg_tel_cascade cascade = {.at = {at[0], at[1], at[2]}, .time = at[3], .light = light};
    return light > 0 ? hg_tel_add_cascade(ctx, room, &cascade) : HG_OK;
}

static double hadron_light(const hg_telescope_options *o, hg_random *random, double energy)
{
    double sigma;
    const double share = hg_tel_hadron_share(energy, &sigma);
    return hg_tel_em_light(o, energy) * fmax(0, share + sigma * hg_random_normal(random));
}

/* A neutrino that interacts inside: hadrons get the share y, drawn flat; the rest is a muon, an electron or a neutrino. */
static hg_status draw_inside(hg_context *ctx, const hg_telescope *t, hg_random *random, hg_random *losses, hg_tel_room *room,
                             hg_tel_truth *truth)
{
    hg_status status = HG_OK;
    const hg_telescope_options *o = &t->options;
    const bool muon = truth->label == HG_CLASS_STARTING;
    const double r = o->vertex_radius_m * sqrt(hg_random_uniform(random)), phi = two_pi * hg_random_uniform(random);
    truth->vertex[0] = r * cos(phi);
    truth->vertex[1] = r * sin(phi);
    truth->vertex[2] = hg_random_range(random, -o->vertex_height_m, o->vertex_height_m);
    set_direction(random, t->level == 1 ? down_going(o, random) : hg_random_range(random, -1, 1), truth->dir);
    truth->energy = muon ? power_law(random, o->starting_e_min, o->starting_e_max, o->starting_index)
                         : power_law(random, o->cascade_e_min, o->cascade_e_max, o->cascade_index);
    truth->inelasticity = hg_random_uniform(random);
    const bool neutral = !muon && hg_random_uniform(random) < o->nc_share;
    const double rest = (1 - truth->inelasticity) * truth->energy;
    double light = hadron_light(o, losses, truth->inelasticity * truth->energy);
    if (!muon && !neutral) light += hg_tel_em_light(o, rest);
    HG_TRY(add_vertex_cascade(ctx, truth->vertex, light, room));
    if (muon) HG_TRY(add_muon(ctx, o, rest, truth->vertex, truth->dir, truth->vertex[3], 2 * t->radius, losses, room));
    truth->pdg = muon || neutral ? 14 : 12;
    truth->interaction = neutral ? 2 : 1;
    truth->n_muons = muon;
done:
    return status;
}

static int32_t draw_class(const hg_telescope *t, double u)
{
    int32_t label = 0;
    while (label < HG_N_CLASSES - 1 && u >= t->share[label]) u -= t->share[label++];
    while (t->share[label] <= 0) --label; /* rounding in the sum of the shares */
    return label;
}

hg_status hg_tel_draw(hg_context *ctx, const hg_telescope *telescope, uint64_t seed, uint64_t number, hg_tel_room *room,
                      hg_tel_truth *truth)
{
    hg_random random = hg_random_stream(seed, HG_TEL_PRIMARY, number, 0), losses = hg_random_stream(seed, HG_TEL_LOSSES, number, 0);
    *truth = (hg_tel_truth){.label = draw_class(telescope, hg_random_uniform(&random))};
    room->n_tracks = room->n_cascades = room->n_photons = room->n_pulses = 0;
    const bool incoming = truth->label == HG_CLASS_THROUGH || truth->label == HG_CLASS_BUNDLE;
    const hg_status status = incoming ? draw_incoming(ctx, telescope, &random, &losses, room, truth)
                                      : draw_inside(ctx, telescope, &random, &losses, room, truth);
    if (status >= 0) set_nearest_point(truth);
    return status;
}
