/* simulate_flight.c — one particle through field, material and modules, and all that comes of it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "datasets/simulation.h"
#include "base/check.h"
#include "base/memory.h"
#include "tracking/energy_loss.h"

/* lambda_I = 4.96 X0 in silicon; the data ask for more interactions than that (losses of tracks, secondaries): the factor is tuned. */
static const double lambda_per_x0 = 4.96, interaction_factor = 2.9;
static const double tolerance_mm = 1e-3, step_max_mm = 100, step_min_mm = 1, step_turn_rad = 0.1, p_min_gev = 0.05;
/* A crossing so near to the end of a step may belong to either of two steps; a module is hit once only, so both may claim it. */
static const double edge_mm = 1e-6;
/* A particle that was put on a surface is not put there again within this distance. */
static const double surface_gap_mm = 0.01;
enum { MAX_STEPS = 20000, MAX_FAMILY = 1024 };

/* A step of length h as a cubic in the path length: ends and directions are exact. */
typedef struct cubic {
    double h, a[3], b[3], ta[3], tb[3];
} cubic;

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void path_at(const cubic *path, double s, double r[3], double t[3])
{
    const double x = s / path->h, y = 1 - x, h = path->h;
    for (int i = 0; i < 3; ++i) {
        const double d = path->b[i] - path->a[i];
        r[i] = path->a[i] + x * x * (3 - 2 * x) * d + h * x * y * (y * path->ta[i] - x * path->tb[i]);
        t[i] = 6 * x * y * d / h + y * (1 - 3 * x) * path->ta[i] + x * (3 * x - 2) * path->tb[i];
    }
}

/* What a particle carries on its way. */
typedef struct traveller {
    const hg_sim_world *world;
    const hg_sim_particle *particle;
    hg_random *random;
    hg_stepper stepper;
    int64_t first_hit; /* of this particle in the buffer */
    int64_t surface;   /* where it stands, -1 = on none */
    double turned;     /* rad */
    int32_t *n_secondaries;
    hg_sim_buffer *out, *family;
} traveller;

static double momentum(const traveller *flight)
{
    return fabs(1 / flight->stepper.state.qop);
}

/* Path length to a surface or plane F = 0 by Newton steps from a first guess; negative when it is not inside the step. */
static double path_to_plane(const cubic *path, const double normal[3], const double point[3])
{
    double r[3], t[3], chord[3], away[3];
    for (int i = 0; i < 3; ++i) {
        chord[i] = path->b[i] - path->a[i];
        away[i] = point[i] - path->a[i];
    }
    double s = path->h * dot(normal, away) / dot(normal, chord);
    for (int k = 0; k < 4; ++k) {
        if (!(s > -path->h && s < 2 * path->h)) return -1;
        path_at(path, s, r, t);
        for (int i = 0; i < 3; ++i) away[i] = point[i] - r[i];
        s += dot(normal, away) / dot(normal, t);
    }
    return s > -edge_mm && s < path->h + edge_mm ? fmax(s, 0) : -1;
}

static double path_to_cylinder(const cubic *path, double radius)
{
    const double ra = hypot(path->a[0], path->a[1]), rb = hypot(path->b[0], path->b[1]);
    double r[3], t[3], s = path->h * (radius - ra) / (rb - ra);
    for (int k = 0; k < 5; ++k) {
        path_at(path, s, r, t);
        s -= (r[0] * r[0] + r[1] * r[1] - radius * radius) / (2 * (r[0] * t[0] + r[1] * t[1]));
        if (!(s >= 0 && s <= path->h)) return -1;
    }
    return s;
}

/* The nearest material surface inside the step, or -1. */
static int64_t find_material(const traveller *flight, const cubic *path, double *length)
{
    const hg_material *material = &flight->world->material;
    const double ra = hypot(path->a[0], path->a[1]), rb = hypot(path->b[0], path->b[1]);
    int64_t nearest = -1;
    for (int64_t i = 0; i < material->n; ++i) {
        const hg_material_surface *surface = &material->surface[i];
        const double before = surface->cylinder ? ra : path->a[2], after = surface->cylinder ? rb : path->b[2];
        if ((before - surface->position) * (after - surface->position) >= 0) continue;
        const double normal[3] = {0, 0, 1}, point[3] = {0, 0, surface->position};
        const double s = surface->cylinder ? path_to_cylinder(path, surface->position) : path_to_plane(path, normal, point);
        if (s < 0 || (i == flight->surface && s < surface_gap_mm) || (nearest >= 0 && s >= *length)) continue;
        double r[3], t[3];
        path_at(path, s, r, t);
        const double other = surface->cylinder ? r[2] : hypot(r[0], r[1]);
        if (other < surface->low || other > surface->high) continue;
        nearest = i;
        *length = s;
    }
    return nearest;
}

/* The stepper is moved by s exactly, in as many steps as its error control wants. */
static void advance(hg_stepper *stepper, double s)
{
    while (s > 1e-9) s -= hg_stepper_step(stepper, s);
}

static bool was_hit(const traveller *flight, int64_t module)
{
    for (int64_t i = flight->first_hit; i < flight->out->n_hits; ++i)
        if (flight->out->hit[i].module == module) return true;
    return false;
}

/* The crossing of one module at about path length s: exact position and momentum, then its cluster. */
static hg_status hit_module(hg_context *ctx, traveller *flight, int64_t index, double s)
{
    const hg_module *module = &flight->world->detector->modules[index];
    const hg_surface surface = hg_surface_of_module(module);
    hg_stepper stepper = flight->stepper;
    advance(&stepper, s);
    const double *t = stepper.state.t;
    const double across = dot(surface.normal, t);
    double local[3], direction[3];
    hg_sim_to_local(module, stepper.state.r, local);
    const double rest = -local[2] / across; /* the cubic is good to a micron: a straight line does the rest */
    hg_sim_hit hit = {.module = index, .particle_id = flight->particle->id};
    for (int i = 0; i < 3; ++i) {
        hit.truth[i] = stepper.state.r[i] + rest * t[i];
        hit.p[i] = momentum(flight) * t[i];
    }
    hg_sim_to_local(module, hit.truth, local);
    if (!hg_sim_inside(module, local[0], local[1]) || fabs(across) < flight->world->options.grazing_cosine) return HG_OK;
    hg_sim_turn_to_local(module, t, direction);
    if (hg_random_uniform(flight->random) < flight->world->options.inefficiency) return HG_OK;
    return hg_sim_digitise(ctx, flight->world, &hit, local, direction, flight->random, flight->out);
}

typedef struct crossing {
    double s;
    int64_t module;
} crossing;

/* All modules crossed within the first `limit` of the step, in order. */
static hg_status hit_modules(hg_context *ctx, traveller *flight, const cubic *path, double limit)
{
    hg_status status = HG_OK;
    int64_t candidate[HG_SIM_MAX_CANDIDATES];
    crossing found[HG_SIM_MAX_CANDIDATES];
    double k[3];
    hg_stepper_curvature(&flight->stepper, k);
    const double sagitta = path->h * path->h / 6 * sqrt(dot(k, k));
    const int n = hg_sim_candidates(flight->world, path->a, path->b, sagitta, candidate);
    int n_found = 0;
    for (int i = 0; i < n; ++i) {
        const hg_module *module = &flight->world->detector->modules[candidate[i]];
        const double normal[3] = {module->rotation[2], module->rotation[5], module->rotation[8]};
        const double s = path_to_plane(path, normal, module->center);
        if (s < 0 || s > limit || was_hit(flight, candidate[i])) continue;
        int place = n_found++;
        for (; place > 0 && (found[place - 1].s > s || (found[place - 1].s == s && found[place - 1].module > candidate[i])); --place)
            found[place] = found[place - 1];
        found[place] = (crossing){s, candidate[i]};
    }
    for (int i = 0; i < n_found; ++i) HG_TRY(hit_module(ctx, flight, found[i].module, found[i].s));
done:
    return status;
}

/* Effects of the material surface where the particle stands. *alive = false: it ended here. */
static hg_status cross_material(hg_context *ctx, traveller *flight, int64_t index, bool *alive)
{
    const hg_simulate_options *options = &flight->world->options;
    const hg_material_surface *surface = &flight->world->material.surface[index];
    hg_free_state *state = &flight->stepper.state;
    const hg_sim_particle *particle = flight->particle;
    const double r = hypot(state->r[0], state->r[1]), mass = particle->mass_gev;
    const double across = surface->cylinder ? fabs(state->r[0] * state->t[0] + state->r[1] * state->t[1]) / r : fabs(state->t[2]);
    const double cosine = fmax(across, 0.05), thickness = surface->x_over_x0 / cosine;
    const bool hadron = particle->pdg > 100 || particle->pdg < -100;
    double p = particle->q ? momentum(flight) : sqrt(dot(particle->p, particle->p));

    if (options->interactions && hadron && hg_random_uniform(flight->random) < 1 - exp(-thickness * interaction_factor / lambda_per_x0)) {
        *alive = false;
        return hg_sim_interact(ctx, particle, state->r, state->t, p, flight->n_secondaries, flight->random, flight->family);
    }
    if (particle->q == 0) return HG_OK;
    if (options->scattering) {
        const double tail = hg_random_uniform(flight->random) < options->scattering_tail ? 3 : 1;
        const double theta0 = tail * hg_scattering_angle(p, mass, thickness);
        const double angle_1 = theta0 * hg_random_normal(flight->random), angle_2 = theta0 * hg_random_normal(flight->random);
        hg_sim_deflect(state->t, angle_1, angle_2);
    }
    if (options->energy_loss && surface->loss_mev > 0) {
        /* Moyal's density is that of -log(z^2) in units of Landau's xi; its median is 0.7876. The surface's loss was measured as a median.
         */
        double sigma, z = hg_random_normal(flight->random);
        const double middle = hg_surface_loss(surface, p, mass, cosine, &sigma), loss = middle - sigma / 1.706 * (log(z * z) + 0.7876);
        const double energy = hypot(p, mass) - 1e-3 * fmax(loss, 0);
        p = energy > mass ? sqrt(energy * energy - mass * mass) : 0;
        *alive = p > p_min_gev;
        if (*alive) state->qop = particle->q / p;
    }
    return HG_OK;
}

static double step_length(const traveller *flight)
{
    double k[3];
    hg_stepper_curvature(&flight->stepper, k);
    const double turn_per_mm = sqrt(dot(k, k));
    return fmax(step_min_mm, fmin(step_max_mm, turn_per_mm > 0 ? step_turn_rad / turn_per_mm : step_max_mm));
}

/* One step, cut at the first material surface. */
static hg_status fly_step(hg_context *ctx, traveller *flight, bool *alive)
{
    hg_status status = HG_OK;
    cubic path;
    double length = 0;
    hg_stepper *stepper = &flight->stepper, next = *stepper;
    path.h = hg_stepper_step(&next, step_length(flight));
    for (int i = 0; i < 3; ++i) {
        path.a[i] = stepper->state.r[i];
        path.ta[i] = stepper->state.t[i];
        path.b[i] = next.state.r[i];
        path.tb[i] = next.state.t[i];
    }
    const int64_t surface = find_material(flight, &path, &length);
    if (surface < 0) length = path.h;
    if (flight->particle->q != 0) HG_TRY(hit_modules(ctx, flight, &path, length));

    flight->turned += length * fabs(HG_CURVATURE_CONSTANT * stepper->state.qop * stepper->b[2]);
    if (surface < 0) {
        *stepper = next;
        if (flight->surface >= 0 && length > surface_gap_mm) flight->surface = -1;
    } else {
        advance(stepper, length);
        flight->surface = surface;
        HG_TRY(cross_material(ctx, flight, surface, alive));
    }
done:
    return status;
}

static hg_status fly_one(hg_context *ctx, traveller *flight)
{
    hg_status status = HG_OK;
    const hg_sim_world *world = flight->world;
    const hg_sim_particle *particle = flight->particle;
    const double p = sqrt(dot(particle->p, particle->p));
    hg_free_state start = {.qop = particle->q / p};
    for (int i = 0; i < 3; ++i) {
        start.r[i] = particle->vertex[i];
        start.t[i] = particle->p[i] / p;
    }
    flight->stepper = hg_stepper_start(world->field, tolerance_mm, &start, NULL);
    bool alive = true;
    for (int step = 0; alive && step < MAX_STEPS; ++step) {
        const double *r = flight->stepper.state.r;
        if (hypot(r[0], r[1]) > world->r_max || fabs(r[2]) > world->z_max) break;
        if (flight->turned > 2 * M_PI * world->options.max_turns) break;
        HG_TRY(fly_step(ctx, flight, &alive));
    }
done:
    return status;
}

/* Secondaries are born on the surface where their parent ended. */
static int64_t birth_surface(const hg_material *material, const double point[3])
{
    for (int64_t i = 0; i < material->n; ++i) {
        const double at = material->surface[i].cylinder ? hypot(point[0], point[1]) : point[2];
        if (fabs(at - material->surface[i].position) < surface_gap_mm) return i;
    }
    return -1;
}

hg_status hg_sim_fly(hg_context *ctx, const hg_sim_world *world, const hg_sim_particle *primary, hg_random *random, hg_sim_buffer *out)
{
    hg_status status = HG_OK;
    hg_sim_buffer family = {0};
    int32_t n_secondaries = 0;
    HG_TRY(hg_sim_add_particle(ctx, &family, primary));
    for (int64_t i = 0; i < family.n_particles && i < MAX_FAMILY; ++i) {
        const hg_sim_particle particle = family.particle[i];
        traveller flight = {.world = world,
                            .particle = &particle,
                            .random = random,
                            .first_hit = out->n_hits,
                            .surface = -1,
                            .n_secondaries = &n_secondaries,
                            .out = out,
                            .family = &family};
        if (i > 0) flight.surface = birth_surface(&world->material, particle.vertex);
        if (particle.q != 0) HG_TRY(hg_sim_add_particle(ctx, out, &particle));
        /* secondaries below the generator's cut are listed but not followed, as in the challenge */
        if (i == 0 || hypot(particle.p[0], particle.p[1]) >= world->options.pt_min_gev) HG_TRY(fly_one(ctx, &flight));
    }
done:
    hg_sim_buffer_clear(ctx, &family);
    return status;
}
