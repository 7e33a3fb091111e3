/* graph/point_scan.h — how near all points of a small graph are to one of them, and which of them are worth a look. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_GRAPH_POINT_SCAN_H
#define HG_GRAPH_POINT_SCAN_H

#include <stdint.h>

typedef struct hg_point_scan {
    const double *x; /* column c of the points is x[c * stride .. c * stride + count) */
    int64_t stride, count, n_columns;
    int64_t at;                      /* the point that all are compared with */
    int32_t left_out;                /* a point at an infinite distance; -1 = none */
    double light_speed, time_weight; /* see hg_points */
    int64_t k;                       /* wanted are the k nearest; 0: all within `within` */
    double within;
    double *squared; /* [count] written: nearness, that is squared distances or the rule of intervals */
    uint8_t *near;   /* [count rounded up to whole 8] written: 1 where a point may be wanted, 0 for others and behind the last one */
} hg_point_scan;

/* Returns the limit of nearness: at least k points are not above it (without k: `within`), and `near` says which ones. */
typedef double hg_point_scan_fn(const hg_point_scan *scan);

/* All that this CPU can run, the one with the widest vectors last; returns how many. All give the same bits. */
enum { HG_POINT_SCANS = 3 };
int hg_point_scan_list(hg_point_scan_fn *out[HG_POINT_SCANS]);
/* The last one. */
hg_point_scan_fn *hg_point_scan_best(void);

#endif
