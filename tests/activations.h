/* activations.h — the activations by their definitions in double, as the oracle of every kernel. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_TESTS_ACTIVATIONS_H
#define HG_TESTS_ACTIVATIONS_H

#include <math.h>
#include "kernels/kernels.h"

static inline double exact_activation(hg_activation kind, double x)
{
    switch (kind) {
    case HG_ACTIVATION_RELU:
        return x > 0 ? x : 0;
    case HG_ACTIVATION_LEAKY_RELU:
        return x > 0 ? x : 0.01 * x;
    case HG_ACTIVATION_LEAKY_RELU_FIFTH:
        return x > 0 ? x : 0.2 * x;
    case HG_ACTIVATION_SIGMOID:
        return 1 / (1 + exp(-x));
    case HG_ACTIVATION_TANH:
        return tanh(x);
    case HG_ACTIVATION_SILU:
        return x / (1 + exp(-x));
    case HG_ACTIVATION_GELU:
        return x * 0.5 * (1 + erf(x / sqrt(2)));
    case HG_ACTIVATION_GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
    case HG_ACTIVATION_SOFTPLUS:
        return log1p(exp(x));
    case HG_ACTIVATION_EXP:
        return exp(x);
    default:
        return x;
    }
}

#endif
