/* session.c - a legacy session's life, and what it subscribed to.  SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "server.h"

void session_init(struct session *s, void (*free)(struct session *))
{
    memset(s, 0, sizeof *s);
    s->refs = 1;
    s->free = free;
    pthread_mutex_init(&s->lock, NULL);
}

void session_hold(struct session *s)
{
    if (s)
        __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
}

void session_drop(struct session *s)
{
    if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    for (size_t i = 0; i < s->n_subscribed; i++)
        free(s->subscribed[i]);
    free(s->subscribed);
    if (s->standing)
        sink_drop(s->standing);
    pthread_mutex_destroy(&s->lock);
    if (s->free)
        s->free(s);
}

bool session_is_open(struct session *s)
{
    bool open;

    pthread_mutex_lock(&s->lock);
    open = s->open && !s->ended;
    pthread_mutex_unlock(&s->lock);
    return open;
}

void session_set_level(struct session *s, int level)
{
    pthread_mutex_lock(&s->lock);
    s->context.log_level = level;
    pthread_mutex_unlock(&s->lock);
}

/* Under the lock. */
static size_t find(const struct session *s, const char *uri)
{
    size_t i = 0;

    while (i < s->n_subscribed && strcmp(s->subscribed[i], uri) != 0)
        i++;
    return i;
}

bool session_subscribe(struct session *s, const char *uri, bool on)
{
    bool done = true;
    char **grown;
    size_t at;

    pthread_mutex_lock(&s->lock);
    at = find(s, uri);
    if (!on && at < s->n_subscribed) {
        free(s->subscribed[at]);
        s->subscribed[at] = s->subscribed[--s->n_subscribed];
    } else if (on && at == s->n_subscribed) {
        grown = s->n_subscribed < SESSION_SUBSCRIBED_MAX
                    ? realloc(s->subscribed, (s->n_subscribed + 1) * sizeof *grown)
                    : NULL;
        if (grown) {
            s->subscribed = grown;
            grown[s->n_subscribed] = strdup(uri);
        }
        done = grown && grown[s->n_subscribed];
        s->n_subscribed += done;
    }
    pthread_mutex_unlock(&s->lock);
    return done;
}

bool session_subscribed(struct session *s, const char *uri)
{
    bool found;

    pthread_mutex_lock(&s->lock);
    found = find(s, uri) < s->n_subscribed;
    pthread_mutex_unlock(&s->lock);
    return found;
}

void session_stand(struct session *s, struct sink *sink)
{
    struct sink *before;

    if (sink)
        sink_hold(sink);
    pthread_mutex_lock(&s->lock);
    before = s->standing;
    s->standing = sink;
    pthread_mutex_unlock(&s->lock);
    if (before)
        sink_drop(before);
}

struct sink *session_standing(struct session *s)
{
    struct sink *sink;

    pthread_mutex_lock(&s->lock);
    sink = s->open && !s->ended ? s->standing : NULL;
    if (sink)
        sink_hold(sink);
    pthread_mutex_unlock(&s->lock);
    return sink;
}
