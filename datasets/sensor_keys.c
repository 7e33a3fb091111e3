/* datasets/sensor_keys.c — a table of the sensors that the pulses of a source name. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/sensor_keys.h"

#include <stdlib.h>
#include "base/check.h"
#include "base/memory.h"

bool hg_sensor_has_key(const hg_pulse_rows *rows)
{
    return rows->sensor_id || (rows->string && rows->dom);
}

int64_t hg_sensor_key(const hg_pulse_rows *rows, int64_t row)
{
    static const int64_t most = 1 << 20;
    if (rows->sensor_id) return rows->sensor_id[row];
    const int64_t string = rows->string[row], dom = rows->dom[row], pmt = rows->pmt ? rows->pmt[row] : 0;
    if (string < 0 || string >= most || dom < 0 || dom >= 4096 || pmt < 0 || pmt >= 256) return HG_SQLITE_NO_INTEGER;
    return string << 20 | dom << 8 | pmt;
}

/* Open addressing; a free slot holds HG_SQLITE_NO_INTEGER. */
typedef struct key_set {
    int64_t *slot; /* [mask + 1] owned */
    int64_t mask, n;
} key_set;

static bool insert(key_set *set, int64_t key)
{
    uint64_t h = (uint64_t)key * 0x9e3779b97f4a7c15u;
    int64_t s = (int64_t)(h ^ h >> 29) & set->mask;
    while (set->slot[s] != HG_SQLITE_NO_INTEGER && set->slot[s] != key) s = (s + 1) & set->mask;
    const bool is_new = set->slot[s] != key;
    set->slot[s] = key;
    set->n += is_new;
    return is_new;
}

static hg_status resize(hg_context *ctx, key_set *set, int64_t mask)
{
    hg_status status = HG_OK;
    key_set larger = {.mask = mask};
    HG_TRY(hg_alloc(ctx, &larger.slot, mask + 1));
    for (int64_t s = 0; s <= mask; ++s) larger.slot[s] = HG_SQLITE_NO_INTEGER;
    for (int64_t s = 0; set->slot && s <= set->mask; ++s)
        if (set->slot[s] != HG_SQLITE_NO_INTEGER) insert(&larger, set->slot[s]);
    hg_free(ctx, set->slot);
    *set = larger;
done:
    return status;
}

static int by_value(const void *a, const void *b)
{
    const int64_t *p = a, *q = b;
    return (*p > *q) - (*p < *q);
}

hg_status hg_sensor_keys(hg_context *ctx, const hg_pulse_rows *parts, int64_t n_parts, int64_t **keys, int64_t *n)
{
    hg_status status = HG_OK;
    key_set set = {.slot = NULL};
    int64_t *list = NULL, used = 0;
    HG_TRY(resize(ctx, &set, 1023));
    for (int64_t p = 0; p < n_parts; ++p) {
        for (int64_t i = 0; i < parts[p].n; ++i) {
            const int64_t key = hg_sensor_key(&parts[p], i);
            if (key != HG_SQLITE_NO_INTEGER && insert(&set, key) && 2 * set.n > set.mask) HG_TRY(resize(ctx, &set, 2 * set.mask + 1));
        }
    }
    HG_TRY(hg_alloc(ctx, &list, set.n));
    for (int64_t s = 0; s <= set.mask; ++s)
        if (set.slot[s] != HG_SQLITE_NO_INTEGER) list[used++] = set.slot[s];
    qsort(list, (size_t)used, sizeof *list, by_value);
    *keys = list;
    *n = used;
done:
    hg_free(ctx, set.slot);
    return status;
}
