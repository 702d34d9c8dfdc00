/* test_cache.c - bounds, sharing, and forgetting.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "base/clock.h"
#include "client/cache.h"

#include <pthread.h>

static struct cache_reply *reply(const char *body)
{
    return cache_reply_new(200, strdup(body), strlen(body), -1, 1);
}

static enum cache_found begin(struct cache *c, const char *key, int64_t now, struct cache_reply **r,
                              uint64_t *ticket)
{
    return cache_begin(c, key, "devices device:1", now, 300, r, ticket);
}

static void put(struct cache *c, const char *key, const char *body, int64_t now)
{
    struct cache_reply *r = NULL;
    uint64_t ticket;

    assert_int_equal(begin(c, key, now, &r, &ticket), CACHE_LEAD);
    r = reply(body);
    cache_finish(c, ticket, r, now, 300);
    cache_reply_drop(c, r);
}

static void keeps_until_the_ttl(void **state)
{
    struct cache *c = cache_new(1 << 20);
    struct cache_reply *r = NULL;
    uint64_t ticket;

    (void)state;
    put(c, "k", "body", 0);
    assert_int_equal(begin(c, "k", 299999, &r, &ticket), CACHE_HIT);
    assert_string_equal(r->body, "body");
    cache_reply_drop(c, r);
    assert_int_equal(begin(c, "k", 300000, &r, &ticket), CACHE_LEAD);
    cache_finish(c, ticket, NULL, 300000, 300);
    cache_free(c);
}

static void forgets_by_tag(void **state)
{
    struct cache *c = cache_new(1 << 20);
    struct cache_reply *r = NULL;
    uint64_t ticket, second;

    (void)state;
    put(c, "k", "old", 0);
    cache_invalidate(c, "other device:12");
    assert_int_equal(begin(c, "k", 1, &r, &ticket), CACHE_HIT);
    cache_reply_drop(c, r);
    cache_invalidate(c, "x device:1");
    assert_int_equal(begin(c, "k", 1, &r, &ticket), CACHE_LEAD);
    /* An act while the flight is under way: not joinable any more, and not stored. */
    cache_invalidate(c, "device:1");
    assert_int_equal(begin(c, "k", 1, &r, &second), CACHE_LEAD);
    r = reply("from before the act");
    cache_finish(c, ticket, r, 1, 300);
    cache_reply_drop(c, r);
    r = reply("from after the act");
    cache_finish(c, second, r, 1, 300);
    cache_reply_drop(c, r);
    assert_int_equal(begin(c, "k", 2, &r, &ticket), CACHE_HIT);
    assert_string_equal(r->body, "from after the act");
    cache_reply_drop(c, r);
    cache_free(c);
}

static void stays_within_its_bound(void **state)
{
    struct cache *c = cache_new(20000);
    struct cache_reply *r = NULL;
    char key[20], body[1001];
    uint64_t ticket;
    int hits = 0;

    (void)state;
    memset(body, 'x', 1000);
    body[1000] = '\0';
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "k%d", i);
        put(c, key, body, 0);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "k%d", i);
        if (begin(c, key, 1, &r, &ticket) == CACHE_HIT) {
            hits++;
            assert_true(i > 70); /* the latest stay */
            cache_reply_drop(c, r);
        } else {
            cache_finish(c, ticket, NULL, 1, 300);
        }
    }
    assert_in_range(hits, 10, 20);
    cache_free(c);
}

struct joiner {
    struct cache *c;
    pthread_t thread;
    int led;
    char seen[16];
};

static void *join(void *arg)
{
    struct joiner *j = arg;
    struct cache_reply *r = NULL;
    uint64_t ticket;

    switch (begin(j->c, "k", 0, &r, &ticket)) {
    case CACHE_JOIN:
        r = cache_join(j->c, ticket, 20000, NULL);
        break;
    case CACHE_LEAD:
        j->led = 1;
        r = reply("shared");
        cache_finish(j->c, ticket, r, 0, 300);
        break;
    case CACHE_HIT:
        break;
    }
    snprintf(j->seen, sizeof j->seen, "%s", r ? r->body : "");
    if (r)
        cache_reply_drop(j->c, r);
    return NULL;
}

static void many_callers_cost_one_flight(void **state)
{
    struct cache *c = cache_new(1 << 20);
    struct joiner joiners[32];
    int led = 0;

    (void)state;
    for (size_t i = 0; i < 32; i++) {
        joiners[i] = (struct joiner){ .c = c };
        pthread_create(&joiners[i].thread, NULL, join, &joiners[i]);
    }
    for (size_t i = 0; i < 32; i++) {
        pthread_join(joiners[i].thread, NULL);
        led += joiners[i].led;
        assert_string_equal(joiners[i].seen, "shared");
    }
    assert_int_equal(led, 1);
    cache_free(c);
}

static void a_joiner_gives_up_when_cancelled(void **state)
{
    struct cache *c = cache_new(1 << 20);
    struct cache_reply *r = NULL;
    uint64_t ticket, mine;
    int cancelled = 1;

    (void)state;
    assert_int_equal(begin(c, "k", 0, &r, &ticket), CACHE_LEAD);
    assert_int_equal(begin(c, "k", 0, &r, &mine), CACHE_JOIN);
    assert_null(cache_join(c, mine, 20000, &cancelled));
    cache_finish(c, ticket, NULL, 0, 300);
    cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_until_the_ttl),
        cmocka_unit_test(forgets_by_tag),
        cmocka_unit_test(stays_within_its_bound),
        cmocka_unit_test(many_callers_cost_one_flight),
        cmocka_unit_test(a_joiner_gives_up_when_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
