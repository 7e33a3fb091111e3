/* mutator.c — seeded fuzzing without any tool: changes valid files at random and runs them through the readers, a process for each target.
 */
/* SPDX-License-Identifier: Apache-2.0 */

/* Usage: readers [-s SEED] [-n INPUTS | -t SECONDS] [-j PROCESSES] [-o DIR] [TARGET]...     inputs or seconds for each target
 *        readers -r FILE TARGET                                                             runs one input that was kept
 *        readers -w DIR                                                                     writes the seeds as DIR/TARGET/N, for libFuzzer
 * Input k of a target depends on the seed and k alone. One that crashes, hangs, or breaks what fuzz.c asks for is kept in DIR. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "base/random.h"
#include "tests/fuzz/fuzz.h"

enum { MOST_BYTES = 1 << 20, MOST_SEEDS = 32, MOST_TARGETS = 64, HANG_SECONDS = 20 };

typedef struct settings {
    uint64_t seed;
    int64_t inputs;
    double seconds; /* 0 = count inputs */
    int processes;
    const char *kept;
} settings;

/* What a child tells its parent, which outlives it: the input that it is at. */
typedef struct shared_input {
    int64_t number, refused;
    size_t length;
    uint8_t bytes[MOST_BYTES];
} shared_input;

typedef struct job {
    const fuzz_target *target;
    pid_t pid;
    char folder[64];
    shared_input *input; /* mapped */
} job;

/* A new folder in memory, where files need no disk. */
static void make_folder(char folder[64])
{
    snprintf(folder, 64, "%s/hitgraph-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    fuzz_require(mkdtemp(folder));
}

/* ---- mutations ---- */

typedef struct sample {
    uint8_t *bytes;
    size_t length;
} sample;

static const char *const words[] = {"nan",
                                    "inf",
                                    "-1",
                                    "0",
                                    "1e400",
                                    "-0",
                                    "4294967296",
                                    "9223372036854775807",
                                    "2147483648",
                                    "99999999",
                                    "18446744073709551616",
                                    "1e-400",
                                    "0x1p3",
                                    "\"",
                                    ",",
                                    "\n",
                                    "\r\n",
                                    "{",
                                    "[",
                                    "]",
                                    "}",
                                    ": ",
                                    "- ",
                                    "\t",
                                    "&a",
                                    "*a",
                                    "\xff\xfe",
                                    "1.5",
                                    "-9223372036854775809",
                                    "true",
                                    "~",
                                    ""};

static bool is_number(uint8_t c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == 'e';
}

/* Replaces length bytes at a place. */
static void splice(shared_input *in, size_t at, size_t length, const uint8_t *with, size_t with_length)
{
    if (in->length - length + with_length > MOST_BYTES) return;
    memmove(in->bytes + at + with_length, in->bytes + at + length, in->length - at - length);
    memmove(in->bytes + at, with, with_length);
    in->length += with_length - length;
}

/* A number in text becomes another word; elsewhere the word is put in. */
static void put_word(hg_random *r, shared_input *in, size_t at)
{
    const char *word = words[hg_random_below(r, sizeof words / sizeof *words)];
    size_t end = at, start = at;
    while (start > 1 && is_number(in->bytes[start - 1]) && is_number(in->bytes[at])) --start;
    while (end < in->length && is_number(in->bytes[end])) ++end;
    splice(in, start, end - start, (const uint8_t *)word, strlen(word));
}

/* A piece of the input, itself changed or not, is copied to another place, put there, or taken away. */
static void move_piece(hg_random *r, shared_input *in, size_t at)
{
    static const int64_t lengths[] = {1, 2, 4, 8, 16, 64, 512, 4096};
    uint8_t piece[4096];
    size_t length = (size_t)lengths[hg_random_below(r, 8)];
    const size_t from = 1 + (size_t)hg_random_below(r, (int64_t)in->length - 1);
    if (length > in->length - from) length = in->length - from;
    const size_t room = in->length - at < length ? in->length - at : length;
    memcpy(piece, in->bytes + from, length);
    switch (hg_random_below(r, 3)) {
    case 0:
        splice(in, at, 0, piece, length);
        break;
    case 1:
        splice(in, at, room, piece, room);
        break;
    default:
        splice(in, at, room, piece, 0);
        break;
    }
}

/* Eight bytes that counts and offsets of binary formats should not be. */
static void put_integer(hg_random *r, shared_input *in, size_t at)
{
    static const uint64_t values[] = {0, 1, UINT64_MAX, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT32_MAX, INT32_MAX, 1ull << 40};
    const uint64_t value = values[hg_random_below(r, 8)];
    const size_t size = (size_t)1 << hg_random_below(r, 4), room = in->length - at < size ? in->length - at : size;
    memcpy(in->bytes + at, &value, room);
}

static void mutate(hg_random *r, shared_input *in)
{
    if (in->length < 2) {
        in->bytes[in->length++] = (uint8_t)hg_random_below(r, 256);
        return;
    }
    /* headers are worth more than what follows */
    const int64_t reach = hg_random_below(r, 2) ? (int64_t)in->length - 1 : (int64_t)in->length < 400 ? (int64_t)in->length - 1 : 400;
    const size_t at = 1 + (size_t)hg_random_below(r, reach);
    switch (hg_random_below(r, 7)) {
    case 0:
        in->length = at;
        break;
    case 1:
        in->bytes[at] ^= (uint8_t)(1 << hg_random_below(r, 8));
        break;
    case 2:
        in->bytes[at] = (uint8_t)hg_random_below(r, 256);
        break;
    case 3:
        put_integer(r, in, at);
        break;
    case 4:
        move_piece(r, in, at);
        break;
    default:
        put_word(r, in, at);
        break;
    }
}

/* Random changes of numbers: what fuzz_numbers.c reads. */
static void make_changes(hg_random *r, shared_input *in)
{
    in->length = 1 + 12 * (size_t)(1 + hg_random_below(r, 4));
    for (size_t i = 1; i < in->length; ++i) in->bytes[i] = (uint8_t)hg_random_below(r, 256);
    for (size_t i = 5; i + 8 <= in->length; i += 12) /* small numbers are the likely offsets and rows */
        if (hg_random_below(r, 2)) memset(in->bytes + i + 1, hg_random_below(r, 2) ? 0 : 0xff, 7);
}

static void make_input(const settings *s, int64_t k, int n_target, const fuzz_target *target, const sample *seeds, int n_seeds,
                       shared_input *in)
{
    hg_random r = hg_random_stream(s->seed, 1, (uint64_t)n_target, (uint64_t)k);
    const sample *seed = &seeds[hg_random_below(&r, n_seeds)];
    in->number = k;
    in->length = 1 + seed->length;
    memcpy(in->bytes + 1, seed->bytes, seed->length);
    if (target->columns) {
        make_changes(&r, in);
    } else {
        for (int64_t n = 1 + hg_random_poisson(&r, 0.7); n > 0; --n) mutate(&r, in);
    }
    in->bytes[0] = (uint8_t)(hg_random_below(&r, 8) == 0 ? 1 + hg_random_below(&r, 60) : 0);
}

/* ---- one target in its process ---- */

static int read_seeds(const fuzz_target *target, sample seeds[MOST_SEEDS])
{
    int n = 0;
    while (n < MOST_SEEDS && target->seed(n)) {
        seeds[n].bytes = fuzz_read(target->file, &seeds[n].length);
        fuzz_require(seeds[n].length < MOST_BYTES / 2);
        ++n;
    }
    return n;
}

static void run_child(const settings *s, int n_target, const job *j)
{
    sample seeds[MOST_SEEDS];
    const double start = hg_seconds();
    fuzz_begin(j->target, j->folder);
    const int n_seeds = read_seeds(j->target, seeds);
    for (int64_t k = 0; s->seconds > 0 ? hg_seconds() - start < s->seconds : k < s->inputs; ++k) {
        make_input(s, k, n_target, j->target, seeds, n_seeds, j->input);
        alarm(HANG_SECONDS);
        LLVMFuzzerTestOneInput(j->input->bytes, j->input->length);
        alarm(0);
        j->input->refused += *hg_context_message(fuzz_ctx) != '\0';
    }
    for (int i = 0; i < n_seeds; ++i) free(seeds[i].bytes);
    hg_context_destroy(fuzz_ctx);
    exit(0);
}

/* ---- all targets ---- */

static void remove_folder(const char *folder)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0) fprintf(stderr, "%s is still there\n", folder);
}

static void start(const settings *s, int n_target, job *j)
{
    make_folder(j->folder);
    j->input = mmap(NULL, sizeof *j->input, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fuzz_require(j->input != MAP_FAILED);
    fflush(stdout);
    j->pid = fork();
    fuzz_require(j->pid >= 0);
    if (j->pid == 0) run_child(s, n_target, j);
}

static void keep_input(const settings *s, const job *j, const char *what)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s-%llu-%lld", s->kept, j->target->name, (unsigned long long)s->seed, (long long)j->input->number);
    mkdir(s->kept, 0777);
    FILE *file = fopen(path, "wb");
    if (file) {
        fwrite(j->input->bytes, 1, j->input->length, file);
        fclose(file);
    }
    printf("[  FAILED  ] %s: %s at input %lld, kept as %s\n", j->target->name, what, (long long)j->input->number, path);
}

/* 1 if the child did not end well. */
static int finish(const settings *s, job *j, int status)
{
    char what[64] = "";
    if (WIFSIGNALED(status))
        snprintf(what, sizeof what, WTERMSIG(status) == SIGALRM ? "hangs" : "ended by signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        snprintf(what, sizeof what, "exit code %d", WEXITSTATUS(status));
    if (what[0])
        keep_input(s, j, what);
    else
        printf("[       OK ] %s: %lld inputs, %lld refused\n", j->target->name, (long long)j->input->number + 1,
               (long long)j->input->refused);
    remove_folder(j->folder);
    munmap(j->input, sizeof *j->input);
    return what[0] != '\0';
}

static int run_all(const settings *s, const fuzz_target *const *targets, int n)
{
    job jobs[MOST_TARGETS] = {{.target = NULL}};
    int failed = 0;
    for (int started = 0, running = 0; started < n || running > 0;) {
        if (started < n && running < s->processes) {
            jobs[started].target = targets[started];
            start(s, started, &jobs[started]);
            ++started, ++running;
            continue;
        }
        int status;
        const pid_t pid = waitpid(-1, &status, 0);
        fuzz_require(pid > 0);
        for (int k = 0; k < started; ++k)
            if (jobs[k].pid == pid) failed += finish(s, &jobs[k], status);
        --running;
    }
    return failed > 0;
}

static int replay(const char *path, const fuzz_target *target)
{
    char folder[64];
    static uint8_t bytes[MOST_BYTES];
    FILE *file = fopen(path, "rb");
    if (!file || !target) return fprintf(stderr, "readers -r %s TARGET: no such input or target\n", path), 2;
    const size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    make_folder(folder);
    fuzz_begin(target, folder);
    LLVMFuzzerTestOneInput(bytes, length);
    printf("%s: %s\n", path, *hg_context_message(fuzz_ctx) ? hg_context_message(fuzz_ctx) : "no complaint");
    remove_folder(folder);
    return 0;
}

/* The seeds of one target as inputs: no allocation fails, and no number changes. In a process of its own: a target begins once. */
static void write_seeds(const char *directory, const fuzz_target *target)
{
    char folder[64], path[512];
    sample seeds[MOST_SEEDS];
    make_folder(folder);
    fuzz_begin(target, folder);
    snprintf(path, sizeof path, "%s/%s", directory, target->name);
    mkdir(directory, 0777);
    mkdir(path, 0777);
    for (int n = read_seeds(target, seeds); n-- > 0;) {
        snprintf(path, sizeof path, "%s/%s/%d", directory, target->name, n);
        FILE *file = fopen(path, "wb");
        fuzz_require(file && fputc(0, file) == 0);
        if (!target->columns) fwrite(seeds[n].bytes, 1, seeds[n].length, file);
        fclose(file);
        free(seeds[n].bytes);
    }
    remove_folder(folder);
}

static int write_all_seeds(const char *directory)
{
    const fuzz_target *target;
    for (int n = 0; (target = fuzz_target_number(n)); ++n) {
        const pid_t pid = fork();
        int status = 1;
        if (pid == 0) {
            write_seeds(directory, target);
            _exit(0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) return fprintf(stderr, "%s: no seeds\n", target->name), 1;
        printf("%s\n", target->name);
    }
    return 0;
}

int main(int argc, char **argv)
{
    settings s = {.seed = 1, .inputs = 80, .processes = 1, .kept = "build/fuzz-kept"};
    const fuzz_target *targets[MOST_TARGETS], *target;
    int option, n = 0;
    while ((option = getopt(argc, argv, "s:n:t:j:o:r:w:")) != -1) {
        if (option == 's')
            s.seed = strtoull(optarg, NULL, 10);
        else if (option == 'n')
            s.inputs = atoll(optarg);
        else if (option == 't')
            s.seconds = atof(optarg);
        else if (option == 'j')
            s.processes = atoi(optarg) > 0 ? atoi(optarg) : 1;
        else if (option == 'o')
            s.kept = optarg;
        else if (option == 'r')
            return replay(optarg, optind < argc ? fuzz_target_named(argv[optind]) : NULL);
        else if (option == 'w')
            return write_all_seeds(optarg);
        else
            return 2;
    }
    for (; optind < argc; ++optind) {
        if (!(target = fuzz_target_named(argv[optind])) || n == MOST_TARGETS)
            return fprintf(stderr, "there is no target %s\n", argv[optind]), 2;
        targets[n++] = target;
    }
    for (int k = 0; n == k && (target = fuzz_target_number(k)); ++k) targets[n++] = target;
    return run_all(&s, targets, n);
}
