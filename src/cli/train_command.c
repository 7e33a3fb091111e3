/* cli/train_command.c — the command line of a training: its lists of names, and itself as it is stored with the model. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/text.h"
#include "cli/train.h"

int hg_cli_split_list(char *text, char **name, int room)
{
    int n = 0;
    for (char *part = strtok(text, ","); part; part = strtok(NULL, ",")) {
        if (n == room) return -1;
        name[n++] = part;
    }
    return n;
}

/* Directories are left out of each name in "a/b,c/d" or "key=a/b": they say nothing on another machine. */
static hg_status append_names(hg_context *ctx, const char *text, hg_text *out)
{
    hg_status status = HG_OK;
    while (status >= 0 && *text) {
        const size_t length = strcspn(text, "=,");
        const char *name = text;
        for (size_t i = 0; i < length; ++i) {
            if (text[i] == '/') name = text + i + 1;
        }
        const size_t ending = text[length] != '\0';
        status = hg_text_append(ctx, out, "%.*s", (int)(text + length + ending - name), name);
        text += length + ending;
    }
    return status;
}

hg_status hg_cli_join_command(hg_context *ctx, int argc, char **argv, hg_text *out)
{
    hg_status status = hg_text_append(ctx, out, "hitgraph");
    for (int i = 0; status >= 0 && i < argc; ++i) {
        status = hg_text_append(ctx, out, " ");
        if (status >= 0) status = append_names(ctx, argv[i], out);
    }
    return status;
}
