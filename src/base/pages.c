/* base/pages.c — see pages.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pages.h"

#include <stdint.h>
#include <sys/mman.h>

enum { SMALL_PAGE = 4096 };
static const size_t huge = HG_HUGE_PAGE;

static size_t whole_pages(size_t bytes)
{
    return (bytes + SMALL_PAGE - 1) / SMALL_PAGE * SMALL_PAGE;
}

static char *map_at(char *at, size_t bytes, int flags)
{
    void *pages = mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

char *hg_pages_map(size_t bytes)
{
    const size_t length = whole_pages(bytes), reserved = length + huge;
    char *start = length <= SIZE_MAX / 2 ? map_at(NULL, reserved, 0) : NULL;
    if (!start) return NULL;
    const size_t before = (huge - (uintptr_t)start % huge) % huge, after = reserved - before - length;
    if (before > 0) (void)munmap(start, before);
    if (after > 0) (void)munmap(start + before + length, after);
    (void)madvise(start + before, length, MADV_HUGEPAGE);
    return start + before;
}

void hg_pages_unmap(char *pages, size_t bytes)
{
    if (bytes > 0) (void)munmap(pages, whole_pages(bytes));
}

/* One at a time: what was moved before lies in mappings of its own, and the system moves parts of one mapping only. */
static bool move_page(char *from, char *to)
{
    if (mremap(from, huge, huge, MREMAP_MAYMOVE | MREMAP_FIXED, to) != MAP_FAILED) return true;
    hg_pages_unmap(from, huge);
    return map_at(to, huge, MAP_FIXED) != NULL; /* a failed move may leave a hole */
}

bool hg_pages_cut(char *from, size_t *bytes, size_t least, hg_new_pages *to)
{
    size_t n = *bytes / huge, wanted = (least + huge - 1) / huge;
    bool whole = true;
    hg_pages_unmap(from + n * huge, *bytes - n * huge);
    for (; n > 0 && wanted > 0; --n, --wanted) {
        char *page = from + (n - 1) * huge;
        if (!to->pages || to->filled + huge > to->bytes) {
            hg_pages_unmap(page, huge);
        } else {
            whole = move_page(page, to->pages + to->filled) && whole;
            to->filled += huge;
        }
    }
    *bytes = n * huge;
    return whole;
}
