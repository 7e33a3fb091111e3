/* doublet_map_file.c — doublet maps through their file: what comes back is what was written, and damaged files are refused. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/doublet_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/memory.h"
#include "datasets/hdf5.h"
#include "graph/neighbour_tables.h"
#include "tests/toy_clusters.h"

static hg_context *ctx;
static toy_event toy;
static char path[] = "/tmp/hitgraph-doublet-map-XXXXXX";

static hg_doublet_map *learn(double sigma_z)
{
    hg_doublet_map *map = NULL;
    assert_int_equal(hg_doublet_map_learn(ctx, NULL, toy_next, &toy, 2, sigma_z, &map), HG_OK);
    return map;
}

static void assert_same_maps(const hg_doublet_map *a, const hg_doublet_map *b)
{
    size_t pairs = (size_t)a->n_pairs;
    assert_int_equal(a->n_layers, b->n_layers);
    assert_int_equal(a->n_pairs, b->n_pairs);
    assert_true(a->sigma_z_mm == b->sigma_z_mm && a->threshold == b->threshold && a->overlap_threshold == b->overlap_threshold);
    assert_true(a->table_step == b->table_step);
    assert_memory_equal(a->layer_r, b->layer_r, (size_t)a->n_layers * sizeof *a->layer_r);
    assert_memory_equal(a->layer_hits, b->layer_hits, (size_t)a->n_layers * sizeof *a->layer_hits);
    assert_memory_equal(a->layer_barrel, b->layer_barrel, (size_t)a->n_layers);
    assert_memory_equal(a->pair, b->pair, pairs * sizeof *a->pair);
    assert_memory_equal(a->bend_z0, b->bend_z0, pairs * HG_BEND_Z0_CELLS);
    assert_memory_equal(a->c_c, b->c_c, pairs * HG_C_C_CELLS);
    assert_memory_equal(a->triplet_kappa, b->triplet_kappa, pairs * pairs * sizeof *a->triplet_kappa);
    assert_memory_equal(a->triplet_cot, b->triplet_cot, pairs * pairs * sizeof *a->triplet_cot);
}

static void assert_same_clusters(const hg_doublet_map *a, const hg_doublet_map *b)
{
    assert_int_equal(a->n_volumes, b->n_volumes);
    if (a->n_volumes == 0) return;
    assert_memory_equal(a->layer_volume, b->layer_volume, (size_t)a->n_layers * sizeof *a->layer_volume);
    assert_memory_equal(a->cluster_u, b->cluster_u, (size_t)a->n_volumes * HG_CLUSTER_U_SIZES * HG_CLUSTER_BINS);
    assert_memory_equal(a->cluster_v, b->cluster_v, (size_t)a->n_volumes * HG_CLUSTER_V_SIZES * HG_CLUSTER_BINS);
    assert_true(a->first_threshold == b->first_threshold && a->cluster_threshold == b->cluster_threshold);
}

static void release_list(hg_doublet_map **maps, int64_t n)
{
    for (int64_t i = 0; i < n; ++i) hg_doublet_map_destroy(ctx, maps[i]);
    hg_free(ctx, maps);
}

static void maps_come_back_bit_for_bit(void **state)
{
    (void)state;
    hg_doublet_map *maps[] = {learn(5.5), learn(55)}, **again = NULL;
    int64_t n = 0;
    assert_int_equal(hg_doublet_maps_save(ctx, maps, 2, path), HG_OK);
    assert_int_equal(hg_doublet_maps_load(ctx, path, &again, &n), HG_OK);
    assert_int_equal(n, 2);
    for (int i = 0; i < 2; ++i) {
        assert_same_maps(maps[i], again[i]);
        hg_doublet_map_destroy(ctx, maps[i]);
    }
    release_list(again, n);
}

/* One map with tables of cluster shapes and one without in the same file. */
static void cluster_tables_come_back_bit_for_bit(void **state)
{
    (void)state;
    static toy_clusters clusters;
    hg_doublet_map *maps[] = {NULL, learn(55)}, **again = NULL;
    int64_t n = 0;
    assert_int_equal(hg_doublet_map_learn(ctx, NULL, toy_clusters_next, &clusters, 2, 5, &maps[0]), HG_OK);
    assert_int_equal(maps[0]->n_volumes, 2);
    assert_int_equal(maps[1]->n_volumes, 0);
    assert_int_equal(hg_doublet_maps_save(ctx, maps, 2, path), HG_OK);
    assert_int_equal(hg_doublet_maps_load(ctx, path, &again, &n), HG_OK);
    for (int i = 0; i < 2; ++i) {
        assert_same_maps(maps[i], again[i]);
        assert_same_clusters(maps[i], again[i]);
    }
    release_list(again, n);
    again = NULL;
    maps[0]->layer_volume[3] = 2;
    assert_int_equal(hg_doublet_maps_save(ctx, maps, 2, path), HG_OK);
    assert_int_equal(hg_doublet_maps_load(ctx, path, &again, &n), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(ctx), "layer 3"));
    assert_null(again);
    for (int i = 0; i < 2; ++i) hg_doublet_map_destroy(ctx, maps[i]);
}

static hg_doublet_map *learn_neighbours(void)
{
    hg_doublet_map *map = NULL;
    hg_doublet_learn_options options = hg_doublet_default_learn_options();
    options.neighbour_efficiency = 0.98;
    assert_int_equal(hg_doublet_map_learn(ctx, &options, toy_next, &toy, 2, 5, &map), HG_OK);
    return map;
}

/* One map with the tables and one without in the same file. */
static void neighbour_tables_come_back_bit_for_bit(void **state)
{
    (void)state;
    hg_doublet_map *maps[] = {learn_neighbours(), learn(55)}, **again = NULL;
    int64_t n = 0;
    assert_int_equal(hg_doublet_maps_save(ctx, maps, 2, path), HG_OK);
    assert_int_equal(hg_doublet_maps_load(ctx, path, &again, &n), HG_OK);
    for (int i = 0; i < 2; ++i) assert_same_maps(maps[i], again[i]);
    assert_memory_equal(again[0]->neighbours, maps[0]->neighbours, sizeof *maps[0]->neighbours);
    assert_null(again[1]->neighbours);
    release_list(again, n);
    again = NULL;
    maps[0]->neighbours->axes.lead[1] = maps[0]->neighbours->axes.lead[0];
    assert_int_equal(hg_doublet_maps_save(ctx, maps, 2, path), HG_OK);
    assert_int_equal(hg_doublet_maps_load(ctx, path, &again, &n), HG_ERR_DATA);
    assert_non_null(strstr(hg_context_message(ctx), "axis of the lead"));
    assert_null(again);
    for (int i = 0; i < 2; ++i) hg_doublet_map_destroy(ctx, maps[i]);
}

/* Tables of other sizes than this version's, in a map without layers. */
static void neighbour_tables_of_other_sizes_are_refused(void **state)
{
    (void)state;
    static const hg_h5_column empty[] = {
        {"/map0/layer_r", HG_H5_F32, 0, "mm", ""},      {"/map0/layer_z", HG_H5_F32, 0, "mm", ""},
        {"/map0/layer_hits", HG_H5_F32, 0, "1", ""},    {"/map0/layer_barrel", HG_H5_U8, 0, "1", ""},
        {"/map0/pair_layers", HG_H5_I32, 2, "1", ""},   {"/map0/pair_numbers", HG_H5_F32, 65, "1", ""},
        {"/map0/bend_z0", HG_H5_U8, 384, "1", ""},      {"/map0/c_c", HG_H5_U8, 256, "1", ""},
        {"/map0/triplet_kappa", HG_H5_F32, 0, "1", ""}, {"/map0/triplet_cot", HG_H5_F32, 0, "1", ""},
    };
    static const uint8_t cells[HG_NEIGHBOUR_CELLS];
    for (int trial = 0; trial < 2; ++trial) {
        const int64_t one = 1;
        hg_doublet_map **none = NULL;
        hg_h5 *h5 = NULL;
        int64_t n = 0;
        assert_int_equal(hg_h5_create(ctx, path, "doublet-map", &h5), HG_OK);
        assert_int_equal(hg_h5_set_number(ctx, h5, "/", "n_maps", &one), HG_OK);
        for (size_t k = 0; k < sizeof empty / sizeof *empty; ++k) assert_int_equal(hg_h5_write(ctx, h5, &empty[k], cells, 0), HG_OK);
        const hg_h5_column links = {"/map0/neighbour_link", HG_H5_U8, 16, "1", ""},
                           table = {"/map0/neighbour_table", HG_H5_U8, 255, "1", ""};
        assert_int_equal(hg_h5_write(ctx, h5, &links, cells, trial == 0 ? 15 : 16), HG_OK);
        assert_int_equal(hg_h5_write(ctx, h5, &table, cells, 16), HG_OK);
        assert_int_equal(hg_h5_commit(ctx, &h5), HG_OK);
        assert_int_equal(hg_doublet_maps_load(ctx, path, &none, &n), HG_ERR_FORMAT);
        assert_non_null(strstr(hg_context_message(ctx), trial == 0 ? "neighbour_link: 15 rows, expected 16" : "neighbour_table"));
        assert_null(none);
    }
}

static void maps_that_would_lead_astray_are_refused(void **state)
{
    (void)state;
    hg_doublet_map *map = learn(5.5), **again = NULL;
    int64_t n = 0;
    for (int trial = 0; trial < 4; ++trial) {
        hg_doublet_pair kept = map->pair[0];
        if (trial == 0) map->pair[0].outer = map->n_layers;
        if (trial == 1) map->pair[0].z0_edge[3] = map->pair[0].z0_edge[4] + 1;
        if (trial == 2) map->pair[0].bend_max = -1;
        if (trial == 3) map->pair[0].c_high[1] = map->pair[0].c_low[1];
        assert_int_equal(hg_doublet_maps_save(ctx, &map, 1, path), HG_OK);
        assert_int_equal(hg_doublet_maps_load(ctx, path, &again, &n), HG_ERR_DATA);
        assert_non_null(strstr(hg_context_message(ctx), path));
        assert_non_null(strstr(hg_context_message(ctx), "layer pair 0"));
        assert_null(again);
        map->pair[0] = kept;
    }
    hg_doublet_map_destroy(ctx, map);
}

static void other_and_cut_files_are_refused(void **state)
{
    (void)state;
    hg_doublet_map *map = learn(5.5), **again = NULL;
    int64_t n = 0;
    assert_int_equal(hg_doublet_maps_load(ctx, "/tmp/hitgraph-no-such-map.h5", &again, &n), HG_ERR_IO);
    assert_int_equal(hg_doublet_maps_save(ctx, &map, 1, path), HG_OK);
    assert_int_equal(truncate(path, 3000), 0);
    assert_true(hg_doublet_maps_load(ctx, path, &again, &n) < 0);
    hg_h5 *h5 = NULL;
    assert_int_equal(hg_h5_create(ctx, path, "events", &h5), HG_OK);
    assert_int_equal(hg_h5_commit(ctx, &h5), HG_OK);
    assert_int_equal(hg_doublet_maps_load(ctx, path, &again, &n), HG_ERR_FORMAT);
    assert_int_equal(hg_h5_create(ctx, path, "doublet-map", &h5), HG_OK);
    int64_t claimed = 1;
    assert_int_equal(hg_h5_set_number(ctx, h5, "/", "n_maps", &claimed), HG_OK);
    assert_int_equal(hg_h5_commit(ctx, &h5), HG_OK);
    assert_int_equal(hg_doublet_maps_load(ctx, path, &again, &n), HG_ERR_FORMAT);
    assert_null(again);
    hg_doublet_map_destroy(ctx, map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_come_back_bit_for_bit),
        cmocka_unit_test(cluster_tables_come_back_bit_for_bit),
        cmocka_unit_test(neighbour_tables_come_back_bit_for_bit),
        cmocka_unit_test(neighbour_tables_of_other_sizes_are_refused),
        cmocka_unit_test(maps_that_would_lead_astray_are_refused),
        cmocka_unit_test(other_and_cut_files_are_refused),
    };
    int file = mkstemp(path);
    if (file < 0) return 1;
    close(file);
    hg_context_create(&ctx);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hg_context_destroy(ctx);
    remove(path);
    return failed;
}
