/* failure.c - keeps the first thing that went wrong in a call.  SPDX-License-Identifier: Apache-2.0 */
#include "failure.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

kmcp_rc failure_vset(struct failure *f, kmcp_rc rc, const char *fmt, va_list args)
{
    if (f->rc != KMCP_OK)
        return rc;
    f->rc = rc;
    int len = vsnprintf(f->text, sizeof f->text, fmt, args);
    if (len < 0)
        f->text[0] = '\0';
    f->cut = len >= (int)sizeof f->text;
    if (f->cut) { /* cut: never in the middle of a character */
        size_t end = sizeof f->text - 1, start = end;
        while (start > 0 && end - start < 4 && ((unsigned char)f->text[start - 1] & 0xC0) == 0x80)
            start--;
        if (start > 0 && ((unsigned char)f->text[start - 1] & 0x80) != 0)
            start--;
        if (start < end && text_utf8_len(f->text + start, end - start) != end - start)
            f->text[start] = '\0';
    }
    return rc;
}

kmcp_rc failure_set(struct failure *f, kmcp_rc rc, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    failure_vset(f, rc, fmt, args);
    va_end(args);
    return rc;
}
