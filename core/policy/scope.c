/* scope.c - to which calls a rule or a cap applies.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "base/fold.h"
#include "scope.h"

static const struct {
    const char *key;
    const char *facts[4]; /* of the subject; none: of the call */
} keys[SCOPE_KEYS] = {
    [SCOPE_TOOLS] = { "tools", { NULL } },
    [SCOPE_CLASSES] = { "classes", { NULL } },
    [SCOPE_PRINCIPALS] = { "principals", { NULL } },
    [SCOPE_TRANSPORTS] = { "transports", { NULL } },
    [SCOPE_DEVICES] = { "devices", { "id", "serial", "name", NULL } },
    [SCOPE_USERS] = { "users", { "user", "user_name", NULL } },
    [SCOPE_BLUEPRINTS] = { "blueprints", { "blueprint", "blueprint_id", NULL } },
    [SCOPE_TAGS] = { "tags", { "tag", NULL } },
    [SCOPE_PLATFORMS] = { "platforms", { "platform", NULL } },
};

const char *case_fact(const struct policy_case *c, size_t subject, const char *name, size_t i)
{
    if (strcmp(name, "id") == 0)
        return i == 0 && subject < c->n_subjects ? c->ids[subject] : NULL;
    for (size_t k = 0; k < c->n_facts; k++)
        if (c->facts[k].subject == subject && strcmp(c->facts[k].name, name) == 0 && *c->facts[k].value &&
            i-- == 0)
            return c->facts[k].value;
    return NULL;
}

int case_says(const struct policy_case *c, size_t subject, const char *name)
{
    if (strcmp(name, "id") == 0)
        return subject < c->n_subjects;
    for (size_t k = 0; k < c->n_facts; k++)
        if (c->facts[k].subject == subject && strcmp(c->facts[k].name, name) == 0)
            return 1;
    return 0;
}

/* Does WORD, which may hold *, match the whole TEXT? */
static bool matches(struct fold word, struct fold text)
{
    uint32_t c;

    while ((c = fold_next(&word))) {
        if (c == '*') {
            do
                if (matches(word, text))
                    return true;
            while (fold_next(&text));
            return false;
        }
        if (fold_next(&text) != c)
            return false;
    }
    return !fold_next(&text);
}

static bool word_matches(const char *word, size_t len, const char *text)
{
    static const char space[] = " \t\n";
    size_t n;

    text += strspn(text, space);
    for (n = strlen(text); n && strchr(space, text[n - 1]);)
        n--;
    return matches(fold_begin(word, len), fold_begin(text, n));
}

/* The bytes up to the quote that ends the word, or 0: an apostrophe within or before it is none. */
static size_t quoted(const char *word)
{
    const char *close = word;

    while (*word == '\'' && (close = strchr(close + 1, '\''))) {
        size_t space = strspn(close + 1, " \t");

        if (!close[1 + space] || close[1 + space] == ',')
            return (size_t)(close - word);
    }
    return 0;
}

const char *scope_next(const char **list, size_t *len)
{
    const char *word = *list;
    size_t n;

    word += strspn(word, " \t,");
    if (!*word)
        return NULL;
    n = quoted(word);
    if (n) {
        *list = word + n + 1;
        word++;
        n--;
    } else {
        n = strcspn(word, ",");
        *list = word + n;
    }
    while (n && (*word == ' ' || *word == '\t')) {
        word++;
        n--;
    }
    while (n && (word[n - 1] == ' ' || word[n - 1] == '\t'))
        n--;
    *len = n;
    return word;
}

bool scope_word(const char *words, const char *text)
{
    const char *word;
    size_t len;

    while ((word = scope_next(&words, &len)))
        if (word_matches(word, len, text))
            return true;
    return false;
}

/* Could the word, of which * is any text, match something that begins with PREFIX and goes on? REST gets what
 * is left of the word for that. */
static bool can_begin(const char *word, size_t len, const char *prefix, const char **rest)
{
    for (; len && *prefix; word++, len--, prefix++) {
        char a = *word >= 'A' && *word <= 'Z' ? (char)(*word + 32) : *word;

        if (a == '*')
            break;
        if (a != *prefix)
            return false;
    }
    *rest = word;
    return len > 0;
}

/* local:UID(NAME) and http:NAME are all there are. */
bool scope_is_principal(const char *text, size_t len, char *why, size_t why_size)
{
    const char *rest;

    snprintf(why, why_size, "\"%.*s\" can never be who asks: that is local:UID(NAME) or http:NAME", (int)len,
             text);
    if (can_begin(text, len, "http:", &rest))
        return true;
    return can_begin(text, len, "local:", &rest) && (*rest == '*' || (*rest >= '0' && *rest <= '9')) &&
           (text[len - 1] == ')' || memchr(rest, '*', len - (size_t)(rest - text)));
}

static bool can_be_transport(const char *word, size_t len)
{
    static const char *const transports[] = { "stdio", "http", "command line" };

    for (size_t i = 0; i < sizeof transports / sizeof *transports; i++)
        if (word_matches(word, len, transports[i]))
            return true;
    return false;
}

/* A word that could never match is a mistake, and most likely in a rule that was to deny. */
static bool check_word(struct config *c, int line, enum scope_key key, const char *word, size_t len)
{
    static const char *const classes[] = { "READ", "REVEAL", "WRITE", "DESTROY" };
    size_t stars = 0, i = 0;
    char why[300];

    for (size_t k = 0; k < len; k++)
        stars += word[k] == '*';
    if (stars > 3)
        return config_fail(c, line, "\"%.*s\" has more than three *; use fewer", (int)len, word);
    if (key == SCOPE_PRINCIPALS && !scope_is_principal(word, len, why, sizeof why))
        return config_fail(c, line, "%s, and * stands for anything", why);
    if (key == SCOPE_TRANSPORTS && !can_be_transport(word, len))
        return config_fail(c, line, "\"%.*s\" is no transport; stdio, http and command line are", (int)len,
                           word);
    while (key == SCOPE_CLASSES && i < 4 &&
           (strlen(classes[i]) != len || strncmp(classes[i], word, len) != 0))
        i++;
    return i < 4 ? true
                 : config_fail(c, line, "\"%.*s\" is no safety class; READ, REVEAL, WRITE and DESTROY are",
                               (int)len, word);
}

static bool check_words(struct config *c, const char *section, enum scope_key key, const char *words)
{
    const struct config_entry *e = config_find(c, section, keys[key].key);
    const char *word, *rest = words;
    size_t len, n = 0;

    for (; (word = scope_next(&rest, &len)); n++)
        if (!check_word(c, e->line, key, word, len))
            return false;
    return n ? true
             : config_fail(c, e->line, "\"%s\" names nothing; leave it out or fill it in", keys[key].key);
}

bool scope_read(struct scope *s, struct config *c, const char *section)
{
    const char *when = config_str(c, section, "when", NULL);

    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < SCOPE_KEYS; i++) {
        s->words[i] = config_str(c, section, keys[i].key, NULL);
        if (s->words[i] && !check_words(c, section, (enum scope_key)i, s->words[i]))
            return false;
    }
    if (when) {
        char why[200];

        s->when = window_read(when, why, sizeof why);
        if (!s->when)
            return config_fail(c, config_find(c, section, "when")->line, "\"when\": %s", why);
    }
    return !c->error[0];
}

const char *scope_key_name(size_t i)
{
    return i < SCOPE_KEYS ? keys[i].key : i == SCOPE_KEYS ? "when" : NULL;
}

void scope_free(struct scope *s)
{
    window_free(s->when);
    s->when = NULL;
}

const char *scope_class_name(kmcp_safety safety)
{
    static const char *const classes[] = { "UNSET", "READ", "REVEAL", "WRITE", "DESTROY" };

    return classes[safety <= KMCP_DESTROY ? safety : 0];
}

static bool call_holds(const char *words, const struct policy_case *c, enum scope_key key)
{
    const char *text = key == SCOPE_TOOLS        ? c->tool
                       : key == SCOPE_CLASSES    ? scope_class_name(c->safety)
                       : key == SCOPE_PRINCIPALS ? c->principal
                                                 : c->transport;

    return text && scope_word(words, text);
}

static bool subject_holds(const char *words, const struct policy_case *c, size_t subject, enum scope_key key,
                          bool unknown)
{
    bool said = false;

    for (const char *const *fact = keys[key].facts; *fact; fact++) {
        const char *value;

        said = said || (case_says(c, subject, *fact) && strcmp(*fact, "id") != 0);
        for (size_t i = 0; (value = case_fact(c, subject, *fact, i)); i++)
            if (scope_word(words, value))
                return true;
    }
    return said ? false : unknown;
}

bool scope_holds(const struct scope *s, const struct policy_case *c, size_t subject, bool unknown,
                 const char **why)
{
    for (size_t i = 0; i < SCOPE_KEYS; i++) {
        if (!s->words[i])
            continue;
        if (keys[i].facts[0] ? subject_holds(s->words[i], c, subject, (enum scope_key)i, unknown)
                             : call_holds(s->words[i], c, (enum scope_key)i))
            continue;
        if (why)
            *why = keys[i].key;
        return false;
    }
    if (s->when && !window_holds(s->when, c->now_ms, unknown)) {
        if (why)
            *why = "when";
        return false;
    }
    return true;
}

bool scope_covers(const struct scope *s, const char *tool, kmcp_safety safety, bool *surely)
{
    *surely = !s->when;
    for (size_t i = 0; i < SCOPE_KEYS; i++)
        if (s->words[i] && i != SCOPE_TOOLS && i != SCOPE_CLASSES)
            *surely = false;
    return (!s->words[SCOPE_TOOLS] || scope_word(s->words[SCOPE_TOOLS], tool)) &&
           (!s->words[SCOPE_CLASSES] || scope_word(s->words[SCOPE_CLASSES], scope_class_name(safety)));
}

bool scope_wants(const struct scope *s, const char *name)
{
    for (size_t i = 0; i < SCOPE_KEYS; i++)
        for (const char *const *fact = keys[i].facts; s->words[i] && *fact; fact++)
            if (strcmp(*fact, name) == 0)
                return true;
    return false;
}

bool scope_has_subjects(const struct scope *s)
{
    for (size_t i = 0; i < SCOPE_KEYS; i++)
        if (s->words[i] && keys[i].facts[0])
            return true;
    return false;
}
