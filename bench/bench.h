/* bench/bench.h — what the benchmark programs share: medians, the machine they ran on, and their JSON files. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BENCH_BENCH_H
#define HG_BENCH_BENCH_H

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/output.h"
#include "kernels/kernels.h"

enum { BENCH_ROUNDS_MAX = 16 };

static inline int bench_compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* values: [n], n <= BENCH_ROUNDS_MAX. */
static inline double bench_median(const double *values, int n)
{
    double sorted[BENCH_ROUNDS_MAX];
    memcpy(sorted, values, (size_t)n * sizeof *values);
    qsort(sorted, (size_t)n, sizeof *sorted, bench_compare);
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

static inline double bench_least(const double *values, int n)
{
    double least = values[0];
    for (int i = 1; i < n; ++i) least = values[i] < least ? values[i] : least;
    return least;
}

static inline json_t *bench_array(const double *values, int n)
{
    json_t *array = json_array();
    for (int i = 0; i < n; ++i) json_array_append_new(array, hg_json_number(values[i]));
    return array;
}

static inline void bench_cpu(char *name, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(name, size, "unknown");
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        snprintf(name, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    if (file) fclose(file);
}

/* The revision of the working directory; a + where files differ from it. */
static inline void bench_revision(char *name, size_t size)
{
    FILE *pipe = popen("git describe --always --dirty=+ 2>/dev/null", "r");
    if (!pipe || !fgets(name, (int)size, pipe)) snprintf(name, size, "unknown");
    name[strcspn(name, "\n")] = '\0';
    if (pipe) pclose(pipe);
}

/* Prints the machine and stores it; other work on it shows in the load. */
static inline hg_status bench_machine(hg_context *ctx, json_t *root)
{
    hg_status status = HG_OK;
    const hg_kernels *kernels = NULL;
    char cpu[128], revision[64];
    double load = -1;
    HG_TRY(hg_kernels_select(ctx, &kernels));
    bench_cpu(cpu, sizeof cpu);
    bench_revision(revision, sizeof revision);
    getloadavg(&load, 1);
    printf("machine: %s, %d cores, kernels %s, compiler %s, hitgraph %s (%s), load before %.2f\n", cpu, omp_get_num_procs(), kernels->name,
           __VERSION__, HG_VERSION, revision, load);
    json_t *machine = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:f}", "cpu", cpu, "cores", omp_get_num_procs(), "kernels", kernels->name,
                                "compiler", __VERSION__, "version", HG_VERSION, "revision", revision, "load_before", load);
    HG_CHECK(machine && json_object_set_new(root, "machine", machine) == 0, HG_ERR_NOMEM, "out of memory");
done:
    return status;
}

/* Writes build/bench/NAME.json. */
static inline hg_status bench_write(hg_context *ctx, const char *name, const json_t *root)
{
    hg_status status = HG_OK;
    char path[256], *text = NULL;
    snprintf(path, sizeof path, "build/bench/%s.json", name);
    HG_TRY(hg_json_print(ctx, root, &text));
    HG_TRY(hg_make_directory(ctx, "build/bench"));
    HG_TRY(hg_output_print(ctx, path, "%s\n", text));
    printf("written: %s\n", path);
done:
    hg_free(ctx, text);
    return status;
}

#endif
