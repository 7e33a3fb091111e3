/* base/helpers.h — contexts for a team whose threads each do whole pieces of work. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_HELPERS_H
#define HG_BASE_HELPERS_H

#include "hitgraph/context.h"

/* At least n contexts that belong to ctx and live as long as it does: each uses one thread, has the precision of ctx, keeps an arena and a
 * message of its own and no sinks. Memory counts as that of ctx, and asking ctx to stop stops them. @param out borrowed. Errors:
 * HG_ERR_NOMEM. */
hg_status hg_context_helpers(hg_context *ctx, int n, hg_context *const **out);

#endif
