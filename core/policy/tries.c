/* tries.c - who fails to prove who he is may try again only so often.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tries.h"

#define SPACE     "try"
#define PERIOD_MS INT64_C(600000)
#define OF_ONE    5
#define OF_ALL    20
#define AT_ONCE   50 /* how often somebody else may be faster */

/* The times of the tries that count, oldest first; N of them. */
static size_t read_times(const char *text, int64_t now, int64_t times[OF_ALL])
{
    size_t n = 0;

    for (char *end; text && *text && n < OF_ALL; text = end) {
        int64_t at = strtoll(text, &end, 10);

        if (end == text)
            break;
        if (at > now - PERIOD_MS)
            times[n++] = at;
    }
    return n;
}

/* One more try under KEY, or one less. */
static enum state_rc change(struct state *s, const char *key, bool take, size_t limit, int64_t *wait_ms)
{
    for (int i = 0; i < AT_ONCE; i++) {
        struct state_record record = { 0 };
        int64_t times[OF_ALL + 1], now = state_now(s);
        char text[24 * (OF_ALL + 1)] = "";
        enum state_rc rc = state_get(s, SPACE, key, &record);
        size_t n = read_times(record.value, now, times), len = 0;

        free(record.value);
        if (rc == STATE_LOST)
            return rc;
        if (take && n >= limit) {
            *wait_ms = times[n - limit] + PERIOD_MS - now;
            return STATE_NO;
        }
        if (take)
            times[n++] = now;
        else if (n)
            n--;
        for (size_t k = 0; k < n; k++)
            len += (size_t)snprintf(text + len, sizeof text - len, "%lld ", (long long)times[k]);
        rc = state_put(s, SPACE, key, record.version, text, len, now + PERIOD_MS);
        if (rc != STATE_NO)
            return rc;
    }
    *wait_ms = 1;
    return STATE_NO;
}

static const char *key_of(const char *name, char key[64])
{
    snprintf(key, 64, "of %.50s", name);
    return key;
}

enum state_rc tries_take(struct state *s, const char *name, int64_t *wait_ms)
{
    char key[64];
    enum state_rc rc = change(s, "all", true, OF_ALL, wait_ms);

    if (rc != STATE_YES)
        return rc;
    rc = change(s, key_of(name, key), true, OF_ONE, wait_ms);
    if (rc == STATE_NO) /* nothing was tried */
        change(s, "all", false, OF_ALL, &(int64_t){ 0 });
    return rc;
}

void tries_give_back(struct state *s, const char *name)
{
    char key[64];

    change(s, key_of(name, key), false, OF_ONE, &(int64_t){ 0 });
    change(s, "all", false, OF_ALL, &(int64_t){ 0 });
}
