/* base/preset.c — a configuration from its preset, a file over it and single settings. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/check.h"
#include "base/config.h"
#include "base/data_path.h"

static hg_status apply_file(hg_context *ctx, const hg_option *table, const char *path, void *target)
{
    hg_yaml *root = NULL;
    hg_status status = hg_yaml_read_file(ctx, path, &root);
    if (status < 0) return status;
    status = hg_options_apply_yaml(ctx, table, root, target);
    hg_yaml_destroy(ctx, root);
    return status;
}

static hg_status preset_path(hg_context *ctx, const char *preset, char *path)
{
    char name[HG_PATH_SIZE];
    snprintf(name, sizeof name, "presets/%s.yaml", preset);
    if (hg_data_path(ctx, name, path) >= 0 || hg_data_path(ctx, preset, path) >= 0) return HG_OK;
    return hg_fail(ctx, HG_ERR_CONFIG,
                   "unknown preset '%s'; expected trackml, trackml-barrel, trackml-challenge, simulated, icecube or a YAML file", preset);
}

hg_status hg_config_read(hg_context *ctx, const hg_option *table, const char *preset, const char *config, const char *const *setting,
                         int n_settings, void *target)
{
    hg_status status = HG_OK;
    char path[HG_PATH_SIZE];

    HG_TRY(hg_options_set_defaults(ctx, table, target));
    HG_TRY(preset_path(ctx, preset, path));
    HG_TRY(apply_file(ctx, table, path, target));
    if (config) HG_TRY(apply_file(ctx, table, config, target));
    for (int i = 0; i < n_settings; ++i) HG_TRY(hg_options_apply_text(ctx, table, setting[i], target));
done:
    return status;
}
