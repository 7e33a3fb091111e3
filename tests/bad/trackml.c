/* tests/bad/trackml.c — events whose files are damaged or do not belong together; and every allocation failing once. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include "hitgraph/hdf5_files.h"
#include "hitgraph/trackml.h"

static const char hits[] = "hit_id,x,y,z,volume_id,layer_id,module_id\n5,1,2,3,8,2,1\n9,4,5,6,8,2,2\n";
static const char truth[] = "hit_id,particle_id,tx,ty,tz,tpx,tpy,tpz,weight\n9,17,1,1,1,1,1,1,0.5\n5,0,1,1,1,1,1,1,0.5\n";
static const char cells[] = "hit_id,ch0,ch1,value\n9,1,2,0.5\n5,3,4,0.25\n5,3,5,0.25\n";
static const char particles[] = "particle_id,vx,vy,vz,px,py,pz,q,nhits\n17,0,0,0,1,1,1,1,1\n";

static void good_files(void)
{
    write_text("event000000001-hits.csv", hits);
    write_text("event000000001-truth.csv", truth);
    write_text("event000000001-cells.csv", cells);
    write_text("event000000001-particles.csv", particles);
}

static hg_status read_event(hg_event **event)
{
    hg_event_list *list = NULL;
    hg_status status = hg_event_list_create(ctx, in_folder("event000000001"), &list);
    if (status == HG_OK) status = hg_event_read(ctx, &list->source[0], HG_PART_ALL, event);
    hg_event_list_destroy(ctx, list);
    return status;
}

static void files_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *part, *text, *message;
        hg_status status;
    } bad[] = {
        {"hits", "hit_id,x,y,z,volume_id,layer_id,module_id\n5,1,2,3,8,2,1\n9,4,5,6,8,2,2\n5,1,2,3,8,2,1\n",
         "hits.csv:4: column 'hit_id': 5 is already on line 2", HG_ERR_DATA},
        {"hits", "hit_id,x,y,z,volume_id,layer_id\n", "hits.csv:1: column 'module_id' is missing", HG_ERR_FORMAT},
        {"hits", "hit_id,x,y,z,volume_id,layer_id,module_id\n5,1,nan,3,8,2,1\n", "hits.csv:2: column 'y': found \"nan\"", HG_ERR_FORMAT},
        {"hits", "hit_id,x,y,z,volume_id,layer_id,module_id\n", "expected a hit of", HG_ERR_DATA},
        {"truth", "hit_id,particle_id,tx,ty,tz,tpx,tpy,tpz,weight\n5,0,1,1,1,1,1,1,0\n6,0,1,1,1,1,1,1,0\n",
         "truth.csv:3: column 'hit_id': found 6, expected a hit of", HG_ERR_DATA},
        {"truth", "hit_id,particle_id,tx,ty,tz,tpx,tpy,tpz,weight\n5,0,1,1,1,1,1,1,0\n5,0,1,1,1,1,1,1,0\n",
         "truth.csv:3: column 'hit_id': 5 is already on line 2", HG_ERR_DATA},
        {"truth", "hit_id,particle_id,tx,ty,tz,tpx,tpy,tpz,weight\n5,0,1,1,1,1,1,1,0\n", "truth.csv: no row for hit_id 9 (line 3 of",
         HG_ERR_DATA},
        {"truth", "hit_id,particle_id,tx,ty,tz,tpx,tpy,tpz,weight\n5,0,1,1,1,1,1,1,0\n9,18,1,1,1,1,1,1,0\n",
         "truth.csv:3: column 'particle_id': found 18, expected 0 or a particle of", HG_ERR_DATA},
        {"truth", "hit_id,particle_id,tx,ty,tz,tpx,tpy,tpz,weight\n5,4.1e17,1,1,1,1,1,1,0\n", "saved through floating point",
         HG_ERR_FORMAT},
        {"cells", "hit_id,ch0,ch1,value\n9,1,2,0.5\n8,3,4,0.25\n", "cells.csv:3: column 'hit_id': found 8", HG_ERR_DATA},
        {"cells", "hit_id,ch0,ch1,value\n9,1.5,2,0.5\n", "cells.csv:2: column 'ch0': found \"1.5\"", HG_ERR_FORMAT},
        {"particles", "particle_id,vx,vy,vz,px,py,pz,q,nhits\n17,0,0,0,1,1,1,1,1\n17,0,0,0,1,1,1,1,1\n",
         "particles.csv:3: column 'particle_id': 17 is already on line 2", HG_ERR_DATA},
        {"particles", "", "particles.csv: is empty", HG_ERR_FORMAT},
    };
    hg_event *event = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        char name[64];
        good_files();
        snprintf(name, sizeof name, "event000000001-%s.csv", bad[i].part);
        write_text(name, bad[i].text);
        const size_t used = hg_memory_used(ctx);
        expect_failure(read_event(&event), bad[i].status, bad[i].message);
        assert_null(event);
        assert_int_equal(hg_memory_used(ctx), used);
    }
    shell("rm %s/event000000001-hits.csv", folder);
    expect_failure(read_event(&event), HG_ERR_IO, "event000000001: the hits file is missing");
}

static void truncated_gzip(void **state)
{
    (void)state;
    hg_event *event = NULL;
    good_files();
    shell("cd %s && gzip -n event000000001-truth.csv && head -c 60 event000000001-truth.csv.gz > t && mv t event000000001-truth.csv.gz",
          folder);
    expect_failure(read_event(&event), HG_ERR_FORMAT, "event000000001-truth.csv.gz: the gzip data is truncated after 60 bytes");
    shell("rm %s/event*", folder);
}

/* The n-th allocation fails, for every n until the call works: the status is HG_ERR_NOMEM, nothing leaks, the next call works. */
static void every_allocation_fails_once(void **state)
{
    (void)state;
    hg_event *event = NULL;
    hg_events_h5 *file = NULL;
    int64_t n = 0;
    good_files();
    for (;; ++n) {
        const size_t used = hg_memory_used(ctx);
        hg_memory_fail_after(ctx, n);
        const hg_status status = read_event(&event);
        hg_memory_fail_after(ctx, -1);
        if (status == HG_OK) break;
        assert_int_equal(status, HG_ERR_NOMEM);
        assert_null(event);
        assert_int_equal(hg_memory_used(ctx), used);
    }
    assert_true(n > 50);
    printf("%d allocations of reading an event failed once each\n", (int)n);
    must(hg_events_h5_begin(ctx, in_folder("good.h5"), NULL, NULL, &file));
    must(hg_events_h5_append(ctx, file, event));
    must(hg_events_h5_commit(ctx, file));
    for (n = 0;; ++n) {
        const size_t used = hg_memory_used(ctx);
        file = NULL;
        hg_memory_fail_after(ctx, n);
        hg_status status = hg_events_h5_begin(ctx, in_folder("fail.h5"), NULL, NULL, &file);
        if (status == HG_OK) status = hg_events_h5_append(ctx, file, event);
        if (status == HG_OK) {
            status = hg_events_h5_commit(ctx, file);
        } else {
            hg_events_h5_abort(ctx, file);
        }
        hg_memory_fail_after(ctx, -1);
        if (status == HG_OK) break;
        assert_int_equal(status, HG_ERR_NOMEM);
        assert_int_equal(hg_memory_used(ctx), used);
        assert_int_not_equal(access(in_folder("fail.h5"), F_OK), 0);
    }
    printf("%d allocations of writing it failed once each\n", (int)n);
    shell("cmp %s/good.h5 %s/fail.h5 && test -z \"$(ls %s | grep tmp)\"", folder, folder, folder);
    hg_event_destroy(ctx, event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_do_not_fit),
        cmocka_unit_test(truncated_gzip),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
