/* tools.h - the tools a client sees.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_TOOLS_H
#define KMCP_TOOLS_H

#include <pthread.h>
#include "base/buf.h"
#include "call.h"
#include "rev.h"

#define TOOLS_VARIANTS 8

/* Texts of tools/list, one for each way revisions spell it; made at the first use and kept. */
struct tools {
    struct host *host;
    pthread_mutex_t lock;
    char *texts[TOOLS_VARIANTS];
};

void tools_init(struct tools *t, struct host *host);
void tools_free(struct tools *t);
/* `"tools":[...]` in the order of their names; only what the policy offers. NULL when out of memory. */
const char *tools_list(struct tools *t, const struct rev *rev);
/* One definition, for tools/list and `kmcp list --json`. */
void tools_add(struct buf *out, const struct tool *tool, const struct rev *rev, bool structured);

#endif
