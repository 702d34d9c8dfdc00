/* http_session.c - the sessions of revisions that have them.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "http_front.h"

#define SWEEP_MS 5000

/* ---- what belongs to no request ---- */

static struct http_session *of_standing(struct sink *sink)
{
    return (struct http_session *)(void *)((char *)sink - offsetof(struct http_session, standing_sink));
}

static void standing_write(struct sink *sink, const char *text, size_t len)
{
    struct http_session *hs = of_standing(sink);

    pthread_mutex_lock(&hs->front->lock);
    if (hs->heard)
        stream_put(hs->front, &hs->standing, text, len);
    pthread_mutex_unlock(&hs->front->lock);
}

static void standing_answer(struct sink *sink, int status, const char *text, size_t len)
{
    (void)sink; /* nothing is ever asked through it */
    (void)status;
    (void)text;
    (void)len;
}

static void standing_hold(struct sink *sink)
{
    session_hold(&of_standing(sink)->session);
}

static void standing_drop(struct sink *sink)
{
    session_drop(&of_standing(sink)->session);
}

/* ---- life ---- */

static void free_session(struct session *s)
{
    struct http_session *hs = (struct http_session *)(void *)s;

    pthread_mutex_lock(&hs->front->lock);
    stream_free(hs->front, &hs->standing);
    while (hs->streams) {
        struct stream *st = hs->streams;

        hs->streams = st->next;
        stream_free(hs->front, st);
        free(st);
    }
    pthread_mutex_unlock(&hs->front->lock);
    free(hs);
}

struct http_session *http_session_new(struct front *f, const char *principal)
{
    static const struct sink_ops ops = {
        .write = standing_write, .answer = standing_answer, .hold = standing_hold, .drop = standing_drop
    };
    struct http_session *hs = calloc(1, sizeof *hs);
    uint8_t random[16];
    bool room;

    if (!hs || !digest_random(random, sizeof random)) {
        free(hs);
        return NULL;
    }
    session_init(&hs->session, free_session);
    hs->front = f;
    digest_hex(random, sizeof random, hs->id);
    snprintf(hs->principal, sizeof hs->principal, "%s", principal);
    hs->last_ms = clock_ms();
    hs->standing_sink.ops = &ops;
    pthread_mutex_lock(&f->lock);
    room = f->n_sessions < f->settings.sessions;
    if (room) {
        session_hold(&hs->session); /* the list's */
        hs->next = f->sessions;
        f->sessions = hs;
        f->n_sessions++;
    }
    pthread_mutex_unlock(&f->lock);
    if (room) {
        session_stand(&hs->session, &hs->standing_sink);
        server_add_session(f->server, &hs->session);
        return hs;
    }
    session_drop(&hs->session);
    return NULL;
}

struct http_session *http_session_find(struct front *f, const char *id, const char *principal)
{
    struct http_session *hs;

    pthread_mutex_lock(&f->lock);
    for (hs = f->sessions; hs; hs = hs->next)
        if (strcmp(hs->id, id) == 0 && strcmp(hs->principal, principal) == 0)
            break;
    if (hs) {
        session_hold(&hs->session);
        hs->last_ms = clock_ms();
    }
    pthread_mutex_unlock(&f->lock);
    return hs;
}

void http_session_end(struct front *f, struct http_session *hs)
{
    struct http_session **at = &f->sessions;
    bool found;

    pthread_mutex_lock(&f->lock);
    while (*at && *at != hs)
        at = &(*at)->next;
    found = *at != NULL;
    if (found) {
        *at = hs->next;
        f->n_sessions--;
    }
    stream_done(f, &hs->standing);
    pthread_mutex_unlock(&f->lock);
    if (!found)
        return;
    server_end_session(f->server, &hs->session);
    session_drop(&hs->session);
}

/* Ends one after the other those that WANTED says. */
static void end_those(struct front *f, bool (*wanted)(const struct front *, const struct http_session *))
{
    for (;;) {
        struct http_session *hs;

        pthread_mutex_lock(&f->lock);
        for (hs = f->sessions; hs; hs = hs->next)
            if (wanted(f, hs))
                break;
        if (hs)
            session_hold(&hs->session);
        pthread_mutex_unlock(&f->lock);
        if (!hs)
            return;
        http_session_end(f, hs);
        session_drop(&hs->session);
    }
}

static bool any(const struct front *f, const struct http_session *hs)
{
    (void)f;
    (void)hs;
    return true;
}

void http_session_end_all(struct front *f)
{
    end_those(f, any);
}

static bool is_stranger(const struct front *f, const struct http_session *hs)
{
    return !http_tokens_has(f->tokens, hs->principal + strlen(PRINCIPAL_PREFIX));
}

void http_session_end_strangers(struct front *f)
{
    end_those(f, is_stranger);
}

static bool is_idle(const struct front *f, const struct http_session *hs)
{
    return !hs->calls && !hs->standing.call &&
           clock_ms() - hs->last_ms > (int64_t)f->settings.session_seconds * 1000;
}

int64_t http_session_sweep(struct front *f)
{
    int64_t now = clock_ms(), idle = (int64_t)f->settings.session_seconds * 1000;

    if (now >= f->next_sweep_ms) {
        f->next_sweep_ms = now + (idle < SWEEP_MS ? idle : SWEEP_MS);
        end_those(f, is_idle);
    }
    return f->n_sessions ? f->next_sweep_ms - now : -1;
}

/* Streams that are over go, oldest first, as long as there are too many or they hold too much. */
static void trim(struct front *f, struct http_session *hs)
{
    size_t n = 0, bytes = 0;

    for (struct stream **at = &hs->streams; *at;) { /* newest first */
        struct stream *st = *at;

        if (st->done) {
            n++;
            bytes += st->bytes;
        }
        if (st->done && n > 1 && (n > STREAMS_MAX || bytes > STREAMS_BYTES_MAX)) {
            *at = st->next;
            bytes -= st->bytes;
            stream_free(f, st);
            free(st);
        } else {
            at = &st->next;
        }
    }
}

struct stream *http_session_stream(struct front *f, struct http_session *hs)
{
    struct stream *st = calloc(1, sizeof *st);

    if (!st)
        return NULL;
    trim(f, hs);
    st->number = ++hs->numbers;
    st->next = hs->streams;
    hs->streams = st;
    return st;
}
