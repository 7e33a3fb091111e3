/* datasets/acts_event.c — one event from CSV files of ACTS: simulated hits and the particles that made them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/acts.h"

#include <math.h>
#include <string.h>
#include "base/check.h"
#include "base/memory.h"
#include "datasets/csv.h"
#include "datasets/geometry_id.h"
#include "datasets/id_index.h"
#include "datasets/trackml.h"

enum { ROWS_MOST = 50 * 1000 * 1000, ID_PARTS = 5 };

/* A particle's id: one column in old files, five in new ones. */
enum { ID_ONE, ID_FIVE, ID_LINE = ID_FIVE + ID_PARTS, ID_COLUMNS };
#define ID_COLUMN_LIST                                                                                                                     \
    [ID_ONE] = {"particle_id", HG_CSV_U64, true, NULL}, [ID_FIVE] = {"particle_id_pv", HG_CSV_U64, true, NULL},                            \
    [ID_FIVE + 1] = {"particle_id_sv", HG_CSV_U64, true, NULL}, [ID_FIVE + 2] = {"particle_id_part", HG_CSV_U64, true, NULL},              \
    [ID_FIVE + 3] = {"particle_id_gen", HG_CSV_U64, true, NULL},                                                                           \
    [ID_FIVE + 4] = {"particle_id_subpart", HG_CSV_U64, true, NULL}, [ID_LINE] = {NULL, HG_CSV_LINE, false, NULL}

/* Parts of an id: where they lie in ACTS's old 64 bits, and where in TrackML's. */
static const struct {
    const char *name;
    int acts_shift, acts_bits, shift, bits;
} id_parts[ID_PARTS] = {
    {"primary vertex", 52, 12, 52, 12}, {"secondary vertex", 40, 12, 12, 12}, {"particle", 24, 16, 36, 16},
    {"generation", 16, 8, 24, 12},      {"sub-particle", 0, 16, 0, 12},
};

enum { HIT_ID = ID_COLUMNS, GEOMETRY, PLACE, MOMENTUM = PLACE + 3, HIT_COLUMNS = MOMENTUM + 3 };
static const hg_csv_column hit_columns[HIT_COLUMNS] = {
    ID_COLUMN_LIST,
    [HIT_ID] = {"hit_id", HG_CSV_U64, true, NULL},
    [GEOMETRY] = {"geometry_id", HG_CSV_U64, false, NULL},
    [PLACE] = {"tx", HG_CSV_F64, false, NULL},
    [PLACE + 1] = {"ty", HG_CSV_F64, false, NULL},
    [PLACE + 2] = {"tz", HG_CSV_F64, false, NULL},
    [MOMENTUM] = {"tpx", HG_CSV_F64, false, NULL},
    [MOMENTUM + 1] = {"tpy", HG_CSV_F64, false, NULL},
    [MOMENTUM + 2] = {"tpz", HG_CSV_F64, false, NULL},
};

enum { TYPE = ID_COLUMNS, CHARGE, VERTEX, START = VERTEX + 3, PARTICLE_COLUMNS = START + 3 };
static const hg_csv_column particle_columns[PARTICLE_COLUMNS] = {
    ID_COLUMN_LIST,
    [TYPE] = {"particle_type", HG_CSV_I32, true, NULL},
    [CHARGE] = {"q", HG_CSV_F64, false, NULL},
    [VERTEX] = {"vx", HG_CSV_F64, false, NULL},
    [VERTEX + 1] = {"vy", HG_CSV_F64, false, NULL},
    [VERTEX + 2] = {"vz", HG_CSV_F64, false, NULL},
    [START] = {"px", HG_CSV_F64, false, NULL},
    [START + 1] = {"py", HG_CSV_F64, false, NULL},
    [START + 2] = {"pz", HG_CSV_F64, false, NULL},
};

typedef struct table {
    bool there;
    char path[PATH_MAX];
    int64_t rows;
} table;

typedef struct event_tables {
    table hits, particles;
    hg_csv_column hit[HIT_COLUMNS], particle[PARTICLE_COLUMNS];
    hg_id_index particle_index, hit_index;
} event_tables;

static int64_t line_of(const hg_csv_column *columns, int64_t row)
{
    return ((const int64_t *)columns[ID_LINE].data)[row];
}

static uint64_t id_part(const hg_csv_column *columns, int part, int64_t row)
{
    if (!columns[ID_ONE].data) return ((const uint64_t *)columns[ID_FIVE + part].data)[row];
    const uint64_t id = ((const uint64_t *)columns[ID_ONE].data)[row];
    return id >> id_parts[part].acts_shift & (((uint64_t)1 << id_parts[part].acts_bits) - 1);
}

/* The ids of all rows as TrackML packs them. ids: [rows]. */
static hg_status pack_ids(hg_context *ctx, const table *file, const hg_csv_column *columns, uint64_t *ids)
{
    hg_status status = HG_OK;
    for (int part = 0; part < ID_PARTS; ++part)
        HG_CHECK(columns[ID_ONE].data || columns[ID_FIVE + part].data, HG_ERR_FORMAT,
                 "%s:1: column 'particle_id' or '%s' is missing: a particle has one column, or five", file->path,
                 columns[ID_FIVE + part].name);
    for (int64_t row = 0; row < file->rows; ++row) {
        uint64_t id = 0;
        for (int part = 0; part < ID_PARTS; ++part) {
            const uint64_t value = id_part(columns, part, row);
            HG_CHECK(value < (uint64_t)1 << id_parts[part].bits, HG_ERR_LIMIT,
                     "%s:%" PRId64 ": particle: %s %" PRIu64 " does not fit into %d bits", file->path, line_of(columns, row),
                     id_parts[part].name, value, id_parts[part].bits);
            id |= value << id_parts[part].shift;
        }
        ids[row] = id;
    }
done:
    return status;
}

static hg_status read_tables(hg_context *ctx, const char *prefix, unsigned parts, event_tables *t)
{
    hg_status status = HG_OK;
    memcpy(t->hit, hit_columns, sizeof hit_columns);
    memcpy(t->particle, particle_columns, sizeof particle_columns);
    t->hits.there = hg_trackml_find(prefix, "hits", t->hits.path);
    HG_TRY(hg_csv_read(ctx, t->hits.path, t->hit, HIT_COLUMNS, ROWS_MOST, &t->hits.rows));
    if (!(parts & HG_PART_PARTICLES)) return HG_OK;
    t->particles.there =
        hg_trackml_find(prefix, "particles_initial", t->particles.path) || hg_trackml_find(prefix, "particles", t->particles.path);
    if (t->particles.there) HG_TRY(hg_csv_read(ctx, t->particles.path, t->particle, PARTICLE_COLUMNS, ROWS_MOST, &t->particles.rows));
done:
    return status;
}

static void copy_numbers(const hg_csv_column *from, int64_t rows, double *const *to, int n)
{
    for (int c = 0; c < n; ++c) memcpy(to[c], from[c].data, (size_t)rows * sizeof(double));
}

static hg_status fill_hits(hg_context *ctx, event_tables *t, hg_event *event)
{
    hg_status status = HG_OK;
    const uint64_t *geometry = t->hit[GEOMETRY].data, *number = t->hit[HIT_ID].data;
    hg_hits *hits = &event->hits;
    int64_t twice = -1;
    copy_numbers(&t->hit[PLACE], hits->n, (double *const[]){hits->x, hits->y, hits->z}, 3);
    for (int64_t i = 0; i < hits->n; ++i) {
        HG_CHECK(hg_id_is_module(geometry[i]), HG_ERR_DATA, "%s:%" PRId64 ": column 'geometry_id': found %" PRIu64 ", expected a sensor",
                 t->hits.path, line_of(t->hit, i), geometry[i]);
        hits->hit_id[i] = number ? number[i] : (uint64_t)i;
        hits->volume_id[i] = hg_id_volume(geometry[i]);
        hits->layer_id[i] = hg_id_layer(geometry[i]);
        hits->module_id[i] = hg_id_module(geometry[i]);
    }
    HG_TRY(hg_id_index_build(ctx, hits->hit_id, hits->n, &t->hit_index, &twice));
    HG_CHECK(twice < 0, HG_ERR_DATA, "%s:%" PRId64 ": column 'hit_id': %" PRIu64 " is there twice", t->hits.path, line_of(t->hit, twice),
             hits->hit_id[twice]);
done:
    return status;
}

/* The truth is in the hits themselves; there are no weights. */
static hg_status fill_truth(hg_context *ctx, const event_tables *t, hg_event *event)
{
    const hg_truth *truth = &event->truth;
    double *const to[] = {truth->tx, truth->ty, truth->tz, truth->tpx, truth->tpy, truth->tpz};
    copy_numbers(&t->hit[PLACE], event->hits.n, to, 6);
    return pack_ids(ctx, &t->hits, t->hit, truth->particle_id);
}

static hg_status fill_particles(hg_context *ctx, event_tables *t, hg_event *event)
{
    hg_status status = HG_OK;
    hg_particles *p = &event->particles;
    int64_t twice = -1;
    double *const to[] = {p->vx, p->vy, p->vz, p->px, p->py, p->pz};
    copy_numbers(&t->particle[VERTEX], p->n, to, 6);
    HG_TRY(pack_ids(ctx, &t->particles, t->particle, p->particle_id));
    HG_TRY(hg_id_index_build(ctx, p->particle_id, p->n, &t->particle_index, &twice));
    HG_CHECK(twice < 0, HG_ERR_DATA, "%s:%" PRId64 ": a particle that is there twice", t->particles.path, line_of(t->particle, twice));
    for (int64_t k = 0; k < p->n; ++k) {
        const double charge = ((const double *)t->particle[CHARGE].data)[k];
        HG_CHECK(fabs(charge) < 1000, HG_ERR_DATA, "%s:%" PRId64 ": column 'q': found %g, expected a charge in e", t->particles.path,
                 line_of(t->particle, k), charge);
        p->q[k] = (int32_t)lround(charge);
        if (t->particle[TYPE].data) p->pdg[k] = ((const int32_t *)t->particle[TYPE].data)[k];
    }
    if (!t->particle[TYPE].data) {
        hg_free(ctx, p->pdg);
        p->pdg = NULL;
    }
done:
    return status;
}

/* Every hit's particle is in the list, and its hits are counted. */
static hg_status count_hits(hg_context *ctx, const event_tables *t, hg_event *event)
{
    hg_status status = HG_OK;
    for (int64_t i = 0; i < event->hits.n; ++i) {
        const int64_t k = hg_id_index_find(&t->particle_index, event->truth.particle_id[i]);
        HG_CHECK(k >= 0, HG_ERR_DATA, "%s:%" PRId64 ": its particle is not in %s", t->hits.path, line_of(t->hit, i), t->particles.path);
        ++event->particles.nhits[k];
    }
done:
    return status;
}

hg_status hg_acts_event_read(hg_context *ctx, const char *prefix, uint64_t event_id, unsigned parts, hg_event **out)
{
    hg_status status = HG_OK;
    event_tables *t = NULL;
    hg_event *event = NULL;

    HG_TRY(hg_alloc(ctx, &t, 1));
    HG_TRY(read_tables(ctx, prefix, parts, t));
    HG_TRY(hg_event_create(ctx, t->hits.rows, -1, t->particles.there ? t->particles.rows : -1, parts & HG_PART_TRUTH, &event));
    event->event_id = event_id;
    HG_TRY(fill_hits(ctx, t, event));
    if (event->has_truth) HG_TRY(fill_truth(ctx, t, event));
    if (event->has_particles) HG_TRY(fill_particles(ctx, t, event));
    if (event->has_particles && event->has_truth) HG_TRY(count_hits(ctx, t, event));
    *out = event;
    event = NULL;
done:
    hg_event_destroy(ctx, event);
    if (t) {
        hg_csv_free(ctx, t->hit, HIT_COLUMNS);
        hg_csv_free(ctx, t->particle, PARTICLE_COLUMNS);
        hg_id_index_release(ctx, &t->hit_index);
        hg_id_index_release(ctx, &t->particle_index);
    }
    hg_free(ctx, t);
    return status;
}
