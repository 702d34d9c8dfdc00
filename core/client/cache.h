/* cache.h - recent replies, bounded, and identical requests under way, shared.  SPDX-License-Identifier:
 * Apache-2.0
 *
 * Keys are method + expanded path (canonical, see route_expand). Entries hold the reply's bytes, immutable
 * and counted, so that a reader never sees another's changes. An act invalidates by tag: entries with the tag
 * are dropped, flights with the tag may not be joined any more and their replies are not stored.
 */
#ifndef KMCP_CACHE_H
#define KMCP_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache;

/* One reply, shared; header values the host needs are kept with it. */
struct cache_reply {
    int refs; /* under the cache's lock */
    int status;
    int64_t as_of_ms, total; /* total: X-Total-Count or -1 */
    size_t len;
    char *body;
};

struct cache *cache_new(size_t max_bytes);
void cache_free(struct cache *c);

/* A reply for a caller that will send it. BODY (NUL-terminated, malloc'd, or NULL) becomes the reply's, also
 * on failure. */
struct cache_reply *cache_reply_new(int status, char *body, size_t len, int64_t total, int64_t as_of_ms);
struct cache_reply *cache_reply_hold(struct cache *c, struct cache_reply *r); /* one user more; returns R */
void cache_reply_drop(struct cache *c, struct cache_reply *r);
size_t cache_max_bytes(const struct cache *c);

enum cache_found { CACHE_HIT, CACHE_LEAD, CACHE_JOIN };

/* What to do for KEY now. HIT: *REPLY is fresh (drop it when done). LEAD: nobody is on it; the caller fetches
 * and must call cache_finish with the ticket. JOIN: someone is; call cache_join. TTL_S 0: never a HIT, but
 * still shared. */
enum cache_found cache_begin(struct cache *c, const char *key, const char *tags, int64_t now_ms,
                             int64_t ttl_s, struct cache_reply **reply, uint64_t *ticket);
/* Ends the flight: REPLY NULL means it failed (joiners then try themselves). Stored for TTL_S seconds unless
 * 0 or invalidated meanwhile or larger than an eighth of the cache. */
void cache_finish(struct cache *c, uint64_t ticket, struct cache_reply *reply, int64_t now_ms, int64_t ttl_s);
/* Waits until the flight ends or until WAIT_MS are over or *CANCELLED. NULL: it failed, or was cut: ask
 * cache_begin again. */
struct cache_reply *cache_join(struct cache *c, uint64_t ticket, int64_t wait_ms,
                               const volatile int *cancelled);
/* Wakes joiners to look at their cancel flags. */
void cache_wake(struct cache *c);
/* Do two lists of tags share one? Either may be NULL. */
bool cache_tags_meet(const char *a, const char *b);
/* Drops what carries any of TAGS (separated by spaces). NULL: nothing. */
void cache_invalidate(struct cache *c, const char *tags);
/* Another number whenever anything was forgotten. */
uint64_t cache_epoch(struct cache *c);

#endif
