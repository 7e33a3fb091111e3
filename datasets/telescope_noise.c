/* datasets/telescope_noise.c — photo-electrons that no particle made: dark noise with its bursts, and afterpulses. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "base/check.h"
#include "datasets/telescope.h"

static const double lead_ns = 5000, tail_ns = 7000; /* of noise before and after the signal: the window's ends and what reaches into it */
static const double burst_lead_ns = 50000;          /* bursts that began this long before may still go on */
static const double span_most_ns = 20000;           /* of the signal: later photo-electrons are afterglow */

static double noise_of(const hg_telescope *t, const hg_tel_sensor *sensor)
{
    static const double high_efficiency = 1.2; /* rde of the modules with more noise */
    return sensor->rde > high_efficiency ? t->options.hqe_noise : 1;
}

double hg_tel_noise_weight(const hg_telescope *telescope)
{
    double sum = 0;
    for (int64_t i = 0; i < telescope->table.n; ++i) sum += noise_of(telescope, &telescope->sensor[i]);
    return sum;
}

/* A sensor by its share of the noise. */
static int32_t noisy_sensor(const hg_telescope *t, hg_random *random)
{
    const double most = fmax(1, t->options.hqe_noise);
    for (;;) {
        const int32_t i = (int32_t)hg_random_below(random, t->table.n);
        const double rate = noise_of(t, &t->sensor[i]);
        if (rate >= most || hg_random_uniform(random) * most < rate) return i;
    }
}

static hg_status add_afterpulses(hg_context *ctx, const hg_telescope_options *o, int64_t n_signal, hg_random *random, hg_tel_room *room)
{
    hg_status status = HG_OK;
    for (int64_t i = 0; i < n_signal; ++i) {
        const hg_tel_photon p = room->photon[i];
        const int64_t n = hg_random_poisson(random, o->afterpulse_share * (double)p.charge);
        for (int64_t k = 0; k < n; ++k) {
            const double delay = o->afterpulse_ns + o->afterpulse_width_ns * hg_random_normal(random);
            if (delay > 0) HG_TRY(hg_tel_add_photon(ctx, room, (hg_tel_photon){p.sensor, 1, p.time + delay}));
        }
    }
done:
    return status;
}

/* The first hit of a burst, then Poisson(burst_more) others with log-normal steps between them. */
static hg_status add_burst(hg_context *ctx, const hg_telescope *t, double time, double start, double end, hg_random *random,
                           hg_tel_room *room)
{
    hg_status status = HG_OK;
    const hg_telescope_options *o = &t->options;
    const int32_t sensor = noisy_sensor(t, random);
    for (int64_t left = hg_random_poisson(random, o->burst_more); left >= 0 && time < end; --left) {
        if (time >= start) HG_TRY(hg_tel_add_photon(ctx, room, (hg_tel_photon){sensor, 1, time}));
        time += 1e9 * pow(10, o->burst_log10_mean + o->burst_log10_width * hg_random_normal(random));
    }
done:
    return status;
}

hg_status hg_tel_add_noise(hg_context *ctx, const hg_telescope *telescope, uint64_t seed, uint64_t number, hg_tel_room *room)
{
    hg_status status = HG_OK;
    const hg_telescope_options *o = &telescope->options;
    hg_random random = hg_random_stream(seed, HG_TEL_NOISE, number, 0);
    const int64_t n_signal = room->n_photons;
    double first = 0, last = 0;
    for (int64_t i = 0; i < n_signal; ++i) {
        first = i ? fmin(first, room->photon[i].time) : room->photon[i].time;
        last = i ? fmax(last, room->photon[i].time) : room->photon[i].time;
    }
    const double start = first - lead_ns, end = fmin(last, first + span_most_ns) + tail_ns;
    const double modules_s = 1e-9 * telescope->noise_weight;
    HG_TRY(add_afterpulses(ctx, o, n_signal, &random, room));
    for (int64_t left = hg_random_poisson(&random, modules_s * (end - start) * o->noise_poisson_hz); left > 0; --left) {
        const int32_t sensor = noisy_sensor(telescope, &random);
        HG_TRY(hg_tel_add_photon(ctx, room, (hg_tel_photon){sensor, 1, hg_random_range(&random, start, end)}));
    }
    const double earliest = start - burst_lead_ns;
    for (int64_t left = hg_random_poisson(&random, modules_s * (end - earliest) * o->noise_burst_hz); left > 0; --left)
        HG_TRY(add_burst(ctx, telescope, hg_random_range(&random, earliest, end), start, end, &random, room));
done:
    return status;
}
