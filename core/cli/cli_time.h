/* cli_time.h - times as people and records write them.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_CLI_TIME_H
#define KMCP_CLI_TIME_H

#include <stdint.h>

/* Unix milliseconds of "2026-11-24", "2026-11-24T10:00:00Z" or with a fraction of the second (UTC); -1 if it
 * is none of these. */
int64_t cli_time(const char *text);

#endif
