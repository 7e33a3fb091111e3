/* pipeline/rate_json.c — rates as JSON, the same in every report. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/rate_json.h"

json_t *hg_rate_json(const hg_rate *rate)
{
    return json_pack("{s:o, s:o, s:o, s:f, s:f, s:s}", "value", hg_json_number(rate->value), "low", hg_json_number(rate->low), "high",
                     hg_json_number(rate->high), "numerator", rate->numerator, "denominator", rate->denominator, "definition",
                     rate->definition ? rate->definition : "");
}

json_t *hg_matching_json(const hg_target_rates *rates)
{
    json_t *matching = json_object();
    for (int k = 0; k < HG_MATCH_KINDS; ++k) {
        json_object_set_new(matching, hg_match_name((hg_match_kind)k),
                            json_pack("{s:o, s:o, s:o}", "efficiency", hg_rate_json(&rates->efficiency[k]), "fake",
                                      hg_rate_json(&rates->fake[k]), "duplicate", hg_rate_json(&rates->duplicate[k])));
    }
    return matching;
}
