/* config.c - the INI file, with line numbers, nothing cut and nothing overlooked: inih behind our own line
 * reader. SPDX-License-Identifier: Apache-2.0
 *
 * inih (as Debian builds it) cuts lines at 200 bytes and section names at 49, joins indented lines to the key
 * before, and tells its handler no line number. So a reader of our own hands it one logical line at a time,
 * shortened keys and values replaced by the text we cut out ourselves: inih decides what a section, a key and
 * a value are; the value's bytes come from our own copy of the line.
 */

#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "text.h"

#define LINE_LIMIT    4000
#define SECTION_LIMIT 48
#define ENTRIES_MAX   1000 /* keys, and sections: looked up one by one */

struct reader {
    struct config *c;
    const char *text, *end;
    int line;
    char section[SECTION_LIMIT + 1];
    char value[LINE_LIMIT + 1]; /* of the line inih is looking at, whole */
};

bool config_fail(struct config *c, int line, const char *fmt, ...)
{
    va_list args;
    int n;

    if (c->error[0])
        return false;
    n = line > 0 ? snprintf(c->error, sizeof c->error, "%s:%d: ", c->file, line)
                 : snprintf(c->error, sizeof c->error, "%s: ", c->file);
    va_start(args, fmt);
    if (n > 0 && (size_t)n < sizeof c->error)
        vsnprintf(c->error + n, sizeof c->error - (size_t)n, fmt, args);
    va_end(args);
    return false;
}

static char *copy(const char *text, size_t len)
{
    char *made = calloc(1, len + 1);

    if (made)
        memcpy(made, text, len);
    return made;
}

static bool add_section(struct config *c, const char *name, int line)
{
    for (size_t i = 0; i < c->n_sections; i++)
        if (strcmp(c->sections[i].name, name) == 0)
            return config_fail(c, line, "section [%s] is here a second time (first in line %d); keep one",
                               name, c->sections[i].line);
    if (c->n_sections == ENTRIES_MAX)
        return config_fail(c, line, "more than %d sections; remove some", ENTRIES_MAX);
    void *grown = realloc(c->sections, (c->n_sections + 1) * sizeof *c->sections);

    if (!grown)
        return config_fail(c, line, "out of memory");
    c->sections = grown;
    c->sections[c->n_sections].name = copy(name, strlen(name));
    c->sections[c->n_sections].line = line;
    return c->sections[c->n_sections++].name ? true : config_fail(c, line, "out of memory");
}

/* The value as written: comment, white space and one pair of double quotes taken off. */
static bool take_value(struct reader *r, const char *from, size_t len)
{
    size_t n = 0;

    while (len && (*from == ' ' || *from == '\t')) {
        from++;
        len--;
    }
    if (len && *from == '"') {
        const char *close = memchr(from + 1, '"', len - 1);
        const char *rest = close ? close + 1 : NULL;

        if (!close)
            return config_fail(r->c, r->line, "a value that begins with a double quote must end with one");
        while (rest < from + len && (*rest == ' ' || *rest == '\t'))
            rest++;
        if (rest < from + len && *rest != ';')
            return config_fail(r->c, r->line, "there is text after the closing double quote; remove it");
        n = (size_t)(close - from - 1);
        memcpy(r->value, from + 1, n);
    } else {
        while (n < len && !(from[n] == ';' && (n == 0 || from[n - 1] == ' ' || from[n - 1] == '\t')))
            n++;
        while (n && (from[n - 1] == ' ' || from[n - 1] == '\t'))
            n--;
        memcpy(r->value, from, n);
    }
    r->value[n] = '\0';
    return true;
}

/* What inih gets to see of one line: white space trimmed, the value replaced by a placeholder. */
static bool prepare(struct reader *r, const char *line, size_t len, char *out, size_t size)
{
    const char *equals = memchr(line, '=', len);
    size_t key;

    if (len && *line == '[') {
        const char *close = memchr(line, ']', len);

        if (!close || (size_t)(close - line) - 1 > SECTION_LIMIT)
            return config_fail(r->c, r->line,
                               close ? "section name over %d bytes" : "a section line needs a closing ]",
                               SECTION_LIMIT);
        snprintf(out, size, "%.*s\n", (int)(close - line) + 1, line);
        return true;
    }
    if (!len || *line == ';' || *line == '#') {
        snprintf(out, size, "\n");
        return true;
    }
    if (!equals)
        return config_fail(r->c, r->line, "expected \"key = value\" or \"[section]\", got \"%.*s\"",
                           len > 40 ? 40 : (int)len, line);
    key = (size_t)(equals - line);
    while (key && (line[key - 1] == ' ' || line[key - 1] == '\t'))
        key--;
    if (!key || key > SECTION_LIMIT)
        return config_fail(r->c, r->line,
                           key ? "key over %d bytes" : "there is no key before the =", SECTION_LIMIT);
    if (!take_value(r, equals + 1, len - (size_t)(equals - line) - 1))
        return false;
    snprintf(out, size, "%.*s = x\n", (int)key, line);
    return true;
}

/* inih's fgets: the next line, or NULL at the end and after an error. */
static char *next_line(char *out, int size, void *arg)
{
    struct reader *r = arg;
    const char *line = r->text, *stop;
    size_t len;

    if (r->c->error[0] || line >= r->end)
        return NULL;
    stop = memchr(line, '\n', (size_t)(r->end - line));
    len = (size_t)((stop ? stop : r->end) - line);
    r->text = stop ? stop + 1 : r->end;
    r->line++;
    if (len && line[len - 1] == '\r')
        len--;
    if (len > LINE_LIMIT) {
        config_fail(r->c, r->line, "line over %d bytes; shorten it", LINE_LIMIT);
        return NULL;
    }
    if (!text_is_utf8(line, len) || memchr(line, '\0', len)) {
        config_fail(r->c, r->line, "the line is not UTF-8 text; save the file as UTF-8");
        return NULL;
    }
    while (len && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    while (len && (line[len - 1] == ' ' || line[len - 1] == '\t'))
        len--;
    return prepare(r, line, len, out, (size_t)size) ? out : NULL;
}

static int on_entry(void *user, const char *section, const char *key, const char *ignored)
{
    struct reader *r = user;
    struct config *c = r->c;
    void *grown;

    (void)ignored;
    if (!*section)
        return config_fail(c, r->line, "key \"%s\" stands before any [section]", key);
    for (size_t i = 0; i < c->n_entries; i++)
        if (strcmp(c->entries[i].section, section) == 0 && strcmp(c->entries[i].key, key) == 0)
            return config_fail(c, r->line, "\"%s\" is set a second time in [%s] (first in line %d); keep one",
                               key, section, c->entries[i].line);
    if (c->n_entries == ENTRIES_MAX)
        return config_fail(c, r->line, "more than %d keys; remove some", ENTRIES_MAX);
    grown = realloc(c->entries, (c->n_entries + 1) * sizeof *c->entries);
    if (!grown)
        return config_fail(c, r->line, "out of memory");
    c->entries = grown;
    c->entries[c->n_entries] = (struct config_entry){
        .section = copy(section, strlen(section)),
        .key = copy(key, strlen(key)),
        .value = copy(r->value, strlen(r->value)),
        .line = r->line,
    };
    c->n_entries++;
    return c->entries[c->n_entries - 1].section && c->entries[c->n_entries - 1].key &&
                   c->entries[c->n_entries - 1].value
               ? 1
               : config_fail(c, r->line, "out of memory");
}

/* inih says nothing of sections without keys; [plugin devices] is one. */
static bool read_sections(struct config *c, const char *text, size_t len)
{
    const char *end = text + len;
    int line = 0;

    while (text < end && !c->error[0]) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        const char *close;
        char name[SECTION_LIMIT + 2];
        size_t n;

        stop = stop ? stop : end;
        line++;
        while (text < stop && (*text == ' ' || *text == '\t'))
            text++;
        close = text < stop && *text == '[' ? memchr(text, ']', (size_t)(stop - text)) : NULL;
        if (close) {
            n = (size_t)(close - text) - 1;
            if (n > SECTION_LIMIT)
                return config_fail(c, line, "section name over %d bytes", SECTION_LIMIT);
            memcpy(name, text + 1, n);
            name[n] = '\0';
            for (text = close + 1; text < stop && (*text == ' ' || *text == '\t' || *text == '\r'); text++)
                ;
            if (text < stop && *text != ';' && *text != '#')
                return config_fail(c, line,
                                   "there is text after the section's ]; put it on a line of its own");
            add_section(c, name, line);
        }
        text = stop < end ? stop + 1 : end;
    }
    return !c->error[0];
}

bool config_parse(struct config *c, const char *name, const char *text, size_t len)
{
    struct reader *r = calloc(1, sizeof *r);
    int rc;

    memset(c, 0, sizeof *c);
    c->file = copy(name, strlen(name));
    if (!r || !c->file) {
        free(r);
        snprintf(c->error, sizeof c->error, "out of memory");
        return false;
    }
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* a byte order mark some editors write */
        text += 3;
        len -= 3;
    }
    *r = (struct reader){ .c = c, .text = text, .end = text + len };
    rc = ini_parse_stream(next_line, r, on_entry, r);
    if (rc != 0)
        config_fail(c, rc > 0 ? rc : 0, "this line cannot be understood; expected \"key = value\"");
    free(r);
    return !c->error[0] && read_sections(c, text, len);
}

void config_free(struct config *c)
{
    for (size_t i = 0; i < c->n_entries; i++) {
        free((char *)(uintptr_t)c->entries[i].section);
        free((char *)(uintptr_t)c->entries[i].key);
        free((char *)(uintptr_t)c->entries[i].value);
    }
    for (size_t i = 0; i < c->n_sections; i++)
        free((char *)(uintptr_t)c->sections[i].name);
    free(c->entries);
    free(c->sections);
    free((char *)(uintptr_t)c->file);
    free(c->text);
    memset(c, 0, sizeof *c);
}
