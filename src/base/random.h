/* base/random.h — counter-based random numbers (Philox 4x32-10): a draw depends on its name, not on the order of work. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HG_BASE_RANDOM_H
#define HG_BASE_RANDOM_H

#include <stdint.h>

/* A stream named by (seed, purpose, event, index). Streams are independent; copy one to replay it. */
typedef struct hg_random {
    uint32_t key[2], counter[4];
    uint32_t block[4];
    int used;     /* numbers of `block` already given out */
    double spare; /* second normal of a Box-Muller pair */
    int has_spare;
} hg_random;

/* purpose: a small constant of the caller (what the numbers are for); event < 2^32, index < 2^32. */
hg_random hg_random_stream(uint64_t seed, uint32_t purpose, uint64_t event, uint64_t index);

uint32_t hg_random_u32(hg_random *stream);
double hg_random_uniform(hg_random *stream); /* in (0, 1), 53 bits */
double hg_random_range(hg_random *stream, double low, double high);
double hg_random_normal(hg_random *stream);                /* mean 0, width 1 (Box-Muller) */
double hg_random_exponential(hg_random *stream);           /* mean 1 */
int64_t hg_random_poisson(hg_random *stream, double mean); /* mean >= 0 */
double hg_random_gamma(hg_random *stream, double shape);   /* scale 1 (Marsaglia and Tsang 2000) */
int64_t hg_random_below(hg_random *stream, int64_t n);     /* in 0 .. n - 1 */

/* Fisher-Yates shuffle of the numbers 0 .. n - 1 in `order`. */
void hg_random_permutation(hg_random *stream, int64_t n, int64_t *order);

#endif
