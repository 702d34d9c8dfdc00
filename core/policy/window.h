/* window.h - change windows: "Mon-Fri 08:00-18:00 Europe/Berlin".  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_WINDOW_H
#define KMCP_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window;

/* TEXT: one or more of "[DAYS] HH:MM-HH:MM" separated by commas, then a zone: UTC, +HH:MM, -HH:MM, or a name
 * of the system's time zone database. DAYS: Mon, Mon-Fri, or several joined by +; none: every day. A window
 * that ends before it begins runs over midnight and belongs to the day it begins on. NULL with what is wrong.
 * Reads the zone's rules once: main thread, before others are started. */
struct window *window_read(const char *text, char *why, size_t why_size);
void window_free(struct window *w);
/* Is the time inside? UNKNOWN: what to say of a time the zone's rules were not read for (over 400 days away
 * from when they were read). */
bool window_holds(const struct window *w, int64_t unix_ms, bool unknown);
/* Were the zone's rules read for this time? */
bool window_knows(const struct window *w, int64_t unix_ms);
/* "2026-11-27 02:40:00 Europe/Berlin", in the zone of the window; "" for UTC, or if the zone's rules were not
 * read for this time. OUT (90 bytes) is returned. */
#define WINDOW_LOCAL 90
const char *window_local(const struct window *w, int64_t unix_ms, char out[WINDOW_LOCAL]);
/* Reads the zones anew around another time, for replaying the past. Same thread rule. */
bool window_at(struct window *w, int64_t unix_ms);

#endif
