/* datasets/archive.c — a file's bytes in and out, compressed or not: plain, gzip (zlib), zstd (libarchive, reading only). */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <archive.h>
#include <zlib.h>
#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/output.h"

/* gzip goes through zlib itself: libarchive 3.6 checks neither the CRC nor the length of a gzip member. */

enum { BLOCK = 64 * 1024, RATIO_LIMIT = 200, FREE_BYTES = 64 * 1024 * 1024, DEFLATE_LEVEL = 4 };
static const uint64_t inflated_limit = 16ull << 30;

typedef enum packing { PLAIN, GZIP, ZSTD } packing;

struct hg_reader {
    char *name;
    int fd;
    packing packing;
    bool ended;
    uint64_t bytes_in, bytes_out;
    bool zlib_open;
    z_stream zlib;
    struct archive *archive;
    char *in, *out; /* [BLOCK] */
};

static hg_status read_block(hg_context *ctx, hg_reader *reader, char *bytes, size_t *length)
{
    ssize_t got;
    do {
        got = read(reader->fd, bytes, BLOCK);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return hg_fail(ctx, HG_ERR_IO, "%s: cannot be read: %s", reader->name, strerror(errno));
    reader->bytes_in += (uint64_t)got;
    *length = (size_t)got;
    return HG_OK;
}

static hg_status open_zstd(hg_context *ctx, hg_reader *reader)
{
    hg_status status = HG_OK;
    struct archive_entry *entry = NULL;
    HG_CHECK(lseek(reader->fd, 0, SEEK_SET) == 0, HG_ERR_IO, "%s: cannot be rewound: %s", reader->name, strerror(errno));
    reader->archive = archive_read_new();
    HG_CHECK(reader->archive, HG_ERR_NOMEM, "%s: out of memory", reader->name);
    HG_CHECK(archive_read_support_filter_zstd(reader->archive) == ARCHIVE_OK &&
                 archive_read_support_format_raw(reader->archive) == ARCHIVE_OK &&
                 archive_read_open_fd(reader->archive, reader->fd, BLOCK) == ARCHIVE_OK &&
                 archive_read_next_header(reader->archive, &entry) == ARCHIVE_OK,
             HG_ERR_FORMAT, "%s: damaged zstd stream: %s", reader->name, archive_error_string(reader->archive));
done:
    return status;
}

static hg_status detect_packing(hg_context *ctx, hg_reader *reader)
{
    hg_status status = HG_OK;
    size_t length = 0;
    HG_TRY(read_block(ctx, reader, reader->in, &length));
    const unsigned char *head = (const unsigned char *)reader->in;
    if (length >= 2 && head[0] == 0x1f && head[1] == 0x8b) {
        reader->packing = GZIP;
        HG_CHECK(inflateInit2(&reader->zlib, 15 + 16) == Z_OK, HG_ERR_NOMEM, "%s: out of memory for zlib", reader->name);
        reader->zlib_open = true;
    } else if (length >= 4 && head[0] == 0x28 && head[1] == 0xb5 && head[2] == 0x2f && head[3] == 0xfd) {
        reader->packing = ZSTD;
        HG_TRY(open_zstd(ctx, reader));
    }
    reader->zlib.next_in = (unsigned char *)reader->in;
    reader->zlib.avail_in = (unsigned)length;
done:
    return status;
}

hg_status hg_reader_open(hg_context *ctx, const char *path, hg_reader **out)
{
    hg_status status = HG_OK;
    hg_reader *reader = NULL;
    struct stat info;

    HG_TRY(hg_alloc(ctx, &reader, 1));
    reader->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a FIFO must not block */
    HG_CHECK(reader->fd >= 0 && fstat(reader->fd, &info) == 0, HG_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    HG_CHECK(S_ISREG(info.st_mode), HG_ERR_IO, "%s: is not a regular file", path);
    HG_TRY(hg_copy_string(ctx, path, &reader->name));
    HG_TRY(hg_alloc(ctx, &reader->in, BLOCK));
    HG_TRY(hg_alloc(ctx, &reader->out, BLOCK));
    HG_TRY(detect_packing(ctx, reader));
    *out = reader;
    reader = NULL;
done:
    hg_reader_close(ctx, reader);
    return status;
}

static hg_status refill(hg_context *ctx, hg_reader *reader)
{
    size_t length = 0;
    const hg_status status = read_block(ctx, reader, reader->in, &length);
    reader->zlib.next_in = (unsigned char *)reader->in;
    reader->zlib.avail_in = (unsigned)length;
    return status;
}

static hg_status next_member(hg_context *ctx, hg_reader *reader)
{
    hg_status status = HG_OK;
    if (reader->zlib.avail_in == 0) HG_TRY(refill(ctx, reader));
    reader->ended = reader->zlib.avail_in == 0;
    if (reader->ended) goto done;
    HG_CHECK(reader->zlib.next_in[0] == 0x1f, HG_ERR_FORMAT, "%s: other bytes follow the gzip data, expected its end", reader->name);
    HG_CHECK(inflateReset(&reader->zlib) == Z_OK, HG_ERR_FORMAT, "%s: damaged gzip stream", reader->name);
done:
    return status;
}

static hg_status inflate_block(hg_context *ctx, hg_reader *reader, size_t *length)
{
    hg_status status = HG_OK;
    z_stream *z = &reader->zlib;
    z->next_out = (unsigned char *)reader->out;
    z->avail_out = BLOCK;
    while (z->avail_out == BLOCK && !reader->ended) {
        if (z->avail_in == 0) {
            HG_TRY(refill(ctx, reader));
            HG_CHECK(z->avail_in > 0, HG_ERR_FORMAT, "%s: the gzip data is truncated after %" PRIu64 " bytes, expected its trailer",
                     reader->name, reader->bytes_in);
        }
        const int code = inflate(z, Z_NO_FLUSH);
        HG_CHECK(code != Z_MEM_ERROR, HG_ERR_NOMEM, "%s: out of memory for zlib", reader->name);
        HG_CHECK(code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR, HG_ERR_FORMAT, "%s: damaged gzip data: %s", reader->name,
                 z->msg ? z->msg : "a preset dictionary is needed");
        if (code == Z_STREAM_END) HG_TRY(next_member(ctx, reader));
    }
    *length = BLOCK - z->avail_out;
done:
    return status;
}

static hg_status zstd_block(hg_context *ctx, hg_reader *reader, size_t *length)
{
    const la_ssize_t got = archive_read_data(reader->archive, reader->out, BLOCK);
    if (got < 0) return hg_fail(ctx, HG_ERR_FORMAT, "%s: damaged zstd stream: %s", reader->name, archive_error_string(reader->archive));
    reader->bytes_in = (uint64_t)archive_filter_bytes(reader->archive, -1);
    *length = (size_t)got;
    return HG_OK;
}

hg_status hg_reader_next(hg_context *ctx, hg_reader *reader, const char **bytes, size_t *length)
{
    hg_status status = HG_OK;
    size_t got = 0;
    *bytes = reader->out;
    if (reader->ended) {
        got = 0;
    } else if (reader->packing == GZIP) {
        HG_TRY(inflate_block(ctx, reader, &got));
    } else if (reader->packing == ZSTD) {
        HG_TRY(zstd_block(ctx, reader, &got));
    } else {
        if (reader->bytes_out > 0) HG_TRY(refill(ctx, reader)); /* the first block was read to tell the packing */
        got = reader->zlib.avail_in;
        *bytes = reader->in;
    }
    reader->ended = reader->ended || got == 0;
    reader->bytes_out += got;
    HG_CHECK(reader->packing == PLAIN || reader->bytes_out <= inflated_limit, HG_ERR_LIMIT, "%s: inflates to more than %" PRIu64 " bytes",
             reader->name, inflated_limit);
    HG_CHECK(reader->bytes_out <= FREE_BYTES + RATIO_LIMIT * reader->bytes_in, HG_ERR_LIMIT,
             "%s: %" PRIu64 " bytes inflate to more than %" PRIu64 "; hint: not a table of numbers", reader->name, reader->bytes_in,
             reader->bytes_out);
    *length = got;
done:
    return status;
}

const char *hg_reader_name(const hg_reader *reader)
{
    return reader->name;
}

void hg_reader_close(hg_context *ctx, hg_reader *reader)
{
    if (!reader) return;
    if (reader->zlib_open) inflateEnd(&reader->zlib);
    if (reader->archive) archive_read_free(reader->archive);
    if (reader->fd >= 0) close(reader->fd);
    hg_free(ctx, reader->in);
    hg_free(ctx, reader->out);
    hg_free(ctx, reader->name);
    hg_free(ctx, reader);
}

/* ---- writing ---- */

struct hg_writer {
    char *name;
    hg_output *output;
    FILE *stream;
    bool compressed, finished;
    z_stream zlib;
    unsigned char *out; /* [BLOCK] when compressed */
};

static hg_status start_deflate(hg_context *ctx, hg_writer *writer)
{
    hg_status status = HG_OK;
    HG_TRY(hg_alloc(ctx, &writer->out, BLOCK));
    HG_CHECK(deflateInit2(&writer->zlib, DEFLATE_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, HG_ERR_NOMEM,
             "%s: out of memory for zlib", writer->name);
    writer->compressed = true;
done:
    return status;
}

hg_status hg_writer_begin(hg_context *ctx, const char *path, hg_writer **out)
{
    hg_status status = HG_OK;
    hg_writer *writer = NULL;
    HG_TRY(hg_alloc(ctx, &writer, 1));
    HG_TRY(hg_copy_string(ctx, path, &writer->name));
    HG_TRY(hg_output_begin(ctx, path, &writer->output));
    writer->stream = hg_output_stream(writer->output);
    HG_CHECK(writer->stream, HG_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (hg_text_ends_in(path, ".gz")) HG_TRY(start_deflate(ctx, writer));
    *out = writer;
    writer = NULL;
done:
    hg_writer_abort(ctx, writer);
    return status;
}

static hg_status write_bytes(hg_context *ctx, hg_writer *writer, const void *bytes, size_t length)
{
    if (fwrite(bytes, 1, length, writer->stream) == length) return HG_OK;
    return hg_fail(ctx, HG_ERR_IO, "%s: cannot be written: %s", writer->name, strerror(errno));
}

static hg_status deflate_bytes(hg_context *ctx, hg_writer *writer, const char *bytes, size_t length, int flush)
{
    hg_status status = HG_OK;
    z_stream *z = &writer->zlib;
    z->next_in = (unsigned char *)(uintptr_t)bytes; /* zlib does not write to it */
    z->avail_in = (unsigned)length;
    do {
        z->next_out = writer->out;
        z->avail_out = BLOCK;
        HG_CHECK(deflate(z, flush) != Z_STREAM_ERROR, HG_ERR_IO, "%s: zlib refuses to compress", writer->name);
        HG_TRY(write_bytes(ctx, writer, writer->out, BLOCK - z->avail_out));
    } while (z->avail_out == 0);
done:
    return status;
}

hg_status hg_writer_put(hg_context *ctx, hg_writer *writer, const char *bytes, size_t length)
{
    hg_status status = HG_OK;
    if (!writer->compressed) return write_bytes(ctx, writer, bytes, length);
    while (length > 0) { /* zlib counts in 32 bits */
        const size_t piece = length < (1u << 30) ? length : 1u << 30;
        HG_TRY(deflate_bytes(ctx, writer, bytes, piece, Z_NO_FLUSH));
        bytes += piece;
        length -= piece;
    }
done:
    return status;
}

hg_status hg_writer_finish(hg_context *ctx, hg_writer *writer)
{
    hg_status status = HG_OK;
    if (!writer->finished && writer->compressed) HG_TRY(deflate_bytes(ctx, writer, "", 0, Z_FINISH));
    HG_CHECK(fflush(writer->stream) == 0, HG_ERR_IO, "%s: cannot be written: %s", writer->name, strerror(errno));
    writer->finished = true;
done:
    return status;
}

hg_status hg_writer_commit(hg_context *ctx, hg_writer *writer)
{
    hg_status status = HG_OK;
    HG_TRY(hg_writer_finish(ctx, writer));
    HG_TRY(hg_output_commit(ctx, &writer->output));
done:
    hg_writer_abort(ctx, writer);
    return status;
}

void hg_writer_abort(hg_context *ctx, hg_writer *writer)
{
    if (!writer) return;
    if (writer->compressed) deflateEnd(&writer->zlib);
    hg_output_abort(writer->output);
    hg_free(ctx, writer->out);
    hg_free(ctx, writer->name);
    hg_free(ctx, writer);
}
