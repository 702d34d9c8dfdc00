/* clock.h - time.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_CLOCK_H
#define KMCP_CLOCK_H

#include <stdint.h>
#include <stddef.h>
#include <time.h>

int64_t clock_ms(void);      /* monotonic, for deadlines */
int64_t clock_unix_ms(void); /* wall clock, for people   */
/* "2026-11-24T10:00:00Z" or with milliseconds "…00.123Z"; OUT of at least 25 bytes. Returns OUT. */
char *clock_iso(int64_t unix_ms, char *out, size_t size);
char *clock_iso_ms(int64_t unix_ms, char *out, size_t size);
/* An absolute CLOCK_REALTIME time WAIT_MS from now, for pthread_cond_timedwait (portable to macOS). */
struct timespec clock_after(int64_t wait_ms);

#endif
