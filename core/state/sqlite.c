/* sqlite.c - the module kmcp-sqlite.so: state in a file, for all processes of one machine.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Write-ahead log, one IMMEDIATE transaction for each change, synced (synchronous = FULL) but for the request
 * budget, which may lose its last second in a power cut. Deleted bytes are overwritten (secure_delete).
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite_inner.h"

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

static void close_db(void *arg)
{
    struct sqlite_db *db = arg;

    for (int i = 0; i < N_SQL; i++)
        sqlite3_finalize(db->stmt[i]);
    sqlite3_close(db->handle);
    if (db->turn >= 0)
        close(db->turn);
    free(db);
}

/* The schema's version: 0 is a new file; newer than ours is refused. */
static bool check_schema(struct sqlite_db *db, char *fault)
{
    sqlite3_stmt *st = NULL;
    int version = -1;

    if (sqlite3_prepare_v2(db->handle, "PRAGMA user_version", -1, &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW)
        version = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    if (version < 0)
        return sqlite_lost(db, fault) == STATE_YES;
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
    if (!sqlite_run(db, "BEGIN IMMEDIATE") || !sqlite_run(db, schema) || !sqlite_run(db, "COMMIT")) {
        sqlite_lost(db, fault);
        sqlite_run(db, "ROLLBACK");
        return false;
    }
    return true;
}

static bool is_sound(struct sqlite_db *db, char *fault)
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
static bool turn_log_on(struct sqlite_db *db, int timeout_ms)
{
    for (int waited = 0;; waited += 10) {
        if (sqlite_run(db, "PRAGMA journal_mode=WAL"))
            return true;
        if (sqlite3_errcode(db->handle) != SQLITE_BUSY || waited >= timeout_ms)
            return false;
        sqlite3_sleep(10);
    }
}

static void *open_db(const struct state_place *place, char *fault)
{
    struct sqlite_db *db = calloc(1, sizeof *db);
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
    if (rc != SQLITE_OK || !turn_log_on(db, place->timeout_ms) ||
        !sqlite_run(db, "PRAGMA synchronous=FULL") || !sqlite_run(db, "PRAGMA secure_delete=ON") ||
        !sqlite_run(db, "PRAGMA cache_size=-256")) {
        sqlite_lost(db, fault);
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
            sqlite_lost(db, fault);
            close_db(db);
            return NULL;
        }
    return db;
}

extern __attribute__((visibility("default"))) const struct state_ops kmcp_sqlite_v1;
const struct state_ops kmcp_sqlite_v1 = { .open = open_db,
                                          .close = close_db,
                                          .take = sqlite_take,
                                          .learn = sqlite_learn,
                                          .count = sqlite_count,
                                          .get = sqlite_get,
                                          .put = sqlite_put,
                                          .add = sqlite_add,
                                          .drop = sqlite_drop,
                                          .each = sqlite_each };
