/* doublet_bounds.c — the part of a layer pair's windows that its tables can accept in an event. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_bounds.h"

#include <math.h>
#include "graph/doublet_measure.h"

/* hits are rounded to float: windows are this much wider than the cuts that follow */
static const float c_slack = 1e-2f, bend_slack = 1e-4f;

/* The smallest rectangle of the first table's axes that holds all cells of a value or more. */
typedef struct box {
    float bend_max, z0_low, z0_high; /* z0_low > z0_high: there are none */
} box;
enum { LEVELS = UINT8_MAX + 2 }; /* one per value of a cell, and one above all of them */

/* fmaxf and fminf without a call */
static inline float larger(float a, float b)
{
    return a > b ? a : b;
}

static inline float smaller(float a, float b)
{
    return a < b ? a : b;
}

static int32_t level_of(int32_t value)
{
    int32_t level = value - INT8_MIN;
    return level < 0 ? 0 : level < LEVELS ? level : LEVELS - 1;
}

static void find_boxes(const hg_doublet_pair *pair, const int8_t *bend_z0, box boxes[LEVELS])
{
    for (int32_t k = 0; k < LEVELS; ++k) boxes[k] = (box){0, INFINITY, -INFINITY};
    for (int32_t b = 0; b < HG_DOUBLET_BEND_BINS; ++b) {
        float side = (float)(b + 1) / (float)HG_DOUBLET_BEND_BINS, bend = pair->bend_max * side * side * (1 + bend_slack);
        for (int32_t z = 0; z < HG_DOUBLET_Z0_BINS; ++z) {
            box *of = &boxes[level_of(bend_z0[b * HG_DOUBLET_Z0_BINS + z])];
            of->bend_max = larger(of->bend_max, bend);
            of->z0_low = smaller(of->z0_low, pair->z0_edge[z]);
            of->z0_high = larger(of->z0_high, pair->z0_edge[z + 1]);
        }
    }
    for (int32_t k = LEVELS - 2; k >= 0; --k) {
        boxes[k].bend_max = larger(boxes[k].bend_max, boxes[k + 1].bend_max);
        boxes[k].z0_low = smaller(boxes[k].z0_low, boxes[k + 1].z0_low);
        boxes[k].z0_high = larger(boxes[k].z0_high, boxes[k + 1].z0_high);
    }
}

/* Rows of the outer layer's grid on the bins of the second table. */
typedef struct row_bins {
    float low[HG_GRID_ROWS], high[HG_GRID_ROWS];
    int32_t first[HG_GRID_ROWS], last[HG_GRID_ROWS]; /* bins that a row reaches into; empty rows: first > last */
} row_bins;

static void find_rows(const hg_hit_grid *grid, const hg_doublet_pair *pair, row_bins *out)
{
    const int32_t n = grid->row_first[pair->outer + 1] - grid->row_first[pair->outer];
    for (int32_t r = 0; r < HG_GRID_ROWS; ++r) {
        out->low[r] = hg_grid_row_edge(grid, pair->outer, r) - c_slack;
        out->high[r] = hg_grid_row_edge(grid, pair->outer, r + 1) + c_slack;
        out->first[r] = hg_doublet_c_bin(out->low[r], pair->c_low[1], pair->c_high[1]);
        out->last[r] = r < n ? hg_doublet_c_bin(out->high[r], pair->c_low[1], pair->c_high[1]) : -1;
    }
}

void hg_doublet_bounds_all(const hg_hit_grid *grid, const hg_doublet_pair *pair, hg_doublet_bounds *bounds)
{
    row_bins rows;
    find_rows(grid, pair, &rows);
    for (int32_t r = 0; r < HG_GRID_ROWS; ++r) {
        const bool empty = rows.first[r] > rows.last[r];
        bounds->c_low[r] = empty ? INFINITY : rows.low[r];
        bounds->c_high[r] = empty ? -INFINITY : rows.high[r];
        bounds->bend_max[r] = pair->bend_max;
        bounds->z0_low[r] = pair->z0_edge[0];
        bounds->z0_high[r] = pair->z0_edge[HG_DOUBLET_Z0_BINS];
    }
}

void hg_doublet_bounds_find(const hg_doublet_map *map, const hg_hit_grid *grid, int32_t pair, int32_t least, hg_doublet_bounds *bounds)
{
    const hg_doublet_pair *p = &map->pair[pair];
    const int8_t *c_c = map->c_c + (int64_t)pair * HG_C_C_CELLS;
    box boxes[LEVELS];
    row_bins rows;
    find_boxes(p, map->bend_z0 + (int64_t)pair * HG_BEND_Z0_CELLS, boxes);
    find_rows(grid, p, &rows);
    for (int32_t b = 0; b < HG_DOUBLET_C_BINS; ++b) {
        for (int32_t r = 0; r < HG_GRID_ROWS; ++r) {
            int32_t best = INT8_MIN - 1;
            for (int32_t k = rows.first[r]; k <= rows.last[r]; ++k) {
                int32_t value = c_c[b * HG_DOUBLET_C_BINS + k];
                best = value > best ? value : best;
            }
            const box *of = &boxes[level_of(least - best)];
            const bool empty = rows.first[r] > rows.last[r] || of->z0_low > of->z0_high;
            bounds[b].c_low[r] = empty ? INFINITY : rows.low[r];
            bounds[b].c_high[r] = empty ? -INFINITY : rows.high[r];
            bounds[b].bend_max[r] = of->bend_max;
            bounds[b].z0_low[r] = empty ? 0 : of->z0_low;
            bounds[b].z0_high[r] = empty ? 0 : of->z0_high;
        }
    }
}
