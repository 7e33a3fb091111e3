/* datasets/pulse_files.c — telescope events from any of their files. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hitgraph/pulse_files.h"

#include "base/check.h"
#include "datasets/graphnet.h"
#include "datasets/pulse_kind.h"
#include "datasets/pulses_csv.h"
#include "datasets/pulses_hdf5.h"

hg_status hg_pulse_events_read(hg_context *ctx, const char *path, const hg_pulse_read_options *options, hg_pulse_report *report,
                               hg_pulse_events **out)
{
    static const hg_pulse_read_options defaults;
    const hg_pulse_read_options *o = options ? options : &defaults;
    hg_pulse_kind kind = HG_PULSES_UNKNOWN;
    const hg_status status = hg_pulse_kind_of(ctx, path, &kind);
    if (status < 0) return status;
    switch (kind) {
    case HG_PULSES_HDF5:
        return hg_pulses_h5_read(ctx, path, o->truth, report, out);
    case HG_PULSES_SQLITE:
        return hg_graphnet_read(ctx, path, o, report, out);
    case HG_PULSES_KAGGLE:
        return hg_kaggle_read(ctx, path, o, report, out);
    case HG_PULSES_KM3NET:
        return hg_km3net_read(ctx, path, report, out);
    case HG_PULSES_EXPORT:
        return hg_pulse_export_read(ctx, path, o, report, out);
    case HG_PULSES_UNKNOWN:
        break;
    }
    return HG_ERR_FORMAT; /* hg_pulse_kind_of has said why */
}
