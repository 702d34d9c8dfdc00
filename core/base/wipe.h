/* wipe.h - leave nothing of a call in memory: what is freed, what stood on the stack.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_WIPE_H
#define KMCP_WIPE_H

#include <stdbool.h>

/* Is free() ours (core/heap.c)? */
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define WIPE_HEAP 1
#else
#define WIPE_HEAP 0 /* the sanitizers need free() for themselves; elsewhere it cannot be replaced so */
#endif
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#undef WIPE_HEAP
#define WIPE_HEAP 0
#endif
#endif

/* Is there room on the stack of a thread of ours? The thread sanitizer keeps what it knows of a thread there.
 */
#if defined(__SANITIZE_THREAD__)
#define WIPE_STACK 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WIPE_STACK 0
#endif
#endif
#ifndef WIPE_STACK
#define WIPE_STACK 1
#endif

/* From here on, until the process ends, free() and realloc() overwrite what they give up (core/heap.c).
 * Called before the first datum that may not stay: with redaction, before the first call above READ, before
 * the first request to a route with secrets. Reads of nothing of the kind pay nothing. Any thread. */
void wipe_begin(void);
bool wipe_begun(void);
/* Has it, and has each buffer to wipe itself, because the heap does not? */
bool wipe_by_hand(void);
/* Once wiping has begun, overwrites what calls that have returned left on this thread's stack. */
void wipe_stack(void);

#endif
