/* cores.c — cores, quotas and NUMA nodes counted in trees like those of real machines, and the default number of threads. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/program.h"

#include <omp.h>
#include "base/cores.h"

static void write_below(const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof full, "%s/%s", folder, path);
    *strrchr(full, '/') = '\0';
    shell("mkdir -p %s", full);
    write_text(path, text);
}

static hg_cores cores_of(const char *machine, int first, int last)
{
    cpu_set_t allowed[HG_CPU_SETS];
    memset(allowed, 0, sizeof allowed);
    for (int cpu = first; cpu <= last; ++cpu) CPU_SET_S((size_t)cpu, sizeof allowed, allowed);
    return hg_cores_find(in_folder(machine), allowed);
}

/* Four cores of two CPUs each, neighbours by number or half a machine apart. */
static void two_cpus_a_core(void **state)
{
    (void)state;
    char path[128], text[32];
    for (int cpu = 0; cpu < 8; ++cpu) {
        snprintf(path, sizeof path, "far/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
        snprintf(text, sizeof text, "%d,%d\n", cpu % 4, cpu % 4 + 4);
        write_below(path, text);
        snprintf(path, sizeof path, "near/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
        snprintf(text, sizeof text, "%d-%d\n", cpu / 2 * 2, cpu / 2 * 2 + 1);
        write_below(path, text);
    }
    shell("mkdir -p %s/near/sys/devices/system/node/node0 %s/near/sys/devices/system/node/node1", folder, folder);
    const hg_cores far = cores_of("far", 0, 7), near = cores_of("near", 0, 7);
    assert_true(far.cpus == 8 && far.cores == 4 && far.quota == 0 && far.numa_nodes == 1);
    assert_true(near.cpus == 8 && near.cores == 4 && near.numa_nodes == 2);
    assert_int_equal(cores_of("far", 4, 7).cores, 4); /* the second CPUs of all four cores */
    assert_int_equal(cores_of("near", 4, 7).cores, 2);
    assert_int_equal(cores_of("near", 1, 2).cores, 2);
    assert_int_equal(cores_of("none", 0, 2).cores, 3);
}

static void quotas_of_cgroups(void **state)
{
    (void)state;
    static const struct {
        const char *machine, *groups, *file[2], *text[2];
        int quota;
    } cases[] = {
        {"a", "0::/\n", {"a/sys/fs/cgroup/cpu.max"}, {"200000 100000\n"}, 2},
        {"b", "0::/\n", {"b/sys/fs/cgroup/cpu.max"}, {"max 100000\n"}, 0},
        {"c", "0::/\n", {"c/sys/fs/cgroup/cpu.max"}, {"350000 100000\n"}, 3},
        {"d", "0::/\n", {"d/sys/fs/cgroup/cpu.max"}, {"50000 100000\n"}, 1},
        {"e", "0::/x/y\n", {"e/sys/fs/cgroup/x/cpu.max", "e/sys/fs/cgroup/x/y/cpu.max"}, {"300000 100000\n", "max 100000\n"}, 3},
        {"f", "0::/x/y\n", {"f/sys/fs/cgroup/x/cpu.max", "f/sys/fs/cgroup/x/y/cpu.max"}, {"800000 100000\n", "400000 100000\n"}, 4},
        {"g",
         "5:cpuset:/x\n3:cpu,cpuacct:/x\n",
         {"g/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "g/sys/fs/cgroup/cpu/x/cpu.cfs_period_us"},
         {"600000\n", "100000\n"},
         6},
        {"h", "3:cpu:/away\n", {"h/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "h/sys/fs/cgroup/cpu/cpu.cfs_period_us"}, {"-1\n", "100000\n"}, 0},
        {"i", "nonsense\n:\n::\n", {"i/sys/fs/cgroup/cpu.max"}, {"nonsense\n"}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        char path[64];
        snprintf(path, sizeof path, "%s/proc/self/cgroup", cases[i].machine);
        write_below(path, cases[i].groups);
        for (int k = 0; k < 2 && cases[i].file[k]; ++k) write_below(cases[i].file[k], cases[i].text[k]);
        const int quota = cores_of(cases[i].machine, 0, 7).quota;
        if (quota != cases[i].quota) fail_msg("machine %s: quota %d, expected %d", cases[i].machine, quota, cases[i].quota);
    }
}

static void numbers_that_were_asked_for(void **state)
{
    (void)state;
    hg_context *own = NULL;
    const int procs = omp_get_num_procs(), before = omp_get_max_threads();
    must(hg_context_create(&own));
    assert_true(hg_context_threads(own) >= 1 && hg_context_threads(own) <= procs);
    omp_set_num_threads(1);
    must(hg_context_set_threads(own, 0));
    assert_int_equal(hg_context_threads(own), 1);
    omp_set_num_threads(procs + 5);
    must(hg_context_set_threads(own, 0));
    assert_true(hg_context_threads(own) <= procs);
    omp_set_num_threads(before);
    must(hg_context_set_threads(own, procs + 3)); /* said by the user: as it is */
    assert_int_equal(hg_context_threads(own), procs + 3);
    hg_context_destroy(own);
}

/* Binding moves the first thread onto one place; the default stays the same. */
static void binding_does_not_shrink_the_default(void **state)
{
    (void)state;
    const char *const settings[] = {"", "OMP_PROC_BIND=close OMP_PLACES=cores", "OMP_PROC_BIND=spread OMP_PLACES=threads"};
    int first = 0;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) {
        int threads = 0;
        shell("cd %s && env -u OMP_NUM_THREADS %s %s info --verbose --settings > /dev/null 2> log", folder, settings[i], program_path());
        char *text = text_of(in_folder("log"));
        if (sscanf(text, "%d threads;", &threads) != 1) fail_msg("no number of threads in:\n%s", text);
        if (i == 0) first = threads;
        assert_int_equal(threads, first);
        hg_free(ctx, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_cpus_a_core),
        cmocka_unit_test(quotas_of_cgroups),
        cmocka_unit_test(numbers_that_were_asked_for),
        cmocka_unit_test(binding_does_not_shrink_the_default),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
