/* datasets/pulses_hdf5.h — telescope events from the project's HDF5. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_PULSES_HDF5_H
#define HG_DATASETS_PULSES_HDF5_H

#include "hitgraph/pulse_files.h"

/* The whole of a file of format hitgraph-pulses, screened. truth: as in hg_pulse_read_options. Errors as for hg_pulse_events_read. */
hg_status hg_pulses_h5_read(hg_context *ctx, const char *path, hg_truth_mode truth, hg_pulse_report *report, hg_pulse_events **out);

#endif
