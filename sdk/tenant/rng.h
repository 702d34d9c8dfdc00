/* Seeded numbers for the tenant simulator: the same key and salt always draw the same value. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_RNG_H
#define TENANT_RNG_H

#include <stdint.h>

/* The output step of splitmix64. */
static inline uint64_t rng_mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15U;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31);
}

static inline uint64_t rng_draw(uint64_t key, uint64_t salt)
{
    return rng_mix(key ^ rng_mix(salt));
}

static inline uint32_t rng_below(uint64_t key, uint64_t salt, uint32_t limit)
{
    return (uint32_t)(rng_draw(key, salt) % limit);
}

#endif
