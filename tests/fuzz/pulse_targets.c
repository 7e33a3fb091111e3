/* pulse_targets.c — readers of the events of neutrino telescopes and of what classifiers say of them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/score_table.h"
#include "hitgraph/pulse_files.h"
#include "tests/fuzz/fuzz.h"

enum { EVENTS = 3, PULSES = 4 };

static bool seed_pulses_h5(int number)
{
    hg_pulse_events *e = NULL;
    if (number > 0) return false;
    fuzz_must(hg_pulse_events_create(fuzz_ctx, EVENTS, PULSES, 0,
                                     HG_PULSE_HLC | HG_TRUTH_LABEL | HG_TRUTH_ENERGY | HG_TRUTH_DIR | HG_TRUTH_VERTEX, &e));
    memcpy(e->offset, ((const int64_t[]){0, 3, 3, 4}), sizeof(int64_t[EVENTS + 1]));
    for (int i = 0; i < EVENTS; ++i) e->event_id[i] = (uint64_t)(9 - 2 * i), e->truth.energy[i] = 1000, e->truth.dir[3 * i + 2] = -1;
    for (int i = 0; i < PULSES; ++i) e->pulses.x[i] = (float)(50 * i), e->pulses.t[i] = 9700, e->pulses.q[i] = 1, e->pulses.hlc[i] = i == 1;
    fuzz_must(hg_pulses_h5_write(fuzz_ctx, fuzz_path("pulses.h5"), NULL, e));
    hg_pulse_events_destroy(fuzz_ctx, e);
    return true;
}

static hg_status read_pulses(const char *name)
{
    hg_pulse_events *events = FUZZ_UNTOUCHED;
    const hg_pulse_read_options options = {.direction = HG_DIR_TO};
    const hg_status status = hg_pulse_events_read(fuzz_ctx, fuzz_path(name), &options, NULL, &events);
    if (status < 0) {
        fuzz_require(events == FUZZ_UNTOUCHED);
        return status;
    }
    fuzz_require(events->offset[0] == 0 && events->offset[events->n_events] == events->n_pulses);
    for (int64_t e = 0; e < events->n_events; ++e) fuzz_require(events->offset[e] <= events->offset[e + 1]);
    for (int64_t i = 0; i < events->n_pulses; ++i) {
        fuzz_require(events->pulses.q[i] >= 0);
        if (events->pulses.sensor) fuzz_require(events->pulses.sensor[i] >= -1 && events->pulses.sensor[i] < events->sensors.n);
    }
    hg_pulse_events_destroy(fuzz_ctx, events);
    return status;
}

static hg_status read_pulses_h5(void)
{
    return read_pulses("pulses.h5");
}

static const fuzz_column pulse_columns[] = {
    {"/events/offset", HG_H5_I64, 0}, {"/events/event_id", HG_H5_U64, 0},
    {"/events/t0", HG_H5_F64, 0},     {"/events/label", HG_H5_I32, 0},
    {"/events/energy", HG_H5_F32, 0}, {"/events/dir", HG_H5_F32, 3},
    {"/events/vertex", HG_H5_F32, 4}, {"/pulses/x", HG_H5_F32, 0},
    {"/pulses/y", HG_H5_F32, 0},      {"/pulses/z", HG_H5_F32, 0},
    {"/pulses/t", HG_H5_F32, 0},      {"/pulses/q", HG_H5_F32, 0},
    {"/pulses/hlc", HG_H5_U8, 0},     {NULL, HG_H5_U8, 0},
};

/* Two events, as GraphNeT's tables hold them; made by the program sqlite3. */
static bool seed_sqlite(int number)
{
    char command[1200];
    if (number > 0) return false;
    remove(fuzz_path("pulses.db"));
    snprintf(command, sizeof command,
             "sqlite3 %s \"PRAGMA page_size=512;"
             "CREATE TABLE hits(event_no, dom_x, dom_y, dom_z, dom_time, charge, string, dom_number);"
             "CREATE TABLE truth(event_no INTEGER PRIMARY KEY, zenith, azimuth, energy);"
             "INSERT INTO hits VALUES (1,0,0,0,5,1,1,1),(1,50,0,-17,9.5,2.25,1,2),(2,0,0,0,7,1,1,1);"
             "INSERT INTO truth VALUES (1,0.5,1,10),(2,1.5,3,100);\"",
             fuzz_path("pulses.db"));
    fuzz_require(system(command) == 0);
    return true;
}

static hg_status read_sqlite(void)
{
    return read_pulses("pulses.db");
}

static bool seed_kaggle(int number)
{
    static const char batch[] =
        "event_id,sensor_id,time,charge,auxiliary\n24,0,5928,1.325,True\n24,1,6115,1.175,False\n41,0,6492,0.925,True\n",
                      geometry[] = "sensor_id,x,y,z\n0,-256.14,-521.08,496.03\n1,-256.14,-521.08,479.01\n",
                      meta[] = "batch_id,event_id,first_pulse_index,last_pulse_index,azimuth,zenith\n1,24,0,1,5.0,2.1\n1,41,2,2,0.4,1.5\n";
    if (number > 0) return false;
    fuzz_write("sensor_geometry.csv", geometry, sizeof geometry - 1);
    fuzz_write("train_meta.csv", meta, sizeof meta - 1);
    fuzz_write("batch_1.csv", batch, sizeof batch - 1);
    return true;
}

static hg_status read_kaggle(void)
{
    return read_pulses("batch_1.csv");
}

static bool seed_km3net(int number)
{
    static const char text[] =
        "dom_id,channel_id,floor,detection_unit,t,tot,pos_x,pos_y,pos_z,dir_x,dir_y,dir_z,triggered\n"
        "808965918,3,10,9,5e7,27,121.05,122.5,389.7,0,0,-1,1\n817565754,30,18,16,50000020.5,4,-17.6,313.2,689.5,0,1,0,0\n";
    if (number == 0) fuzz_write("hits.csv", text, sizeof text - 1);
    return number == 0;
}

static hg_status read_km3net(void)
{
    return read_pulses("hits.csv");
}

static bool seed_scores(int number)
{
    hg_score_table table = {.n = 2};
    float *energy = NULL;
    if (number > 0) return false;
    fuzz_must(hg_alloc(fuzz_ctx, &table.event_id, table.n));
    table.event_id[1] = 7;
    fuzz_must(hg_score_table_add(fuzz_ctx, &table, hg_score_columns[0].name, &energy));
    energy[0] = 0.5f;
    fuzz_must(hg_score_table_write(fuzz_ctx, fuzz_path("scores.csv"), NULL, &table));
    hg_score_table_clear(fuzz_ctx, &table);
    return true;
}

static hg_status read_scores(void)
{
    static const hg_score_table nothing;
    hg_score_table table = {0};
    const hg_status status = hg_score_table_read(fuzz_ctx, fuzz_path("scores.csv"), &table);
    if (status < 0) fuzz_require(memcmp(&table, &nothing, sizeof table) == 0);
    hg_score_table_clear(fuzz_ctx, &table);
    return status;
}

const fuzz_target fuzz_pulse_targets[] = {
    {"pulses_h5", "pulses.h5", seed_pulses_h5, read_pulses_h5, HG_OK, NULL, NULL},
    {"pulse_numbers", "pulses.h5", seed_pulses_h5, read_pulses_h5, HG_OK, pulse_columns, "pulses"},
    {"sqlite", "pulses.db", seed_sqlite, read_sqlite, HG_OK, NULL, NULL},
    {"kaggle", "batch_1.csv", seed_kaggle, read_kaggle, HG_OK, NULL, NULL},
    {"kaggle_geometry", "sensor_geometry.csv", seed_kaggle, read_kaggle, HG_OK, NULL, NULL},
    {"kaggle_meta", "train_meta.csv", seed_kaggle, read_kaggle, HG_OK, NULL, NULL},
    {"km3net", "hits.csv", seed_km3net, read_km3net, HG_OK, NULL, NULL},
    {"scores", "scores.csv", seed_scores, read_scores, HG_OK, NULL, NULL},
    {NULL, NULL, NULL, NULL, HG_OK, NULL, NULL},
};
