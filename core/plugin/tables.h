/* tables.h - a descriptor's tables, checked and copied into the host's own layout.  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_TABLES_H
#define KMCP_TABLES_H

#include "loader.h"

/* Fills P's options, routes and tools from P->decl. False with one sentence in WHY. */
bool tables_take(struct plugin *p, char *why, size_t why_size);

#endif
