/* whole.c - how many rows a list has in all, as the API last said.  SPDX-License-Identifier: Apache-2.0 */

#include "client_inner.h"

void whole_remember(struct client *cl, const struct kmcp_request *rq, int64_t rows)
{
    size_t i = 0;

    if (rq->n_path || rows < 0)
        return;
    for (size_t k = 0; k < rq->n_query; k++)
        if (rq->query[k].value)
            return;
    pthread_mutex_lock(&cl->sleep_lock);
    while (i < WHOLE_LISTS && cl->wholes[i].route && cl->wholes[i].route != rq->route)
        i++;
    if (i < WHOLE_LISTS) /* of any others nothing is known */
        cl->wholes[i] = (struct client_whole){ rq->route, rows };
    pthread_mutex_unlock(&cl->sleep_lock);
}

int64_t client_whole(struct client *cl, const struct kmcp_route *route)
{
    int64_t rows = -1;

    pthread_mutex_lock(&cl->sleep_lock);
    for (size_t i = 0; i < WHOLE_LISTS && rows < 0; i++)
        if (cl->wholes[i].route == route)
            rows = cl->wholes[i].rows;
    pthread_mutex_unlock(&cl->sleep_lock);
    return rows;
}
