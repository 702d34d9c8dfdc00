/* retry.c - whether and when to send again.  SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include "retry.h"

#define HOUR_MS 3600000

bool retry_allowed(const struct kmcp_route *route, int attempt, int status)
{
    if (!(route->flags & KMCP_ROUTE_RETRY) || route->safety != KMCP_READ || attempt >= RETRY_ATTEMPTS)
        return false;
    return status == 0 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

int64_t retry_delay_ms(int attempt, int64_t server_ms, double random)
{
    int64_t most = RETRY_BASE_MS;

    if (server_ms >= 0)
        return server_ms > 0 ? server_ms : 1;
    for (int i = 1; i < attempt && most < RETRY_MAX_MS; i++)
        most *= 2;
    if (most > RETRY_MAX_MS)
        most = RETRY_MAX_MS;
    return 1 + (int64_t)(random * (double)most);
}

/* Days since 1970-01-01 of a civil date. */
static int64_t days_from_civil(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1, doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

    return era * 146097 + doe - 719468;
}

int64_t retry_date_ms(const char *value)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int day, year, hour, minute, second;
    char month[4];
    const char *at;

    if (sscanf(value, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &day, month, &year, &hour, &minute, &second) != 6)
        return -1;
    at = strstr(months, month);
    if (!at || strlen(month) != 3 || (at - months) % 3 || year < 1970 || day < 1 || day > 31 || hour < 0 ||
        hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return -1;
    return ((days_from_civil(year, (at - months) / 3 + 1, day) * 24 + hour) * 60 + minute) * 60000 +
           second * 1000;
}

int64_t retry_after_ms(const char *value, int64_t now_unix_ms)
{
    size_t n = strspn(value, "0123456789");
    int64_t ms;

    if (n && n < 8 && !value[n])
        ms = strtoll(value, NULL, 10) * 1000;
    else if ((ms = retry_date_ms(value)) >= 0)
        ms = ms > now_unix_ms ? ms - now_unix_ms : 0;
    else
        return -1;
    return ms > HOUR_MS ? HOUR_MS : ms;
}
