/* doublet_score.c — what is measured of a pair of hits, and what a map thinks of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_score.h"

#include <math.h>
#include "graph/doublet_measure.h"

static const float pi_f = 3.14159265358979f;

float hg_wrap_phi(float dphi)
{
    if (dphi > pi_f) return dphi - 2 * pi_f;
    if (dphi <= -pi_f) return dphi + 2 * pi_f;
    return dphi;
}

static bool measure_overlap(bool barrel, const hg_point *p1, const hg_point *p2, hg_doublet_values *out)
{
    float dr = p2->r - p1->r, dz = p2->z - p1->z;
    float outward = barrel ? dr : fabsf(p2->z) - fabsf(p1->z);
    if (!(outward >= 0)) return false;
    out->kappa = out->cot = 0;
    out->bend = 0.5f * (p1->r + p2->r) * fabsf(hg_wrap_phi(p2->phi - p1->phi));
    float far = barrel ? p1->r : p1->z;
    if (fabsf(far) < 1) return false;
    out->z0 = barrel ? dz - dr * p1->z / far : dr - dz * p1->r / far;
    out->c[0] = barrel ? p1->z : p1->r;
    out->c[1] = outward;
    return true;
}

bool hg_doublet_measure(bool overlap, bool barrel1, bool barrel2, const hg_point *p1, const hg_point *p2, hg_doublet_values *out)
{
    if (overlap) return measure_overlap(barrel1, p1, p2, out);
    hg_circle circle;
    if (!hg_circle_through(p1->x, p1->y, p1->z, p1->r, p2->x, p2->y, p2->z, p2->r, &circle)) return false;
    out->kappa = circle.kappa;
    out->cot = circle.cot;
    out->z0 = circle.z0;
    out->bend = fabsf(circle.kappa);
    out->c[0] = barrel1 ? p1->z : p1->r;
    out->c[1] = barrel2 ? p2->z : p2->r;
    return true;
}

float hg_doublet_straight(bool overlap, bool barrel1, bool barrel2, const hg_point *p1, float r2, float z2)
{
    if (overlap) return barrel1 ? p1->z : p1->r;
    if (barrel2) return p1->r > 1 ? p1->z * r2 / p1->r : NAN;
    return fabsf(p1->z) > 1 && p1->z * z2 > 0 ? p1->r * z2 / p1->z : NAN;
}

bool hg_doublet_cells(const hg_doublet_pair *pair, const hg_doublet_values *v, int32_t *bend_z0, int32_t *c_c)
{
    const float *edge = pair->z0_edge;
    if (!(v->bend <= pair->bend_max) || !(v->z0 >= edge[0]) || !(v->z0 <= edge[HG_DOUBLET_Z0_BINS])) return false;
    int32_t reached = 0; /* lower edges of bins that are not above z0; counting all is faster than a search that branches */
    for (int k = 0; k < HG_DOUBLET_Z0_BINS; ++k) reached += v->z0 >= edge[k];
    *bend_z0 = hg_doublet_bend_bin(pair, v->bend) * HG_DOUBLET_Z0_BINS + reached - 1;
    *c_c = hg_doublet_c_bin(v->c[0], pair->c_low[0], pair->c_high[0]) * HG_DOUBLET_C_BINS +
           hg_doublet_c_bin(v->c[1], pair->c_low[1], pair->c_high[1]);
    return true;
}

float hg_doublet_score(const hg_doublet_map *map, int32_t pair, int32_t bend_z0, int32_t c_c)
{
    int32_t sum = map->bend_z0[(int64_t)pair * HG_BEND_Z0_CELLS + bend_z0] + map->c_c[(int64_t)pair * HG_C_C_CELLS + c_c];
    return map->pair[pair].base + map->table_step * (float)sum;
}

void hg_doublet_box(bool overlap, const hg_point *p1, const hg_point *p2, const hg_doublet_values *values, float box[2])
{
    float dr = p2->r - p1->r;
    box[0] = overlap ? values->bend : fabsf(hg_wrap_phi(p2->phi - p1->phi) / dr);
    box[1] = overlap ? fabsf(values->z0) : fabsf(p1->z - p1->r * (p2->z - p1->z) / dr);
}

void hg_doublet_layer_order(const hg_doublet_map *map, int32_t *order)
{
    /* Kahn's algorithm without a queue: there are few layers. A layer is placed when no unplaced one leads to it. */
    int32_t n = 0;
    for (int32_t l = 0; l < map->n_layers; ++l) order[l] = -1;
    while (n < map->n_layers) {
        int32_t next = -1;
        for (int32_t l = 0; l < map->n_layers && next < 0; ++l) {
            bool ready = true;
            for (int32_t k = 0; k < n; ++k) ready = ready && order[k] != l;
            for (int32_t p = 0; p < map->n_pairs && ready; ++p) {
                if (map->pair[p].outer != l || map->pair[p].inner == l) continue;
                bool placed = false;
                for (int32_t k = 0; k < n; ++k) placed = placed || order[k] == map->pair[p].inner;
                ready = placed;
            }
            if (ready) next = l;
        }
        if (next < 0) break; /* a cycle: hg_doublet_map_check refuses such maps */
        order[n++] = next;
    }
}
