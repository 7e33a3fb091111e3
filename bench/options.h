/* bench/options.h — the command line that the benchmarks of networks share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BENCH_OPTIONS_H
#define HG_BENCH_OPTIONS_H

#include "bench/rounds.h"

typedef struct bench_options {
    bool torch;
    const char *python;
    const char *only; /* a word of a variant's name or precision, NULL = all */
    int rounds, n_teams, team[BENCH_TEAMS_MAX];
} bench_options;

/* An option of one program alone; value: the word behind it, or NULL. Returns how many words it took: 0 = it does not know them. */
typedef int bench_own_option(void *user, const char *name, const char *value);

static inline int bench_take_option(bench_options *o, const char *name, const char *value)
{
    if (!strcmp(name, "--torch")) {
        o->torch = true;
        return 1;
    }
    if (!value) return 0;
    if (!strcmp(name, "--python"))
        o->python = value;
    else if (!strcmp(name, "--only"))
        o->only = value;
    else if (!strcmp(name, "--rounds"))
        o->rounds = atoi(value);
    else if (strcmp(name, "--threads") != 0 || (o->n_teams = bench_read_teams(value, o->team)) == 0)
        return 0;
    return 2;
}

/* False: something is unknown or out of range. */
static inline bool bench_read_options(int argc, char **argv, bench_options *o, bench_own_option *own, void *user)
{
    *o = (bench_options){.python = getenv("PYTHON") ? getenv("PYTHON") : "python3", .rounds = 5};
    for (int i = 1, taken; i < argc; i += taken) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        taken = own(user, argv[i], value);
        if (taken == 0) taken = bench_take_option(o, argv[i], value);
        if (taken == 0) return false;
    }
    if (o->n_teams == 0) o->n_teams = bench_default_teams(o->team);
    return o->rounds >= 1 && o->rounds <= BENCH_ROUNDS_MAX;
}

#endif
