/* main_job.h — the pipeline of the main job as the tests run it: with what ships, on simulated events and on files. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_MAIN_JOB_H
#define HG_TESTS_MAIN_JOB_H

#include "tests/datasets.h"

#include "hitgraph/material.h"
#include "hitgraph/simulate.h"
#include "hitgraph/trackml.h"
#include "pipeline/run_report.h"

typedef struct job {
    hg_setup *setup;
    hg_track_models models;
} job;

/* Detector "" = the built-in one. */
static inline job open_job(const char *preset, const char *detector)
{
    job j = {0};
    char setting[300];
    hg_track_config config;
    const char *const list[] = {setting};
    snprintf(setting, sizeof setting, "detector.file=%s", detector);
    must(hg_track_config_read(ctx, preset, NULL, list, 1, &config));
    must(hg_setup_create(ctx, &config, true, &j.setup));
    must(hg_track_models_load(ctx, &config, &j.models));
    return j;
}

static inline void close_job(job *j)
{
    hg_track_models_destroy(ctx, &j->models);
    hg_setup_destroy(ctx, j->setup);
}

/* An event as the challenge's first phase has them, with this pile-up, on the job's detector and field. */
static inline hg_event *simulate_for(const job *j, double pileup, uint64_t seed)
{
    hg_simulate_options options = hg_simulate_default_options();
    hg_material *material = NULL;
    hg_event *event = NULL;
    options.pileup = pileup;
    options.sigma_z_mm = 5.5;
    must(hg_simulate_material(ctx, &material));
    must(hg_simulate_event(ctx, &options, j->setup->detector, j->setup->field, material, seed, 1, &event));
    hg_material_destroy(ctx, material);
    return event;
}

#endif
