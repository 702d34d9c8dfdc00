/* http_settings.c - the INI's [http], and what it must not allow.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_settings.h"

#define DEFAULT_LISTEN "127.0.0.1:8970"

/* "127.0.0.1:8970" or "[::1]:8970" */
static bool read_listen(struct http_settings *s, const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0, digits = colon ? strspn(colon + 1, "0123456789") : 0;

    if (len > 1 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    } else if (colon && memchr(text, ':', len)) {
        return false;
    }
    if (!len || len >= sizeof s->address || !digits || digits > 5 || colon[1 + digits])
        return false;
    memcpy(s->address, text, len);
    s->address[len] = '\0';
    s->port = (int)strtol(colon + 1, NULL, 10);
    if (strcmp(s->address, "localhost") == 0)
        snprintf(s->address, sizeof s->address, "127.0.0.1");
    s->loopback = strncmp(s->address, "127.", 4) == 0 || strcmp(s->address, "::1") == 0;
    return s->port <= 65535 && strspn(s->address, "0123456789abcdefABCDEF.:") == strlen(s->address);
}

bool http_settings_listen(const char *listen)
{
    struct http_settings s;

    return read_listen(&s, listen);
}

static int line_of(struct config *c, const char *key)
{
    const struct config_entry *e = config_find(c, "http", key);

    return e ? e->line : 0;
}

bool http_settings_read(struct http_settings *s, struct config *c, const char *listen)
{
    const char *at = config_str(c, "http", "listen", DEFAULT_LISTEN);

    memset(s, 0, sizeof *s);
    s->path = config_str(c, "http", "path", "/mcp");
    s->hosts = config_str(c, "http", "hosts", "");
    s->origins = config_str(c, "http", "origins", "");
    s->tokens = config_path(c, "http", "tokens");
    s->connections = (size_t)config_int(c, "http", "connections", 8, 65536, 2048);
    s->sessions = (size_t)config_int(c, "http", "sessions", 1, 65536, 2048);
    s->body_bytes = (size_t)config_int(c, "http", "body_bytes", 1024, 64 << 20, 4 << 20);
    s->unread_bytes = (size_t)config_int(c, "http", "unread_bytes", 16384, 1 << 30, 1 << 20);
    s->head_seconds = (int)config_int(c, "http", "head_seconds", 1, 600, 10);
    s->body_seconds = (int)config_int(c, "http", "body_seconds", 1, 600, 30);
    s->idle_seconds = (int)config_int(c, "http", "idle_seconds", 1, 3600, 75);
    s->session_seconds = (int)config_int(c, "http", "session_seconds", 1, 86400, 1800);
    s->drain_seconds = (int)config_int(c, "http", "drain_seconds", 0, 600, 5);
    if (c->error[0])
        return false;
    if (!read_listen(s, listen ? listen : at))
        return config_fail(c, listen ? 0 : line_of(c, "listen"), HTTP_LISTEN_FAULT, listen ? listen : at);
    if (s->path[0] != '/' || strpbrk(s->path, "?# \t"))
        return config_fail(c, line_of(c, "path"), "\"path\" must begin with / and hold no ?, # or space");
    if (!s->loopback && !s->tokens)
        return config_fail(
            c, line_of(c, "listen"),
            "anybody who reaches %s could use it; set \"tokens\" in [http] (kmcp token makes one), or "
            "listen at 127.0.0.1",
            s->address);
    if ((strcmp(s->address, "0.0.0.0") == 0 || strcmp(s->address, "::") == 0) && !*s->hosts)
        return config_fail(
            c, line_of(c, "listen"),
            "%s is every address of this machine; say in \"hosts\" by which names clients reach it",
            s->address);
    return true;
}
