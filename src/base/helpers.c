/* base/helpers.c — see helpers.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/helpers.h"

#include <stdlib.h>
#include "base/check.h"
#include "base/context.h"

hg_status hg_context_helpers(hg_context *ctx, int n, hg_context *const **out)
{
    if (n > ctx->n_helpers) {
        hg_context **more = realloc(ctx->helper, (size_t)n * sizeof(hg_context *));
        if (!more) return hg_fail(ctx, HG_ERR_NOMEM, "out of memory: contexts for %d threads", n);
        ctx->helper = more;
    }
    for (; ctx->n_helpers < n; ++ctx->n_helpers) {
        if (hg_context_create(&ctx->helper[ctx->n_helpers]) < 0)
            return hg_fail(ctx, HG_ERR_NOMEM, "out of memory: contexts for %d threads", n);
        ctx->helper[ctx->n_helpers]->owner = ctx;
        ctx->helper[ctx->n_helpers]->threads = 1;
    }
    for (int i = 0; i < n; ++i) ctx->helper[i]->precision = ctx->precision;
    *out = ctx->helper;
    return HG_OK;
}
