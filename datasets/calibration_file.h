/* datasets/calibration_file.h — hit errors and material as one YAML file. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_CALIBRATION_FILE_H
#define HG_DATASETS_CALIBRATION_FILE_H

#include "hitgraph/calibration.h"

/* Writes what is there: either part may be NULL. comment: one line, or NULL. Errors: HG_ERR_IO, HG_ERR_NOMEM. */
hg_status hg_calibration_file_write(hg_context *ctx, const hg_calibration *calibration, const hg_material *material, const char *comment,
                                    const char *path);

/* Reads one part of a file; *out owned by the caller, untouched on error. Errors: HG_ERR_IO; HG_ERR_CONFIG a mistake in the text (message:
 * file, line, column) or the part is missing; HG_ERR_DATA numbers that make no sense. */
hg_status hg_calibration_file_read(hg_context *ctx, const char *path, hg_calibration **out);
hg_status hg_material_file_read(hg_context *ctx, const char *path, hg_material **out);

#endif
