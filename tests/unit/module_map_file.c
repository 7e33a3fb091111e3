/* module_map_file.c — module maps through their files: the same bits mapped as written, through text and back; what is damaged or of
 * another detector is refused. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include "base/random.h"
#include "hitgraph/module_map_file.h"

enum { N_MODULES = 40, ROWS = 500 };
static hg_detector *detector;
static hg_module_map *maps[2];

static hg_detector *make_detector(double z)
{
    hg_module module[N_MODULES];
    hg_detector *d = NULL;
    for (int k = 0; k < N_MODULES; ++k) {
        module[k] = (hg_module){.volume_id = 7 + k / 20,
                                .layer_id = 2 * (1 + k / 10 % 2),
                                .module_id = 1 + k % 10,
                                .center = {30 + k, 5, z},
                                .rotation = {0, 0, 1, 1, 0, 0, 0, 1, 0}};
    }
    must(hg_detector_create(ctx, module, N_MODULES, &d));
    return d;
}

/* Triplets with distinct modules, each once; numbers of every size. */
static hg_module_map *make_map(uint64_t number, double sigma_z_mm)
{
    hg_random rng = hg_random_stream(8, 1, number, 0);
    hg_module_triplets t = {.n = ROWS};
    hg_module_map *map = NULL;
    must(hg_alloc(ctx, &t.module, 3 * ROWS));
    must(hg_alloc(ctx, &t.occurrence, ROWS));
    must(hg_alloc(ctx, &t.window, ROWS * HG_MODULE_TRIPLET_WINDOW));
    for (uint64_t k = 0; k < ROWS; ++k) {
        t.module[3 * k] = k % 20;
        t.module[3 * k + 1] = 20 + k / 20 % 5;
        t.module[3 * k + 2] = 25 + k / 100;
        t.occurrence[k] = hg_random_below(&rng, 1 << 30);
        for (int w = 0; w < HG_MODULE_TRIPLET_WINDOW; ++w) {
            const double size = hg_random_exponential(&rng) * (w % 3 ? 1e-6 : 1e6);
            t.window[k * HG_MODULE_TRIPLET_WINDOW + (uint64_t)w] = (float)(w % 2 ? -size : size);
        }
    }
    must(hg_module_map_create(ctx, &t, N_MODULES, sigma_z_mm, &map));
    hg_module_triplets_clear(ctx, &t);
    return map;
}

static int make_all(void **state)
{
    if (set_up(state)) return 1;
    detector = make_detector(100);
    maps[0] = make_map(0, 5.5);
    maps[1] = make_map(1, 55);
    return 0;
}

static int drop_all(void **state)
{
    for (int i = 0; i < 2; ++i) hg_module_map_destroy(ctx, maps[i]);
    hg_detector_destroy(ctx, detector);
    return tear_down(state);
}

static void assert_same(const hg_module_map *a, const hg_module_map *b)
{
    const size_t modules = (size_t)a->n_modules + 1, pairs = (size_t)a->n_pairs, rows = (size_t)a->n_triplets;
    assert_int_equal(a->n_modules, b->n_modules);
    assert_int_equal(a->n_pairs, b->n_pairs);
    assert_int_equal(a->n_triplets, b->n_triplets);
    assert_memory_equal(a->pair_first, b->pair_first, modules * sizeof *a->pair_first);
    assert_memory_equal(a->pair_outer, b->pair_outer, pairs * sizeof *a->pair_outer);
    assert_memory_equal(a->pair_window, b->pair_window, pairs * HG_MODULE_PAIR_WINDOW * sizeof *a->pair_window);
    assert_memory_equal(a->triplet_first, b->triplet_first, modules * sizeof *a->triplet_first);
    assert_memory_equal(a->triplet_pair, b->triplet_pair, 2 * rows * sizeof *a->triplet_pair);
    assert_memory_equal(a->occurrence, b->occurrence, rows * sizeof *a->occurrence);
    assert_memory_equal(a->window, b->window, rows * HG_MODULE_TRIPLET_WINDOW * sizeof *a->window);
}

static void what_is_mapped_is_what_was_written(void **state)
{
    (void)state;
    hg_module_maps read = {0};
    must(hg_module_maps_save(ctx, maps, 2, detector, in_folder("maps.hgmap")));
    assert_true(hg_module_maps_is_mapped(in_folder("maps.hgmap")));
    must(hg_module_maps_open(ctx, in_folder("maps.hgmap"), detector, &read));
    assert_int_equal(read.n, 2);
    for (int i = 0; i < 2; ++i) {
        assert_same(maps[i], read.map[i]);
        assert_true(read.map[i]->sigma_z_mm == maps[i]->sigma_z_mm && !read.map[i]->block);
    }
    assert_ptr_equal(hg_module_maps_select(&read, 8), read.map[0]);
    assert_ptr_equal(hg_module_maps_select(&read, 80), read.map[1]);
    assert_ptr_equal(hg_module_maps_select(&read, 0), read.map[1]);
    /* and a mapped one is written as it was */
    must(hg_module_maps_save(ctx, read.map, 2, detector, in_folder("again.hgmap")));
    hg_module_maps_close(ctx, &read);
    shell("cmp %s/maps.hgmap %s/again.hgmap", folder, folder);
    assert_null(hg_module_maps_select(&read, 8));
}

static void text_and_back(void **state)
{
    (void)state;
    hg_module_triplets t = {0};
    hg_module_maps read = {0};
    must(hg_module_map_list(ctx, maps[0], &t));
    must(hg_module_triplets_to_ids(ctx, detector, &t));
    assert_true(t.module[1] == hg_module_geometry_id(&detector->modules[20]));
    assert_true(hg_module_geometry_id(&detector->modules[20]) == (8ull << 56 | 2ull << 36 | 1ull << 8));
    must(hg_module_triplets_write_text(ctx, &t, in_folder("map.txt")));
    must(hg_module_triplets_write_hdf5(ctx, &t, in_folder("map.h5")));
    hg_module_triplets_clear(ctx, &t);
    static const char *const name[] = {"map.txt", "map.h5"};
    for (int k = 0; k < 2; ++k) {
        assert_false(hg_module_maps_is_mapped(in_folder(name[k])));
        must(hg_module_maps_open(ctx, in_folder(name[k]), detector, &read));
        assert_int_equal(read.n, 1);
        assert_same(maps[0], read.map[0]);
        hg_module_maps_close(ctx, &read);
    }
}

static void another_detector_is_refused(void **state)
{
    (void)state;
    hg_module_maps read = {0};
    hg_detector *moved = make_detector(100.01), *smaller = NULL;
    must(hg_detector_create(ctx, detector->modules, N_MODULES - 1, &smaller));
    must(hg_module_maps_save(ctx, maps, 1, detector, in_folder("maps.hgmap")));
    expect_failure(hg_module_maps_open(ctx, in_folder("maps.hgmap"), moved, &read), HG_ERR_MODEL,
                   "maps.hgmap: a module map of another detector: 40 modules, fingerprint");
    expect_failure(hg_module_maps_open(ctx, in_folder("maps.hgmap"), smaller, &read), HG_ERR_MODEL, "; this one has 39, ");
    expect_failure(hg_module_maps_save(ctx, maps, 1, smaller, in_folder("other.hgmap")), HG_ERR_ARG, "40 modules for a detector of 39");
    write_text("map.txt", "17 2 3 4 5.5 -5 .1 -.1 1e-3 -1e-3 2 1 6 -6 .2 -.2 2e-3 -2e-3 1 0 .5 -.5 .25 -.25\n");
    expect_failure(hg_module_maps_open(ctx, in_folder("map.txt"), detector, &read), HG_ERR_MODEL,
                   "map.txt: a module map of another detector: triplet 1: module id 17 is none of the 40 modules here");
    expect_failure(hg_module_maps_open(ctx, in_folder("none.hgmap"), detector, &read), HG_ERR_IO, "none.hgmap: cannot be read");
    assert_null(read.map);
    hg_detector_destroy(ctx, moved);
    hg_detector_destroy(ctx, smaller);
}

static size_t read_back(const char *name, char *bytes, size_t room)
{
    FILE *file = fopen(in_folder(name), "rb");
    assert_non_null(file);
    const size_t n = fread(bytes, 1, room, file);
    fclose(file);
    return n;
}

/* Any byte but those of the magic: another message for each part of the header, the checksum for all the rest. */
static void every_flipped_byte_is_seen(void **state)
{
    (void)state;
    static char bytes[1 << 17];
    hg_module_maps read = {0};
    must(hg_module_maps_save(ctx, maps, 1, detector, in_folder("maps.hgmap")));
    const size_t n = read_back("maps.hgmap", bytes, sizeof bytes);
    assert_true(n < sizeof bytes);
    static const struct {
        size_t at;
        const char *says;
    } part[] = {{8, "module map of version"},
                {12, "byte order mark"},
                {16, "bytes, expected"},
                {24, "checksum"},
                {32, "checksum"},
                {40, "checksum"},
                {44, "checksum"},
                {48, "checksum"},
                {72, "checksum"}};
    for (size_t k = 0; k < sizeof part / sizeof *part; ++k) {
        bytes[part[k].at] ^= 1;
        write_bytes("bad.hgmap", bytes, n);
        bytes[part[k].at] ^= 1;
        expect_failure(hg_module_maps_open(ctx, in_folder("bad.hgmap"), detector, &read), HG_ERR_FORMAT, part[k].says);
    }
    for (size_t at = 8; at < n; at += 97) {
        bytes[at] ^= 16;
        write_bytes("bad.hgmap", bytes, n);
        bytes[at] ^= 16;
        expect_failure(hg_module_maps_open(ctx, in_folder("bad.hgmap"), detector, &read), HG_ERR_FORMAT, "bad.hgmap");
    }
    memcpy(bytes + 12, "\1\2\3\4", 4);
    write_bytes("bad.hgmap", bytes, n);
    expect_failure(hg_module_maps_open(ctx, in_folder("bad.hgmap"), detector, &read), HG_ERR_FORMAT, "other byte order");
    assert_null(read.map);
}

static void files_cut_short_are_refused(void **state)
{
    (void)state;
    static char bytes[1 << 17];
    hg_module_maps read = {0};
    must(hg_module_maps_save(ctx, maps, 1, detector, in_folder("maps.hgmap")));
    const size_t n = read_back("maps.hgmap", bytes, sizeof bytes);
    for (size_t length = 8; length < n; length += length < 128 ? 1 : 997) {
        write_bytes("bad.hgmap", bytes, length);
        expect_failure(hg_module_maps_open(ctx, in_folder("bad.hgmap"), detector, &read), HG_ERR_FORMAT, "cut short");
    }
    write_bytes("bad.hgmap", bytes, n);
    shell("echo >> %s/bad.hgmap", folder);
    expect_failure(hg_module_maps_open(ctx, in_folder("bad.hgmap"), detector, &read), HG_ERR_FORMAT, "expected");
    write_text("bad.hgmap", "");
    expect_failure(hg_module_maps_open(ctx, in_folder("bad.hgmap"), detector, &read), HG_ERR_FORMAT, "holds no module triplet");
}

/* Files whose checksum is right, written from maps that are not. */
static void maps_that_lead_astray_are_refused(void **state)
{
    (void)state;
    static const struct {
        int array; /* 0 pair_first, 1 pair_outer, 2 pair_window, 3 triplet_first, 4 triplet_pair, 5 window */
        int64_t value;
        const char *says;
    } mistake[] = {{0, -1, "pairs of module 0 begin at 0 and end at -1"},
                   {0, 1 << 30, "pairs of module 1 begin"},
                   {1, N_MODULES, "pair 1 joins modules"},
                   {1, -1, "pair 1 joins modules"},
                   {2, 1 << 30, "pairs, number 0: box from"},
                   {3, 7, "triplets of module 1 begin at 7 and end at 0"},
                   {4, 1 << 30, "joins pairs 0 and 1073741824"},
                   {4, -1, "joins pairs 0 and -1"},
                   {5, 1 << 30, "triplets, number 0: box from"}};
    for (size_t k = 0; k < sizeof mistake / sizeof *mistake; ++k) {
        hg_module_map *map = make_map(0, 5.5);
        hg_module_maps read = {0};
        /* the arrays are const to users of a map, but this one is ours */
        if (mistake[k].array == 0) ((int64_t *)(uintptr_t)map->pair_first)[1] = mistake[k].value;
        if (mistake[k].array == 1) ((int32_t *)(uintptr_t)map->pair_outer)[1] = (int32_t)mistake[k].value;
        if (mistake[k].array == 2) ((float *)(uintptr_t)map->pair_window)[1] = (float)mistake[k].value;
        if (mistake[k].array == 3) ((int64_t *)(uintptr_t)map->triplet_first)[1] = mistake[k].value;
        if (mistake[k].array == 4) ((int32_t *)(uintptr_t)map->triplet_pair)[1] = (int32_t)mistake[k].value;
        if (mistake[k].array == 5) ((float *)(uintptr_t)map->window)[1] = (float)mistake[k].value;
        must(hg_module_maps_save(ctx, &map, 1, detector, in_folder("bad.hgmap")));
        expect_failure(hg_module_maps_open(ctx, in_folder("bad.hgmap"), detector, &read), HG_ERR_DATA, mistake[k].says);
        assert_non_null(strstr(hg_context_message(ctx), "bad.hgmap: map 0"));
        hg_module_map_destroy(ctx, map);
    }
}

static void out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    const size_t before = hg_memory_used(ctx);
    static const char *const name[] = {"maps.hgmap", "map.txt"};
    hg_module_triplets t = {0};
    must(hg_module_maps_save(ctx, maps, 2, detector, in_folder("maps.hgmap")));
    must(hg_module_map_list(ctx, maps[0], &t));
    must(hg_module_triplets_to_ids(ctx, detector, &t));
    must(hg_module_triplets_write_text(ctx, &t, in_folder("map.txt")));
    hg_module_triplets_clear(ctx, &t);
    for (int k = 0; k < 2; ++k) {
        hg_status status = HG_ERR_NOMEM;
        for (int64_t n = 0; status != HG_OK; ++n) {
            hg_module_maps read = {0};
            hg_memory_fail_after(ctx, n);
            status = hg_module_maps_open(ctx, in_folder(name[k]), detector, &read);
            hg_memory_fail_after(ctx, -1);
            assert_true(status == HG_OK || (status == HG_ERR_NOMEM && !read.map && !read.file));
            hg_module_maps_close(ctx, &read);
            assert_int_equal(hg_memory_used(ctx), before);
            assert_true(n < 100);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_mapped_is_what_was_written), cmocka_unit_test(text_and_back),
        cmocka_unit_test(another_detector_is_refused),        cmocka_unit_test(every_flipped_byte_is_seen),
        cmocka_unit_test(files_cut_short_are_refused),        cmocka_unit_test(maps_that_lead_astray_are_refused),
        cmocka_unit_test(out_of_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, make_all, drop_all);
}
