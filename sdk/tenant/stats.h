/* What the tenant was asked: counts, the last requests, and every act with its body, for tests to judge. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_STATS_H
#define TENANT_STATS_H

#include "call.h"
#include "route.h"

struct stats *stats_new(void);
void stats_free(struct stats *s);
void stats_reset(struct stats *s);
void stats_enter(struct stats *s); /* one more request is being answered */
void stats_leave(struct stats *s);
void stats_count(struct call *c, const struct route *row);
void stats_write(struct call *c);

#endif
