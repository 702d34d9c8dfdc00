/* window.c - change windows, in the zone they are written in.  SPDX-License-Identifier: Apache-2.0
 *
 * C has no call that converts a time in a named zone without changing the zone of the whole process. So the
 * changes of a zone's offset are looked up once, hour by hour, while there is one thread, and kept.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "window.h"

#define SPANS_MAX   16
#define CHANGES_MAX 32
#define HOUR_S      INT64_C(3600)
#define DAY_MIN     1440
#define REACH_S     (400 * 24 * HOUR_S)

struct span {
    unsigned days; /* bit 0: Sunday */
    int from, to;  /* minutes of the day; TO may be smaller */
};

struct window {
    struct span spans[SPANS_MAX];
    size_t n_spans;
    char zone[64];
    char file[128]; /* ":/usr/share/zoneinfo/ZONE", unless it is FIXED: the very file that was looked at */
    bool fixed;
    int offset_s; /* FIXED */
    struct {
        int64_t at; /* Unix seconds, from which it holds */
        int offset_s;
    } changes[CHANGES_MAX];
    size_t n_changes;
    int64_t known_from, known_to;
};

static const char day_names[] = "SunMonTueWedThuFriSat";

static int day_of(const char *text)
{
    for (int i = 0; i < 7; i++)
        if (strncmp(text, day_names + 3 * i, 3) == 0)
            return i;
    return -1;
}

/* "Mon-Fri+Sun": the days, and what follows. */
static const char *read_days(const char *text, unsigned *days)
{
    *days = 0;
    for (;;) {
        int from = day_of(text), to = from;

        if (from < 0)
            return NULL;
        text += 3;
        if (*text == '-') {
            to = day_of(text + 1);
            if (to < 0)
                return NULL;
            text += 4;
        }
        for (int d = from;; d = (d + 1) % 7) {
            *days |= 1u << d;
            if (d == to)
                break;
        }
        if (*text != '+')
            return text;
        text++;
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "08:30" in minutes, up to 24:00; -1 if it is none. */
static int read_time(const char *text)
{
    int minutes;

    if (!is_digit(text[0]) || !is_digit(text[1]) || text[2] != ':' || !is_digit(text[3]) ||
        !is_digit(text[4]))
        return -1;
    minutes = ((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0';
    return text[3] > '5' || minutes > DAY_MIN ? -1 : minutes;
}

static const char *read_span(const char *text, struct span *out)
{
    out->days = 0x7F;
    if (!is_digit(*text)) {
        text = read_days(text, &out->days);
        if (!text || *text != ' ')
            return NULL;
        text += strspn(text, " ");
    }
    out->from = read_time(text);
    out->to = out->from < 0 || text[5] != '-' ? -1 : read_time(text + 6);
    return out->to < 0 || out->from == out->to || out->from == DAY_MIN ? NULL : text + 11;
}

static bool read_zone(struct window *w, const char *zone)
{
    size_t len = strcspn(zone, " \t");
    int minutes;

    if (zone[len] || !len || len >= sizeof w->zone)
        return false;
    memcpy(w->zone, zone, len + 1);
    w->fixed = true;
    if (strcmp(zone, "UTC") == 0)
        return true;
    if (*zone == '+' || *zone == '-') {
        minutes = len == 6 ? read_time(zone + 1) : -1;
        w->offset_s = (*zone == '-' ? -60 : 60) * minutes;
        return minutes >= 0 && minutes <= 14 * 60;
    }
    w->fixed = false;
    return strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == len &&
           *zone != '/' && !strstr(zone, "..");
}

static bool is_zone_file(const char *path)
{
    FILE *in = fopen(path, "r");
    struct stat st;
    char start[4];
    bool ok = in && fstat(fileno(in), &st) == 0 && S_ISREG(st.st_mode) && fread(start, 1, 4, in) == 4 &&
              memcmp(start, "TZif", 4) == 0;

    if (in)
        fclose(in);
    return ok;
}

/* What is no zone file (a folder, a list of leap seconds) would silently be UTC. TZDIR makes no difference.
 */
static bool find_zone(struct window *w)
{
    static const char *const places[] = { "/usr/share/zoneinfo", "/usr/lib/zoneinfo",
                                          "/var/db/timezone/zoneinfo" };

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(w->file, sizeof w->file, ":%s/%s", places[i], w->zone);
        if (is_zone_file(w->file + 1))
            return true;
    }
    return false;
}

/* Seconds east of Greenwich at AT in the process's present zone. */
static int offset_at(int64_t at)
{
    time_t t = (time_t)at;
    struct tm local, utc;
    int days;

    if (!localtime_r(&t, &local) || !gmtime_r(&t, &utc))
        return 0;
    days = local.tm_year != utc.tm_year ? (local.tm_year > utc.tm_year ? 1 : -1)
                                        : local.tm_yday - utc.tm_yday;
    return ((days * 24 + local.tm_hour - utc.tm_hour) * 60 + local.tm_min - utc.tm_min) * 60 + local.tm_sec -
           utc.tm_sec;
}

bool window_at(struct window *w, int64_t unix_ms)
{
    const char *was = w->fixed ? NULL : getenv("TZ");
    char *before = was ? strdup(was) : NULL;
    int64_t middle = unix_ms / 1000 / HOUR_S * HOUR_S;

    if (w->fixed)
        return true;
    if (was && !before)
        return false;
    setenv("TZ", w->file, 1);
    tzset();
    w->n_changes = 0;
    w->known_from = middle - REACH_S;
    w->known_to = middle + REACH_S;
    for (int64_t at = w->known_from; at <= w->known_to; at += HOUR_S) {
        int offset = offset_at(at);

        if (w->n_changes && w->changes[w->n_changes - 1].offset_s == offset)
            continue;
        if (w->n_changes == CHANGES_MAX) {
            w->known_to = at - 1;
            break;
        }
        w->changes[w->n_changes].at = at;
        for (int64_t minute = at - HOUR_S + 60; w->n_changes && minute < at; minute += 60)
            if (offset_at(minute) == offset) { /* some change at half past */
                w->changes[w->n_changes].at = minute;
                break;
            }
        w->changes[w->n_changes++].offset_s = offset;
    }
    if (before)
        setenv("TZ", before, 1);
    else
        unsetenv("TZ");
    tzset();
    free(before);
    return true;
}

struct window *window_read(const char *text, char *why, size_t why_size)
{
    struct window *w = calloc(1, sizeof *w);

    snprintf(why, why_size,
             w ? "expected something like \"Mon-Fri 08:00-18:00, Sat 09:00-12:00 Europe/Berlin\""
               : "out of memory");
    while (w && w->n_spans < SPANS_MAX) {
        text += strspn(text, " ");
        text = read_span(text, &w->spans[w->n_spans]);
        if (!text)
            break;
        w->n_spans++;
        text += strspn(text, " ");
        if (*text != ',')
            break;
        text++;
    }
    if (w && text && w->n_spans && !*text)
        snprintf(
            why, why_size,
            "the time zone is missing; write one after the times: \"09:00-17:00 Europe/Berlin\", or UTC, or "
            "an offset such as +01:00");
    if (!w || !text || !w->n_spans || !read_zone(w, text)) {
        free(w);
        return NULL;
    }
    if (!w->fixed && !find_zone(w)) {
        snprintf(
            why, why_size,
            "\"%s\" is no time zone that is known here; name one in full such as "
            "America/Argentina/Buenos_Aires (tzdata must be installed), or write UTC or an offset such as "
            "+01:00",
            w->zone);
        free(w);
        return NULL;
    }
    if (!window_at(w, clock_unix_ms())) {
        snprintf(why, why_size, "out of memory");
        free(w);
        return NULL;
    }
    return w;
}

void window_free(struct window *w)
{
    free(w);
}

bool window_knows(const struct window *w, int64_t unix_ms)
{
    return w->fixed || (unix_ms / 1000 >= w->known_from && unix_ms / 1000 <= w->known_to);
}

/* Unix seconds as if the zone were UTC; its rules are known for that time. */
static int64_t local_at(const struct window *w, int64_t at)
{
    int offset = w->offset_s;

    for (size_t i = 0; !w->fixed && i < w->n_changes && w->changes[i].at <= at; i++)
        offset = w->changes[i].offset_s;
    return at + offset;
}

const char *window_local(const struct window *w, int64_t unix_ms, char out[WINDOW_LOCAL])
{
    char iso[32];

    out[0] = '\0';
    if (!window_knows(w, unix_ms) || strcmp(w->zone, "UTC") == 0)
        return out;
    clock_iso(1000 * local_at(w, unix_ms / 1000), iso, sizeof iso);
    snprintf(out, WINDOW_LOCAL, "%.10s %.8s %s", iso, iso + 11, w->zone);
    return out;
}

bool window_holds(const struct window *w, int64_t unix_ms, bool unknown)
{
    int64_t local, day;
    int minute, weekday;

    if (!window_knows(w, unix_ms))
        return unknown;
    local = local_at(w, unix_ms / 1000);
    day = local / 86400;
    minute = (int)(local % 86400 / 60);
    weekday = (int)((day + 4) % 7); /* 1970-01-01 was a Thursday */
    for (size_t i = 0; i < w->n_spans; i++) {
        const struct span *s = &w->spans[i];
        bool today = s->days & 1u << weekday, yesterday = s->days & 1u << (weekday + 6) % 7;

        if (s->from < s->to ? today && minute >= s->from && minute < s->to
                            : (today && minute >= s->from) || (yesterday && minute < s->to))
            return true;
    }
    return false;
}
