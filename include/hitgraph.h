/* hitgraph.h — the whole public interface: from hits to fitted tracks with graph networks. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_H
#define HITGRAPH_H

#include "hitgraph/classification.h"
#include "hitgraph/components.h"
#include "hitgraph/context.h"
#include "hitgraph/detector.h"
#include "hitgraph/display.h"
#include "hitgraph/doublets.h"
#include "hitgraph/event.h"
#include "hitgraph/field.h"
#include "hitgraph/field_map.h"
#include "hitgraph/graph.h"
#include "hitgraph/hdf5_files.h"
#include "hitgraph/kalman.h"
#include "hitgraph/line_graph.h"
#include "hitgraph/loss.h"
#include "hitgraph/material.h"
#include "hitgraph/measurement.h"
#include "hitgraph/metrics.h"
#include "hitgraph/model.h"
#include "hitgraph/optimiser.h"
#include "hitgraph/pulls.h"
#include "hitgraph/real.h"
#include "hitgraph/simulate.h"
#include "hitgraph/status.h"
#include "hitgraph/submission.h"
#include "hitgraph/track_finder.h"
#include "hitgraph/trackml.h"
#include "hitgraph/tracks.h"
#include "hitgraph/tracks_file.h"
#include "hitgraph/train.h"
#include "hitgraph/triplets.h"
#include "hitgraph/truth.h"
#include "hitgraph/weights.h"

#endif
