/* nn/model/live.c — which updates the outputs depend on, and how long each table is needed. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/model/description.h"

static void need(hg_description *d, int value, int by, const hg_update *reader)
{
    if (value < 0) return;
    hg_value *v = &d->value[value];
    v->needed = v->needed || !reader || reader->live;
    if (reader && !reader->live_last) return;
    v->needed_last = true;
    if (by > v->last_use) v->last_use = by;
}

void hg_description_find_live(hg_description *d)
{
    for (int i = 0; i < d->n_outputs; ++i) {
        for (int entity = 0; entity < HG_ENTITIES; ++entity) {
            int value = d->output[i].value[entity];
            if (value < 0) continue;
            if (i == d->n_outputs - 1) {
                need(d, value, d->n_updates, NULL);
            } else if (d->supervision != HG_SUPERVISE_LAST) {
                d->value[value].needed = true;
            }
        }
    }
    for (int i = d->n_updates - 1; i >= 0; --i) {
        hg_update *u = &d->update[i];
        u->live = d->value[u->value].needed;
        u->live_last = d->value[u->value].needed_last;
        if (!u->live) continue;
        for (int t = 0; t < u->n_terms; ++t) {
            need(d, u->term[t].value, i, u);
            need(d, u->term[t].weight, i, u);
        }
        need(d, u->old, i, u);
        if (u->edges >= 0) need(d, d->edge_set[u->edges].value, i, u);
    }
}
