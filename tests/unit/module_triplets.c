/* module_triplets.c — module maps of 24 columns: the same bits through text and HDF5, bad lines named by line and column. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include "base/random.h"
#include "hitgraph/module_triplets.h"

enum { ROWS = 3000 };
static const char good[] = "17 1099511627776 3 4 5.5 -5 .1 -.1 1e-3 -1e-3 2 1 6 -6 .2 -.2 2e-3 -2e-3 1 0 .5 -.5 .25 -.25\n";

static hg_module_triplets random_map(void)
{
    hg_module_triplets t = {.n = ROWS};
    hg_random rng = hg_random_stream(5, 1, 0, 0);
    must(hg_alloc(ctx, &t.module, 3 * ROWS));
    must(hg_alloc(ctx, &t.occurrence, ROWS));
    must(hg_alloc(ctx, &t.window, ROWS * HG_MODULE_TRIPLET_WINDOW));
    for (int64_t k = 0; k < 3 * ROWS; ++k) t.module[k] = (uint64_t)hg_random_u32(&rng) << 32 | hg_random_u32(&rng);
    for (int64_t k = 0; k < ROWS; ++k) t.occurrence[k] = hg_random_below(&rng, 1 << 30);
    for (int64_t k = 0; k < ROWS * HG_MODULE_TRIPLET_WINDOW; ++k)
        t.window[k] = (float)(k % 2 ? -hg_random_exponential(&rng) : hg_random_exponential(&rng) * 1e-6);
    return t;
}

static void assert_same(const hg_module_triplets *a, const hg_module_triplets *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->module, b->module, (size_t)a->n * 3 * sizeof *a->module);
    assert_memory_equal(a->occurrence, b->occurrence, (size_t)a->n * sizeof *a->occurrence);
    assert_memory_equal(a->window, b->window, (size_t)a->n * HG_MODULE_TRIPLET_WINDOW * sizeof *a->window);
}

static void the_same_bits_there_and_back(void **state)
{
    (void)state;
    hg_module_triplets map = random_map(), read;
    must(hg_module_triplets_write_text(ctx, &map, in_folder("map.txt")));
    must(hg_module_triplets_read_text(ctx, in_folder("map.txt"), &read));
    assert_same(&map, &read);
    must(hg_module_triplets_write_hdf5(ctx, &read, in_folder("map.h5")));
    hg_module_triplets_clear(ctx, &read);
    must(hg_module_triplets_read_hdf5(ctx, in_folder("map.h5"), &read));
    assert_same(&map, &read);
    hg_module_triplets_clear(ctx, &read);
    hg_module_triplets_clear(ctx, &map);
}

static void columns_are_in_place(void **state)
{
    (void)state;
    hg_module_triplets map;
    write_text("good.txt", good);
    must(hg_module_triplets_read_text(ctx, in_folder("good.txt"), &map));
    assert_int_equal(map.n, 1);
    assert_true(map.module[1] == 1099511627776u && map.occurrence[0] == 4);
    assert_float_equal(map.window[0], 5.5f, 0);   /* z0max of the first pair */
    assert_float_equal(map.window[9], -6, 0);     /* z0min of the second */
    assert_float_equal(map.window[19], -.25f, 0); /* diff_dydx_min */
    hg_module_triplets_clear(ctx, &map);
}

static void bad_lines_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
        hg_status status;
    } mistake[] = {
        {"17 2 3 4 5.5 -5 .1 -.1\n", ":2: column 9 (phiSlopemax_12) is missing", HG_ERR_FORMAT},
        {"17 2 3 4 5.5 -5 .1 -.1 1e-3 -1e-3 2 1 6 -6 .2 -.2 2e-3 -2e-3 1 0 .5 -.5 .25 -.25 7\n", ":2: more than 24 columns", HG_ERR_FORMAT},
        {"17 -2 3 4 5.5 -5 .1 -.1 1e-3 -1e-3 2 1 6 -6 .2 -.2 2e-3 -2e-3 1 0 .5 -.5 .25 -.25\n", ":2: column 2 (mid_2): found \"-2\"",
         HG_ERR_FORMAT},
        {"17 2 3 -4 5.5 -5 .1 -.1 1e-3 -1e-3 2 1 6 -6 .2 -.2 2e-3 -2e-3 1 0 .5 -.5 .25 -.25\n", ":2: column 4 (occurrence)", HG_ERR_FORMAT},
        {"17 2 3 4 5.5 -5 .1 -.1 nan -1e-3 2 1 6 -6 .2 -.2 2e-3 -2e-3 1 0 .5 -.5 .25 -.25\n", ":2: column 9 (phiSlopemax_12)",
         HG_ERR_FORMAT},
        {"17 2 3 4 5.5 -5 .1 -.1 1e-3 -1e-3 2 1 6 -6 .2 -.2 2e-3 -2e-3 0 1 .5 -.5 .25 -.25\n", ":2: column 20 (detamin_23): 1 is above",
         HG_ERR_DATA},
    };
    hg_module_triplets map = {0};
    char text[1024];
    for (size_t k = 0; k < sizeof mistake / sizeof *mistake; ++k) {
        snprintf(text, sizeof text, "%s%s", good, mistake[k].line);
        write_text("bad.txt", text);
        expect_failure(hg_module_triplets_read_text(ctx, in_folder("bad.txt"), &map), mistake[k].status, mistake[k].says);
    }
    write_text("bad.txt", "\n");
    expect_failure(hg_module_triplets_read_text(ctx, in_folder("bad.txt"), &map), HG_ERR_FORMAT, "no module triplet");
    expect_failure(hg_module_triplets_read_text(ctx, in_folder("none.txt"), &map), HG_ERR_IO, "none.txt");
    assert_null(map.module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bits_there_and_back),
        cmocka_unit_test(columns_are_in_place),
        cmocka_unit_test(bad_lines_are_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
