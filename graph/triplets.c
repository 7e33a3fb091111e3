/* triplets.c — features of the line graph: what two doublets that share a hit say about one track. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/triplets.h"

#include <math.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "graph/doublet_batch.h"
#include "graph/triplet_match.h"

const char *const hg_triplet_feature_names[HG_TRIPLET_EDGE_FEATURES] = {"dkappa",    "abs_dkappa",           "dcot",    "abs_dcot",
                                                                        "match",     "match_tight",          "kink_xy", "kink_rz",
                                                                        "curvature", "curvature_difference", "d0",      "has_overlap"};

static const double score_clip = 9, window_clip = 5;

static double clip(double value, double limit)
{
    return fmax(-limit, fmin(limit, value));
}

/* A doublet as all its triplets meet it: length across the beam line (mm), direction there and towards it (rad). */
typedef struct segment {
    double length, azimuth, polar;
} segment;

static segment segment_of(const hg_doublet_hits *hits, int32_t i, int32_t j)
{
    const double dx = hits->x[j] - hits->x[i], dy = hits->y[j] - hits->y[i], length = hypot(dx, dy);
    return (segment){length, atan2(dy, dx), atan2(length, hits->z[j] - hits->z[i])};
}

/* Signed curvature (1/mm) of the circle through three points, and the signed distance of the beam line from it (mm); l12, l23: distances
 * of neighbours. With A (x^2 + y^2) + B x + C y + D = 0: d0 = 2 D / (sqrt(B^2 + C^2) + sqrt(B^2 + C^2 - 4 A D)), which also holds for
 * lines. */
static void circle_of(const double x[3], const double y[3], double l12, double l23, double *curvature, double *d0)
{
    double ax = x[1] - x[0], ay = y[1] - y[0], bx = x[2] - x[0], by = y[2] - y[0];
    double sides = l12 * hypot(bx, by) * l23;
    double cross = ax * by - ay * bx;
    *curvature = sides > 0 ? 2 * cross / sides : 0;
    double a2 = ax * ax + ay * ay, b2 = bx * bx + by * by;
    /* coefficients in coordinates relative to the first point, then moved to the beam line */
    double big_a = cross, b = ay * b2 - by * a2, c = bx * a2 - ax * b2;
    double d = big_a * (x[0] * x[0] + y[0] * y[0]) - b * x[0] - c * y[0];
    double bb = b - 2 * big_a * x[0], cc = c - 2 * big_a * y[0], square = bb * bb + cc * cc;
    double below = sqrt(square) + sqrt(fmax(0, square - 4 * big_a * d));
    *d0 = below > 0 ? 2 * d / below : 0;
}

/* Difference of two angles within +-2 pi, brought to +-pi. */
static double wrap(double angle)
{
    return angle > M_PI ? angle - 2 * M_PI : angle < -M_PI ? angle + 2 * M_PI : angle;
}

/* What the triplets of a line graph are made of; borrowed. */
typedef struct inputs {
    const hg_doublet_hits *hits;
    const hg_doublet_graph *doublets;
    const hg_doublet_map *map;
    const hg_graph *line;
    const int64_t *doublet;
    const segment *segment; /* [line nodes] */
} inputs;

static void fill_triplet(const inputs *in, int64_t t, hg_real *out)
{
    const hg_doublet_hits *hits = in->hits;
    const hg_doublet_graph *d = in->doublets;
    const int32_t first = in->line->sender[t], second = in->line->receiver[t];
    const segment s1 = in->segment[first], s2 = in->segment[second];
    const int64_t a = in->doublet[first], b = in->doublet[second];
    int32_t row[3] = {d->graph->sender[a], d->graph->receiver[a], d->graph->receiver[b]};
    double x[3], y[3], curvature, d0;
    for (int k = 0; k < 3; ++k) {
        x[k] = hits->x[row[k]];
        y[k] = hits->y[row[k]];
    }
    bool overlap = d->same_layer[a] || d->same_layer[b];
    float parts[2] = {0, 0}, match = 0;
    if (!overlap) match = hg_triplet_match(in->map, d->pair[a], d->pair[b], d->kappa[a], d->kappa[b], d->cot[a], d->cot[b], parts);
    circle_of(x, y, s1.length, s2.length, &curvature, &d0);
    double mean = overlap ? (double)(d->kappa[a] + d->kappa[b]) : 0.5 * (double)(d->kappa[a] + d->kappa[b]); /* an overlap has kappa 0 */
    double kink_xy = wrap(s2.azimuth - s1.azimuth) - 0.5 * mean * (s1.length + s2.length);
    double kink_rz = s2.polar - s1.polar;
    /* deviations of curvature count as positive when they bend further */
    double sign = mean < 0 ? -1 : 1;
    const double values[HG_TRIPLET_EDGE_FEATURES] = {sign * clip((double)parts[0], window_clip),
                                                     clip(fabs((double)parts[0]), window_clip),
                                                     clip((double)parts[1], window_clip),
                                                     clip(fabs((double)parts[1]), window_clip),
                                                     overlap ? 0 : exp(-(double)match),
                                                     overlap ? 0 : exp(-4 * (double)match * (double)match),
                                                     clip(20 * sign * kink_xy, 4),
                                                     clip(20 * kink_rz, 4),
                                                     asinh(sign * curvature / 3e-4),
                                                     asinh(sign * (curvature - mean) / 3e-4),
                                                     asinh(d0),
                                                     overlap ? 1 : 0};
    for (int k = 0; k < HG_TRIPLET_EDGE_FEATURES; ++k) out[k] = (hg_real)values[k];
}

static hg_status check_line(hg_context *ctx, const hg_graph *doublets, const hg_graph *line, const int64_t *doublet)
{
    hg_status status = HG_OK;
    const int threads = hg_context_threads(ctx);
    int64_t lost = line->n_nodes, apart = line->n_edges;
#pragma omp parallel for num_threads(threads) reduction(min : lost) if (line->n_nodes > HG_FEW_EDGES)
    for (int64_t i = 0; i < line->n_nodes; ++i) {
        if ((doublet[i] < 0 || doublet[i] >= doublets->n_edges) && i < lost) lost = i;
    }
    HG_CHECK(lost == line->n_nodes, HG_ERR_ARG, "line graph node %" PRId64 " stands for doublet %" PRId64 ", expected 0 .. %" PRId64, lost,
             doublet[lost], doublets->n_edges - 1);
#pragma omp parallel for num_threads(threads) reduction(min : apart) if (line->n_edges > HG_FEW_EDGES)
    for (int64_t t = 0; t < line->n_edges; ++t) {
        const int64_t a = doublet[line->sender[t]], b = doublet[line->receiver[t]];
        if (doublets->receiver[a] != doublets->sender[b] && t < apart) apart = t;
    }
    HG_CHECK(apart == line->n_edges, HG_ERR_ARG, "triplet %" PRId64 " joins doublets %" PRId64 " and %" PRId64 " that share no hit", apart,
             doublet[line->sender[apart]], doublet[line->receiver[apart]]);
done:
    return status;
}

hg_status hg_triplet_features(hg_context *ctx, const hg_doublet_hits *hits, const hg_doublet_graph *d, const hg_doublet_map *map,
                              const float *score, const hg_graph *line, const int64_t *doublet, hg_real *nodes, hg_real *edges)
{
    hg_status status = HG_OK;
    const int threads = hg_context_threads(ctx);
    segment *segments = NULL;
    HG_TRY(check_line(ctx, d->graph, line, doublet));
    HG_TRY(hg_alloc_unset(ctx, &segments, line->n_nodes));
    const inputs in = {hits, d, map, line, doublet, segments};
#pragma omp parallel num_threads(threads)
    {
#pragma omp for
        for (int64_t i = 0; i < line->n_nodes; ++i) {
            const hg_real *from = d->edge_features + doublet[i] * HG_DOUBLET_EDGE_FEATURES;
            hg_real *to = nodes + i * HG_TRIPLET_NODE_FEATURES;
            memcpy(to, from, HG_DOUBLET_EDGE_FEATURES * sizeof *to);
            to[HG_DOUBLET_EDGE_FEATURES] = (hg_real)(clip((double)score[doublet[i]], score_clip) / 3);
            segments[i] = segment_of(hits, d->graph->sender[doublet[i]], d->graph->receiver[doublet[i]]);
        }
#pragma omp for schedule(dynamic, 1024)
        for (int64_t t = 0; t < line->n_edges; ++t) fill_triplet(&in, t, edges + t * HG_TRIPLET_EDGE_FEATURES);
    }
done:
    hg_free(ctx, segments);
    return status;
}
