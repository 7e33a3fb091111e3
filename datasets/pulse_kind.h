/* datasets/pulse_kind.h — what kind of telescope file something is, by its first bytes and its columns. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_PULSE_KIND_H
#define HG_DATASETS_PULSE_KIND_H

#include "hitgraph/context.h"

typedef enum hg_pulse_kind {
    HG_PULSES_UNKNOWN, /* none of these: the message in the context says what was looked for */
    HG_PULSES_HDF5,    /* the project's own */
    HG_PULSES_SQLITE,
    HG_PULSES_KAGGLE, /* a batch as CSV */
    HG_PULSES_KM3NET, /* hits of one event as CSV */
    HG_PULSES_EXPORT  /* a pulse table of GraphNeT or Prometheus, exported as CSV */
} hg_pulse_kind;

/* @return HG_OK with the kind; HG_ERR_IO the file cannot be opened; HG_ERR_FORMAT damaged compression. */
hg_status hg_pulse_kind_of(hg_context *ctx, const char *path, hg_pulse_kind *out);

#endif
