/* cli/evaluate_pulses.c — the verb evaluate for a neutrino telescope. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
int hg_cli_evaluate_pulses(hg_cli *cli, int argc, char **argv) { (void)cli; (void)argc; (void)argv; return 1; }
