/* test_audit.c - a record before, a record after, and nothing without the first.  SPDX-License-Identifier:
 * Apache-2.0 */
#include "test.h"
#include "base/json.h"
#include "policy/audit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], path[128];
static struct config config;

static struct audit *fresh(void)
{
    char text[300];

    snprintf(text, sizeof text, "[audit]\nfile = %s\n", path);
    assert_true(config_parse(&config, "t.ini", text, strlen(text)));
    return audit_new(&config);
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/kmcp-audit-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/deeper/audit.jsonl", dir);
    return 0;
}

static int teardown(void **state)
{
    char deeper[100];

    (void)state;
    unlink(path);
    snprintf(deeper, sizeof deeper, "%s/deeper", dir);
    rmdir(deeper);
    rmdir(dir);
    config_free(&config);
    return 0;
}

static const struct audit_subject subject = { "device", "uuid-1", "Ana's Mac (serial C02)" };

static struct audit_call call(bool redact)
{
    return (struct audit_call){ .tool = "lock_device",
                                .plugin = "actions",
                                .safety = KMCP_WRITE,
                                .principal = "local:0(root)",
                                .client = "test 1",
                                .transport = "stdio",
                                .arguments_sha256 = "ab",
                                .reason = "lost",
                                .consent = "confirm",
                                .subjects = &subject,
                                .n_subjects = 1,
                                .redact = redact };
}

/* The N-th line, parsed; NULL if there is none. */
static const kmcp_json *line(struct arena *a, size_t n)
{
    FILE *f = fopen(path, "r");
    char text[8192];
    const kmcp_json *value = NULL;

    if (!f)
        return NULL;
    for (size_t i = 0; fgets(text, sizeof text, f); i++)
        if (i == n) {
            value = json_parse(a, text, strlen(text), JSON_UNIQUE, NULL);
            assert_non_null(value);
        }
    fclose(f);
    return value;
}

static const char *get(const kmcp_json *record, const char *key)
{
    return json_str(json_get(record, key)) ? json_str(json_get(record, key)) : "";
}

static void writes_intent_and_outcome(void **state)
{
    struct audit *a = fresh();
    struct audit_call c = call(false);
    struct arena arena;
    struct stat st;
    char why[300];

    (void)state;
    arena_init(&arena, 1 << 20);
    assert_true(audit_intent(a, &c, why, sizeof why));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_string_equal(get(line(&arena, 0), "event"), "intent");
    assert_true(audit_outcome(a, &c, "ok", "POST /x", 200, NULL));
    assert_string_equal(get(line(&arena, 1), "event"), "outcome");
    assert_string_equal(get(line(&arena, 1), "id"), get(line(&arena, 0), "id"));
    assert_string_equal(get(line(&arena, 1), "result"), "ok");
    assert_has(json_text(&arena, line(&arena, 0)), "Ana's Mac");
    audit_free(a);
    arena_release(&arena, 0);
}

static void leaves_persons_out_in_privacy_mode(void **state)
{
    struct audit *a = fresh();
    struct audit_call c = call(true);
    struct arena arena;
    char why[300];

    (void)state;
    arena_init(&arena, 1 << 20);
    assert_true(audit_intent(a, &c, why, sizeof why));
    assert_true(audit_outcome(a, &c, "failed", "POST /x", 400, "Ana said no"));
    audit_refused(a, &c, "Ana said no");
    for (size_t i = 0; i < 3; i++) {
        assert_lacks(json_text(&arena, line(&arena, i)), "Ana");
        assert_lacks(json_text(&arena, line(&arena, i)), "lost");
        assert_has(json_text(&arena, line(&arena, i)), "uuid-1");
    }
    audit_free(a);
    arena_release(&arena, 0);
}

static void refuses_a_file_that_others_reach(void **state)
{
    struct audit *a = fresh();
    struct audit_call c = call(false);
    char why[300], target[140];

    (void)state;
    assert_true(audit_ready(a, why, sizeof why));
    audit_free(a);
    config_free(&config);
    chmod(path, 0644);
    a = fresh();
    assert_false(audit_intent(a, &c, why, sizeof why));
    assert_has(why, "chmod 600 it");
    audit_free(a);
    config_free(&config);
    snprintf(target, sizeof target, "%s.real", path);
    rename(path, target);
    assert_int_equal(symlink(target, path), 0);
    a = fresh();
    assert_false(audit_intent(a, &c, why, sizeof why));
    assert_has(why, "symbolic link");
    audit_free(a);
    unlink(target);
}

static void refuses_when_there_is_no_room(void **state)
{
    struct audit *a = fresh();
    struct audit_call c = call(false);
    struct rlimit old, tiny;
    struct arena arena;
    char why[300];

    (void)state;
    arena_init(&arena, 1 << 20);
    signal(SIGXFSZ, SIG_IGN);
    assert_true(audit_intent(a, &c, why, sizeof why));
    getrlimit(RLIMIT_FSIZE, &old);
    tiny = old;
    tiny.rlim_cur = 600; /* room for half of the next record */
    setrlimit(RLIMIT_FSIZE, &tiny);
    c = call(false);
    assert_false(audit_intent(a, &c, why, sizeof why));
    assert_has(why, "cannot be written");
    assert_has(why, path);
    setrlimit(RLIMIT_FSIZE, &old);
    c = call(false);
    assert_true(audit_intent(a, &c, why, sizeof why)); /* begins on a line of its own again */
    assert_string_equal(get(line(&arena, 0), "event"), "intent");
    audit_free(a);
    {
        FILE *f = fopen(path, "r");
        char text[4000], last[4000] = "";

        while (fgets(text, sizeof text, f))
            memcpy(last, text, sizeof last);
        fclose(f);
        assert_non_null(json_parse(&arena, last, strlen(last), 0, NULL));
    }
    arena_release(&arena, 0);
}

static void follows_a_rotation(void **state)
{
    struct audit *a = fresh();
    struct audit_call c = call(false);
    struct arena arena;
    char why[300], old[140];

    (void)state;
    arena_init(&arena, 1 << 20);
    assert_true(audit_intent(a, &c, why, sizeof why));
    snprintf(old, sizeof old, "%s.1", path);
    rename(path, old);
    assert_true(audit_outcome(a, &c, "ok", NULL, 200, NULL));
    assert_string_equal(get(line(&arena, 0), "event"), "outcome");
    unlink(old);
    audit_free(a);
    arena_release(&arena, 0);
}

static void an_intent_never_stays_open(void **state)
{
    struct audit *a = fresh();
    struct audit_call c = call(false);
    struct arena arena;
    char why[300];

    (void)state;
    arena_init(&arena, 1 << 20);
    assert_true(audit_intent(a, &c, why, sizeof why));
    audit_close_open(a, "kmcp ended");
    assert_string_equal(get(line(&arena, 1), "result"), "unknown");
    assert_string_equal(get(line(&arena, 1), "id"), c.id);
    assert_true(audit_outcome(a, &c, "ok", NULL, 200, NULL)); /* late: it is closed already */
    assert_null(line(&arena, 2));
    audit_free(a);
    arena_release(&arena, 0);
}

static void *write_many(void *arg)
{
    char why[300];

    for (int i = 0; i < 50; i++) {
        struct audit_call c = call(false);

        if (!audit_intent(arg, &c, why, sizeof why) || !audit_outcome(arg, &c, "ok", "POST /x", 200, NULL))
            return arg;
    }
    return NULL;
}

static void many_threads_lose_nothing(void **state)
{
    struct audit *a = fresh();
    bool seen[801] = { false };
    pthread_t threads[8];
    struct arena arena;
    char text[8192];
    size_t n = 0;
    FILE *f;

    (void)state;
    for (size_t i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, write_many, a);
    for (size_t i = 0; i < 8; i++) {
        void *failed;

        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    f = fopen(path, "r");
    for (; fgets(text, sizeof text, f); n++) {
        const kmcp_json *record;
        int64_t seq = 0;

        arena_init(&arena, 1 << 20);
        record = json_parse(&arena, text, strlen(text), JSON_UNIQUE, NULL);
        assert_true(json_int(json_get(record, "seq"), &seq));
        assert_in_range(seq, 1, 800);
        assert_false(seen[seq]);
        seen[seq] = true;
        arena_release(&arena, 0);
    }
    fclose(f);
    assert_int_equal(n, 800);
    audit_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_intent_and_outcome, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_persons_out_in_privacy_mode, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_file_that_others_reach, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_when_there_is_no_room, setup, teardown),
        cmocka_unit_test_setup_teardown(follows_a_rotation, setup, teardown),
        cmocka_unit_test_setup_teardown(an_intent_never_stays_open, setup, teardown),
        cmocka_unit_test_setup_teardown(many_threads_lose_nothing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
