/* arena.h - memory of one call: allocate freely, release once.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_ARENA_H
#define KMCP_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_block;

/* Not thread-safe: one thread at a time. Zero-initialise the counters through arena_init(). */
struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used, ceiling;       /* bytes handed out; the most there may be */
};

/* A mark to rewind to: what was allocated after it is released (per page of a sweep). */
struct arena_mark {
    struct arena_block *block;
    size_t block_used, used;
};

void arena_init(struct arena *a, size_t ceiling);
/* Zeroed, aligned to max_align_t; NULL past the ceiling or out of memory. */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, const char *text);
char *arena_strndup(struct arena *a, const char *text, size_t len);
char *arena_format(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vformat(struct arena *a, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark mark);
/* Releases everything; WIPE overwrites it first (calls that saw a secret). The arena may be used again. */
void arena_release(struct arena *a, int wipe);

#endif
