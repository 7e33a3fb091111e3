/* datasets/detectors.h — the geometry inside HDF5 files. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_DATASETS_DETECTORS_H
#define HG_DATASETS_DETECTORS_H

#include "datasets/hdf5.h"
#include "hitgraph/detector.h"

/* Writes the modules as /geometry/<column of detectors.csv>. */
hg_status hg_detector_write_h5(hg_context *ctx, const hg_detector *detector, hg_h5 *h5);

#endif
