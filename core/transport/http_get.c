/* http_get.c - GET and DELETE: what only sessions have, a stream of their own and an end.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_front.h"

/* "3-17" */
static bool read_event_id(const char *text, unsigned long *stream, unsigned long *seq)
{
    char *end;

    if (strspn(text, "0123456789-") != strlen(text) || strlen(text) > 40)
        return false;
    *stream = strtoul(text, &end, 10);
    if (end == text || *end != '-')
        return false;
    text = end + 1;
    *seq = strtoul(text, &end, 10);
    return end != text && !*end;
}

/* Under the lock. */
static struct stream *find_stream(struct http_session *hs, unsigned long number)
{
    struct stream *st = hs->streams;

    if (!number)
        return &hs->standing;
    while (st && st->number != number)
        st = st->next;
    return st;
}

static bool listen_on(struct front *f, struct http_call *call, struct http_session *hs, struct stream *st,
                      unsigned long seq, const char *cors)
{
    struct getter *g = calloc(1, sizeof *g);
    char lines[700];

    if (!g)
        return false;
    *g = (struct getter){ .user.kind = USER_GET, .hs = hs, .stream = st };
    session_hold(&hs->session);
    f->ops->set_user(call, g);
    snprintf(lines, sizeof lines, "%s%s", SSE_HEADERS, cors);
    f->ops->begin(call, 200, lines);
    stream_attach(f, st, call, seq);
    hs->heard = true; /* from now on nothing gets lost while it is away */
    return true;
}

void front_get(struct front *f, struct http_call *call, const struct http_message *m, const struct who *who,
               const char *cors)
{
    const char *id = http_field(m, "Mcp-Session-Id"), *last = http_field(m, "Last-Event-ID"), *why = NULL;
    struct http_session *hs = id ? http_session_find(f, id, who->principal) : NULL;
    unsigned long number = 0, seq = 0;
    struct stream *st;
    int status = 0;

    if (!id || !hs) {
        front_refuse(f, call, id ? 404 : 400, "", cors,
                     id ? "there is no such session" : "Mcp-Session-Id is required");
        return;
    }
    pthread_mutex_lock(&f->lock);
    st = last && !read_event_id(last, &number, &seq) ? NULL : find_stream(hs, number);
    if (http_field(m, "Accept") && !http_field_has(m, "Accept", "text/event-stream") &&
        !http_field_has(m, "Accept", "*/*")) {
        status = 406;
        why = "a GET answers with text/event-stream alone";
    } else if (!st) {
        status = 400;
        why = "this Last-Event-ID is not of this session, or too old";
    } else if (!last && st->call) {
        status = 409;
        why = "this session has a stream already";
    } else {
        if (!last)
            seq = st->seq; /* a new listener hears what is new */
        if (!listen_on(f, call, hs, st, seq, cors)) {
            status = 503;
            why = "there is no memory for another stream";
        }
    }
    pthread_mutex_unlock(&f->lock);
    if (why)
        front_refuse(f, call, status, "", cors, why);
    session_drop(&hs->session);
}

void front_delete(struct front *f, struct http_call *call, const struct http_message *m,
                  const struct who *who, const char *cors)
{
    const char *id = http_field(m, "Mcp-Session-Id");
    struct http_session *hs = id ? http_session_find(f, id, who->principal) : NULL;

    if (!hs) {
        front_refuse(f, call, id ? 404 : 400, "", cors,
                     id ? "there is no such session" : "Mcp-Session-Id is required");
        return;
    }
    http_session_end(f, hs);
    session_drop(&hs->session);
    f->ops->reply(call, 204, cors, "", 0);
}
