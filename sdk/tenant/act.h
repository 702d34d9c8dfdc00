/* POST /devices/{id}/action/...: what is refused, and what is queued. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_ACT_H
#define TENANT_ACT_H

#include "call.h"

void act_lock(struct call *c);
void act_restart(struct call *c);
void act_shutdown(struct call *c);
void act_erase(struct call *c);
void act_blankpush(struct call *c);
void act_updateinventory(struct call *c);

#endif
