/* arena.c - memory of one call: a list of blocks, released at once.  SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "wipe.h"

#define BLOCK_FIRST 4096u
#define BLOCK_MAX   262144u

struct arena_block {
    struct arena_block *older;
    size_t size, used; /* of data[] */
    max_align_t data[];
};

void arena_init(struct arena *a, size_t ceiling)
{
    *a = (struct arena){ .ceiling = ceiling };
}

static struct arena_block *add_block(struct arena *a, size_t need)
{
    size_t size = BLOCK_FIRST;

    if (a->blocks != NULL)
        size = a->blocks->size >= BLOCK_MAX / 2 ? BLOCK_MAX : a->blocks->size * 2;
    if (size < need)
        size = need;
    if (size > SIZE_MAX - sizeof(struct arena_block))
        return NULL;
    struct arena_block *block = malloc(sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->older = a->blocks;
    block->size = size;
    block->used = 0;
    a->blocks = block;
    return block;
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = _Alignof(max_align_t);

    if (size > SIZE_MAX - align)
        return NULL;
    size_t need = (size + align - 1) / align * align;
    if (need == 0)
        need = align;
    if (need > a->ceiling || a->used > a->ceiling - need)
        return NULL;
    struct arena_block *block = a->blocks;
    if ((block == NULL || block->size - block->used < need) && (block = add_block(a, need)) == NULL)
        return NULL;
    void *p = (char *)block->data + block->used;
    block->used += need;
    a->used += need;
    return memset(p, 0, need);
}

char *arena_strndup(struct arena *a, const char *text, size_t len)
{
    if (len == SIZE_MAX)
        return NULL;
    char *copy = arena_alloc(a, len + 1);
    if (copy != NULL && len > 0)
        memcpy(copy, text, len);
    return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
    return text == NULL ? NULL : arena_strndup(a, text, strlen(text));
}

char *arena_vformat(struct arena *a, const char *fmt, va_list args)
{
    va_list again;

    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (len < 0)
        return NULL;
    char *text = arena_alloc(a, (size_t)len + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)len + 1, fmt, args);
    return text;
}

char *arena_format(struct arena *a, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    char *text = arena_vformat(a, fmt, args);
    va_end(args);
    return text;
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){ .block = a->blocks,
                                .block_used = a->blocks == NULL ? 0 : a->blocks->used,
                                .used = a->used };
}

static void drop_newest(struct arena *a)
{
    struct arena_block *block = a->blocks;

    a->blocks = block->older;
    if (wipe_by_hand())
        digest_wipe(block->data, block->size);
    free(block);
}

void arena_rewind(struct arena *a, struct arena_mark mark)
{
    while (a->blocks != mark.block)
        drop_newest(a);
    if (a->blocks != NULL)
        a->blocks->used = mark.block_used;
    a->used = mark.used;
}

void arena_release(struct arena *a, int wipe)
{
    while (a->blocks != NULL) {
        if (wipe)
            digest_wipe(a->blocks->data, a->blocks->size);
        drop_newest(a);
    }
    a->used = 0;
}
