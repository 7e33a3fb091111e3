/* base/cores.h — how many threads this process should use: physical cores within affinity and cgroup quota. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_CORES_H
#define HG_BASE_CORES_H

#include <sched.h>

enum { HG_CPU_SETS = 8 }; /* of 1024 CPUs each */

typedef struct hg_cores {
    int cpus;       /* logical CPUs that the process may run on */
    int cores;      /* physical cores among them */
    int quota;      /* whole CPUs' worth of time that its cgroups allow, at least 1; 0 = no quota */
    int numa_nodes; /* of the machine, at least 1 */
} hg_cores;

/* Reads /sys and /proc below `root` ("" = the machine itself; tests bring their own). What cannot be read counts as a plain machine. */
hg_cores hg_cores_find(const char *root, const cpu_set_t allowed[HG_CPU_SETS]);

/* The same for this process on this machine. */
hg_cores hg_cores_here(void);

/* The default number of threads. A number asked for through OMP_NUM_THREADS or omp_set_num_threads is kept, within CPUs and quota. */
int hg_default_threads(void);

#endif
