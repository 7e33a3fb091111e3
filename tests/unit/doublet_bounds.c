/* doublet_bounds.c — the windows that the tables of a learned map leave, against all cells of the tables. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_bounds.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/leaks.h"
#include "tests/toy_hits.h"

static hg_context *ctx;
static hg_doublet_map *map;
static toy_event toy;

static int learn_map(void **state)
{
    (void)state;
    const hg_doublet_learn_options options = hg_doublet_default_learn_options();
    return hg_doublet_map_learn(ctx, &options, toy_next, &toy, 4, 5, &map) != HG_OK;
}

static int destroy_map(void **state)
{
    (void)state;
    hg_doublet_map_destroy(ctx, map);
    return 0;
}

/* Every cell that reaches the least sum lies inside the bounds of the rows that it reaches into; beyond all sums, none is open. */
static void bounds_hold_all_cells_that_pass(void **state)
{
    (void)state;
    hg_hit_grid *g = NULL;
    hg_doublet_bounds bounds[HG_DOUBLET_C_BINS];
    int64_t passed = 0, open = 0;
    toy_make(&toy, 3, 300, 300, 5);
    assert_int_equal(hg_hit_grid_create(ctx, &toy.hits, &g), HG_OK);
    for (int32_t least = -260; least <= 260; least += 13) {
        for (int32_t p = 0; p < map->n_pairs; ++p) {
            const hg_doublet_pair *pair = &map->pair[p];
            if (pair->inner == pair->outer) continue;
            const int32_t rows = g->row_first[pair->outer + 1] - g->row_first[pair->outer];
            const float bin = (pair->c_high[1] - pair->c_low[1]) / HG_DOUBLET_C_BINS;
            hg_doublet_bounds_find(map, g, p, least, bounds);
            for (int32_t k = 0; k < HG_DOUBLET_C_BINS * rows; ++k)
                open += bounds[k / rows].c_low[k % rows] <= bounds[k / rows].c_high[k % rows];
            for (int32_t cell = 0; cell < HG_BEND_Z0_CELLS * HG_C_C_CELLS; ++cell) {
                const int32_t bend_z0 = cell % HG_BEND_Z0_CELLS, c_c = cell / HG_BEND_Z0_CELLS, z0 = bend_z0 % HG_DOUBLET_Z0_BINS;
                const float c = pair->c_low[1] + ((float)(c_c % HG_DOUBLET_C_BINS) + 0.5f) * bin;
                const float bend = pair->bend_max * powf((float)(bend_z0 / HG_DOUBLET_Z0_BINS + 1) / HG_DOUBLET_BEND_BINS, 2);
                if (map->bend_z0[p * HG_BEND_Z0_CELLS + bend_z0] + map->c_c[p * HG_C_C_CELLS + c_c] < least) continue;
                for (int32_t r = 0; r < rows; ++r) {
                    const hg_doublet_bounds *b = &bounds[c_c / HG_DOUBLET_C_BINS];
                    if (c < hg_grid_row_edge(g, pair->outer, r) || c > hg_grid_row_edge(g, pair->outer, r + 1)) continue;
                    ++passed;
                    assert_true(b->c_low[r] <= c && c <= b->c_high[r] && bend <= b->bend_max[r]);
                    assert_true(b->z0_low[r] <= pair->z0_edge[z0] && pair->z0_edge[z0 + 1] <= b->z0_high[r]);
                }
            }
        }
        assert_true(least < 260 || passed > 0);
        assert_true(least <= 2 * INT8_MAX || open == 0);
        open = 0;
    }
    hg_hit_grid_destroy(ctx, g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bounds_hold_all_cells_that_pass)};
    hg_context_create(&ctx);
    int failed = cmocka_run_group_tests(tests, learn_map, destroy_map);
    return failed + close_without_leaks(ctx);
}
