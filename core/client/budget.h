/* budget.h - the tenant's request allowance: so many an hour and a second, in this process.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_BUDGET_H
#define KMCP_BUDGET_H

#include <pthread.h>
#include <stdint.h>
#include "base/allowance.h"

struct budget {
    pthread_mutex_t lock;
    int64_t per_second, per_hour;
    struct allowance second, hour;
};

void budget_init(struct budget *b, int64_t per_hour, int64_t per_second);
/* Takes one request: 0 and it is taken; else how many milliseconds to wait before asking again. NOW_MS
 * monotonic. */
int64_t budget_take(struct budget *b, int64_t now_ms, int64_t want);
/* What the service said: what is left of the hour (-1: nothing), and a pause it asked for (0: none). */
void budget_learn(struct budget *b, int64_t now_ms, int64_t hour_left, int64_t pause_ms);
void budget_destroy(struct budget *b);

#endif
