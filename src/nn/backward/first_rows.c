/* nn/backward/first_rows.c — memory for the gradient of a first layer: that of a table of which this is the last reader, if any. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "nn/backward/back.h"

/* The rows that the update's own gradient is a product of: each tile reads them before it writes its own. */
static hg_shared_rows *of_gradient(const hg_back *b)
{
    const hg_table_gradient *g = &b->run->gradient[b->u->value];
    for (int i = 0; i < g->n_parts; ++i) {
        hg_shared_rows *rows = g->part[i].rows;
        if (!g->part[i].index && rows->users == 1 && rows->stride == b->first_stride) return rows;
    }
    return NULL;
}

/* A table that nobody reads later, and this update row by row only: each tile reads its rows before it writes its own. */
static int table_to_overwrite(const hg_back *b)
{
    const hg_update *u = b->u;
    for (int t = 0; t < u->n_terms; ++t) {
        int v = u->term[t].value, readers = u->old == v;
        for (int other = 0; other < u->n_terms; ++other) readers += (u->term[other].value == v) + (u->term[other].weight == v);
        bool last = b->run->first_reader[v] == b->index && readers == 1;
        if (last && u->term[t].access == HG_OWN && b->run->owned[v] && u->term[t].width == b->first_stride) return v;
    }
    return -1;
}

hg_status hg_first_rows_find(hg_back *b)
{
    hg_status status = HG_OK;
    hg_run *run = b->run;
    hg_real *data = NULL;
    bool in_place = b->net && !hg_network_concatenates(b->net); /* the others come back to their inputs after all tiles are done */
    int v = in_place ? table_to_overwrite(b) : -1;
    hg_shared_rows *given = in_place ? of_gradient(b) : NULL;
    if (given) {
        ++given->users;
        b->first = given;
        goto done;
    }
    if (v >= 0) {
        data = run->owned[v];
        run->owned[v] = NULL; /* run->table[v] stays until the update is done */
    } else {
        HG_TRY(hg_run_take(run, &data, hg_run_rows(run, b->u->entity) * b->first_stride));
    }
    HG_TRY(hg_shared_rows_make(run, data, b->first_stride, &b->first));
done:
    return status;
}
