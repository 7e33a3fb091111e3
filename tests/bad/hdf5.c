/* tests/bad/hdf5.c — hostile and damaged HDF5 files: refused before their data is touched, with nothing left open. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include "base/text.h"
#include "datasets/hdf5.h"
#include "datasets/hdf5_tables.h"
#include "hitgraph/hdf5_files.h"
#include "hitgraph/trackml.h"

/* Opens a file of tests/bad/hdf5 (made by make.py there) and reads its /x as doubles. */
static hg_status read_x(const char *name, double **x, int64_t *rows)
{
    char path[128];
    hg_h5 *h5 = NULL;
    snprintf(path, sizeof path, "tests/bad/hdf5/%s.h5", name);
    hg_status status = hg_h5_open(ctx, path, "events", &h5);
    if (status < 0) return status;
    status = hg_h5_read_array(ctx, h5, "/x", 0, -1, x, rows);
    assert_int_equal(hg_h5_handles(h5), 1);
    hg_h5_close(ctx, h5);
    return status;
}

static void hostile_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *message;
        hg_status status;
    } bad[] = {
        {"float16", "/x: its type does not fit into float64", HG_ERR_FORMAT},
        {"float80", "does not fit", HG_ERR_FORMAT},
        {"integer", "does not fit", HG_ERR_FORMAT},
        {"enum", "does not fit", HG_ERR_FORMAT},
        {"compound", "does not fit", HG_ERR_FORMAT},
        {"variable-length", "does not fit", HG_ERR_FORMAT},
        {"string", "does not fit", HG_ERR_FORMAT},
        {"opaque", "does not fit", HG_ERR_FORMAT},
        {"reference", "does not fit", HG_ERR_FORMAT},
        {"scalar", "rank 0, expected 1", HG_ERR_FORMAT},
        {"rank3", "rank 3, expected 1", HG_ERR_FORMAT},
        {"lzf", "filter 32000, expected shuffle, deflate, fletcher32", HG_ERR_FORMAT},
        {"scale-offset", "filter 6", HG_ERR_FORMAT},
        {"filter-twice", "filter 1, expected shuffle, deflate, fletcher32, each at most once", HG_ERR_FORMAT},
        {"declares-1-tib", "declares 1099511627776 bytes but stores 0", HG_ERR_LIMIT},
        {"chunk-1-gib", "chunk of more than 64 MiB", HG_ERR_LIMIT},
        {"huge-dims", "", HG_ERR_FORMAT},
        {"nan", "/x[1]: nan, expected a finite number", HG_ERR_DATA},
        {"external-storage", "data is in an external file", HG_ERR_FORMAT},
        {"virtual", "virtual or unknown layout", HG_ERR_FORMAT},
        {"soft-link", "/x: no such dataset", HG_ERR_FORMAT},
        {"soft-loop", "/x: no such dataset", HG_ERR_FORMAT},
        {"external-link", "/x: no such dataset", HG_ERR_FORMAT},
        {"group", "/x: no such dataset", HG_ERR_FORMAT},
        {"named-type", "/x: no such dataset", HG_ERR_FORMAT},
        {"cycle", "/x: no such dataset", HG_ERR_FORMAT},
        {"user-block", "wrong first 8 bytes", HG_ERR_FORMAT},
        {"variable-format", "attribute \"format\" is not one string of fixed length", HG_ERR_FORMAT},
        {"array-format", "attribute \"format\" is not one string", HG_ERR_FORMAT},
        {"higher-major", "format_version is 2.0, expected 1.x", HG_ERR_FORMAT},
        {"no-version", "attribute \"format_version\" is missing", HG_ERR_FORMAT},
        {"wrong-hash", "expected 0000000000003039; hint: the file is damaged", HG_ERR_DATA},
        {"text-hash", "attribute \"hash\" does not fit into uint64", HG_ERR_FORMAT},
    };
    double *x = NULL;
    int64_t rows = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        const size_t used = hg_memory_used(ctx);
        const hg_status status = read_x(bad[i].name, &x, &rows);
        if (status != bad[i].status || !strstr(hg_context_message(ctx), bad[i].message) || !strstr(hg_context_message(ctx), bad[i].name))
            fail_msg("%s: status %d \"%s\"", bad[i].name, status, hg_context_message(ctx));
        assert_null(x);
        assert_int_equal(hg_memory_used(ctx), used);
    }
    must(read_x("big-endian", &x, &rows)); /* legal: converted */
    for (int i = 0; i < 8; ++i) assert_true(rows == 8 && x[i] == i);
    hg_free(ctx, x);
}

static void a_path_is_walked_over_few_groups(void **state)
{
    (void)state;
    hg_h5 *h5 = NULL;
    must(hg_h5_open(ctx, "tests/bad/hdf5/cycle.h5", "events", &h5));
    static const char *const paths[] = {"", "x", "/", "//x", "/x/", "/x/x/x/x/x/x/x/x/x/x", "/x/../x", "/nowhere/x"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; ++i) assert_false(hg_h5_has(h5, paths[i]));
    hg_h5_close(ctx, h5);
}

/* ---- damaged files of our own ---- */

static void write_event_file(const char *name)
{
    hg_events_h5 *file = NULL;
    hg_event *event = NULL;
    must(hg_event_create(ctx, 40, 80, 10, true, &event));
    for (int i = 0; i < 40; ++i) {
        event->hits.hit_id[i] = (uint64_t)(100 - i);
        event->hits.x[i] = 0.1 * i;
        event->truth.particle_id[i] = (uint64_t)(i % 11);
        event->cells.offset[i + 1] = 2 * (i + 1);
    }
    for (int i = 0; i < 10; ++i) event->particles.particle_id[i] = (uint64_t)(i + 1);
    must(hg_events_h5_begin(ctx, in_folder(name), NULL, NULL, &file));
    must(hg_events_h5_append(ctx, file, event));
    must(hg_events_h5_append(ctx, file, event));
    must(hg_events_h5_commit(ctx, file));
    hg_event_destroy(ctx, event);
}

/* The library itself leaks where it meets damaged files. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

/* Sums over what write_event_file puts into an event. */
static void check_content(const hg_event *event)
{
    uint64_t ids = 0, particles = 0;
    double x = 0;
    for (int64_t i = 0; i < event->hits.n; ++i) {
        ids += event->hits.hit_id[i] * (uint64_t)(i + 1);
        particles += event->truth.particle_id[i] * (uint64_t)(i + 1);
        x += event->hits.x[i] * (double)(i + 1);
    }
    if (event->hits.n != 40 || ids != 60680 || particles != 3940 || !(x > 2131.99 && x < 2132.01))
        fail_msg("a damaged file gave other numbers: %d %d %d %g", (int)event->hits.n, (int)ids, (int)particles, x);
}

/* Reads everything of the file; 1 = whole and right, 0 = refused with a message. */
static int survives(const char *name)
{
    hg_event_list *list = NULL;
    hg_event *event = NULL;
    hg_status status = hg_event_list_create(ctx, in_folder(name), &list);
    for (int64_t i = 0; status == HG_OK && i < list->n; ++i) {
        status = hg_event_read(ctx, &list->source[i], HG_PART_ALL, &event);
        if (status == HG_OK && event->has_truth) check_content(event);
        if (status == HG_OK) hg_event_destroy(ctx, event);
    }
    hg_event_list_destroy(ctx, list);
    if (status == HG_OK) return 1;
    if (!strstr(hg_context_message(ctx), name)) fail_msg("the message does not name the file: %s", hg_context_message(ctx));
    return 0;
}

static void truncated_files(void **state)
{
    (void)state;
    char *bytes = NULL;
    size_t length = 0;
    write_event_file("whole.h5");
    assert_true(survives("whole.h5"));
    must(hg_read_file(ctx, in_folder("whole.h5"), 1 << 20, &bytes, &length));
    const size_t used = hg_memory_used(ctx);
    for (size_t cut = 0; cut < length; cut += 320) {
        write_bytes("cut.h5", bytes, cut);
        assert_false(survives("cut.h5"));
        assert_int_equal(hg_memory_used(ctx), used);
    }
    hg_free(ctx, bytes);
}

static void flipped_bits(void **state)
{
    (void)state;
    char *bytes = NULL;
    size_t length = 0;
    int refused = 0, tried = 0;
    write_event_file("whole.h5");
    must(hg_read_file(ctx, in_folder("whole.h5"), 1 << 20, &bytes, &length));
    for (size_t at = 0; at < length; at += 211) { /* prime: all kinds of places */
        bytes[at] ^= (char)(1 << at % 8);
        write_bytes("flip.h5", bytes, length);
        refused += !survives("flip.h5");
        bytes[at] ^= (char)(1 << at % 8);
        tried++;
    }
    printf("%d of %d flipped bits were noticed, the others lie in text or unused room\n", refused, tried);
    assert_true(refused > tried / 10);
    hg_free(ctx, bytes);
}

/* Files of the right layout whose numbers do not fit together. */
static hg_status read_offsets(const int64_t *offset, int64_t n, int64_t total)
{
    static const hg_h5_column column = {"/events/hit_offset", HG_H5_I64, 0, "1", "offsets"};
    hg_h5 *h5 = NULL;
    int64_t n_events = -1, *read = NULL;
    must(hg_h5_create(ctx, in_folder("offsets.h5"), "events", &h5));
    must(hg_h5_write(ctx, h5, &column, offset, n));
    must(hg_h5_commit(ctx, &h5));
    must(hg_h5_open(ctx, in_folder("offsets.h5"), "events", &h5));
    const hg_status status = hg_h5_read_offsets(ctx, h5, column.path, &n_events, &total, &read);
    hg_h5_close(ctx, h5);
    hg_free(ctx, read);
    return status;
}

static void offsets_that_lie(void **state)
{
    (void)state;
    must(read_offsets((const int64_t[]){0}, 1, 0));
    must(read_offsets((const int64_t[]){0, 2, 2, 5}, 4, 5));
    expect_failure(read_offsets(NULL, 0, 0), HG_ERR_FORMAT, "offsets.h5:/events/hit_offset: is empty");
    expect_failure(read_offsets((const int64_t[]){1, 2}, 2, 2), HG_ERR_DATA, "/events/hit_offset[0]: 1, expected 0");
    expect_failure(read_offsets((const int64_t[]){0, 3, 2}, 3, 2), HG_ERR_DATA, "/events/hit_offset[2]: 2, expected at least 3");
    expect_failure(read_offsets((const int64_t[]){0, -1}, 2, -1), HG_ERR_DATA, "/events/hit_offset[1]: -1, expected at least 0");
    expect_failure(read_offsets((const int64_t[]){0, 7}, 2, 6), HG_ERR_DATA, "/events/hit_offset[1]: 7, expected 6, the number of rows");
}

static void ids_that_do_not_fit(void **state)
{
    (void)state;
    for (int what = 0; what < 2; ++what) {
        hg_events_h5 *file = NULL;
        hg_event *event = NULL;
        hg_event_list *list = NULL;
        must(hg_event_create(ctx, 2, -1, 1, true, &event));
        event->hits.hit_id[0] = 1;
        event->hits.hit_id[1] = what == 0 ? 1 : 2;
        event->particles.particle_id[0] = 5;
        event->truth.particle_id[1] = what == 1 ? 6 : 5;
        must(hg_events_h5_begin(ctx, in_folder("ids.h5"), NULL, NULL, &file));
        must(hg_events_h5_append(ctx, file, event));
        must(hg_events_h5_commit(ctx, file));
        hg_event_destroy(ctx, event);
        event = NULL;
        must(hg_event_list_create(ctx, in_folder("ids.h5"), &list));
        expect_failure(hg_event_read(ctx, &list->source[0], HG_PART_ALL, &event), HG_ERR_DATA,
                       what == 0 ? "ids.h5:/hits/hit_id: 1 appears twice" : "ids.h5:/truth/particle_id: 6 of event 0");
        assert_null(event);
        hg_event_list_destroy(ctx, list);
    }
}

static void things_that_are_no_hdf5(void **state)
{
    (void)state;
    hg_h5 *h5 = NULL;
    write_text("text.h5", "this is no HDF5 file");
    write_text("short.h5", "\x89HDF");
    shell("mkfifo %s/fifo.h5", folder);
    expect_failure(hg_h5_open(ctx, in_folder("text.h5"), NULL, &h5), HG_ERR_FORMAT, "text.h5: is not an HDF5 file");
    expect_failure(hg_h5_open(ctx, in_folder("short.h5"), NULL, &h5), HG_ERR_FORMAT, "short.h5: is not an HDF5 file");
    expect_failure(hg_h5_open(ctx, in_folder("fifo.h5"), NULL, &h5), HG_ERR_IO, "fifo.h5: is not a regular file");
    expect_failure(hg_h5_open(ctx, in_folder("none.h5"), NULL, &h5), HG_ERR_IO, "none.h5: cannot be opened");
    expect_failure(hg_h5_create(ctx, "/nowhere/a.h5", "events", &h5), HG_ERR_IO, "/nowhere/a.h5");
    assert_null(h5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_files),           cmocka_unit_test(a_path_is_walked_over_few_groups),
        cmocka_unit_test(truncated_files),         cmocka_unit_test(flipped_bits),
        cmocka_unit_test(offsets_that_lie),        cmocka_unit_test(ids_that_do_not_fit),
        cmocka_unit_test(things_that_are_no_hdf5),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
