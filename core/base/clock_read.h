/* clock_read.h - times as people and records write them.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_CLOCK_READ_H
#define KMCP_CLOCK_READ_H

#include <stdint.h>

/* Unix milliseconds of "2026-11-24", "2026-11-24T10:00:00Z" or with a fraction of the second (UTC); -1 if it
 * is none of these. */
int64_t clock_read(const char *text);

#endif
