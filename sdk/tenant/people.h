/* GET /users and GET /tags. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_PEOPLE_H
#define TENANT_PEOPLE_H

#include "call.h"

void people_users(struct call *c);
void people_user(struct call *c);
void people_tags(struct call *c);

#endif
