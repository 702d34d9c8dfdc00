/* api.h - the host table: everything a plugin can do, on one page (api.c).  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_API_H
#define KMCP_API_H

#include <kmcp/plugin.h>

extern const struct kmcp_host api_host;

#endif
