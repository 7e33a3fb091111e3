/* datasets/chunk.c — decodes a stored HDF5 chunk: checksum, deflate, shuffle. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/chunk.h"

#include <string.h>
#include <zlib.h>
#include "base/check.h"
#include "base/memory.h"

enum { CHECKSUM_BYTES = 4 };

/* Bytes on their way through the filters: the current ones, and as much room for the next step. */
typedef struct stage {
    uint8_t *bytes, *other; /* [room] each */
    size_t n, room;
} stage;

static void turn(stage *s, size_t n)
{
    uint8_t *bytes = s->bytes;
    s->bytes = s->other;
    s->other = bytes;
    s->n = n;
}

static uint32_t fold(uint32_t sum)
{
    return (sum & 0xffff) + (sum >> 16);
}

/* Fletcher's checksum over big-endian 16-bit words, as HDF5 defines it. */
static uint32_t fletcher32(const uint8_t *bytes, size_t n)
{
    enum { WORDS = 360 }; /* as many as fit before the sums overflow */
    uint32_t low = 0, high = 0;
    for (size_t i = 0; i < n;) {
        for (int word = 0; word < WORDS && i < n; ++word, i += 2) {
            low += (uint32_t)bytes[i] << 8 | (i + 1 < n ? bytes[i + 1] : 0u);
            high += low;
        }
        low = fold(low);
        high = fold(high);
    }
    return fold(high) << 16 | fold(low);
}

static hg_status check_sum(hg_context *ctx, const char *where, stage *s)
{
    hg_status status = HG_OK;
    HG_CHECK(s->n >= CHECKSUM_BYTES, HG_ERR_FORMAT, "%s: a chunk of %zu bytes has no checksum", where, s->n);
    const uint8_t *end = s->bytes + s->n - CHECKSUM_BYTES;
    const uint32_t stored = (uint32_t)end[0] | (uint32_t)end[1] << 8 | (uint32_t)end[2] << 16 | (uint32_t)end[3] << 24;
    HG_CHECK(fletcher32(s->bytes, s->n - CHECKSUM_BYTES) == stored, HG_ERR_FORMAT,
             "%s: a chunk has a wrong checksum; hint: the file is damaged", where);
    s->n -= CHECKSUM_BYTES;
done:
    return status;
}

static hg_status inflate_stage(hg_context *ctx, const char *where, stage *s)
{
    hg_status status = HG_OK;
    z_stream z = {0};
    HG_CHECK(inflateInit(&z) == Z_OK, HG_ERR_NOMEM, "%s: out of memory for zlib", where);
    z.next_in = s->bytes;
    z.avail_in = (unsigned)s->n;
    z.next_out = s->other;
    z.avail_out = (unsigned)s->room;
    const int code = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    HG_CHECK(code == Z_STREAM_END && z.avail_in == 0, HG_ERR_FORMAT, "%s: a chunk holds damaged deflate data", where);
    turn(s, z.total_out);
done:
    return status;
}

/* Shuffled: first bytes of all elements, then second bytes ... */
static void unshuffle(stage *s, size_t element)
{
    const size_t n = s->n / element;
    for (size_t b = 0; b < element; ++b)
        for (size_t i = 0; i < n; ++i) s->other[i * element + b] = s->bytes[b * n + i];
    memcpy(s->other + n * element, s->bytes + n * element, s->n - n * element);
    turn(s, s->n);
}

hg_status hg_chunk_decode(hg_context *ctx, const char *where, const hg_filters *filters, uint32_t skipped, size_t element,
                          const uint8_t *stored, size_t n_stored, uint8_t *out, size_t n_out)
{
    hg_status status = HG_OK;
    uint8_t *first = NULL, *second = NULL;
    stage s = {.n = n_stored, .room = (n_stored > n_out ? n_stored : n_out) + CHECKSUM_BYTES};
    HG_CHECK(s.room <= UINT32_MAX, HG_ERR_LIMIT, "%s: a chunk of %zu bytes", where, s.room);
    HG_TRY(hg_alloc(ctx, &first, (int64_t)s.room));
    HG_TRY(hg_alloc(ctx, &second, (int64_t)s.room));
    s.bytes = first;
    s.other = second;
    memcpy(s.bytes, stored, n_stored);
    for (int i = filters->n - 1; i >= 0; --i) {
        if (skipped >> i & 1) continue;
        if (filters->id[i] == HG_FILTER_FLETCHER32)
            HG_TRY(check_sum(ctx, where, &s));
        else if (filters->id[i] == HG_FILTER_DEFLATE)
            HG_TRY(inflate_stage(ctx, where, &s));
        else
            unshuffle(&s, element);
    }
    HG_CHECK(s.n == n_out, HG_ERR_FORMAT, "%s: a chunk holds %zu bytes, expected %zu", where, s.n, n_out);
    memcpy(out, s.bytes, n_out);
done:
    hg_free(ctx, first);
    hg_free(ctx, second);
    return status;
}
