/* kernels/activations.h — activations and their derivatives, part of body.h. Formulas: MODELS table 2.4 (f and f' side by side). */
/* SPDX-License-Identifier: Apache-2.0 */

static const hg_real leak = (hg_real)0.01, leak_fifth = (hg_real)0.2;
static const hg_real root_half = (hg_real)0.70710678118654752440;   /* 1 / sqrt(2) */
static const hg_real normal_peak = (hg_real)0.39894228040143267794; /* 1 / sqrt(2 pi) */
static const hg_real gelu_slope = (hg_real)0.79788456080286535588;  /* sqrt(2 / pi) */
static const hg_real gelu_cubic = (hg_real)0.044715;

static void activate(hg_activation kind, const hg_real *x, hg_real *y, int64_t count)
{
    const hg_real one = 1, half = (hg_real)0.5;
    /* in place, so that the compiler sees one array and vectorises */
    if (x != y) memcpy(y, x, (size_t)count * sizeof *y);
    switch (kind) {
    case HG_ACTIVATION_NONE:
        break;
    case HG_ACTIVATION_RELU:
        /* written so that NaN stays NaN: a broken network must not look healthy */
        for (int64_t i = 0; i < count; ++i) y[i] = y[i] < 0 ? 0 : y[i];
        break;
    case HG_ACTIVATION_LEAKY_RELU:
        for (int64_t i = 0; i < count; ++i) y[i] = y[i] > 0 ? y[i] : leak * y[i];
        break;
    case HG_ACTIVATION_SIGMOID:
        for (int64_t i = 0; i < count; ++i) y[i] = hg_sigmoid(y[i]);
        break;
    case HG_ACTIVATION_TANH:
        for (int64_t i = 0; i < count; ++i) y[i] = hg_tanh(y[i]);
        break;
    case HG_ACTIVATION_SILU:
        for (int64_t i = 0; i < count; ++i) y[i] = y[i] * hg_sigmoid(y[i]);
        break;
    case HG_ACTIVATION_GELU:
        for (int64_t i = 0; i < count; ++i) y[i] = y[i] * half * (one + hg_erf(y[i] * root_half));
        break;
    case HG_ACTIVATION_GELU_TANH:
        for (int64_t i = 0; i < count; ++i) y[i] = half * y[i] * (one + hg_tanh(gelu_slope * (y[i] + gelu_cubic * y[i] * y[i] * y[i])));
        break;
    case HG_ACTIVATION_SOFTPLUS:
        for (int64_t i = 0; i < count; ++i) y[i] = (y[i] > 0 ? y[i] : 0) + hg_log1p(hg_exp_negative(-HG_ABS(y[i])));
        break;
    case HG_ACTIVATION_EXP:
        for (int64_t i = 0; i < count; ++i) y[i] = y[i] > 0 ? one / hg_exp_negative(-y[i]) : hg_exp_negative(y[i]);
        break;
    case HG_ACTIVATION_LEAKY_RELU_FIFTH:
        for (int64_t i = 0; i < count; ++i) y[i] = y[i] > 0 ? y[i] : leak_fifth * y[i];
        break;
    }
}

static inline hg_real gelu_derivative(hg_real x)
{
    return (hg_real)0.5 * (1 + hg_erf(x * root_half)) + x * normal_peak * hg_exp_negative((hg_real)-0.5 * x * x);
}

static inline hg_real gelu_tanh_derivative(hg_real x)
{
    hg_real t = hg_tanh(gelu_slope * (x + gelu_cubic * x * x * x));
    return (hg_real)0.5 * (1 + t) + (hg_real)0.5 * x * (1 - t * t) * gelu_slope * (1 + 3 * gelu_cubic * x * x);
}

static void activate_back(hg_activation kind, const hg_real *restrict x, const hg_real *restrict y, hg_real *restrict dy, int64_t count)
{
    switch (kind) {
    case HG_ACTIVATION_NONE:
        break;
    case HG_ACTIVATION_RELU:
        for (int64_t i = 0; i < count; ++i) dy[i] = y[i] > 0 ? dy[i] : 0;
        break;
    case HG_ACTIVATION_LEAKY_RELU:
        for (int64_t i = 0; i < count; ++i) dy[i] = y[i] > 0 ? dy[i] : leak * dy[i];
        break;
    case HG_ACTIVATION_SIGMOID:
        for (int64_t i = 0; i < count; ++i) dy[i] *= y[i] * (1 - y[i]);
        break;
    case HG_ACTIVATION_TANH:
        for (int64_t i = 0; i < count; ++i) dy[i] *= 1 - y[i] * y[i];
        break;
    case HG_ACTIVATION_SILU:
        for (int64_t i = 0; i < count; ++i) {
            hg_real s = hg_sigmoid(x[i]);
            dy[i] *= s * (1 + x[i] * (1 - s));
        }
        break;
    case HG_ACTIVATION_GELU:
        for (int64_t i = 0; i < count; ++i) dy[i] *= gelu_derivative(x[i]);
        break;
    case HG_ACTIVATION_GELU_TANH:
        for (int64_t i = 0; i < count; ++i) dy[i] *= gelu_tanh_derivative(x[i]);
        break;
    case HG_ACTIVATION_SOFTPLUS:
        for (int64_t i = 0; i < count; ++i) dy[i] *= 1 - hg_exp_negative(-y[i]);
        break;
    case HG_ACTIVATION_EXP:
        for (int64_t i = 0; i < count; ++i) dy[i] *= y[i];
        break;
    case HG_ACTIVATION_LEAKY_RELU_FIFTH:
        for (int64_t i = 0; i < count; ++i) dy[i] = y[i] > 0 ? dy[i] : leak_fifth * dy[i];
        break;
    }
}
