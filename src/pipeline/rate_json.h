/* pipeline/rate_json.h — rates as JSON, the same in every report. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_PIPELINE_RATE_JSON_H
#define HG_PIPELINE_RATE_JSON_H

#include "base/json.h"
#include "hitgraph/metrics.h"

/* value, low, high, numerator, denominator, definition; numbers that do not exist are null. New reference, NULL without memory. */
json_t *hg_rate_json(const hg_rate *rate);

/* For each definition of a match: efficiency, fake and duplicate. New reference, NULL without memory. */
json_t *hg_matching_json(const hg_target_rates *rates);

#endif
