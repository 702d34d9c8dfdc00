/* budget.c - an allowance for the second inside one for the hour.  SPDX-License-Identifier: Apache-2.0 */

#include "budget.h"

#define HOUR_MS   3600000
#define SECOND_MS 1000

void budget_init(struct budget *b, int64_t per_hour, int64_t per_second)
{
    *b = (struct budget){ .per_hour = per_hour, .per_second = per_second };
    pthread_mutex_init(&b->lock, NULL);
}

int64_t budget_take(struct budget *b, int64_t now_ms, int64_t want)
{
    int64_t wait, hour;

    pthread_mutex_lock(&b->lock);
    allowance_settle(&b->second, now_ms, SECOND_MS);
    allowance_settle(&b->hour, now_ms, HOUR_MS);
    wait = allowance_wait(&b->second, now_ms, b->per_second, SECOND_MS, 0, want);
    hour = allowance_wait(&b->hour, now_ms, b->per_hour, HOUR_MS, 0, want);
    wait = hour > wait ? hour : wait;
    if (!wait) {
        b->second.used[0] += (uint32_t)want;
        b->hour.used[0] += (uint32_t)want;
    }
    pthread_mutex_unlock(&b->lock);
    return wait;
}

void budget_learn(struct budget *b, int64_t now_ms, int64_t hour_left, int64_t pause_ms)
{
    pthread_mutex_lock(&b->lock);
    allowance_settle(&b->hour, now_ms, HOUR_MS);
    if (hour_left >= 0)
        allowance_at_most(&b->hour, b->per_hour, hour_left);
    if (pause_ms > 0 && now_ms + pause_ms > b->hour.closed_until)
        b->hour.closed_until = now_ms + pause_ms;
    pthread_mutex_unlock(&b->lock);
}

void budget_destroy(struct budget *b)
{
    pthread_mutex_destroy(&b->lock);
}
