/* cli_time.c - times as people and records write them.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_time.h"

int64_t cli_time(const char *text)
{
    int year, month, day, hour = 0, minute = 0, second = 0, n = 0;
    int64_t days, ms = 0;

    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &n) != 3 || n != 10 || month < 1 || month > 12)
        return -1;
    text += n;
    if (*text) {
        if (sscanf(text, "T%2d:%2d:%2d%n", &hour, &minute, &second, &n) != 3 || n != 9)
            return -1;
        text += n;
        if (*text == '.') {
            char digits[4] = "000";

            for (size_t i = 0; i < 3 && text[1 + i] >= '0' && text[1 + i] <= '9'; i++)
                digits[i] = text[1 + i];
            ms = strtol(digits, NULL, 10);
            text += 1 + strspn(text + 1, "0123456789");
        }
        if (*text == 'Z')
            text++;
        if (*text)
            return -1;
    }
    year -= month <= 2; /* days since 1970-01-01 of a civil date, years beginning in March */
    days = 365 * (int64_t)year + year / 4 - year / 100 + year / 400 +
           (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1 - 719468;
    return ms + 1000 * (86400 * days + 3600 * (int64_t)hour + 60 * (int64_t)minute + second);
}
