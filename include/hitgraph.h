/* hitgraph.h — the whole public interface: from hits to fitted tracks with graph networks. */
/* SPDX-License-Identifier: Apache-2.0 */
/* What holds everywhere unless a function says otherwise:
 *   - hg_status: 0 = HG_OK, negative = an error, positive = information; hg_context_message says what was expected, found, and where.
 *   - On error the outputs are as before. What a call creates is owned by the caller and freed by the function of that name:
 *     _destroy (NULL is fine), _clear (a structure of the caller), hg_free (a plain array). Arguments are borrowed for the call.
 *   - Functions are reentrant with different contexts; a context serves one calling thread at a time, and a function may use its threads.
 *     Results do not depend on their number, bit for bit.
 *   - Arrays are row-major; [n, k] is n rows of k. Lengths in mm, momenta and energies in GeV, angles in rad, fields in tesla; neutrino
 *     telescopes: lengths in m, times in ns. */
#ifndef HITGRAPH_H
#define HITGRAPH_H

#include "hitgraph/classical_seeds.h"
#include "hitgraph/classification.h"
#include "hitgraph/components.h"
#include "hitgraph/context.h"
#include "hitgraph/detector.h"
#include "hitgraph/display.h"
#include "hitgraph/display_pulses.h"
#include "hitgraph/doublet_losses.h"
#include "hitgraph/doublets.h"
#include "hitgraph/event.h"
#include "hitgraph/field.h"
#include "hitgraph/field_map.h"
#include "hitgraph/graph.h"
#include "hitgraph/graphs_file.h"
#include "hitgraph/hdf5_files.h"
#include "hitgraph/kalman.h"
#include "hitgraph/line_graph.h"
#include "hitgraph/loss.h"
#include "hitgraph/material.h"
#include "hitgraph/measurement.h"
#include "hitgraph/metis_files.h"
#include "hitgraph/metrics.h"
#include "hitgraph/model.h"
#include "hitgraph/module_map.h"
#include "hitgraph/module_map_file.h"
#include "hitgraph/module_triplets.h"
#include "hitgraph/neighbours.h"
#include "hitgraph/optimiser.h"
#include "hitgraph/order.h"
#include "hitgraph/ordered_forward.h"
#include "hitgraph/partition.h"
#include "hitgraph/pulls.h"
#include "hitgraph/pulse_files.h"
#include "hitgraph/pulses.h"
#include "hitgraph/real.h"
#include "hitgraph/simulate.h"
#include "hitgraph/simulate_pulses.h"
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
