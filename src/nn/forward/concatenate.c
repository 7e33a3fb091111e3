/* nn/forward/concatenate.c — see concatenate.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/forward/concatenate.h"

#include <string.h>

void hg_concatenate_row(const hg_run *run, const hg_update *u, const hg_reduced *reduced, int64_t row, hg_real *out)
{
    const hg_graph *g = run->graph;
    for (int t = 0; t < u->n_terms; ++t) {
        const hg_term *term = &u->term[t];
        const hg_real *from = hg_term_rows(run, term, &reduced[t]);
        hg_real *to = out + term->column;
        int64_t at = row;
        if (term->access == HG_SENDER || term->access == HG_DIFFERENCE) at = g->sender[row];
        if (term->access == HG_RECEIVER) at = g->receiver[row];
        if (term->access == HG_GRAPH) at = hg_graph_index(run, u->entity)[row];
        memcpy(to, from + at * term->width, (size_t)term->width * sizeof *out);
        if (term->access != HG_DIFFERENCE) continue;
        for (int64_t c = 0; c < term->width; ++c) to[c] -= from[g->receiver[row] * term->width + c];
    }
}

void hg_concatenate(const hg_run *run, const hg_update *u, const hg_reduced *reduced, int64_t row, int64_t rows, hg_real *out,
                    int64_t stride)
{
    for (int64_t i = 0; i < rows; ++i) hg_concatenate_row(run, u, reduced, row + i, out + i * stride);
}
