/* mask.c - hides declared fields of a reply, remembers what they held, and tests rows on it.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_path.h"
#include "base/text.h"
#include "mask.h"

#define SHORT_VALUE 4

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

bool mask_remember(struct mask_seen *seen, const char *value, const char *name)
{
    if (!seen || strlen(value) < 2 || seen->n >= MASK_SEEN_MAX)
        return true;
    for (size_t i = 0; i < seen->n && i < 64; i++) /* the usual few repeat; more is not worth searching */
        if (strcmp(seen->values[i], value) == 0)
            return true;
    if (seen->n == seen->cap) {
        size_t cap = seen->cap ? 2 * seen->cap : 32;
        const char **values = arena_alloc(seen->arena, 2 * cap * sizeof *values);

        if (!values)
            return false;
        if (seen->n) {
            memcpy(values, seen->values, seen->n * sizeof *values);
            memcpy(values + cap, seen->names, seen->n * sizeof *values);
        }
        seen->values = values;
        seen->names = values + cap;
        seen->cap = cap;
    }
    seen->names[seen->n] = name;
    seen->values[seen->n] = arena_strdup(seen->arena, value);
    return seen->values[seen->n++] != NULL;
}

/* What is put in the place of TEXT (NULL: it stays); remembered, if it is a person's. */
static bool hide(struct masker *m, const char *text, const char **stands)
{
    const char *name = NULL;

    if (m->swap) {
        *stands = m->swap(m->swap_arg, m->field, text);
        *stands = *stands ? *stands : m->mask;
        return true;
    }
    if (m->seen && m->seen->name)
        name = m->seen->name(m->seen->name_arg, m->field, text);
    *stands = !m->mask ? NULL : name ? name : m->mask;
    return mask_remember(m->seen, text, name);
}

/* Everything under VALUE. */
static bool cover(struct masker *m, kmcp_json *value)
{
    uint32_t kind = json_kind(value);
    const char *text = json_str(value), *stands, *outer = m->field;

    if (kind == KMCP_JSON_STRING)
        return !*text || (hide(m, text, &stands) && (!stands || json_replace_str(m->arena, value, stands)));
    if (kind == KMCP_JSON_NUMBER) { /* a boolean names nobody and opens nothing */
        text = json_text(m->arena, value);
        return text && hide(m, text, &stands) && (!stands || json_become_str(m->arena, value, stands));
    }
    for (const kmcp_json *item = json_first(value); item; item = json_next(item)) {
        m->field = json_key(item) ? json_key(item) : outer;
        if (!cover(m, (kmcp_json *)(uintptr_t)item))
            return false;
    }
    m->field = outer;
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

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80);
}

/* Where VALUE stands in TEXT; a short one ("Li", "Ana") only as a word of its own. */
static const char *find_value(const char *text, const char *value)
{
    size_t len = strlen(value);
    const char *at = text_casestr(text, value);

    while (len < SHORT_VALUE && at && ((at > text && is_word(at[-1])) || is_word(at[len])))
        at = text_casestr(at + 1, value);
    return at;
}

/* The leftmost value of SEEN in TEXT, the longest of those; -1: none. */
static int leftmost(const struct mask_seen *seen, const char *text, bool named_only, const char **where)
{
    int found = -1;

    *where = NULL;
    for (size_t i = 0; i < seen->n; i++) {
        const char *at = named_only && !seen->names[i] ? NULL : find_value(text, seen->values[i]);

        if (at && (!*where || at < *where ||
                   (at == *where && strlen(seen->values[i]) > strlen(seen->values[found])))) {
            *where = at;
            found = (int)i;
        }
    }
    return found;
}

static bool replace_seen(struct buf *out, const struct mask_seen *seen, const char *text, bool named_only)
{
    const char *hit;
    int i;

    while ((i = leftmost(seen, text, named_only, &hit)) >= 0) {
        buf_add(out, text, (size_t)(hit - text));
        buf_puts(out, seen->names[i] ? seen->names[i] : MASK_PERSON);
        text = hit + strlen(seen->values[i]);
    }
    return buf_puts(out, text);
}

char *mask_scrub(struct arena *a, const struct mask_seen *seen, const char *text)
{
    struct buf values, out;
    char *made;

    buf_init(&values, 1 << 20);
    buf_init(&out, 1 << 20);
    replace_seen(&values, seen, text, false);
    if (values.data)
        scrub_addresses(&out, values.data);
    made = values.failed || out.failed ? NULL : arena_strdup(a, out.data ? out.data : "");
    buf_free(&values);
    buf_free(&out);
    return made;
}

const char *mask_rename(struct arena *a, const struct mask_seen *seen, const char *text)
{
    const char *hit, *made = NULL;
    struct buf out;

    if (leftmost(seen, text, true, &hit) < 0)
        return text;
    buf_init(&out, 64 << 20);
    if (replace_seen(&out, seen, text, true))
        made = arena_strdup(a, out.data);
    buf_free(&out);
    return made;
}

bool mask_where(const kmcp_json *row, const struct kmcp_where *where, const char *whole)
{
    const kmcp_json *value = json_path(row, where->field);
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
    return where->op == KMCP_WHERE_CONTAINS && !json_path_is_under(whole, where->field)
               ? text_casestr(text, where->value) != NULL
               : text_casecmp(text, where->value) == 0;
}
