/* mask.c - hides declared fields of a reply, remembers what they held, and tests rows on it.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "mask.h"

struct masker {
    struct arena *arena;
    const char *fields, *mask; /* MASK NULL: only collect */
    struct mask_seen *seen;
    const char *(*swap)(void *arg, const char *field, const char *value);
    void *swap_arg;
    const char *field; /* whose value it is */
};

/* Does FIELDS name KEY, or PARENT.KEY? */
static bool named(const char *fields, const char *parent, const char *key)
{
    size_t key_len = strlen(key), parent_len = parent ? strlen(parent) : 0;

    for (const char *word = fields; *word;) {
        size_t len = strcspn(word, " ");
        const char *dot = memchr(word, '.', len);
        const char *last = dot ? dot + 1 : word;

        if ((size_t)(word + len - last) == key_len && memcmp(last, key, key_len) == 0 &&
            (!dot || ((size_t)(dot - word) == parent_len && memcmp(word, parent, parent_len) == 0)))
            return true;
        word += len;
        word += *word == ' ';
    }
    return false;
}

static bool remember(struct mask_seen *seen, const char *value)
{
    if (!seen || strlen(value) < 4 || seen->n >= MASK_SEEN_MAX)
        return true;
    for (size_t i = 0; i < seen->n && i < 64; i++) /* the usual few repeat; more is not worth searching */
        if (strcmp(seen->values[i], value) == 0)
            return true;
    if (seen->n == seen->cap) {
        size_t cap = seen->cap ? 2 * seen->cap : 32;
        const char **grown = arena_alloc(seen->arena, cap * sizeof *grown);

        if (!grown)
            return false;
        if (seen->n)
            memcpy(grown, seen->values, seen->n * sizeof *grown);
        seen->values = grown;
        seen->cap = cap;
    }
    seen->values[seen->n] = arena_strdup(seen->arena, value);
    return seen->values[seen->n++] != NULL;
}

/* What stands for TEXT; NULL: it stays. */
static const char *cover_of(const struct masker *m, const char *text)
{
    const char *swapped = m->swap ? m->swap(m->swap_arg, m->field, text) : NULL;

    return swapped ? swapped : m->mask;
}

/* Everything under VALUE. */
static bool cover(struct masker *m, kmcp_json *value)
{
    uint32_t kind = json_kind(value);
    const char *text = json_str(value);

    if (kind == KMCP_JSON_STRING) {
        if (!*text)
            return true;
        return remember(m->seen, text) && (!m->mask || json_replace_str(m->arena, value, cover_of(m, text)));
    }
    if (kind == KMCP_JSON_NUMBER) { /* a boolean names nobody and opens nothing */
        text = json_text(m->arena, value);
        return text && remember(m->seen, text) &&
               (!m->mask || json_become_str(m->arena, value, cover_of(m, text)));
    }
    for (const kmcp_json *item = json_first(value); item; item = json_next(item))
        if (!cover(m, (kmcp_json *)(uintptr_t)item))
            return false;
    return true;
}

static bool walk(struct masker *m, kmcp_json *value, const char *parent)
{
    for (const kmcp_json *item = json_first(value); item; item = json_next(item)) {
        const char *key = json_key(item);
        kmcp_json *inner = (kmcp_json *)(uintptr_t)item;

        m->field = key ? key : m->field;
        if (key && named(m->fields, parent, key) ? !cover(m, inner) : !walk(m, inner, key ? key : parent))
            return false;
    }
    return true;
}

bool mask_apply(struct arena *a, kmcp_json *reply, const char *fields, const char *mask,
                struct mask_seen *seen)
{
    struct masker m = { .arena = a, .fields = fields, .mask = mask, .seen = seen };

    return !fields || !reply || walk(&m, reply, NULL);
}

bool mask_swap(struct arena *a, kmcp_json *reply, const char *fields,
               const char *(*swap)(void *arg, const char *field, const char *value), void *arg)
{
    struct masker m = { .arena = a, .fields = fields, .mask = MASK_SECRET, .swap = swap, .swap_arg = arg };

    return !fields || !reply || walk(&m, reply, NULL);
}

bool mask_collect(const kmcp_json *reply, const char *fields, struct mask_seen *seen)
{
    struct masker m = { .arena = seen->arena, .fields = fields, .seen = seen };

    return !fields || !reply || walk(&m, (kmcp_json *)(uintptr_t)reply, NULL);
}

/* Words with an '@' in them: addresses that no field declared, in words the service chose. */
static void scrub_addresses(struct buf *out, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, " \t\n\"'<>(),;"), gap;

        if (memchr(text, '@', len))
            buf_puts(out, MASK_PERSON);
        else
            buf_add(out, text, len);
        text += len;
        gap = strspn(text, " \t\n\"'<>(),;");
        buf_add(out, text, gap);
        text += gap;
    }
}

char *mask_scrub(struct arena *a, const struct mask_seen *seen, const char *text)
{
    struct buf values, out;
    char *made;

    buf_init(&values, 1 << 20);
    buf_init(&out, 1 << 20);
    while (*text) {
        const char *hit = NULL;
        size_t hit_len = 0;

        for (size_t i = 0; i < seen->n; i++) {
            const char *at = text_casestr(text, seen->values[i]);

            if (at && (!hit || at < hit || (at == hit && strlen(seen->values[i]) > hit_len))) {
                hit = at;
                hit_len = strlen(seen->values[i]);
            }
        }
        buf_add(&values, text, hit ? (size_t)(hit - text) : strlen(text));
        if (!hit)
            break;
        buf_puts(&values, MASK_PERSON);
        text = hit + hit_len;
    }
    if (values.data)
        scrub_addresses(&out, values.data);
    made = values.failed || out.failed ? NULL : arena_strdup(a, out.data ? out.data : "");
    buf_free(&values);
    buf_free(&out);
    return made;
}

/* The first of the fields "a|b.c|d" that ROW has. */
static const kmcp_json *pick(const kmcp_json *row, const char *field)
{
    while (*field) {
        size_t len = strcspn(field, "|");
        const char *dot = memchr(field, '.', len);
        const kmcp_json *value;
        char parent[64], key[64];

        snprintf(parent, sizeof parent, "%.*s", (int)(dot ? dot - field : 0), field);
        snprintf(key, sizeof key, "%.*s", (int)(dot ? field + len - dot - 1 : (ptrdiff_t)len),
                 dot ? dot + 1 : field);
        value = json_get(dot ? json_get(row, parent) : row, key);
        if (value)
            return value;
        field += len;
        field += *field == '|';
    }
    return NULL;
}

bool mask_where(const kmcp_json *row, const struct kmcp_where *where)
{
    const kmcp_json *value = pick(row, where->field);
    const char *text = json_str(value);
    bool flag;

    if (!where->value)
        return true;
    if (where->op == KMCP_WHERE_HAS) {
        for (const kmcp_json *item = json_first(value); item; item = json_next(item))
            if (json_str(item) && text_casecmp(json_str(item), where->value) == 0)
                return true;
        return false;
    }
    if (json_bool(value, &flag))
        text = flag ? "true" : "false";
    if (!text)
        return false;
    return where->op == KMCP_WHERE_CONTAINS ? text_casestr(text, where->value) != NULL
                                            : text_casecmp(text, where->value) == 0;
}
