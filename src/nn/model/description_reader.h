/* nn/model/description_reader.h — from the YAML text of a model to its description. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_NN_DESCRIPTION_READER_H
#define HG_NN_DESCRIPTION_READER_H

#include "nn/model/description.h"

/* Reads YAML (language: nn/model.md) and unrolls the repeats. Errors: HG_ERR_CONFIG with line and column. `out` zeroed by the caller. */
hg_status hg_description_read(hg_context *ctx, const char *name, const char *yaml_text, hg_description *out);

#endif
