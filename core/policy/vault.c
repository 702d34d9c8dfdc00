/* vault.c - secrets kept for a person and not for the conversation.  SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/keyfile.h"
#include "vault.h"

#define SPACE    "secret"
#define RANDOM   10 /* bytes: 16 characters of base32 */
#define ITEM_MAX ((size_t)16 << 10)

struct vault {
    struct state *state;
    int64_t keep_ms;
    pthread_mutex_t lock;
    bool has_key;
    uint8_t key[DIGEST_SIZE];
};

struct vault *vault_new(struct state *s, int64_t keep_ms)
{
    struct vault *v = calloc(1, sizeof *v);

    if (!v)
        return NULL;
    v->state = s;
    v->keep_ms = keep_ms;
    pthread_mutex_init(&v->lock, NULL);
    return v;
}

void vault_free(struct vault *v)
{
    if (!v)
        return;
    digest_wipe(v->key, sizeof v->key);
    pthread_mutex_destroy(&v->lock);
    free(v);
}

static bool has_key(struct vault *v, char *why, size_t why_size)
{
    char path[600];
    bool ok;

    pthread_mutex_lock(&v->lock);
    if (!v->has_key) {
        snprintf(path, sizeof path, "%s/vault.key", state_folder(v->state));
        v->has_key = keyfile_read(path, true, v->key, why, why_size);
    }
    ok = v->has_key;
    pthread_mutex_unlock(&v->lock);
    return ok;
}

bool vault_ready(struct vault *v, char *why, size_t why_size)
{
    return state_ready(v->state, why, why_size) && has_key(v, why, why_size);
}

static bool make_handle(char out[VAULT_SIZE])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t bytes[RANDOM];
    unsigned bits = 0, held = 0;
    size_t n = sizeof VAULT_HANDLE - 1;

    if (!digest_random(bytes, sizeof bytes))
        return false;
    memcpy(out, VAULT_HANDLE, n);
    for (size_t i = 0; i < sizeof bytes; i++) {
        held = held << 8 | bytes[i];
        for (bits += 8; bits >= 5; bits -= 5)
            out[n++] = letters[held >> (bits - 5) & 31];
    }
    out[n] = '\0';
    return true;
}

static bool add(struct arena *a, kmcp_json *v, const char *key, const char *text)
{
    return !text || json_set(a, v, key, json_string(a, text));
}

static const char *item_text(struct arena *a, const struct vault_item *item)
{
    kmcp_json *v = json_object(a);

    return add(a, v, "value", item->value) && add(a, v, "what", item->what) &&
                   add(a, v, "tool", item->tool) && add(a, v, "principal", item->principal) &&
                   add(a, v, "subject", item->subject) && add(a, v, "label", item->label) &&
                   json_set(a, v, "created", json_integer(a, item->created_ms))
               ? json_text(a, v)
               : NULL;
}

bool vault_keep(struct vault *v, struct vault_item *item, char *why, size_t why_size)
{
    uint8_t sealed[ITEM_MAX + DIGEST_SEAL_EXTRA];
    enum state_rc rc = STATE_LOST;
    struct arena a;
    const char *text;
    size_t len;

    if (!vault_ready(v, why, why_size))
        return false;
    snprintf(why, why_size, "a secret cannot be sealed (memory, OpenSSL, or it is too long)");
    arena_init(&a, 1 << 20);
    item->created_ms = state_now(v->state);
    item->expires_ms = item->created_ms + v->keep_ms;
    text = make_handle(item->handle) ? item_text(&a, item) : NULL;
    len = text ? strlen(text) : 0;
    if (text && len <= ITEM_MAX && digest_seal(v->key, text, len, sealed)) {
        rc = state_put(v->state, SPACE, item->handle, 0, sealed, len + DIGEST_SEAL_EXTRA, item->expires_ms);
        if (rc == STATE_LOST)
            state_why(v->state, why, why_size);
    }
    arena_release(&a, true);
    return rc == STATE_YES;
}

static const char *text_of(struct arena *a, const kmcp_json *object, const char *key)
{
    const char *text = json_str(json_get(object, key));

    return text ? arena_strdup(a, text) : NULL;
}

/* Opens RECORD; the plain text lives in a scratch arena that is wiped. */
static bool unseal(const struct vault *v, struct arena *a, const char *handle,
                   const struct state_record *record, bool reveal, struct vault_item *out)
{
    uint8_t plain[ITEM_MAX + DIGEST_SEAL_EXTRA];
    const kmcp_json *item = NULL;
    struct arena scratch;
    bool ok;

    *out = (struct vault_item){ .version = record->version, .expires_ms = record->expires_ms };
    arena_init(&scratch, 1 << 20);
    ok = record->len >= DIGEST_SEAL_EXTRA && record->len <= sizeof plain && strlen(handle) < VAULT_SIZE &&
         digest_open(v->key, (const uint8_t *)record->value, record->len, plain) &&
         (item = json_parse(&scratch, (const char *)plain, record->len - DIGEST_SEAL_EXTRA, 0, NULL));
    if (ok) {
        memcpy(out->handle, handle, strlen(handle) + 1);
        out->value = reveal ? text_of(a, item, "value") : NULL;
        out->what = text_of(a, item, "what");
        out->tool = text_of(a, item, "tool");
        out->principal = text_of(a, item, "principal");
        out->subject = text_of(a, item, "subject");
        out->label = text_of(a, item, "label");
        ok = json_int(json_get(item, "created"), &out->created_ms) && out->what && (!reveal || out->value);
    }
    digest_wipe(plain, sizeof plain);
    arena_release(&scratch, true);
    return ok;
}

enum state_rc vault_find(struct vault *v, struct arena *a, const char *handle, bool reveal,
                         struct vault_item *out, char *why, size_t why_size)
{
    struct state_record record;
    enum state_rc rc;

    if (!vault_ready(v, why, why_size))
        return STATE_LOST;
    rc = state_get(v->state, SPACE, handle, &record);
    if (rc == STATE_LOST)
        state_why(v->state, why, why_size);
    if (rc != STATE_YES)
        return rc;
    if (!unseal(v, a, handle, &record, reveal, out)) {
        snprintf(why, why_size, "it cannot be unsealed; vault.key is not the one it was sealed with");
        rc = STATE_LOST;
    }
    free(record.value);
    return rc;
}

enum state_rc vault_drop(struct vault *v, const struct vault_item *item)
{
    return state_drop(v->state, SPACE, item->handle, item->version);
}

struct gather {
    const struct vault *vault;
    struct arena *a;
    struct vault_item *list;
    size_t n, cap;
    bool ok;
};

static bool gather(void *arg, const char *key, const struct state_record *record)
{
    struct gather *g = arg;

    if (g->n == g->cap) {
        size_t cap = g->cap ? 2 * g->cap : 16;
        struct vault_item *grown = arena_alloc(g->a, cap * sizeof *grown);

        if (!grown)
            return g->ok = false;
        if (g->n)
            memcpy(grown, g->list, g->n * sizeof *grown);
        g->list = grown;
        g->cap = cap;
    }
    if (unseal(g->vault, g->a, key, record, false, &g->list[g->n]))
        g->n++;
    return true;
}

enum state_rc vault_all(struct vault *v, struct arena *a, struct vault_item **out, size_t *n)
{
    struct gather g = { .vault = v, .a = a, .ok = true };
    char why[600];
    enum state_rc rc;

    if (!vault_ready(v, why, sizeof why))
        return STATE_LOST;
    rc = state_each(v->state, SPACE, gather, &g);
    *out = g.list;
    *n = g.n;
    return rc == STATE_YES && !g.ok ? STATE_LOST : rc;
}
