/* nn/backward/weight_sums.c — see weight_sums.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/backward/weight_sums.h"

#include <string.h>
#include "base/parallel.h"

/* Fewer groups where the buffers of wide networks would take more than NUMBERS_MAX numbers together. */
enum { GROUPS_MAX = 64, GROUPS_MIN = 16, TILES_MIN = 16, NUMBERS_MAX = 16 << 20 };

static int64_t place(hg_weight_sums *s, bool there, int64_t size)
{
    if (!there) return -1;
    int64_t at = s->size;
    s->size += size;
    return at;
}

hg_weight_sums hg_weight_sums_layout(const hg_run *run, const hg_update *u, int64_t n_rows, bool indexed)
{
    const hg_network *net = &run->d->network[u->network];
    hg_weight_sums s = {.n_rows = n_rows, .graph = u->entity == HG_EDGES && !indexed ? run->graph : NULL};
    for (int t = 0; t < u->n_terms; ++t) {
        s.term[t] = place(&s, !hg_network_concatenates(net) && hg_term_indexed(&u->term[t]) == indexed,
                          net->layer[0].out * hg_padded(u->term[t].width));
    }
    for (int l = 0; l < net->n_layers; ++l) {
        const hg_mlp_layer *layer = &net->layer[l];
        s.weight[l] = place(&s, !indexed && l > 0 && layer->linear, layer->out * hg_padded(layer->in));
        s.bias[l] = place(&s, !indexed && layer->bias >= 0 && layer->types == 0, hg_padded(layer->out));
        s.gamma[l] = place(&s, !indexed && layer->gamma >= 0, hg_padded(layer->out));
        s.beta[l] = place(&s, !indexed && layer->beta >= 0, hg_padded(layer->out));
    }
    int64_t n_tiles = hg_block_count(n_rows, HG_TILE_ROWS), most = NUMBERS_MAX / (s.size + 1);
    most = most > GROUPS_MAX ? GROUPS_MAX : most < GROUPS_MIN ? GROUPS_MIN : most;
    s.tiles_per_group = hg_block_count(n_tiles, most);
    if (s.tiles_per_group < TILES_MIN) s.tiles_per_group = TILES_MIN;
    s.n_groups = hg_block_count(n_tiles, s.tiles_per_group);
    return s;
}

hg_status hg_weight_sums_begin(hg_run *run, const hg_update *u, int64_t n_rows, bool indexed, hg_weight_sums *out)
{
    *out = hg_weight_sums_layout(run, u, n_rows, indexed);
    return hg_run_take(run, &out->memory, out->n_groups * out->size);
}

int64_t hg_weight_sums_row(const hg_weight_sums *s, int64_t group)
{
    int64_t row = group * s->tiles_per_group * HG_TILE_ROWS;
    if (row >= s->n_rows) return s->n_rows;
    return s->graph ? s->graph->in_ptr[s->graph->receiver[row]] : row;
}

hg_real *hg_weight_sums_open(const hg_weight_sums *s, int64_t group)
{
    return memset(s->memory + group * s->size, 0, (size_t)s->size * sizeof *s->memory);
}

/* gradient[o, column + i] += block[o, i]. */
static void add_block(hg_real *gradient, int64_t in, int64_t column, const hg_real *block, int64_t out, int64_t width)
{
    for (int64_t o = 0; o < out; ++o) {
        for (int64_t i = 0; i < width; ++i) gradient[o * in + column + i] += block[o * hg_padded(width) + i];
    }
}

/* The same for the weights of a layer; of a grouped one only what lies inside its blocks on the diagonal counts. */
static void add_weights(hg_real *gradient, const hg_mlp_layer *layer, int64_t column, const hg_real *block, int64_t width)
{
    if (layer->groups == 1) {
        add_block(gradient, layer->in, column, block, layer->out, width);
        return;
    }
    int64_t in = layer->in / layer->groups, share = layer->out / layer->groups;
    for (int64_t o = 0; o < layer->out; ++o) {
        int64_t first = o / share * in;
        for (int64_t i = 0; i < width; ++i) {
            int64_t at = column + i - first;
            if (at >= 0 && at < in) gradient[o * in + at] += block[o * hg_padded(width) + i];
        }
    }
}

void hg_weight_sums_add(hg_run *run, const hg_update *u, const hg_weight_sums *s)
{
    const hg_network *net = &run->d->network[u->network];
    hg_real *sum = s->memory, *gradient = run->weight_gradient;
    if (run->dry || s->n_groups == 0) return;
#pragma omp parallel for schedule(static) num_threads(hg_team(run, s->size * s->n_groups / 64))
    for (int64_t block = 0; block < hg_block_count(s->size, HG_SUM_BLOCK); ++block) {
        int64_t first = block * HG_SUM_BLOCK, end = first + HG_SUM_BLOCK < s->size ? first + HG_SUM_BLOCK : s->size;
        for (int64_t group = 1; group < s->n_groups; ++group) {
            const hg_real *part = s->memory + group * s->size;
            for (int64_t i = first; i < end; ++i) sum[i] += part[i];
        }
    }
    for (int t = 0; t < u->n_terms; ++t) {
        const hg_term *term = &u->term[t];
        if (s->term[t] >= 0) add_weights(gradient + net->layer[0].weight, &net->layer[0], term->column, sum + s->term[t], term->width);
    }
    for (int l = 0; l < net->n_layers; ++l) {
        const hg_mlp_layer *layer = &net->layer[l];
        if (s->weight[l] >= 0) add_weights(gradient + layer->weight, layer, 0, sum + s->weight[l], layer->in);
        if (s->bias[l] >= 0) add_block(gradient + layer->bias, layer->out, 0, sum + s->bias[l], 1, layer->out);
        if (s->gamma[l] >= 0) add_block(gradient + layer->gamma, layer->out, 0, sum + s->gamma[l], 1, layer->out);
        if (s->beta[l] >= 0) add_block(gradient + layer->beta, layer->out, 0, sum + s->beta[l], 1, layer->out);
    }
}
