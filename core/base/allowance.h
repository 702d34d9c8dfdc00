/* allowance.h - so many requests in any period, counted in slots: what a process counts by itself
 * (client/budget.c) and what all of them count together (state/sqlite.c; in Lua in state/redis.c).
 * SPDX-License-Identifier: Apache-2.0
 *
 * A period is cut into ALLOWANCE_SLOTS slots. What is counted are the slots that reach into the period that
 * ends now: the one of now and ALLOWANCE_SLOTS before it. So no period, wherever it begins, sees more than
 * the limit, and room comes back at most one slot later than it could.
 */
#ifndef KMCP_ALLOWANCE_H
#define KMCP_ALLOWANCE_H

#include <stdint.h>
#include <string.h>

#define ALLOWANCE_SLOTS 20

struct allowance {
    int64_t head;                       /* the latest slot, counted from the clock's zero */
    int64_t closed_until;               /* nothing is given before */
    uint32_t used[ALLOWANCE_SLOTS + 1]; /* the latest first */
};

static inline int64_t allowance_width(int64_t period_ms)
{
    return (period_ms + ALLOWANCE_SLOTS - 1) / ALLOWANCE_SLOTS;
}

/* Moves A on to NOW. Another process may have been a slot ahead; a clock that was set back further gains
 * nothing and holds nothing for ever. */
static inline void allowance_settle(struct allowance *a, int64_t now, int64_t period_ms)
{
    int64_t at = now / allowance_width(period_ms), shift = at - a->head;

    if (shift > ALLOWANCE_SLOTS) {
        memset(a->used, 0, sizeof a->used);
    } else if (shift > 0) {
        memmove(a->used + shift, a->used, (size_t)(ALLOWANCE_SLOTS + 1 - shift) * sizeof *a->used);
        memset(a->used, 0, (size_t)shift * sizeof *a->used);
    }
    if (shift > 0 || shift < -1)
        a->head = at;
    if (a->closed_until > now + period_ms)
        a->closed_until = now + period_ms;
}

/* Settled: what is left of LIMIT. */
static inline int64_t allowance_left(const struct allowance *a, int64_t limit)
{
    for (size_t i = 0; i <= ALLOWANCE_SLOTS; i++)
        limit -= a->used[i];
    return limit;
}

/* Settled: milliseconds until WANT more may be taken and RESERVE be left; 0: now. */
static inline int64_t allowance_wait(const struct allowance *a, int64_t now, int64_t limit, int64_t period_ms,
                                     int64_t reserve, int64_t want)
{
    int64_t width = allowance_width(period_ms), lacks = want + reserve - allowance_left(a, limit), wait = 0;

    for (int i = ALLOWANCE_SLOTS; i >= 0 && lacks > 0; i--) {
        lacks -= a->used[i];
        wait = (a->head - i + ALLOWANCE_SLOTS + 1) * width - now;
    }
    return a->closed_until - now > wait ? a->closed_until - now : wait;
}

/* Settled: there are at most AT_MOST left. What others took is spread over the period, for nobody knows when.
 */
static inline void allowance_at_most(struct allowance *a, int64_t limit, int64_t at_most)
{
    int64_t more = allowance_left(a, limit) - at_most;

    for (size_t i = 0; i <= ALLOWANCE_SLOTS && more > 0; i++) {
        int64_t share = more / (int64_t)(ALLOWANCE_SLOTS + 1 - i);

        a->used[i] += (uint32_t)share;
        more -= share;
    }
}

#endif
