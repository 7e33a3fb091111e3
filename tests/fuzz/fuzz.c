/* fuzz.c — one input through one reader, and what must hold after it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <unistd.h>

enum { MEMORY_LIMIT = 1 << 28 };

hg_context *fuzz_ctx;
char fuzz_untouched;
static char folder[256];
static const fuzz_target *current;

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* HDF5 1.10 loses memory of its own on some damaged files. */
HG_API const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5\n";
}

HG_API const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}

const fuzz_target *fuzz_target_number(int n)
{
    const fuzz_target *const tables[] = {fuzz_event_targets,  fuzz_graph_targets,   fuzz_model_targets,   fuzz_pulse_targets,
                                         fuzz_kalman_targets, fuzz_builder_targets, fuzz_command_targets, fuzz_roundtrip_targets};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; ++t)
        for (const fuzz_target *target = tables[t]; target->name; ++target)
            if (n-- == 0) return target;
    return NULL;
}

const fuzz_target *fuzz_target_named(const char *name)
{
    const fuzz_target *target;
    for (int n = 0; (target = fuzz_target_number(n)); ++n)
        if (strcmp(target->name, name) == 0) break;
    return target;
}

void fuzz_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: target %s: does not hold: %s; last message: %s\n", file, line, current ? current->name : "none", what,
            fuzz_ctx ? hg_context_message(fuzz_ctx) : "");
    abort();
}

void fuzz_must(hg_status status)
{
    fuzz_require(status >= 0);
}

const char *fuzz_path(const char *name)
{
    static char path[4][512];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

void fuzz_write(const char *name, const void *bytes, size_t length)
{
    FILE *file = fopen(fuzz_path(name), "wb");
    fuzz_require(file && fwrite(bytes, 1, length, file) == length && fclose(file) == 0);
}

uint8_t *fuzz_read(const char *name, size_t *length)
{
    FILE *file = fopen(fuzz_path(name), "rb");
    fuzz_require(file && fseek(file, 0, SEEK_END) == 0);
    *length = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*length + 1);
    fuzz_require(bytes && fread(bytes, 1, *length, file) == *length);
    fclose(file);
    return bytes;
}

void fuzz_begin(const fuzz_target *target, const char *where)
{
    current = target;
    snprintf(folder, sizeof folder, "%s", where);
    fuzz_must(hg_context_create(&fuzz_ctx));
    fuzz_must(hg_context_set_threads(fuzz_ctx, 1));
    hg_context_set_memory_limit(fuzz_ctx, MEMORY_LIMIT);
    fuzz_require(target->seed(0));
    fuzz_must(target->read()); /* the seed is good; and what is made once per process has been made */
}

static bool may_refuse(hg_status status)
{
    return status == HG_ERR_FORMAT || status == HG_ERR_DATA || status == HG_ERR_LIMIT || status == current->other_refusal;
}

static int next_descriptor(void)
{
    const int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(descriptor);
    return descriptor;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    const int fault = data[0], descriptor = next_descriptor();
    if (current->columns)
        fuzz_write_changed(current, data + 1, size - 1);
    else
        fuzz_write(current->file, data + 1, size - 1);
    const size_t used = hg_memory_used(fuzz_ctx);
    hg_context_clear(fuzz_ctx);
    hg_memory_fail_after(fuzz_ctx, fault - 1);
    const hg_status status = current->read();
    hg_memory_fail_after(fuzz_ctx, -1);
    fuzz_require(hg_memory_used(fuzz_ctx) == used);
    fuzz_require(next_descriptor() == descriptor);
    if (status >= 0 || (status == HG_ERR_NOMEM && fault > 0)) return 0;
    fuzz_require(may_refuse(status));
    const bool from_memory = strcmp(current->file, FUZZ_INPUT) == 0;
    fuzz_require(status == HG_ERR_LIMIT || strstr(hg_context_message(fuzz_ctx), from_memory ? "" : folder));
    return 0;
}

/* The target is the program's name; its files lie in the directory that FUZZ_FOLDER names. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    const char *slash = strrchr(**argv, '/'), *where = getenv("FUZZ_FOLDER");
    const fuzz_target *target = fuzz_target_named(slash ? slash + 1 : **argv);
    if (!target || !where) {
        fprintf(stderr, "%s: the program's name is that of a target, and FUZZ_FOLDER names a directory\n", **argv);
        exit(2);
    }
    fuzz_begin(target, where);
    return 0;
}
