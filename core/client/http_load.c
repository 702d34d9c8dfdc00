/* http_load.c - maps kmcp-http.so, and with it libcurl, at the first request.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <pthread.h>
#include <stdio.h>

#include "base/lazy.h"
#include "http.h"

static const struct http_ops *ops;
static char problem[600];

static void load(void)
{
    ops = lazy_load("http", "kmcp_http_v5", problem, sizeof problem);
}

const struct http_ops *http_ops(char *why, size_t why_size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load);
    if (!ops)
        snprintf(why, why_size, "%s", problem);
    return ops;
}
