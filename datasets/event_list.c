/* datasets/event_list.c — finds the events of an input path. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "datasets/trackml.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/check.h"
#include "base/memory.h"
#include "datasets/events_hdf5.h"

static const char *const endings[] = {".csv", ".csv.gz", ".csv.zst", NULL};
static const char *const parts[] = {"hits", "cells", "truth", "particles", NULL};

bool hg_trackml_find(const char *prefix, const char *part, char path[PATH_MAX])
{
    for (const char *const *ending = endings; *ending; ++ending) {
        const int length = snprintf(path, PATH_MAX, "%s-%s%s", prefix, part, *ending);
        if (length < PATH_MAX && access(path, F_OK) == 0) return true;
    }
    return false;
}

static bool ends_with(const char *text, size_t length, const char *end)
{
    const size_t m = strlen(end);
    return length >= m && memcmp(text + length - m, end, m) == 0;
}

/* Length of NAME in "NAME-<part>.csv[.gz|.zst]"; 0 = the name is not of this kind. */
static size_t prefix_length(const char *name, const char *part)
{
    char tail[64];
    const size_t length = strlen(name);
    for (const char *const *ending = endings; *ending; ++ending) {
        snprintf(tail, sizeof tail, "-%s%s", part, *ending);
        if (ends_with(name, length, tail)) return length - strlen(tail);
    }
    return 0;
}

/* The digits at the end of a prefix; false = there are none, or too many. */
static bool event_number(const char *prefix, size_t length, uint64_t *id)
{
    size_t first = length;
    while (first > 0 && isdigit((unsigned char)prefix[first - 1])) --first;
    if (first == length || length - first > 18) return false;
    *id = 0;
    for (size_t i = first; i < length; ++i) *id = 10 * *id + (uint64_t)(prefix[i] - '0');
    return true;
}

static hg_status add_source(hg_context *ctx, hg_event_list *list, uint64_t event_id, const char *path, int64_t index)
{
    hg_status status = HG_OK;
    if ((list->n & (list->n - 1)) == 0) HG_TRY(hg_grow(ctx, &list->source, list->n, list->n ? 2 * list->n : 1));
    list->source[list->n] = (hg_event_source){.event_id = event_id, .path = NULL, .index = index};
    list->n++;
    HG_TRY(hg_copy_string(ctx, path, &list->source[list->n - 1].path));
done:
    return status;
}

static int by_event(const void *a, const void *b)
{
    const hg_event_source *left = a, *right = b;
    if (left->event_id != right->event_id) return left->event_id < right->event_id ? -1 : 1;
    const int order = strcmp(left->path, right->path);
    return order ? order : (left->index > right->index) - (left->index < right->index);
}

/* One event shows up once for each of its files. */
static void sort_and_merge(hg_context *ctx, hg_event_list *list)
{
    int64_t kept = 0;
    if (list->n > 0) qsort(list->source, (size_t)list->n, sizeof *list->source, by_event);
    for (int64_t i = 0; i < list->n; ++i) {
        if (kept > 0 && by_event(&list->source[kept - 1], &list->source[i]) == 0)
            hg_free(ctx, list->source[i].path);
        else
            list->source[kept++] = list->source[i];
    }
    list->n = kept;
}

static hg_status add_directory_entry(hg_context *ctx, hg_event_list *list, const char *directory, const char *name)
{
    char path[PATH_MAX];
    uint64_t id = 0;
    if (strncmp(name, "event", 5) != 0) return HG_OK;
    for (const char *const *part = parts; *part; ++part) {
        const size_t length = prefix_length(name, *part);
        if (length <= 5 || !event_number(name, length, &id)) continue;
        const char *slash = ends_with(directory, strlen(directory), "/") ? "" : "/";
        if (snprintf(path, sizeof path, "%s%s%.*s", directory, slash, (int)length, name) >= (int)sizeof path)
            return hg_fail(ctx, HG_ERR_IO, "%s: path too long", directory);
        return add_source(ctx, list, id, path, -1);
    }
    return HG_OK;
}

static hg_status list_hdf5(hg_context *ctx, hg_event_list *list, const char *path)
{
    hg_status status = HG_OK;
    uint64_t *ids = NULL;
    int64_t n = 0;
    HG_TRY(hg_events_h5_ids(ctx, path, &ids, &n));
    for (int64_t i = 0; i < n; ++i) HG_TRY(add_source(ctx, list, ids[i], path, i));
done:
    hg_free(ctx, ids);
    return status;
}

/* FILE.h5/event<number>: one event of a file. */
static hg_status list_event_of_file(hg_context *ctx, hg_event_list *list, const char *input)
{
    hg_status status = HG_OK;
    const char *name = strrchr(input, '/');
    char path[PATH_MAX];
    uint64_t id = 0;
    int64_t kept = 0;
    snprintf(path, sizeof path, "%.*s", (int)(name - input), input);
    HG_CHECK(event_number(name + 1, strlen(name + 1), &id), HG_ERR_IO, "%s: expected %s/event<number>", input, path);
    HG_TRY(list_hdf5(ctx, list, path));
    for (int64_t i = 0; i < list->n; ++i) {
        if (list->source[i].event_id == id)
            list->source[kept++] = list->source[i];
        else
            hg_free(ctx, list->source[i].path);
    }
    list->n = kept;
    HG_CHECK(kept > 0, HG_ERR_IO, "%s: no event %" PRIu64 " in this file", path, id);
done:
    return status;
}

/* What `hitgraph simulate --format h5` leaves in a directory. */
static hg_status list_events_file(hg_context *ctx, hg_event_list *list, const char *directory)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/events.h5", directory) >= (int)sizeof path)
        return hg_fail(ctx, HG_ERR_IO, "%s: path too long", directory);
    return access(path, F_OK) == 0 ? list_hdf5(ctx, list, path) : HG_OK;
}

static hg_status list_directory(hg_context *ctx, hg_event_list *list, const char *path)
{
    hg_status status = HG_OK;
    DIR *directory = opendir(path);
    HG_CHECK(directory, HG_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(directory));) HG_TRY(add_directory_entry(ctx, list, path, entry->d_name));
    if (list->n == 0) HG_TRY(list_events_file(ctx, list, path));
    HG_CHECK(list->n > 0, HG_ERR_IO, "%s: no events in this directory, expected files event<number>-hits.csv[.gz] or events.h5", path);
done:
    if (directory) closedir(directory);
    return status;
}

static hg_status list_prefix(hg_context *ctx, hg_event_list *list, const char *prefix)
{
    hg_status status = HG_OK;
    char path[PATH_MAX];
    bool found = false;
    uint64_t id = 0;
    HG_CHECK(strlen(prefix) < PATH_MAX - 64, HG_ERR_IO, "%.60s...: path too long", prefix);
    for (const char *const *part = parts; *part && !found; ++part) found = hg_trackml_find(prefix, *part, path);
    HG_CHECK(found, HG_ERR_IO, "%s: neither a directory, a file nor an event prefix; looked for %s-hits.csv, .csv.gz, .csv.zst", prefix,
             prefix);
    if (!event_number(prefix, strlen(prefix), &id)) id = 0;
    HG_TRY(add_source(ctx, list, id, prefix, -1));
done:
    return status;
}

static hg_status list_input(hg_context *ctx, hg_event_list *list, const char *input)
{
    struct stat info;
    char prefix[PATH_MAX];
    if (stat(input, &info) != 0) return errno == ENOTDIR ? list_event_of_file(ctx, list, input) : list_prefix(ctx, list, input);
    if (S_ISDIR(info.st_mode)) return list_directory(ctx, list, input);
    const size_t length = prefix_length(input, "hits");
    if (length == 0) return list_hdf5(ctx, list, input);
    if (length >= sizeof prefix) return hg_fail(ctx, HG_ERR_IO, "%.60s...: path too long", input);
    memcpy(prefix, input, length);
    prefix[length] = '\0';
    return list_prefix(ctx, list, prefix);
}

hg_status hg_event_list_create(hg_context *ctx, const char *input, hg_event_list **out)
{
    hg_status status = HG_OK;
    hg_event_list *list = NULL;
    HG_CHECK(input && input[0], HG_ERR_ARG, "no input path, expected a directory, an event prefix or a file");
    HG_TRY(hg_alloc(ctx, &list, 1));
    HG_TRY(list_input(ctx, list, input));
    sort_and_merge(ctx, list);
    *out = list;
    list = NULL;
done:
    hg_event_list_destroy(ctx, list);
    return status;
}

void hg_event_list_destroy(hg_context *ctx, hg_event_list *list)
{
    if (!list) return;
    for (int64_t i = 0; i < list->n; ++i) hg_free(ctx, list->source[i].path);
    hg_free(ctx, list->source);
    hg_free(ctx, list);
}
