/* consent.c - sealed questions and spent answers.  SPDX-License-Identifier: Apache-2.0
 *
 * A state is base64url(payload) "." base64url(HMAC-SHA256(key, payload)). The payload is binary and of one
 * length: version, round, expiry, nonce, digest of the call, digest of the plan. Nothing in it is secret.
 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "consent.h"

#define VERSION    1
#define NONCE_SIZE 16
#define PAYLOAD    (1 + 1 + 8 + NONCE_SIZE + 2 * DIGEST_SIZE)
#define SPENT_MAX  4096

struct spent {
    uint8_t nonce[NONCE_SIZE];
    int64_t expires_ms;
};

struct consent {
    pthread_mutex_t lock;
    uint8_t key[DIGEST_SIZE];
    struct spent spent[SPENT_MAX];
    size_t n_spent;
    int64_t latest_ms; /* the latest wall clock seen: setting it back revives nothing */
};

struct consent *consent_new(const uint8_t key[DIGEST_SIZE])
{
    static const char purpose[] = "kmcp consent";
    struct consent *c = calloc(1, sizeof *c);

    if (!c || !digest_hmac(key, DIGEST_SIZE, purpose, sizeof purpose, c->key)) {
        free(c);
        return NULL;
    }
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void consent_free(struct consent *c)
{
    if (!c)
        return;
    pthread_mutex_destroy(&c->lock);
    digest_wipe(c->key, sizeof c->key);
    free(c);
}

static int64_t now_of(struct consent *c, int64_t now_ms)
{
    if (now_ms > c->latest_ms)
        c->latest_ms = now_ms;
    return c->latest_ms;
}

bool consent_seal(struct consent *c, const struct consent_bond *bond, unsigned round, int64_t now_unix_ms,
                  char out[CONSENT_TEXT_MAX])
{
    uint8_t payload[PAYLOAD], mac[DIGEST_SIZE], *p = payload;
    uint64_t expires;
    size_t n;

    if (!c || round > 255)
        return false;
    pthread_mutex_lock(&c->lock);
    expires = (uint64_t)(now_of(c, now_unix_ms) + CONSENT_LIFE_MS);
    pthread_mutex_unlock(&c->lock);
    *p++ = VERSION;
    *p++ = (uint8_t)round;
    for (int shift = 56; shift >= 0; shift -= 8)
        *p++ = (uint8_t)(expires >> shift);
    if (!digest_random(p, NONCE_SIZE))
        return false;
    p += NONCE_SIZE;
    memcpy(p, bond->call, DIGEST_SIZE);
    memcpy(p + DIGEST_SIZE, bond->plan, DIGEST_SIZE);
    if (!digest_hmac(c->key, sizeof c->key, payload, sizeof payload, mac))
        return false;
    n = digest_b64url(payload, sizeof payload, out);
    out[n++] = '.';
    digest_b64url(mac, sizeof mac, out + n);
    return true;
}

/* The payload, if STATE is one of ours to the last bit. */
static bool open_state(struct consent *c, const char *state, uint8_t payload[PAYLOAD])
{
    uint8_t bytes[CONSENT_TEXT_MAX], mac[DIGEST_SIZE], given[CONSENT_TEXT_MAX];
    const char *dot = strchr(state, '.');
    size_t len = strlen(state), body;

    if (!dot || len >= CONSENT_TEXT_MAX)
        return false;
    body = (size_t)(dot - state);
    if (digest_b64url_decode(state, body, bytes) != PAYLOAD ||
        digest_b64url_decode(dot + 1, len - body - 1, given) != DIGEST_SIZE)
        return false;
    if (!digest_hmac(c->key, sizeof c->key, bytes, PAYLOAD, mac) || !digest_equal(mac, given, DIGEST_SIZE))
        return false;
    memcpy(payload, bytes, PAYLOAD);
    return payload[0] == VERSION;
}

/* Forgets what expired. Under the lock. */
static void sweep_spent(struct consent *c, int64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->n_spent; i++)
        if (c->spent[i].expires_ms > now_ms)
            c->spent[kept++] = c->spent[i];
    c->n_spent = kept;
}

static bool is_spent(const struct consent *c, const uint8_t *nonce)
{
    for (size_t i = 0; i < c->n_spent; i++)
        if (memcmp(c->spent[i].nonce, nonce, NONCE_SIZE) == 0)
            return true;
    return false;
}

enum consent_verdict consent_judge(struct consent *c, const struct consent_bond *bond, const char *state,
                                   bool spend, int64_t now_unix_ms, unsigned *round, char *nonce_hex)
{
    uint8_t payload[PAYLOAD];
    const uint8_t *nonce = payload + 10, *call = nonce + NONCE_SIZE, *plan = call + DIGEST_SIZE;
    enum consent_verdict verdict;
    int64_t expires = 0, now;

    if (!c || !open_state(c, state, payload))
        return CONSENT_FOREIGN;
    for (int i = 2; i < 10; i++)
        expires = expires << 8 | payload[i];
    if (round)
        *round = payload[1];
    if (nonce_hex)
        digest_hex(nonce, NONCE_SIZE, nonce_hex);
    if (!digest_equal(call, bond->call, DIGEST_SIZE))
        return CONSENT_FOREIGN;
    pthread_mutex_lock(&c->lock);
    now = now_of(c, now_unix_ms);
    sweep_spent(c, now);
    if (expires <= now)
        verdict = CONSENT_EXPIRED;
    else if (is_spent(c, nonce))
        verdict = CONSENT_SPENT;
    else if (!digest_equal(plan, bond->plan, DIGEST_SIZE))
        verdict = CONSENT_STALE;
    else if (spend && c->n_spent == SPENT_MAX)
        verdict = CONSENT_EXPIRED; /* no room to remember it: better refused than spent twice */
    else
        verdict = CONSENT_GOOD;
    if (verdict == CONSENT_GOOD && spend) {
        memcpy(c->spent[c->n_spent].nonce, nonce, NONCE_SIZE);
        c->spent[c->n_spent++].expires_ms = expires;
    }
    pthread_mutex_unlock(&c->lock);
    return verdict;
}
