/* test_audit_chain.c - every change is found, every process's records join one chain, a crash leaves a file
 * that goes on.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/keyfile.h"
#include "base/log.h"
#include "base/turn.h"
#include "policy/audit_anchor.h"
#include "policy/audit_head.h"
#include "policy/audit_verify.h"

static char dir[64], path[100], copy_path[110];
static uint8_t key[DIGEST_SIZE];

static void forget_all(void)
{
    static const char *const ends[] = { "",        ".head",   ".key",      ".lock",   ".anchors",
                                        ".000001", ".000002", ".000003",   ".000004", ".unchained",
                                        ".old",    ".copy",   ".copy.head" };
    char name[130];

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

static int make(void **state)
{
    (void)state;
    log_set_level(KMCP_LOG_ERROR);
    snprintf(dir, sizeof dir, "/tmp/kmcp-chain-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/audit", dir);
    snprintf(copy_path, sizeof copy_path, "%s.copy", path);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    forget_all();
    return rmdir(dir);
}

static struct chain *open_chain(uint64_t rotate)
{
    struct chain_settings s = { .path = path, .rotate_bytes = rotate };
    struct chain *c = chain_new(&s);

    assert_non_null(c);
    return c;
}

static bool add(struct chain *c, const char *text, char *why)
{
    struct buf body;
    bool ok;

    buf_init(&body, 1 << 16);
    buf_printf(&body, "\"event\":\"%s\"", text);
    ok = chain_add(c, &body, 1, why, 600);
    buf_free(&body);
    return ok;
}

static void must_add(struct chain *c, const char *text)
{
    char why[600] = "";

    if (!add(c, text, why))
        fail_msg("%s", why);
}

static char *slurp(const char *name, size_t *len)
{
    FILE *f = fopen(name, "r");
    char *text = calloc(1, 1 << 20);

    assert_non_null(f);
    *len = fread(text, 1, (1 << 20) - 1, f);
    fclose(f);
    return text;
}

static void spill(const char *name, const char *text, size_t len)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0 && write(fd, text, len) == (ssize_t)len);
    close(fd);
}

/* The file NAME alone, beside the head of the file HEAD_OF. */
static struct verify check(const char *name, const char *head_of)
{
    struct verify v = { .key = key };
    struct audit_files f, others;
    char why[600];

    if (head_of) {
        assert_true(verify_find(&v, &others, head_of, NULL, why, sizeof why));
        audit_files_free(&others);
    }
    assert_true(audit_files_find(&f, name, why, sizeof why));
    assert_true(verify_file(&v, &f, f.n - 1));
    audit_files_free(&f);
    if (head_of)
        verify_end(&v, head_of);
    return v;
}

/* All there is of the file at PATH, as it was when F was found. */
static void check_files(struct verify *v, const struct audit_files *f)
{
    for (size_t i = 0; i < f->n; i++)
        assert_true(verify_file(v, f, i));
    verify_end(v, path);
}

static void find_files(struct verify *v, struct audit_files *f, const char *anchors)
{
    char why[600];

    *v = (struct verify){ .key = key };
    if (!verify_find(v, f, path, anchors, why, sizeof why))
        fail_msg("%s", why);
}

static void read_the_key(void)
{
    char why[600], name[130];

    snprintf(name, sizeof name, "%s.key", path);
    assert_true(keyfile_read(name, false, key, why, sizeof why));
}

static void is_whole(void **state)
{
    struct chain *c;
    struct verify v;

    (void)state;
    forget_all();
    c = open_chain(0);
    for (int i = 0; i < 5; i++)
        must_add(c, "one");
    chain_free(c);
    c = open_chain(0); /* after a restart */
    must_add(c, "two");
    chain_free(c);
    read_the_key();
    v = check(path, path);
    assert_int_equal(v.faults, 0);
    assert_int_equal(v.records, 6);
    assert_int_equal(v.last, 6);
}

/* Every byte set to something else, every line removed, every two neighbours swapped, every cut at a line. */
static void every_change_is_found(void **state)
{
    size_t len, starts[16], n = 0;
    char *text, *changed = malloc(1 << 20);
    struct chain *c;

    (void)state;
    forget_all();
    c = open_chain(0);
    for (int i = 0; i < 6; i++)
        must_add(c, "an event");
    chain_free(c);
    read_the_key();
    text = slurp(path, &len);
    for (size_t i = 0; i < len; i++)
        if (i == 0 || text[i - 1] == '\n')
            starts[n++] = i;
    assert_int_equal(n, 6);
    memcpy(changed, text, len);
    for (size_t i = 0; i < len; i++) {
        const char others[] = { (char)(text[i] ^ 1), (char)(text[i] ^ 0x20), '\n', ' ', '\0' };

        for (size_t k = 0; k < sizeof others; k++) {
            changed[i] = others[k];
            spill(copy_path, changed, len);
            if (changed[i] != text[i] && check(copy_path, path).faults == 0)
                fail_msg("byte %zu as %d was not found", i, others[k]);
        }
        changed[i] = text[i];
    }
    starts[n] = len;
    for (size_t i = 0; i < n; i++) {
        memcpy(changed, text, starts[i]);
        memcpy(changed + starts[i], text + starts[i + 1], len - starts[i + 1]);
        spill(copy_path, changed, len - (starts[i + 1] - starts[i]));
        if (check(copy_path, path).faults == 0)
            fail_msg("removing line %zu was not found", i + 1);
        spill(copy_path, text, starts[i]);
        if (check(copy_path, path).faults == 0)
            fail_msg("cutting at line %zu was not found", i + 1);
        if (i + 1 < n) {
            size_t a = starts[i + 1] - starts[i], b = starts[i + 2] - starts[i + 1];

            memcpy(changed, text, len);
            memcpy(changed + starts[i], text + starts[i + 1], b);
            memcpy(changed + starts[i] + b, text + starts[i], a);
            spill(copy_path, changed, len);
            if (check(copy_path, path).faults == 0)
                fail_msg("swapping lines %zu and %zu was not found", i + 1, i + 2);
            memcpy(changed, text, starts[i + 1]); /* a line twice */
            memcpy(changed + starts[i + 1], text + starts[i], len - starts[i]);
            spill(copy_path, changed, len + a);
            assert_true(check(copy_path, path).faults > 0);
        }
    }
    free(text);
    free(changed);
}

static void nobody_goes_on_after_tampering(void **state)
{
    char why[600], *text;
    struct chain *c;
    size_t len;

    (void)state;
    forget_all();
    c = open_chain(0);
    for (int i = 0; i < 4; i++)
        must_add(c, "one");
    text = slurp(path, &len);
    assert_int_equal(truncate(path, (off_t)len / 2), 0);
    assert_false(add(c, "two", why));
    assert_has(why, "records were removed");
    assert_has(why, "kmcp audit verify");
    spill(path, text, len);
    must_add(c, "two"); /* as it was */
    chain_free(c);
    free(text);
}

static void a_lost_key_is_not_made_anew(void **state)
{
    char why[600], name[130];
    struct chain *c;

    (void)state;
    forget_all();
    c = open_chain(0);
    must_add(c, "one");
    chain_free(c);
    snprintf(name, sizeof name, "%s.key", path);
    unlink(name);
    c = open_chain(0);
    assert_false(add(c, "two", why));
    assert_has(why, "restore it from a copy");
    assert_int_not_equal(access(name, F_OK), 0);
    chain_free(c);
}

static void rotates_and_follows(void **state)
{
    struct audit_files f;
    struct verify v;
    struct chain *c;
    char old[130], why[600];

    (void)state;
    forget_all();
    c = open_chain(300);
    for (int i = 0; i < 8; i++)
        must_add(c, "one");
    read_the_key();
    find_files(&v, &f, NULL);
    assert_true(f.n >= 3);
    check_files(&v, &f);
    audit_files_free(&f);
    assert_int_equal(v.faults, 0);
    assert_int_equal(v.records, 8);
    chain_free(c);
    c = open_chain(0); /* and somebody else's rotation */
    snprintf(old, sizeof old, "%s.old", path);
    rename(path, old);
    must_add(c, "two");
    chain_free(c);
    v = check(path, path);
    assert_int_equal(v.faults, 0); /* those before are in another file, which is for a person to say */
    assert_int_equal(v.first, 9);
    assert_int_equal(strspn(v.before, "0") < CHAIN_MAC_HEX, 1);
    v = (struct verify){ .key = key, .from = 1 };
    assert_true(audit_files_find(&f, path, why, sizeof why));
    assert_true(verify_file(&v, &f, f.n - 1));
    audit_files_free(&f);
    assert_int_equal(v.faults, 1);
}

/* A crash between the steps of a write. */
static void a_crash_leaves_a_chain(void **state)
{
    char head[130], *text, *old_head;
    size_t len, head_len;
    struct chain *c;
    struct verify v;
    int fd;

    (void)state;
    forget_all();
    c = open_chain(0);
    must_add(c, "one");
    snprintf(head, sizeof head, "%s.head", path);
    old_head = slurp(head, &head_len);
    must_add(c, "two");
    must_add(c, "three");
    spill(head, old_head, head_len); /* the file is ahead of its head */
    must_add(c, "four");
    read_the_key();
    assert_int_equal(check(path, path).faults, 0);
    fd = open(path, O_WRONLY | O_APPEND);
    assert_true(write(fd, "{\"v\":2,\"seq\":5,\"prev\":\"12", 24) == 24); /* cut in the middle of a record */
    close(fd);
    must_add(c, "five");
    v = check(path, path);
    assert_int_equal(v.faults, 0);
    assert_int_equal(v.torn, 1);
    assert_int_equal(v.last, 5);
    chain_free(c);
    text = slurp(path, &len);
    assert_has(text, "\"torn\":24,");
    free(text);
    free(old_head);
}

static void give_up(const char *head, const char *name)
{
    unlink(head);
    unlink(name);
}

/* Every point at which the first record of all can be cut off: head, key, record, head again. */
static void a_first_record_may_be_cut_off(void **state)
{
    char head[130], key_name[130], *first, *later;
    size_t first_len, later_len;
    struct chain *c;

    (void)state;
    snprintf(head, sizeof head, "%s.head", path);
    snprintf(key_name, sizeof key_name, "%s.key", path);
    for (int i = 0; i < 4; i++) {
        char why[600];

        forget_all();
        c = open_chain(0);
        assert_true(chain_ready(c, why, sizeof why)); /* the head is there, and the key, and no record */
        chain_free(c);
        first = slurp(head, &first_len);
        if (i == 0)
            give_up(head, key_name); /* not even the head */
        if (i == 1)
            unlink(key_name); /* the head, not the key */
        c = open_chain(0);
        must_add(c, "one");
        chain_free(c);
        if (i == 3)
            spill(head, first, first_len); /* the record, not its head */
        c = open_chain(0);
        must_add(c, "two");
        chain_free(c);
        read_the_key();
        assert_int_equal(check(path, path).faults, 0);
        assert_int_equal(check(path, path).last, 2);
        free(first);
    }
    /* the same, cut in the middle of the record */
    forget_all();
    c = open_chain(0);
    must_add(c, "one");
    chain_free(c);
    later = slurp(path, &later_len);
    forget_all();
    c = open_chain(0);
    assert_true(chain_ready(c, head, 0));
    chain_free(c);
    spill(path, later, 40);
    free(later);
    c = open_chain(0);
    must_add(c, "one");
    chain_free(c);
    read_the_key();
    assert_int_equal(check(path, path).faults, 0);
}

static bool accept_all(struct chain *c)
{
    struct verify v = check(path, NULL);
    struct buf body;
    char why[600];
    bool ok;

    buf_init(&body, 1 << 16);
    buf_puts(&body, "\"time\":\"now\",\"event\":\"accepted\",\"id\":\"1\"");
    ok = chain_accept(c, v.last, v.mac, v.tail, &body, why, sizeof why);
    buf_free(&body);
    return ok;
}

/* Who cannot make MACs removes the end, and what says that it was there. */
static void what_is_missing_has_to_be_accepted(void **state)
{
    static const char *const what[] = { "no head", "no head and a shorter file", "a head of something else",
                                        "no file", "a shorter file" };
    char head[130], why[600];
    struct verify v;

    (void)state;
    snprintf(head, sizeof head, "%s.head", path);
    for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
        struct chain *c;
        char *text;
        size_t len;

        forget_all();
        c = open_chain(0);
        for (int k = 0; k < 4; k++)
            must_add(c, "one");
        chain_free(c);
        read_the_key();
        text = slurp(path, &len);
        if (i < 2 || i == 3)
            unlink(head);
        if (i == 1 || i == 4)
            spill(path, text, len / 2);
        if (i == 2)
            spill(head, text, 60);
        if (i == 3)
            unlink(path);
        free(text);
        c = open_chain(0);
        if (add(c, "two", why))
            fail_msg("went on with %s", what[i]);
        assert_has(why, "kmcp audit accept");
        assert_false(chain_ready(c, why, sizeof why));
        if (!accept_all(c))
            fail_msg("%s could not be accepted", what[i]);
        must_add(c, "three");
        chain_free(c);
        v = check(path, path);
        if (v.faults || v.accepted != 1)
            fail_msg("after %s was accepted: %d faults, accepted %d times", what[i], (int)v.faults,
                     (int)v.accepted);
        assert_int_equal(v.last, i == 3 ? 2 : i == 1 ? v.last : 6);
    }
}

static void an_old_file_is_put_aside(void **state)
{
    static const char old[] = "{\"v\":1,\"event\":\"intent\"}\n";
    struct chain *c;

    (void)state;
    forget_all();
    spill(path, old, sizeof old - 1);
    c = open_chain(0);
    must_add(c, "one");
    chain_free(c);
    read_the_key();
    assert_int_equal(check(path, path).records, 1);
}

static void anchors_are_compared(void **state)
{
    char anchors[130], name[130], host[256], *text;
    struct chain_settings s = { .path = path };
    struct audit_files files;
    struct verify v;
    struct chain_head fresh = { 0 };
    struct stat st;
    struct chain *c;
    size_t len;

    (void)state;
    forget_all();
    snprintf(anchors, sizeof anchors, "%s.anchors", path);
    s.anchor_file = anchors;
    c = chain_new(&s);
    for (int i = 0; i < 3; i++)
        must_add(c, "one");
    chain_free(c);
    read_the_key();
    anchor_host(host, sizeof host);
    find_files(&v, &files, anchors);
    assert_true(verify_anchors(&v, anchors, host, path, &files));
    audit_files_free(&files);
    assert_int_equal(v.faults, 0);
    assert_int_equal(v.compared, 3);
    text = slurp(anchors, &len);
    assert_int_equal(strspn(text, "0123456789-:TZ") > 0, 1);
    free(text);
    /* who has the key writes the whole chain anew: the anchors tell */
    snprintf(name, sizeof name, "%s.head", path);
    unlink(name);
    unlink(path);
    s.anchor_file = NULL;
    spill(path, "", 0);
    assert_int_equal(stat(path, &st), 0);
    fresh.inode = (uint64_t)st.st_ino;
    memset(fresh.mac, '0', CHAIN_MAC_HEX);
    assert_true(head_write(name, key, &fresh));
    c = chain_new(&s);
    for (int i = 0; i < 3; i++)
        must_add(c, "forged");
    chain_free(c);
    assert_int_equal(check(path, path).faults, 0);
    find_files(&v, &files, anchors);
    assert_true(verify_anchors(&v, anchors, host, path, &files));
    audit_files_free(&files);
    assert_int_equal(v.faults, 3);
    find_files(&v, &files, anchors); /* those of another machine, or another file, say nothing of this one */
    assert_true(verify_anchors(&v, anchors, "elsewhere", path, &files));
    audit_files_free(&files);
    assert_int_equal(v.others, 3);
    assert_int_equal(v.faults, 1); /* that none of them is for it */
}

static void an_anchor_is_read_from_its_end(void **state)
{
    static const char mac[] = "00000000000000000000000000000000000000000000000000000000000000ff";
    char line[300];
    struct anchor a;

    (void)state;
    snprintf(line, sizeof line, "2026-11-25T10:00:00Z web1 /var/log files/my audit.jsonl 12 %s\n", mac);
    assert_true(anchor_parse(line, &a));
    assert_string_equal(a.host, "web1");
    assert_string_equal(a.path, "/var/log files/my audit.jsonl");
    assert_string_equal(a.mac, mac);
    assert_int_equal(a.seq, 12);
    snprintf(line, sizeof line, "2026-11-25T10:00:00Z /a b 3 %s\n", mac); /* as they were before */
    assert_true(anchor_parse(line, &a));
    assert_null(a.host);
    assert_string_equal(a.path, "/a b");
    for (const char *const *bad =
             (const char *const[]){ "", "x", "a b c d", "2026-11-25T10:00:00Z web1 /a x MAC", NULL };
         *bad; bad++) {
        snprintf(line, sizeof line, "%s", *bad);
        assert_false(anchor_parse(line, &a));
    }
}

/* What is in the file says whether it is the one that the head is of; its inode may be another's. */
static void a_file_is_known_by_its_records(void **state)
{
    char head[130], old[130], why[600], *text;
    struct chain_head was, now;
    struct chain *c;
    size_t len;

    (void)state;
    forget_all();
    snprintf(head, sizeof head, "%s.head", path);
    snprintf(old, sizeof old, "%s.old", path);
    c = open_chain(0);
    must_add(c, "one");
    must_add(c, "two");
    read_the_key();
    assert_int_equal(head_read(head, key, &was), HEAD_GOOD);
    rename(path, old);
    must_add(c, "three");
    assert_int_equal(head_read(head, key, &now), HEAD_GOOD);
    was.inode = now.inode; /* the file system gave the new file the old one's */
    was.size = 1 << 20;
    assert_true(head_write(head, key, &was));
    must_add(c, "four");
    text = slurp(path, &len);
    spill(old, text, len); /* a copy of the file, put back in its place */
    rename(old, path);
    must_add(c, "five");
    assert_int_equal(check(path, path).faults, 0);
    free(text);
    text = slurp(path, &len);
    text[len - 10] = text[len - 10] == '0' ? '1' : '0';
    spill(path, text, len);
    assert_false(add(c, "six", why));
    assert_has(why, "the record that was written last is not in its place");
    free(text);
    chain_free(c);
}

static void rotation_goes_on_from_the_highest(void **state)
{
    char name[130];
    struct chain *c;

    (void)state;
    forget_all();
    c = open_chain(300);
    for (int i = 0; i < 6; i++)
        must_add(c, "one");
    snprintf(name, sizeof name, "%s.000001", path);
    assert_int_equal(unlink(name), 0); /* archived */
    for (int i = 0; i < 3; i++)
        must_add(c, "one");
    assert_int_not_equal(access(name, F_OK), 0);
    snprintf(name, sizeof name, "%s.000003", path);
    assert_int_equal(access(name, F_OK), 0);
    chain_free(c);
}

#define PROCESSES 8
#define EACH      25

static void processes_make_one_chain(void **state)
{
    struct verify v;
    int status, failed = 0;

    (void)state;
    forget_all();
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            struct chain *c = open_chain(0);
            char why[600];
            int bad = 0;

            for (int k = 0; k < EACH; k++)
                bad += !add(c, "one", why);
            _exit(bad);
        }
    while (wait(&status) > 0)
        failed += status;
    assert_int_equal(failed, 0);
    read_the_key();
    v = check(path, path);
    assert_int_equal(v.faults, 0);
    assert_int_equal(v.records, PROCESSES * EACH);
    assert_int_equal(v.last, PROCESSES * EACH);
}

/* That it made a file says nothing of the one that is in its place by the time it has the lock. */
static void who_made_a_file_looks_at_the_next(void **state)
{
    char name[130], old[130], why[600];
    struct chain *maker, *other;

    (void)state;
    forget_all();
    snprintf(name, sizeof name, "%s.lock", path);
    snprintf(old, sizeof old, "%s.old", path);
    assert_int_equal(mkdir(name, 0700), 0); /* no turn is to be had */
    maker = open_chain(0);
    assert_false(add(maker, "one", why));
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(rmdir(name), 0);
    other = open_chain(0);
    must_add(other, "one");
    rename(path, old);
    must_add(other, "two");
    assert_int_equal(truncate(path, 0), 0);
    assert_false(add(maker, "three", why));
    assert_has(why, "records were removed");
    chain_free(maker);
    chain_free(other);
}

/* A record that another process was writing as the file was opened is whole by the time of our turn. */
static void what_was_half_there_is_not_torn(void **state)
{
    char name[130], away[130], why[600], *text;
    struct chain *other, *c;
    size_t len;
    int fd;

    (void)state;
    forget_all();
    snprintf(name, sizeof name, "%s.lock", path);
    snprintf(away, sizeof away, "%s.old", path);
    other = open_chain(0);
    must_add(other, "one");
    text = slurp(path, &len);
    assert_int_equal(truncate(path, (off_t)len - 20), 0);
    rename(name, away);
    assert_int_equal(mkdir(name, 0700), 0); /* no turn is to be had */
    c = open_chain(0);
    assert_false(add(c, "two", why));
    assert_int_equal(rmdir(name), 0);
    rename(away, name);
    fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, text + len - 20, 20), 20);
    close(fd);
    free(text);
    must_add(c, "two");
    text = slurp(path, &len);
    assert_lacks(text, "\n\n");
    free(text);
    chain_free(c);
    chain_free(other);
}

/* Who reads sees what there was at one moment, whatever is written and rotated from then on. */
static void who_reads_is_not_overtaken(void **state)
{
    char anchors[130], host[256];
    struct chain_settings s = { .path = path, .rotate_bytes = 300, .anchor_file = anchors };
    struct audit_files f;
    struct chain *c;
    struct verify v;

    (void)state;
    forget_all();
    snprintf(anchors, sizeof anchors, "%s.anchors", path);
    anchor_host(host, sizeof host);
    for (int more = 1; more < 4; more++) { /* in the same file, and in the next ones */
        c = chain_new(&s);
        must_add(c, "seen");
        read_the_key();
        find_files(&v, &f, anchors);
        for (int i = 0; i < more; i++)
            must_add(c, "not seen");
        check_files(&v, &f);
        verify_mark(&v, &f, v.last, v.mac);
        assert_true(verify_anchors(&v, anchors, host, path, &f));
        audit_files_free(&f);
        assert_int_equal(v.faults, 0);
        assert_int_equal(v.compared, v.last);
        chain_free(c);
        forget_all();
    }
}

/* A record that is being written is not taken for a torn one. */
static void who_reads_waits_for_who_writes(void **state)
{
    static const char half[] = "{\"v\":2,\"seq\":2,";
    struct flock next = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1 };
    int64_t until = clock_ms() + 20000;
    int status, lock, fd;
    struct audit_files f;
    struct chain *c;
    struct verify v;
    char name[130];
    pid_t reader;

    (void)state;
    forget_all();
    c = open_chain(0);
    must_add(c, "one");
    read_the_key();
    snprintf(name, sizeof name, "%s.lock", path);
    lock = open(name, O_RDWR);
    fd = open(path, O_WRONLY | O_APPEND);
    assert_true(turn_take(lock, 0));
    assert_int_equal(write(fd, half, sizeof half - 1), sizeof half - 1);
    reader = fork();
    if (reader == 0) {
        find_files(&v, &f, NULL);
        check_files(&v, &f);
        _exit((int)v.faults);
    }
    while (fcntl(lock, F_GETLK, &next) == 0 && next.l_type == F_UNLCK) {
        next.l_type = F_WRLCK;
        assert_true(clock_ms() < until);
    }
    assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - (off_t)(sizeof half - 1)), 0);
    turn_end(lock);
    assert_true(waitpid(reader, &status, 0) == reader);
    assert_int_equal(status, 0);
    close(fd);
    close(lock);
    chain_free(c);
}

/* Two people accept the same torn end: the second one is told that it is whole. */
static void it_is_accepted_once(void **state)
{
    struct chain *c, *other;
    char head[130], why[600];
    struct buf body;
    struct verify v;
    int fd;

    (void)state;
    forget_all();
    c = open_chain(0);
    must_add(c, "one");
    read_the_key();
    snprintf(head, sizeof head, "%s.head", path);
    unlink(head);
    fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "torn", 4), 4);
    close(fd);
    v = check(path, NULL);
    assert_int_equal(v.tail, 4);
    assert_true(accept_all(c));
    other = open_chain(0);
    buf_init(&body, 1 << 16);
    buf_puts(&body, "\"time\":\"now\",\"event\":\"accepted\",\"id\":\"2\"");
    assert_false(chain_accept(other, v.last, v.mac, v.tail, &body, why, sizeof why));
    assert_has(why, "whole by now");
    buf_free(&body);
    chain_free(other);
    chain_free(c);
    v = check(path, path);
    assert_int_equal(v.faults, 0);
    assert_int_equal(v.accepted, 1);
}

/* Who made the file need not be the first to write into it: here it waits for the lock meanwhile. */
static void who_made_the_file_may_come_second(void **state)
{
    struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int64_t until = clock_ms() + 20000;
    int status, held;
    struct chain *c;
    pid_t maker;
    char name[130];

    (void)state;
    forget_all();
    snprintf(name, sizeof name, "%s.lock", path);
    held = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(held >= 0 && fcntl(held, F_SETLK, &all) == 0);
    maker = fork();
    if (maker == 0) {
        char why[600];

        c = open_chain(0);
        _exit(add(c, "second", why) ? 0 : 1);
    }
    while (access(path, F_OK) != 0 && clock_ms() < until)
        continue;
    c = open_chain(0);
    must_add(c, "first"); /* the lock is this process's; it ends with this */
    close(held);
    assert_true(waitpid(maker, &status, 0) == maker && status == 0);
    must_add(c, "third");
    chain_free(c);
    read_the_key();
    assert_int_equal(check(path, path).faults, 0);
    assert_int_equal(check(path, path).last, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_whole),
        cmocka_unit_test(every_change_is_found),
        cmocka_unit_test(nobody_goes_on_after_tampering),
        cmocka_unit_test(a_lost_key_is_not_made_anew),
        cmocka_unit_test(rotates_and_follows),
        cmocka_unit_test(a_crash_leaves_a_chain),
        cmocka_unit_test(a_first_record_may_be_cut_off),
        cmocka_unit_test(what_is_missing_has_to_be_accepted),
        cmocka_unit_test(an_old_file_is_put_aside),
        cmocka_unit_test(anchors_are_compared),
        cmocka_unit_test(an_anchor_is_read_from_its_end),
        cmocka_unit_test(a_file_is_known_by_its_records),
        cmocka_unit_test(rotation_goes_on_from_the_highest),
        cmocka_unit_test(processes_make_one_chain),
        cmocka_unit_test(who_made_the_file_may_come_second),
        cmocka_unit_test(who_made_a_file_looks_at_the_next),
        cmocka_unit_test(what_was_half_there_is_not_torn),
        cmocka_unit_test(who_reads_is_not_overtaken),
        cmocka_unit_test(who_reads_waits_for_who_writes),
        cmocka_unit_test(it_is_accepted_once),
    };

    return cmocka_run_group_tests(tests, make, unmake);
}
