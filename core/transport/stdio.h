/* stdio.h - MCP over standard input and output: one message a line.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_STDIO_H
#define KMCP_STDIO_H

#include "mcp/server.h"

#define STDIO_LINE_MAX                                                                                       \
    (4 << 20)              /* bytes of one message; longer ones are refused, the next line is read on        \
                            */
#define STDIO_GRACE_MS 700 /* after the end of input: for calls under way to finish by themselves */
#define STDIO_STUCK_MS 900 /* and for cancelled ones to leave their records */
#define STDIO_END_MS   950 /* and for what is said of those that are stuck to go out */

/* Moves the protocol off fds 0 and 1, so that nothing else can write into it: 0 becomes /dev/null, 1 becomes
 * stderr. The first thing a serving process does. False if it cannot. */
bool stdio_take(int *in, int *out);
/* Serves until the input ends, the output breaks, or SIGTERM or SIGINT comes. True if all calls ended; false
 * if some are stuck and the process should just exit. */
bool stdio_serve(struct server *s, const char *principal, int in, int out);

#endif
