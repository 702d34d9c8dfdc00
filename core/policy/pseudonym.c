/* pseudonym.c - stable names for persons and their devices.  SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/keyfile.h"
#include "base/text.h"
#include "pseudonym.h"

#define SPACE     "pseudonym"
#define DIGITS    12
#define VALUE_MAX ((size_t)1024)
#define BATCH     128

struct pseudonyms {
    struct state *state;
    pthread_mutex_t lock;
    bool has_key;
    uint8_t key[DIGEST_SIZE];
};

struct pseudonyms *pseudonyms_new(struct state *s)
{
    struct pseudonyms *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->state = s;
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

void pseudonyms_free(struct pseudonyms *p)
{
    if (!p)
        return;
    digest_wipe(p->key, sizeof p->key);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

bool pseudonyms_ready(struct pseudonyms *p, bool make, char *why, size_t why_size)
{
    char path[600];
    bool ok;

    pthread_mutex_lock(&p->lock);
    if (!p->has_key) {
        snprintf(path, sizeof path, "%s/pseudonym.key", state_folder(p->state));
        p->has_key = keyfile_read(path, make, p->key, why, why_size);
    }
    ok = p->has_key;
    pthread_mutex_unlock(&p->lock);
    return ok;
}

/* ---- tokens ---- */

static const char *const kinds[] = {
    "user", "mail", "serial", "device", "asset", "phone", "place", "person"
};

bool pseudonym_is_kind(const char *kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i], kind) == 0)
            return true;
    return false;
}

const char *pseudonym_kind(const char *field, const char *value)
{
    static const struct {
        const char *part, *kind;
    } parts[] = { { "serial", "serial" },   { "email", "mail" },      { "mail", "mail" },
                  { "phone", "phone" },     { "asset", "asset" },     { "latitude", "place" },
                  { "longitude", "place" }, { "altitude", "place" },  { "address", "place" },
                  { "location", "place" },  { "device", "device" },   { "host", "device" },
                  { "user", "user" },       { "enabled_by", "user" }, { "owner", "user" } };

    if (strchr(value, '@'))
        return "mail";
    if (strcmp(field, "device__user_name") == 0)
        return "user";
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (text_casestr(field, parts[i].part))
            return parts[i].kind;
    return strcmp(field, "name") == 0 ? "user" : "person";
}

bool pseudonym_of(struct pseudonyms *p, const char *kind, const char *value, char token[PSEUDONYM_MAX])
{
    char text[VALUE_MAX + 16], hex[2 * DIGEST_SIZE + 1], why[600];
    bool folds = strcmp(kind, "mail") == 0 || strcmp(kind, "serial") == 0;
    size_t n = (size_t)snprintf(text, sizeof text, "%s", kind) + 1, len = strlen(value);
    uint8_t digest[DIGEST_SIZE];

    if (len > VALUE_MAX)
        len = VALUE_MAX;
    memcpy(text + n, value, len);
    for (size_t i = n; folds && i < n + len; i++) /* written either way, it is the same one */
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] + 32);
    if (!pseudonyms_ready(p, true, why, sizeof why) ||
        !digest_hmac(p->key, sizeof p->key, text, n + len, digest))
        return false;
    digest_hex(digest, sizeof digest, hex);
    snprintf(token, PSEUDONYM_MAX, "%s:%.*s", kind, DIGITS, hex);
    return true;
}

size_t pseudonym_at(const char *text)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t n = strlen(kinds[i]);

        if (strncmp(text, kinds[i], n) == 0 && text[n] == ':' &&
            strspn(text + n + 1, "0123456789abcdef") == DIGITS)
            return n + 1 + DIGITS;
    }
    return 0;
}

const char *pseudonym_open(struct pseudonyms *p, struct arena *a, const char *token, char *why,
                           size_t why_size)
{
    struct state_record record;
    char *plain = NULL;

    if (!pseudonyms_ready(p, false, why, why_size))
        return NULL;
    switch (state_get(p->state, SPACE, token, &record)) {
    case STATE_LOST:
        state_why(p->state, why, why_size);
        return NULL;
    case STATE_NO:
        snprintf(why, why_size, "\"%.40s\" stands for nobody that kmcp has named; ask again for who is meant",
                 token);
        return NULL;
    case STATE_YES:
        break;
    }
    if (record.len >= DIGEST_SEAL_EXTRA && (plain = arena_alloc(a, record.len - DIGEST_SEAL_EXTRA + 1)) &&
        !digest_open(p->key, (const uint8_t *)record.value, record.len, (uint8_t *)plain))
        plain = NULL;
    free(record.value);
    if (!plain)
        snprintf(why, why_size, "\"%.40s\" cannot be opened; pseudonym.key is not the one it was made with",
                 token);
    return plain;
}

/* ---- what one call named: an open table of tokens over one run of values ---- */

#define MAP_MAX ((size_t)1 << 20)

struct slot {
    uint64_t token; /* the digits, and 1 for the kind: never 0 */
    uint32_t at;    /* into the values */
};

struct pseudo_map {
    struct slot *slots;
    size_t n, cap;
    char *values;
    size_t len, room;
};

struct pseudo_map *pseudo_map_new(void)
{
    return calloc(1, sizeof(struct pseudo_map));
}

void pseudo_map_free(struct pseudo_map *m)
{
    if (!m)
        return;
    if (m->values)
        digest_wipe(m->values, m->len);
    free(m->values);
    free(m->slots);
    free(m);
}

/* 48 bits of digits under 3 bits of kind. */
static uint64_t number_of(const char *token)
{
    const char *colon = strchr(token, ':');
    char digits[DIGITS + 1];
    uint64_t kind = 0;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(token, kinds[i], (size_t)(colon - token)) == 0 && !kinds[i][colon - token])
            kind = i + 1;
    memcpy(digits, colon + 1, DIGITS);
    digits[DIGITS] = '\0';
    return kind << 48 | strtoull(digits, NULL, 16);
}

static struct slot *find_slot(const struct pseudo_map *m, uint64_t token)
{
    size_t at = (size_t)(token * 0x9E3779B97F4A7C15u >> 20) % m->cap;

    while (m->slots[at].token && m->slots[at].token != token)
        at = (at + 1) % m->cap;
    return &m->slots[at];
}

static bool grow_slots(struct pseudo_map *m)
{
    struct pseudo_map old = *m;

    if (2 * (m->n + 1) <= m->cap)
        return true;
    m->cap = old.cap ? 2 * old.cap : 256;
    m->slots = m->n < MAP_MAX ? calloc(m->cap, sizeof *m->slots) : NULL;
    if (!m->slots) {
        *m = old;
        return false;
    }
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].token)
            *find_slot(m, old.slots[i].token) = old.slots[i];
    free(old.slots);
    return true;
}

void pseudo_map_add(struct pseudo_map *m, const char *token, const char *value)
{
    uint64_t number = number_of(token);
    size_t len = strlen(value) + 1;
    struct slot *slot;

    if (!grow_slots(m))
        return;
    slot = find_slot(m, number);
    if (slot->token || len > VALUE_MAX)
        return;
    if (m->len + len > m->room) {
        size_t room = m->room ? 2 * m->room : 8192;
        char *grown = room > UINT32_MAX ? NULL : realloc(m->values, room);

        if (!grown)
            return;
        m->values = grown;
        m->room = room;
    }
    memcpy(m->values + m->len, value, len);
    *slot = (struct slot){ number, (uint32_t)m->len };
    m->len += len;
    m->n++;
}

struct batch {
    struct state_new rows[BATCH];
    char tokens[BATCH][PSEUDONYM_MAX];
    uint8_t sealed[BATCH][VALUE_MAX + DIGEST_SEAL_EXTRA];
    size_t n;
};

static bool flush(struct pseudonyms *p, struct batch *b)
{
    size_t n = b->n;

    b->n = 0;
    return !n || state_add(p->state, SPACE, b->rows, n) != STATE_LOST;
}

bool pseudo_map_keep(struct pseudonyms *p, const struct pseudo_map *m, const char *text)
{
    struct batch *b = m->n ? calloc(1, sizeof *b) : NULL;
    bool ok = b || !m->n;

    for (const char *at = b ? strchr(text, ':') : NULL; at && ok; at = strchr(at + 1, ':')) {
        const char *from = at;
        const struct slot *slot;
        size_t len, value_len;

        while (from > text && from[-1] >= 'a' && from[-1] <= 'z')
            from--;
        if (!(len = pseudonym_at(from)) || !(slot = find_slot(m, number_of(from)))->token)
            continue;
        value_len = strlen(m->values + slot->at);
        memcpy(b->tokens[b->n], from, len);
        b->tokens[b->n][len] = '\0';
        ok = digest_seal(p->key, m->values + slot->at, value_len, b->sealed[b->n]);
        b->rows[b->n] = (struct state_new){ b->tokens[b->n], b->sealed[b->n], value_len + DIGEST_SEAL_EXTRA };
        if (ok && ++b->n == BATCH)
            ok = flush(p, b);
    }
    ok = ok && (!b || flush(p, b));
    free(b);
    return ok;
}
