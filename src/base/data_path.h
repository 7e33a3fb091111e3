/* base/data_path.h — where the files that ship with the program lie: presets and models. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_DATA_PATH_H
#define HG_BASE_DATA_PATH_H

#include "hitgraph/context.h"

enum { HG_PATH_SIZE = 1024 };

/* Finds a file or directory: as named (absolute, or relative to the working directory), below $HITGRAPH_DATA, or below
 * datasets/ or share/hitgraph/ of any folder above the program. path[HG_PATH_SIZE] gets the place found.
 * Errors: HG_ERR_IO (message: the places looked at). */
hg_status hg_data_path(hg_context *ctx, const char *name, char *path);

#endif
