/* graph/doublet_batch_body.h — the batch kernels of the doublet graph; a unit defines TABLE, then includes this. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/doublet_batch_clusters.h"
#include "graph/doublet_batch_features.h"
#include "graph/doublet_batch_judge.h"
#include "graph/doublet_batch_match.h"
#include "graph/doublet_batch_search.h"
#include "graph/doublet_batch_support.h"

const hg_doublet_kernels TABLE = {
    .search = search, .judge = judge, .clusters = clusters, .mark = mark, .support = support, .join = join, .features = features};
