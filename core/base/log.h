/* log.h - lines for the operator, on stderr.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_LOG_H
#define KMCP_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <kmcp/plugin.h>

/* Below LEVEL (KMCP_LOG_*) nothing is formatted. Default KMCP_LOG_INFO. */
void log_set_level(uint32_t level);
uint32_t log_level(void);
/* One write() a line: "2026-11-24T10:00:00Z warn devices: text". SCOPE may be NULL. Control characters are
 * neutralised, lines are cut at 2,000 bytes. Any thread. */
void log_line(uint32_t level, const char *scope, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void log_vline(uint32_t level, const char *scope, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
/* Every line goes to TAKE first, without its end; what TAKE says true to is not written. Called with the
 * log's lock held. Main thread, before others; NULL: no more. */
typedef bool (*log_take_fn)(void *arg, uint32_t level, const char *line);
void log_divert(log_take_fn take, void *arg);
/* Registers a value that no line may ever hold (the token); it is replaced by "[secret]". At most 4; copied.
 */
void log_never(const char *secret);
/* Overwrites with '*' what log_never() was told, wherever it stands in LEN bytes of TEXT, as it is or with
 * JSON's escapes in it: a server may echo it. */
void log_hide(char *text, size_t len);

#endif
