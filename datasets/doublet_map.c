/* doublet_map.c — doublet maps as a file. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/doublet_map.h"

#include <stdio.h>
#include "base/check.h"
#include "base/memory.h"
#include "datasets/hdf5.h"
#include "graph/doublet_map.h"
#include "graph/neighbour_tables.h"

enum { PATH_SIZE = 96, GROUP_SIZE = 32, MOST_MAPS = 64, MOST_PAIRS = 4096, MOST_LAYERS = 4096, TABLE_ZERO = 128 };
static const char format_name[] = "doublet-map";

enum {
    CELLS_BEND_Z0 = HG_DOUBLET_BEND_BINS * HG_DOUBLET_Z0_BINS,
    CELLS_C_C = HG_DOUBLET_C_BINS * HG_DOUBLET_C_BINS,
    /* base, bend_max, phi_slope_max, z0_max, c_low[2], c_high[2], z0_edge, reach */
    PAIR_NUMBERS = 8 + HG_DOUBLET_Z0_BINS + 1 + 2 * HG_DOUBLET_C_BINS
};

/* The numbers of a pair in the order of the file; `to_file` tells the direction. */
static void move_pair(hg_doublet_pair *p, float *row, bool to_file)
{
    float *head[8] = {&p->base, &p->bend_max, &p->phi_slope_max, &p->z0_max, &p->c_low[0], &p->c_low[1], &p->c_high[0], &p->c_high[1]};
    for (int k = 0; k < PAIR_NUMBERS; ++k) {
        float *member = k < 8                            ? head[k]
                        : k < 8 + HG_DOUBLET_Z0_BINS + 1 ? &p->z0_edge[k - 8]
                                                         : &p->reach[(k - 9 - HG_DOUBLET_Z0_BINS) / 2][(k - 9 - HG_DOUBLET_Z0_BINS) % 2];
        if (to_file)
            row[k] = *member;
        else
            *member = row[k];
    }
}

/* One array of a map as the file sees it. */
typedef struct column {
    const char *name, *unit, *long_name;
    hg_h5_type type;
    int64_t width, rows;
    void *data;
} column;

/* What a map is made of in the file; the tables lie in `bytes`, the pairs in `layers` and `numbers`. */
enum { MOST_COLUMNS = 10 };
static int list_columns(const hg_doublet_map *m, int32_t *layers, float *numbers, uint8_t *bytes, column out[MOST_COLUMNS])
{
    int64_t pairs = m->n_pairs;
    const column columns[] = {
        {"layer_r", "mm", "mean radius of the hits", HG_H5_F32, 0, m->n_layers, m->layer_r},
        {"layer_z", "mm", "mean z of the hits", HG_H5_F32, 0, m->n_layers, m->layer_z},
        {"layer_hits", "1", "mean number of hits per event", HG_H5_F32, 0, m->n_layers, m->layer_hits},
        {"layer_barrel", "1", "1 = cylinder, 0 = disc", HG_H5_U8, 0, m->n_layers, m->layer_barrel},
        {"pair_layers", "1", "inner and outer layer", HG_H5_I32, 2, pairs, layers},
        {"pair_numbers", "mixed", "base, bend_max, phi_slope_max, z0_max, c_low, c_high, z0_edge, reach", HG_H5_F32, PAIR_NUMBERS, pairs,
         numbers},
        {"bend_z0", "table_step", "table of curvature and z0, 128 = 0", HG_H5_U8, CELLS_BEND_Z0, pairs, bytes},
        {"c_c", "table_step", "table of the places along both layers, 128 = 0", HG_H5_U8, CELLS_C_C, pairs, bytes + pairs * CELLS_BEND_Z0},
        {"triplet_kappa", "1", "window of the relative change of curvature", HG_H5_F32, pairs, pairs, m->triplet_kappa},
        {"triplet_cot", "1", "window of the relative change of slope", HG_H5_F32, pairs, pairs, m->triplet_cot},
    };
    int n = (int)(sizeof columns / sizeof *columns);
    for (int k = 0; k < n; ++k) out[k] = columns[k];
    return n;
}

/* Cells of a table as unsigned bytes, and back. */
static void move_table(int8_t *table, int64_t n, uint8_t *bytes, bool to_file)
{
    for (int64_t k = 0; k < n; ++k) {
        if (to_file)
            bytes[k] = (uint8_t)(table[k] + TABLE_ZERO);
        else
            table[k] = (int8_t)(bytes[k] - TABLE_ZERO);
    }
}

static void move_tables(hg_doublet_map *m, uint8_t *bytes, bool to_file)
{
    int64_t n_first = (int64_t)m->n_pairs * CELLS_BEND_Z0;
    move_table(m->bend_z0, n_first, bytes, to_file);
    move_table(m->c_c, (int64_t)m->n_pairs * CELLS_C_C, bytes + n_first, to_file);
}

/* Tables of cluster shapes: the file need not have them. */
enum { CELLS_U = HG_CLUSTER_U_SIZES * HG_CLUSTER_BINS, CELLS_V = HG_CLUSTER_V_SIZES * HG_CLUSTER_BINS, CLUSTER_COLUMNS = 3 };
static void list_cluster_columns(const hg_doublet_map *m, uint8_t *bytes, column out[CLUSTER_COLUMNS])
{
    const int64_t volumes = m->n_volumes;
    out[0] = (column){"layer_volume", "1", "kind of the layer's sensors", HG_H5_I32, 0, m->n_layers, m->layer_volume};
    out[1] =
        (column){"cluster_u", "table_step", "table of cluster size and inclination along u, 128 = 0", HG_H5_U8, CELLS_U, volumes, bytes};
    out[2] = (column){"cluster_v",
                      "table_step",
                      "table of cluster size and inclination along v, 128 = 0",
                      HG_H5_U8,
                      CELLS_V,
                      volumes,
                      bytes + volumes * CELLS_U};
}

static void move_cluster_tables(hg_doublet_map *m, uint8_t *bytes, bool to_file)
{
    const int64_t n_u = (int64_t)m->n_volumes * CELLS_U;
    move_table(m->cluster_u, n_u, bytes, to_file);
    move_table(m->cluster_v, (int64_t)m->n_volumes * CELLS_V, bytes + n_u, to_file);
}

/* Tables of neighbours and rivals: the file need not have them. */
enum {
    NEIGHBOUR_COLUMNS = 3,
    AXES_NUMBERS = sizeof(hg_neighbour_axes) / sizeof(float),
    NEIGHBOUR_BYTES = HG_LINK_CELLS + 2 * HG_NEIGHBOUR_CELLS
};
static void list_neighbour_columns(uint8_t *bytes, column out[NEIGHBOUR_COLUMNS])
{
    out[0] = (column){"neighbour_link",
                      "table_step",
                      "table of the differences of curvature and slope of two doublets that share a hit, 128 = 0",
                      HG_H5_U8,
                      HG_LINK_BINS,
                      HG_LINK_BINS,
                      bytes};
    out[1] = (column){"neighbour_table",
                      "table_step",
                      "table of score and support on both sides, 128 = 0",
                      HG_H5_U8,
                      HG_NEIGHBOUR_BINS,
                      HG_NEIGHBOUR_BINS * HG_NEIGHBOUR_BINS,
                      bytes + HG_LINK_CELLS};
    out[2] = (column){"rival_table",
                      "table_step",
                      "table of refined score and lead on both sides, 128 = 0",
                      HG_H5_U8,
                      HG_NEIGHBOUR_BINS,
                      HG_NEIGHBOUR_BINS * HG_NEIGHBOUR_BINS,
                      bytes + HG_LINK_CELLS + HG_NEIGHBOUR_CELLS};
}

static void move_neighbour_tables(hg_neighbour_tables *t, uint8_t *bytes, bool to_file)
{
    move_table(t->link, HG_LINK_CELLS, bytes, to_file);
    move_table(t->neighbours, HG_NEIGHBOUR_CELLS, bytes + HG_LINK_CELLS, to_file);
    move_table(t->rivals, HG_NEIGHBOUR_CELLS, bytes + HG_LINK_CELLS + HG_NEIGHBOUR_CELLS, to_file);
}

static hg_status write_columns(hg_context *ctx, hg_h5 *h5, const char *group, const column *columns, int n)
{
    hg_status status = HG_OK;
    char path[PATH_SIZE];
    for (int k = 0; k < n; ++k) {
        const column *c = &columns[k];
        snprintf(path, sizeof path, "%s/%s", group, c->name);
        HG_TRY(hg_h5_write(ctx, h5, &(hg_h5_column){path, c->type, c->width, c->unit, c->long_name}, c->data, c->rows));
    }
done:
    return status;
}

static hg_status read_columns(hg_context *ctx, hg_h5 *h5, const char *group, const column *columns, int n)
{
    hg_status status = HG_OK;
    char path[PATH_SIZE];
    for (int k = 0; k < n; ++k) {
        const column *c = &columns[k];
        int64_t rows = 0;
        snprintf(path, sizeof path, "%s/%s", group, c->name);
        HG_TRY(hg_h5_shape(ctx, h5, path, c->type, c->width, &rows, NULL));
        HG_CHECK(rows == c->rows, HG_ERR_FORMAT, "%s:%s: %" PRId64 " rows, expected %" PRId64, hg_h5_name(h5), path, rows, c->rows);
        HG_TRY(hg_h5_read(ctx, h5, path, c->type, c->width, 0, rows, c->data));
    }
done:
    return status;
}

static hg_status save_clusters(hg_context *ctx, hg_doublet_map *m, const char *group, hg_h5 *h5)
{
    hg_status status = HG_OK;
    uint8_t *bytes = NULL;
    column columns[CLUSTER_COLUMNS];
    HG_TRY(hg_alloc(ctx, &bytes, (int64_t)m->n_volumes * (CELLS_U + CELLS_V)));
    move_cluster_tables(m, bytes, true);
    list_cluster_columns(m, bytes, columns);
    HG_TRY(write_columns(ctx, h5, group, columns, CLUSTER_COLUMNS));
    HG_TRY(hg_h5_set_number(ctx, h5, group, "first_threshold", &m->first_threshold));
    HG_TRY(hg_h5_set_number(ctx, h5, group, "cluster_threshold", &m->cluster_threshold));
done:
    hg_free(ctx, bytes);
    return status;
}

static hg_status save_neighbours(hg_context *ctx, hg_neighbour_tables *t, const char *group, hg_h5 *h5)
{
    hg_status status = HG_OK;
    uint8_t bytes[NEIGHBOUR_BYTES];
    column columns[NEIGHBOUR_COLUMNS];
    move_neighbour_tables(t, bytes, true);
    list_neighbour_columns(bytes, columns);
    HG_TRY(write_columns(ctx, h5, group, columns, NEIGHBOUR_COLUMNS));
    HG_TRY(hg_h5_set_numbers(ctx, h5, group, "neighbour_axes", HG_H5_F32, AXES_NUMBERS, &t->axes));
    HG_TRY(hg_h5_set_number(ctx, h5, group, "neighbour_reach", &t->link_reach));
    HG_TRY(hg_h5_set_number(ctx, h5, group, "neighbour_threshold", &t->threshold));
done:
    return status;
}

static hg_status save_map(hg_context *ctx, hg_doublet_map *m, int64_t index, hg_h5 *h5)
{
    hg_status status = HG_OK;
    int32_t *layers = NULL;
    float *numbers = NULL;
    uint8_t *bytes = NULL;
    column columns[MOST_COLUMNS];
    char group[GROUP_SIZE];
    HG_TRY(hg_alloc(ctx, &layers, 2 * (int64_t)m->n_pairs));
    HG_TRY(hg_alloc(ctx, &numbers, (int64_t)m->n_pairs * PAIR_NUMBERS));
    HG_TRY(hg_alloc(ctx, &bytes, (int64_t)m->n_pairs * (CELLS_BEND_Z0 + CELLS_C_C)));
    for (int32_t p = 0; p < m->n_pairs; ++p) {
        layers[2 * p] = m->pair[p].inner;
        layers[2 * p + 1] = m->pair[p].outer;
        move_pair(&m->pair[p], numbers + (int64_t)p * PAIR_NUMBERS, true);
    }
    move_tables(m, bytes, true);
    snprintf(group, sizeof group, "/map%" PRId64, index);
    int n = list_columns(m, layers, numbers, bytes, columns);
    HG_TRY(write_columns(ctx, h5, group, columns, n));
    if (m->n_volumes > 0) HG_TRY(save_clusters(ctx, m, group, h5));
    if (m->neighbours) HG_TRY(save_neighbours(ctx, m->neighbours, group, h5));
    HG_TRY(hg_h5_set_number(ctx, h5, group, "sigma_z_mm", &m->sigma_z_mm));
    HG_TRY(hg_h5_set_number(ctx, h5, group, "table_step", &m->table_step));
    HG_TRY(hg_h5_set_number(ctx, h5, group, "threshold", &m->threshold));
    HG_TRY(hg_h5_set_number(ctx, h5, group, "overlap_threshold", &m->overlap_threshold));
done:
    hg_free(ctx, layers);
    hg_free(ctx, numbers);
    hg_free(ctx, bytes);
    return status;
}

hg_status hg_doublet_maps_save(hg_context *ctx, hg_doublet_map *const *maps, int64_t n, const char *path)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = NULL;
    HG_CHECK(n >= 1 && n <= MOST_MAPS, HG_ERR_ARG, "%" PRId64 " doublet maps for one file, expected 1 .. %d", n, MOST_MAPS);
    HG_TRY(hg_h5_create(ctx, path, format_name, &h5));
    HG_TRY(hg_h5_set_number(ctx, h5, "/", "n_maps", &n));
    for (int64_t i = 0; i < n; ++i) HG_TRY(save_map(ctx, maps[i], i, h5));
    HG_TRY(hg_h5_commit(ctx, &h5));
done:
    hg_h5_close(ctx, h5);
    return status;
}

static hg_status read_shape(hg_context *ctx, hg_h5 *h5, const char *group, const char *name, hg_h5_type type, int64_t width, int64_t most,
                            int64_t *rows)
{
    hg_status status = HG_OK;
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", group, name);
    HG_TRY(hg_h5_shape(ctx, h5, path, type, width, rows, NULL));
    HG_CHECK(*rows <= most, HG_ERR_FORMAT, "%s:%s: %" PRId64 " rows, expected at most %" PRId64, hg_h5_name(h5), path, *rows, most);
done:
    return status;
}

static hg_status load_clusters(hg_context *ctx, hg_h5 *h5, const char *group, hg_doublet_map *m)
{
    hg_status status = HG_OK;
    uint8_t *bytes = NULL;
    column columns[CLUSTER_COLUMNS];
    int64_t n_volumes = 0;
    HG_TRY(read_shape(ctx, h5, group, "cluster_u", HG_H5_U8, CELLS_U, m->n_layers, &n_volumes));
    HG_TRY(hg_doublet_map_add_clusters(ctx, (int32_t)n_volumes, m));
    HG_TRY(hg_alloc(ctx, &bytes, n_volumes * (CELLS_U + CELLS_V)));
    list_cluster_columns(m, bytes, columns);
    HG_TRY(read_columns(ctx, h5, group, columns, CLUSTER_COLUMNS));
    move_cluster_tables(m, bytes, false);
    HG_TRY(hg_h5_get_number(ctx, h5, group, "first_threshold", &m->first_threshold));
    HG_TRY(hg_h5_get_number(ctx, h5, group, "cluster_threshold", &m->cluster_threshold));
done:
    hg_free(ctx, bytes);
    return status;
}

static hg_status load_neighbours(hg_context *ctx, hg_h5 *h5, const char *group, hg_doublet_map *m)
{
    hg_status status = HG_OK;
    uint8_t bytes[NEIGHBOUR_BYTES];
    column columns[NEIGHBOUR_COLUMNS];
    HG_TRY(hg_alloc(ctx, &m->neighbours, 1));
    list_neighbour_columns(bytes, columns);
    HG_TRY(read_columns(ctx, h5, group, columns, NEIGHBOUR_COLUMNS));
    move_neighbour_tables(m->neighbours, bytes, false);
    HG_TRY(hg_h5_get_numbers(ctx, h5, group, "neighbour_axes", HG_H5_F32, AXES_NUMBERS, &m->neighbours->axes));
    HG_TRY(hg_h5_get_number(ctx, h5, group, "neighbour_reach", &m->neighbours->link_reach));
    HG_TRY(hg_h5_get_number(ctx, h5, group, "neighbour_threshold", &m->neighbours->threshold));
done:
    return status;
}

static hg_status load_map(hg_context *ctx, hg_h5 *h5, int64_t index, hg_doublet_map **out)
{
    hg_status status = HG_OK;
    hg_doublet_map *m = NULL;
    int32_t *layers = NULL;
    float *numbers = NULL;
    uint8_t *bytes = NULL;
    column columns[MOST_COLUMNS];
    char path[PATH_SIZE], group[GROUP_SIZE];
    int64_t n_layers = 0, n_pairs = 0;

    snprintf(group, sizeof group, "/map%" PRId64, index);
    HG_TRY(read_shape(ctx, h5, group, "layer_r", HG_H5_F32, 0, MOST_LAYERS, &n_layers));
    HG_TRY(read_shape(ctx, h5, group, "pair_layers", HG_H5_I32, 2, MOST_PAIRS, &n_pairs));
    HG_TRY(hg_doublet_map_create(ctx, (int32_t)n_layers, (int32_t)n_pairs, &m));
    HG_TRY(hg_alloc(ctx, &layers, 2 * n_pairs));
    HG_TRY(hg_alloc(ctx, &numbers, n_pairs * PAIR_NUMBERS));
    HG_TRY(hg_alloc(ctx, &bytes, n_pairs * (CELLS_BEND_Z0 + CELLS_C_C)));
    int n = list_columns(m, layers, numbers, bytes, columns);
    HG_TRY(read_columns(ctx, h5, group, columns, n));
    snprintf(path, sizeof path, "%s/cluster_u", group);
    if (hg_h5_has(h5, path)) HG_TRY(load_clusters(ctx, h5, group, m));
    snprintf(path, sizeof path, "%s/neighbour_link", group);
    if (hg_h5_has(h5, path)) HG_TRY(load_neighbours(ctx, h5, group, m));
    for (int32_t p = 0; p < m->n_pairs; ++p) {
        m->pair[p].inner = layers[2 * p];
        m->pair[p].outer = layers[2 * p + 1];
        move_pair(&m->pair[p], numbers + (int64_t)p * PAIR_NUMBERS, false);
    }
    move_tables(m, bytes, false);
    HG_TRY(hg_h5_get_number(ctx, h5, group, "sigma_z_mm", &m->sigma_z_mm));
    HG_TRY(hg_h5_get_number(ctx, h5, group, "table_step", &m->table_step));
    HG_TRY(hg_h5_get_number(ctx, h5, group, "threshold", &m->threshold));
    HG_TRY(hg_h5_get_number(ctx, h5, group, "overlap_threshold", &m->overlap_threshold));
    status = hg_doublet_map_check(ctx, m);
    if (status < 0) {
        hg_fail_prefix(ctx, "%s:%s", hg_h5_name(h5), group);
        goto done;
    }
    *out = m;
    m = NULL;
done:
    hg_free(ctx, layers);
    hg_free(ctx, numbers);
    hg_free(ctx, bytes);
    hg_doublet_map_destroy(ctx, m);
    return status;
}

hg_status hg_doublet_maps_load(hg_context *ctx, const char *path, hg_doublet_map ***maps, int64_t *n)
{
    hg_status status = HG_OK;
    hg_h5 *h5 = NULL;
    hg_doublet_map **list = NULL;
    int64_t count = 0;
    HG_TRY(hg_h5_open(ctx, path, format_name, &h5));
    HG_TRY(hg_h5_get_number(ctx, h5, "/", "n_maps", &count));
    HG_CHECK(count >= 1 && count <= MOST_MAPS, HG_ERR_FORMAT, "%s:/: attribute n_maps is %" PRId64 ", expected 1 .. %d", path, count,
             MOST_MAPS);
    HG_TRY(hg_alloc(ctx, &list, count));
    for (int64_t i = 0; i < count; ++i) HG_TRY(load_map(ctx, h5, i, &list[i]));
    *maps = list;
    *n = count;
    list = NULL;
done:
    for (int64_t i = 0; list && i < count; ++i) hg_doublet_map_destroy(ctx, list[i]);
    hg_free(ctx, list);
    hg_h5_close(ctx, h5);
    return status;
}
