/* tests/repro/telescope.c — simulated telescope events: the same bytes for any number of threads and any cut into calls. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/datasets.h"

#include "datasets/pulse_arrays.h"
#include "hitgraph/pulse_files.h"
#include "hitgraph/simulate_pulses.h"

enum { EVENTS = 40 };

/* Writes EVENTS events of a level, made by so many threads in pieces of this size. */
static void write_events(const char *name, int64_t level, uint64_t seed, int threads, int64_t piece)
{
    const char *const settings[] = {"simulate.match.tries=150"};
    hg_telescope *telescope = NULL;
    hg_pulses_h5 *file = NULL;
    uint64_t next = 0;
    must(hg_context_set_threads(ctx, threads));
    must(hg_telescope_create(ctx, "datasets/presets/icecube.yaml", NULL, settings, 1, level, &telescope));
    must(hg_pulses_h5_begin(ctx, in_folder(name), NULL, hg_telescope_sensors(telescope), &file));
    for (int64_t left = EVENTS; left > 0; left -= piece) {
        hg_pulse_events *events = NULL;
        must(hg_telescope_simulate(ctx, telescope, seed, &next, left < piece ? left : piece, NULL, &events));
        must(hg_pulses_h5_append(ctx, file, events));
        hg_pulse_events_destroy(ctx, events);
    }
    must(hg_pulses_h5_commit(ctx, file));
    hg_telescope_destroy(ctx, telescope);
}

static void threads_and_cuts_do_not_matter(void **state)
{
    (void)state;
    for (int64_t level = 0; level <= 2; ++level) {
        write_events("one.h5", level, 3, 1, EVENTS);
        for (int threads = 2; threads <= 4; ++threads) {
            write_events("more.h5", level, 3, threads, 7 * threads);
            shell("cmp %s %s", in_folder("one.h5"), in_folder("more.h5"));
        }
    }
    write_events("more.h5", 2, 4, 2, EVENTS);
    shell("! cmp -s %s %s", in_folder("one.h5"), in_folder("more.h5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_and_cuts_do_not_matter)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
