/* test_state.c - the state in a file: counting on a simulated clock, versions, damage, many processes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/lazy.h"
#include "base/log.h"
#include "base/turn.h"
#include "policy/tries.h"
#include "state/state_ops.h"

static char folder[] = "/tmp/kmcp-state-XXXXXX", path[100], fault[STATE_FAULT_MAX];
static const struct state_ops *ops;
static pid_t server;
static char socket_path[120], url[140];
static bool on_redis;

static int make(void **state)
{
    char why[600] = "";

    (void)state;
    log_set_level(KMCP_LOG_ERROR);
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/state.db", folder);
    ops = lazy_load("sqlite", "kmcp_sqlite_v1", why, sizeof why);
    if (!ops)
        fprintf(stderr, "%s\n", why);
    return ops ? 0 : -1;
}

/* ---- Redis, started here on a socket of its own ---- */

static bool start_redis(void)
{
    struct state_place place = { .path = url, .timeout_ms = 2000 };
    void *db = NULL;

    snprintf(socket_path, sizeof socket_path, "%s/redis.sock", folder);
    snprintf(url, sizeof url, "unix:%s", socket_path);
    server = fork();
    if (server == 0) {
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket_path, "--dir", folder,
               "--save", "", (char *)NULL);
        _exit(127);
    }
    for (int64_t until = clock_ms() + 30000; clock_ms() < until && !db;) {
        const struct timespec pause = { .tv_nsec = 20000000 };

        if (waitpid(server, NULL, WNOHANG) == server)
            return false; /* it is not installed */
        db = ops->open(&place, fault);
        nanosleep(&pause, NULL);
    }
    if (db) {
        ops->close(db);
    } else {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    return db != NULL;
}

static int make_redis(void **state)
{
    char why[600] = "";
    const struct state_ops *sqlite = ops;

    (void)state;
    ops = lazy_load("redis", "kmcp_redis_v1", why, sizeof why);
    on_redis = ops && start_redis();
    if (!on_redis) {
        ops = sqlite;
        fprintf(stderr, "not tested with Redis: %s\n", ops ? "redis-server is not installed" : why);
    }
    return 0;
}

static int unmake_redis(void **state)
{
    (void)state;
    if (on_redis) {
        kill(server, SIGTERM);
        waitpid(server, NULL, 0);
        unlink(socket_path);
    }
    return 0;
}

static void forget_file(void)
{
    static const char *const ends[] = { "", "-wal", "-shm", ".lock" };
    char file[150];

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(file, sizeof file, "%s%s", path, ends[i]);
        unlink(file);
    }
}

static int unmake(void **state)
{
    (void)state;
    forget_file();
    return rmdir(folder);
}

static void *fresh(void)
{
    struct state_place place = { .path = path, .timeout_ms = 5000 };
    void *db;

    forget_file();
    if (on_redis) {
        pid_t pid = fork();

        if (pid == 0) {
            dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
            execlp("redis-cli", "redis-cli", "-s", socket_path, "FLUSHALL", (char *)NULL);
            _exit(127);
        }
        waitpid(pid, NULL, 0);
        place.path = url;
    }
    db = ops->open(&place, fault);
    if (!db)
        fail_msg("%s", fault);
    return db;
}

static void buckets_give_what_they_hold(void **state)
{
    const struct state_bucket b[] = { { "hour", 100, 3600000, 0, 1 }, { "second", 10, 1000, 0, 1 } };
    const struct state_bucket thrifty[] = { { "hour", 100, 3600000, 20, 1 } };
    const struct state_bucket threes[] = { { "hour", 100, 3600000, 0, 3 } };
    void *db = fresh();
    int64_t wait = 0, now = 1000000, granted = 0, three = 0;
    int64_t left[2];

    (void)state;
    for (int i = 0; i < 20; i++)
        granted += ops->take(db, now, b, 2, &wait, left, fault) == STATE_YES;
    assert_int_equal(granted, 10); /* the second's worth, and of the hour no more than that */
    assert_int_equal(wait, 1050);
    assert_int_equal(left[0], 90);
    assert_int_equal(ops->take(db, now + 1049, b, 2, &wait, NULL, fault), STATE_NO);
    assert_int_equal(wait, 1);
    for (int second = 1; second < 20; second++)
        for (int i = 0; i < 20; i++)
            granted += ops->take(db, now + 1050 * second, b, 2, &wait, NULL, fault) == STATE_YES;
    assert_int_equal(granted, 100);
    assert_in_range(wait, 3500000, 3780000);
    now += 4 * 3600000;
    granted = 0;
    for (int i = 0; i < 200; i++)
        granted += ops->take(db, now, thrifty, 1, &wait, NULL, fault) == STATE_YES;
    assert_int_equal(granted, 80); /* the reserve stays */
    now += 4 * 3600000;
    for (int i = 0; i < 40; i++) /* three at a time, or none */
        three += ops->take(db, now, threes, 1, &wait, left, fault) == STATE_YES;
    assert_int_equal(three, 33);
    assert_int_equal(left[0], 1);
    assert_int_equal(ops->take(db, now, b, 1, &wait, left, fault), STATE_YES);
    assert_int_equal(left[0], 0);
    ops->close(db);
}

static void no_second_sees_more(void **state)
{
    const struct state_bucket b = { "second", 5, 1000, 0, 1 };
    void *db = fresh();
    int64_t granted[500], now = 1000000, wait = 0;
    size_t n = 0;
    uint32_t seed = 7;

    (void)state;
    for (int i = 0; i < 1500; i++) {
        seed = seed * 1103515245 + 12345;
        now += (seed >> 16) % 150;
        if (n < 500 && ops->take(db, now, &b, 1, &wait, NULL, fault) == STATE_YES) {
            granted[n++] = now;
            assert_true(n < 6 || now - granted[n - 6] >= 1000);
        }
    }
    assert_in_range(n, 400, 500);
    ops->close(db);
}

static void a_bucket_learns(void **state)
{
    const struct state_bucket b = { "hour", 100, 3600000, 0, 1 };
    void *db = fresh();
    int64_t wait = 0, now = 5000;

    (void)state;
    assert_int_equal(ops->learn(db, now, &b, 2, 0, fault), STATE_YES);
    assert_int_equal(ops->take(db, now, &b, 1, &wait, NULL, fault), STATE_YES);
    assert_int_equal(ops->take(db, now, &b, 1, &wait, NULL, fault), STATE_YES);
    assert_int_equal(ops->take(db, now, &b, 1, &wait, NULL, fault), STATE_NO);
    now += 3600000;
    assert_int_equal(ops->learn(db, now, &b, -1, 7000, fault), STATE_YES);
    assert_int_equal(ops->take(db, now, &b, 1, &wait, NULL, fault), STATE_NO);
    assert_int_equal(wait, 7000);
    assert_int_equal(ops->take(db, now + 7000, &b, 1, &wait, NULL, fault), STATE_YES);
    /* set back by a day: neither gained nor blocked for a day */
    assert_int_equal(ops->learn(db, now + 86400000, &b, 0, 0, fault), STATE_YES);
    assert_int_equal(ops->take(db, now, &b, 1, &wait, NULL, fault), STATE_NO);
    assert_in_range(wait, 1, 180000);
    ops->close(db);
}

static void windows_slide(void **state)
{
    const struct state_window w[] = { { "a", 3, 1000 }, { "b", 2, 5000 } };
    void *db = fresh();
    int64_t wait = 0, now = 10000;
    size_t full = 9;

    (void)state;
    assert_int_equal(ops->count(db, now, w, 2, true, &full, &wait, fault), STATE_YES);
    assert_int_equal(ops->count(db, now + 100, w, 2, false, &full, &wait, fault),
                     STATE_YES); /* looked only */
    assert_int_equal(ops->count(db, now + 100, w, 2, true, &full, &wait, fault), STATE_YES);
    assert_int_equal(ops->count(db, now + 200, w, 2, true, &full, &wait, fault), STATE_NO);
    assert_int_equal(full, 1);
    assert_int_equal(wait, 4800);
    assert_int_equal(ops->count(db, now + 200, w, 1, true, &full, &wait, fault),
                     STATE_YES); /* "a" has room */
    assert_int_equal(ops->count(db, now + 200, w, 1, true, &full, &wait, fault), STATE_NO);
    assert_int_equal(wait, 800);
    assert_int_equal(ops->count(db, now + 5000, w, 2, true, &full, &wait, fault), STATE_YES);
    ops->close(db);
}

static void records_change_by_version(void **state)
{
    void *db = fresh();
    struct state_record r;
    int64_t t = clock_unix_ms() + 1000000; /* Redis forgets by its own clock */

    (void)state;
    assert_int_equal(ops->get(db, t, "s", "k", &r, fault), STATE_NO);
    assert_int_equal(ops->put(db, t, "s", "k", 0, "one", 3, t + 99, fault), STATE_YES);
    assert_int_equal(ops->put(db, t, "s", "k", 0, "two", 3, t + 99, fault), STATE_NO);
    assert_int_equal(ops->get(db, t, "s", "k", &r, fault), STATE_YES);
    assert_string_equal(r.value, "one");
    assert_int_equal(r.version, 1);
    free(r.value);
    assert_int_equal(ops->put(db, t, "s", "k", 1, "two", 3, t + 99, fault), STATE_YES);
    assert_int_equal(ops->put(db, t, "s", "k", 1, "three", 5, t + 99, fault), STATE_NO);
    assert_int_equal(ops->drop(db, t, "s", "k", 1, fault), STATE_NO);
    assert_int_equal(ops->get(db, t + 99, "s", "k", &r, fault), STATE_NO); /* expired */
    assert_int_equal(ops->put(db, t + 99, "s", "k", 2, "late", 4, 0, fault), STATE_NO);
    assert_int_equal(ops->put(db, t + 99, "s", "k", 0, "new", 3, 0, fault), STATE_YES);
    assert_int_equal(ops->drop(db, t + 99, "s", "k", 0, fault), STATE_YES);
    assert_int_equal(ops->drop(db, t + 99, "s", "k", 0, fault), STATE_NO);
    ops->close(db);
}

static void adds_what_is_not_there(void **state)
{
    const struct state_new rows[] = { { "a", "1", 1 }, { "b", "2\0x", 3 } };
    void *db = fresh();
    struct state_record r;

    (void)state;
    assert_int_equal(ops->put(db, 1, "s", "t|a", 0, "old", 3, 0, fault), STATE_YES);
    assert_int_equal(ops->add(db, "s", "t|", rows, 2, fault), STATE_YES);
    assert_int_equal(ops->add(db, "s", "t|", rows, 2, fault), STATE_YES);
    assert_int_equal(ops->get(db, 1, "s", "t|a", &r, fault), STATE_YES);
    assert_string_equal(r.value, "old");
    free(r.value);
    assert_int_equal(ops->get(db, 1, "s", "t|b", &r, fault), STATE_YES);
    assert_memory_equal(r.value, "2\0x", 3);
    free(r.value);
    ops->close(db);
}

/* ---- the front ---- */

static struct state *open_front(struct config *c)
{
    char text[300];
    struct state *s;

    snprintf(text, sizeof text, "[state]\nfolder = %s\n%s%s\n", folder, on_redis ? "redis = " : "",
             on_redis ? url : "");
    memset(c, 0, sizeof *c);
    assert_true(config_parse(c, "test.ini", text, strlen(text)));
    s = state_new(c, "http://tenant");
    if (!s)
        fail_msg("%s", c->error);
    return s;
}

static bool collect(void *arg, const char *key, const struct state_record *record)
{
    strncat(arg, key, 10);
    strncat(arg, record->value, 10);
    return true;
}

static void tenants_do_not_meet(void **state)
{
    struct config c;
    struct state *s, *other;
    struct state_record r;
    char seen[100] = "";

    (void)state;
    ops->close(fresh());
    s = open_front(&c);
    other = state_new(&c, "http://other");
    assert_int_equal(state_put(s, "x", "b", 0, "2", 1, 0), STATE_YES);
    assert_int_equal(state_put(s, "x", "a", 0, "1", 1, 0), STATE_YES);
    assert_int_equal(state_get(other, "x", "a", &r), STATE_NO);
    assert_int_equal(state_put(other, "x", "a", 0, "9", 1, 0), STATE_YES);
    assert_int_equal(state_each(s, "x", collect, seen), STATE_YES);
    assert_string_equal(seen, "a1b2");
    state_free(other);
    state_free(s);
    config_free(&c);
}

static void only_failed_tries_count(void **state)
{
    struct config c;
    struct state *s;
    char name[20];
    int64_t wait = 0;

    (void)state;
    ops->close(fresh());
    s = open_front(&c);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(tries_take(s, "ana", &wait), STATE_YES);
        tries_give_back(s, "ana");
    }
    for (int i = 0; i < 5; i++)
        assert_int_equal(tries_take(s, "ana", &wait), STATE_YES);
    assert_int_equal(tries_take(s, "ana", &wait), STATE_NO);
    assert_true(wait > 590000 && wait <= 600000);
    assert_int_equal(tries_take(s, "bob", &wait), STATE_YES);
    tries_give_back(s, "bob");
    for (int i = 0; i < 15; i++) { /* names are guessed */
        snprintf(name, sizeof name, "name%d", i);
        assert_int_equal(tries_take(s, name, &wait), STATE_YES);
    }
    assert_int_equal(tries_take(s, "bob", &wait), STATE_NO);
    assert_true(wait > 590000 && wait <= 600000);
    assert_int_equal(tries_take(NULL, "bob", &wait), STATE_LOST);
    state_free(s);
    config_free(&c);
}

static void plain_text_stays_on_this_machine(void **state)
{
    static const struct {
        const char *url, *error; /* NULL: taken */
    } rows[] = { { "redis://127.0.0.1", NULL },
                 { "redis://127.0.0.1:6379/2", NULL },
                 { "redis://localhost/", NULL },
                 { "unix:/run/redis.sock", NULL },
                 { "redis://127.0.0.1.evil.example", "in clear" },
                 { "redis://127.0.0.10", "in clear" },
                 { "redis://localhost.evil.example:6379/0", "in clear" },
                 { "redis://10.0.0.1", "in clear" },
                 { "redis://localhost:pw@evil.example", "must be" },
                 { "redis://127.0.0.1@evil.example", "must be" },
                 { "redis://127.0.0.1:99999", "must be" },
                 { "redis://127.0.0.1:", "must be" },
                 { "redis://127.0.0.1/x", "must be" },
                 { "redis://", "must be" },
                 { "rediss://127.0.0.1", "must be" } };
    char text[300];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config c = { 0 };
        struct state *s;

        snprintf(text, sizeof text, "[state]\nredis = %s\nredis_user = kmcp\n", rows[i].url);
        assert_true(config_parse(&c, "test.ini", text, strlen(text)));
        s = state_new(&c, "http://tenant");
        if (!s != !!rows[i].error)
            fail_msg("%s: %s", rows[i].url, c.error);
        if (rows[i].error)
            assert_has(c.error, rows[i].error);
        state_free(s);
        config_free(&c);
    }
}

static void notices_a_clock_set_back(void **state)
{
    struct config c;
    struct state *s;
    char why[300], later[32];
    void *db = fresh();

    (void)state;
    snprintf(later, sizeof later, "%lld", (long long)clock_unix_ms() + 3600000);
    assert_int_equal(ops->put(db, 1, "host", "clock", 0, later, strlen(later), 0, fault), STATE_YES);
    ops->close(db);
    s = open_front(&c);
    assert_int_equal(state_clock(s, why, sizeof why), STATE_NO);
    assert_has(why, "set back");
    assert_int_equal(state_accept_clock(s), STATE_YES);
    assert_int_equal(state_clock(s, why, sizeof why), STATE_YES);
    state_free(s);
    config_free(&c);
}

static void damage_is_said(void **state)
{
    struct config c;
    struct state *s;
    char why[500], junk[8192];
    int fd;

    (void)state;
    ops->close(fresh());
    memset(junk, 'x', sizeof junk);
    fd = open(path, O_WRONLY);
    assert_true(fd >= 0 && pwrite(fd, junk, sizeof junk, 0) == sizeof junk);
    close(fd);
    s = open_front(&c);
    assert_false(state_ready(s, why, sizeof why));
    assert_has(why, path);
    assert_has(why, "move it away");
    assert_int_equal(state_put(s, "x", "a", 0, "1", 1, 0), STATE_LOST);
    state_free(s);
    config_free(&c);
    assert_int_equal(unlink(path), 0);
    fd = open(path, O_CREAT | O_WRONLY, 0644);
    assert_true(fd >= 0 && fchmod(fd, 0644) == 0);
    close(fd);
    s = open_front(&c);
    assert_false(state_ready(s, why, sizeof why));
    assert_has(why, "chmod 600");
    state_free(s);
    config_free(&c);
    unlink(path);
}

/* ---- many processes ---- */

#define PROCESSES 8
#define ROUNDS    60

static int hammer(int me)
{
    const struct state_bucket b = { "budget", 100, 86400000, 0, 1 };
    const struct state_window w = { "cap", 50, 86400000 };
    struct config c;
    struct state *s = open_front(&c);
    int took = 0, counted = 0, won = 0;

    for (int i = 0; i < ROUNDS; i++) {
        int64_t wait;
        size_t full;
        char key[20];

        took += state_take(s, &b, 1, &wait, NULL) == STATE_YES;
        counted += state_count(s, &w, 1, true, &full, &wait) == STATE_YES;
        snprintf(key, sizeof key, "nonce%d", i);
        won += state_put(s, "spent", key, 0, &me, sizeof me, 0) == STATE_YES;
    }
    state_free(s);
    config_free(&c);
    return dprintf(9, "%d %d %d\n", took, counted, won) > 0;
}

static void holds_over_processes(void **state)
{
    int pipes[2], took = 0, counted = 0, won = 0, a, b, c;
    pid_t pids[PROCESSES];
    FILE *in;

    (void)state;
    ops->close(fresh());
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(dup2(pipes[1], 9), 9);
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(hammer(i) ? 0 : 1);
        assert_true(pids[i] > 0);
    }
    close(pipes[1]);
    close(9);
    in = fdopen(pipes[0], "r");
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(fscanf(in, "%d %d %d", &a, &b, &c), 3);
        took += a;
        counted += b;
        won += c;
    }
    fclose(in);
    for (int i = 0; i < PROCESSES; i++)
        waitpid(pids[i], NULL, 0);
    assert_int_equal(took, 100);
    assert_int_equal(counted, 50);
    assert_int_equal(won, ROUNDS);
}

/* Is somebody next at the lock file FD? */
static bool one_waits(int fd)
{
    struct flock next = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1 };

    return fcntl(fd, F_GETLK, &next) == 0 && next.l_type != F_UNLCK;
}

/* Who writes again and again lets another write in between. */
static void writers_take_turns(void **state)
{
    struct state_place place = { .path = path, .timeout_ms = 20000 };
    int64_t until = clock_ms() + 20000;
    struct state_record record;
    void *db = fresh();
    char name[150];
    int fd, status;
    pid_t other;

    (void)state;
    snprintf(name, sizeof name, "%s.lock", path);
    fd = open(name, O_RDWR);
    assert_true(turn_take(fd, 20000));
    other = fork();
    if (other == 0) {
        db = ops->open(&place, fault);
        _exit(db && ops->put(db, 1, "turn", "other", 0, "x", 1, 0, fault) == STATE_YES ? 0 : 1);
    }
    while (!one_waits(fd))
        assert_true(clock_ms() < until);
    turn_end(fd);
    assert_int_equal(ops->put(db, 1, "turn", "mine", 0, "x", 1, 0, fault), STATE_YES);
    assert_int_equal(ops->get(db, 1, "turn", "other", &record, fault), STATE_YES);
    free(record.value);
    assert_true(waitpid(other, &status, 0) == other && status == 0);
    close(fd);
    ops->close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_give_what_they_hold),
        cmocka_unit_test(no_second_sees_more),
        cmocka_unit_test(a_bucket_learns),
        cmocka_unit_test(windows_slide),
        cmocka_unit_test(records_change_by_version),
        cmocka_unit_test(tenants_do_not_meet),
        cmocka_unit_test(only_failed_tries_count),
        cmocka_unit_test(plain_text_stays_on_this_machine),
        cmocka_unit_test(notices_a_clock_set_back),
        cmocka_unit_test(damage_is_said),
        cmocka_unit_test(holds_over_processes),
        cmocka_unit_test(writers_take_turns),
    };
    const struct CMUnitTest again[] = {
        cmocka_unit_test(buckets_give_what_they_hold),
        cmocka_unit_test(no_second_sees_more),
        cmocka_unit_test(a_bucket_learns),
        cmocka_unit_test(windows_slide),
        cmocka_unit_test(records_change_by_version),
        cmocka_unit_test(adds_what_is_not_there),
        cmocka_unit_test(tenants_do_not_meet),
        cmocka_unit_test(only_failed_tries_count),
        cmocka_unit_test(holds_over_processes),
    };
    int failed = make(NULL);

    failed = failed ? failed : cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
    make_redis(NULL);
    if (!failed && on_redis)
        failed = cmocka_run_group_tests_name("redis", again, NULL, NULL);
    unmake_redis(NULL);
    unmake(NULL);
    return failed;
}
