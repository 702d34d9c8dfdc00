/* uri.c - resource URIs and their templates.  SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "text.h"
#include "uri.h"

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex(char c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The length of "scheme:" at TEXT, 0 if there is none. */
static size_t scheme_len(const char *text)
{
    size_t n = 0;

    if (!is_alpha(*text))
        return 0;
    while (is_alpha(text[n]) || is_digit(text[n]) || (text[n] && strchr("+-.", text[n])))
        n++;
    return text[n] == ':' && text[n + 1] ? n + 1 : 0;
}

/* One character of a URI, or a percent-encoded byte: its length in TEXT, or 0. */
static size_t char_len(const char *text)
{
    if (*text == '%')
        return hex(text[1]) >= 0 && hex(text[2]) >= 0 ? 3 : 0;
    return is_alpha(*text) || is_digit(*text) || (*text && strchr("-._~:/?#[]@!$&'()*+,;=", *text)) ? 1 : 0;
}

bool uri_is_valid(const char *text)
{
    size_t at = scheme_len(text);

    if (!at || strlen(text) > URI_MAX)
        return false;
    while (text[at]) {
        size_t n = char_len(text + at);

        if (!n)
            return false;
        at += n;
    }
    return true;
}

const char *uri_template_fault(const char *uri)
{
    size_t at = scheme_len(uri), n;

    if (!at || strlen(uri) > URI_MAX)
        return "it needs a scheme, such as fleet://, and at most 2048 bytes";
    while (uri[at]) {
        if (uri[at] == '{') {
            const char *end = strchr(uri + at, '}');
            char name[33] = "";

            n = end ? (size_t)(end - (uri + at)) - 1 : 0;
            if (n && n < sizeof name)
                memcpy(name, uri + at + 1, n);
            if (!end || !text_is_name(name, 32) || uri[at - 1] != '/' || (end[1] && end[1] != '/'))
                return "a {name} must be one whole part between slashes, of lower-case letters, digits and _";
            at += n + 2;
        } else if ((n = char_len(uri + at))) {
            at += n;
        } else {
            return "it holds a character that belongs percent-encoded (RFC 3986)";
        }
    }
    return NULL;
}

/* The text between two slashes, decoded; NULL if it cannot be one part of a path. */
static char *decode(struct arena *a, const char *part, size_t len)
{
    char *out = arena_alloc(a, len + 1);
    size_t n = 0;

    for (size_t i = 0; out && i < len; i++, n++) {
        if (part[i] == '%') {
            if (i + 2 >= len || hex(part[i + 1]) < 0 || hex(part[i + 2]) < 0)
                return NULL;
            out[n] = (char)(hex(part[i + 1]) << 4 | hex(part[i + 2]));
            i += 2;
        } else {
            out[n] = part[i];
        }
        if ((unsigned char)out[n] < 0x20 || out[n] == 0x7F || out[n] == '/' || out[n] == '\\')
            return NULL;
    }
    if (!out || !n || !text_is_utf8(out, n) || strcmp(out, ".") == 0 || strcmp(out, "..") == 0)
        return NULL;
    return out;
}

kmcp_json *uri_match(struct arena *a, const char *template, const char *uri)
{
    kmcp_json *vars = json_object(a);

    while (vars && *template) {
        if (*template == '{') {
            size_t name_len = strcspn(template + 1, "}"), len = strcspn(uri, "/?#");
            char *name = arena_strndup(a, template + 1, name_len), *value = decode(a, uri, len);

            if (!name || !value || !json_set(a, vars, name, json_string(a, value)))
                return NULL;
            template += name_len + 2;
            uri += len;
        } else if (*template ++ != *uri++) {
            return NULL;
        }
    }
    return *uri ? NULL : vars;
}

bool uri_query_value(const char *url, const char *name, char *out, size_t size)
{
    const char *at = strchr(url, '?');
    size_t name_len = strlen(name), n = 0;

    while (at && (strncmp(at + 1, name, name_len) != 0 || at[1 + name_len] != '='))
        at = strchr(at + 1, '&');
    if (!at)
        return false;
    for (at += name_len + 2; *at && *at != '&' && *at != '#'; n++) {
        int c = (unsigned char)*at++;

        if (c == '%') {
            if (hex(at[0]) < 0 || hex(at[1]) < 0)
                return false;
            c = hex(at[0]) << 4 | hex(at[1]);
            at += 2;
        }
        if (n + 1 >= size || c < 0x20 || c == 0x7F)
            return false;
        out[n] = (char)c;
    }
    out[n] = '\0';
    return n > 0;
}
