/* http_guard.c - from where, and from whom, a request may come.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http_front.h"

/* "name:80", "[::1]:80" or "name": the length of the name. */
static size_t name_len(const char *authority)
{
    const char *end = authority[0] == '[' ? strchr(authority, ']') : NULL;

    return end ? (size_t)(end - authority) + 1 : strcspn(authority, ":");
}

/* Is the LEN bytes at WORD one of LIST's words? ASCII case does not count. */
static bool is_listed(const char *list, const char *word, size_t len)
{
    while (*list) {
        size_t n;

        list += strspn(list, " \t");
        n = strcspn(list, " \t");
        if (n && n == len && strncasecmp(list, word, len) == 0)
            return true;
        list += n;
    }
    return false;
}

static bool is_our_host(const struct front *f, const char *host)
{
    const struct http_settings *s = &f->settings;
    size_t len = name_len(host);
    char own[80];

    snprintf(own, sizeof own, strchr(s->address, ':') ? "[%s]" : "%s", s->address);
    if (!len)
        return false;
    return is_listed(own, host, len) || is_listed(s->hosts, host, len) ||
           (s->loopback && is_listed("localhost 127.0.0.1 [::1]", host, len));
}

/* A page of our own address, or one the INI names. */
static bool is_our_origin(const struct front *f, const struct http_message *m, const char *origin)
{
    const char *scheme = strstr(origin, "://");

    if (is_listed(f->settings.origins, origin, strlen(origin)))
        return true;
    return scheme && (strncasecmp(origin, "http://", 7) == 0 || strncasecmp(origin, "https://", 8) == 0) &&
           strcasecmp(scheme + 3, m->host) == 0;
}

const char *guard_place(const struct front *f, const struct http_message *m)
{
    const char *origin = http_field(m, "Origin");

    if (!is_our_host(f, m->host))
        return "the Host is none of this server's names ([http] hosts)";
    if (http_field_count(m, "Origin") > 1 || (origin && !is_our_origin(f, m, origin)))
        return "the Origin may not call this server ([http] origins)";
    return NULL;
}

void guard_cors(const struct front *f, const struct http_message *m, char *out, size_t size)
{
    const char *origin = http_field(m, "Origin");

    out[0] = '\0';
    if (origin && is_listed(f->settings.origins, origin, strlen(origin)))
        snprintf(out, size,
                 "Access-Control-Allow-Origin: %.120s\r\nVary: Origin\r\n"
                 "Access-Control-Expose-Headers: Mcp-Session-Id, WWW-Authenticate\r\n",
                 origin);
}

bool guard_who(const struct front *f, const struct http_message *m, struct who *who, char principal[96])
{
    const char *given = http_field(m, "Authorization"), *name;

    if (!f->tokens) {
        *who = (struct who){ f->host->principal, "http", SCOPE_ALL };
        snprintf(principal, 96, "%s", f->host->principal);
        return true;
    }
    if (!given || http_field_count(m, "Authorization") != 1 || strncasecmp(given, "Bearer ", 7) != 0)
        return false;
    given += 7;
    given += strspn(given, " ");
    name = http_tokens_find(f->tokens, given, &who->scopes);
    if (!name)
        return false;
    snprintf(principal, 96, PRINCIPAL_PREFIX "%s", name);
    who->principal = principal;
    who->transport = "http";
    return true;
}
