/* datasets/calibration_file.c — hit errors by volume and material surfaces, written and read as YAML. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/calibration_file.h"

#include <math.h>

#include "base/check.h"
#include "base/config.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/text.h"
#include "hitgraph/material.h"

static const char *const sections[] = {"volumes", "material", NULL};
static const char *const volume_keys[] = {"volume", "bias_u", "bias_v", "sigma_u", "sigma_v", "slope_u", "slope_v", NULL};
static const char *const surface_keys[] = {"shape", "position", "low", "high", "x_over_x0", "loss_mev", NULL};
static const char *const shapes[] = {"disc", "cylinder", NULL};

static void print_number(FILE *file, double value)
{
    char text[32];
    hg_format_double(text, value);
    fputs(text, file);
}

static void print_errors(FILE *file, const char *name, const double *sigma, int n)
{
    fprintf(file, ", %s: [", name);
    for (int w = 0; w < n; ++w) {
        if (w > 0) fputs(", ", file);
        print_number(file, sigma[w]);
    }
    fputc(']', file);
}

static void print_volumes(FILE *file, const hg_calibration *calibration)
{
    fputs("# Errors in mm for clusters of unknown width, of 1, 2, ... 8 cells; 0 = as the next narrower. bias_u, bias_v: measured minus\n"
          "# true, mm. slope_u, slope_v: errors in mm by |slope| / (1 + |slope|) in 32 equal steps; a fit prefers them.\n"
          "volumes:\n",
          file);
    for (int64_t i = 0; i < calibration->n; ++i) {
        const hg_resolution *r = &calibration->volume[i];
        fprintf(file, "  - {volume: %d, bias_u: ", r->volume_id);
        print_number(file, r->shift[0]);
        fputs(", bias_v: ", file);
        print_number(file, r->shift[1]);
        print_errors(file, "sigma_u", r->sigma[0], HG_WIDTH_MAX + 1);
        print_errors(file, "sigma_v", r->sigma[1], HG_WIDTH_MAX + 1);
        print_errors(file, "slope_u", r->sigma_at_slope[0], HG_SLOPE_CELLS);
        print_errors(file, "slope_v", r->sigma_at_slope[1], HG_SLOPE_CELLS);
        fputs("}\n", file);
    }
}

static void print_material(FILE *file, const hg_material *material)
{
    fputs("# Cylinders about z by radius for z in low..high, discs by z for radii in low..high, mm; thickness and median loss of a\n"
          "# minimum-ionising particle at normal incidence.\nmaterial:\n",
          file);
    for (int64_t i = 0; i < material->n; ++i) {
        const hg_material_surface *s = &material->surface[i];
        const double number[] = {s->position, s->low, s->high, s->x_over_x0, s->loss_mev};
        fprintf(file, "  - {shape: %s", shapes[s->cylinder]);
        for (int k = 0; k < 5; ++k) {
            fprintf(file, ", %s: ", surface_keys[k + 1]);
            print_number(file, number[k]);
        }
        fputs("}\n", file);
    }
}

hg_status hg_calibration_file_write(hg_context *ctx, const hg_calibration *calibration, const hg_material *material, const char *comment,
                                    const char *path)
{
    hg_status status = HG_OK;
    hg_output *output = NULL;
    HG_TRY(hg_output_begin(ctx, path, &output));
    FILE *file = hg_output_stream(output);
    HG_CHECK(file, HG_ERR_IO, "%s: cannot be opened for writing", path);
    if (comment) fprintf(file, "# %s\n", comment);
    if (calibration) print_volumes(file, calibration);
    if (material) print_material(file, material);
    HG_TRY(hg_output_commit(ctx, &output));
done:
    hg_output_abort(output);
    return status;
}

/* The named section of a file, a list of maps with known keys. */
static hg_status open_section(hg_context *ctx, const char *path, const char *name, const char *const *keys, hg_yaml **root,
                              const hg_yaml **section)
{
    hg_status status = HG_OK;
    HG_TRY(hg_yaml_read_file(ctx, path, root));
    HG_TRY(hg_yaml_expect(ctx, *root, HG_YAML_MAP));
    HG_TRY(hg_yaml_known_keys(ctx, *root, sections));
    *section = hg_yaml_get(*root, name);
    if (!*section) HG_TRY(hg_yaml_fail(ctx, *root, "there is no section %s", name));
    HG_TRY(hg_yaml_expect(ctx, *section, HG_YAML_SEQUENCE));
    for (int64_t i = 0; i < (*section)->n; ++i) {
        HG_TRY(hg_yaml_expect(ctx, (*section)->child[i], HG_YAML_MAP));
        HG_TRY(hg_yaml_known_keys(ctx, (*section)->child[i], keys));
    }
done:
    return status;
}

static hg_status need(hg_context *ctx, const hg_yaml *map, const char *key, const hg_yaml **out)
{
    *out = hg_yaml_get(map, key);
    return *out ? HG_OK : hg_yaml_fail(ctx, map, "%s is missing", key);
}

static hg_status read_number(hg_context *ctx, const hg_yaml *map, const char *key, double low, double *out)
{
    const hg_yaml *node = NULL;
    const hg_status status = need(ctx, map, key, &node);
    return status < 0 ? status : hg_yaml_number(ctx, node, low, 1e9, out);
}

static hg_status read_errors(hg_context *ctx, const hg_yaml *map, const char *key, int n, double *sigma)
{
    hg_status status = HG_OK;
    const hg_yaml *list = NULL;
    HG_TRY(need(ctx, map, key, &list));
    HG_TRY(hg_yaml_expect(ctx, list, HG_YAML_SEQUENCE));
    if (list->n > n) HG_TRY(hg_yaml_fail(ctx, list, "%s: expected at most %d errors, found %" PRId64, key, n, list->n));
    for (int64_t w = 0; w < list->n; ++w) HG_TRY(hg_yaml_number(ctx, list->child[w], 0.0, 1e6, &sigma[w]));
done:
    return status;
}

static hg_status read_volume(hg_context *ctx, const hg_yaml *map, hg_resolution *out)
{
    hg_status status = HG_OK;
    const hg_yaml *node = NULL;
    int64_t id = 0;
    HG_TRY(need(ctx, map, "volume", &node));
    HG_TRY(hg_yaml_int(ctx, node, 0, INT32_MAX, &id));
    out->volume_id = (int32_t)id;
    HG_TRY(read_number(ctx, map, "bias_u", -1e9, &out->shift[0]));
    if (hg_yaml_get(map, "bias_v")) HG_TRY(read_number(ctx, map, "bias_v", -1e9, &out->shift[1]));
    HG_TRY(read_errors(ctx, map, "sigma_u", HG_WIDTH_MAX + 1, out->sigma[0]));
    HG_TRY(read_errors(ctx, map, "sigma_v", HG_WIDTH_MAX + 1, out->sigma[1]));
    for (int axis = 0; axis < 2; ++axis) {
        const char *const key = axis ? "slope_v" : "slope_u";
        if (hg_yaml_get(map, key)) HG_TRY(read_errors(ctx, map, key, HG_SLOPE_CELLS, out->sigma_at_slope[axis]));
    }
done:
    return status;
}

hg_status hg_calibration_file_read(hg_context *ctx, const char *path, hg_calibration **out)
{
    hg_status status = HG_OK;
    hg_yaml *root = NULL;
    const hg_yaml *section = NULL;
    hg_resolution *volume = NULL;
    HG_TRY(open_section(ctx, path, "volumes", volume_keys, &root, &section));
    HG_TRY(hg_alloc(ctx, &volume, section->n));
    for (int64_t i = 0; i < section->n; ++i) HG_TRY(read_volume(ctx, section->child[i], &volume[i]));
    status = hg_calibration_create(ctx, volume, section->n, out);
    if (status < 0) hg_fail_prefix(ctx, "%s", path);
done:
    hg_free(ctx, volume);
    hg_yaml_destroy(ctx, root);
    return status;
}

static hg_status read_surface(hg_context *ctx, const hg_yaml *map, hg_material_surface *out)
{
    hg_status status = HG_OK;
    const hg_yaml *node = NULL;
    int shape = 0;
    HG_TRY(need(ctx, map, "shape", &node));
    HG_TRY(hg_yaml_word(ctx, node, shapes, &shape));
    out->cylinder = shape == 1;
    HG_TRY(read_number(ctx, map, "position", -1e9, &out->position));
    HG_TRY(read_number(ctx, map, "low", -1e9, &out->low));
    HG_TRY(read_number(ctx, map, "high", -1e9, &out->high));
    HG_TRY(read_number(ctx, map, "x_over_x0", 0.0, &out->x_over_x0));
    HG_TRY(read_number(ctx, map, "loss_mev", 0.0, &out->loss_mev));
done:
    return status;
}

hg_status hg_material_file_read(hg_context *ctx, const char *path, hg_material **out)
{
    hg_status status = HG_OK;
    hg_yaml *root = NULL;
    const hg_yaml *section = NULL;
    hg_material_surface *surface = NULL;
    HG_TRY(open_section(ctx, path, "material", surface_keys, &root, &section));
    HG_TRY(hg_alloc(ctx, &surface, section->n));
    for (int64_t i = 0; i < section->n; ++i) HG_TRY(read_surface(ctx, section->child[i], &surface[i]));
    status = hg_material_create(ctx, surface, section->n, out);
    if (status < 0) hg_fail_prefix(ctx, "%s", path);
done:
    hg_free(ctx, surface);
    hg_yaml_destroy(ctx, root);
    return status;
}
