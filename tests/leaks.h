/* leaks.h — the end of a test program's context: memory that is still in use then is a failure. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_LEAKS_H
#define HG_TESTS_LEAKS_H

#include <stdio.h>
#include "base/memory.h"

/* Destroys the context; 1 when memory was still in use. */
static inline int close_without_leaks(hg_context *context)
{
    const size_t used = hg_memory_used(context);
    hg_context_destroy(context);
    if (used) fprintf(stderr, "%zu bytes still in use\n", used);
    return used != 0;
}

#endif
