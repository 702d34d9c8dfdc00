/* wipe.c - whether memory is wiped as it is given up, and the stack.  SPDX-License-Identifier: Apache-2.0 */
#include "wipe.h"

#include <stddef.h>

#include "digest.h"

/* Deeper than a call goes, and well within the smallest stack that our threads have (512 KiB). */
#define STACK_WIPED ((size_t)128 << 10)

static bool begun;

void wipe_begin(void)
{
    __atomic_store_n(&begun, true, __ATOMIC_RELEASE);
}

bool wipe_begun(void)
{
    return __atomic_load_n(&begun, __ATOMIC_ACQUIRE);
}

bool wipe_by_hand(void)
{
    return !WIPE_HEAP && wipe_begun();
}

static __attribute__((noinline)) void overwrite(void)
{
    char below[STACK_WIPED];

    digest_wipe(below, sizeof below);
}

void wipe_stack(void)
{
    if (WIPE_STACK && wipe_begun())
        overwrite();
}
