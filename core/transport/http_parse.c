/* http_parse.c - HTTP/1.1 requests, read strictly.  SPDX-License-Identifier: Apache-2.0 */

#include "http_parse.h"

#include <string.h>
#include <strings.h>

#define DIGITS_MAX  15 /* of a length: far above any cap, far below overflow */
#define TRAILER_MAX 4096

static bool is_tchar(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

size_t http_head_len(const char *text, size_t len)
{
    const char *at = text;

    while ((at = memchr(at, '\n', len - (size_t)(at - text)))) {
        size_t next = (size_t)(at - text) + 1;

        if (next < len && text[next] == '\n')
            return next + 1; /* bare LF: http_head_parse says so */
        if (next + 1 < len && text[next] == '\r' && text[next + 1] == '\n')
            return next + 2;
        at++;
    }
    return 0;
}

static int refuse(const char **why, int status, const char *what)
{
    *why = what;
    return status;
}

/* "GET /mcp?x HTTP/1.1", NUL-terminated, in place. */
static int parse_line(char *line, struct http_message *m, const char **why)
{
    char *target = strchr(line, ' '), *version = target ? strchr(target + 1, ' ') : NULL, *query;

    if (!version || target == line)
        return refuse(why, 400, "malformed request line");
    *target++ = *version++ = '\0';
    for (const char *c = line; *c; c++)
        if (!is_tchar(*c))
            return refuse(why, 400, "malformed method");
    for (const char *c = target; *c; c++)
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7F)
            return refuse(why, 400, "malformed request target");
    if (strncmp(version, "HTTP/", 5) != 0)
        return refuse(why, 400, "malformed request line");
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
        return refuse(why, 505, "unsupported HTTP version");
    m->http_1_0 = version[7] == '0';
    m->method = line;
    if (strncasecmp(target, "http://", 7) == 0) { /* absolute form: its authority counts (RFC 9112 3.2.2) */
        char *path = strchr(target + 7, '/');

        if (!path)
            return refuse(why, 400, "malformed request target");
        memmove(target, target + 7, (size_t)(path - target) - 7);
        path[-7] = '\0';
        m->host = target;
        target = path;
    }
    if (*target != '/')
        return refuse(why, 400, "malformed request target");
    m->path = target;
    query = strchr(target, '?');
    if (query)
        *query++ = '\0';
    m->query = query ? query : "";
    return 0;
}

static int parse_field(char *line, struct http_message *m, const char **why)
{
    char *colon = line, *value, *end;

    while (is_tchar(*colon))
        colon++;
    if (colon == line || *colon != ':')
        return refuse(why, 400,
                      *line == ' ' || *line == '\t' ? "folded header line" : "malformed header name");
    if (m->n_fields == HTTP_FIELDS_MAX)
        return refuse(why, 431, "too many header fields");
    *colon = '\0';
    value = colon + 1;
    value += strspn(value, " \t");
    end = value + strlen(value);
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = '\0';
    for (const char *c = value; *c; c++)
        if (((unsigned char)*c < 0x20 && *c != '\t') || (unsigned char)*c == 0x7F)
            return refuse(why, 400, "control character in a header value");
    m->fields[m->n_fields++] = (struct http_field){ line, value };
    return 0;
}

const char *http_field(const struct http_message *m, const char *name)
{
    for (size_t i = 0; i < m->n_fields; i++)
        if (strcasecmp(m->fields[i].name, name) == 0)
            return m->fields[i].value;
    return NULL;
}

size_t http_field_count(const struct http_message *m, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_fields; i++)
        n += strcasecmp(m->fields[i].name, name) == 0;
    return n;
}

bool http_field_has(const struct http_message *m, const char *name, const char *token)
{
    size_t len = strlen(token);

    for (size_t i = 0; i < m->n_fields; i++) {
        const char *at = m->fields[i].value;

        if (strcasecmp(m->fields[i].name, name) != 0)
            continue;
        while (*at) {
            at += strspn(at, ", \t");
            if (strncasecmp(at, token, len) == 0 && (!at[len] || strchr(", \t;", at[len])))
                return true;
            at += strcspn(at, ",");
        }
    }
    return false;
}

/* Where the body ends must be said once, in one way. */
static int parse_framing(struct http_message *m, const char **why)
{
    const char *length = http_field(m, "Content-Length"), *coding = http_field(m, "Transfer-Encoding");
    const char *expect = http_field(m, "Expect");

    if (http_field_count(m, "Content-Length") > 1)
        return refuse(why, 400, "two Content-Length fields");
    if (http_field_count(m, "Transfer-Encoding") > 1)
        return refuse(why, 400, "two Transfer-Encoding fields");
    if (length && coding)
        return refuse(why, 400, "Content-Length beside Transfer-Encoding");
    if (coding && strcasecmp(coding, "chunked") != 0)
        return refuse(why, 501, "a transfer coding other than chunked");
    if (coding && m->http_1_0)
        return refuse(why, 400, "Transfer-Encoding in HTTP/1.0");
    m->chunked = coding != NULL;
    if (length) {
        size_t digits = strspn(length, "0123456789");

        if (!digits || length[digits])
            return refuse(why, 400, "malformed Content-Length");
        if (digits > DIGITS_MAX)
            return refuse(why, 413, "the body is too large");
        for (const char *c = length; *c; c++)
            m->content_length = m->content_length * 10 + (size_t)(*c - '0');
    }
    if (expect && strcasecmp(expect, "100-continue") != 0)
        return refuse(why, 417, "an expectation other than 100-continue");
    m->expects_continue = expect && !m->http_1_0;
    return 0;
}

int http_head_parse(char *text, size_t len, struct http_message *m, const char **why)
{
    char *line = text, *end = text + len;
    int status = 0;

    memset(m, 0, sizeof *m);
    *why = "";
    if (memchr(text, '\0', len))
        return refuse(why, 400, "NUL in the head");
    for (bool first = true;; first = false) {
        char *newline = memchr(line, '\n', (size_t)(end - line));

        if (!newline || newline == line || newline[-1] != '\r')
            return refuse(why, 400, "a line that does not end with CR LF");
        newline[-1] = '\0';
        if (strchr(line, '\r'))
            return refuse(why, 400, "CR within a line");
        if (!*line && !first)
            break; /* the blank line */
        status = first ? parse_line(line, m, why) : parse_field(line, m, why);
        if (status)
            return status;
        line = newline + 1;
    }
    if (http_field_count(m, "Host") > 1)
        return refuse(why, 400, "two Host fields");
    if (!m->host)
        m->host = http_field(m, "Host");
    if (!m->host && !m->http_1_0)
        return refuse(why, 400, "no Host field");
    if (!m->host)
        m->host = "";
    m->keep_alive = m->http_1_0 ? http_field_has(m, "Connection", "keep-alive")
                                : !http_field_has(m, "Connection", "close");
    return parse_framing(m, why);
}

/* ---- chunked ---- */

enum { SIZE, SIZE_CR, EXTENSION, DATA, DATA_CR, DATA_LF, TRAILER, TRAILER_LINE, TRAILER_CR, END_CR };

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One byte outside chunk data. False: malformed. */
static bool step(struct http_chunks *c, char byte)
{
    switch (c->state) {
    case SIZE:
        if (hex(byte) >= 0) {
            c->left = c->left * 16 + (size_t)hex(byte);
            return ++c->trailer <= 12;
        }
        if (!c->trailer)
            return false; /* no digit at all */
        c->state = byte == '\r' ? SIZE_CR : EXTENSION;
        return byte == '\r' || byte == ';';
    case EXTENSION: /* ignored, but for what must not be in it */
        if (byte == '\r')
            c->state = SIZE_CR;
        return ++c->trailer <= TRAILER_MAX && byte != '\n' && byte;
    case SIZE_CR:
        c->state = c->left ? DATA : TRAILER;
        c->trailer = 0;
        return byte == '\n';
    case DATA_CR:
        c->state = DATA_LF;
        return byte == '\r';
    case DATA_LF:
        c->state = SIZE;
        c->trailer = 0;
        return byte == '\n';
    case TRAILER:
        c->state = byte == '\r' ? END_CR : TRAILER_LINE;
        return byte == '\r' || is_tchar(byte);
    case TRAILER_LINE:
        if (byte == '\r')
            c->state = TRAILER_CR;
        return ++c->trailer <= TRAILER_MAX && byte != '\n' && byte;
    case TRAILER_CR:
        c->state = TRAILER;
        return byte == '\n';
    default:
        return byte == '\n'; /* END_CR: the caller stops */
    }
}

enum http_chunks_end http_chunks_feed(struct http_chunks *c, char *in, size_t len, size_t *used, size_t *out)
{
    size_t i = 0;

    *out = 0;
    while (i < len) {
        bool last = c->state == END_CR;

        if (c->state == DATA) {
            size_t n = c->left < len - i ? c->left : len - i;

            memmove(in + *out, in + i, n);
            *out += n;
            i += n;
            c->left -= n;
            if (!c->left)
                c->state = DATA_CR;
            continue;
        }
        if (!step(c, in[i++])) {
            *used = i;
            return HTTP_CHUNKS_BAD;
        }
        if (last) {
            *used = i;
            return HTTP_CHUNKS_DONE;
        }
    }
    *used = i;
    return HTTP_CHUNKS_MORE;
}
