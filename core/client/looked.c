/* looked.c - what an act looks at, read once for one look.  SPDX-License-Identifier: Apache-2.0
 *
 * What is acted on is never read from the cache. A call looks twice: for its plan, from which what it would
 * send is found out, and once more right before it sends it. Within one look nothing is read twice, so that
 * what is sent follows from the very reading that was judged.
 */

#include <stdlib.h>
#include <string.h>

#include "client_inner.h"

#define LOOKED_MAX  4 /* readings of one look that are kept, each of at most */
#define LOOKED_SIZE ((size_t)64 << 10)

struct client_looked {
    struct client_looked *next;
    char *path;
    struct cache_reply *reply;
};

static void forget(struct client *cl, struct client_call *call)
{
    for (struct client_looked *l; (l = call->looked);) {
        call->looked = l->next;
        cache_reply_drop(cl->cache, l->reply);
        free(l->path);
        free(l);
    }
}

void client_look_anew(struct client *cl, struct client_call *call)
{
    forget(cl, call);
    call->looks = true;
}

void looked_end(struct client *cl, struct client_call *call)
{
    forget(cl, call);
    call->looks = false;
}

static void keep(struct client *cl, struct client_call *call, const char *path, struct cache_reply *reply)
{
    struct client_looked *l;
    size_t n = 0;

    for (l = call->looked; l; l = l->next)
        n++;
    if (n == LOOKED_MAX || reply->len > LOOKED_SIZE || !(l = calloc(1, sizeof *l)))
        return;
    if (!(l->path = strdup(path))) {
        free(l);
        return;
    }
    l->reply = cache_reply_hold(cl->cache, reply);
    l->next = call->looked;
    call->looked = l;
}

struct cache_reply *looked_fetch(struct client *cl, struct client_call *call, const struct kmcp_request *rq,
                                 const char *path)
{
    struct cache_reply *reply;

    for (const struct client_looked *l = call->looked; l; l = l->next)
        if (strcmp(l->path, path) == 0)
            return cache_reply_hold(cl->cache, l->reply);
    reply = client_send(cl, call, rq, path, NULL, NULL);
    if (reply && call->looks)
        keep(cl, call, path, reply);
    return reply;
}
