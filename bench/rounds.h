/* bench/rounds.h — interleaved rounds of several contenders: ratios, rooflines, numbers of threads, the peak of memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BENCH_ROUNDS_H
#define HG_BENCH_ROUNDS_H

#include <math.h>
#include "base/roofline.h"
#include "bench/bench.h"

enum { BENCH_TEAMS_MAX = 16 };

/* value[r] = a[r] / b[r]: median, least and largest. */
typedef struct bench_ratio {
    double median, least, most;
} bench_ratio;

static inline bench_ratio bench_ratio_of(const double *a, const double *b, int n)
{
    double value[BENCH_ROUNDS_MAX], negative[BENCH_ROUNDS_MAX];
    for (int r = 0; r < n; ++r) {
        value[r] = a[r] / b[r];
        negative[r] = -value[r];
    }
    return (bench_ratio){bench_median(value, n), bench_least(value, n), -bench_least(negative, n)};
}

/* The fastest multiplications of that precision. */
static inline double bench_peak_of(const hg_roofline *roof, hg_precision precision)
{
    return precision == HG_PRECISION_BF16 ? fmax(roof->flops, fmax(roof->bf16_flops, roof->tile_flops)) : roof->flops;
}

/* The kernel's peak of the resident set starts anew. */
static inline void bench_reset_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file) return;
    fputs("5", file);
    fclose(file);
}

static inline void bench_report_rooflines(const int *team, int n_teams, const hg_roofline *roof, json_t *root)
{
    json_t *list = json_array();
    for (int t = 0; t < n_teams; ++t) {
        printf("%d threads: fp32 FMA %.1f, bf16 dot product %.1f, bf16 tiles %.1f GF/s; triad %.1f GB/s (write-allocate counted)\n",
               team[t], roof[t].flops * 1e-9, roof[t].bf16_flops * 1e-9, roof[t].tile_flops * 1e-9, roof[t].bandwidth * 1e-9);
        json_array_append_new(list, json_pack("{s:i, s:f, s:f, s:f, s:f}", "threads", team[t], "fma_gflops", roof[t].flops * 1e-9,
                                              "bf16_gflops", roof[t].bf16_flops * 1e-9, "bf16_tile_gflops", roof[t].tile_flops * 1e-9,
                                              "triad_gb_per_s", roof[t].bandwidth * 1e-9));
    }
    json_object_set_new(root, "rooflines", list);
}

/* 1, 2, 4, ... and all cores; returns how many. team: [BENCH_TEAMS_MAX]. */
static inline int bench_default_teams(int *team)
{
    const int cores = omp_get_num_procs();
    int n_teams = 0;
    for (int n = 1; n < cores && n_teams < BENCH_TEAMS_MAX - 1; n *= 2) team[n_teams++] = n;
    team[n_teams++] = cores;
    return n_teams;
}

/* Numbers of threads such as "1,2,8"; returns how many, 0 where the text is something else. */
static inline int bench_read_teams(const char *text, int *team)
{
    int n_teams = 0;
    while (*text && n_teams < BENCH_TEAMS_MAX) {
        char *end = NULL;
        const long n = strtol(text, &end, 10);
        if (end == text || n < 1 || n > 1024 || (*end && *end != ',')) return 0;
        team[n_teams++] = (int)n;
        text = *end ? end + 1 : end;
    }
    return *text ? 0 : n_teams;
}

#endif
