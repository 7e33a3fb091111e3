/* figures.h — what the closure tests measure on an event, simulated or not. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_FIGURES_H
#define HG_TESTS_FIGURES_H

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "hitgraph/detector.h"
#include "hitgraph/event.h"

enum { N_VOLUMES = 9, N_KINDS = 6, N_QUANTILES = 5, N_ETA = 8, N_SLOPES = 10 };
static const int volumes[N_VOLUMES] = {7, 8, 9, 12, 13, 14, 16, 17, 18};
/* Kinds of sensor: pixel barrel, pixel discs, short-strip barrel, discs, long-strip barrel, discs; of each volume above. */
static const int kind_of[N_VOLUMES] = {1, 0, 1, 3, 2, 3, 5, 4, 5};

typedef struct figures {
    double hits_per_particle, layers_per_particle, noise, generation, hole, early_stop, weight_sum;
    double share[N_VOLUMES], noise_per_module[N_VOLUMES];
    double overlap[N_KINDS], nu[N_KINDS], nv[N_KINDS], rms_u[N_KINDS], rms_v[N_KINDS];
    double pt_quantile[N_QUANTILES], eta_share[N_ETA];
    /* mean cells in u against the local slope from -0.5 in steps of 0.1, and mean |slope - Lorentz tangent|; NaN: fewer than 20 hits */
    double width[N_KINDS][N_SLOPES], slope[N_KINDS][N_SLOPES];
} figures;

/* Tangent of the Lorentz angle of each kind, as the cluster widths show it. */
static const double lorentz_tangent[N_KINDS] = {0.118, 0, 0.121, 0, 0.080, 0};

static int volume_index(int32_t volume)
{
    for (int i = 0; i < N_VOLUMES; ++i)
        if (volumes[i] == volume) return i;
    return -1;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts x. */
static double quantile(double *x, int64_t n, double q)
{
    qsort(x, (size_t)n, sizeof *x, compare_doubles);
    return n > 0 ? x[(int64_t)(q * (double)(n - 1) + 0.5)] : NAN;
}

/* Root mean square about the median of the 99 % nearest to it. */
static double trimmed_rms(double *x, int64_t n)
{
    const double middle = quantile(x, n, 0.5);
    for (int64_t i = 0; i < n; ++i) x[i] = fabs(x[i] - middle);
    qsort(x, (size_t)n, sizeof *x, compare_doubles);
    double sum = 0;
    const int64_t kept = n * 99 / 100;
    for (int64_t i = 0; i < kept; ++i) sum += x[i] * x[i];
    return sqrt(sum / (double)kept);
}

static void *room(int64_t n, size_t size)
{
    return calloc((size_t)n + 1, size);
}

/* Row of each hit's particle, -1 for noise; the particles' rows in the order of their ids are found by bisection. */
static const uint64_t *ids_being_sorted;

static int compare_rows(const void *a, const void *b)
{
    const uint64_t x = ids_being_sorted[*(const int64_t *)a], y = ids_being_sorted[*(const int64_t *)b];
    return (x > y) - (x < y);
}

static int64_t *particle_rows(const hg_event *event)
{
    const int64_t n = event->particles.n;
    int64_t *order = room(n, sizeof *order), *row = room(event->hits.n, sizeof *row);
    for (int64_t i = 0; i < n; ++i) order[i] = i;
    ids_being_sorted = event->particles.particle_id;
    qsort(order, (size_t)n, sizeof *order, compare_rows);
    for (int64_t i = 0; i < event->hits.n; ++i) {
        int64_t low = 0, high = n;
        while (low < high) {
            const int64_t middle = (low + high) / 2;
            if (event->particles.particle_id[order[middle]] < event->truth.particle_id[i])
                low = middle + 1;
            else
                high = middle;
        }
        const bool found = low < n && event->particles.particle_id[order[low]] == event->truth.particle_id[i];
        row[i] = found && event->truth.particle_id[i] != 0 ? order[low] : -1;
    }
    free(order);
    return row;
}

static int64_t generation_of(const hg_event *event, int64_t particle)
{
    return (int64_t)(event->particles.particle_id[particle] >> 24 & 0xfff);
}

static double pt_of(const hg_event *event, int64_t particle)
{
    return hypot(event->particles.px[particle], event->particles.py[particle]);
}

static double eta_of(const hg_event *event, int64_t particle)
{
    return asinh(event->particles.pz[particle] / pt_of(event, particle));
}

static bool is_primary(const hg_event *event, int64_t particle)
{
    return generation_of(event, particle) == 0 && hypot(event->particles.vx[particle], event->particles.vy[particle]) < 2;
}

static const hg_module *module_of(const hg_event *event, const hg_detector *detector, int64_t hit)
{
    const int64_t m = hg_detector_find(detector, event->hits.volume_id[hit], event->hits.layer_id[hit], event->hits.module_id[hit]);
    return &detector->modules[m];
}

static void to_local(const hg_module *m, const double x[3], double local[3])
{
    for (int i = 0; i < 3; ++i) local[i] = m->rotation[i] * x[0] + m->rotation[3 + i] * x[1] + m->rotation[6 + i] * x[2];
}

static int different_channels(const int32_t *channel, int64_t n)
{
    int count = 0;
    for (int64_t i = 0; i < n; ++i) {
        bool known = false;
        for (int64_t j = 0; j < i && !known; ++j) known = channel[j] == channel[i];
        count += !known;
    }
    return count;
}

/* Cells, residuals and widths of one kind of sensor. */
static void measure_sensors(const hg_event *event, const hg_detector *detector, const int64_t *row, int kind, figures *f)
{
    double *du = room(event->hits.n, sizeof *du), *dv = room(event->hits.n, sizeof *dv);
    double nu = 0, nv = 0, width[N_SLOPES] = {0}, inclined[N_SLOPES] = {0}, entries[N_SLOPES] = {0};
    int64_t n = 0;
    for (int64_t i = 0; i < event->hits.n; ++i) {
        if (row[i] < 0 || kind_of[volume_index(event->hits.volume_id[i])] != kind) continue;
        const hg_module *module = module_of(event, detector, i);
        const hg_truth *t = &event->truth;
        const double d[3] = {event->hits.x[i] - t->tx[i], event->hits.y[i] - t->ty[i], event->hits.z[i] - t->tz[i]};
        const double p[3] = {t->tpx[i], t->tpy[i], t->tpz[i]};
        double residual[3], direction[3];
        to_local(module, d, residual);
        to_local(module, p, direction);
        const int64_t first = event->cells.offset[i], cells = event->cells.offset[i + 1] - first;
        const int cells_u = different_channels(event->cells.ch0 + first, cells);
        du[n] = residual[0];
        dv[n++] = residual[1];
        nu += cells_u;
        nv += different_channels(event->cells.ch1 + first, cells);
        const double slope = direction[0] / direction[2];
        const int bin = (int)floor(fmax(-1, fmin((slope + 0.5) * 10, N_SLOPES)));
        if (bin < 0 || bin >= N_SLOPES) continue;
        width[bin] += cells_u;
        inclined[bin] += fabs(slope - lorentz_tangent[kind]);
        ++entries[bin];
    }
    f->nu[kind] = nu / (double)n;
    f->nv[kind] = nv / (double)n;
    f->rms_u[kind] = trimmed_rms(du, n);
    f->rms_v[kind] = trimmed_rms(dv, n);
    for (int s = 0; s < N_SLOPES; ++s) {
        f->width[kind][s] = entries[s] >= 20 ? width[s] / entries[s] : NAN;
        f->slope[kind][s] = inclined[s] / entries[s];
    }
    free(du);
    free(dv);
}

/* Hits of each particle per layer, [n_particles, n_layers]. */
static uint8_t *layer_counts(const hg_event *event, const hg_detector *detector, const int64_t *row)
{
    uint8_t *count = room(event->particles.n * detector->n_layers, 1);
    for (int64_t i = 0; i < event->hits.n; ++i)
        if (row[i] >= 0) ++count[row[i] * detector->n_layers + detector->module_layer[module_of(event, detector, i) - detector->modules]];
    return count;
}

static void measure_layers(const hg_event *event, const hg_detector *detector, const int64_t *row, figures *f)
{
    uint8_t *count = layer_counts(event, detector, row);
    double crossings[N_KINDS] = {0}, doubles[N_KINDS] = {0}, layers = 0, seen = 0, holes = 0, inner = 0, central = 0, stopped = 0;
    const int64_t pixel = detector->module_layer[hg_detector_find(detector, 8, 2, 1)]; /* the four barrel layers follow each other */
    for (int64_t k = 0; k < event->particles.n; ++k) {
        const uint8_t *own = count + k * detector->n_layers;
        int n = 0;
        for (int64_t l = 0; l < detector->n_layers; ++l) {
            const int kind = kind_of[volume_index(detector->layers[l].volume_id)];
            n += own[l] > 0;
            crossings[kind] += own[l] > 0;
            doubles[kind] += own[l] > 1;
        }
        layers += n;
        seen += n > 0;
        if (is_primary(event, k) && pt_of(event, k) > 0.4 && fabs(eta_of(event, k)) < 2.5) {
            ++central;
            stopped += n < 7;
        }
        for (int64_t l = pixel + 1; l < pixel + 3 && generation_of(event, k) == 0; ++l) {
            const bool before = own[pixel] || (l > pixel + 1 && own[l - 1]), after = own[pixel + 3] || (l < pixel + 2 && own[l + 1]);
            inner += before && after;
            holes += before && after && !own[l];
        }
    }
    f->layers_per_particle = layers / seen;
    f->hole = holes / inner;
    f->early_stop = stopped / central;
    for (int k = 0; k < N_KINDS; ++k) f->overlap[k] = doubles[k] / crossings[k];
    free(count);
}

static void measure_particles(const hg_event *event, figures *f)
{
    static const double levels[N_QUANTILES] = {0.1, 0.25, 0.5, 0.75, 0.9};
    double *pt = room(event->particles.n, sizeof *pt);
    int64_t n = 0, later = 0, with_hits = 0, hits = 0;
    for (int64_t k = 0; k < event->particles.n; ++k) {
        const int64_t own = event->particles.nhits[k];
        later += generation_of(event, k) > 0;
        with_hits += own > 0;
        hits += own;
        if (own >= 4 && generation_of(event, k) == 0)
            f->weight_sum += pt_of(event, k) < 0.5 ? 0.2 : fmin(1, 0.2 + 0.8 * (pt_of(event, k) - 0.5) / 2.5);
        if (own == 0 || !is_primary(event, k)) continue;
        pt[n++] = pt_of(event, k);
        const int bin = (int)(fabs(eta_of(event, k)) * 2);
        if (bin < N_ETA) ++f->eta_share[bin];
    }
    f->hits_per_particle = (double)hits / (double)with_hits;
    f->generation = (double)later / (double)event->particles.n;
    for (int i = 0; i < N_QUANTILES; ++i) f->pt_quantile[i] = quantile(pt, n, levels[i]);
    for (int i = 0; i < N_ETA; ++i) f->eta_share[i] /= (double)n;
    free(pt);
}

/* Everything about one event with truth, cells and particles. */
static inline figures measure(const hg_event *event, const hg_detector *detector)
{
    figures f = {0};
    int64_t *row = particle_rows(event);
    double modules[N_VOLUMES] = {0}, signal = 0;
    for (int64_t m = 0; m < detector->n_modules; ++m) ++modules[volume_index(detector->modules[m].volume_id)];
    for (int64_t i = 0; i < event->hits.n; ++i) {
        const int v = volume_index(event->hits.volume_id[i]);
        signal += row[i] >= 0;
        if (row[i] >= 0)
            ++f.share[v];
        else
            f.noise_per_module[v] += 1 / modules[v];
    }
    for (int v = 0; v < N_VOLUMES; ++v) f.share[v] /= signal;
    f.noise = 1 - signal / (double)event->hits.n;
    measure_particles(event, &f);
    measure_layers(event, detector, row, &f);
    for (int kind = 0; kind < N_KINDS; ++kind) measure_sensors(event, detector, row, kind, &f);
    free(row);
    return f;
}

#endif
