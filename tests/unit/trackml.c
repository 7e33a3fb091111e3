/* tests/unit/trackml.c — TrackML events: samples, joins, and the way CSV -> event -> HDF5 -> event -> CSV. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include "hitgraph/hdf5_files.h"
#include "hitgraph/trackml.h"

static hg_event *read_input(const char *input, int64_t i, unsigned parts)
{
    hg_event_list *list = NULL;
    hg_event *event = NULL;
    must(hg_event_list_create(ctx, input, &list));
    assert_true(i < list->n);
    must(hg_event_read(ctx, &list->source[i], parts, &event));
    hg_event_list_destroy(ctx, list);
    return event;
}

#define SAME(a, b, member, n) assert_memory_equal((a)->member, (b)->member, (size_t)(n) * sizeof *(a)->member)

static void assert_same_event(const hg_event *a, const hg_event *b)
{
    const int64_t n = a->hits.n;
    assert_true(a->event_id == b->event_id && n == b->hits.n);
    assert_true(a->has_cells == b->has_cells && a->has_truth == b->has_truth && a->has_particles == b->has_particles);
    SAME(a, b, hits.hit_id, n);
    SAME(a, b, hits.x, n);
    SAME(a, b, hits.y, n);
    SAME(a, b, hits.z, n);
    SAME(a, b, hits.volume_id, n);
    SAME(a, b, hits.layer_id, n);
    SAME(a, b, hits.module_id, n);
    if (a->has_truth) {
        SAME(a, b, truth.particle_id, n);
        SAME(a, b, truth.tx, n);
        SAME(a, b, truth.tpz, n);
        SAME(a, b, truth.weight, n);
    }
    if (a->has_cells) {
        assert_int_equal(a->cells.n, b->cells.n);
        SAME(a, b, cells.offset, n + 1);
        SAME(a, b, cells.ch0, a->cells.n);
        SAME(a, b, cells.ch1, a->cells.n);
        SAME(a, b, cells.value, a->cells.n);
    }
    if (a->has_particles) {
        assert_int_equal(a->particles.n, b->particles.n);
        SAME(a, b, particles.particle_id, a->particles.n);
        SAME(a, b, particles.vz, a->particles.n);
        SAME(a, b, particles.px, a->particles.n);
        SAME(a, b, particles.nhits, a->particles.n);
        assert_true(!a->particles.pdg == !b->particles.pdg);
        if (a->particles.pdg) SAME(a, b, particles.pdg, a->particles.n);
    }
}

/* Unsorted ids with gaps, truth and cells in other orders, odd numbers, columns in another order, BOM, CRLF, blank lines. */
static void write_small_event(void)
{
    write_text("event000000042-hits.csv", "\xef\xbb\xbflayer_id,hit_id,x,y,z,extra,volume_id,module_id\r\n"
                                          "2,900,-355.38699999999994,1e-3,-0,zzz,8,11\r\n\r\n"
                                          "4,7,1,2.5,1234567.25,\"a,b\",9,12\r\n"
                                          "6,18446744073709551615, 3 ,4,5,,13,13");
    write_text("event000000042-truth.csv", ",hit_id,particle_id,tx,ty,tz,tpx,tpy,tpz,weight\n"
                                           "0,7,418837445421830145,1,2,3,4,5,6,0.5\n"
                                           "1,18446744073709551615,0,1,2,3,1e6,1e6,1e6,0\n"
                                           "2,900,418837445421830145,7,8,9,0.1,0.2,0.3,0.5\n");
    write_text("event000000042-cells.csv", "hit_id,ch0,ch1,value\n7,1,2,0.1\n900,-3,4,1\n7,5,6,0.3\n");
    write_text("event000000042-particles.csv",
               "particle_id,vx,vy,vz,px,py,pz,q,nhits\n418837445421830145,1,2,3,4,5,6,-1,2\n5,0,0,0,1,1,1,1,0\n");
}

static void joins_by_hit_id(void **state)
{
    (void)state;
    write_small_event();
    hg_event *event = read_input(in_folder("event000000042"), 0, HG_PART_ALL);
    assert_true(event->event_id == 42 && event->hits.n == 3 && event->has_cells && event->has_truth && event->has_particles);
    assert_true(event->hits.hit_id[2] == UINT64_MAX && event->hits.x[0] == -355.38699999999994 && event->hits.x[2] == 3);
    assert_true(event->hits.layer_id[1] == 4 && event->hits.volume_id[0] == 8 && event->hits.module_id[2] == 13);
    assert_true(event->truth.particle_id[0] == 418837445421830145u && event->truth.tx[0] == 7 && event->truth.tpz[0] == 0.3);
    assert_true(event->truth.particle_id[2] == 0 && event->truth.tpx[2] == 1e6 && event->truth.weight[1] == 0.5);
    const int64_t offset[4] = {0, 1, 3, 3};
    assert_memory_equal(event->cells.offset, offset, sizeof offset);
    assert_true(event->cells.ch0[0] == -3 && event->cells.ch0[1] == 1 && event->cells.ch0[2] == 5 && event->cells.value[2] == 0.3f);
    assert_true(event->particles.n == 2 && !event->particles.pdg && event->particles.q[0] == -1 && event->particles.pz[0] == 6);
    hg_event_destroy(ctx, event);
    event = read_input(in_folder("event000000042-hits.csv"), 0, HG_PART_TRUTH);
    assert_true(event->has_truth && !event->has_cells && !event->has_particles);
    hg_event_destroy(ctx, event);
}

static void write_both_ways(const hg_event *const *events, int n, const char *h5_name)
{
    hg_events_h5 *file = NULL;
    must(hg_events_h5_begin(ctx, in_folder(h5_name), NULL, NULL, &file));
    for (int i = 0; i < n; ++i) must(hg_events_h5_append(ctx, file, events[i]));
    must(hg_events_h5_commit(ctx, file));
}

static void round_trip(const char *input)
{
    hg_event *event = read_input(input, 0, HG_PART_ALL), *other = NULL;
    hg_event *copy = read_input(input, 0, HG_PART_ALL);
    copy->event_id += 1000;
    write_both_ways((const hg_event *const[]){event, copy, event}, 3, "events.h5");
    for (int gzip = 0; gzip < 2; ++gzip) { /* HDF5 -> CSV -> event */
        hg_event *from_h5 = read_input(in_folder("events.h5"), 2, HG_PART_ALL);
        assert_same_event(copy, from_h5);
        must(hg_trackml_write(ctx, from_h5, in_folder("out/deep"), gzip));
        hg_event_destroy(ctx, from_h5);
        other = read_input(in_folder("out/deep"), 0, HG_PART_ALL);
        assert_same_event(copy, other);
        hg_event_destroy(ctx, other);
        shell("rm -r %s/out", folder);
    }
    other = read_input(in_folder("events.h5"), 1, HG_PART_PARTICLES);
    assert_true(other->event_id == event->event_id && !other->has_truth && !other->has_cells);
    hg_event_destroy(ctx, other);
    hg_event_destroy(ctx, event);
    hg_event_destroy(ctx, copy);
}

static void small_event_round_trip(void **state)
{
    (void)state;
    write_small_event();
    round_trip(in_folder("event000000042"));
}

static void empty_events_are_legal(void **state)
{
    (void)state;
    shell("rm -f %s/event*", folder);
    write_text("event000000001-hits.csv", "hit_id,x,y,z,volume_id,layer_id,module_id\n");
    write_text("event000000001-truth.csv", "hit_id,particle_id,tx,ty,tz,tpx,tpy,tpz,weight\n");
    write_text("event000000001-cells.csv", "hit_id,ch0,ch1,value");
    write_text("event000000001-particles.csv", "particle_id,particle_type,vx,vy,vz,px,py,pz,q,nhits\n");
    round_trip(in_folder("event000000001"));
    write_text("event000000002-hits.csv", "hit_id,x,y,z,volume_id,layer_id,module_id\n1,2,3,4,5,6,7");
    round_trip(in_folder("event000000002"));
    write_both_ways(NULL, 0, "none.h5");
    hg_event_list *list = NULL;
    must(hg_event_list_create(ctx, in_folder("none.h5"), &list));
    assert_int_equal(list->n, 0);
    hg_event_list_destroy(ctx, list);
}

static void directories_are_listed_in_order(void **state)
{
    (void)state;
    hg_event_list *list = NULL;
    const char hits[] = "hit_id,x,y,z,volume_id,layer_id,module_id\n1,2,3,4,5,6,7\n";
    shell("rm -rf %s/*", folder);
    expect_failure(hg_event_list_create(ctx, folder, &list), HG_ERR_IO, "no events in this directory");
    write_text("event000000010-hits.csv", hits);
    write_text("event000000009-hits.csv", hits);
    write_text("event000000009-hits.csv.gz", "not read: the plain file comes first");
    write_text("event000000011-truth.csv", "hits are missing");
    write_text("event-hits.csv", hits);
    write_text("submission.csv", "event_id");
    must(hg_event_list_create(ctx, folder, &list));
    assert_int_equal(list->n, 3);
    for (int i = 0; i < 3; ++i) assert_int_equal(list->source[i].event_id, 9 + i);
    hg_event *event = NULL;
    must(hg_event_read(ctx, &list->source[0], HG_PART_ALL, &event));
    hg_event_destroy(ctx, event);
    expect_failure(hg_event_read(ctx, &list->source[2], HG_PART_ALL, &event), HG_ERR_IO, "event000000011: the hits file is missing");
    hg_event_list_destroy(ctx, list);
    list = NULL;
    expect_failure(hg_event_list_create(ctx, in_folder("event7"), &list), HG_ERR_IO, "event7-hits.csv");
}

static void a_directory_may_hold_all_events_in_one_file(void **state)
{
    (void)state;
    hg_event_list *list = NULL;
    shell("rm -rf %s/*", folder);
    write_text("event000000003-hits.csv", "hit_id,x,y,z,volume_id,layer_id,module_id\n1,2,3,4,5,6,7\n");
    hg_event *event = read_input(folder, 0, HG_PART_ALL);
    write_both_ways((const hg_event *const[]){event, event}, 2, "events.h5");
    must(hg_event_list_create(ctx, folder, &list));
    assert_int_equal(list->n, 1); /* files of single events come first */
    hg_event_list_destroy(ctx, list);
    shell("rm %s/event*.csv", folder);
    must(hg_event_list_create(ctx, folder, &list));
    assert_int_equal(list->n, 2);
    for (int i = 0; i < 2; ++i) assert_string_equal(list->source[i].path, in_folder("events.h5"));
    hg_event_list_destroy(ctx, list);
    must(hg_event_list_create(ctx, in_folder("events.h5/event000000003"), &list));
    assert_int_equal(list->n, 2);
    hg_event_list_destroy(ctx, list);
    list = NULL;
    expect_failure(hg_event_list_create(ctx, in_folder("events.h5/event000000004"), &list), HG_ERR_IO, "no event 4 in this file");
    expect_failure(hg_event_list_create(ctx, in_folder("events.h5/first"), &list), HG_ERR_IO, "events.h5/event<number>");
    hg_event_destroy(ctx, event);
}

/* Counts of the samples, as their description gives them. */
static void samples(void **state)
{
    (void)state;
    static const struct {
        const char *input;
        int64_t hits, particles;
    } sample[] = {
        {"../shared/data/trackml/sample5pct", 5527, -1},
        {"../shared/data/trackml/event1000-barrel-density-0.2", 11123, 1637},
        {"../shared/data/trackml/event1000-barrel-density-0.05", -1, -1},
    };
    for (size_t i = 0; i < sizeof sample / sizeof *sample; ++i) {
        if (!has_sample(sample[i].input)) continue;
        hg_event *event = read_input(sample[i].input, 0, HG_PART_ALL);
        if (sample[i].hits >= 0) assert_int_equal(event->hits.n, sample[i].hits);
        if (sample[i].particles >= 0) assert_int_equal(event->particles.n, sample[i].particles);
        assert_true(event->has_truth && event->has_particles);
        hg_event_destroy(ctx, event);
        round_trip(sample[i].input);
    }
}

static void submission_names_every_hit(void **state)
{
    (void)state;
    char text[256] = "";
    hg_submission *submission = NULL;
    write_small_event();
    hg_event *event = read_input(in_folder("event000000042"), 0, 0);
    const int64_t track[3] = {0, 12, 3}, bad[3] = {0, -1, 3};
    must(hg_submission_begin(ctx, in_folder("submission.csv"), &submission));
    must(hg_submission_append(ctx, submission, 42, &event->hits, track));
    expect_failure(hg_submission_append(ctx, submission, 43, &event->hits, bad), HG_ERR_ARG, "hit row 1: track_id -1");
    must(hg_submission_commit(ctx, submission));
    FILE *file = fopen(in_folder("submission.csv"), "r");
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_string_equal(text, "event_id,hit_id,track_id\n42,900,0\n42,7,12\n42,18446744073709551615,3\n");
    must(hg_submission_begin(ctx, in_folder("other.csv"), &submission));
    must(hg_submission_append(ctx, submission, 42, &event->hits, track));
    hg_submission_abort(ctx, submission);
    shell("test -z \"$(ls %s | grep -e other -e tmp)\"", folder);
    hg_event_destroy(ctx, event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_by_hit_id),
        cmocka_unit_test(small_event_round_trip),
        cmocka_unit_test(empty_events_are_legal),
        cmocka_unit_test(directories_are_listed_in_order),
        cmocka_unit_test(a_directory_may_hold_all_events_in_one_file),
        cmocka_unit_test(samples),
        cmocka_unit_test(submission_names_every_hit),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
