/* simulate.c — one simulated event: generate, fly, read out, and lay it down as an event with truth. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include "datasets/simulation.h"
#include "hitgraph/weights.h"
#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parallel.h"

/* The cut of the work: results do not depend on who does which block. */
enum { PARTICLES_PER_BLOCK = 32, MODULES_PER_BLOCK = 128 };

hg_simulate_options hg_simulate_default_options(void)
{
    return (hg_simulate_options){
        .pileup = 200,
        .sigma_xy_mm = 0.015,
        .sigma_z_mm = 5.5,
        .multiplicity = 40,
        .eta_max = 4,
        .pt_min_gev = 0.15,
        .decays = true,
        .scattering = true,
        .energy_loss = true,
        .interactions = true,
        .inefficiency = 0.003,
        .grazing_cosine = 0.1,
        .noise_per_module = -1,
        .max_turns = 0.5,
        .drift = true,
        .merge = true,
        .weight_rule = HG_WEIGHTS_PHASE_2,
        .gun = {.pdg = 13, .both_charges = true, .log_pt = true, .pt_gev = {0.5, 50}, .eta = {-2.5, 2.5}, .phi = {-M_PI, M_PI}},
    };
}

/* ---- blocks of work ---- */

/* A row of buffers, one per block of work. */
typedef struct blocks {
    int64_t n;
    hg_sim_buffer *buffer; /* [n] owned */
    hg_status *status;     /* [n] owned: how the work went */
} blocks;

static hg_status create_blocks(hg_context *ctx, int64_t n, blocks *out)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(ctx, &out->status, n));
    HG_TRY(hg_alloc(ctx, &out->buffer, n));
    out->n = n;
done:
    return status;
}

static hg_status status_of_blocks(const blocks *work)
{
    for (int64_t i = 0; i < work->n; ++i)
        if (work->status[i] < 0) return work->status[i];
    return HG_OK;
}

static void clear_blocks(hg_context *ctx, blocks *work)
{
    for (int64_t i = 0; i < work->n; ++i) hg_sim_buffer_clear(ctx, &work->buffer[i]);
    hg_free(ctx, work->buffer);
    hg_free(ctx, work->status);
}

/* ---- flight ---- */

static hg_status fly_all(hg_context *ctx, const hg_sim_world *world, const hg_sim_buffer *born, blocks *flown)
{
    hg_status status = HG_OK;
    HG_TRY(create_blocks(ctx, hg_block_count(born->n_particles, PARTICLES_PER_BLOCK), flown));
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(dynamic)
    for (int64_t block = 0; block < flown->n; ++block) {
        hg_status *failed = &flown->status[block];
        const int64_t first = block * PARTICLES_PER_BLOCK;
        for (int64_t i = first; i < first + PARTICLES_PER_BLOCK && i < born->n_particles && *failed == HG_OK; ++i) {
            hg_random random = hg_random_stream(world->seed, HG_SIM_FLIGHT, world->event, (uint64_t)i);
            *failed = hg_interrupted(ctx) ? HG_ERR_INTERRUPTED : hg_sim_fly(ctx, world, &born->particle[i], &random, &flown->buffer[block]);
        }
    }
    status = status_of_blocks(flown);
    HG_CHECK(status != HG_ERR_INTERRUPTED, HG_ERR_INTERRUPTED, "interrupted while simulating event %" PRIu64, world->event);
done:
    return status;
}

/* ---- readout ---- */

/* The hits of every module in the order of their particles: hits offset[m] .. offset[m + 1] belong to module m. */
typedef struct module_hits {
    int64_t *offset;
    const hg_sim_hit **hit;
    const hg_sim_cell **cell;
} module_hits;

static hg_status sort_by_module(hg_context *ctx, const hg_sim_world *world, const blocks *flown, module_hits *sorted)
{
    hg_status status = HG_OK;
    const int64_t n_modules = world->detector->n_modules;
    int64_t *next = NULL;
    HG_TRY(hg_alloc(ctx, &sorted->offset, n_modules + 1));
    HG_TRY(hg_alloc(ctx, &next, n_modules + 1));
    for (int64_t b = 0; b < flown->n; ++b)
        for (int64_t i = 0; i < flown->buffer[b].n_hits; ++i) ++sorted->offset[flown->buffer[b].hit[i].module];
    const int64_t n = hg_prefix_sum(sorted->offset, n_modules);
    HG_TRY(hg_alloc(ctx, &sorted->hit, n));
    HG_TRY(hg_alloc(ctx, &sorted->cell, n));
    for (int64_t m = 0; m < n_modules; ++m) next[m] = sorted->offset[m];
    for (int64_t b = 0; b < flown->n; ++b) {
        const hg_sim_buffer *buffer = &flown->buffer[b];
        for (int64_t i = 0; i < buffer->n_hits; ++i) {
            const int64_t place = next[buffer->hit[i].module]++;
            sorted->hit[place] = &buffer->hit[i];
            sorted->cell[place] = buffer->n_cells > 0 ? buffer->cell + buffer->hit[i].first_cell : NULL;
        }
    }
done:
    hg_free(ctx, next);
    return status;
}

static hg_status read_out_all(hg_context *ctx, const hg_sim_world *world, const module_hits *sorted, blocks *read)
{
    hg_status status = HG_OK;
    const int64_t n_modules = world->detector->n_modules;
    HG_TRY(create_blocks(ctx, hg_block_count(n_modules, MODULES_PER_BLOCK), read));
#pragma omp parallel for num_threads(hg_context_threads(ctx)) schedule(dynamic)
    for (int64_t block = 0; block < read->n; ++block) {
        hg_status *failed = &read->status[block];
        const int64_t first = block * MODULES_PER_BLOCK;
        for (int64_t m = first; m < first + MODULES_PER_BLOCK && m < n_modules && *failed == HG_OK; ++m) {
            const int64_t from = sorted->offset[m];
            *failed =
                hg_sim_read_out(ctx, world, m, sorted->hit + from, sorted->cell + from, sorted->offset[m + 1] - from, &read->buffer[block]);
        }
    }
    status = status_of_blocks(read);
done:
    return status;
}

/* ---- the event ---- */

/* Seven significant digits, as many as a file of the challenge carries. */
static double rounded(double x)
{
    if (x == 0 || !isfinite(x)) return x;
    const int digits = 6 - (int)floor(log10(fabs(x)));
    const double scale = pow(10, abs(digits));
    return digits >= 0 ? round(x * scale) / scale : round(x / scale) * scale;
}

static void set_particle(hg_particles *out, int64_t row, const hg_sim_particle *particle)
{
    out->particle_id[row] = particle->id;
    out->vx[row] = rounded(particle->vertex[0]);
    out->vy[row] = rounded(particle->vertex[1]);
    out->vz[row] = rounded(particle->vertex[2]);
    out->px[row] = rounded(particle->p[0]);
    out->py[row] = rounded(particle->p[1]);
    out->pz[row] = rounded(particle->p[2]);
    out->q[row] = particle->q;
    if (out->pdg) out->pdg[row] = particle->pdg;
}

static void set_hit(const hg_sim_world *world, hg_event *event, int64_t row, const hg_sim_hit *hit)
{
    const hg_module *module = &world->detector->modules[hit->module];
    double position[3];
    hg_sim_to_global(module, hit->local[0], hit->local[1], position);
    hg_hits *hits = &event->hits;
    hits->hit_id[row] = (uint64_t)row + 1;
    hits->x[row] = rounded(position[0]);
    hits->y[row] = rounded(position[1]);
    hits->z[row] = rounded(position[2]);
    hits->volume_id[row] = module->volume_id;
    hits->layer_id[row] = module->layer_id;
    hits->module_id[row] = module->module_id;
    hg_truth *truth = &event->truth;
    truth->particle_id[row] = hit->particle_id;
    truth->tx[row] = rounded(hit->truth[0]);
    truth->ty[row] = rounded(hit->truth[1]);
    truth->tz[row] = rounded(hit->truth[2]);
    truth->tpx[row] = rounded(hit->p[0]);
    truth->tpy[row] = rounded(hit->p[1]);
    truth->tpz[row] = rounded(hit->p[2]);
}

static void fill_hits(const hg_sim_world *world, const blocks *read, hg_event *event)
{
    int64_t row = 0, cell = 0;
    for (int64_t b = 0; b < read->n; ++b) {
        const hg_sim_buffer *buffer = &read->buffer[b];
        for (int64_t i = 0; i < buffer->n_hits; ++i, ++row) {
            const hg_sim_hit *hit = &buffer->hit[i];
            set_hit(world, event, row, hit);
            if (!event->has_cells) continue;
            event->cells.offset[row] = cell;
            for (int32_t k = 0; k < hit->n_cells; ++k, ++cell) {
                const hg_sim_cell *from = &buffer->cell[hit->first_cell + k];
                event->cells.ch0[cell] = from->ch0;
                event->cells.ch1[cell] = from->ch1;
                event->cells.value[cell] = (float)rounded(from->value);
            }
        }
    }
    if (event->has_cells) event->cells.offset[row] = cell;
}

/* Particles are listed in the order of their ids inside a family only: a table from id to row is sorted by id. */
typedef struct row_of_id {
    uint64_t id;
    int64_t row;
} row_of_id;

static int compare_ids(const void *a, const void *b)
{
    const row_of_id *first = a, *second = b;
    return (first->id > second->id) - (first->id < second->id);
}

static hg_status count_hits(hg_context *ctx, hg_event *event)
{
    hg_status status = HG_OK;
    row_of_id *table = NULL;
    hg_particles *particles = &event->particles;
    HG_TRY(hg_alloc(ctx, &table, particles->n));
    for (int64_t i = 0; i < particles->n; ++i) table[i] = (row_of_id){particles->particle_id[i], i};
    qsort(table, (size_t)particles->n, sizeof *table, compare_ids);
    for (int64_t i = 0; i < event->hits.n; ++i) {
        const row_of_id key = {.id = event->truth.particle_id[i]};
        const row_of_id *found = key.id ? bsearch(&key, table, (size_t)particles->n, sizeof *table, compare_ids) : NULL;
        if (found) ++particles->nhits[found->row];
    }
done:
    hg_free(ctx, table);
    return status;
}

static hg_status lay_down(hg_context *ctx, const hg_sim_world *world, const blocks *flown, const blocks *read, hg_event **out)
{
    hg_status status = HG_OK;
    hg_event *event = NULL;
    int64_t n_particles = 0, n_hits = 0, n_cells = 0, row = 0;
    for (int64_t b = 0; b < flown->n; ++b) n_particles += flown->buffer[b].n_particles;
    for (int64_t b = 0; b < read->n; ++b) {
        n_hits += read->buffer[b].n_hits;
        for (int64_t i = 0; i < read->buffer[b].n_hits; ++i) n_cells += read->buffer[b].hit[i].n_cells;
    }
    HG_TRY(hg_event_create(ctx, n_hits, world->options.gaussian_hits ? -1 : n_cells, n_particles, true, &event));
    event->event_id = world->event;
    for (int64_t b = 0; b < flown->n; ++b)
        for (int64_t i = 0; i < flown->buffer[b].n_particles; ++i) set_particle(&event->particles, row++, &flown->buffer[b].particle[i]);
    fill_hits(world, read, event);
    HG_TRY(count_hits(ctx, event));
    HG_TRY(hg_trackml_weights(ctx, event, (hg_weight_rule)world->options.weight_rule, event->truth.weight, NULL));
    *out = event;
    event = NULL;
done:
    hg_event_destroy(ctx, event);
    return status;
}

static hg_status check_options(hg_context *ctx, const hg_simulate_options *o)
{
    hg_status status = HG_OK;
    const hg_gun *gun = &o->gun;
    HG_CHECK(o->pileup >= 0 && o->pileup <= 3000, HG_ERR_ARG, "pileup: found %g, expected 0 .. 3000", o->pileup);
    HG_CHECK(o->sigma_xy_mm >= 0 && o->sigma_z_mm >= 0 && o->sigma_z_mm <= 1000, HG_ERR_ARG, "luminous region: found %g x %g mm",
             o->sigma_xy_mm, o->sigma_z_mm);
    HG_CHECK(o->multiplicity >= 0 && o->multiplicity <= 5000, HG_ERR_ARG, "multiplicity: found %g, expected 0 .. 5000", o->multiplicity);
    HG_CHECK(o->eta_max > 0 && o->eta_max <= 6 && o->pt_min_gev >= 0.1 && o->pt_min_gev < 100, HG_ERR_ARG,
             "acceptance: found |eta| < %g, pT > %g GeV, expected 0 .. 6 and 0.1 .. 100", o->eta_max, o->pt_min_gev);
    HG_CHECK(o->inefficiency >= 0 && o->inefficiency <= 1 && o->noise_per_module <= 1000 && o->grazing_cosine < 1, HG_ERR_ARG,
             "inefficiency %g, noise per module %g, grazing cosine %g: expected 0 .. 1, at most 1000, below 1", o->inefficiency,
             o->noise_per_module, o->grazing_cosine);
    HG_CHECK(o->max_turns > 0 && o->max_turns <= 100, HG_ERR_ARG, "max_turns: found %g, expected up to 100", o->max_turns);
    HG_CHECK(o->weight_rule == HG_WEIGHTS_PHASE_1 || o->weight_rule == HG_WEIGHTS_PHASE_2, HG_ERR_ARG,
             "weight rule: found %" PRId64 ", expected 1 or 2", o->weight_rule);
    if (gun->n == 0) return HG_OK;
    HG_CHECK(gun->n > 0 && gun->n <= 100000000, HG_ERR_ARG, "gun: found %" PRId64 " particles", gun->n);
    HG_CHECK(gun->pdg == (int32_t)gun->pdg && hg_sim_charge((int32_t)gun->pdg) != 0, HG_ERR_ARG,
             "gun: found particle type %" PRId64 ", expected 11, 13, 211, 321, 2212 or their negatives", gun->pdg);
    HG_CHECK(gun->pt_gev[0] > 0 && gun->pt_gev[1] >= gun->pt_gev[0] && gun->pt_gev[1] < 1e5, HG_ERR_ARG,
             "gun: found pT %g .. %g GeV, expected two rising numbers above 0", gun->pt_gev[0], gun->pt_gev[1]);
    HG_CHECK(fabs(gun->eta[0]) <= 6 && fabs(gun->eta[1]) <= 6, HG_ERR_ARG, "gun: found eta %g .. %g, expected -6 .. 6", gun->eta[0],
             gun->eta[1]);
    HG_CHECK(isfinite(gun->phi[0] + gun->phi[1] + gun->d0_mm[0] + gun->d0_mm[1] + gun->z0_mm[0] + gun->z0_mm[1]), HG_ERR_ARG,
             "gun: found a range that is not finite");
done:
    return status;
}

hg_status hg_simulate_event(hg_context *ctx, const hg_simulate_options *options, const hg_detector *detector, const hg_field *field,
                            const hg_material *material, uint64_t seed, uint64_t event_number, hg_event **out)
{
    hg_status status = HG_OK;
    hg_sim_world world = {.detector = detector, .field = field, .seed = seed, .event = event_number};
    hg_sim_buffer born = {0};
    blocks flown = {0}, read = {0};
    module_hits sorted = {0};
    world.options = options ? *options : hg_simulate_default_options();
    if (material) world.material = *material;
    HG_TRY(check_options(ctx, &world.options));
    HG_TRY(hg_sim_world_fill(ctx, &world));
    HG_TRY(hg_sim_generate(ctx, &world, &born));
    HG_TRY(fly_all(ctx, &world, &born, &flown));
    HG_TRY(sort_by_module(ctx, &world, &flown, &sorted));
    HG_TRY(read_out_all(ctx, &world, &sorted, &read));
    HG_TRY(lay_down(ctx, &world, &flown, &read, out));
done:
    hg_free(ctx, sorted.offset);
    hg_free(ctx, sorted.hit);
    hg_free(ctx, sorted.cell);
    clear_blocks(ctx, &flown);
    clear_blocks(ctx, &read);
    hg_sim_buffer_clear(ctx, &born);
    hg_sim_world_clear(ctx, &world);
    return status;
}
