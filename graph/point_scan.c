/* graph/point_scan.c — see point_scan.h; one source, compiled for several widths of vectors. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/point_scan.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE void measure(const hg_point_scan *s, double *restrict squared)
{
    const int64_t count = s->count, space = s->n_columns - (s->light_speed > 0);
    for (int64_t j = 0; j < count; ++j) squared[j] = 0;
    for (int64_t k = 0; k < space; ++k) {
        const double *restrict x = s->x + k * s->stride;
        const double at = x[s->at];
        for (int64_t j = 0; j < count; ++j) squared[j] += (x[j] - at) * (x[j] - at);
    }
    if (s->light_speed == 0) return;
    const double *t = s->x + space * s->stride;
    const double now = t[s->at];
    for (int64_t j = 0; j < count; ++j) {
        const double path = s->light_speed * (t[j] - now), interval = squared[j] - path * path;
        squared[j] = interval >= 0 ? interval : -s->time_weight * interval;
    }
}

/* A number that at least k of x are not above: the k-th of the least numbers of interleaved runs. It spares the list of the nearest most
 * of its work. */
ALWAYS_INLINE double limit_of_nearest(const double *restrict x, int64_t count, int64_t k)
{
    enum { RUNS = 16 };
    double least[RUNS];
    if (k > RUNS || count < RUNS) return DBL_MAX;
    for (int r = 0; r < RUNS; ++r) least[r] = x[r];
    for (int64_t j = RUNS; j + RUNS <= count; j += RUNS) {
        for (int r = 0; r < RUNS; ++r) least[r] = x[j + r] < least[r] ? x[j + r] : least[r];
    }
    for (int r = 1; r < RUNS; ++r) {
        const double value = least[r];
        int at = r;
        for (; at > 0 && least[at - 1] > value; --at) least[at] = least[at - 1];
        least[at] = value;
    }
    return least[k - 1] < DBL_MAX ? least[k - 1] : DBL_MAX;
}

ALWAYS_INLINE double scan_points(const hg_point_scan *s)
{
    double *restrict squared = s->squared;
    uint8_t *restrict near = s->near;
    const int64_t count = s->count; /* a local one: bytes may alias everything */
    measure(s, squared);
    if (s->left_out >= 0) squared[s->left_out] = INFINITY;
    const double limit = s->k > 0 ? limit_of_nearest(squared, count, s->k) : s->within;
    for (int64_t j = 0; j < count; ++j) near[j] = squared[j] <= limit;
    for (int64_t j = count; j % 8 != 0; ++j) near[j] = 0;
    return limit;
}

static double scan_plain(const hg_point_scan *scan)
{
    return scan_points(scan);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static double scan_avx2(const hg_point_scan *scan)
{
    return scan_points(scan);
}

__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))) static double scan_avx512(const hg_point_scan *scan)
{
    return scan_points(scan);
}
#endif

int hg_point_scan_list(hg_point_scan_fn *out[HG_POINT_SCANS])
{
    int n = 0;
    out[n++] = scan_plain;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) out[n++] = scan_avx2;
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        out[n++] = scan_avx512;
#endif
    return n;
}

hg_point_scan_fn *hg_point_scan_best(void)
{
    hg_point_scan_fn *all[HG_POINT_SCANS];
    return all[hg_point_scan_list(all) - 1];
}
