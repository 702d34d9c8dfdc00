/* retry.h - whether and when to send again.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_RETRY_H
#define KMCP_RETRY_H

#include <stdbool.h>
#include <stdint.h>
#include <kmcp/plugin.h>

#define RETRY_ATTEMPTS 5
#define RETRY_BASE_MS  500
#define RETRY_MAX_MS   30000

/* May ROUTE be sent again after ATTEMPT (1 = the first) ended with STATUS (0: no answer)? Only with
 * KMCP_ROUTE_RETRY, only READ routes, only 429, 500, 502, 503, 504 and lost connections. Never an act
 * (architecture D7). */
bool retry_allowed(const struct kmcp_route *route, int attempt, int status);
/* How long to wait: what the service asked for (SERVER_MS, -1 if nothing), else RETRY_BASE_MS doubled per
 * attempt up to RETRY_MAX_MS, with full jitter from RANDOM (0..1): never 0. */
int64_t retry_delay_ms(int attempt, int64_t server_ms, double random);
/* Unix milliseconds of an RFC 9110 IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT"; -1 if it is not one. */
int64_t retry_date_ms(const char *value);
/* Milliseconds from Retry-After (seconds or an HTTP-date against NOW_UNIX_MS), -1 if unreadable. At most one
 * hour. */
int64_t retry_after_ms(const char *value, int64_t now_unix_ms);

#endif
