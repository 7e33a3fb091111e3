/* base/output.c — temporary file in the same directory, fsync, rename, fsync of the directory. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"

struct hg_output {
    hg_context *ctx; /* borrowed */
    char *path, *temporary;
    FILE *stream;
};

static void free_output(hg_output *output)
{
    hg_free(output->ctx, output->path);
    hg_free(output->ctx, output->temporary);
    hg_free(output->ctx, output);
}

static hg_status make_names(hg_context *ctx, hg_output *output, const char *path)
{
    hg_status status = HG_OK;
    size_t room = strlen(path) + 32;
    output->ctx = ctx;
    HG_TRY(hg_copy_string(ctx, path, &output->path));
    HG_TRY(hg_alloc(ctx, &output->temporary, (int64_t)room));
    snprintf(output->temporary, room, "%s.tmp.%ld", path, (long)getpid());
done:
    return status;
}

hg_status hg_output_begin(hg_context *ctx, const char *path, hg_output **out)
{
    hg_status status = HG_OK;
    hg_output *output = NULL;
    struct stat info;

    HG_CHECK(stat(path, &info) != 0 || S_ISREG(info.st_mode), HG_ERR_IO, "%s: exists and is not a regular file", path);
    HG_TRY(hg_alloc(ctx, &output, 1));
    HG_TRY(make_names(ctx, output, path));
    int descriptor = open(output->temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    HG_CHECK(descriptor >= 0, HG_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    close(descriptor);
    *out = output;
    output = NULL;
done:
    if (output) free_output(output);
    return status;
}

FILE *hg_output_stream(hg_output *output)
{
    if (!output->stream) output->stream = fopen(output->temporary, "wb");
    return output->stream;
}

const char *hg_output_temporary_path(const hg_output *output)
{
    return output->temporary;
}

static int sync_path(const char *path, int flags)
{
    int descriptor = open(path, flags | O_CLOEXEC);
    if (descriptor < 0) return -1;
    int result = fsync(descriptor);
    return close(descriptor) != 0 ? -1 : result;
}

hg_status hg_output_commit(hg_context *ctx, hg_output **moved)
{
    hg_status status = HG_OK;
    hg_output *output = *moved;
    FILE *stream = output->stream;

    *moved = NULL;
    output->stream = NULL;
    if (stream) {
        int failed = ferror(stream);
        failed |= fclose(stream);
        HG_CHECK(!failed, HG_ERR_IO, "%s: writing failed: %s", output->path, strerror(errno));
    }
    HG_CHECK(sync_path(output->temporary, O_RDWR) == 0, HG_ERR_IO, "%s: fsync failed: %s", output->path, strerror(errno));
    HG_CHECK(rename(output->temporary, output->path) == 0, HG_ERR_IO, "%s: rename failed: %s", output->path, strerror(errno));
    sync_path(dirname(output->temporary), O_RDONLY | O_DIRECTORY); /* some file systems cannot: the file itself is safe */
    free_output(output);
    output = NULL;
done:
    hg_output_abort(output);
    return status;
}

void hg_output_abort(hg_output *output)
{
    if (!output) return;
    if (output->stream) fclose(output->stream);
    unlink(output->temporary);
    free_output(output);
}

hg_status hg_output_print(hg_context *ctx, const char *path, const char *format, ...)
{
    hg_status status = HG_OK;
    hg_output *output = NULL;
    va_list arguments;

    HG_TRY(hg_output_begin(ctx, path, &output));
    FILE *stream = hg_output_stream(output);
    HG_CHECK(stream, HG_ERR_IO, "%s: cannot be opened for writing: %s", path, strerror(errno));
    va_start(arguments, format);
    const int printed = vfprintf(stream, format, arguments);
    va_end(arguments);
    HG_CHECK(printed >= 0, HG_ERR_IO, "%s: writing failed: %s", path, strerror(errno));
    HG_TRY(hg_output_commit(ctx, &output));
done:
    hg_output_abort(output);
    return status;
}

hg_status hg_make_directory(hg_context *ctx, const char *path)
{
    hg_status status = HG_OK;
    char *part = NULL;
    struct stat info;

    HG_CHECK(path[0], HG_ERR_ARG, "empty directory name");
    HG_TRY(hg_copy_string(ctx, path, &part));
    for (char *slash = part + 1;; ++slash) {
        char end = *slash;
        if (end != '/' && end != '\0') continue;
        *slash = '\0';
        HG_CHECK(mkdir(part, 0755) == 0 || errno == EEXIST, HG_ERR_IO, "%s: cannot be created: %s", part, strerror(errno));
        *slash = end;
        if (!end) break;
    }
    HG_CHECK(stat(path, &info) == 0 && S_ISDIR(info.st_mode), HG_ERR_IO, "%s: exists and is not a directory", path);
done:
    hg_free(ctx, part);
    return status;
}
