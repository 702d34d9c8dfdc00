/* column.h - columns by their names.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_COLUMN_H
#define KMCP_COLUMN_H

#include <kmcp/plugin.h>

#include "base/failure.h"

const struct kmcp_column *column_find(const struct kmcp_query *q, const char *name, size_t len);
/* Sets F: there is no column NAME, these there are. Returns F's code. */
kmcp_rc column_unknown(const struct kmcp_query *q, const char *name, size_t len, struct failure *f);

#endif
