/* kernels/lanes_body.h — layers with rows in lanes (contract: lanes.h), part of body.h. */
/* SPDX-License-Identifier: Apache-2.0 */

/* Vectors of rows in a block of 4 columns: as many sums as registers hold beside the inputs; blocks fill a tile. */
#if HG_VL == 16
enum { LANE_VECTORS = 6 };
#else
enum { LANE_VECTORS = 3 };
#endif
_Static_assert(HG_TILE_ROWS % (LANE_VECTORS * HG_VL) == 0, "blocks of rows fill a tile");

/* COUNT columns from `column` on of LANE_VECTORS * HG_VL rows from `row` on. */
#define DEFINE_LANES(NAME, COUNT)                                                                                                          \
    static void NAME(const hg_lanes *a, int64_t column, int64_t row)                                                                       \
    {                                                                                                                                      \
        const hg_real *in = a->in + row, *w = a->weights + column * a->k;                                                                  \
        hg_real *out = a->out + column * HG_TILE_ROWS + row;                                                                               \
        vector acc[COUNT][LANE_VECTORS];                                                                                                   \
        _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j)                                                                            \
        {                                                                                                                                  \
            _Pragma("GCC unroll 6") for (int i = 0; i < LANE_VECTORS; ++i) acc[j][i] = all(a->bias ? a->bias[column + j] : 0);             \
        }                                                                                                                                  \
        for (int64_t p = 0; p < a->k; ++p, in += HG_TILE_ROWS) {                                                                           \
            vector x[LANE_VECTORS];                                                                                                        \
            _Pragma("GCC unroll 6") for (int i = 0; i < LANE_VECTORS; ++i) x[i] = load(in + i * HG_VL);                                    \
            _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j)                                                                        \
            {                                                                                                                              \
                const hg_real weight = w[j * a->k + p];                                                                                    \
                _Pragma("GCC unroll 6") for (int i = 0; i < LANE_VECTORS; ++i) acc[j][i] += x[i] * weight;                                 \
            }                                                                                                                              \
        }                                                                                                                                  \
        const vector least = all(a->activation == HG_ACTIVATION_RELU ? 0 : -(hg_real)HUGE_VALF);                                           \
        _Pragma("GCC unroll 4") for (int j = 0; j < COUNT; ++j)                                                                            \
        {                                                                                                                                  \
            _Pragma("GCC unroll 6") for (int i = 0; i < LANE_VECTORS; ++i)                                                                 \
                store(out + j * HG_TILE_ROWS + i * HG_VL, larger(least, acc[j][i]));                                                       \
        }                                                                                                                                  \
    }
DEFINE_LANES(lanes_1, 1)
DEFINE_LANES(lanes_2, 2)
DEFINE_LANES(lanes_3, 3)
DEFINE_LANES(lanes_4, 4)

static void lanes(const hg_lanes *a)
{
    static void (*const block[])(const hg_lanes *, int64_t, int64_t) = {lanes_1, lanes_2, lanes_3, lanes_4};
    for (int64_t row = 0; row < a->rows; row += LANE_VECTORS * HG_VL) {
        for (int64_t column = 0; column < a->n; column += 4) block[(a->n - column < 4 ? a->n - column : 4) - 1](a, column, row);
    }
    if (a->activation == HG_ACTIVATION_NONE || a->activation == HG_ACTIVATION_RELU) return;
    for (int64_t c = 0; c < a->n; ++c) {
        hg_real *out = a->out + c * HG_TILE_ROWS;
        if (known_in_registers(a->activation)) {
            activate_vectors(a->activation, out, (int)((a->rows + HG_VL - 1) / HG_VL));
        } else {
            activate(a->activation, out, out, a->rows);
        }
    }
}
