/* isa.h — tests that walk over the kernel tables by HG_ISA leave the caller's choice as it was. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_ISA_H
#define HG_TESTS_ISA_H

#include <stdlib.h>
#include <string.h>

/* The choice before the walk, for isa_restore. */
static inline char *isa_keep(void)
{
    const char *chosen = getenv("HG_ISA");
    return chosen ? strdup(chosen) : NULL;
}

static inline void isa_restore(char *kept)
{
    if (kept)
        setenv("HG_ISA", kept, 1);
    else
        unsetenv("HG_ISA");
    free(kept);
}

#endif
