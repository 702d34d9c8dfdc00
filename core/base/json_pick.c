/* json_pick.c - parts of a JSON text, found without building its values.  SPDX-License-Identifier: Apache-2.0
 *
 * A page of a list has some twenty members a row, and a question needs three of them. json_project copies
 * those and passes over the rest, still checking every byte; only what it copied is parsed.
 */

#include <string.h>

#include "buf.h"
#include "json_scanner.h"

#define FIELDS_MAX 96

struct field {
    const char *name;
    size_t len;
};

struct projector {
    struct scanner scan;
    struct buf *out;
    size_t copied; /* how much of the text is in OUT, or was left out */
    struct field fields[FIELDS_MAX];
    size_t n;
    bool all; /* more were asked for than there is room for */
};

static void copy_to(struct projector *p, size_t end)
{
    buf_add(p->out, p->scan.text + p->copied, end - p->copied);
    p->copied = end;
}

/* A name with an escape in it may be any; who reads what was copied compares what it means. */
static bool wanted(const struct projector *p, const char *name, size_t len)
{
    if (p->all || memchr(name, '\\', len))
        return true;
    for (size_t i = 0; i < p->n; i++)
        if (p->fields[i].len == len && memcmp(p->fields[i].name, name, len) == 0)
            return true;
    return false;
}

/* At what follows a value: true and past it if it is a comma; false at the end (CLOSE) or a fault. */
static bool next_item(struct scanner *s, char close, bool *good)
{
    json_skip_space(s);
    *good = s->at < s->len && (s->text[s->at] == ',' || s->text[s->at] == close);
    if (!*good) {
        json_scan_bad(s, close == '}' ? "expected , or }" : "expected , or ]");
        return false;
    }
    return s->text[s->at++] == ',';
}

/* True and past it if the object or array at hand is empty. */
static bool is_empty(struct scanner *s, char close)
{
    s->at++;
    json_skip_space(s);
    if (s->at >= s->len || s->text[s->at] != close)
        return false;
    s->at++;
    return true;
}

/* A row: its wanted members are copied. */
static bool project_row(struct projector *p, int depth)
{
    struct scanner *s = &p->scan;
    bool good = true, first = true;

    if (is_empty(s, '}'))
        return true;
    copy_to(p, s->at); /* "{", and white space */
    do {
        size_t name, len;

        if (!json_scan_name(s, &name, &len) || !json_scan_value(s, depth + 1))
            return false;
        if (wanted(p, s->text + name, len)) {
            if (!first)
                buf_putc(p->out, ',');
            first = false;
            buf_add(p->out, s->text + name - 1, s->at - (name - 1));
        }
    } while (next_item(s, '}', &good));
    buf_putc(p->out, '}');
    p->copied = s->at;
    return good;
}

/* Whatever is around the rows is copied whole. */
static bool project_value(struct projector *p, int depth)
{
    struct scanner *s = &p->scan;
    bool good = true;
    char c;

    if (depth > JSON_DEPTH)
        return json_scan_bad(s, "nested too deeply");
    json_skip_space(s);
    c = s->at < s->len ? s->text[s->at] : '\0';
    if (c != '[' && c != '{')
        return json_scan_value(s, depth);
    if (is_empty(s, c == '[' ? ']' : '}'))
        return true;
    do {
        size_t name, len;

        if (c == '{' && !json_scan_name(s, &name, &len))
            return false;
        json_skip_space(s);
        if (c == '[' && s->at < s->len && s->text[s->at] == '{' ? !project_row(p, depth + 1)
            : c == '['                                          ? !json_scan_value(s, depth + 1)
                                                                : !project_value(p, depth + 1))
            return false;
    } while (next_item(s, c == '[' ? ']' : '}', &good));
    return good;
}

bool json_project(struct buf *out, const char *text, size_t len, const char *fields, bool top,
                  struct json_error *error)
{
    struct json_scan found = { 0 };
    struct projector p = { .scan = { .text = text, .len = len, .found = &found, .error = error },
                           .out = out };

    if (error)
        *error = (struct json_error){ 0 };
    while (*fields && p.n < FIELDS_MAX) {
        size_t n = strcspn(fields, " ");

        p.fields[p.n++] = (struct field){ fields, n };
        fields += n;
        fields += *fields == ' ';
    }
    p.all = *fields != '\0';
    json_skip_space(&p.scan);
    top = top && p.scan.at < len && text[p.scan.at] == '{';
    if (!(top ? project_row(&p, 1) : project_value(&p, 1)))
        return false;
    json_skip_space(&p.scan);
    if (p.scan.at != len)
        return json_scan_bad(&p.scan, "trailing bytes");
    copy_to(&p, len);
    if (out->failed)
        return json_scan_bad(&p.scan, "out of memory");
    return true;
}

bool json_raw_member(const char *text, size_t len, const char *key, const char **start, size_t *raw_len)
{
    struct json_scan found = { 0 };
    struct scanner s = { .text = text, .len = len, .found = &found };
    size_t key_len = strlen(key);

    json_skip_space(&s);
    if (s.at >= len || text[s.at] != '{')
        return false;
    s.at++;
    for (;;) {
        size_t name, name_len;

        json_skip_space(&s);
        if (s.at >= len || text[s.at] != '"')
            return false;
        name = s.at + 1;
        if (!json_scan_string(&s))
            return false;
        name_len = s.at - 1 - name;
        json_skip_space(&s);
        s.at++; /* : */
        json_skip_space(&s);
        *start = text + s.at;
        json_scan_value(&s, 1);
        *raw_len = (size_t)(text + s.at - *start);
        if (name_len == key_len && memcmp(text + name, key, key_len) == 0)
            return true;
        json_skip_space(&s);
        if (s.at >= len || text[s.at] != ',')
            return false;
        s.at++;
    }
}
