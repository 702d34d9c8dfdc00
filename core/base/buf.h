/* buf.h - a growing byte buffer with a ceiling.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_BUF_H
#define KMCP_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* DATA is NUL-terminated whenever it is not NULL. After a failed append the buffer is empty and FAILED stays
 * set, so a sequence of appends needs one check at its end. */
struct buf {
    char *data;
    size_t len, cap, max;
    bool failed;
};

void buf_init(struct buf *b, size_t max);
bool buf_add(struct buf *b, const void *bytes, size_t len);
bool buf_puts(struct buf *b, const char *text);
bool buf_putc(struct buf *b, char c);
bool buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool buf_vprintf(struct buf *b, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
void buf_reset(struct buf *b); /* len = 0, memory kept */
void buf_free(struct buf *b);
void buf_wipe(struct buf *b); /* overwrite, then free */

#endif
