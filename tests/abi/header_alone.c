/* header_alone.c - plugin.h needs nothing before it.  SPDX-License-Identifier: Apache-2.0 */
#include <kmcp/plugin.h>
#include <kmcp/plugin.h>

size_t header_alone(void);

size_t header_alone(void)
{
    return sizeof(struct kmcp_host);
}
