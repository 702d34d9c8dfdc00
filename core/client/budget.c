/* budget.c - a token bucket for the second inside one for the hour.  SPDX-License-Identifier: Apache-2.0 */

#include "budget.h"

#define HOUR_MS 3600000

void budget_init(struct budget *b, int64_t per_hour, int64_t per_second)
{
    pthread_mutex_init(&b->lock, NULL);
    b->per_hour = per_hour;
    b->per_second = per_second;
    b->hour_tokens = (double)per_hour;
    b->second_tokens = (double)per_second;
    b->refilled_ms = -1;
    b->not_before_ms = 0;
}

static void refill(struct budget *b, int64_t now_ms)
{
    double passed = b->refilled_ms < 0 || now_ms < b->refilled_ms ? 0 : (double)(now_ms - b->refilled_ms);

    b->refilled_ms = now_ms;
    b->second_tokens += passed * (double)b->per_second / 1000;
    b->hour_tokens += passed * (double)b->per_hour / HOUR_MS;
    if (b->second_tokens > (double)b->per_second)
        b->second_tokens = (double)b->per_second;
    if (b->hour_tokens > (double)b->per_hour)
        b->hour_tokens = (double)b->per_hour;
}

/* Milliseconds until HAVE has grown to one at PER a PERIOD; 0 if there is one. */
static int64_t wait_for(double have, int64_t per, double period_ms)
{
    return have >= 1 ? 0 : (int64_t)((1 - have) * period_ms / (double)per) + 1;
}

int64_t budget_take(struct budget *b, int64_t now_ms)
{
    int64_t wait, hour;

    pthread_mutex_lock(&b->lock);
    refill(b, now_ms);
    wait = wait_for(b->second_tokens, b->per_second, 1000);
    hour = wait_for(b->hour_tokens, b->per_hour, HOUR_MS);
    wait = hour > wait ? hour : wait;
    if (b->not_before_ms - now_ms > wait)
        wait = b->not_before_ms - now_ms;
    if (wait == 0) {
        b->second_tokens -= 1;
        b->hour_tokens -= 1;
    }
    pthread_mutex_unlock(&b->lock);
    return wait;
}

void budget_learn(struct budget *b, int64_t now_ms, int64_t hour_left, int64_t pause_ms)
{
    pthread_mutex_lock(&b->lock);
    refill(b, now_ms);
    if (hour_left >= 0 && (double)hour_left < b->hour_tokens)
        b->hour_tokens = (double)hour_left; /* others of the tenant spent it */
    if (pause_ms > 0 && now_ms + pause_ms > b->not_before_ms)
        b->not_before_ms = now_ms + pause_ms;
    pthread_mutex_unlock(&b->lock);
}

void budget_destroy(struct budget *b)
{
    pthread_mutex_destroy(&b->lock);
}
