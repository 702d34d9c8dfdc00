/* clock_read.c - times as people and records write them.  SPDX-License-Identifier: Apache-2.0 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock_read.h"

/* Has TEXT the shape of PATTERN, in which 0 stands for a digit? */
static bool fits(const char *text, const char *pattern)
{
    for (; *pattern; pattern++, text++)
        if (*pattern == '0' ? *text < '0' || *text > '9' : *text != *pattern)
            return false;
    return true;
}

static int days_in(int month, int year)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

int64_t clock_read(const char *text)
{
    int year, month, day, hour = 0, minute = 0, second = 0;
    int64_t days, ms = 0;

    if (!fits(text, "0000-00-00") || sscanf(text, "%4d-%2d-%2d", &year, &month, &day) != 3 || month < 1 ||
        month > 12 || day < 1 || day > days_in(month, year))
        return -1;
    text += 10;
    if (*text) {
        if (!fits(text, "T00:00:00") || sscanf(text, "T%2d:%2d:%2d", &hour, &minute, &second) != 3 ||
            hour > 23 || minute > 59 || second > 60)
            return -1;
        text += 9;
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
