/* base/pages.h — memory straight from the system, whose huge pages can move from one array to another. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_PAGES_H
#define HG_BASE_PAGES_H

#include <stdbool.h>
#include <stddef.h>

enum { HG_HUGE_PAGE = 2 << 20 };

/* Room for `bytes` that begins with a huge page and lies in huge pages where the system gives them. Not counted: see hg_memory_claim.
 * NULL = none. */
char *hg_pages_map(size_t bytes);
void hg_pages_unmap(char *pages, size_t bytes);

/* A new array on its way to its pages. */
typedef struct hg_new_pages {
    char *pages;          /* NULL = none */
    size_t bytes, filled; /* the first `filled` have pages that came from elsewhere and need no clearing */
} hg_new_pages;

/* Cuts huge pages off the end of from[0 .. *bytes), at least `least` bytes of them if there are as many, and with them what lies behind the
 * last whole one. They move into `to` as long as they fit there; the others go back to the system. *bytes: what is left, whole huge pages.
 * False where the system lost a part of `to`: it is good for nothing but hg_pages_unmap. */
bool hg_pages_cut(char *from, size_t *bytes, size_t least, hg_new_pages *to);

#endif
