/* hitgraph/status.h — what every fallible function returns. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HITGRAPH_STATUS_H
#define HITGRAPH_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#define HG_API __attribute__((visibility("default")))

/** 0 = done; negative = error, outputs untouched, message in the context; positive = done, with information. */
typedef enum hg_status {
    HG_OK = 0,
    HG_INFO_PARTIAL = 1, /* done, but some items failed and carry their own status */
    HG_ERR_ARG = -1,     /* an argument breaks the function's contract */
    HG_ERR_NOMEM = -2,   /* the allocator gave nothing */
    HG_ERR_LIMIT = -3,   /* an explicit limit of the context was reached */
    HG_ERR_IO = -4,      /* the operating system refused: open, read, write, rename */
    HG_ERR_FORMAT = -5,  /* a file's content is not what its format says */
    HG_ERR_DATA = -6,    /* well-formed input with impossible values: NaN, unknown module, duplicate id */
    HG_ERR_CONFIG = -7,  /* unknown key, wrong type, value out of range */
    HG_ERR_MODEL = -8,   /* weights and architecture, or model and task, do not belong together */
    HG_ERR_NUMERIC = -9, /* a computation left the finite numbers */
    HG_ERR_INTERRUPTED = -10
} hg_status;

/** Short English name of a status, for example "bad format". Never NULL. Threads: reentrant. */
HG_API const char *hg_status_name(hg_status status);

#ifdef __cplusplus
}
#endif
#endif
