/* simulate_geometry.c — bins of modules per layer, and the modules near a piece of a track. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "datasets/simulation.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/parallel.h"

/* Slack in mm added to every search: interpolation and rounding are far below. */
static const double slack = 0.2;

static double wrap(double phi)
{
    return phi - 2 * M_PI * floor((phi + M_PI) / (2 * M_PI));
}

bool hg_sim_inside(const hg_module *module, double u, double v)
{
    if (fabs(v) > module->half_v) return false;
    const double half_u = module->half_u_min + (module->half_u_max - module->half_u_min) * (v + module->half_v) / (2 * module->half_v);
    return fabs(u) <= half_u;
}

void hg_sim_turn_to_local(const hg_module *module, const double direction[3], double local[3])
{
    const double *m = module->rotation;
    for (int i = 0; i < 3; ++i) local[i] = m[i] * direction[0] + m[3 + i] * direction[1] + m[6 + i] * direction[2];
}

void hg_sim_to_local(const hg_module *module, const double global[3], double local[3])
{
    const double d[3] = {global[0] - module->center[0], global[1] - module->center[1], global[2] - module->center[2]};
    hg_sim_turn_to_local(module, d, local);
}

void hg_sim_to_global(const hg_module *module, double u, double v, double global[3])
{
    for (int i = 0; i < 3; ++i) global[i] = module->center[i] + module->rotation[3 * i] * u + module->rotation[3 * i + 1] * v;
}

/* Ranges of phi (about `middle`) and of z or r that a module covers. */
typedef struct footprint {
    double middle, phi_low, phi_high, low, high;
} footprint;

static footprint module_footprint(const hg_module *module, bool barrel)
{
    footprint f = {.middle = atan2(module->center[1], module->center[0]), .low = INFINITY, .high = -INFINITY};
    /* corners and middles of the edges: the middle of the inner edge of a disc module is nearest to the beam */
    for (int i = -1; i <= 1; ++i) {
        for (int j = -1; j <= 1; j += 2) {
            double point[3];
            hg_sim_to_global(module, i * (j < 0 ? module->half_u_min : module->half_u_max), j * module->half_v, point);
            const double phi = wrap(atan2(point[1], point[0]) - f.middle), other = barrel ? point[2] : hypot(point[0], point[1]);
            f.phi_low = fmin(f.phi_low, phi);
            f.phi_high = fmax(f.phi_high, phi);
            f.low = fmin(f.low, other);
            f.high = fmax(f.high, other);
        }
    }
    return f;
}

typedef struct bin_range {
    int64_t phi_first, phi_last; /* not wrapped */
    int64_t first, last;         /* first > last: nothing */
} bin_range;

static int64_t clamp_bin(double x, int64_t n)
{
    return x < 0 ? 0 : x >= (double)n ? n - 1 : (int64_t)x;
}

static bin_range range_of(const hg_sim_layer *layer, double phi_low, double phi_high, double low, double high)
{
    const double per_bin = layer->n_phi / (2 * M_PI);
    bin_range range = {(int64_t)floor((phi_low + M_PI) * per_bin), (int64_t)floor((phi_high + M_PI) * per_bin), 0, -1};
    if (range.phi_last - range.phi_first >= layer->n_phi) range.phi_last = range.phi_first + layer->n_phi - 1;
    const double from = (low - layer->low) / layer->step, to = (high - layer->low) / layer->step;
    if (to < 0 || from >= layer->n_other) return range;
    range.first = clamp_bin(from, layer->n_other);
    range.last = clamp_bin(to, layer->n_other);
    return range;
}

static int64_t bin_index(const hg_sim_layer *layer, int64_t phi, int64_t other)
{
    const int64_t n = layer->n_phi, wrapped = ((phi % n) + n) % n;
    return wrapped * layer->n_other + other;
}

/* Counts (module == NULL) or stores the modules of every bin. */
static void visit_bins(const hg_sim_world *world, const hg_layer *source, hg_sim_layer *layer, int64_t *next, int32_t *module)
{
    for (int64_t m = source->first_module; m < source->first_module + source->n_modules; ++m) {
        const footprint f = module_footprint(&world->detector->modules[m], layer->barrel);
        const bin_range range = range_of(layer, f.middle + f.phi_low, f.middle + f.phi_high, f.low, f.high);
        for (int64_t i = range.phi_first; i <= range.phi_last; ++i) {
            for (int64_t j = range.first; j <= range.last; ++j) {
                const int64_t bin = bin_index(layer, i, j);
                if (module) module[next[bin]] = (int32_t)m;
                ++next[bin];
            }
        }
    }
}

static hg_status fill_layer(hg_context *ctx, const hg_sim_world *world, const hg_layer *source, hg_sim_layer *layer)
{
    hg_status status = HG_OK;
    int64_t *next = NULL;
    const hg_module *sample = &world->detector->modules[source->first_module];
    const double low = source->barrel ? source->z_min : source->r_min, high = source->barrel ? source->z_max : source->r_max;
    *layer = (hg_sim_layer){
        .barrel = source->barrel, .r_min = source->r_min, .r_max = source->r_max, .z_min = source->z_min, .z_max = source->z_max};
    layer->n_phi = (int32_t)fmin(fmax(2 * M_PI * source->r_max / (2 * sample->half_u_max + 1), 8), 1024);
    layer->n_other = (int32_t)fmin(fmax((high - low) / (2 * sample->half_v), 1), 256);
    layer->low = low - slack;
    layer->step = (high - low + 2 * slack) / layer->n_other;
    const int64_t n_bins = (int64_t)layer->n_phi * layer->n_other;
    HG_TRY(hg_alloc(ctx, &layer->bin_offset, n_bins + 1));
    HG_TRY(hg_alloc(ctx, &next, n_bins + 1));
    visit_bins(world, source, layer, layer->bin_offset, NULL);
    HG_TRY(hg_alloc(ctx, &layer->bin_module, hg_prefix_sum(layer->bin_offset, n_bins)));
    for (int64_t i = 0; i < n_bins; ++i) next[i] = layer->bin_offset[i];
    visit_bins(world, source, layer, next, layer->bin_module);
done:
    hg_free(ctx, next);
    return status;
}

hg_status hg_sim_world_fill(hg_context *ctx, hg_sim_world *world)
{
    hg_status status = HG_OK;
    const hg_detector *detector = world->detector;
    for (int64_t i = 0; i < detector->n_modules; ++i) {
        const hg_module *m = &detector->modules[i];
        HG_CHECK(m->half_u_max > 0 && m->half_v > 0 && m->thickness > 0 && m->pitch_u > 0 && m->pitch_v > 0, HG_ERR_DATA,
                 "module (%d, %d, %d) has no size, thickness or pitch: expected numbers above 0", m->volume_id, m->layer_id, m->module_id);
    }
    HG_TRY(hg_alloc(ctx, &world->layer, detector->n_layers));
    for (int64_t i = 0; i < detector->n_layers; ++i) {
        const hg_layer *source = &detector->layers[i];
        HG_TRY(fill_layer(ctx, world, source, &world->layer[i]));
        world->r_max = fmax(world->r_max, source->r_max + 20);
        world->z_max = fmax(world->z_max, fmax(fabs(source->z_min), fabs(source->z_max)) + 20);
    }
done:
    return status;
}

void hg_sim_world_clear(hg_context *ctx, hg_sim_world *world)
{
    for (int64_t i = 0; world->layer && i < world->detector->n_layers; ++i) {
        hg_free(ctx, world->layer[i].bin_offset);
        hg_free(ctx, world->layer[i].bin_module);
    }
    hg_free(ctx, world->layer);
}

/* ---- pieces of a chord: p(t) = a + t (b - a), 0 <= t <= 1 ---- */

typedef struct interval {
    double from, to;
} interval;

static void keep(interval *piece, double from, double to)
{
    piece->from = fmax(piece->from, from);
    piece->to = fmin(piece->to, to);
}

static void keep_z(interval *piece, double a, double b, double low, double high)
{
    if (fabs(b - a) < 1e-12) {
        if (a < low || a > high) piece->to = -1;
        return;
    }
    const double t1 = (low - a) / (b - a), t2 = (high - a) / (b - a);
    keep(piece, fmin(t1, t2), fmax(t1, t2));
}

/* Keeps the part between two cylinders; of a chord that goes in and out again, the part between the ends. */
static void keep_r(interval *piece, const double a[3], const double b[3], double low, double high)
{
    const double dx = b[0] - a[0], dy = b[1] - a[1];
    const double aa = dx * dx + dy * dy, ab = a[0] * dx + a[1] * dy, rr = a[0] * a[0] + a[1] * a[1];
    if (aa < 1e-12) {
        if (rr < low * low || rr > high * high) piece->to = -1;
        return;
    }
    const double outer = ab * ab - aa * (rr - high * high), inner = ab * ab - aa * (rr - low * low);
    if (outer <= 0) {
        piece->to = -1;
        return;
    }
    keep(piece, (-ab - sqrt(outer)) / aa, (-ab + sqrt(outer)) / aa);
    if (low <= 0 || inner <= 0) return;
    const double in = (-ab - sqrt(inner)) / aa, back = (-ab + sqrt(inner)) / aa;
    if (in <= piece->from) {
        piece->from = fmax(piece->from, back);
    } else if (back >= piece->to) {
        piece->to = fmin(piece->to, in);
    }
}

static int add_bins(const hg_sim_layer *layer, const bin_range *range, int n, int64_t *module)
{
    for (int64_t i = range->phi_first; i <= range->phi_last; ++i) {
        for (int64_t j = range->first; j <= range->last; ++j) {
            const int64_t bin = bin_index(layer, i, j);
            for (int64_t k = layer->bin_offset[bin]; k < layer->bin_offset[bin + 1]; ++k) {
                int known = 0;
                while (known < n && module[known] != layer->bin_module[k]) ++known;
                if (known == n && n < HG_SIM_MAX_CANDIDATES) module[n++] = layer->bin_module[k];
            }
        }
    }
    return n;
}

int hg_sim_candidates(const hg_sim_world *world, const double a[3], const double b[3], double sagitta,
                      int64_t module[HG_SIM_MAX_CANDIDATES])
{
    const double margin = sagitta + slack;
    int n = 0;
    for (int64_t i = 0; i < world->detector->n_layers; ++i) {
        const hg_sim_layer *layer = &world->layer[i];
        if (fmin(a[2], b[2]) > layer->z_max + margin || fmax(a[2], b[2]) < layer->z_min - margin) continue;
        interval piece = {0, 1};
        keep_z(&piece, a[2], b[2], layer->z_min - margin, layer->z_max + margin);
        if (piece.from < piece.to) keep_r(&piece, a, b, layer->r_min - margin, layer->r_max + margin);
        if (piece.from >= piece.to) continue;

        double p[2][3];
        for (int k = 0; k < 3; ++k) {
            p[0][k] = a[k] + piece.from * (b[k] - a[k]);
            p[1][k] = a[k] + piece.to * (b[k] - a[k]);
        }
        const double r[2] = {hypot(p[0][0], p[0][1]), hypot(p[1][0], p[1][1])};
        const double phi = atan2(p[0][1], p[0][0]), turn = wrap(atan2(p[1][1], p[1][0]) - phi);
        const double phi_margin = margin / fmax(fmin(r[0], r[1]), 1);
        const double low = layer->barrel ? fmin(p[0][2], p[1][2]) : fmin(r[0], r[1]);
        const double high = layer->barrel ? fmax(p[0][2], p[1][2]) : fmax(r[0], r[1]);
        const bin_range range =
            range_of(layer, phi + fmin(turn, 0) - phi_margin, phi + fmax(turn, 0) + phi_margin, low - margin, high + margin);
        n = add_bins(layer, &range, n, module);
    }
    return n;
}
