/* toy_map.h — a doublet map learned once from four toy events, for all tests of a program. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_TOY_MAP_H
#define HG_TESTS_TOY_MAP_H

#include "tests/leaks.h"
#include "tests/toy_hits.h"

static hg_context *ctx;
static hg_doublet_map *map;
static toy_event toy;

static inline int learn_toy_map(void **state)
{
    (void)state;
    return hg_context_create(&ctx) != HG_OK || hg_doublet_map_learn(ctx, NULL, toy_next, &toy, 4, 5, &map) != HG_OK;
}

static inline int drop_toy_map(void **state)
{
    (void)state;
    hg_doublet_map_destroy(ctx, map);
    return close_without_leaks(ctx);
}

#endif
