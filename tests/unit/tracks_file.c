/* unit/tracks_file.c — a tracks file gives back what was written: several events, hits by number, optional parts. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/memory.h"
#include "hitgraph/hdf5_files.h"
#include "hitgraph/tracks_file.h"
#include "tests/leaks.h"

enum { HITS = 9, TRACKS = 2, TRACK_HITS = 7 };

static hg_context *ctx;
static char path[] = "/tmp/hitgraph-tracks-XXXXXX";

static int open_context(void **state)
{
    (void)state;
    const int descriptor = mkstemp(path);
    if (descriptor >= 0) close(descriptor);
    return descriptor < 0 || hg_context_create(&ctx) < 0;
}

static int close_context(void **state)
{
    (void)state;
    unlink(path);
    return close_without_leaks(ctx);
}

/* Hit numbers are neither sorted nor contiguous. */
static uint64_t hit_id[HITS] = {70, 3, 500, 41, 42, 6, 9, 1000000, 8};
static const hg_hits hits = {.n = HITS, .hit_id = hit_id};

static hg_tracks *make_tracks(int event)
{
    hg_tracks *tracks = NULL;
    assert_int_equal(hg_tracks_create(ctx, TRACKS, TRACK_HITS, &tracks), HG_OK);
    tracks->hit_offset[1] = 3, tracks->hit_offset[2] = TRACK_HITS;
    for (int32_t k = 0; k < TRACK_HITS; ++k) tracks->hit[k] = (4 * k + event) % HITS, tracks->outlier[k] = k == 2;
    for (int k = 0; k < TRACK_HITS; ++k) tracks->weight[k] = k == 2 ? 0.125f : 1.0f - 0.0625f * (float)k;
    for (int k = 0; k < 5 * TRACKS; ++k) tracks->params[k] = event + 0.1 * k;
    for (int k = 0; k < 15 * TRACKS; ++k) tracks->cov[k] = event - 0.01 * k;
    for (int t = 0; t < TRACKS; ++t) {
        tracks->chi2[t] = 3.5 * t, tracks->ndf[t] = 4 + t, tracks->n_hole[t] = t, tracks->score[t] = 0.5f;
        tracks->status[t] = t == 0 ? HG_TRACK_OUTLIERS : HG_TRACK_FAILED | HG_TRACK_TANGENT;
    }
    return tracks;
}

static void write_events(hg_tracks *const tracks[2], bool parts)
{
    hg_tracks_h5 *file = NULL;
    hg_graph *graph = NULL, *line = NULL;
    const int32_t sender[] = {0, 1, 2}, receiver[] = {1, 2, 3}, first[] = {0, 1}, second[] = {1, 2};
    const int64_t line_doublet[] = {0, 1, 2};
    const float doublet_score[] = {0.25f, 0.5f, 0.75f}, triplet_score[] = {0.125f, 1};
    int32_t seed_hit[] = {0, 1, 2};
    double params[5] = {0}, cov[15] = {0};
    float score[1] = {1};
    hg_seeds seeds = {0};
    seeds.n = 1, seeds.hit = seed_hit, seeds.params = params, seeds.cov = cov, seeds.score = score;
    assert_int_equal(hg_graph_create(ctx, HITS, 3, sender, receiver, 1, NULL, &graph), HG_OK);
    assert_int_equal(hg_graph_create(ctx, 3, 2, first, second, 1, NULL, &line), HG_OK);
    assert_int_equal(hg_tracks_h5_begin(ctx, path, NULL, &file), HG_OK);
    for (int e = 0; e < 2; ++e) {
        hg_track_record record = {.event_id = (uint64_t)(40 + e), .hits = &hits, .tracks = tracks[e]};
        if (parts) {
            record.seeds = &seeds, record.doublets = graph, record.doublet_score = doublet_score;
            record.line = line, record.line_doublet = line_doublet, record.triplet_score = triplet_score;
        }
        assert_int_equal(hg_tracks_h5_append(ctx, file, &record), HG_OK);
    }
    assert_int_equal(hg_tracks_h5_commit(ctx, file), HG_OK);
    hg_graph_destroy(ctx, graph);
    hg_graph_destroy(ctx, line);
}

static void assert_same_tracks(const hg_tracks *found, const hg_tracks *expected)
{
    assert_int_equal(found->n, expected->n);
    assert_int_equal(found->n_hits, expected->n_hits);
    assert_memory_equal(found->hit_offset, expected->hit_offset, (TRACKS + 1) * sizeof(int64_t));
    assert_memory_equal(found->hit, expected->hit, TRACK_HITS * sizeof(int32_t));
    assert_memory_equal(found->outlier, expected->outlier, TRACK_HITS);
    assert_memory_equal(found->weight, expected->weight, TRACK_HITS * sizeof(float));
    assert_memory_equal(found->params, expected->params, 5 * TRACKS * sizeof(double));
    assert_memory_equal(found->cov, expected->cov, 15 * TRACKS * sizeof(double));
    assert_memory_equal(found->chi2, expected->chi2, TRACKS * sizeof(double));
    assert_memory_equal(found->ndf, expected->ndf, TRACKS * sizeof(int32_t));
    assert_memory_equal(found->status, expected->status, TRACKS * sizeof(int32_t));
    assert_memory_equal(found->n_hole, expected->n_hole, TRACKS * sizeof(int32_t));
    assert_memory_equal(found->score, expected->score, TRACKS * sizeof(float));
}

static void events_come_back_one_by_one(void **state)
{
    (void)state;
    hg_tracks *tracks[2] = {make_tracks(0), make_tracks(1)};
    hg_tracks_content content = {0};
    write_events(tracks, true);
    for (int e = 1; e >= 0; --e) {
        assert_int_equal(hg_tracks_content_read(ctx, path, (uint64_t)(40 + e), &hits, &content), HG_OK);
        assert_same_tracks(content.tracks, tracks[e]);
        const int32_t seed[] = {0, 1, 2}, doublet[] = {0, 1, 1, 2, 2, 3}, triplet[] = {0, 1, 2, 1, 2, 3};
        assert_true(content.n_seeds == 1 && content.n_doublets == 3 && content.n_triplets == 2);
        assert_memory_equal(content.seed_hit, seed, sizeof seed);
        assert_memory_equal(content.doublet_hit, doublet, sizeof doublet);
        assert_memory_equal(content.triplet_hit, triplet, sizeof triplet);
        assert_true(content.doublet_score[2] == 0.75f && content.triplet_score[0] == 0.125f);
        hg_tracks_content_clear(ctx, &content);
    }
    write_events(tracks, false);
    assert_int_equal(hg_tracks_content_read(ctx, path, 41, &hits, &content), HG_OK);
    assert_same_tracks(content.tracks, tracks[1]);
    assert_true(content.seed_hit == NULL && content.doublet_hit == NULL && content.triplet_hit == NULL && content.n_triplets == 0);
    hg_tracks_content_clear(ctx, &content);

    /* another event, another event's hits, no file, something else */
    const hg_hits fewer = {.n = 2, .hit_id = hit_id};
    assert_int_equal(hg_tracks_content_read(ctx, path, 42, &hits, &content), HG_ERR_DATA);
    assert_int_equal(hg_tracks_content_read(ctx, path, 41, &fewer, &content), HG_ERR_DATA);
    assert_int_equal(hg_tracks_content_read(ctx, "/nowhere/tracks.h5", 41, &hits, &content), HG_ERR_IO);
    FILE *text = fopen(path, "w");
    fputs("event_id,hit_id,track_id\n", text);
    fclose(text);
    assert_int_equal(hg_tracks_content_read(ctx, path, 41, &hits, &content), HG_ERR_FORMAT);
    assert_null(content.tracks);
    for (int e = 0; e < 2; ++e) hg_tracks_destroy(ctx, tracks[e]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(events_come_back_one_by_one)};
    return cmocka_run_group_tests(tests, open_context, close_context);
}
