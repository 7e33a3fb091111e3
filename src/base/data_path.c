/* base/data_path.c — where the files that ship with the program lie: presets and models. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/data_path.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

static bool try_place(char *path, const char *directory, const char *folder, const char *name)
{
    int n = snprintf(path, HG_PATH_SIZE, "%s%s%s", directory, folder, name);
    return n > 0 && n < HG_PATH_SIZE && access(path, R_OK) == 0;
}

/* Looks below every folder above the program, nearest first: build/hitgraph finds the source tree, bin/hitgraph its prefix. */
static bool above_program(char *path, const char *name)
{
    char directory[HG_PATH_SIZE];
    ssize_t length = readlink("/proc/self/exe", directory, sizeof directory - 1);
    if (length <= 0) return false;
    directory[length] = '\0';
    for (char *slash = strrchr(directory, '/'); slash; slash = strrchr(directory, '/')) {
        *slash = '\0';
        if (try_place(path, directory, "/datasets/", name) || try_place(path, directory, "/share/hitgraph/", name)) return true;
    }
    return false;
}

hg_status hg_data_path(hg_context *ctx, const char *name, char *path)
{
    const char *root = getenv("HITGRAPH_DATA");
    if (name[0] && try_place(path, "", "", name)) return HG_OK;
    if (name[0] && name[0] != '/' && root && try_place(path, root, "/", name)) return HG_OK;
    if (name[0] && name[0] != '/' && above_program(path, name)) return HG_OK;
    return hg_fail(
        ctx, HG_ERR_IO,
        "%s: not found; looked in the working directory, $HITGRAPH_DATA (%s), and datasets/ and share/hitgraph/ above the program", name,
        root ? root : "not set");
}
