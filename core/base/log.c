/* log.c - lines for the operator on stderr.  SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "log.h"
#include "text.h"

#define LINE_MAX_BYTES 2000
#define NEVER_MAX      4
#define ESCAPE_BYTES   6 /* of a character that JSON spells as a \\u escape */

static uint32_t most = KMCP_LOG_INFO;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *never[NEVER_MAX];
static log_take_fn diverted;
static void *diverted_arg;

void log_divert(log_take_fn take, void *arg)
{
    pthread_mutex_lock(&lock);
    diverted = take;
    diverted_arg = arg;
    pthread_mutex_unlock(&lock);
}

void log_set_level(uint32_t level)
{
    __atomic_store_n(&most, level, __ATOMIC_RELAXED);
}

uint32_t log_level(void)
{
    return __atomic_load_n(&most, __ATOMIC_RELAXED);
}

void log_never(const char *secret)
{
    if (!secret || strlen(secret) < 4)
        return;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < NEVER_MAX; i++)
        if (!never[i]) {
            never[i] = strdup(secret);
            break;
        } else if (strcmp(never[i], secret) == 0) {
            break;
        }
    pthread_mutex_unlock(&lock);
}

/* The character that JSON spells at AT, in its *LEN bytes; NUL: one that no token holds. */
static char spelled(const char *at, const char *end, size_t *len)
{
    static const char digits[] = "0123456789abcdef";
    unsigned value = 0;

    *len = *at == '\\' && end - at > 1 ? 2 : 1;
    if (*len == 1)
        return *at;
    if (at[1] != 'u')
        return at[1] == '/' || at[1] == '"' || at[1] == '\\' ? at[1] : '\0';
    if (end - at < 6)
        return '\0';
    for (int i = 2; i < 6; i++) {
        const char *digit = at[i] ? strchr(digits, at[i] | 32) : NULL;

        if (!digit || !*digit)
            return '\0';
        value = 16 * value + (unsigned)(digit - digits);
    }
    *len = 6;
    return value < 0x80 ? (char)value : '\0';
}

/* Covers what at AT spells SECRET, if it does. */
static void cover_spelled(const char *secret, char *at, const char *end)
{
    char *from = at;
    size_t taken;

    while (*secret && at < end && spelled(at, end, &taken) == *secret) {
        secret++;
        at += taken;
    }
    if (!*secret)
        memset(from, '*', (size_t)(at - from));
}

/* SECRET, N bytes long, with characters of it escaped: looked for only where a backslash could be part of it.
 */
static void hide_spelled(const char *secret, size_t n, char *text, size_t len)
{
    char *end = text + len, *from = text, *slash = text;
    bool second = false; /* of an escape: nothing begins there */

    while (slash < end && (slash = memchr(slash, '\\', (size_t)(end - slash)))) {
        if ((size_t)(slash - from) > ESCAPE_BYTES * n) {
            from = slash - ESCAPE_BYTES * n;
            second = false;
        }
        for (; from <= slash; from++) {
            if (!second)
                cover_spelled(secret, from, end);
            second = !second && *from == '\\';
        }
        slash++;
    }
}

/* SECRET, N bytes long, as it is (Horspool: most bytes of TEXT are not even looked at). */
static void hide_plain(const char *secret, size_t n, char *text, size_t len)
{
    size_t skip[256];

    for (size_t i = 0; i < 256; i++)
        skip[i] = n;
    for (size_t i = 0; i + 1 < n; i++)
        skip[(unsigned char)secret[i]] = n - 1 - i;
    for (size_t at = 0; n && at + n <= len; at += skip[(unsigned char)text[at + n - 1]])
        if (memcmp(text + at, secret, n) == 0)
            memset(text + at, '*', n);
}

void log_hide(char *text, size_t len)
{
    bool escapes = len && memchr(text, '\\', len);

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < NEVER_MAX && never[i]; i++) {
        size_t n = strlen(never[i]);

        hide_plain(never[i], n, text, len);
        if (escapes)
            hide_spelled(never[i], n, text, len);
    }
    pthread_mutex_unlock(&lock);
}

/* TEXT without the values that no line may hold. Under the lock. */
static void add_clean(struct buf *line, const char *text)
{
    while (*text) {
        const char *hit = NULL;
        size_t hit_len = 0;

        for (size_t i = 0; i < NEVER_MAX; i++) {
            const char *at = never[i] ? strstr(text, never[i]) : NULL;

            if (at && (!hit || at < hit)) {
                hit = at;
                hit_len = strlen(never[i]);
            }
        }
        if (!hit) {
            text_neutral(line, text, strlen(text));
            return;
        }
        text_neutral(line, text, (size_t)(hit - text));
        buf_puts(line, "[secret]");
        text = hit + hit_len;
    }
}

/* One write of LINE and a newline; what was a newline inside becomes a space. */
static void write_line(struct buf *line)
{
    size_t len = line->len;
    ssize_t written;

    for (char *p = line->data; *p; p++)
        if (*p == '\n')
            *p = ' ';
    if (len > LINE_MAX_BYTES)
        for (len = LINE_MAX_BYTES; len && ((unsigned char)line->data[len] & 0xC0) == 0x80;)
            len--;          /* not inside a character */
    line->data[len] = '\n'; /* over the NUL: written by length */
    written = write(STDERR_FILENO, line->data, len + 1);
    (void)written; /* there is nowhere left to say that it failed */
}

void log_vline(uint32_t level, const char *scope, const char *fmt, va_list args)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    struct buf text, line;
    char when[32];

    if (level > log_level())
        return;
    buf_init(&text, 64 * 1024);
    buf_init(&line, 256 * 1024);
    buf_vprintf(&text, fmt, args);
    buf_printf(&line, "%s %s %s%s", clock_iso(clock_unix_ms(), when, sizeof when),
               names[level < 4 ? level : 3], scope ? scope : "", scope ? ": " : "");
    pthread_mutex_lock(&lock);
    add_clean(&line, text.failed ? "(line too long)" : text.data ? text.data : "");
    if (line.data && !line.failed && !(diverted && diverted(diverted_arg, level, line.data)))
        write_line(&line);
    pthread_mutex_unlock(&lock);
    buf_free(&text);
    buf_free(&line);
}

void log_line(uint32_t level, const char *scope, const char *fmt, ...)
{
    va_list args;

    if (level > log_level())
        return;
    va_start(args, fmt);
    log_vline(level, scope, fmt, args);
    va_end(args);
}
