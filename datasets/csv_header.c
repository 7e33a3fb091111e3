/* datasets/csv_header.c — see csv_header.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/csv_header.h"

#include <string.h>
#include "base/check.h"
#include "datasets/archive.h"

hg_status hg_csv_header_read(hg_context *ctx, const char *path, char line[HG_CSV_HEADER_SIZE])
{
    hg_status status = HG_OK;
    hg_reader *reader = NULL;
    const char *bytes;
    size_t length = 0, used = 0;
    HG_TRY(hg_reader_open(ctx, path, &reader));
    for (bool more = true; more && used < HG_CSV_HEADER_SIZE - 1;) {
        HG_TRY(hg_reader_next(ctx, reader, &bytes, &length));
        more = length > 0;
        for (size_t i = 0; more && i < length && used < HG_CSV_HEADER_SIZE - 1; ++i) {
            more = bytes[i] != '\n' && bytes[i] != '\0';
            if (more) line[used++] = bytes[i];
        }
    }
    line[used] = '\0';
done:
    hg_reader_close(ctx, reader);
    return status;
}

bool hg_csv_header_has(const char *line, const char *name)
{
    const size_t n = strlen(name);
    for (const char *at = line; *at;) {
        const size_t field = strcspn(at, ",\r");
        const bool quoted = field == n + 2 && at[0] == '"';
        if ((field == n && memcmp(at, name, n) == 0) || (quoted && memcmp(at + 1, name, n) == 0)) return true;
        at += field;
        at += *at != '\0';
    }
    return false;
}
