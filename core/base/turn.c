/* turn.c - two bytes of a lock file: one for the turn, one for who is next.  SPDX-License-Identifier:
 * Apache-2.0
 *
 * With one lock alone, a process that writes without pause keeps all others out: the gaps between its turns
 * are far shorter than the others' naps. Here it has to be NEXT first, and that is whoever waits.
 */
#include "turn.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

enum { TURN, NEXT };

static bool set_range(int fd, short type, off_t byte, off_t n)
{
    struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = n };

    return fcntl(fd, F_SETLK, &l) == 0;
}

static bool set(int fd, short type, off_t byte)
{
    return set_range(fd, type, byte, 1);
}

static bool wait_for(int fd, off_t byte, int64_t until_ms)
{
    const struct timespec nap = { .tv_nsec = byte == TURN ? 500000 : 2000000 };

    while (!set(fd, F_WRLCK, byte)) {
        if ((errno != EAGAIN && errno != EACCES && errno != EINTR) || clock_ms() >= until_ms)
            return false;
        nanosleep(&nap, NULL);
    }
    return true;
}

bool turn_take(int fd, int64_t wait_ms)
{
    int64_t until_ms = clock_ms() + wait_ms;
    bool ok = set_range(fd, F_WRLCK, TURN, 2) ||
              (wait_for(fd, NEXT, until_ms) && wait_for(fd, TURN, until_ms));
    int code = errno;

    set(fd, F_UNLCK, NEXT);
    errno = code;
    return ok;
}

void turn_end(int fd)
{
    set(fd, F_UNLCK, TURN);
}
