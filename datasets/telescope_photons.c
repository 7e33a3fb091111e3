/* datasets/telescope_photons.c — photo-electrons of muons and cascades: how many on which sensor, and when. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "base/check.h"
#include "datasets/telescope.h"

static const double light_speed = 0.299792458; /* m/ns */
static const double least_distance = 0.1651;   /* m: inside the module the flux means nothing */
static const double least_mean = 3e-5;         /* charge below which a source does not reach a sensor */
static const double few = 2000;                /* photo-electrons of a source up to which each sensor is drawn by chance */
enum { COPIES_MOST = 256 };                    /* photo-electrons of one source on one sensor that get times of their own */

typedef double mean_charge(const hg_telescope *telescope, const hg_ice *ice, double d, double cos_eta, double metres);

/* Distance beyond which the source is too weak in the clearest ice, in steps of a tenth. */
static double reach_of(const hg_telescope *t, mean_charge *mean, double metres)
{
    double d = 20;
    while (d < t->options.distance_max_m && mean(t, &t->clear, d, 0.75, metres) > least_mean) d *= 1.1;
    return fmin(d, t->options.distance_max_m);
}

static void aim(hg_tel_room *room, int64_t *n, int32_t sensor, double mean, double time, double shape)
{
    const double before = *n > 0 ? room->target[*n - 1].sum : 0;
    room->target[(*n)++] = (hg_tel_target){.mean = mean, .sum = before + mean, .time = time, .delay_shape = shape, .sensor = sensor};
}

/* Shortest distance of a line from the axis of a string. */
static double line_to_string(const hg_tel_track *track, const hg_tel_string *s)
{
    const double dx = s->x - track->start[0], dy = s->y - track->start[1];
    const double across = hypot(track->dir[0], track->dir[1]);
    if (across < 1e-6) return hypot(dx, dy);
    return fabs(dx * track->dir[1] - dy * track->dir[0]) / across;
}

/* Sensors that see the Cherenkov cone of a track. The photon leaves at d_t - d / tan theta_c along the track, which must lie on it. */
static int64_t aim_track(const hg_telescope *t, const hg_tel_track *track, hg_tel_room *room)
{
    const hg_telescope_options *o = &t->options;
    const double cot = t->cos_c / t->sin_c, slow = o->n_group / t->sin_c - cot;
    const double reach = reach_of(t, hg_tel_track_charge, track->light);
    int64_t n = 0;
    for (int64_t s = 0; s < t->n_strings; ++s) {
        const hg_tel_string *string = &t->string[s];
        if (line_to_string(track, string) > reach + string->spread) continue;
        for (int32_t i = string->first; i < string->first + string->n; ++i) {
            const hg_tel_sensor *sensor = &t->sensor[i];
            const double r[3] = {sensor->x - track->start[0], sensor->y - track->start[1], sensor->z - track->start[2]};
            const double along = r[0] * track->dir[0] + r[1] * track->dir[1] + r[2] * track->dir[2];
            const double d2 = r[0] * r[0] + r[1] * r[1] + r[2] * r[2] - along * along;
            if (d2 > reach * reach) continue;
            const double d = fmax(sqrt(fmax(d2, 0)), least_distance), from = along - d * cot;
            if (from < 0 || from > track->length) continue;
            const double cos_eta = fmin(fmax((r[2] - from * track->dir[2]) * t->sin_c / d, -1), 1);
            const double mean = sensor->rde * hg_tel_track_charge(t, &sensor->ice, d, cos_eta, track->light);
            if (mean < least_mean) continue;
            const double effective = 0.8395 * d + 3.094 + cos_eta * (4.636 * cos_eta - 3.946);
            const double lambda = o->track_lambda_m * sensor->ice.scattering_m / t->scattering_mean;
            aim(room, &n, i, mean, track->time + (along + d * slow) / light_speed, effective / lambda);
        }
    }
    return n;
}

static int64_t aim_cascade(const hg_telescope *t, const hg_tel_cascade *cascade, hg_tel_room *room)
{
    const hg_telescope_options *o = &t->options;
    const double reach = reach_of(t, hg_tel_cascade_charge, cascade->light);
    int64_t n = 0;
    for (int64_t s = 0; s < t->n_strings; ++s) {
        const hg_tel_string *string = &t->string[s];
        if (hypot(string->x - cascade->at[0], string->y - cascade->at[1]) > reach + string->spread) continue;
        if (cascade->at[2] > string->z_high + reach || cascade->at[2] < string->z_low - reach) continue;
        for (int32_t i = string->first; i < string->first + string->n; ++i) {
            const hg_tel_sensor *sensor = &t->sensor[i];
            const double r[3] = {sensor->x - cascade->at[0], sensor->y - cascade->at[1], sensor->z - cascade->at[2]};
            const double d2 = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
            if (d2 > reach * reach) continue;
            const double d = fmax(sqrt(d2), least_distance);
            const double mean = sensor->rde * hg_tel_cascade_charge(t, &sensor->ice, d, r[2] / d, cascade->light);
            if (mean < least_mean) continue;
            const double lambda = o->cascade_lambda_m * sensor->ice.scattering_m / t->scattering_mean;
            aim(room, &n, i, mean, cascade->time + d * o->n_group / light_speed, d / lambda);
        }
    }
    return n;
}

/* Delay by scattering: Pandel's gamma distribution with absorption folded in; then the jitter of the photomultiplier. */
static hg_status add_photon(hg_context *ctx, const hg_telescope *t, const hg_tel_target *target, double tau, double charge,
                            hg_random *random, hg_tel_room *room)
{
    const hg_telescope_options *o = &t->options;
    const double rate = 1 / tau + light_speed / (o->n_group * o->absorption_m);
    const double delay = hg_random_gamma(random, target->delay_shape) / rate;
    const hg_tel_photon photon = {
        .sensor = target->sensor, .charge = (float)charge, .time = target->time + delay + o->time_spread_ns * hg_random_normal(random)};
    room->charge += charge;
    return hg_tel_add_photon(ctx, room, photon);
}

static const hg_tel_target *chosen(const hg_tel_room *room, int64_t n, double sum)
{
    int64_t low = 0, high = n - 1;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (room->target[middle].sum > sum)
            high = middle;
        else
            low = middle + 1;
    }
    return &room->target[low];
}

static double poisson(hg_random *random, double mean)
{
    static const double many = 1000;
    if (mean < many) return (double)hg_random_poisson(random, mean);
    return fmax(0, floor(mean + sqrt(mean) * hg_random_normal(random) + 0.5));
}

/* A Poisson number for each sensor. For weak sources the total is drawn, and then the sensor of each; for strong ones a photo-electron may
 * stand for several. */
static hg_status draw_photons(hg_context *ctx, const hg_telescope *t, int64_t n, double tau, hg_random *random, hg_tel_room *room)
{
    hg_status status = HG_OK;
    const double total = n > 0 ? room->target[n - 1].sum : 0;
    if (total <= few) {
        for (int64_t left = hg_random_poisson(random, total); left > 0; --left)
            HG_TRY(add_photon(ctx, t, chosen(room, n, total * hg_random_uniform(random)), tau, 1, random, room));
        return status;
    }
    for (int64_t i = 0; i < n; ++i) {
        const double k = poisson(random, room->target[i].mean), copies = fmin(k, COPIES_MOST);
        for (double c = 0; c < copies; ++c) HG_TRY(add_photon(ctx, t, &room->target[i], tau, k / copies, random, room));
    }
done:
    return status;
}

hg_status hg_tel_shine(hg_context *ctx, const hg_telescope *telescope, uint64_t seed, uint64_t number, hg_tel_room *room)
{
    hg_status status = HG_OK;
    hg_random random = hg_random_stream(seed, HG_TEL_LIGHT, number, 0);
    room->charge = 0;
    for (int64_t i = 0; i < room->n_tracks; ++i)
        HG_TRY(draw_photons(ctx, telescope, aim_track(telescope, &room->track[i], room), telescope->options.track_tau_ns, &random, room));
    for (int64_t i = 0; i < room->n_cascades; ++i)
        HG_TRY(draw_photons(ctx, telescope, aim_cascade(telescope, &room->cascade[i], room), telescope->options.cascade_tau_ns, &random,
                            room));
done:
    return status;
}
