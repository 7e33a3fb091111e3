/* base/cores.c — counts cores in /sys, quotas in the cgroup tree. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cores.h"

#include <omp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 4096, NAME_SIZE = 2 * LINE_SIZE };
static const size_t set_bytes = HG_CPU_SETS * sizeof(cpu_set_t);
static const int cpus_max = HG_CPU_SETS * CPU_SETSIZE;

/* The first line of a file; false if there is none. */
static bool read_line(const char *path, char line[LINE_SIZE])
{
    FILE *file = fopen(path, "r");
    const bool read = file && fgets(line, LINE_SIZE, file);
    if (file) fclose(file);
    return read;
}

/* Whether a list such as "0-3,64" names an allowed CPU below `cpu`: then the core was counted already. */
static bool lists_smaller(const char *list, int cpu, const cpu_set_t *allowed)
{
    for (const char *at = list; *at >= '0' && *at <= '9';) {
        char *end;
        const long first = strtol(at, &end, 10), last = *end == '-' ? strtol(end + 1, &end, 10) : first;
        for (long other = first; other <= last && other < cpu; ++other) {
            if (CPU_ISSET_S((size_t)other, set_bytes, allowed)) return true;
        }
        at = *end == ',' ? end + 1 : end;
        if (at == list) break;
    }
    return false;
}

static void count_cores(const char *root, const cpu_set_t *allowed, hg_cores *out)
{
    char path[NAME_SIZE], line[LINE_SIZE];
    for (int cpu = 0; cpu < cpus_max; ++cpu) {
        if (!CPU_ISSET_S((size_t)cpu, set_bytes, allowed)) continue;
        out->cpus++;
        snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", root, cpu);
        out->cores += !read_line(path, line) || !lists_smaller(line, cpu, allowed);
    }
}

/* Keeps the smaller of *quota and what one cgroup allows, in CPUs. */
static void apply_group(const char *directory, double *quota)
{
    char path[NAME_SIZE + 32], line[LINE_SIZE];
    double micros = 0, period = 0;
    snprintf(path, sizeof path, "%s/cpu.max", directory);
    if (read_line(path, line)) {
        if (sscanf(line, "%lf %lf", &micros, &period) != 2) return; /* "max" */
    } else {
        snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", directory);
        if (!read_line(path, line) || sscanf(line, "%lf", &micros) != 1) return;
        snprintf(path, sizeof path, "%s/cpu.cfs_period_us", directory);
        if (!read_line(path, line) || sscanf(line, "%lf", &period) != 1) return;
    }
    if (micros > 0 && period > 0 && (*quota <= 0 || micros / period < *quota)) *quota = micros / period;
}

/* A group and all that it lies in. */
static void apply_groups(const char *root, const char *mount, const char *group, double *quota)
{
    char directory[NAME_SIZE];
    int n = snprintf(directory, sizeof directory, "%s%s%s", root, mount, group);
    const int top = (int)(strlen(root) + strlen(mount));
    if (n < 0 || n >= (int)sizeof directory) return;
    for (;;) {
        while (n > top && directory[n - 1] == '/') directory[--n] = '\0';
        apply_group(directory, quota);
        if (n <= top) return;
        while (n > top && directory[n - 1] != '/') directory[--n] = '\0';
    }
}

static bool names_cpu(const char *controllers)
{
    for (const char *at = controllers; *at; at += strcspn(at, ","), at += *at == ',') {
        if (strncmp(at, "cpu", 3) == 0 && (at[3] == ',' || at[3] == '\0')) return true;
    }
    return false;
}

/* Lines of /proc/self/cgroup: number:controllers:path; no controllers = version 2. */
static double find_quota(const char *root)
{
    char path[NAME_SIZE], line[LINE_SIZE];
    double quota = 0;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group) continue;
        controllers++;
        *group++ = '\0';
        group[strcspn(group, "\n")] = '\0';
        if (controllers[0] == '\0') apply_groups(root, "/sys/fs/cgroup", group, &quota);
        if (names_cpu(controllers)) apply_groups(root, "/sys/fs/cgroup/cpu", group, &quota);
    }
    if (file) fclose(file);
    return quota;
}

static int count_numa_nodes(const char *root)
{
    int n = 0;
    char path[NAME_SIZE];
    do {
        snprintf(path, sizeof path, "%s/sys/devices/system/node/node%d", root, n);
    } while (access(path, F_OK) == 0 && ++n < cpus_max);
    return n > 0 ? n : 1;
}

hg_cores hg_cores_find(const char *root, const cpu_set_t allowed[HG_CPU_SETS])
{
    hg_cores found = {.numa_nodes = count_numa_nodes(root)};
    count_cores(root, allowed, &found);
    const double quota = find_quota(root);
    if (quota > 0) found.quota = quota < 1 ? 1 : (int)quota; /* a started CPU would be throttled */
    return found;
}

/* With bound threads the first one sits on its own place: the process has all places. */
static void find_allowed(cpu_set_t allowed[HG_CPU_SETS])
{
    memset(allowed, 0, set_bytes);
    const int n_places = omp_get_num_places();
    for (int place = 0; place < n_places; ++place) {
        int id[CPU_SETSIZE];
        const int n = omp_get_place_num_procs(place);
        if (n > CPU_SETSIZE) continue;
        omp_get_place_proc_ids(place, id);
        for (int k = 0; k < n; ++k) CPU_SET_S((size_t)id[k], set_bytes, allowed);
    }
    if (n_places == 0 && sched_getaffinity(0, set_bytes, allowed) != 0) {
        for (int cpu = 0; cpu < omp_get_num_procs(); ++cpu) CPU_SET_S((size_t)cpu, set_bytes, allowed);
    }
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

hg_cores hg_cores_here(void)
{
    cpu_set_t allowed[HG_CPU_SETS];
    find_allowed(allowed);
    return hg_cores_find("", allowed);
}

int hg_default_threads(void)
{
    const hg_cores found = hg_cores_here();
    const int wanted = omp_get_max_threads();
    const bool asked = getenv("OMP_NUM_THREADS") || wanted != omp_get_num_procs();
    int threads = asked ? smaller(wanted, found.cpus) : found.cores;
    if (found.quota > 0) threads = smaller(threads, found.quota);
    return threads > 0 ? threads : 1;
}
