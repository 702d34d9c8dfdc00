/* GET /devices/{id}/secrets/...: each read leaves an audit event, a missing secret is null. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_SECRET_H
#define TENANT_SECRET_H

#include "call.h"

void secret_filevault_key(struct call *c);
void secret_unlock_pin(struct call *c);
void secret_bypass_code(struct call *c);
void secret_recovery_password(struct call *c);

#endif
