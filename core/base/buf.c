/* buf.c - a growing byte buffer with a ceiling.  SPDX-License-Identifier: Apache-2.0 */
#include "buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "wipe.h"

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){ .max = max };
}

static bool fail(struct buf *b)
{
    buf_free(b);
    b->failed = true;
    return false;
}

/* Room for EXTRA more bytes and the NUL. */
static bool reserve(struct buf *b, size_t extra)
{
    if (b->failed || extra > b->max || b->len > b->max - extra || b->max == SIZE_MAX)
        return fail(b);
    size_t need = b->len + extra + 1;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap < 64 ? 64 : b->cap;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    if (cap > b->max + 1)
        cap = b->max + 1;
    char *data = wipe_by_hand() ? malloc(cap) : realloc(b->data, cap);
    if (data == NULL)
        return fail(b);
    if (wipe_by_hand() && b->data != NULL) {
        memcpy(data, b->data, b->len + 1);
        digest_wipe(b->data, b->cap);
        free(b->data);
    }
    b->data = data;
    b->cap = cap;
    return true;
}

bool buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (!reserve(b, len))
        return false;
    if (len > 0)
        memcpy(b->data + b->len, bytes, len);
    b->len += len;
    b->data[b->len] = '\0';
    return true;
}

bool buf_puts(struct buf *b, const char *text)
{
    return buf_add(b, text, strlen(text));
}

bool buf_putc(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

bool buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
    va_list again;

    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (len < 0)
        return fail(b);
    if (!reserve(b, (size_t)len))
        return false;
    vsnprintf(b->data + b->len, (size_t)len + 1, fmt, args);
    b->len += (size_t)len;
    return true;
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    bool ok = buf_vprintf(b, fmt, args);
    va_end(args);
    return ok;
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    if (b->data != NULL)
        b->data[0] = '\0';
}

void buf_free(struct buf *b)
{
    if (b->data != NULL && wipe_by_hand())
        digest_wipe(b->data, b->cap);
    free(b->data);
    b->data = NULL;
    b->len = b->cap = 0;
}

void buf_wipe(struct buf *b)
{
    if (b->data != NULL)
        digest_wipe(b->data, b->cap);
    buf_free(b);
}
