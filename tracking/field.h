/* tracking/field.h — what a field is made of, for code that samples it in its own way. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TRACKING_FIELD_H
#define HG_TRACKING_FIELD_H

#include "hitgraph/field.h"

typedef enum hg_field_kind { HG_FIELD_CONSTANT, HG_FIELD_SOLENOID, HG_FIELD_MAP } hg_field_kind;

/* A view; pointers are borrowed from the field. */
typedef struct hg_field_shape {
    hg_field_kind kind;
    double constant;                     /* CONSTANT: T along z */
    double center[3], rho_max, zeta_max; /* SOLENOID: symmetric about `center`; within these it is tabulated */
    int64_t n[3];                        /* MAP: points per axis */
    double origin[3], step[3];           /* MAP: mm */
    const double *b;                     /* MAP: [n0, n1, n2, 3] */
} hg_field_shape;

hg_field_shape hg_field_get_shape(const hg_field *field);

#endif
