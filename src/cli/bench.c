/* cli/bench.c — the verb bench: what this machine can do at best. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/roofline.h"
#include "cli/cli.h"

enum { ROUNDS_MAX = 1000 };

/* "-" where the CPU has no such instructions. */
static void print_rate(double per_second, int width)
{
    if (per_second > 0)
        printf(" %*.1f", width, per_second * 1e-9);
    else
        printf(" %*s", width, "-");
}

static void print_row(int threads, const hg_roofline *roof)
{
    printf("%7d", threads);
    print_rate(roof->flops, 10);
    print_rate(roof->bf16_flops, 10);
    print_rate(roof->tile_flops, 10);
    print_rate(roof->bandwidth, 10);
    printf(" %12.1f\n", roof->flops / roof->bandwidth);
}

static hg_status print_json(hg_context *ctx, int threads, const hg_roofline *roof)
{
    char *text = NULL;
    json_t *row = json_pack("{s:i, s:f, s:f, s:f, s:f, s:I}", "threads", threads, "fp32_gflops", roof->flops * 1e-9, "bf16_gflops",
                            roof->bf16_flops * 1e-9, "bf16_tile_gflops", roof->tile_flops * 1e-9, "triad_gb_per_s", roof->bandwidth * 1e-9,
                            "last_cache_bytes", (json_int_t)hg_last_cache_bytes());
    const hg_status status = hg_json_print(ctx, row, &text);
    if (status >= 0) printf("%s\n", text);
    hg_free(ctx, text);
    json_decref(row);
    return status;
}

static hg_status print_roofline(hg_cli *cli, int rounds)
{
    hg_status status = HG_OK;
    const int threads_max = hg_context_threads(cli->ctx);
    if (!cli->json)
        printf("best of %d rounds; L3 %.0f MB\n%7s %10s %10s %10s %10s %12s\n", rounds, (double)hg_last_cache_bytes() / 1048576, "threads",
               "fp32 GF/s", "bf16 GF/s", "tiles GF/s", "triad GB/s", "flop/byte");
    for (int threads = 1; threads <= threads_max; ++threads) {
        hg_roofline roof = {0};
        for (int round = 0; round < rounds; ++round) HG_TRY(hg_roofline_measure(cli->ctx, threads, &roof));
        if (cli->json)
            HG_TRY(print_json(cli->ctx, threads, &roof));
        else
            print_row(threads, &roof);
    }
done:
    return status;
}

int hg_cli_bench(hg_cli *cli, int argc, char **argv)
{
    int64_t rounds = 3;
    const hg_cli_flag flags[] = {
        {"rounds", HG_CLI_INT, &rounds, "N", "measurements per number of threads, the best counts; default 3"},
        {NULL, HG_CLI_FLAG, NULL, NULL, NULL},
    };
    const hg_cli_usage usage = {
        .verb = "bench",
        .arguments = "roofline",
        .summary = "Measures peak arithmetic and peak bandwidth with 1 thread up to --threads.",
        .details =
            "fp32: fused multiply-adds of the widest vectors in registers. bf16: dot products of vectors; tiles: products of matrix\n"
            "tiles; '-' where the CPU has none (0 with --json). triad: a = b + c / 2 on 400 MB, the read that precedes a write\n"
            "counted. flop/byte: fp32 against triad; work with fewer flops per byte is bound by memory. Other work on the machine\n"
            "lowers the figures.\n\nexample:\n  hitgraph bench roofline --json",
        .min_inputs = 1,
        .max_inputs = 1,
    };
    const int exit_code = hg_cli_parse(cli, &usage, flags, argc, argv);
    if (exit_code >= 0) return exit_code;
    if (strcmp(cli->input[0], "roofline") != 0 || rounds < 1 || rounds > ROUNDS_MAX) {
        if (rounds < 1 || rounds > ROUNDS_MAX)
            fprintf(stderr, "hitgraph bench: --rounds: found %lld, expected 1 .. %d\n", (long long)rounds, ROUNDS_MAX);
        else
            fprintf(stderr, "hitgraph bench: unknown measurement '%s', expected roofline\n", cli->input[0]);
        return HG_EXIT_USAGE;
    }
    const hg_status status = print_roofline(cli, (int)rounds);
    return status < 0 ? hg_cli_fail(cli, "bench", status) : HG_EXIT_OK;
}
