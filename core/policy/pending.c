/* pending.c - calls that wait for a person.  SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pending.h"
#include "sealed.h"

#define SPACE    "pending"
#define AFTER_MS INT64_C(86400000) /* what ended is kept so long, to say what became of it */

static const char *const stages[] = { "waiting", "approved", "denied", "used", "void" };

const char *pending_stage_name(enum pending_stage stage)
{
    return stages[stage];
}

bool pending_name(struct pending *p)
{
    static const char letters[] = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"; /* none that looks like another */
    uint8_t bytes[8];

    if (!digest_random(bytes, sizeof bytes))
        return false;
    for (size_t i = 0, at = 0; i < 8; i++) {
        if (i == 4)
            p->id[at++] = '-';
        p->id[at++] = letters[bytes[i] % (sizeof letters - 1)];
    }
    p->id[PENDING_ID_SIZE - 1] = '\0';
    return true;
}

static const char *text_of(struct arena *a, const kmcp_json *object, const char *key)
{
    const char *text = json_str(json_get(object, key));

    return text ? arena_strdup(a, text) : NULL;
}

static bool copy_text(const kmcp_json *object, const char *key, char *out, size_t size)
{
    const char *text = json_str(json_get(object, key));

    if (!text || strlen(text) >= size)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

/* What stands sealed in V, and is for people and for the review alone. */
static const kmcp_json *unseal(struct arena *a, const uint8_t key[DIGEST_SIZE], const kmcp_json *v)
{
    const char *text = json_str(json_get(v, "sealed")), *plain = text ? sealed_open(a, key, text) : NULL;

    return plain ? json_parse(a, plain, strlen(plain), 0, NULL) : NULL;
}

static bool read_one(struct arena *a, const uint8_t seal[DIGEST_SIZE], const char *key,
                     const struct state_record *record, struct pending *out)
{
    const kmcp_json *v = json_parse(a, record->value, record->len, 0, NULL), *by;
    const kmcp_json *sealed = unseal(a, seal, v);
    const char *stage = json_str(json_get(v, "stage"));
    int64_t needs = 0;
    size_t i = 0;

    *out = (struct pending){ .version = record->version };
    while (stage && i < sizeof stages / sizeof *stages && strcmp(stage, stages[i]) != 0)
        i++;
    if (!stage || i == sizeof stages / sizeof *stages || strlen(key) >= sizeof out->call)
        return false;
    out->stage = (enum pending_stage)i;
    memcpy(out->call, key, strlen(key) + 1);
    out->tool = text_of(a, v, "tool");
    out->principal = text_of(a, v, "principal");
    out->client = text_of(a, v, "client");
    out->transport = text_of(a, v, "transport");
    out->host = text_of(a, v, "host");
    out->args = text_of(a, sealed, "args");
    out->sentence = text_of(a, sealed, "sentence");
    out->request = text_of(a, sealed, "request");
    out->reason = text_of(a, sealed, "reason");
    out->rule = text_of(a, v, "rule");
    for (by = json_first(json_get(v, "by")); by; by = json_next(by)) {
        if (out->n_by == 2)
            return false;
        out->by[out->n_by] = text_of(a, by, "who");
        if (!out->by[out->n_by] || !json_int(json_get(by, "at"), &out->by_ms[out->n_by]))
            return false;
        out->n_by++;
    }
    if (json_get(v, "unknown") && !copy_text(v, "unknown", out->unknown, sizeof out->unknown))
        return false;
    if (!json_int(json_get(v, "needs"), &needs) || needs < 1 || needs > 2)
        return false;
    out->needs = (int)needs;
    /* it waits for as long as somebody is missing, and is approved or used when nobody is */
    if (out->stage == PENDING_WAITING
            ? out->n_by >= out->needs
            : (out->stage == PENDING_APPROVED || out->stage == PENDING_USED) && out->n_by != out->needs)
        return false;
    return copy_text(v, "id", out->id, sizeof out->id) && copy_text(v, "plan", out->plan, sizeof out->plan) &&
           copy_text(v, "request_sha256", out->request_sha256, sizeof out->request_sha256) &&
           copy_text(v, "policy", out->policy, sizeof out->policy) &&
           json_int(json_get(v, "asked"), &out->asked_ms) &&
           json_int(json_get(v, "expires"), &out->expires_ms) && out->tool && out->principal &&
           out->transport && out->args && out->sentence;
}

enum state_rc pending_get(struct state *s, struct arena *a, const uint8_t key[DIGEST_SIZE], const char *call,
                          struct pending *out)
{
    struct state_record record;
    enum state_rc rc = state_get(s, SPACE, call, &record);

    if (rc != STATE_YES)
        return rc;
    rc = read_one(a, key, call, &record, out) ? STATE_YES : STATE_LOST;
    free(record.value);
    return rc;
}

static bool add(struct arena *a, kmcp_json *v, const char *key, const char *text)
{
    return !text || json_set(a, v, key, json_string(a, text));
}

static bool add_people(struct arena *a, kmcp_json *v, const struct pending *p)
{
    kmcp_json *list = json_array(a);

    for (int i = 0; i < p->n_by; i++) {
        kmcp_json *one = json_object(a);

        if (!add(a, one, "who", p->by[i]) || !json_set(a, one, "at", json_integer(a, p->by_ms[i])) ||
            !json_append(a, list, one))
            return false;
    }
    return json_set(a, v, "by", list);
}

static const char *seal(struct arena *a, const uint8_t key[DIGEST_SIZE], const struct pending *p)
{
    kmcp_json *v = json_object(a);
    const char *plain = add(a, v, "args", p->args) && add(a, v, "sentence", p->sentence) &&
                                add(a, v, "request", p->request) && add(a, v, "reason", p->reason)
                            ? json_text(a, v)
                            : NULL;

    return plain ? sealed_text(a, key, plain) : NULL;
}

enum state_rc pending_put(struct state *s, struct arena *a, const uint8_t key[DIGEST_SIZE], struct pending *p)
{
    const char *sealed = seal(a, key, p), *text;
    kmcp_json *v = json_object(a);
    enum state_rc rc;

    if (!sealed || !add(a, v, "sealed", sealed) || !add(a, v, "stage", stages[p->stage]) ||
        !add(a, v, "id", p->id) || !add(a, v, "plan", p->plan) ||
        !add(a, v, "request_sha256", p->request_sha256) || !add(a, v, "policy", p->policy) ||
        (p->unknown[0] && !add(a, v, "unknown", p->unknown)) || !add(a, v, "tool", p->tool) ||
        !add(a, v, "principal", p->principal) || !add(a, v, "client", p->client) ||
        !add(a, v, "transport", p->transport) || !add(a, v, "host", p->host) || !add(a, v, "rule", p->rule) ||
        !add_people(a, v, p) || !json_set(a, v, "needs", json_integer(a, p->needs)) ||
        !json_set(a, v, "asked", json_integer(a, p->asked_ms)) ||
        !json_set(a, v, "expires", json_integer(a, p->expires_ms)) || !(text = json_text(a, v)))
        return STATE_LOST;
    rc = state_put(s, SPACE, p->call, p->version, text, strlen(text), p->expires_ms + AFTER_MS);
    if (rc == STATE_YES)
        p->version++;
    return rc;
}

struct gather {
    struct arena *a;
    const uint8_t *key;
    struct pending *list;
    size_t n, cap, bad;
    bool ok;
};

static bool gather(void *arg, const char *key, const struct state_record *record)
{
    struct gather *g = arg;
    struct pending p;

    if (!read_one(g->a, g->key, key, record, &p)) {
        g->bad++;
        return true;
    }
    if (g->n == g->cap) {
        size_t cap = g->cap ? 2 * g->cap : 8;
        struct pending *grown = arena_alloc(g->a, cap * sizeof *grown);

        if (!grown)
            return g->ok = false;
        if (g->n)
            memcpy(grown, g->list, g->n * sizeof *grown);
        g->list = grown;
        g->cap = cap;
    }
    g->list[g->n++] = p;
    return true;
}

enum state_rc pending_all(struct state *s, struct arena *a, const uint8_t key[DIGEST_SIZE],
                          struct pending **out, size_t *n, size_t *bad)
{
    struct gather g = { .a = a, .key = key, .ok = true };
    enum state_rc rc = state_each(s, SPACE, gather, &g);

    *out = g.list;
    *n = g.n;
    *bad = g.bad;
    return rc == STATE_YES && !g.ok ? STATE_LOST : rc;
}

/* Case and hyphens make no difference to who types it. */
static bool same_id(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a == '-')
            a++;
        while (*b == '-')
            b++;
        if ((*a & ~32) != (*b & ~32))
            return false;
        if (!*a)
            return true;
    }
}

enum state_rc pending_find(struct state *s, struct arena *a, const uint8_t key[DIGEST_SIZE], const char *id,
                           struct pending *out, size_t *bad)
{
    struct pending *list;
    size_t n;
    enum state_rc rc = pending_all(s, a, key, &list, &n, bad);

    for (size_t i = 0; rc == STATE_YES && i < n; i++)
        if (same_id(list[i].id, id)) {
            *out = list[i];
            return STATE_YES;
        }
    return rc == STATE_YES ? STATE_NO : rc;
}
