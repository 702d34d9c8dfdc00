/* mask.c - hides declared fields of a reply, remembers what they held, and tests rows on it.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/fold.h"
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

/* The API writes some answers as words; they name nobody, and sentences need them. */
static bool is_answer(const char *value)
{
    static const char *const words[] = { "yes", "no", "true", "false", "none", "unknown" };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (text_casecmp(value, words[i]) == 0)
            return true;
    return false;
}

bool mask_remember(struct mask_seen *seen, const char *value, const char *name)
{
    if (!seen || strlen(value) < 2 || is_answer(value) || seen->n >= MASK_SEEN_MAX)
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

bool mask_resolve(struct mask_seen *seen, const char *value, const char *name)
{
    struct mask_resolved *r = seen->resolved;

    while (r && strcmp(r->value, value) != 0)
        r = r->next;
    if (!r && (r = arena_alloc(seen->arena, sizeof *r))) {
        *r = (struct mask_resolved){ arena_strdup(seen->arena, value), name, false, seen->resolved };
        if (r->value)
            seen->resolved = r;
    }
    return r && r->value && mask_remember(seen, value, name);
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
        return text && hide(m, text, &stands) && (!stands || json_replace_str(m->arena, value, stands));
    }
    for (const kmcp_json *item = json_first(value); item; item = json_next(item)) {
        m->field = json_key(item) ? json_key(item) : outer;
        if (!cover(m, (kmcp_json *)(uintptr_t)item))
            return false;
    }
    m->field = outer;
    return true;
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

/* TEXT stands in a field of nobody's. */
static void note_ordinary(const struct mask_seen *seen, const char *text)
{
    for (struct mask_resolved *r = seen ? seen->resolved : NULL; r && text; r = r->next)
        if (!r->ordinary && find_value(text, r->value))
            r->ordinary = true;
}

static bool walk(struct masker *m, kmcp_json *value, const char *parent)
{
    if (m->seen && m->seen->resolved)
        note_ordinary(m->seen, json_str(value));
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

    if (!fields && seen && seen->resolved)
        m.fields = "";
    return !m.fields || !reply || walk(&m, reply, NULL);
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

/* ---- many values in one text, in one pass over it ---- */

struct finder {
    const char *const *values, *const *names;
    uint16_t first[256]; /* by the first byte, in lower case: 1 + the index of one that begins so; 0: none */
    uint16_t next[MASK_SEEN_MAX];
};

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static void finder_init(struct finder *f, const char *const *values, const char *const *names, size_t n)
{
    memset(f->first, 0, sizeof f->first);
    f->values = values;
    f->names = names;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = lower(values[i][0]);

        f->next[i] = f->first[c];
        f->first[c] = (uint16_t)(i + 1);
    }
}

/* The length of VALUE if it stands at AT of TEXT, or 0. */
static size_t stands_at(const char *text, const char *at, const char *value)
{
    size_t n = 0;

    while (value[n] && lower(at[n]) == lower(value[n]))
        n++;
    if (value[n] || (n < SHORT_VALUE && ((at > text && is_word(at[-1])) || is_word(at[n]))))
        return 0;
    return n;
}

/* TEXT with the longest value at each place replaced. False: out of memory. *HITS: how many there were. */
static bool replace_all(struct buf *out, const struct finder *f, const char *text, size_t *hits)
{
    const char *from = text;

    *hits = 0;
    for (const char *at = text; *at;) {
        size_t best = 0, len;
        unsigned i, found = 0;

        for (i = f->first[lower(*at)]; i; i = f->next[i - 1])
            if ((len = stands_at(text, at, f->values[i - 1])) > best) {
                best = len;
                found = i;
            }
        if (!found) {
            at++;
            continue;
        }
        ++*hits;
        buf_add(out, from, (size_t)(at - from));
        buf_puts(out, f->names[found - 1] ? f->names[found - 1] : MASK_PERSON);
        from = at += best;
    }
    return buf_puts(out, from);
}

char *mask_scrub(struct arena *a, const struct mask_seen *seen, const char *text)
{
    struct buf values, out;
    struct finder f;
    size_t hits;
    char *made;

    buf_init(&values, 1 << 20);
    buf_init(&out, 1 << 20);
    finder_init(&f, seen->values, seen->names, seen->n);
    replace_all(&values, &f, text, &hits);
    if (values.data)
        scrub_addresses(&out, values.data);
    made = values.failed || out.failed ? NULL : arena_strdup(a, out.data ? out.data : "");
    buf_free(&values);
    buf_free(&out);
    return made;
}

#define RESOLVED_MAX 256 /* in one call: what its arguments named */

const char *mask_rename(struct arena *a, const struct mask_seen *seen, const char *text)
{
    const char *values[RESOLVED_MAX], *names[RESOLVED_MAX], *made = text;
    struct finder f;
    struct buf out;
    size_t n = 0, hits;

    for (const struct mask_resolved *r = seen->resolved; r; r = r->next)
        if (!r->ordinary) {
            if (n == RESOLVED_MAX)
                return NULL;
            values[n] = r->value;
            names[n++] = r->name;
        }
    if (!n)
        return text;
    finder_init(&f, values, names, n);
    buf_init(&out, 64 << 20);
    if (!replace_all(&out, &f, text, &hits))
        made = NULL;
    else if (hits)
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
               ? fold_contains(text, where->value)
               : fold_compare(text, where->value) == 0;
}
