/* sqlite.c - the module kmcp-sqlite.so: state in a file, for all processes of one machine. The only file that
 * sees SQLite.  SPDX-License-Identifier: Apache-2.0
 *
 * Write-ahead log, one IMMEDIATE transaction for each change, synced (synchronous = FULL) but for the request
 * budget, which may lose its last second in a power cut. Deleted bytes are overwritten (secure_delete).
 */

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/allowance.h"
#include "base/clock.h"
#include "base/turn.h"
#include "state_ops.h"

enum {
    BEGIN_NOW,
    COMMIT,
    GET,
    PUT_NEW,
    PUT_NEXT,
    DROP,
    ADD,
    EACH,
    SWEEP,
    BUCKET,
    SET_BUCKET,
    IN_WINDOW,
    OLDEST,
    ADD_EVENT,
    DROP_EVENTS,
    N_SQL
};

static const char *const sql[N_SQL] = {
    [BEGIN_NOW] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [GET] =
        "SELECT value, version, expires FROM record WHERE space=?1 AND key=?2 AND (expires=0 OR expires>?3)",
    [PUT_NEW] = "INSERT INTO record(space, key, value, version, expires) VALUES(?1, ?2, ?4, 1, ?5) "
                "ON CONFLICT(space, key) DO UPDATE SET value=?4, version=1, expires=?5 "
                "WHERE expires<>0 AND expires<=?3",
    [PUT_NEXT] = "UPDATE record SET value=?4, version=version+1, expires=?5 "
                 "WHERE space=?1 AND key=?2 AND version=?6 AND (expires=0 OR expires>?3)",
    [ADD] =
        "INSERT OR IGNORE INTO record(space, key, value, version, expires) VALUES(?1, ?2 || ?3, ?4, 1, 0)",
    [DROP] = "DELETE FROM record WHERE space=?1 AND key=?2 AND (?4=0 OR version=?4)",
    [EACH] = "SELECT key, value, version, expires FROM record WHERE space=?1 AND (expires=0 OR expires>?3) "
             "AND substr(key, 1, length(?2))=?2 ORDER BY key",
    [SWEEP] = "DELETE FROM record WHERE expires<>0 AND expires<=?1",
    [BUCKET] = "SELECT head, closed_until, used FROM allowance WHERE key=?1",
    [SET_BUCKET] = "INSERT OR REPLACE INTO allowance(key, head, closed_until, used) VALUES(?1, ?2, ?3, ?4)",
    [IN_WINDOW] = "SELECT count(*) FROM event WHERE key=?1 AND at>?2",
    [OLDEST] = "SELECT at FROM event WHERE key=?1 AND at>?2 ORDER BY at LIMIT 1 OFFSET ?3",
    [ADD_EVENT] = "INSERT INTO event(key, at) VALUES(?1, ?2)",
    [DROP_EVENTS] = "DELETE FROM event WHERE key=?1 AND at<=?2",
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS record(space TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, "
    "version INTEGER NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY(space, key)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS record_expires ON record(expires) WHERE expires<>0;"
    "DROP TABLE IF EXISTS bucket;" /* of schema 1; what it held is learnt again within the hour */
    "CREATE TABLE IF NOT EXISTS allowance(key TEXT PRIMARY KEY, head INTEGER NOT NULL, "
    "closed_until INTEGER NOT NULL, used BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS event(key TEXT NOT NULL, at INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS event_key ON event(key, at);"
    "PRAGMA user_version=2;";

struct db {
    sqlite3 *handle;
    sqlite3_stmt *stmt[N_SQL];
    char path[600];
    bool lazy; /* synchronous = NORMAL now */
    int turn;  /* FILE.lock; -1: none */
    int timeout_ms;
};

static enum state_rc lost(struct db *db, char *fault)
{
    int code = sqlite3_errcode(db->handle);
    const char *remedy = code == SQLITE_CORRUPT || code == SQLITE_NOTADB
                             ? "move it away; approvals, caps and sealed secrets in it are then gone"
                         : code == SQLITE_FULL ? "make room for it"
                         : code == SQLITE_BUSY ? "another process holds it; try again"
                         : code == SQLITE_READONLY || code == SQLITE_PERM || code == SQLITE_CANTOPEN
                             ? "make it and its folder writable"
                             : "see docs/state.md";

    snprintf(fault, STATE_FAULT_MAX, "the state file \"%.200s\" cannot be used (%.100s); %s", db->path,
             sqlite3_errmsg(db->handle), remedy);
    return STATE_LOST;
}

static bool run(struct db *db, const char *text)
{
    return sqlite3_exec(db->handle, text, NULL, NULL, NULL) == SQLITE_OK;
}

static void close_db(void *arg)
{
    struct db *db = arg;

    for (int i = 0; i < N_SQL; i++)
        sqlite3_finalize(db->stmt[i]);
    sqlite3_close(db->handle);
    if (db->turn >= 0)
        close(db->turn);
    free(db);
}

/* The schema's version: 0 is a new file; newer than ours is refused. */
static bool check_schema(struct db *db, char *fault)
{
    sqlite3_stmt *st = NULL;
    int version = -1;

    if (sqlite3_prepare_v2(db->handle, "PRAGMA user_version", -1, &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW)
        version = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    if (version < 0)
        return lost(db, fault) == STATE_YES;
    if (version > STATE_SCHEMA) {
        snprintf(
            fault, STATE_FAULT_MAX,
            "the state file \"%.200s\" was written by a newer kmcp (schema %d, this one knows %d); use that "
            "one",
            db->path, version, STATE_SCHEMA);
        return false;
    }
    if (version == STATE_SCHEMA)
        return true;
    if (!run(db, "BEGIN IMMEDIATE") || !run(db, schema) || !run(db, "COMMIT")) {
        lost(db, fault);
        run(db, "ROLLBACK");
        return false;
    }
    return true;
}

static bool is_sound(struct db *db, char *fault)
{
    sqlite3_stmt *st = NULL;
    bool ok = sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &st, NULL) == SQLITE_OK &&
              sqlite3_step(st) == SQLITE_ROW && sqlite3_column_text(st, 0) &&
              strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0;

    if (!ok)
        snprintf(fault, STATE_FAULT_MAX,
                 "the state file \"%.200s\" is damaged; move it away; approvals, caps and sealed secrets in "
                 "it are "
                 "then gone",
                 db->path);
    sqlite3_finalize(st);
    return ok;
}

/* SQLite lets whoever comes first have the file, and who waits naps for up to 100 ms: one that writes without
 * pause would keep others out until their time is up. So writers take turns. A lock file that cannot be had
 * costs no more than that. */
static int open_turn(const char *path)
{
    char name[620];

    snprintf(name, sizeof name, "%s.lock", path);
    return open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
}

/* Several processes may make the file at once; who turns the log on does not wait for another who does,
 * whatever the busy timeout is. */
static bool turn_log_on(struct db *db, int timeout_ms)
{
    for (int waited = 0;; waited += 10) {
        if (run(db, "PRAGMA journal_mode=WAL"))
            return true;
        if (sqlite3_errcode(db->handle) != SQLITE_BUSY || waited >= timeout_ms)
            return false;
        sqlite3_sleep(10);
    }
}

static void *open_db(const struct state_place *place, char *fault)
{
    struct db *db = calloc(1, sizeof *db);
    mode_t before;
    int rc;

    if (!db) {
        snprintf(fault, STATE_FAULT_MAX, "out of memory");
        return NULL;
    }
    snprintf(db->path, sizeof db->path, "%s", place->path);
    db->timeout_ms = place->timeout_ms;
    before = umask(077); /* the -wal and -shm files too; SQLite gives them the mode of the file itself */
    db->turn = open_turn(place->path);
    rc = sqlite3_open_v2(place->path, &db->handle,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, NULL);
    if (rc == SQLITE_OK)
        sqlite3_busy_timeout(db->handle, place->timeout_ms);
    if (rc != SQLITE_OK || !turn_log_on(db, place->timeout_ms) || !run(db, "PRAGMA synchronous=FULL") ||
        !run(db, "PRAGMA secure_delete=ON") || !run(db, "PRAGMA cache_size=-256")) {
        lost(db, fault);
        umask(before);
        close_db(db);
        return NULL;
    }
    umask(before);
    if (!check_schema(db, fault) || !is_sound(db, fault)) {
        close_db(db);
        return NULL;
    }
    for (int i = 0; i < N_SQL; i++)
        if (sqlite3_prepare_v3(db->handle, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &db->stmt[i], NULL) !=
            SQLITE_OK) {
            lost(db, fault);
            close_db(db);
            return NULL;
        }
    return db;
}

/* ---- statements ---- */

static void bind_text(sqlite3_stmt *st, int i, const char *text)
{
    sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC);
}

static int step(sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);

    if (rc != SQLITE_ROW) {
        sqlite3_reset(st);
        sqlite3_clear_bindings(st);
    }
    return rc;
}

static void done(sqlite3_stmt *st)
{
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
}

static void leave(struct db *db)
{
    if (db->turn >= 0)
        turn_end(db->turn);
}

/* Durable, unless only the budget is at stake. */
static bool begin(struct db *db, bool lazy)
{
    int64_t left = db->timeout_ms, from = clock_ms();

    if (lazy != db->lazy) {
        if (!run(db, lazy ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL"))
            return false;
        db->lazy = lazy;
    }
    if (db->turn >= 0)
        turn_take(db->turn, db->timeout_ms);
    left -= clock_ms() - from;
    sqlite3_busy_timeout(db->handle, left > 0 ? (int)left : 0);
    if (step(db->stmt[BEGIN_NOW]) == SQLITE_DONE)
        return true;
    leave(db);
    return false;
}

static enum state_rc end(struct db *db, enum state_rc rc, char *fault)
{
    if (rc == STATE_LOST || step(db->stmt[COMMIT]) != SQLITE_DONE) {
        rc = lost(db, fault);
        run(db, "ROLLBACK");
    }
    leave(db);
    return rc;
}

/* ---- buckets ---- */

static bool read_bucket(struct db *db, int64_t now, const struct state_bucket *b, struct allowance *out)
{
    sqlite3_stmt *st = db->stmt[BUCKET];
    int rc;

    *out = (struct allowance){ 0 };
    bind_text(st, 1, b->key);
    rc = step(st);
    if (rc == SQLITE_ROW) {
        const void *used = sqlite3_column_blob(st, 2);

        out->head = sqlite3_column_int64(st, 0);
        out->closed_until = sqlite3_column_int64(st, 1);
        if (used && sqlite3_column_bytes(st, 2) == (int)sizeof out->used)
            memcpy(out->used, used, sizeof out->used);
        done(st);
    } else if (rc != SQLITE_DONE) {
        return false;
    }
    allowance_settle(out, now, b->period_ms);
    return true;
}

static bool write_bucket(struct db *db, const char *key, const struct allowance *a)
{
    sqlite3_stmt *st = db->stmt[SET_BUCKET];

    bind_text(st, 1, key);
    sqlite3_bind_int64(st, 2, a->head);
    sqlite3_bind_int64(st, 3, a->closed_until);
    sqlite3_bind_blob(st, 4, a->used, sizeof a->used, SQLITE_STATIC);
    return step(st) == SQLITE_DONE;
}

static enum state_rc take(void *arg, int64_t now, const struct state_bucket *b, size_t n, int64_t *wait_ms,
                          int64_t *left, char *fault)
{
    struct db *db = arg;
    struct allowance levels[STATE_MANY];
    enum state_rc rc = STATE_YES;

    *wait_ms = 0;
    if (!begin(db, true))
        return lost(db, fault);
    for (size_t i = 0; i < n && rc != STATE_LOST; i++) {
        int64_t wait;

        if (!read_bucket(db, now, &b[i], &levels[i])) {
            rc = STATE_LOST;
            break;
        }
        wait = allowance_wait(&levels[i], now, b[i].capacity, b[i].period_ms, b[i].reserve, b[i].want);
        if (wait > *wait_ms)
            *wait_ms = wait;
    }
    if (rc == STATE_YES && *wait_ms)
        rc = STATE_NO;
    for (size_t i = 0; i < n && rc == STATE_YES; i++) {
        levels[i].used[0] += (uint32_t)b[i].want;
        if (!write_bucket(db, b[i].key, &levels[i]))
            rc = STATE_LOST;
    }
    for (size_t i = 0; left && i < n && rc != STATE_LOST; i++)
        left[i] = allowance_left(&levels[i], b[i].capacity);
    return end(db, rc, fault);
}

static enum state_rc learn(void *arg, int64_t now, const struct state_bucket *b, int64_t at_most,
                           int64_t pause_ms, char *fault)
{
    struct db *db = arg;
    struct allowance l;
    bool ok;

    if (!begin(db, true))
        return lost(db, fault);
    ok = read_bucket(db, now, b, &l);
    if (at_most >= 0)
        allowance_at_most(&l, b->capacity, at_most);
    if (pause_ms > 0 && now + pause_ms > l.closed_until)
        l.closed_until = now + pause_ms;
    ok = ok && write_bucket(db, b->key, &l);
    return end(db, ok ? STATE_YES : STATE_LOST, fault);
}

/* ---- windows ---- */

/* How many events there are; -1 if the store is lost. */
static int64_t in_window(struct db *db, const char *key, int64_t after)
{
    sqlite3_stmt *st = db->stmt[IN_WINDOW];
    int64_t n = -1;

    bind_text(st, 1, key);
    sqlite3_bind_int64(st, 2, after);
    if (step(st) == SQLITE_ROW) {
        n = sqlite3_column_int64(st, 0);
        done(st);
    }
    return n;
}

/* When the window has room again: when the event that is LIMIT from the end leaves it. */
static int64_t room_in(struct db *db, const struct state_window *w, int64_t now, int64_t events)
{
    sqlite3_stmt *st = db->stmt[OLDEST];
    int64_t wait = w->period_ms;

    if (w->limit < 1)
        return wait;
    bind_text(st, 1, w->key);
    sqlite3_bind_int64(st, 2, now - w->period_ms);
    sqlite3_bind_int64(st, 3, events - w->limit);
    if (step(st) == SQLITE_ROW) {
        wait = sqlite3_column_int64(st, 0) + w->period_ms - now;
        done(st);
    }
    return wait;
}

static bool add_event(struct db *db, const struct state_window *w, int64_t now)
{
    sqlite3_stmt *drop = db->stmt[DROP_EVENTS], *add = db->stmt[ADD_EVENT];

    bind_text(drop, 1, w->key);
    sqlite3_bind_int64(drop, 2, now - w->period_ms);
    if (step(drop) != SQLITE_DONE)
        return false;
    bind_text(add, 1, w->key);
    sqlite3_bind_int64(add, 2, now);
    return step(add) == SQLITE_DONE;
}

static enum state_rc count(void *arg, int64_t now, const struct state_window *w, size_t n, bool commit,
                           size_t *full, int64_t *wait_ms, char *fault)
{
    struct db *db = arg;
    enum state_rc rc = STATE_YES;

    *wait_ms = 0;
    if (!begin(db, false))
        return lost(db, fault);
    for (size_t i = 0; i < n && rc == STATE_YES; i++) {
        int64_t events = in_window(db, w[i].key, now - w[i].period_ms);

        if (events < 0) {
            rc = STATE_LOST;
        } else if (events >= w[i].limit) {
            *full = i;
            *wait_ms = room_in(db, &w[i], now, events);
            rc = STATE_NO;
        }
    }
    for (size_t i = 0; i < n && rc == STATE_YES && commit; i++)
        if (!add_event(db, &w[i], now))
            rc = STATE_LOST;
    return end(db, rc, fault);
}

/* ---- records ---- */

static bool copy_out(sqlite3_stmt *st, int column, struct state_record *out)
{
    const void *bytes = sqlite3_column_blob(st, column);

    out->len = (size_t)sqlite3_column_bytes(st, column);
    out->value = malloc(out->len + 1);
    if (!out->value)
        return false;
    if (out->len)
        memcpy(out->value, bytes, out->len);
    out->value[out->len] = '\0';
    out->version = sqlite3_column_int64(st, column + 1);
    out->expires_ms = sqlite3_column_int64(st, column + 2);
    return true;
}

static void bind_name(sqlite3_stmt *st, const char *space, const char *key, int64_t now)
{
    bind_text(st, 1, space);
    bind_text(st, 2, key);
    sqlite3_bind_int64(st, 3, now);
}

static enum state_rc get(void *arg, int64_t now, const char *space, const char *key, struct state_record *out,
                         char *fault)
{
    struct db *db = arg;
    sqlite3_stmt *st = db->stmt[GET];
    enum state_rc rc = STATE_NO;
    int stepped;

    bind_name(st, space, key, now);
    stepped = step(st);
    if (stepped == SQLITE_ROW) {
        rc = copy_out(st, 0, out) ? STATE_YES : STATE_LOST;
        done(st);
    } else if (stepped != SQLITE_DONE) {
        rc = STATE_LOST;
    }
    return rc == STATE_LOST ? lost(db, fault) : rc;
}

/* One change by one statement. */
static enum state_rc change(struct db *db, sqlite3_stmt *st, char *fault)
{
    enum state_rc rc = STATE_LOST;

    if (step(st) == SQLITE_DONE)
        rc = sqlite3_changes(db->handle) ? STATE_YES : STATE_NO;
    return end(db, rc, fault);
}

static enum state_rc put(void *arg, int64_t now, const char *space, const char *key, int64_t version,
                         const void *value, size_t len, int64_t expires_ms, char *fault)
{
    struct db *db = arg;
    sqlite3_stmt *st = db->stmt[version ? PUT_NEXT : PUT_NEW], *sweep = db->stmt[SWEEP];

    if (!begin(db, false))
        return lost(db, fault);
    sqlite3_bind_int64(sweep, 1, now);
    if (!version && step(sweep) != SQLITE_DONE)
        return end(db, STATE_LOST, fault);
    bind_name(st, space, key, now);
    sqlite3_bind_blob(st, 4, len ? value : "", (int)len, SQLITE_STATIC);
    sqlite3_bind_int64(st, 5, expires_ms);
    if (version)
        sqlite3_bind_int64(st, 6, version);
    return change(db, st, fault);
}

static enum state_rc add(void *arg, const char *space, const char *prefix, const struct state_new *rows,
                         size_t n, char *fault)
{
    struct db *db = arg;
    sqlite3_stmt *st = db->stmt[ADD];
    enum state_rc rc = STATE_YES;

    if (!begin(db, true))
        return lost(db, fault);
    for (size_t i = 0; i < n && rc == STATE_YES; i++) {
        bind_text(st, 1, space);
        bind_text(st, 2, prefix);
        bind_text(st, 3, rows[i].key);
        sqlite3_bind_blob(st, 4, rows[i].len ? rows[i].value : "", (int)rows[i].len, SQLITE_STATIC);
        if (step(st) != SQLITE_DONE)
            rc = STATE_LOST;
    }
    return end(db, rc, fault);
}

static enum state_rc drop(void *arg, int64_t now, const char *space, const char *key, int64_t version,
                          char *fault)
{
    struct db *db = arg;
    sqlite3_stmt *st = db->stmt[DROP];

    if (!begin(db, false))
        return lost(db, fault);
    bind_name(st, space, key, now);
    sqlite3_bind_int64(st, 4, version);
    return change(db, st, fault);
}

static enum state_rc each(void *arg, int64_t now, const char *space, const char *prefix, state_each_fn fn,
                          void *fn_arg, char *fault)
{
    struct db *db = arg;
    sqlite3_stmt *st = db->stmt[EACH];
    bool going = true;
    int stepped = SQLITE_DONE;

    bind_name(st, space, prefix, now);
    while (going && (stepped = step(st)) == SQLITE_ROW) {
        struct state_record record = { 0 };

        if (!copy_out(st, 1, &record)) {
            done(st);
            return lost(db, fault);
        }
        going = fn(fn_arg, (const char *)sqlite3_column_text(st, 0), &record);
        free(record.value);
    }
    if (!going)
        done(st);
    else if (stepped != SQLITE_DONE)
        return lost(db, fault);
    return STATE_YES;
}

extern __attribute__((visibility("default"))) const struct state_ops kmcp_sqlite_v1;
const struct state_ops kmcp_sqlite_v1 = { .open = open_db,
                                          .close = close_db,
                                          .take = take,
                                          .learn = learn,
                                          .count = count,
                                          .get = get,
                                          .put = put,
                                          .add = add,
                                          .drop = drop,
                                          .each = each };
