/* event_targets.c — readers of events, detectors and tracks. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/hdf5_files.h"
#include "hitgraph/submission.h"
#include "hitgraph/tracks_file.h"
#include "hitgraph/trackml.h"
#include "tests/fuzz/fuzz.h"

enum { HITS = 12, CELLS_A_HIT = 2, PARTICLES = 3, MODULES = 6 };
#define STEM "event000000005"

static hg_detector *small_detector(void)
{
    hg_module module[MODULES];
    hg_detector *detector = NULL;
    for (int m = 0; m < MODULES; ++m)
        module[m] = (hg_module){.volume_id = 8,
                                .layer_id = 2 + 2 * (m / 2),
                                .module_id = 1 + m % 2,
                                .center = {30 + 40 * (m / 2), 0, m % 2 ? 20 : -20},
                                .rotation = {0, 0, 1, 1, 0, 0, 0, 1, 0},
                                .thickness = 0.3,
                                .half_u_min = 8,
                                .half_u_max = 8,
                                .half_v = 36,
                                .pitch_u = 0.05,
                                .pitch_v = 0.05625};
    fuzz_must(hg_detector_create(fuzz_ctx, module, MODULES, &detector));
    return detector;
}

/* Hits of three particles on three layers, each particle four times. */
static hg_event *small_event(void)
{
    hg_event *e = NULL;
    fuzz_must(hg_event_create(fuzz_ctx, HITS, HITS * CELLS_A_HIT, PARTICLES, true, &e));
    e->event_id = 5;
    for (int i = 0; i < HITS; ++i) {
        const int layer = i / 4;
        e->hits.hit_id[i] = (uint64_t)(7 * i + 1);
        e->hits.x[i] = e->truth.tx[i] = 30 + 40 * layer;
        e->hits.y[i] = e->truth.ty[i] = 0.1 * i;
        e->hits.z[i] = e->truth.tz[i] = 5.5 * i - 20;
        e->hits.volume_id[i] = 8;
        e->hits.layer_id[i] = 2 + 2 * layer;
        e->hits.module_id[i] = 1 + i % 2;
        e->truth.particle_id[i] = i % 4 ? (uint64_t)(i % 4) << 56 | 3 : 0;
        e->truth.tpx[i] = 1.5, e->truth.weight[i] = 1.0 / HITS;
        e->cells.offset[i + 1] = CELLS_A_HIT * (i + 1);
        for (int c = CELLS_A_HIT * i; c < CELLS_A_HIT * (i + 1); ++c) e->cells.ch0[c] = c, e->cells.ch1[c] = 3, e->cells.value[c] = 0.5f;
    }
    for (int p = 0; p < PARTICLES; ++p) {
        e->particles.particle_id[p] = (uint64_t)(p + 1) << 56 | 3;
        e->particles.px[p] = 1.5, e->particles.q[p] = 1, e->particles.nhits[p] = 3, e->particles.pdg[p] = 13;
    }
    return e;
}

bool fuzz_seed_event(int number)
{
    if (number > 0) return false;
    hg_event *event = small_event();
    fuzz_must(hg_trackml_write(fuzz_ctx, event, fuzz_path(""), false));
    hg_event_destroy(fuzz_ctx, event);
    return true;
}

static bool seed_gzip(int number)
{
    if (number > 0) return false;
    hg_event *event = small_event();
    fuzz_must(hg_trackml_write(fuzz_ctx, event, fuzz_path(""), true));
    hg_event_destroy(fuzz_ctx, event);
    return true;
}

static bool seed_detector(int number)
{
    if (number > 0) return false;
    hg_detector *detector = small_detector();
    fuzz_must(hg_detector_write(fuzz_ctx, detector, fuzz_path("detectors.csv")));
    hg_detector_destroy(fuzz_ctx, detector);
    return true;
}

static bool seed_submission(int number)
{
    static const char text[] = "event_id,hit_id,track_id\n5,1,1\n5,8,1\n5,15,2\n5,22,0\n6,1,418837445421830145\n";
    if (number > 0) return false;
    fuzz_write("submission.csv", text, sizeof text - 1);
    return true;
}

static bool seed_events_h5(int number)
{
    hg_events_h5 *file = NULL;
    if (number > 0) return false;
    hg_event *event = small_event();
    hg_detector *detector = small_detector();
    fuzz_must(hg_events_h5_begin(fuzz_ctx, fuzz_path("events.h5"), NULL, detector, &file));
    for (int k = 0; k < 2; ++k, ++event->event_id) fuzz_must(hg_events_h5_append(fuzz_ctx, file, event));
    fuzz_must(hg_events_h5_commit(fuzz_ctx, file));
    hg_event_destroy(fuzz_ctx, event);
    hg_detector_destroy(fuzz_ctx, detector);
    return true;
}

static bool seed_tracks(int number)
{
    hg_tracks_h5 *file = NULL;
    hg_tracks *tracks = NULL;
    hg_graph *graph = NULL, *line = NULL;
    const int32_t sender[] = {0, 1, 2}, receiver[] = {1, 2, 3}, first[] = {0, 1}, second[] = {1, 2};
    const int64_t line_doublet[] = {0, 1, 2};
    const float doublet_score[] = {0.25f, 0.5f, 0.75f}, triplet_score[] = {0.125f, 1};
    int32_t seed_hit[] = {0, 1, 2};
    double params[5] = {0}, cov[15] = {0};
    float score[1] = {1};
    const hg_seeds seeds = {.n = 1, .hit = seed_hit, .params = params, .cov = cov, .score = score};
    if (number > 0) return false;
    hg_event *event = small_event();
    fuzz_must(hg_tracks_create(fuzz_ctx, 2, 7, &tracks));
    tracks->hit_offset[1] = 3, tracks->hit_offset[2] = 7;
    for (int32_t k = 0; k < 7; ++k) tracks->hit[k] = k;
    fuzz_must(hg_graph_create(fuzz_ctx, HITS, 3, sender, receiver, 1, NULL, &graph));
    fuzz_must(hg_graph_create(fuzz_ctx, 3, 2, first, second, 1, NULL, &line));
    fuzz_must(hg_tracks_h5_begin(fuzz_ctx, fuzz_path("tracks.h5"), NULL, &file));
    fuzz_must(hg_tracks_h5_append(fuzz_ctx, file,
                                  &(hg_track_record){.event_id = 5,
                                                     .hits = &event->hits,
                                                     .tracks = tracks,
                                                     .seeds = &seeds,
                                                     .doublets = graph,
                                                     .doublet_score = doublet_score,
                                                     .line = line,
                                                     .line_doublet = line_doublet,
                                                     .triplet_score = triplet_score}));
    fuzz_must(hg_tracks_h5_commit(fuzz_ctx, file));
    hg_graph_destroy(fuzz_ctx, graph);
    hg_graph_destroy(fuzz_ctx, line);
    hg_tracks_destroy(fuzz_ctx, tracks);
    hg_event_destroy(fuzz_ctx, event);
    return true;
}

/* Two hits of one muon as ACTS writes them, in old files; in new ones the id has five columns. */
static bool seed_acts(int number)
{
    static const char columns[] = "geometry_id,tx,ty,tz,tt,tpx,tpy,tpz,te,deltapx,deltapy,deltapz,deltae,index\n",
                      five[] = "particle_id_pv,particle_id_sv,particle_id_part,particle_id_gen,particle_id_subpart,",
                      hit[] = "1152921779484754433,68.4,27.6,-1516.8,3.69,7.5,3.0,-165.4,165.6,0,0,0,0,7\n";
    char text[1024];
    if (number > 1) return false;
    snprintf(text, sizeof text, "%s%s%s%s%s%s", number ? five : "particle_id,", columns, number ? "1,0,2,0,0," : "4503599660924928,", hit,
             number ? "1,0,2,0,0," : "4503599660924928,", hit);
    fuzz_write(STEM "-hits.csv", text, strlen(text));
    snprintf(text, sizeof text, "%sparticle_type,process,vx,vy,vz,vt,px,py,pz,m,q\n%s13,0,0.1,0,-15,0,2,1,-24,0.105,-1\n",
             number ? five : "particle_id,", number ? "1,0,2,0,0," : "4503599660924928,");
    fuzz_write(STEM "-particles_initial.csv", text, strlen(text));
    return true;
}

static bool seed_acts_detector(int number)
{
    static const char text[] = "geometry_id,volume_id,layer_id,module_id,cx,cy,cz,rot_xu,rot_xv,rot_xw,rot_yu,rot_yv,rot_yw,rot_zu,rot_zv,"
                               "rot_zw,bounds_type,bound_param0,bound_param1,bound_param2,bound_param3,module_t,pitch_u,pitch_v\n"
                               "144115256795332608,2,1,0,0,0,0,1,0,0,0,1,0,0,0,1,1,11.3,4001,3.14,0,-1,-1,-1\n"
                               "1152921779484754433,16,4,2,68,27,-1516.8,1,0,0,0,1,0,0,0,1,7,8,9,34,0,0.3,0.05,0.05\n"
                               "1152921779484754689,16,4,3,68,90,-1516.8,1,0,0,0,1,0,0,0,1,6,-8,-36,8,36,-1,-1,-1\n";
    if (number == 0) fuzz_write("detectors.csv", text, sizeof text - 1);
    return number == 0;
}

/* Offsets of cells follow one another and end at their number. */
static void look_at(const hg_event *e)
{
    for (int64_t i = 0; e->has_cells && i < e->hits.n; ++i) fuzz_require(e->cells.offset[i] <= e->cells.offset[i + 1]);
    if (e->has_cells) fuzz_require(e->cells.offset[0] == 0 && e->cells.offset[e->hits.n] == e->cells.n);
}

static hg_status read_source(const char *name, int64_t index)
{
    hg_event *event = FUZZ_UNTOUCHED;
    const hg_event_source source = {5, (char *)(uintptr_t)fuzz_path(name), index};
    const hg_status status = hg_event_read(fuzz_ctx, &source, HG_PART_ALL, &event);
    if (status < 0) {
        fuzz_require(event == FUZZ_UNTOUCHED);
        return status;
    }
    look_at(event);
    hg_event_destroy(fuzz_ctx, event);
    return status;
}

static hg_status read_csv(void)
{
    return read_source(STEM, -1);
}

/* The list of a file's events, then each of them. */
static hg_status read_events_h5(void)
{
    hg_event_list *list = FUZZ_UNTOUCHED;
    hg_status status = hg_event_list_create(fuzz_ctx, fuzz_path("events.h5"), &list);
    if (status < 0) {
        fuzz_require(list == FUZZ_UNTOUCHED);
        return status;
    }
    for (int64_t i = 0; status >= 0 && i < list->n; ++i) status = read_source("events.h5", list->source[i].index);
    hg_event_list_destroy(fuzz_ctx, list);
    return status;
}

static hg_status read_detector(void)
{
    hg_detector *detector = FUZZ_UNTOUCHED;
    const hg_status status = hg_detector_read(fuzz_ctx, fuzz_path("detectors.csv"), &detector);
    if (status < 0)
        fuzz_require(detector == FUZZ_UNTOUCHED);
    else
        hg_detector_destroy(fuzz_ctx, detector);
    return status;
}

static hg_status read_submission(void)
{
    hg_labels *labels = FUZZ_UNTOUCHED;
    const hg_status status = hg_labels_read(fuzz_ctx, fuzz_path("submission.csv"), &labels);
    if (status < 0)
        fuzz_require(labels == FUZZ_UNTOUCHED);
    else
        hg_labels_destroy(fuzz_ctx, labels);
    return status;
}

static void rows_in_range(const int32_t *hit, int64_t n)
{
    for (int64_t k = 0; k < n; ++k) fuzz_require(hit[k] >= 0 && hit[k] < HITS);
}

static hg_status read_tracks(void)
{
    static const hg_tracks_content nothing;
    static hg_event *event; /* made once, by the first run: no later one may fail in it */
    hg_tracks_content content = {0};
    if (!event) event = small_event();
    const hg_status status = hg_tracks_content_read(fuzz_ctx, fuzz_path("tracks.h5"), 5, &event->hits, &content);
    if (status < 0) {
        fuzz_require(memcmp(&content, &nothing, sizeof content) == 0);
    } else {
        rows_in_range(content.tracks->hit, content.tracks->n_hits);
        rows_in_range(content.doublet_hit, 2 * content.n_doublets);
        rows_in_range(content.triplet_hit, 3 * content.n_triplets);
        rows_in_range(content.seed_hit, 3 * content.n_seeds);
        for (int64_t t = 0; t < content.tracks->n; ++t) fuzz_require(content.tracks->hit_offset[t] <= content.tracks->hit_offset[t + 1]);
        fuzz_require(content.tracks->hit_offset[content.tracks->n] == content.tracks->n_hits);
    }
    hg_tracks_content_clear(fuzz_ctx, &content);
    return status;
}

static const fuzz_column event_columns[] = {
    {"/events/event_id", HG_H5_U64, 0},
    {"/events/hit_offset", HG_H5_I64, 0},
    {"/events/particle_offset", HG_H5_I64, 0},
    {"/events/cell_offset", HG_H5_I64, 0},
    {"/hits/hit_id", HG_H5_U64, 0},
    {"/hits/x", HG_H5_F64, 0},
    {"/hits/y", HG_H5_F64, 0},
    {"/hits/z", HG_H5_F64, 0},
    {"/hits/volume_id", HG_H5_I32, 0},
    {"/hits/layer_id", HG_H5_I32, 0},
    {"/hits/module_id", HG_H5_I32, 0},
    {"/truth/particle_id", HG_H5_U64, 0},
    {"/truth/tx", HG_H5_F64, 0},
    {"/truth/ty", HG_H5_F64, 0},
    {"/truth/tz", HG_H5_F64, 0},
    {"/truth/tpx", HG_H5_F64, 0},
    {"/truth/tpy", HG_H5_F64, 0},
    {"/truth/tpz", HG_H5_F64, 0},
    {"/truth/weight", HG_H5_F64, 0},
    {"/cells/offset", HG_H5_I64, 0},
    {"/cells/ch0", HG_H5_I32, 0},
    {"/cells/ch1", HG_H5_I32, 0},
    {"/cells/value", HG_H5_F32, 0},
    {"/particles/particle_id", HG_H5_U64, 0},
    {"/particles/vx", HG_H5_F64, 0},
    {"/particles/vy", HG_H5_F64, 0},
    {"/particles/vz", HG_H5_F64, 0},
    {"/particles/px", HG_H5_F64, 0},
    {"/particles/py", HG_H5_F64, 0},
    {"/particles/pz", HG_H5_F64, 0},
    {"/particles/q", HG_H5_I32, 0},
    {"/particles/nhits", HG_H5_I32, 0},
    {"/particles/pdg", HG_H5_I32, 0},
    {NULL, HG_H5_U8, 0},
};

static const fuzz_column track_columns[] = {
    {"/events/event_id", HG_H5_U64, 0},
    {"/events/track_offset", HG_H5_I64, 0},
    {"/events/seed_offset", HG_H5_I64, 0},
    {"/events/doublet_offset", HG_H5_I64, 0},
    {"/events/triplet_offset", HG_H5_I64, 0},
    {"/tracks/params", HG_H5_F64, 5},
    {"/tracks/cov", HG_H5_F64, 15},
    {"/tracks/chi2", HG_H5_F64, 0},
    {"/tracks/ndf", HG_H5_I32, 0},
    {"/tracks/score", HG_H5_F32, 0},
    {"/tracks/n_hole", HG_H5_I32, 0},
    {"/tracks/status_bits", HG_H5_I32, 0},
    {"/tracks/hit_offset", HG_H5_I64, 0},
    {"/tracks/hit_id", HG_H5_U64, 0},
    {"/tracks/outlier", HG_H5_U8, 0},
    {"/tracks/hit_weight", HG_H5_F32, 0},
    {"/seeds/hit_id", HG_H5_U64, 3},
    {"/doublets/hit_id", HG_H5_U64, 2},
    {"/doublets/score", HG_H5_F32, 0},
    {"/triplets/hit_id", HG_H5_U64, 3},
    {"/triplets/score", HG_H5_F32, 0},
    {NULL, HG_H5_U8, 0},
};

const fuzz_target fuzz_event_targets[] = {
    {"hits", STEM "-hits.csv", fuzz_seed_event, read_csv, HG_OK, NULL, NULL},
    {"truth", STEM "-truth.csv", fuzz_seed_event, read_csv, HG_OK, NULL, NULL},
    {"cells", STEM "-cells.csv", fuzz_seed_event, read_csv, HG_OK, NULL, NULL},
    {"particles", STEM "-particles.csv", fuzz_seed_event, read_csv, HG_OK, NULL, NULL},
    {"hits_gz", STEM "-hits.csv.gz", seed_gzip, read_csv, HG_OK, NULL, NULL},
    {"detectors", "detectors.csv", seed_detector, read_detector, HG_OK, NULL, NULL},
    {"acts_hits", STEM "-hits.csv", seed_acts, read_csv, HG_OK, NULL, NULL},
    {"acts_particles", STEM "-particles_initial.csv", seed_acts, read_csv, HG_OK, NULL, NULL},
    {"acts_detectors", "detectors.csv", seed_acts_detector, read_detector, HG_OK, NULL, NULL},
    {"submission", "submission.csv", seed_submission, read_submission, HG_OK, NULL, NULL},
    {"events_h5", "events.h5", seed_events_h5, read_events_h5, HG_OK, NULL, NULL},
    {"event_numbers", "events.h5", seed_events_h5, read_events_h5, HG_OK, event_columns, "events"},
    {"tracks_h5", "tracks.h5", seed_tracks, read_tracks, HG_OK, NULL, NULL},
    {"track_numbers", "tracks.h5", seed_tracks, read_tracks, HG_OK, track_columns, "tracks"},
    {NULL, NULL, NULL, NULL, HG_OK, NULL, NULL},
};
