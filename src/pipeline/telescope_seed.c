/* pipeline/telescope_seed.c — the frame that goes along with an event's first track. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/telescope_seed.h"

#include <math.h>

#include "pipeline/telescope_pandel.h"

static const double light_speed = 0.299792458; /* m/ns */

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

void hg_track_seed_complete(hg_track_seed *seed, const double centre[3])
{
    const double *p = seed->axis[HG_ALONG], level = hypot(p[0], p[1]);
    double *side = seed->axis[HG_SIDE], *up = seed->axis[HG_UP];
    side[0] = level > 1e-9 ? -p[1] / level : 1;
    side[1] = level > 1e-9 ? p[0] / level : 0;
    side[2] = 0;
    for (int k = 0; k < 3; ++k) up[k] = p[(k + 1) % 3] * side[(k + 2) % 3] - p[(k + 2) % 3] * side[(k + 1) % 3];
    const double to_centre[3] = {centre[0] - seed->place[0], centre[1] - seed->place[1], centre[2] - seed->place[2]};
    const double along = dot(to_centre, p);
    for (int k = 0; k < 3; ++k) seed->place[k] += along * p[k];
    seed->time += along / light_speed;
}

void hg_track_seed_place(const hg_track_seed *seed, const double x[3], double local[3])
{
    const double r[3] = {x[0] - seed->place[0], x[1] - seed->place[1], x[2] - seed->place[2]};
    for (int a = 0; a < 3; ++a) local[a] = dot(seed->axis[a], r);
}

double hg_track_seed_residual(const hg_track_seed *seed, const double local[3], double time)
{
    return time - seed->time - hg_cherenkov_delay(local[HG_ALONG], hypot(local[HG_SIDE], local[HG_UP]));
}

void hg_track_seed_turn(const hg_track_seed *seed, hg_real vector[3])
{
    const double v[3] = {(double)vector[0], (double)vector[1], (double)vector[2]};
    for (int a = 0; a < 3; ++a) vector[a] = (hg_real)dot(seed->axis[a], v);
}

void hg_track_seed_turn_back(const hg_track_seed *seed, hg_real vector[3])
{
    const double v[3] = {(double)vector[0], (double)vector[1], (double)vector[2]};
    for (int k = 0; k < 3; ++k) vector[k] = (hg_real)(seed->axis[0][k] * v[0] + seed->axis[1][k] * v[1] + seed->axis[2][k] * v[2]);
}

void hg_track_seed_columns(const hg_track_seed *seed, hg_real out[HG_SEED_COLUMNS])
{
    for (int k = 0; k < 3; ++k) {
        out[k] = (hg_real)seed->axis[HG_ALONG][k];
        out[4 + k] = (hg_real)seed->linefit[k];
    }
    out[3] = (hg_real)(seed->likelihood / 10); /* from -9.2, all noise, upwards */
}
