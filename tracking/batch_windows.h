/* batch_windows.h — where tracks meet the layers ahead: lanes are tracks for the start of the helix, then layers for the crossings. */
/* SPDX-License-Identifier: Apache-2.0 */
/* Part of batch_body.h. The helix in the field of its start (PHYSICS 1.2, 1.5), with widths for what errors, field and scattering do. */
#ifndef HG_TRACKING_BATCH_WINDOWS_H
#define HG_TRACKING_BATCH_WINDOWS_H

#include "tracking/batch.h"
#include "tracking/batch_transport.h"

/* Widths of the search: numbers of standard deviations, and what the constant field and scattering in the next layer may do. */
#define N_SIGMA R(4.0)
#define BEND_ERROR R(0.03)
#define BEND_ERROR_PER_MM2 R(1.2e-6) /* of the path squared: near a solenoid's end the field halves within 0.7 m */
#define SCATTERING_GEV R(0.003)
#define SLACK_MM R(0.3)
#define LARGEST_MM R(40.0)
#define EDGE_MM R(4.0)
#define TURN_MAX R(1.5)

/* Numbers of a helix that layers need, per track. */
enum { H_X, H_Y, H_Z, H_TX, H_TY, H_TZ, H_KZ, H_SIN, H_KAPPA, H_QOP, H_CLOSEST, H_SIGMA, H_NUMBERS = H_SIGMA + 5 };

/* Helices of LANES tracks; returns those that have one. */
INLINE marks start_helices(const hg_batch_world *world, const bound *s, const plane *at, real table[H_NUMBERS][LANES])
{
    flight f = {.path = all(R(0)), .status = all_whole(0)};
    lanes sin_phi, cos_phi, sine, cosine, k[3];
    sine_cosine(s->par[2], &sin_phi, &cos_phi);
    sine_cosine(s->par[3], &sine, &cosine);
    for (int i = 0; i < 3; ++i) {
        f.origin[i] = all(R(0));
        f.r[i] = at->center[i] + at->u[i] * s->par[0] + at->v[i] * s->par[1];
    }
    f.t[0] = sine * cos_phi;
    f.t[1] = sine * sin_phi;
    f.t[2] = cosine;
    f.qop = s->par[4];
    field_at(world, &f, f.r, f.b);
    f.status = all_whole(0); /* outside its table the field is that at the border: good enough for a window */
    bend(f.qop * R(HG_CURVATURE_CONSTANT), f.t, f.b, k);
    const lanes numbers[H_SIGMA] = {f.r[0],
                                    f.r[1],
                                    f.r[2],
                                    f.t[0],
                                    f.t[1],
                                    f.t[2],
                                    k[2],
                                    sine,
                                    (f.t[0] * k[1] - f.t[1] * k[0]) / (sine * sine * sine),
                                    f.qop,
                                    distance_to_beam(&f)};
    for (int i = 0; i < H_SIGMA; ++i) store(table[i], numbers[i]);
    for (int i = 0; i < 5; ++i) store(table[H_SIGMA + i], root(larger(s->cov[HG_PACKED(i, i)], all(R(0)))));
    return (f.status == 0) & (sine > R(1e-6));
}

/* asin(x) / x for |x| < 0.7, to 1e-4: no track turns further within a window. */
INLINE lanes arc_over_sine(lanes x)
{
    const lanes x2 = x * x;
    return R(1) + x2 * (R(1.0 / 6) + x2 * (R(3.0 / 40) + x2 * (R(15.0 / 336) + x2 * (R(0.0303819) + x2 * (R(0.0223722) + x2 * R(0.035))))));
}

/* Signed path to cylinders of these radii in the direction of travel; lanes that are not reached are taken from *reached. */
INLINE lanes path_to_cylinders(const real h[H_NUMBERS], real direction, lanes radius, marks *reached)
{
    const real sine = h[H_SIN], kappa = h[H_KAPPA];
    const real a = (h[H_X] * h[H_TX] + h[H_Y] * h[H_TY]) / sine, d = (h[H_X] * h[H_TY] - h[H_Y] * h[H_TX]) / sine;
    const real g = R(1) - kappa * d, absolute_a = a < R(0) ? -a : a;
    lanes e = radius * radius - (h[H_X] * h[H_X] + h[H_Y] * h[H_Y]);
    lanes delta = a * a + e * g - R(0.25) * kappa * kappa * e * e;
    lanes large = e * g + R(2) * a * a + R(2) * absolute_a * root(larger(delta, all(R(0))));
    marks onward = e * (a * direction) >= R(0);
    lanes chord = pick(onward, absolute(e) / root(larger(large, all(R(1e-20)))),
                       root(larger(large, all(R(0))) / larger(all(g * g + a * a * kappa * kappa), all(R(1e-20)))));
    lanes sin_beta = chord * (R(0.5) * kappa);
    *reached = (delta >= R(0)) & (large > R(0)) & (onward | (e > R(0))) & (absolute(sin_beta) < R(0.7));
    return chord * arc_over_sine(sin_beta) * (direction / sine);
}

INLINE lanes path_to_discs(const real h[H_NUMBERS], real direction, lanes z, marks *reached)
{
    lanes a = h[H_Z] - z;
    const lanes b = all(h[H_TZ]), c = all(R(0.5) * h[H_KZ]);
    lanes inner = b * b - R(4) * a * c, q = -(b + with_sign(root(larger(inner, all(R(0)))), b));
    *reached = (inner >= R(0)) & (q != R(0)) & (a * (h[H_TZ] * direction) < R(0));
    return R(2) * a / pick(q == R(0), all(R(1)), q);
}

/* Crossings of LANES layers, all barrels or all discs, from column `first` on. Returns which there are; out: numbers of a window in its
 * order. */
enum { W_PHI, W_C, W_HALF_PHI, W_HALF_C, W_PATH, W_SCALE_PHI, W_SCALE_C, W_NUMBERS };

INLINE marks cross_layers(const hg_batch_layers *layers, const real h[H_NUMBERS], real direction, int64_t first, bool barrel,
                          lanes out[W_NUMBERS], marks *inside)
{
    const float *const *t = layers->table;
    lanes row[HG_BATCH_LAYER_NUMBERS];
    for (int i = 0; i < HG_BATCH_LAYER_NUMBERS; ++i) row[i] = load_float(t[i] + first);
    const lanes position = row[HG_LAYER_POSITION], low = row[HG_LAYER_LOW], high = row[HG_LAYER_HIGH], depth = row[HG_LAYER_DEPTH];
    const real sine = h[H_SIN], kappa = h[H_KAPPA];
    marks there;
    lanes path = barrel ? path_to_cylinders(h, direction, position, &there) : path_to_discs(h, direction, position, &there);
    lanes length = absolute(path), s = path * sine;
    there &= (path * direction > R(0)) & (length < R(HG_PATH_MAX));
    if (h[H_CLOSEST] * direction > R(0)) there &= length <= (h[H_CLOSEST] < R(0) ? -h[H_CLOSEST] : h[H_CLOSEST]);
    path = pick(there, path, all(R(0)));
    length = absolute(path);
    s = path * sine;
    lanes half = s * (R(0.5) * kappa);
    there &= absolute(half) * R(2) <= TURN_MAX;
    if (!any(there)) return there;
    half = pick(there, half, all(R(0)));
    /* |half| <= 0.75: the series suffice */
    lanes half2 = half * half;
    lanes per_half = R(1) - half2 * R(1.0 / 6) * (R(1) - half2 * R(0.05) * (R(1) - half2 * R(1.0 / 42))), sin_half = half * per_half;
    lanes cos_half = R(1) - half2 * R(0.5) * (R(1) - half2 * R(1.0 / 12) * (R(1) - half2 * R(1.0 / 30) * (R(1) - half2 * R(1.0 / 56))));
    const real cos_phi = h[H_TX] / sine, sin_phi = h[H_TY] / sine;
    lanes cos_mid = cos_phi * cos_half - sin_phi * sin_half, sin_mid = sin_phi * cos_half + cos_phi * sin_half, chord = s * per_half;
    lanes x = h[H_X] + chord * cos_mid, y = h[H_Y] + chord * sin_mid, z = h[H_Z] + path * h[H_TZ];
    lanes cos_end = cos_mid * cos_half - sin_mid * sin_half, sin_end = sin_mid * cos_half + cos_mid * sin_half;
    lanes radius = root(x * x + y * y), outward = x * cos_end + y * sin_end;
    there &= (outward >= R(0)) & (radius >= R(1)); /* curled: hits on the way back are rare */
    radius = larger(radius, all(R(1)));
    lanes c = barrel ? z : radius;
    there &= (c >= low - R(2) * LARGEST_MM) & (c <= high + R(2) * LARGEST_MM);
    if (!any(there)) return there;

    /* the errors across the track projected on the layer, plus what its depth and the measurement add */
    const real absolute_qop = h[H_QOP] < R(0) ? -h[H_QOP] : h[H_QOP], absolute_kappa = kappa < R(0) ? -kappa : kappa;
    const real ratio = h[H_SIGMA + 4] / (absolute_qop > R(1e-6) ? absolute_qop : R(1e-6)), relative = ratio < R(1) ? ratio : R(1);
    const real steep = h[H_TZ] < R(0) ? -h[H_TZ] : h[H_TZ], cos_theta = steep > R(0.1) ? steep : R(0.1);
    lanes arc = absolute(s), bent = arc * arc * (R(0.5) * absolute_kappa), scattering = length * (SCATTERING_GEV * absolute_qop);
    lanes across = N_SIGMA * (h[H_SIGMA] + arc * h[H_SIGMA + 2] + bent * relative + scattering) +
                   (BEND_ERROR + BEND_ERROR_PER_MM2 * length * length) * bent + SLACK_MM;
    lanes along = N_SIGMA * (h[H_SIGMA + 1] + length * h[H_SIGMA + 3] + scattering) + SLACK_MM;
    across = smaller(across, all(LARGEST_MM));
    along = smaller(along, all(LARGEST_MM));
    lanes cos_psi = larger(outward / radius, all(R(0.2))), sin_psi = root(larger(R(1) - cos_psi * cos_psi, all(R(0))));
    lanes shift = depth * (sine / cos_theta), radial = along / cos_theta;
    lanes around = barrel ? (across + depth * sin_psi) / cos_psi : across * cos_psi + (radial + shift) * sin_psi;
    lanes half_c =
        barrel ? along / sine + (across * sin_psi + depth) * cos_theta / (sine * cos_psi) : (radial + shift) * cos_psi + across * sin_psi;
    half_c += N_SIGMA * row[HG_LAYER_SIGMA_C];
    there &= (c >= low - half_c) & (c <= high + half_c);
    lanes margin = EDGE_MM + smaller(half_c, R(0.25) * (high - low));
    *inside = (c > low + margin) & (c < high - margin);
    out[W_PHI] = angle_of(y, x);
    out[W_C] = c;
    out[W_HALF_PHI] = (around + N_SIGMA * row[HG_LAYER_SIGMA_PHI]) / radius;
    out[W_HALF_C] = half_c;
    out[W_PATH] = path;
    out[W_SCALE_PHI] = radius * cos_psi;
    out[W_SCALE_C] = all(barrel ? sine : steep);
    return there;
}

/* Puts a window into the list of the nearest. */
static void insert_window(const real numbers[W_NUMBERS][LANES], int lane, int32_t layer, bool inside, int room, int *n, hg_window *list)
{
    const float length = (float)fabs((double)numbers[W_PATH][lane]);
    if (*n == room && length >= list[room - 1].length) return;
    int at = *n < room ? (*n)++ : room - 1;
    for (; at > 0 && list[at - 1].length > length; --at) list[at] = list[at - 1];
    list[at] = (hg_window){.layer = layer,
                           .inside = inside,
                           .length = length,
                           .phi = (float)numbers[W_PHI][lane],
                           .c = (float)numbers[W_C][lane],
                           .half_phi = (float)numbers[W_HALF_PHI][lane],
                           .half_c = (float)numbers[W_HALF_C][lane],
                           .scale_phi = (float)numbers[W_SCALE_PHI][lane],
                           .scale_c = (float)numbers[W_SCALE_C][lane]};
}

static unsigned inside_window(const hg_window *w, const float *phi, const float *c)
{
    const lanes turned = absolute(load_float(phi) - (real)w->phi), around = smaller(turned, absolute(R(6.2831853f) - turned));
    return bits_of((absolute(load_float(c) - (real)w->c) <= (real)w->half_c) & (around <= (real)w->half_phi));
}

/* The list of a track's nearest windows. */
typedef struct window_list {
    int32_t own; /* the layer that the track is on */
    int room, n;
    hg_window *item;
} window_list;

INLINE void add_windows(const hg_batch_layers *layers, const real h[H_NUMBERS], real direction, int64_t first, bool barrel,
                        window_list *list)
{
    lanes out[W_NUMBERS];
    real numbers[W_NUMBERS][LANES];
    int32_t inside[LANES];
    marks in, met = cross_layers(layers, h, direction, first, barrel, out, &in);
    if (!any(met)) return;
    store_whole(inside, in);
    for (int i = 0; i < W_NUMBERS; ++i) store(numbers[i], out[i]);
    for (unsigned left = bits_of(met); left; left &= left - 1) {
        const int l = __builtin_ctz(left);
        const int32_t layer = layers->layer[first + l];
        if (layer != list->own) insert_window(numbers, l, layer, inside[l] != 0, list->room, &list->n, list->item);
    }
}

/* Discs are looked at in the order in which they are met, until the way to the next ones along z alone is longer than that to the last
 * window of a full list. */
static int windows_of(const hg_batch_layers *layers, const real h[H_NUMBERS], int32_t own, int32_t direction, int room, hg_window *item)
{
    window_list list = {.own = own, .room = room, .item = item};
    const bool upward = h[H_TZ] * (real)direction > R(0);
    const float *position = layers->table[HG_LAYER_POSITION] + layers->n_barrels;
    for (int64_t first = 0; first < layers->n_barrels; first += LANES) add_windows(layers, h, (real)direction, first, true, &list);
    for (int64_t k = 0; k < layers->n_discs; k += LANES) {
        const int64_t first = upward ? k : layers->n_discs - LANES - k;
        const real low = (real)position[first] - h[H_Z], high = (real)position[first + LANES - 1] - h[H_Z];
        if (upward ? high <= R(0) : low >= R(0)) continue;
        if (list.n == room && (upward ? low : -high) > (real)list.item[room - 1].length) break;
        add_windows(layers, h, (real)direction, layers->n_barrels + first, false, &list);
    }
    return list.n;
}

#endif
