/* cli/train.h — what the verb train shares between tracks and telescopes. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_CLI_TRAIN_H
#define HG_CLI_TRAIN_H

#include "base/text.h"
#include "cli/cli.h"

enum { HG_CLI_MAX_VALIDATION = 256 };

/* Cuts "a,b,c" in place. Returns the number of names, or -1 if there are too many. */
int hg_cli_split_list(char *text, char **name, int room);

/* The command as it is stored with a model: without the directories of the files it names. */
hg_status hg_cli_join_command(hg_context *ctx, int argc, char **argv, hg_text *out);

#endif
