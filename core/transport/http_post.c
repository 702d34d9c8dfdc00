/* http_post.c - the answer to one POST: JSON if it can be, a stream of events once there is something to say
 * before. SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "http_front.h"

#define COME_BACK_MS 1000 /* unless the plugin says otherwise */

static void headers(const struct post *p, int status, const char *type, char *out, size_t size)
{
    char challenge[160] = "", session[80] = "";

    if (status == 403)
        snprintf(challenge, sizeof challenge,
                 "WWW-Authenticate: Bearer error=\"insufficient_scope\"%s%s%s\r\n",
                 p->scope ? ", scope=\"" : "", p->scope ? p->scope : "", p->scope ? "\"" : "");
    if (p->opens && p->hs && session_is_open(&p->hs->session))
        snprintf(session, sizeof session, "Mcp-Session-Id: %s\r\n", p->hs->id);
    snprintf(out, size, "%s%s%s%s", type, challenge, session, p->cors);
}

/* Under the lock. */
static void begin(struct post *p, uint32_t retry_ms)
{
    struct front *f = p->front;
    char lines[800];

    headers(p, 200, SSE_HEADERS, lines, sizeof lines);
    f->ops->begin(p->call, 200, lines);
    p->state = POST_STREAMING;
    if (!p->hs || !(p->stream = http_session_stream(f, p->hs)))
        return;
    p->stream->call = p->call;
    f->ops->hold(p->call);
    if (p->primes)
        stream_prime(f, p->stream, retry_ms);
}

static void over(struct post *p)
{
    p->state = POST_OVER;
    if (p->call)
        p->front->ops->drop(p->call);
    p->call = NULL;
}

static void post_write(struct sink *sink, const char *text, size_t len)
{
    struct post *p = post_of(sink);
    struct front *f = p->front;

    pthread_mutex_lock(&f->lock);
    if (p->state == POST_WAITING && p->call && p->sse)
        begin(p, COME_BACK_MS);
    if (p->state == POST_STREAMING && p->stream)
        stream_put(f, p->stream, text, len);
    else if (p->state == POST_STREAMING && p->call)
        sse_send(f, p->call, text, len);
    pthread_mutex_unlock(&f->lock);
}

static void answer_at_once(struct post *p, int status, const char *text, size_t len)
{
    char lines[800];

    headers(p, status, text ? "Content-Type: application/json\r\n" : "", lines, sizeof lines);
    p->front->ops->reply(p->call, status, lines, text, len);
}

static void post_answer(struct sink *sink, int status, const char *text, size_t len)
{
    struct post *p = post_of(sink);
    struct front *f = p->front;

    pthread_mutex_lock(&f->lock);
    if (p->state == POST_WAITING && p->call && text && !p->json && status == 200)
        begin(p, COME_BACK_MS);
    if (p->state == POST_WAITING && p->call) {
        answer_at_once(p, status, text, len);
    } else if (p->state == POST_STREAMING && p->stream) {
        if (text)
            stream_put(f, p->stream, text, len);
        stream_done(f, p->stream);
        p->stream = NULL; /* its session keeps it */
    } else if (p->state == POST_STREAMING && p->call) {
        if (text)
            sse_send(f, p->call, text, len);
        f->ops->finish(p->call);
    }
    over(p);
    pthread_mutex_unlock(&f->lock);
}

static bool post_streams(struct sink *sink)
{
    return post_of(sink)->sse;
}

static void post_let_go(struct sink *sink, uint32_t retry_ms)
{
    struct post *p = post_of(sink);
    struct front *f = p->front;

    pthread_mutex_lock(&f->lock);
    if (p->primes && p->sse && p->call && p->state == POST_WAITING)
        begin(p, retry_ms ? retry_ms : COME_BACK_MS);
    else if (p->primes && p->state == POST_STREAMING && p->stream && p->stream->call)
        stream_prime(f, p->stream, retry_ms ? retry_ms : COME_BACK_MS);
    if (p->primes && p->state == POST_STREAMING && p->stream) {
        stream_detach(f, p->stream, true);
        if (p->call)
            f->ops->drop(p->call);
        p->call = NULL;
    }
    pthread_mutex_unlock(&f->lock);
}

static void post_hold(struct sink *sink)
{
    __atomic_add_fetch(&post_of(sink)->refs, 1, __ATOMIC_RELAXED);
}

void post_drop(struct post *p)
{
    if (__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (p->hs) {
        pthread_mutex_lock(&p->front->lock);
        p->hs->calls--;
        pthread_mutex_unlock(&p->front->lock);
        session_drop(&p->hs->session);
    }
    free(p);
}

static void post_drop_sink(struct sink *sink)
{
    post_drop(post_of(sink));
}

struct post *post_new(struct front *f, struct http_call *call, const char *cors)
{
    static const struct sink_ops ops = { .write = post_write,
                                         .answer = post_answer,
                                         .streams = post_streams,
                                         .let_go = post_let_go,
                                         .hold = post_hold,
                                         .drop = post_drop_sink };
    struct post *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->user.kind = USER_POST;
    p->sink.ops = &ops;
    p->refs = 2; /* the caller's, and the call's */
    p->front = f;
    p->call = call;
    f->ops->hold(call);
    f->ops->set_user(call, p);
    snprintf(p->cors, sizeof p->cors, "%s", cors);
    return p;
}

void post_of_session(struct post *p, struct http_session *hs)
{
    p->hs = hs;
    session_hold(&hs->session);
    pthread_mutex_lock(&p->front->lock);
    hs->calls++;
    pthread_mutex_unlock(&p->front->lock);
}

void post_gone(struct post *p)
{
    struct front *f = p->front;
    bool cancels;

    pthread_mutex_lock(&f->lock);
    cancels = p->state != POST_OVER;
    if (p->stream)
        stream_detach(f, p->stream, false);
    if (p->call)
        f->ops->drop(p->call);
    p->call = NULL;
    pthread_mutex_unlock(&f->lock);
    if (cancels)
        server_hangup(f->server, &p->sink);
}

void post_alive(struct post *p)
{
    static const char comment[] = ": still here\n\n";
    struct front *f = p->front;

    pthread_mutex_lock(&f->lock);
    if (p->state == POST_WAITING && p->call && p->sse)
        begin(p, COME_BACK_MS);
    if (p->state == POST_STREAMING && p->call)
        f->ops->send(p->call, comment, sizeof comment - 1);
    pthread_mutex_unlock(&f->lock);
}
