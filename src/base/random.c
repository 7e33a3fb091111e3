/* base/random.c — Philox 4x32-10 streams through Random123, and the usual distributions. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"

#include <math.h>
#include <stddef.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#include <Random123/philox.h>
#pragma GCC diagnostic pop

static const double two_pi = 6.283185307179586476925286766559;

hg_random hg_random_stream(uint64_t seed, uint32_t purpose, uint64_t event, uint64_t index)
{
    hg_random stream = {
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)}, .counter = {0, purpose, (uint32_t)event, (uint32_t)index}, .used = 4};
    return stream;
}

uint32_t hg_random_u32(hg_random *stream)
{
    if (stream->used == 4) {
        philox4x32_ctr_t counter = {{stream->counter[0], stream->counter[1], stream->counter[2], stream->counter[3]}};
        philox4x32_key_t key = {{stream->key[0], stream->key[1]}};
        philox4x32_ctr_t block = philox4x32(counter, key);
        for (int i = 0; i < 4; ++i) stream->block[i] = block.v[i];
        stream->counter[0]++;
        stream->used = 0;
    }
    return stream->block[stream->used++];
}

double hg_random_uniform(hg_random *stream)
{
    uint64_t high = hg_random_u32(stream), low = hg_random_u32(stream);
    uint64_t bits = (high << 32 | low) >> 11;
    return ((double)bits + 0.5) * 0x1p-53;
}

double hg_random_range(hg_random *stream, double low, double high)
{
    return low + (high - low) * hg_random_uniform(stream);
}

double hg_random_normal(hg_random *stream)
{
    if (stream->has_spare) {
        stream->has_spare = 0;
        return stream->spare;
    }
    double radius = sqrt(-2.0 * log(hg_random_uniform(stream)));
    double angle = two_pi * hg_random_uniform(stream);
    stream->spare = radius * sin(angle);
    stream->has_spare = 1;
    return radius * cos(angle);
}

double hg_random_exponential(hg_random *stream)
{
    return -log(hg_random_uniform(stream));
}

int64_t hg_random_poisson(hg_random *stream, double mean)
{
    /* a Poisson number is a sum of Poisson numbers of smaller mean: pieces of 500 keep exp() away from underflow */
    enum { PIECE = 500 };
    int64_t count = 0;
    while (mean > 0) {
        double piece = mean > PIECE ? PIECE : mean;
        double limit = exp(-piece), product = hg_random_uniform(stream);
        while (product > limit) {
            count++;
            product *= hg_random_uniform(stream);
        }
        mean -= piece;
    }
    return count;
}

double hg_random_gamma(hg_random *stream, double shape)
{
    if (shape < 1) {
        double boost = pow(hg_random_uniform(stream), 1 / shape);
        return boost * hg_random_gamma(stream, shape + 1);
    }
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = hg_random_normal(stream), v = 1 + c * x;
        if (v <= 0) continue;
        v = v * v * v;
        if (log(hg_random_uniform(stream)) < 0.5 * x * x + d - d * v + d * log(v)) return d * v;
    }
}

int64_t hg_random_below(hg_random *stream, int64_t n)
{
    int64_t i = (int64_t)(hg_random_uniform(stream) * (double)n);
    return i < n ? i : n - 1;
}

void hg_random_permutation(hg_random *stream, int64_t n, int64_t *order)
{
    for (int64_t i = 0; i < n; ++i) order[i] = i;
    for (int64_t i = n - 1; i > 0; --i) {
        int64_t j = hg_random_below(stream, i + 1), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}
