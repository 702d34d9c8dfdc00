/* pool.h - worker threads, started as they are needed.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_POOL_H
#define KMCP_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct pool;

struct pool *pool_new(size_t max_threads, size_t max_waiting);
/* Runs FN(ARG) on some worker. False if MAX_WAITING jobs are waiting already, or no thread can be had. */
bool pool_submit(struct pool *p, void (*fn)(void *), void *arg);
/* Waits for jobs under way and joins the threads; jobs still waiting are run too. */
void pool_free(struct pool *p);

#endif
