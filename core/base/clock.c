/* clock.c - time.  SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <stdio.h>

static int64_t now_ms(clockid_t which)
{
    struct timespec t;

    if (clock_gettime(which, &t) != 0)
        return 0;
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_ms(void)
{
    return now_ms(CLOCK_MONOTONIC);
}

int64_t clock_unix_ms(void)
{
    return now_ms(CLOCK_REALTIME);
}

/* Splits into whole seconds and 0..999, also before 1970. */
static void split(int64_t ms, time_t *seconds, int *rest)
{
    int64_t s = ms / 1000, r = ms % 1000;

    if (r < 0) {
        r += 1000;
        s--;
    }
    *seconds = (time_t)s;
    *rest = (int)r;
}

static char *format(int64_t unix_ms, char *out, size_t size, int with_ms)
{
    time_t seconds;
    int ms;
    struct tm tm;
    char fraction[8] = "";

    split(unix_ms, &seconds, &ms);
    if (size == 0)
        return out;
    if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900) {
        out[0] = '\0'; /* RFC 3339 has four digits for the year */
        return out;
    }
    if (with_ms)
        snprintf(fraction, sizeof fraction, ".%03d", ms);
    char text[80];
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, fraction);
    snprintf(out, size, "%s", text);
    return out;
}

char *clock_iso(int64_t unix_ms, char *out, size_t size)
{
    return format(unix_ms, out, size, 0);
}

char *clock_iso_ms(int64_t unix_ms, char *out, size_t size)
{
    return format(unix_ms, out, size, 1);
}

struct timespec clock_after(int64_t wait_ms)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    if (wait_ms > 0) {
        t.tv_sec += (time_t)(wait_ms / 1000);
        t.tv_nsec += (long)(wait_ms % 1000) * 1000000L;
        if (t.tv_nsec >= 1000000000L) {
            t.tv_nsec -= 1000000000L;
            t.tv_sec++;
        }
    }
    return t;
}
