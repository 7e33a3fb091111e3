/* bench/opponent.h — another program that runs the same networks: a child process that answers each line with a line of JSON. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BENCH_OPPONENT_H
#define HG_BENCH_OPPONENT_H

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/data_path.h"
#include "bench/bench.h"

typedef struct opponent {
    pid_t pid; /* 0 = none runs */
    FILE *to, *from;
} opponent;

extern char **environ;

/* A faster allocator for the child, "" where it is not installed. */
static const char *opponent_allocator(void)
{
    static const char *const places[] = {"/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4", "/usr/lib/x86_64-linux-gnu/libtcmalloc.so.4",
                                         "/usr/lib64/libtcmalloc_minimal.so.4", "/usr/lib/aarch64-linux-gnu/libtcmalloc_minimal.so.4"};
    for (size_t i = 0; i < sizeof places / sizeof *places; ++i) {
        if (access(places[i], R_OK) == 0) return places[i];
    }
    return "";
}

/* *answer: json_decref by the caller. An answer with "error" is one. */
static hg_status opponent_read(hg_context *ctx, const opponent *o, json_t **answer)
{
    hg_status status = HG_OK;
    char line[4096];
    HG_CHECK(fgets(line, sizeof line, o->from), HG_ERR_IO, "PyTorch's process ended");
    HG_TRY(hg_json_parse(ctx, "PyTorch's process", line, strlen(line), answer));
done:
    return status;
}

static hg_status opponent_ask(hg_context *ctx, const opponent *o, const char *command, const char *mode, json_t **answer)
{
    hg_status status = HG_OK;
    HG_CHECK(fprintf(o->to, "%s %s\n", command, mode) > 0 && fflush(o->to) == 0, HG_ERR_IO, "PyTorch's process ended");
    HG_TRY(opponent_read(ctx, o, answer));
done:
    return status;
}

static hg_status opponent_time(hg_context *ctx, const opponent *o, const char *mode, double *seconds)
{
    hg_status status = HG_OK;
    json_t *answer = NULL;
    HG_TRY(opponent_ask(ctx, o, "time", mode, &answer));
    HG_CHECK(json_is_real(json_object_get(answer, "seconds")), HG_ERR_IO, "PyTorch %s failed", mode);
    *seconds = json_real_value(json_object_get(answer, "seconds"));
done:
    json_decref(answer);
    return status;
}

/* Starts the Python script with settings that suit it: no thread binding, waiting as its runtime likes, tcmalloc. *hello as opponent_ask.
 */
static hg_status opponent_start(hg_context *ctx, const char *python, const char *script, const char *directory, const char *model,
                                int threads, opponent *out, json_t **hello)
{
    hg_status status = HG_OK;
    int in[2] = {-1, -1}, back[2] = {-1, -1};
    char preload[256], omp[64], count[16];
    posix_spawn_file_actions_t actions;
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", opponent_allocator());
    snprintf(omp, sizeof omp, "OMP_NUM_THREADS=%d", threads);
    snprintf(count, sizeof count, "%d", threads);
    const char *const words[] = {"env",  "-u",   "OMP_WAIT_POLICY", "-u",  "OMP_PROC_BIND", "-u", "OMP_PLACES", preload, omp,
                                 python, script, directory,         model, count,           NULL};
    HG_CHECK(pipe(in) == 0 && pipe(back) == 0, HG_ERR_IO, "no pipe for PyTorch's process");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, back[1], 1);
    for (int i = 0; i < 4; ++i) posix_spawn_file_actions_addclose(&actions, i < 2 ? in[i] : back[i - 2]);
    const int failed = posix_spawnp(&out->pid, "env", &actions, NULL, (char *const *)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(back[1]);
    HG_CHECK(!failed, HG_ERR_IO, "%s: cannot be started: %s", python, strerror(failed));
    signal(SIGPIPE, SIG_IGN);
    out->to = fdopen(in[1], "w");
    out->from = fdopen(back[0], "r");
    HG_TRY(opponent_read(ctx, out, hello));
done:
    return status;
}

static void opponent_stop(opponent *o)
{
    if (o->to) fclose(o->to);
    if (o->from) fclose(o->from);
    if (o->pid > 0) waitpid(o->pid, NULL, 0);
    *o = (opponent){0};
}

/* The files that the two sides exchanged. */
static void opponent_remove_files(const char *directory)
{
    static const char *const names[] = {"model.yaml", "weights.safetensors", "batch.safetensors", "results.safetensors"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        char path[HG_PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        unlink(path);
    }
    rmdir(directory);
}

#endif
