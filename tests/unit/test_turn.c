/* test_turn.c - who waits comes before who just had the turn.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/turn.h"

static char path[] = "/tmp/kmcp-turn-XXXXXX";
static int fd;

static int make(void **state)
{
    (void)state;
    fd = mkstemp(path);
    return fd < 0 ? -1 : 0;
}

static int unmake(void **state)
{
    (void)state;
    close(fd);
    return unlink(path);
}

/* Does PID have byte BYTE of the lock file? */
static bool has(pid_t pid, off_t byte)
{
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

    return fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK && l.l_pid == pid;
}

static void until_it_has(pid_t pid, off_t byte)
{
    int64_t until = clock_ms() + 20000;

    while (!has(pid, byte))
        assert_true(clock_ms() < until);
}

/* The process that has the turn gives it up and wants it again at once: the other one had it meanwhile. */
static void who_waits_is_next(void **state)
{
    char mark;
    pid_t waits;
    int status;

    (void)state;
    for (int i = 0; i < 50; i++) {
        assert_true(turn_take(fd, 20000));
        assert_int_equal(ftruncate(fd, 0), 0);
        waits = fork();
        if (waits == 0)
            _exit(turn_take(fd, 20000) && pwrite(fd, "x", 1, 0) == 1 ? 0 : 1);
        until_it_has(waits, 1);
        turn_end(fd);
        assert_true(turn_take(fd, 20000));
        assert_int_equal(pread(fd, &mark, 1, 0), 1);
        turn_end(fd);
        assert_true(waitpid(waits, &status, 0) == waits && status == 0);
    }
}

static void who_hangs_is_not_waited_for(void **state)
{
    pid_t hangs = fork();
    int status;

    (void)state;
    if (hangs == 0) {
        if (turn_take(fd, 20000))
            pause();
        _exit(1);
    }
    until_it_has(hangs, 0);
    assert_false(turn_take(fd, 10));
    assert_false(turn_take(fd, 0)); /* and leaves nothing behind */
    kill(hangs, SIGKILL);
    assert_int_equal(waitpid(hangs, &status, 0), hangs);
    assert_true(turn_take(fd, 20000));
    turn_end(fd);
}

static void one_that_cannot_be_locked(void **state)
{
    (void)state;
    assert_false(turn_take(-1, 20000)); /* at once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_is_next),
        cmocka_unit_test(who_hangs_is_not_waited_for),
        cmocka_unit_test(one_that_cannot_be_locked),
    };

    return cmocka_run_group_tests(tests, make, unmake);
}
