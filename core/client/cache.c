/* cache.c - recent replies, bounded, and identical requests under way, shared.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cache.h"

#define BUCKETS 256

struct entry {
    struct entry *next_in_bucket, *newer, *older;
    uint64_t hash;
    char *key, *tags;
    struct cache_reply *reply;
    int64_t fresh_until_ms;
    size_t bytes;
};

struct flight {
    struct flight *next;
    uint64_t ticket, hash;
    char *key, *tags;
    bool done, spoiled; /* SPOILED: an act touched its tags; not joinable, not stored */
    int users;          /* leader and joiners */
    struct cache_reply *reply;
};

struct cache {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct entry *buckets[BUCKETS];
    struct entry *newest, *oldest;
    size_t bytes, max_bytes;
    struct flight *flights;
    uint64_t next_ticket, epoch;
};

struct cache *cache_new(size_t max_bytes)
{
    struct cache *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    c->max_bytes = max_bytes;
    c->next_ticket = 1;
    return c;
}

static uint64_t hash_of(const char *text)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a */

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

struct cache_reply *cache_reply_new(int status, char *body, size_t len, int64_t total, int64_t as_of_ms)
{
    struct cache_reply *r = calloc(1, sizeof *r);

    if (!body)
        body = calloc(1, 1);
    if (!r || !body) {
        free(r);
        free(body);
        return NULL;
    }
    r->refs = 1;
    r->status = status;
    r->body = body;
    r->len = len;
    r->total = total;
    r->as_of_ms = as_of_ms;
    return r;
}

size_t cache_max_bytes(const struct cache *c)
{
    return c->max_bytes;
}

struct cache_reply *cache_reply_hold(struct cache *c, struct cache_reply *r)
{
    pthread_mutex_lock(&c->lock);
    r->refs++;
    pthread_mutex_unlock(&c->lock);
    return r;
}

static void drop_locked(struct cache_reply *r)
{
    if (r && --r->refs == 0) {
        free(r->body);
        free(r);
    }
}

void cache_reply_drop(struct cache *c, struct cache_reply *r)
{
    pthread_mutex_lock(&c->lock);
    drop_locked(r);
    pthread_mutex_unlock(&c->lock);
}

/* ---- entries: a hash table and a list by last use ---- */

static void unlink_use(struct cache *c, struct entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void link_newest(struct cache *c, struct entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static struct entry *find_entry(struct cache *c, uint64_t hash, const char *key)
{
    struct entry *e = c->buckets[hash % BUCKETS];

    while (e && (e->hash != hash || strcmp(e->key, key) != 0))
        e = e->next_in_bucket;
    return e;
}

static void remove_entry(struct cache *c, struct entry *e)
{
    struct entry **at = &c->buckets[e->hash % BUCKETS];

    while (*at != e)
        at = &(*at)->next_in_bucket;
    *at = e->next_in_bucket;
    unlink_use(c, e);
    c->bytes -= e->bytes;
    drop_locked(e->reply);
    free(e->key);
    free(e->tags);
    free(e);
}

static void store(struct cache *c, const struct flight *f, struct cache_reply *reply, int64_t until_ms)
{
    struct entry *e = find_entry(c, f->hash, f->key);
    size_t bytes = reply->len + strlen(f->key) + sizeof *e + 64;

    if (e)
        remove_entry(c, e);
    if (bytes > c->max_bytes / 8 || !(e = calloc(1, sizeof *e)))
        return;
    *e = (struct entry){ .hash = f->hash,
                         .key = strdup(f->key),
                         .tags = f->tags ? strdup(f->tags) : NULL,
                         .reply = reply,
                         .fresh_until_ms = until_ms,
                         .bytes = bytes };
    if (!e->key || (f->tags && !e->tags)) {
        free(e->key);
        free(e->tags);
        free(e);
        return;
    }
    reply->refs++;
    e->next_in_bucket = c->buckets[e->hash % BUCKETS];
    c->buckets[e->hash % BUCKETS] = e;
    link_newest(c, e);
    c->bytes += bytes;
    while (c->bytes > c->max_bytes)
        remove_entry(c, c->oldest);
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    while (c->newest)
        remove_entry(c, c->newest);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* ---- flights ---- */

static struct flight *find_flight(struct cache *c, uint64_t ticket)
{
    struct flight *f = c->flights;

    while (f && f->ticket != ticket)
        f = f->next;
    return f;
}

static void leave(struct cache *c, struct flight *f)
{
    struct flight **at = &c->flights;

    if (--f->users > 0)
        return;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    drop_locked(f->reply);
    free(f->key);
    free(f->tags);
    free(f);
}

enum cache_found cache_begin(struct cache *c, const char *key, const char *tags, int64_t now_ms,
                             int64_t ttl_s, struct cache_reply **reply, uint64_t *ticket)
{
    uint64_t hash = hash_of(key);
    enum cache_found found = CACHE_LEAD;
    struct entry *e;
    struct flight *f;

    pthread_mutex_lock(&c->lock);
    e = find_entry(c, hash, key);
    if (e && (ttl_s <= 0 || e->fresh_until_ms <= now_ms)) {
        remove_entry(c, e);
        e = NULL;
    }
    for (f = c->flights; f; f = f->next)
        if (f->hash == hash && !f->done && !f->spoiled && strcmp(f->key, key) == 0)
            break;
    if (e) {
        unlink_use(c, e);
        link_newest(c, e);
        e->reply->refs++;
        *reply = e->reply;
        found = CACHE_HIT;
    } else if (f) {
        f->users++;
        *ticket = f->ticket;
        found = CACHE_JOIN;
    } else if ((f = calloc(1, sizeof *f))) {
        *f = (struct flight){ .next = c->flights,
                              .ticket = c->next_ticket++,
                              .hash = hash,
                              .key = strdup(key),
                              .tags = tags ? strdup(tags) : NULL,
                              .users = 1 };
        f->spoiled = !f->key || (tags && !f->tags); /* out of memory: fly alone, store nothing */
        if (!f->key)
            f->key = calloc(1, 1);
        c->flights = f;
        *ticket = f->ticket;
    } else {
        *ticket = 0;
    }
    pthread_mutex_unlock(&c->lock);
    return found;
}

void cache_finish(struct cache *c, uint64_t ticket, struct cache_reply *reply, int64_t now_ms, int64_t ttl_s)
{
    struct flight *f;

    pthread_mutex_lock(&c->lock);
    f = find_flight(c, ticket);
    if (f) {
        f->done = true;
        if (reply && !f->spoiled && ttl_s > 0)
            store(c, f, reply, now_ms + ttl_s * 1000);
        if (reply && f->users > 1) {
            reply->refs++;
            f->reply = reply;
        }
        pthread_cond_broadcast(&c->changed);
        leave(c, f);
    }
    pthread_mutex_unlock(&c->lock);
}

struct cache_reply *cache_join(struct cache *c, uint64_t ticket, int64_t wait_ms,
                               const volatile int *cancelled)
{
    struct timespec until = clock_after(wait_ms);
    struct cache_reply *reply = NULL;
    struct flight *f;

    pthread_mutex_lock(&c->lock);
    f = find_flight(c, ticket);
    while (f && !f->done && !(cancelled && __atomic_load_n(cancelled, __ATOMIC_ACQUIRE)))
        if (pthread_cond_timedwait(&c->changed, &c->lock, &until) != 0)
            break;
    if (f && f->done && f->reply) {
        reply = f->reply;
        reply->refs++;
    }
    if (f)
        leave(c, f);
    pthread_mutex_unlock(&c->lock);
    return reply;
}

void cache_wake(struct cache *c)
{
    pthread_mutex_lock(&c->lock);
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

bool cache_tags_meet(const char *a, const char *b)
{
    while (a && *a) {
        size_t len = strcspn(a, " ");

        for (const char *w = b; w && *w;) {
            size_t n = strcspn(w, " ");

            if (n == len && memcmp(w, a, n) == 0)
                return true;
            w += n;
            w += *w == ' ';
        }
        a += len;
        a += *a == ' ';
    }
    return false;
}

void cache_invalidate(struct cache *c, const char *tags)
{
    if (!tags)
        return;
    pthread_mutex_lock(&c->lock);
    c->epoch++;
    for (struct entry *e = c->newest, *next; e; e = next) {
        next = e->older;
        if (cache_tags_meet(tags, e->tags))
            remove_entry(c, e);
    }
    for (struct flight *f = c->flights; f; f = f->next)
        if (cache_tags_meet(tags, f->tags))
            f->spoiled = true;
    pthread_mutex_unlock(&c->lock);
}

uint64_t cache_epoch(struct cache *c)
{
    uint64_t epoch;

    pthread_mutex_lock(&c->lock);
    epoch = c->epoch;
    pthread_mutex_unlock(&c->lock);
    return epoch;
}
