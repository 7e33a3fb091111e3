/* kernels/dense_tile.h — sums that wait in the scratch tile: those of one output, and how whole rows are finished; part of dense_body.h. */
/* SPDX-License-Identifier: Apache-2.0 */

/* z of one output into the scratch tile: lanes run along k. */
ALWAYS_INLINE void dense_dot(const hg_dense *a, hg_storage storage)
{
    for (int64_t row = 0; row < a->rows; row += HG_VL) {
        const int64_t rows = a->rows - row < HG_VL ? a->rows - row : HG_VL;
        vector sum[HG_VL];
        for (int i = 0; i < HG_VL; ++i) sum[i] = (vector){0};
        for (int p = 0; p < a->n_parts; ++p) {
            const hg_dense_part *part = &a->part[p];
            const hg_real *w = part->weights;
            const int64_t whole = part->k / HG_VL * HG_VL, rest = part->k - whole;
            for (int64_t i = 0; i < rows; ++i) {
                const void *in = hg_stored_row(part->in, storage, part->ld, row + i);
                for (int64_t c = 0; c < whole; c += HG_VL) sum[i] += load_stored(in, storage, c) * load(w + c);
                vector tail = {0};
                for (int64_t c = 0; c < rest; ++c) tail[c] = hg_stored_number(in, storage, whole + c);
                if (rest > 0) sum[i] += tail * load(w + whole);
            }
        }
        const vector dot = lane_sums(sum, HG_VL);
        for (int64_t i = 0; i < rows; ++i) {
            hg_real z = a->bias ? a->bias[0] : 0;
            for (int g = 0; g < a->n_gathers; ++g)
                z += hg_stored_number(hg_stored_row(a->gather[g].table, a->gather_storage, a->gather[g].ld, a->gather[g].index[row + i]),
                                      a->gather_storage, 0);
            hg_real *to = a->scratch + (row + i) * hg_stride(HG_STORE_REAL, 1);
            memset(to, 0, (size_t)hg_stride(HG_STORE_REAL, 1) * sizeof *to);
            to[0] = z + dot[i];
        }
    }
}

/* Layer norm of up to VL rows of the scratch tile from `row` on, in place; lanes beyond the last row repeat it. */
static void norm_rows(const hg_dense *a, int64_t row, hg_real *rstd)
{
    const int64_t ld = hg_stride(HG_STORE_REAL, a->n), rows = a->rows - row < HG_VL ? a->rows - row : HG_VL;
    const hg_real scale = 1 / (hg_real)a->n;
    vector part[HG_VL];
    for (int64_t i = 0; i < rows; ++i) {
        for (int64_t c = a->n; c < ld; ++c) a->scratch[(row + i) * ld + c] = 0;
    }
    if (a->norm == HG_DENSE_NORM) {
        hg_real mean[HG_VL] __attribute__((aligned(64)));
        for (int64_t i = 0; i < HG_VL; ++i) {
            const hg_real *z = a->scratch + (row + (i < rows ? i : rows - 1)) * ld;
            part[i] = load(z);
            for (int64_t c = HG_VL; c < ld; c += HG_VL) part[i] += load(z + c);
        }
        store(mean, lane_sums(part, HG_VL) * scale);
        for (int64_t i = 0; i < rows; ++i) {
            hg_real *z = a->scratch + (row + i) * ld;
            for (int64_t c = 0; c < ld; c += HG_VL) store(z + c, load(z + c) - mean[i]);
            for (int64_t c = a->n; c < ld; ++c) z[c] = 0;
        }
    }
    for (int64_t i = 0; i < HG_VL; ++i) {
        const hg_real *z = a->scratch + (row + (i < rows ? i : rows - 1)) * ld;
        part[i] = load(z) * load(z);
        for (int64_t c = HG_VL; c < ld; c += HG_VL) part[i] += load(z + c) * load(z + c);
    }
    rstd_of(lane_sums(part, HG_VL), HG_VL, scale, a->eps, rstd);
    for (int64_t i = 0; a->rstd && i < rows; ++i) a->rstd[row + i] = rstd[i];
}

/* One row of the scratch tile to out; rstd: its factor. */
static void finish_row(const hg_dense *a, int64_t row, hg_real rstd)
{
    const int64_t ld = hg_stride(HG_STORE_REAL, a->n);
    const bool relu = a->activation == HG_ACTIVATION_RELU;
    const bool direct = (relu || a->activation == HG_ACTIVATION_NONE) && a->out_storage == HG_STORE_REAL && a->ldo >= ld;
    hg_real *z = a->scratch + row * ld, *out = (hg_real *)a->out + row * a->ldo;
    for (int64_t c = 0; c < ld; c += HG_VL) {
        vector v = load(z + c) * rstd;
        if (a->h) store(a->h + row * ld + c, v);
        if (a->gamma) v = v * load(a->gamma + c) + load(a->beta + c);
        if (!direct) {
            store(z + c, v);
            continue;
        }
        if (relu) v = larger((vector){0}, v);
        if (a->old) v = a->keep * load((const hg_real *)a->old + row * a->ldo + c) + a->change * v;
        store(out + c, v);
    }
    if (direct) return;
    if (known_in_registers(a->activation)) {
        activate_vectors(a->activation, z, (int)(ld / HG_VL));
    } else {
        activate(a->activation, z, z, ld);
    }
    if (a->out_storage == HG_STORE_REAL) {
        store_row(a, row, 0, z, written_columns(a));
    } else {
        store_rounded_row(a, row, z);
    }
}

/* From z in the scratch tile to out, for rows that did not fit into registers and for activations that blocks do not know. */
static void finish_tile(const hg_dense *a)
{
    for (int64_t row = 0; row < a->rows; row += HG_VL) {
        hg_real rstd[HG_VL] __attribute__((aligned(64)));
        if (a->norm != HG_DENSE_NO_NORM) norm_rows(a, row, rstd);
        for (int64_t i = 0; i < HG_VL && row + i < a->rows; ++i) finish_row(a, row + i, a->norm != HG_DENSE_NO_NORM ? rstd[i] : 1);
    }
}
