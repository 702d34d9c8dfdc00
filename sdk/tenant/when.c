/* Points in time as microseconds since 1970, and the forms in which the API writes them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct civil {
    int year, month, day, hour, minute, second, micro, weekday;
};

/* Proleptic Gregorian calendar from days, by 400-year eras that start on 1 March. */
static struct civil when_civil(int64_t us)
{
    int64_t days = us / WHEN_DAY;
    int64_t rest = us % WHEN_DAY;
    if (rest < 0) {
        rest += WHEN_DAY;
        days--;
    }
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    struct civil c = { .year = (int)(yoe + era * 400 + (month <= 2)),
                       .month = (int)month,
                       .day = (int)(doy - (153 * mp + 2) / 5 + 1),
                       .hour = (int)(rest / WHEN_HOUR),
                       .minute = (int)(rest / (60 * WHEN_SECOND) % 60),
                       .second = (int)(rest / WHEN_SECOND % 60),
                       .micro = (int)(rest % WHEN_SECOND),
                       .weekday = (int)(((days + 4) % 7 + 7) % 7) };
    return c;
}

static int64_t when_days(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t yoe = year - era * 400;
    int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

char *when_format(char buf[WHEN_SIZE], int64_t us, enum when_form form)
{
    static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    buf[0] = '\0';
    if (us == 0)
        return buf;
    struct civil c = when_civil(us);
    const char *month = months[(c.month + 11) % 12];
    if (form == WHEN_SCAN) {
        snprintf(buf, WHEN_SIZE, "%s %d, %d at %d:%02d:%02d %s", month, c.day, c.year,
                 c.hour % 12 ? c.hour % 12 : 12, c.minute, c.second, c.hour < 12 ? "AM" : "PM");
        return buf;
    }
    if (form == WHEN_HTTP) {
        snprintf(buf, WHEN_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[c.weekday], c.day, month, c.year,
                 c.hour, c.minute, c.second);
        return buf;
    }
    /* Django leaves the fraction out when it is zero; the naive form always has it. */
    char fraction[16] = "";
    if ((c.micro && form != WHEN_PLAIN && form != WHEN_PROFILE) || form == WHEN_NAIVE)
        snprintf(fraction, sizeof fraction, ".%06d", c.micro);
    char gap = form == WHEN_ISO || form == WHEN_OFFSET ? 'T' : ' ';
    const char *zone = form == WHEN_ISO       ? "Z"
                       : form == WHEN_PROFILE ? " +0000"
                       : form == WHEN_NAIVE   ? ""
                                              : "+00:00";
    snprintf(buf, WHEN_SIZE, "%04d-%02d-%02d%c%02d:%02d:%02d%s%s", c.year, c.month, c.day, gap, c.hour,
             c.minute, c.second, fraction, zone);
    return buf;
}

char *when_ago(char buf[WHEN_SIZE], int64_t age_us)
{
    static const struct {
        int64_t size;
        const char *name;
    } units[] = {
        { 30 * WHEN_DAY, "month" }, { 7 * WHEN_DAY, "week" }, { WHEN_DAY, "day" }, { WHEN_HOUR, "hour" }
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        int n = (int)(age_us / units[i].size);
        if (n > 0) {
            snprintf(buf, WHEN_SIZE, "%d %s%s ago", n, units[i].name, n > 1 ? "s" : "");
            return buf;
        }
    }
    snprintf(buf, WHEN_SIZE, "now");
    return buf;
}

bool when_parse(const char *text, int64_t *us)
{
    int year, month, day, hour = 0, minute = 0, second = 0, used = 0;
    if (strlen(text) > 40 || sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || used < 8)
        return false;
    if (year < 1970 || year > 9000 || month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    const char *rest = text + used;
    int64_t micro = 0;
    if (*rest == 'T' || *rest == ' ') {
        if (sscanf(rest + 1, "%2d:%2d%n", &hour, &minute, &used) != 2)
            return false;
        rest += 1 + used;
        if (*rest == ':' && sscanf(rest + 1, "%2d%n", &second, &used) == 1)
            rest += 1 + used;
        if (*rest == '.') {
            int64_t scale = 100000;
            for (rest++; *rest >= '0' && *rest <= '9'; rest++, scale /= 10)
                micro += (*rest - '0') * scale;
        }
        if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
            return false;
    }
    int64_t shift = 0;
    if (*rest == '+' || *rest == '-') {
        int h = 0, m = 0;
        if (sscanf(rest + 1, "%2d:%2d", &h, &m) < 1)
            return false;
        shift = (h * 60 + m) * 60 * WHEN_SECOND * (*rest == '-' ? -1 : 1);
    } else if (*rest && strcmp(rest, "Z") != 0) {
        return false;
    }
    *us = when_days(year, month, day) * WHEN_DAY + ((hour * 60 + minute) * 60 + second) * WHEN_SECOND +
          micro - shift;
    return true;
}

static int64_t when_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * WHEN_SECOND + ts.tv_nsec / 1000;
}

int64_t when_real(void)
{
    return when_clock(CLOCK_REALTIME);
}

int64_t when_monotonic(void)
{
    return when_clock(CLOCK_MONOTONIC);
}
