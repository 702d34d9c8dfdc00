/* streamable.h - MCP over Streamable HTTP, both eras on one endpoint.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_STREAMABLE_H
#define KMCP_STREAMABLE_H

#include "http_settings.h"
#include "mcp/server.h"

/* Serves until SIGTERM or SIGINT; SIGHUP reads the tokens again. At the end nothing new is accepted, calls
 * under way get drain_seconds, and it returns. READY (may be NULL) is called once with the address it listens
 * at. 0; 1 with a sentence on the log if it cannot listen; 2 if calls are stuck and the process should just
 * exit. */
int streamable_serve(struct server *server, struct host *host, const struct http_settings *settings,
                     void (*ready)(const char *url));

#endif
