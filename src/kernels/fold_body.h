/* kernels/fold_body.h — reductions of the items of each row, kept in registers over all items; part of body.h. */
/* SPDX-License-Identifier: Apache-2.0 */

enum { ITEMS_AHEAD = 32 };

/* Row of the table of the item at place t; its factor. */
ALWAYS_INLINE const void *item_row(const hg_fold_rows *a, hg_storage storage, int64_t t, hg_real *weight)
{
    const int64_t item = a->edge ? a->edge[t] : t;
    *weight = a->weight ? hg_stored_number(a->weight, a->weight_storage, item * a->ld_weight) : 1;
    return hg_stored_row(a->table, storage, a->ld, a->end ? a->end[item] : item);
}

ALWAYS_INLINE void prefetch_item(const hg_fold_rows *a, hg_storage storage, int64_t t, int64_t column, int count)
{
    hg_real weight;
    const int64_t size = hg_stored_size(storage);
    const char *at = (const char *)item_row(a, storage, t, &weight) + column * size;
#pragma GCC unroll 4
    for (int64_t j = 0; j < count * HG_VL * size; j += 64) __builtin_prefetch(at + j, 0, 2);
}

/* v <- v and one more item, scaled; centre is used by STD alone. */
ALWAYS_INLINE void add_item(hg_fold fold, vector *v, vector item, bool first, vector centre)
{
    if (fold == HG_FOLD_MAX) {
        *v = first ? item : choose(item > *v, item, *v);
    } else if (fold == HG_FOLD_MIN) {
        *v = first ? item : choose(item < *v, item, *v);
    } else if (fold == HG_FOLD_STD) {
        *v += (item - centre) * (item - centre);
    } else {
        *v += item;
    }
}

/* COUNT vectors of columns of one row of the result: one sweep over places first .. end. */
#define DEFINE_SWEEP(NAME, COUNT)                                                                                                          \
    ALWAYS_INLINE void NAME(hg_fold fold, const hg_fold_rows *a, hg_storage storage, int64_t first, int64_t end, int64_t last,             \
                            int64_t column, vector *v, const vector *centre)                                                               \
    {                                                                                                                                      \
        const bool scattered = a->edge || a->end;                                                                                          \
        _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j) v[j] = (vector){0};                                                        \
        for (int64_t t = first; t < end; ++t) {                                                                                            \
            hg_real weight;                                                                                                                \
            const void *from = item_row(a, storage, t, &weight);                                                                           \
            if (scattered && t + ITEMS_AHEAD < last) prefetch_item(a, storage, t + ITEMS_AHEAD, column, COUNT);                            \
            _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j)                                                                        \
            {                                                                                                                              \
                vector item = load_stored(from, storage, column + j * HG_VL);                                                              \
                if (a->weight) item *= weight;                                                                                             \
                add_item(fold, &v[j], item, t == first, centre[j]);                                                                        \
            }                                                                                                                              \
        }                                                                                                                                  \
    }

ALWAYS_INLINE vector deviation(vector variance)
{
    vector out;
    for (int lane = 0; lane < HG_VL; ++lane) out[lane] = variance[lane] > (hg_real)1e-5 ? HG_SQRT(variance[lane]) : 0;
    return out;
}

/* A line of bf16 holds more columns than one of hg_real: the last vector fills it up. */
ALWAYS_INLINE void store_folded(const hg_fold_rows *a, int64_t row, int64_t c, vector v)
{
    const int64_t size = hg_stored_size(a->out_storage), filled = hg_stride(HG_STORE_REAL, a->n);
    char *to = (char *)a->out + row * a->ldo * size;
    store_stored(to, a->out_storage, c, v);
    if (c + HG_VL == filled) memset(to + filled * size, 0, (size_t)((hg_stride(a->out_storage, a->n) - filled) * size));
}

#define DEFINE_FOLD(NAME, COUNT)                                                                                                           \
    DEFINE_SWEEP(NAME##_sweep, COUNT)                                                                                                      \
    ALWAYS_INLINE void NAME(hg_fold fold, const hg_fold_rows *a, hg_storage storage, int64_t column)                                       \
    {                                                                                                                                      \
        for (int64_t r = 0; r < a->rows; ++r) {                                                                                            \
            vector v[COUNT], centre[COUNT] = {{0}};                                                                                        \
            const int64_t first = a->ptr[r], end = a->ptr[r + 1], last = a->ptr[a->rows];                                                  \
            const hg_real n = end > first ? (hg_real)(end - first) : 1;                                                                    \
            NAME##_sweep(fold == HG_FOLD_STD ? HG_FOLD_MEAN : fold, a, storage, first, end, last, column, v, centre);                      \
            if (fold == HG_FOLD_STD) {                                                                                                     \
                _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j) centre[j] = v[j] / n;                                              \
                NAME##_sweep(HG_FOLD_STD, a, storage, first, end, end, column, v, centre);                                                 \
            }                                                                                                                              \
            _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j)                                                                        \
            {                                                                                                                              \
                if (fold == HG_FOLD_MEAN || fold == HG_FOLD_STD) v[j] /= n;                                                                \
                if (fold == HG_FOLD_STD) v[j] = deviation(v[j]);                                                                           \
                store_folded(a, r, column + j * HG_VL, v[j]);                                                                              \
            }                                                                                                                              \
        }                                                                                                                                  \
    }

DEFINE_FOLD(fold_wide, 4)
DEFINE_FOLD(fold_16, 16 / HG_VL)

ALWAYS_INLINE void fold_columns(hg_fold fold, const hg_fold_rows *a, hg_storage storage)
{
    const int64_t padded = hg_stride(HG_STORE_REAL, a->n);
    int64_t column = 0;
    for (; column + 4 * HG_VL <= padded; column += 4 * HG_VL) fold_wide(fold, a, storage, column);
    for (; column < padded; column += 16) fold_16(fold, a, storage, column);
}

ALWAYS_INLINE void fold_stored(const hg_fold_rows *a, hg_fold fold, hg_storage storage)
{
    switch (fold) {
    case HG_FOLD_SUM:
        fold_columns(HG_FOLD_SUM, a, storage);
        break;
    case HG_FOLD_MEAN:
        fold_columns(HG_FOLD_MEAN, a, storage);
        break;
    case HG_FOLD_MAX:
        fold_columns(HG_FOLD_MAX, a, storage);
        break;
    case HG_FOLD_MIN:
        fold_columns(HG_FOLD_MIN, a, storage);
        break;
    case HG_FOLD_STD:
        fold_columns(HG_FOLD_STD, a, storage);
        break;
    }
}

static void fold_rows(hg_fold fold, const hg_fold_rows *rows)
{
#ifndef HG_REAL_DOUBLE
    if (rows->storage == HG_STORE_BF16) {
        fold_stored(rows, fold, HG_STORE_BF16);
        return;
    }
#endif
    fold_stored(rows, fold, HG_STORE_REAL);
}
