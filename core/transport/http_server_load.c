/* http_server_load.c - maps kmcp-listen.so, and with it libevent, when HTTP is asked for.
 * SPDX-License-Identifier: Apache-2.0 */

#include "base/lazy.h"
#include "http_server.h"

const struct http_server_ops *http_server_ops(char *why, size_t why_size)
{
    return lazy_load("listen", "kmcp_listen_v2", why, why_size);
}
