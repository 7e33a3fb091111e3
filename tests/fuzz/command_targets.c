/* command_targets.c — the program's verbs on arbitrary arguments: a known exit code, a message that names the verb, no file elsewhere. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>
#include "cli/cli.h"
#include "tests/fuzz/fuzz.h"

enum { MOST_WORDS = 400 };

static const struct {
    const char *name;
    int (*run)(hg_cli *cli, int argc, char **argv);
} verbs[] = {
    {"info", hg_cli_info},           {"convert", hg_cli_convert}, {"display", hg_cli_display},   {"evaluate", hg_cli_evaluate},
    {"partition", hg_cli_partition}, {"track", hg_cli_track},     {"classify", hg_cli_classify},
};
enum { VERBS = sizeof verbs / sizeof *verbs };

/* One word a line, the verb first. */
static bool seed_command(int number)
{
    static const char *const texts[] = {
        "info\n--config\n--preset\ntrackml\n-s\ngraph.score_shift=0.5\n-s\ntracking.seeds=ca",
        "info\n--config\nsettings.yaml\n--set\nfield.spec=constant:2\n--threads\n2\n--memory-limit\n100",
        "info\n--preset\nicecube\n-s\nlevel=1\n--json",
        "info\n--preset=icecube-classify\n--config",
        "convert\n--out\nevents.h5\n--gzip\nnone",
        "display\n--pt-min\n0.5\n--max-tracks\n20\n--event\n3\n--out\na.svg\ntracks.h5\nnone",
        "evaluate\n--losses\n--doublet-min\n0.1\nsubmission.csv\nnone",
        "partition\n--parts\n2\n--seed\n3\n--balance\nedges\n--out\na.part\na.graph",
        "track\n--preset\nsimulated\n--seeds\nclassical\n-s\ntracking.n_branches=3\nnone",
        "classify\n--model\nnone\n--out\nscores.csv\nnone.h5",
        "track\n--help",
    };
    if (number >= (int)(sizeof texts / sizeof *texts)) return false;
    fuzz_seed_settings(0);
    fuzz_seed_metis(1);
    fuzz_write(FUZZ_INPUT, texts[number], strlen(texts[number]));
    return true;
}

/* Splits the input into words of their own, so that reading beyond one is seen. Nothing may lie outside the folder. */
static int split(char *text, size_t length, char *words[MOST_WORDS + 1])
{
    int n = 0;
    for (size_t i = 0; i < length; ++i)
        if (text[i] == '/') text[i] = '_';
    text[length] = '\0';
    for (char *at = text; at && n < MOST_WORDS; ++n) {
        char *end = strchr(at, '\n');
        if (end) *end++ = '\0';
        words[n] = strdup(at);
        fuzz_require(words[n]);
        at = end;
    }
    words[n] = NULL;
    return n;
}

/* Runs a verb in the target's folder, without anything to see of it but its message. */
static int run_quietly(int verb, int n, char **words, char **message)
{
    size_t size = 0;
    FILE *const out = stdout, *const err = stderr;
    const int here = open(".", O_DIRECTORY | O_CLOEXEC);
    const size_t limit = hg_memory_limit(fuzz_ctx);
    hg_cli cli = {.ctx = fuzz_ctx};
    fuzz_require(here >= 0 && chdir(fuzz_path("")) == 0);
    stdout = fopen("/dev/null", "we");
    stderr = open_memstream(message, &size);
    optind = 0; /* getopt begins anew */
    const int code = verbs[verb].run(&cli, n, words);
    fclose(stdout);
    fclose(stderr);
    stdout = out, stderr = err;
    fuzz_require(fchdir(here) == 0);
    close(here);
    hg_context_set_memory_limit(fuzz_ctx, limit);
    fuzz_must(hg_context_set_threads(fuzz_ctx, 1));
    return code;
}

static hg_status read_command(void)
{
    char *words[MOST_WORDS + 1], *message = NULL, start[32];
    size_t length;
    uint8_t *bytes = fuzz_read(FUZZ_INPUT, &length);
    const int n = split((char *)bytes, length, words);
    int verb = 0;
    while (verb < VERBS - 1 && strcmp(words[0], verbs[verb].name) != 0) ++verb;
    char *given[MOST_WORDS + 1]; /* getopt changes the order */
    memcpy(given, words, sizeof words);
    const int code = run_quietly(verb, n, given, &message);
    snprintf(start, sizeof start, "hitgraph %s: ", verbs[verb].name);
    fuzz_require(code == HG_EXIT_OK || code == HG_EXIT_USAGE || code == HG_EXIT_BAD_INPUT || code == HG_EXIT_LIMIT);
    fuzz_require((code == HG_EXIT_OK) == !strstr(message, start));
    free(message);
    free(bytes);
    for (int k = 0; k < n; ++k) free(words[k]);
    return code == HG_EXIT_OK ? HG_OK : code == HG_EXIT_LIMIT ? HG_ERR_LIMIT : code == HG_EXIT_USAGE ? HG_ERR_CONFIG : HG_ERR_DATA;
}

const fuzz_target fuzz_command_targets[] = {
    {"cli", FUZZ_INPUT, seed_command, read_command, HG_ERR_CONFIG, NULL, NULL},
    {NULL, NULL, NULL, NULL, HG_OK, NULL, NULL},
};
