/* tasks.h - the store of tasks, for the files that work on it.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_TASKS_H
#define KMCP_TASKS_H

#include "request.h"

enum task_status { TASK_WORKING, TASK_INPUT, TASK_COMPLETED, TASK_FAILED, TASK_CANCELLED };

struct task {
    struct task *next;
    char id[33]; /* 128 random bits */
    char principal[96];
    enum task_status status;
    int64_t created_ms, updated_ms; /* Unix */
    int64_t forget_ms;              /* monotonic */
    char *body;                     /* members of its result, or of its error */
    struct request *request;        /* while it runs or waits */
};

/* All under the server's lock. */
struct task *tasks_find(struct server *s, const char *id, const char *principal);
bool tasks_over(const struct task *t);
/* The members of a task as its status makes them. */
void tasks_add_detail(struct buf *out, const struct server *s, const struct task *t);
/* It is in STATUS now; those who listen hear of it. */
void tasks_changed(struct server *s, struct task *t, enum task_status status);

#endif
