/* kernels/backward.h — the way back through one layer on a tile of rows, part of body.h: weights, norm and activation, segments. */
/* SPDX-License-Identifier: Apache-2.0 */

/* A register block of a weight gradient: ROWS outputs x (COUNT * LANES) inputs stay in registers while the tile's rows run by. */
#define DEFINE_WGRAD_BLOCK(NAME, VECTOR, LANES, COUNT, ROWS)                                                                               \
    static inline __attribute__((always_inline)) void NAME(hg_real *dw, int64_t ldw, const hg_real *d, int64_t ldd, const hg_real *x,      \
                                                           int64_t ldx, int64_t rows)                                                      \
    {                                                                                                                                      \
        VECTOR sum[ROWS][COUNT];                                                                                                           \
        _Pragma("GCC unroll 8") for (int i = 0; i < ROWS; ++i)                                                                             \
        {                                                                                                                                  \
            _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j) sum[i][j] = *(const VECTOR *)(dw + i * ldw + j * LANES);               \
        }                                                                                                                                  \
        for (int64_t r = 0; r < rows; ++r, d += ldd, x += ldx) {                                                                           \
            VECTOR right[COUNT];                                                                                                           \
            _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j) right[j] = *(const VECTOR *)(x + j * LANES);                           \
            _Pragma("GCC unroll 8") for (int i = 0; i < ROWS; ++i)                                                                         \
            {                                                                                                                              \
                hg_real left = d[i];                                                                                                       \
                _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j) sum[i][j] += left * right[j];                                      \
            }                                                                                                                              \
        }                                                                                                                                  \
        _Pragma("GCC unroll 8") for (int i = 0; i < ROWS; ++i)                                                                             \
        {                                                                                                                                  \
            _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j) * (VECTOR *)(dw + i * ldw + j * LANES) = sum[i][j];                    \
        }                                                                                                                                  \
    }

/* One panel of input columns: blocks of ROWS outputs, the rest in blocks of 4, 2 and 1. */
#define DEFINE_WGRAD_PANEL(NAME, VECTOR, LANES, COUNT, ROWS)                                                                               \
    DEFINE_WGRAD_BLOCK(NAME##_block, VECTOR, LANES, COUNT, ROWS)                                                                           \
    DEFINE_WGRAD_BLOCK(NAME##_4, VECTOR, LANES, COUNT, 4)                                                                                  \
    DEFINE_WGRAD_BLOCK(NAME##_2, VECTOR, LANES, COUNT, 2)                                                                                  \
    DEFINE_WGRAD_BLOCK(NAME##_1, VECTOR, LANES, COUNT, 1)                                                                                  \
    static void NAME(hg_real *dw, int64_t ldw, const hg_real *d, int64_t ldd, int64_t out, const hg_real *x, int64_t ldx, int64_t rows)    \
    {                                                                                                                                      \
        int64_t o = 0;                                                                                                                     \
        for (; o + ROWS <= out; o += ROWS) NAME##_block(dw + o * ldw, ldw, d + o, ldd, x, ldx, rows);                                      \
        for (; o + 4 <= out; o += 4) NAME##_4(dw + o * ldw, ldw, d + o, ldd, x, ldx, rows);                                                \
        for (; o + 2 <= out; o += 2) NAME##_2(dw + o * ldw, ldw, d + o, ldd, x, ldx, rows);                                                \
        for (; o < out; ++o) NAME##_1(dw + o * ldw, ldw, d + o, ldd, x, ldx, rows);                                                        \
    }

#if HG_WIDE_4 > 0
DEFINE_WGRAD_PANEL(wgrad_64, vector16, 16, 4, HG_WIDE_4)
#endif
#if HG_WIDE_2 > 0
DEFINE_WGRAD_PANEL(wgrad_32, vector16, 16, 2, HG_WIDE_2)
#endif
#if HG_WIDE_1 > 0
DEFINE_WGRAD_PANEL(wgrad_16, vector16, 16, 1, HG_WIDE_1)
#endif
DEFINE_WGRAD_PANEL(wgrad_8, vector8, 8, 1, HG_NARROW)

static void wgrad(hg_real *dw, int64_t ldw, const hg_real *d, int64_t ldd, int64_t out, const hg_real *x, int64_t ldx, int64_t n,
                  int64_t rows)
{
    int64_t j = 0;
#if HG_WIDE_4 > 0
    for (; j + 64 <= n; j += 64) wgrad_64(dw + j, ldw, d, ldd, out, x + j, ldx, rows);
#endif
#if HG_WIDE_2 > 0
    for (; j + 32 <= n; j += 32) wgrad_32(dw + j, ldw, d, ldd, out, x + j, ldx, rows);
#endif
#if HG_WIDE_1 > 0
    for (; j + 16 <= n; j += 16) wgrad_16(dw + j, ldw, d, ldd, out, x + j, ldx, rows);
#endif
    for (; j < n; j += 8) wgrad_8(dw + j, ldw, d, ldd, out, x + j, ldx, rows);
}

/* Derivatives that need no more than y and a few operations; the others are a sweep of their own. */
static inline bool slope_is_cheap(hg_activation kind)
{
    return kind == HG_ACTIVATION_NONE || kind == HG_ACTIVATION_RELU || kind == HG_ACTIVATION_TANH;
}

typedef lane_int lanes8 __attribute__((vector_size(8 * sizeof(lane_int)), may_alias));
typedef lane_int lanes16 __attribute__((vector_size(16 * sizeof(lane_int)), may_alias));

#if __clang__
#define SHUFFLE_8(v, ...) __builtin_shufflevector(v, v, __VA_ARGS__)
#else
#define SHUFFLE_8(v, ...) __builtin_shuffle(v, (lanes8){__VA_ARGS__})
#endif

static inline __attribute__((always_inline)) hg_real sum_lanes(vector8 v)
{
    v += SHUFFLE_8(v, 4, 5, 6, 7, 0, 1, 2, 3);
    v += SHUFFLE_8(v, 2, 3, 0, 1, 6, 7, 4, 5);
    return v[0] + v[1];
}

static inline __attribute__((always_inline)) vector8 low_half(const vector16 *v)
{
    return *(const vector8 *)v;
}

/* One row, whose width is a whole number of vectors or whose padding has been zeroed. With a constant stride all loops unroll. */
#define DEFINE_ROW_BACK(NAME, VECTOR, LANES, MASK, SUM)                                                                                    \
    static inline __attribute__((always_inline)) void NAME(const hg_layer_back *b, int64_t i, int64_t stride, int64_t tail)                \
    {                                                                                                                                      \
        hg_real *d = b->d + i * b->ld;                                                                                                     \
        const hg_real *y = b->y + i * b->ld, *h = b->h + i * b->ld;                                                                        \
        VECTOR sum = {0}, product = {0};                                                                                                   \
        for (int64_t c = 0; c < stride; c += LANES) {                                                                                      \
            VECTOR v = *(VECTOR *)(d + c);                                                                                                 \
            if (b->activation == HG_ACTIVATION_RELU) {                                                                                     \
                MASK kept = *(const VECTOR *)(y + c) > 0;                                                                                  \
                v = (VECTOR)((MASK)v & kept);                                                                                              \
            } else if (b->activation == HG_ACTIVATION_TANH) {                                                                              \
                VECTOR value = *(const VECTOR *)(y + c);                                                                                   \
                v *= 1 - value * value;                                                                                                    \
            }                                                                                                                              \
            if (b->gamma) {                                                                                                                \
                *(VECTOR *)(b->d_gamma + c) += v * *(const VECTOR *)(h + c);                                                               \
                *(VECTOR *)(b->d_beta + c) += v;                                                                                           \
                v *= *(const VECTOR *)(b->gamma + c);                                                                                      \
            }                                                                                                                              \
            if (b->rstd) {                                                                                                                 \
                sum += v;                                                                                                                  \
                product += v * *(const VECTOR *)(h + c);                                                                                   \
            }                                                                                                                              \
            *(VECTOR *)(d + c) = v;                                                                                                        \
        }                                                                                                                                  \
        if (b->rstd) {                                                                                                                     \
            hg_real scale = (hg_real)1 / (hg_real)b->n, r = b->rstd[i], mean = SUM(sum) * scale, slope = SUM(product) * scale;             \
            for (int64_t c = 0; c < stride; c += LANES)                                                                                    \
                *(VECTOR *)(d + c) = (*(VECTOR *)(d + c) - mean - *(const VECTOR *)(h + c) * slope) * r;                                   \
        }                                                                                                                                  \
        for (int64_t c = b->n; c < tail; ++c) d[c] = 0;                                                                                    \
        if (!b->d_bias) return;                                                                                                            \
        for (int64_t c = 0; c < stride; c += LANES) *(VECTOR *)(b->d_bias + c) += *(VECTOR *)(d + c);                                      \
    }
#define SUM_8(v) sum_lanes(v)
#define SUM_16(v) sum_lanes(low_half(&v) + *((const vector8 *)&v + 1))
DEFINE_ROW_BACK(row_back_8, vector8, 8, lanes8, SUM_8)
DEFINE_ROW_BACK(row_back_16, vector16, 16, lanes16, SUM_16)

static void layer_back(const hg_layer_back *layer)
{
    hg_layer_back b = *layer;
    if (!slope_is_cheap(b.activation)) {
        activate_back(b.activation, b.a, b.y, b.d, b.rows * b.ld);
        b.activation = HG_ACTIVATION_NONE;
    }
    if (b.ld == 64 && b.n == 64) {
        for (int64_t i = 0; i < b.rows; ++i) row_back_16(&b, i, 64, 64);
    } else if (b.ld == 128 && b.n == 128) {
        for (int64_t i = 0; i < b.rows; ++i) row_back_16(&b, i, 128, 128);
    } else {
        for (int64_t i = 0; i < b.rows; ++i) {
            for (int64_t c = b.n; c < b.ld; ++c) b.d[i * b.ld + c] = 0;
            row_back_8(&b, i, b.ld, b.ld);
        }
    }
}

static void segment_add(hg_real *out, int64_t ldo, const hg_real *d, int64_t ldd, const int32_t *index, int64_t rows, int64_t n)
{
    for (int64_t i = 0; i < rows;) {
        int64_t end = i + 1;
        while (end < rows && index[end] == index[i]) ++end;
        for (int64_t c = 0; c < n; c += 8) {
            vector8 sum = *(const vector8 *)(out + index[i] * ldo + c);
            for (int64_t r = i; r < end; ++r) sum += *(const vector8 *)(d + r * ldd + c);
            *(vector8 *)(out + index[i] * ldo + c) = sum;
        }
        i = end;
    }
}
