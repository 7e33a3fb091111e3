/* graph_targets.c — readers of graphs, partitions, module maps and doublet maps. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <xxhash.h>
#include "datasets/doublet_map.h"
#include "hitgraph/graphs_file.h"
#include "hitgraph/hdf5_files.h"
#include "hitgraph/metis_files.h"
#include "hitgraph/module_map_file.h"
#include "tests/fuzz/fuzz.h"
#include "tests/toy_hits.h"

enum { MODULES = 6, TRIPLETS = 4 };

/* ---- graphs and partitions ---- */

static bool seed_graphs(int number)
{
    enum { NODES = 7, EDGES = 6 };
    static const int32_t sender[EDGES] = {0, 0, 1, 4, 4, 5}, receiver[EDGES] = {1, 2, 2, 5, 6, 6};
    static const int64_t node_ptr[] = {0, 4, NODES};
    static const uint64_t hit_id[NODES] = {9, 8, 7, 6, 5, 4, 3};
    static const hg_real nodes[2 * NODES], edges[EDGES];
    static const uint8_t label[EDGES] = {1, 0, 1, 0, 0, 1};
    hg_graph *graph = NULL;
    hg_graphs_h5 *file = NULL;
    if (number > 0) return false;
    fuzz_must(hg_graph_create(fuzz_ctx, NODES, EDGES, sender, receiver, 2, node_ptr, &graph));
    const hg_graph_columns columns = {.node_width = 2, .edge_width = 1, .node_names = "r,z", .edge_names = "dr"};
    fuzz_must(hg_graphs_h5_begin(fuzz_ctx, fuzz_path("graphs.h5"), NULL, &columns, &file));
    fuzz_must(hg_graphs_h5_append(fuzz_ctx, file, 5,
                                  &(hg_graph_content){.graph = graph, .hit_id = hit_id, .nodes = nodes, .edges = edges, .label = label}));
    fuzz_must(hg_graphs_h5_commit(fuzz_ctx, file));
    hg_graph_destroy(fuzz_ctx, graph);
    return true;
}

static hg_status read_graphs(void)
{
    static const hg_graphs_content nothing;
    hg_graphs_content content = {0};
    hg_status status = hg_graphs_content_read(fuzz_ctx, fuzz_path("graphs.h5"), -1, &content);
    if (status < 0) fuzz_require(memcmp(&content, &nothing, sizeof content) == 0);
    const int64_t n = status < 0 ? 0 : content.graph->n_graphs;
    hg_graphs_content_clear(fuzz_ctx, &content);
    if (n > 0) status = hg_graphs_content_read(fuzz_ctx, fuzz_path("graphs.h5"), n - 1, &content);
    if (n > 0) hg_graphs_content_clear(fuzz_ctx, &content);
    return status;
}

static const fuzz_column graph_columns[] = {
    {"/graphs/event_id", HG_H5_U64, 0},
    {"/graphs/section", HG_H5_I32, 0},
    {"/graphs/node_offset", HG_H5_I64, 0},
    {"/csr/rowptr", HG_H5_I64, 0},
    {"/csr/col", HG_H5_I32, 0},
    {"/csr/edge_id", HG_H5_I64, 0},
    {"/nodes/hit_id", HG_H5_U64, 0},
    {"/nodes/x", HG_H5_F32, 2},
    {"/edges/attr", HG_H5_F32, 1},
    {"/edges/y", HG_H5_U8, 0},
    {NULL, HG_H5_U8, 0},
};

bool fuzz_seed_metis(int number)
{
    static const char *const texts[] = {"4 4\n2 3\n1 3\n1 2 4\n3\n", "% weights of all kinds\n3 2 111\n7 5 2 9\n1 6 1 9 3 2\n1 1 2 2\n",
                                        "3 1\n\n3\n2\n", "0 0\n"};
    if (number >= (int)(sizeof texts / sizeof *texts)) return false;
    fuzz_write("a.graph", texts[number], strlen(texts[number]));
    return true;
}

static hg_status read_metis(void)
{
    static const hg_metis_graph nothing;
    hg_metis_graph graph = {0};
    const hg_status status = hg_metis_graph_read(fuzz_ctx, fuzz_path("a.graph"), &graph);
    if (status < 0) fuzz_require(memcmp(&graph, &nothing, sizeof graph) == 0);
    for (int64_t e = 0; status >= 0 && e < graph.graph->n_edges; ++e) fuzz_require(graph.graph->sender[e] < graph.graph->receiver[e]);
    hg_metis_graph_clear(fuzz_ctx, &graph);
    return status;
}

static bool seed_parts(int number)
{
    if (number > 0) return false;
    fuzz_write("a.part", "0\n2\n1\n1\n0\n", 10);
    return true;
}

static hg_status read_parts(void)
{
    int32_t *part = FUZZ_UNTOUCHED;
    int64_t found = -7;
    const hg_status status = hg_metis_parts_read(fuzz_ctx, fuzz_path("a.part"), 5, 0, &found, &part);
    if (status < 0) {
        fuzz_require(part == FUZZ_UNTOUCHED && found == -7);
        return status;
    }
    for (int i = 0; i < 5; ++i) fuzz_require(part[i] >= 0 && part[i] < found);
    hg_free(fuzz_ctx, part);
    return status;
}

/* ---- module maps ---- */

static hg_detector *column_of_modules(void)
{
    hg_module module[MODULES];
    hg_detector *detector = NULL;
    for (int m = 0; m < MODULES; ++m)
        module[m] = (hg_module){.volume_id = 8,
                                .layer_id = 2 * (m + 1),
                                .module_id = 1,
                                .center = {30 + 40 * m, 0, 0},
                                .rotation = {0, 0, 1, 1, 0, 0, 0, 1, 0}};
    fuzz_must(hg_detector_create(fuzz_ctx, module, MODULES, &detector));
    return detector;
}

/* Modules m, m + 1, m + 2, with boxes of distinct numbers. */
static void chain_of_triplets(hg_module_triplets *t)
{
    t->n = TRIPLETS;
    fuzz_must(hg_alloc(fuzz_ctx, &t->module, 3 * TRIPLETS));
    fuzz_must(hg_alloc(fuzz_ctx, &t->occurrence, TRIPLETS));
    fuzz_must(hg_alloc(fuzz_ctx, &t->window, TRIPLETS * HG_MODULE_TRIPLET_WINDOW));
    for (int k = 0; k < TRIPLETS; ++k) {
        for (int m = 0; m < 3; ++m) t->module[3 * k + m] = (uint64_t)(k + m);
        t->occurrence[k] = k + 1;
        for (int w = 0; w < HG_MODULE_TRIPLET_WINDOW; ++w)
            t->window[HG_MODULE_TRIPLET_WINDOW * k + w] = (float)(w % 2 ? -w : w + 1) / (float)(k + 3);
    }
}

/* The chain in one of its three forms. */
static void write_modules(void (*write)(const hg_detector *detector, hg_module_triplets *triplets))
{
    hg_module_triplets triplets = {0};
    hg_detector *detector = column_of_modules();
    chain_of_triplets(&triplets);
    write(detector, &triplets);
    hg_module_triplets_clear(fuzz_ctx, &triplets);
    hg_detector_destroy(fuzz_ctx, detector);
}

static void write_mapped(const hg_detector *detector, hg_module_triplets *triplets)
{
    hg_module_map *map = NULL;
    fuzz_must(hg_module_map_create(fuzz_ctx, triplets, MODULES, 5.5, &map));
    fuzz_must(hg_module_maps_save(fuzz_ctx, &map, 1, detector, fuzz_path("modules")));
    hg_module_map_destroy(fuzz_ctx, map);
}

static void write_text(const hg_detector *detector, hg_module_triplets *triplets)
{
    fuzz_must(hg_module_triplets_to_ids(fuzz_ctx, detector, triplets));
    fuzz_must(hg_module_triplets_write_text(fuzz_ctx, triplets, fuzz_path("modules")));
}

static void write_hdf5(const hg_detector *detector, hg_module_triplets *triplets)
{
    fuzz_must(hg_module_triplets_to_ids(fuzz_ctx, detector, triplets));
    fuzz_must(hg_module_triplets_write_hdf5(fuzz_ctx, triplets, fuzz_path("modules")));
}

static bool seed_mapped(int number)
{
    if (number == 0) write_modules(write_mapped);
    return number == 0;
}

static bool seed_modules_text(int number)
{
    if (number == 0) write_modules(write_text);
    return number == 0;
}

static bool seed_modules_hdf5(int number)
{
    if (number == 0) write_modules(write_hdf5);
    return number == 0;
}

static hg_status read_modules(void)
{
    static const hg_module_maps nothing;
    static hg_detector *detector; /* made once, by the first run: no later one may fail in it */
    hg_module_maps maps = {0};
    if (!detector) detector = column_of_modules();
    hg_status status = hg_module_maps_open(fuzz_ctx, fuzz_path("modules"), detector, &maps);
    if (status < 0) fuzz_require(memcmp(&maps, &nothing, sizeof maps) == 0);
    for (int64_t i = 0; status >= 0 && i < maps.n; ++i) {
        hg_module_triplets all = {0};
        status = hg_module_map_list(fuzz_ctx, maps.map[i], &all);
        for (int64_t k = 0; k < 3 * all.n; ++k) fuzz_require(all.module[k] < MODULES);
        hg_module_triplets_clear(fuzz_ctx, &all);
    }
    hg_module_maps_close(fuzz_ctx, &maps);
    return status;
}

/* The file, of less than a MiB, with its size and checksum put right, so that what lies behind them is read. */
static hg_status read_patched_modules(void)
{
    enum { BYTES_AT = 16, HASH_AT = 24, HASHED_FROM = 32 };
    size_t length;
    uint8_t *bytes = fuzz_read("modules", &length);
    if (length > HASHED_FROM) {
        const uint64_t size = length, block = XXH3_64bits(bytes + HASHED_FROM, length - HASHED_FROM),
                       hash = XXH3_64bits(&block, sizeof block);
        memcpy(bytes + BYTES_AT, &size, sizeof size);
        memcpy(bytes + HASH_AT, &hash, sizeof hash);
        fuzz_write("modules", bytes, length);
    }
    free(bytes);
    return read_modules();
}

static const fuzz_column module_columns[] = {
    {"/modulemap/mid", HG_H5_U64, 3}, {"/modulemap/occurrence", HG_H5_I64, 0}, {"/modulemap/window", HG_H5_F32, 20}, {NULL, HG_H5_U8, 0}};

/* ---- doublet maps ---- */

hg_doublet_map *fuzz_toy_map(void)
{
    static toy_event event;
    static hg_doublet_map *map; /* learned once */
    const size_t limit = hg_memory_limit(fuzz_ctx);
    if (map) return map;
    hg_context_set_memory_limit(fuzz_ctx, 0);
    fuzz_must(hg_doublet_map_learn(fuzz_ctx, NULL, toy_next, &event, 1, 5, &map));
    hg_context_set_memory_limit(fuzz_ctx, limit);
    return map;
}

static bool seed_doublet_map(int number)
{
    hg_doublet_map *map = fuzz_toy_map();
    if (number == 0) fuzz_must(hg_doublet_maps_save(fuzz_ctx, &map, 1, fuzz_path("map.h5")));
    return number == 0;
}

static hg_status read_doublet_map(void)
{
    hg_doublet_map **maps = FUZZ_UNTOUCHED;
    int64_t n = -7;
    const hg_status status = hg_doublet_maps_load(fuzz_ctx, fuzz_path("map.h5"), &maps, &n);
    if (status < 0) {
        fuzz_require(maps == FUZZ_UNTOUCHED && n == -7);
        return status;
    }
    for (int64_t m = 0; m < n; ++m) hg_doublet_map_destroy(fuzz_ctx, maps[m]);
    hg_free(fuzz_ctx, maps);
    return status;
}

/* An input of this target is a list of changes, 4 bytes each: which array, the place (two bytes), the new byte. */
static bool seed_map_numbers(int number)
{
    static const uint8_t none[4] = {0, 0, 0, 0};
    if (number == 0) fuzz_write("changes", none, 0);
    return number == 0;
}

static hg_status read_map_numbers(void)
{
    hg_doublet_map *map = fuzz_toy_map();
    struct {
        void *data;
        size_t bytes;
    } part[] = {
        {map->layer_r, (size_t)map->n_layers * sizeof *map->layer_r},
        {map->layer_z, (size_t)map->n_layers * sizeof *map->layer_z},
        {map->layer_barrel, (size_t)map->n_layers},
        {map->layer_hits, (size_t)map->n_layers * sizeof(float)},
        {map->pair, (size_t)map->n_pairs * sizeof *map->pair},
        {&map->sigma_z_mm, sizeof map->sigma_z_mm},
        {&map->threshold, sizeof map->threshold},
        {&map->table_step, sizeof map->table_step},
        {map->triplet_kappa, (size_t)(map->n_pairs * map->n_pairs) * sizeof(float)},
    };
    enum { PARTS = sizeof part / sizeof *part };
    uint8_t *old[PARTS];
    size_t length;
    uint8_t *changes = fuzz_read("changes", &length);
    for (int p = 0; p < PARTS; ++p) {
        old[p] = malloc(part[p].bytes);
        fuzz_require(old[p]);
        memcpy(old[p], part[p].data, part[p].bytes);
    }
    for (size_t k = 0; k + 4 <= length; k += 4) {
        const int p = changes[k] % PARTS;
        ((uint8_t *)part[p].data)[(size_t)(changes[k + 1] << 8 | changes[k + 2]) % part[p].bytes] = changes[k + 3];
    }
    hg_status status = hg_doublet_maps_save(fuzz_ctx, &map, 1, fuzz_path("map.h5"));
    if (status >= 0) status = read_doublet_map();
    for (int p = 0; p < PARTS; ++p) {
        memcpy(part[p].data, old[p], part[p].bytes);
        free(old[p]);
    }
    free(changes);
    return status;
}

const fuzz_target fuzz_graph_targets[] = {
    {"graphs_h5", "graphs.h5", seed_graphs, read_graphs, HG_OK, NULL, NULL},
    {"graph_numbers", "graphs.h5", seed_graphs, read_graphs, HG_OK, graph_columns, "graphs"},
    {"metis_graph", "a.graph", fuzz_seed_metis, read_metis, HG_OK, NULL, NULL},
    {"metis_parts", "a.part", seed_parts, read_parts, HG_OK, NULL, NULL},
    {"modules_text", "modules", seed_modules_text, read_modules, HG_ERR_MODEL, NULL, NULL},
    {"modules_mapped", "modules", seed_mapped, read_modules, HG_ERR_MODEL, NULL, NULL},
    {"modules_patched", "modules", seed_mapped, read_patched_modules, HG_ERR_MODEL, NULL, NULL},
    {"module_numbers", "modules", seed_modules_hdf5, read_modules, HG_ERR_MODEL, module_columns, "module-map"},
    {"doublet_map_h5", "map.h5", seed_doublet_map, read_doublet_map, HG_OK, NULL, NULL},
    {"doublet_map_numbers", "changes", seed_map_numbers, read_map_numbers, HG_OK, NULL, NULL},
    {NULL, NULL, NULL, NULL, HG_OK, NULL, NULL},
};
