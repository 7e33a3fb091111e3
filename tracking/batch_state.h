/* batch_state.h — states, planes and fields in lanes. */
/* SPDX-License-Identifier: Apache-2.0 */
/* Part of batch_body.h. */
#ifndef HG_TRACKING_BATCH_STATE_H
#define HG_TRACKING_BATCH_STATE_H

#include "tracking/batch.h"
#include "tracking/batch_vector.h"
#include "tracking/propagate.h"
#include "tracking/transport.h"

/* Parameters and lower triangle of the covariance by rows (HG_PACKED). */
typedef struct bound {
    lanes par[5], cov[15];
} bound;

/* A plane: centre and axes u, v, w. */
typedef struct plane {
    lanes center[3], u[3], v[3], w[3];
    marks layer;
} plane;

/* A track on its way: position relative to `origin`, unit direction, q/p, field, and the columns of phi, theta, q/p. */
typedef struct flight {
    lanes origin[3], r[3], t[3], qop, b[3];
    lanes dr[3][3], dt[3][3]; /* [component][column] */
    lanes path;
    marks status;
} flight;

/* d(out)/d(in): rows loc0, loc1, phi, theta; q/p only scales by `loss`. */
typedef struct jacobian {
    lanes f[4][5], loss;
} jacobian;

/* Sums over the surfaces crossed: variance of the kicks times lever to the power 0, 1, 2; energy lost likewise; straggling. */
typedef struct matter {
    lanes kick[3], energy[3], straggling;
} matter;

INLINE lanes dot(const lanes a[3], const lanes b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

INLINE void cross(const lanes a[3], const lanes b[3], lanes out[3])
{
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

INLINE void fail(marks *status, marks where_bad, int bits)
{
    *status |= where_bad & (*status == 0) & (whole)bits;
}

INLINE void load_plane(const hg_batch_world *world, marks module, plane *p)
{
    const real *table = world->tables.module;
    marks at = module * HG_BATCH_MODULE;
    for (int i = 0; i < 3; ++i) {
        p->center[i] = gather(table + i, at);
        p->u[i] = gather(table + 3 + i, at);
        p->v[i] = gather(table + 6 + i, at);
        p->w[i] = gather(table + 9 + i, at);
    }
    p->layer = whole_part(gather(table + HG_BATCH_LAYER_AT, at));
}

/* Where x (in steps) lies in a table of n cells: the cell, and the share of it. */
INLINE marks cell_of(lanes x, int32_t n, lanes *share)
{
    marks cell = whole_part(smaller(larger(x, all(R(0))), all((real)n)));
    cell = pick_whole(cell > (whole)(n - 1), all_whole(n - 1), cell);
    *share = x - to_real(cell);
    return cell;
}

INLINE void solenoid_at(const hg_batch_world *world, const lanes r[3], marks *outside, lanes b[3])
{
    const hg_field_shape *f = &world->field;
    const real *table = world->tables.field;
    lanes x = r[0] - (real)f->center[0], y = r[1] - (real)f->center[1], zeta = r[2] - (real)f->center[2], share[2];
    lanes at_rho = (x * x + y * y) * (real)world->per_rho2, at_zeta = absolute(zeta) * (real)world->per_zeta;
    marks row = cell_of(at_rho, world->n_rho2, &share[0]), column = cell_of(at_zeta, world->n_zeta, &share[1]);
    marks at = (row * (whole)(world->n_zeta + 1) + column) * 2;
    const int64_t next_row = 2 * ((int64_t)world->n_zeta + 1);
    lanes part[2];
    for (int k = 0; k < 2; ++k) {
        lanes a = gather(table + k, at), c = gather(table + k + next_row, at);
        lanes low = a + share[1] * (gather(table + k + 2, at) - a);
        lanes high = c + share[1] * (gather(table + k + 2 + next_row, at) - c);
        part[k] = low + share[0] * (high - low);
    }
    lanes per_rho = pick(zeta < R(0), -part[0], part[0]);
    *outside |= ~((at_rho <= (real)world->n_rho2) & (at_zeta <= (real)world->n_zeta));
    b[0] = x * per_rho;
    b[1] = y * per_rho;
    b[2] = part[1];
}

INLINE void map_at(const hg_batch_world *world, const lanes r[3], lanes b[3])
{
    const hg_field_shape *f = &world->field;
    const real *table = world->tables.field;
    marks inside = all_whole(-1), at = all_whole(0);
    lanes share[3];
    for (int i = 0; i < 3; ++i) {
        lanes x = (r[i] - (real)f->origin[i]) * (real)(1.0 / f->step[i]);
        inside &= (x >= R(0)) & (x <= (real)(f->n[i] - 1));
        at = at * (whole)f->n[i] + cell_of(x, (int32_t)f->n[i] - 1, &share[i]);
    }
    at *= 3;
    for (int c = 0; c < 3; ++c) b[c] = all(R(0));
    for (int corner = 0; corner < 8; ++corner) {
        const int64_t i = corner & 1, j = (corner >> 1) & 1, k = corner >> 2;
        const int64_t step = ((i * f->n[1] + j) * f->n[2] + k) * 3;
        lanes weight = (i ? share[0] : R(1) - share[0]) * (j ? share[1] : R(1) - share[1]) * (k ? share[2] : R(1) - share[2]);
        for (int c = 0; c < 3; ++c) b[c] += weight * gather(table + step + c, at);
    }
    for (int c = 0; c < 3; ++c) b[c] = pick(inside, b[c], all(R(0)));
}

/* Field at a position relative to the flight's origin. */
INLINE void field_at(const hg_batch_world *world, flight *f, const lanes r[3], lanes b[3])
{
    lanes at[3];
    for (int i = 0; i < 3; ++i) at[i] = f->origin[i] + r[i];
    if (world->field.kind == HG_FIELD_SOLENOID) {
        marks outside = all_whole(0);
        solenoid_at(world, at, &outside, b);
        fail(&f->status, outside, HG_BATCH_HARD);
    } else if (world->field.kind == HG_FIELD_MAP) {
        map_at(world, at, b);
    } else {
        b[0] = b[1] = all(R(0));
        b[2] = all((real)world->field.constant);
    }
}

/* out = K (q/p) a x B */
INLINE void bend(lanes strength, const lanes a[3], const lanes b[3], lanes out[3])
{
    lanes product[3];
    cross(a, b, product);
    for (int i = 0; i < 3; ++i) out[i] = strength * product[i];
}

#endif
