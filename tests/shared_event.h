/* shared_event.h — one simulated event and the shipped job, set up once for all tests of a program. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_SHARED_EVENT_H
#define HG_TESTS_SHARED_EVENT_H

#include "tests/main_job.h"

static job shared_job;
static hg_event *event;

/* The event lies in folder/events too. */
static inline int make_shared_event(void **state, double pileup)
{
    if (set_up(state)) return 1;
    must(hg_context_set_threads(ctx, 2));
    shared_job = open_job("trackml", "");
    event = simulate_for(&shared_job, pileup, 4);
    must(hg_trackml_write(ctx, event, in_folder("events"), false));
    return 0;
}

static inline int drop_shared_event(void **state)
{
    hg_event_destroy(ctx, event);
    close_job(&shared_job);
    return tear_down(state);
}

#endif
