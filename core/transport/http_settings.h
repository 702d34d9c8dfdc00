/* http_settings.h - the INI's [http].  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_HTTP_SETTINGS_H
#define KMCP_HTTP_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/config.h"

struct http_settings {
    char address[64];
    int port;
    bool loopback;
    const char *path;    /* "/mcp" */
    const char *hosts;   /* names it is reached by, besides its own; separated by spaces */
    const char *origins; /* pages that may call it; the same */
    const char *tokens;  /* file, or NULL */
    size_t connections, sessions, body_bytes, unread_bytes;
    int head_seconds, body_seconds, idle_seconds, session_seconds, drain_seconds;
};

/* Is LISTEN an address and a port at all? If not, HTTP_LISTEN_FAULT says so of it. */
#define HTTP_LISTEN_FAULT                                                                                    \
    "\"%.80s\" cannot be listened at; write ADDRESS:PORT with a numeric address, such as 127.0.0.1:8970 or " \
    "[::1]:8970"
bool http_settings_listen(const char *listen);
/* Reads [http]; LISTEN (ADDRESS:PORT from the command line, or NULL) counts before its key. False with the
 * config's error: among others when anybody but this machine could connect without a token. */
bool http_settings_read(struct http_settings *s, struct config *c, const char *listen);

#endif
