/* test_redis.c - a server that answers what Redis never would: the state is lost then, and nothing breaks.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/lazy.h"
#include "state/state_ops.h"

static char folder[] = "/tmp/kmcp-redis-XXXXXX", path[120], url[140], fault[STATE_FAULT_MAX];
static const struct state_ops *ops;
static int listener;
static pthread_t thread;
static char reply[4096];                                 /* to all but PING */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of reply */
static int patience_ms = 200;                            /* much of the rubbish is waited for */

/* One connection after another; each request gets one answer. The requests here fit one read. */
static void *serve(void *arg)
{
    char request[16384], text[sizeof reply];
    int fd;

    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        ssize_t n;

        while ((n = read(fd, request, sizeof request - 1)) > 0) {
            request[n] = '\0';
            pthread_mutex_lock(&lock);
            memcpy(text, reply, sizeof text);
            pthread_mutex_unlock(&lock);
            if (strstr(request, "PING"))
                strcpy(text, "+PONG\r\n");
            if (write(fd, text, strlen(text)) < 0)
                break;
        }
        close(fd);
    }
    return arg;
}

static int make(void **state)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    char why[600];

    (void)state;
    ops = lazy_load("redis", "kmcp_redis_v1", why, sizeof why);
    if (!ops || !mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/sock", folder);
    snprintf(url, sizeof url, "unix:%s", path);
    memcpy(at.sun_path, path, strlen(path) + 1);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    return bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 4) ||
           pthread_create(&thread, NULL, serve, NULL);
}

static int unmake(void **state)
{
    (void)state;
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    unlink(path);
    return rmdir(folder);
}

static bool none(void *arg, const char *key, const struct state_record *record)
{
    (void)key;
    (void)record;
    *(int *)arg += 1;
    return true;
}

enum { NOW, TAKE, LEARN, COUNT, GET, PUT, ADD, DROP, EACH, N_OPS };

/* Does OP, answered TEXT. */
static enum state_rc answered(int op, const char *text)
{
    const struct state_bucket b[] = { { "a", 5, 1000, 0, 1 }, { "b", 5, 1000, 0, 1 } };
    const struct state_window w[] = { { "a", 5, 1000 }, { "b", 5, 1000 } };
    const struct state_new rows[] = { { "k", "v", 1 } };
    struct state_place place = { .path = url, .timeout_ms = patience_ms };
    struct state_record record = { 0 };
    enum state_rc rc = STATE_LOST;
    int64_t wait = 0, left[2];
    size_t full = 0;
    int seen = 0;
    void *db;

    pthread_mutex_lock(&lock);
    snprintf(reply, sizeof reply, "%s", text);
    pthread_mutex_unlock(&lock);
    db = ops->open(&place, fault);
    assert_non_null(db);
    fault[0] = '\0';
    switch (op) {
    case NOW:
        rc = ops->now(db, fault) > 0 ? STATE_YES : STATE_LOST;
        break;
    case TAKE:
        rc = ops->take(db, 1, b, 2, &wait, left, fault);
        break;
    case LEARN:
        rc = ops->learn(db, 1, b, 1, 0, fault);
        break;
    case COUNT:
        rc = ops->count(db, 1, w, 2, true, &full, &wait, fault);
        break;
    case GET:
        rc = ops->get(db, 1, "s", "k", &record, fault);
        break;
    case PUT:
        rc = ops->put(db, 1, "s", "k", 0, "v", 1, 0, fault);
        break;
    case ADD:
        rc = ops->add(db, "s", "t|", rows, 1, fault);
        break;
    case DROP:
        rc = ops->drop(db, 1, "s", "k", 0, fault);
        break;
    default:
        rc = ops->each(db, 1, "s", "t|", none, &seen, fault);
    }
    assert_true(full < 2);
    assert_int_equal(seen, 0);
    assert_true(rc != STATE_LOST || fault[0]);
    free(record.value);
    ops->close(db);
    return rc;
}

static void what_is_no_answer_is_a_loss(void **state)
{
    static const char *const rubbish[] = {
        "*3\r\n:0\r\n:5\r\n:5\r\n",
        "*1\r\n$-1\r\n",
        "*2\r\n$-1\r\n$-1\r\n",
        "*3\r\n$1\r\nv\r\n$-1\r\n$-1\r\n",
        "*3\r\n$-1\r\n$1\r\n1\r\n$1\r\n0\r\n",
        "*1\r\n$3\r\nabc\r\n",
        "*1\r\n$0\r\n\r\n",
        "*1\r\n$1\r\n7\r\n",
        "*2\r\n*1\r\n:1\r\n*0\r\n",
        "*2\r\n$1\r\n0\r\n$1\r\nx\r\n",
        "*2\r\n$1\r\n0\r\n*1\r\n$-1\r\n",
        "*2\r\n$1\r\n0\r\n*2\r\n*0\r\n:1\r\n",
        "*3\r\n$3\r\n1e9\r\n$1\r\n0\r\n$1\r\n0\r\n",
        "*3\r\n$20\r\n99999999999999999999\r\n$1\r\n0\r\n$1\r\n0\r\n",
        "*-1\r\n",
        "*0\r\n",
        "$-1\r\n",
        "$2\r\nhi\r\n",
        "+OK\r\n",
        ":1\r\n",
        "-OOM no\r\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rubbish / sizeof *rubbish; i++)
        for (int op = 0; op < N_OPS; op++)
            if (answered(op, rubbish[i]) != STATE_LOST)
                fail_msg("operation %d took %s", op, rubbish[i]);
}

static void what_is_one_is_not(void **state)
{
    (void)state;
    patience_ms = 10000; /* these answers are whole: nobody waits but for a busy machine */
    assert_int_equal(answered(GET, "*3\r\n$-1\r\n$-1\r\n$-1\r\n"), STATE_NO);
    assert_int_equal(answered(GET, "*3\r\n$1\r\nv\r\n$1\r\n1\r\n$1\r\n0\r\n"), STATE_YES);
    assert_int_equal(answered(PUT, "*1\r\n$1\r\n0\r\n"), STATE_NO);
    assert_int_equal(answered(COUNT, "*3\r\n$1\r\n1\r\n$1\r\n0\r\n$1\r\n0\r\n"), STATE_YES);
    assert_int_equal(answered(COUNT, "*3\r\n$1\r\n0\r\n$1\r\n9\r\n$1\r\n5\r\n"), STATE_LOST);
    assert_int_equal(answered(EACH, "*2\r\n$1\r\n0\r\n*1\r\n$5\r\nother\r\n"), STATE_YES);
    patience_ms = 200;
}

/* Some value of the protocol, at most DEPTH deep. */
static char *put_value(char *out, uint32_t *seed, int depth)
{
    static const char *const plain[] = { "$-1\r\n",       ":1\r\n",      "+OK\r\n",
                                         "$1\r\n0\r\n",   "$1\r\n1\r\n", "$2\r\n-1\r\n",
                                         "$3\r\nabc\r\n", "$0\r\n\r\n",  "*-1\r\n" };
    size_t n;

    *seed = *seed * 1103515245 + 12345;
    n = *seed >> 16;
    if (depth && n % 3 == 0) {
        n = n / 3 % 4;
        out += sprintf(out, "*%zu\r\n", n);
        while (n--)
            out = put_value(out, seed, depth - 1);
        return out;
    }
    return out + sprintf(out, "%s", plain[n % (sizeof plain / sizeof *plain)]);
}

static void nothing_breaks_it(void **state)
{
    char text[4096];
    uint32_t seed = 3;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        char *out = text + sprintf(text, "*%u\r\n", i % 5);

        for (int n = i % 5; n > 0; n--)
            out = put_value(out, &seed, 3);
        *out = '\0';
        answered(i % N_OPS, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_answer_is_a_loss),
        cmocka_unit_test(what_is_one_is_not),
        cmocka_unit_test(nothing_breaks_it),
    };

    return cmocka_run_group_tests(tests, make, unmake);
}
