/* heap.c - what is freed is overwritten first, in this program and in every library it uses.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A call's persons and secrets pass through libcurl, the JSON parser, SQLite and OpenSSL, and through every
 * buffer of ours that grows. Each of them frees its copies, none of them wipes them. The one place where all
 * come by is the allocator; so free() and realloc() are ours (both may be replaced where symbols of the
 * program come before those of libraries, as in glibc and musl) and pass on to the libc's. Elsewhere, and
 * under the sanitizers, which need the allocator for themselves, only arena_release() and buf_wipe() wipe.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "base/wipe.h"
#if WIPE_HEAP

#include <dlfcn.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

static void (*libc_free)(void *);
static void *(*libc_realloc)(void *, size_t);

/* Found at the first free, which is before main() and every other thread. */
static void find(void)
{
    void *symbol = dlsym(RTLD_NEXT, "realloc");

    memcpy(&libc_realloc, &symbol, sizeof symbol);
    symbol = dlsym(RTLD_NEXT, "free");
    memcpy(&libc_free, &symbol, sizeof symbol);
}

static bool found(void)
{
    static _Thread_local bool finding;

    if (!libc_free && !finding) { /* what dlsym itself frees is let go */
        finding = true;
        find();
        finding = false;
    }
    return libc_free != NULL;
}

__attribute__((visibility("default"))) void free(void *p)
{
    if (!p || !found())
        return;
    if (wipe_begun())
        digest_wipe(p, malloc_usable_size(p));
    libc_free(p);
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t size)
{
    void *moved;
    size_t had;

    if (!found())
        return NULL;
    if (!p || size == 0 || !wipe_begun())
        return libc_realloc(p, size);
    had = malloc_usable_size(p);
    if (size <= had && size >= had / 2) /* it stays where it is */
        return p;
    moved = malloc(size);
    if (moved) {
        memcpy(moved, p, size < had ? size : had);
        free(p);
    }
    return moved;
}
#endif
