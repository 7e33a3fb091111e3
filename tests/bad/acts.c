/* acts.c — damaged files of ACTS: the message names file, line and column, and what was expected. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/trackml.h"
#include "tests/datasets.h"

#define HIT_COLUMNS "geometry_id,tx,ty,tz,tt,tpx,tpy,tpz,te,deltapx,deltapy,deltapz,deltae,index\n"
#define SENSOR "1152921779484754433" /* volume 16, layer 4, sensitive 2, extra 1 */
#define HIT SENSOR ",1,2,3,0,1,1,1,2,0,0,0,0,0\n"
#define PARTICLE_COLUMNS "particle_type,process,vx,vy,vz,vt,px,py,pz,m,q\n"
#define FIVE "particle_id_pv,particle_id_sv,particle_id_part,particle_id_gen,particle_id_subpart,"

/* One of the two files of an event, and what reading the event must say. */
typedef struct bad_event {
    const char *hits, *particles; /* NULL = a good one; "" = none */
    hg_status status;
    const char *text;
} bad_event;

static void bad_events(void **state)
{
    (void)state;
    static const char good_hits[] = "particle_id," HIT_COLUMNS "16777216," HIT,
                      good_particles[] = "particle_id," PARTICLE_COLUMNS "16777216,13,0,0,0,0,0,1,1,1,0.1,-1\n";
    static const bad_event cases[] = {
        {NULL, NULL, HG_OK, ""},
        {NULL, "", HG_OK, ""},
        {"particle_id," HIT_COLUMNS, NULL, HG_OK, ""},
        {HIT_COLUMNS HIT, NULL, HG_ERR_FORMAT, "hits.csv:1: column 'particle_id' or 'particle_id_pv' is missing"},
        {"particle_id_pv," HIT_COLUMNS "1," HIT, NULL, HG_ERR_FORMAT, "or 'particle_id_sv' is missing: a particle has one column, or five"},
        {"particle_id,geometry_id,tx,ty\n1," SENSOR ",1,2\n", NULL, HG_ERR_FORMAT, "column 'tz' is missing"},
        {"particle_id," HIT_COLUMNS "x," HIT, NULL, HG_ERR_FORMAT, "hits.csv:2: column 'particle_id': found \"x\""},
        {"particle_id," HIT_COLUMNS "16777216," SENSOR ",nan,2,3,0,1,1,1,2,0,0,0,0,0\n", NULL, HG_ERR_FORMAT, "hits.csv:2: column 'tx'"},
        {"particle_id," HIT_COLUMNS "16777216,144115256795332608,1,2,3,0,1,1,1,2,0,0,0,0,0\n", NULL, HG_ERR_DATA,
         "hits.csv:2: column 'geometry_id': found 144115256795332608, expected a sensor"},
        {"particle_id," HIT_COLUMNS "33554432," HIT, NULL, HG_ERR_DATA, "hits.csv:2: its particle is not in"},
        {"hit_id,particle_id," HIT_COLUMNS "4,16777216," HIT "4,16777216," HIT, NULL, HG_ERR_DATA,
         "hits.csv:3: column 'hit_id': 4 is there twice"},
        {FIVE HIT_COLUMNS "4096,0,1,0,0," HIT, NULL, HG_ERR_LIMIT, "hits.csv:2: particle: primary vertex 4096 does not fit into 12 bits"},
        {FIVE HIT_COLUMNS "0,0,65536,0,0," HIT, NULL, HG_ERR_LIMIT, "hits.csv:2: particle: particle 65536 does not fit into 16 bits"},
        {"particle_id," HIT_COLUMNS "16781312," HIT, NULL, HG_ERR_LIMIT, "sub-particle 4096 does not fit into 12 bits"},
        {NULL, "particle_id," PARTICLE_COLUMNS "16777216,13,0,0,0,0,0,1,1,1,0.1,1e9\n", HG_ERR_DATA,
         "initial.csv:2: column 'q': found 1e+09"},
        {NULL, "particle_id," PARTICLE_COLUMNS "16777216,13,0,0,0,0,0,1,1,1,0.1,1\n16777216,13,0,0,0,0,0,1,1,1,0.1,1\n", HG_ERR_DATA,
         "initial.csv:3: a particle that is there twice"},
        {NULL, "particle_id,vx\n16777216,1\n", HG_ERR_FORMAT, "initial.csv:1: column"},
    };
    char prefix[256];
    snprintf(prefix, sizeof prefix, "%s", in_folder("event000000001"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        hg_event *event = NULL;
        const hg_event_source source = {1, prefix, -1};
        write_text("event000000001-hits.csv", cases[i].hits ? cases[i].hits : good_hits);
        unlink(in_folder("event000000001-particles_initial.csv"));
        if (!cases[i].particles || *cases[i].particles)
            write_text("event000000001-particles_initial.csv", cases[i].particles ? cases[i].particles : good_particles);
        const hg_status status = hg_event_read(ctx, &source, HG_PART_ALL, &event);
        if (cases[i].status == HG_OK)
            must(status);
        else
            expect_failure(status, cases[i].status, cases[i].text);
        assert_int_equal(event == NULL, cases[i].status != HG_OK);
        hg_event_destroy(ctx, event);
    }
}

static void bad_surfaces(void **state)
{
    (void)state;
#define SURFACE_COLUMNS "geometry_id,volume_id,layer_id,module_id,cx,cy,cz,rot_xu,rot_xv,rot_xw,rot_yu,rot_yv,rot_yw,rot_zu,rot_zv,rot_zw\n"
#define PLACE ",0,0,5,1,0,0,0,1,0,0,0,1\n"
    static const struct {
        const char *text;
        hg_status status;
        const char *message;
    } cases[] = {
        {SURFACE_COLUMNS SENSOR ",16,4,2" PLACE, HG_OK, ""},
        {SURFACE_COLUMNS SENSOR ",16,4,1" PLACE, HG_ERR_DATA,
         ":2: geometry_id " SENSOR " is volume 16, layer 4, module 2, but the columns say 16, 4, 1"},
        {SURFACE_COLUMNS SENSOR ",17,4,2" PLACE, HG_ERR_DATA, "but the columns say 17, 4, 2"},
        {SURFACE_COLUMNS SENSOR ",16,4,2" PLACE SENSOR ",16,4,2" PLACE, HG_ERR_DATA, "detectors.csv: "},
        {SURFACE_COLUMNS "144115256795332608,2,1,0" PLACE, HG_ERR_DATA, "has no modules, expected at least one"},
        {SURFACE_COLUMNS "x,16,4,1" PLACE, HG_ERR_FORMAT, ":2: column 'geometry_id': found \"x\""},
        {"geometry_id,volume_id\n", HG_ERR_FORMAT, "is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        hg_detector *detector = NULL;
        write_text("detectors.csv", cases[i].text);
        const hg_status status = hg_detector_read(ctx, in_folder("detectors.csv"), &detector);
        if (cases[i].status == HG_OK)
            must(status);
        else
            expect_failure(status, cases[i].status, cases[i].message);
        assert_int_equal(detector == NULL, cases[i].status != HG_OK);
        hg_detector_destroy(ctx, detector);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bad_events), cmocka_unit_test(bad_surfaces)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
