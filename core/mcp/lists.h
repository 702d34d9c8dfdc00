/* lists.h - the tools, prompts and resources a client sees, in pages.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_LISTS_H
#define KMCP_LISTS_H

#include <pthread.h>
#include "base/buf.h"
#include "call.h"
#include "rev.h"

enum list_kind { LIST_TOOLS, LIST_PROMPTS, LIST_RESOURCES, LIST_TEMPLATES, LIST_KINDS };

/* First pages as a client with all scopes sees them, kept until something is shown or hidden. */
struct lists {
    struct host *host;
    pthread_mutex_t lock;
    char *kept[LIST_KINDS][REV_COUNT];
    uint64_t generation; /* of what is there; part of every cursor */
};

void lists_init(struct lists *l, struct host *host);
void lists_free(struct lists *l);
/* What is there has changed: nothing kept counts any more, and no cursor. */
void lists_changed(struct lists *l);
/* `"tools":[...]` and so on, ordered by name, only what policy and SCOPES offer; from CURSOR (NULL: the
 * start) one page, with "nextCursor" if there is more. Into OUT. False: the cursor is not one of ours. */
bool lists_page(struct lists *l, enum list_kind kind, const struct rev *rev, uint32_t scopes,
                const char *cursor, struct buf *out);
/* One tool's definition, for `kmcp list --json` too. */
void lists_add_tool(struct buf *out, const struct tool *tool, const struct rev *rev, bool structured);

/* The host's own tool: offered, whatever the policy, where a plugin has tools that may take long. */
#define LISTS_GET_JOB "get_job"
bool lists_have_get_job(const struct host *host);
void lists_add_get_job(struct buf *out, const struct rev *rev);

#endif
