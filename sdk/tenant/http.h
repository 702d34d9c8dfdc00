/* The HTTP side of the tenant: one loop on one loopback port. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_HTTP_H
#define TENANT_HTTP_H

#include "tenant.h"

/* Serves until SIGTERM or SIGINT. Returns the exit status. */
int http_serve(struct tenant *t, int port);

#endif
