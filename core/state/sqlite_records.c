/* sqlite_records.c - values under a space and a key.  SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "sqlite_inner.h"

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
    sqlite_bind_text(st, 1, space);
    sqlite_bind_text(st, 2, key);
    sqlite3_bind_int64(st, 3, now);
}

enum state_rc sqlite_get(void *arg, int64_t now, const char *space, const char *key, struct state_record *out,
                         char *fault)
{
    struct sqlite_db *db = arg;
    sqlite3_stmt *st = db->stmt[GET];
    enum state_rc rc = STATE_NO;
    int stepped;

    bind_name(st, space, key, now);
    stepped = sqlite_step(st);
    if (stepped == SQLITE_ROW) {
        rc = copy_out(st, 0, out) ? STATE_YES : STATE_LOST;
        sqlite_done(st);
    } else if (stepped != SQLITE_DONE) {
        rc = STATE_LOST;
    }
    return rc == STATE_LOST ? sqlite_lost(db, fault) : rc;
}

/* One change by one statement. */
static enum state_rc change(struct sqlite_db *db, sqlite3_stmt *st, char *fault)
{
    enum state_rc rc = STATE_LOST;

    if (sqlite_step(st) == SQLITE_DONE)
        rc = sqlite3_changes(db->handle) ? STATE_YES : STATE_NO;
    return sqlite_end(db, rc, fault);
}

enum state_rc sqlite_put(void *arg, int64_t now, const char *space, const char *key, int64_t version,
                         const void *value, size_t len, int64_t expires_ms, char *fault)
{
    struct sqlite_db *db = arg;
    sqlite3_stmt *st = db->stmt[version ? PUT_NEXT : PUT_NEW], *sweep = db->stmt[SWEEP];

    if (!sqlite_begin(db, false))
        return sqlite_lost(db, fault);
    sqlite3_bind_int64(sweep, 1, now);
    if (!version && sqlite_step(sweep) != SQLITE_DONE)
        return sqlite_end(db, STATE_LOST, fault);
    bind_name(st, space, key, now);
    sqlite3_bind_blob(st, 4, len ? value : "", (int)len, SQLITE_STATIC);
    sqlite3_bind_int64(st, 5, expires_ms);
    if (version)
        sqlite3_bind_int64(st, 6, version);
    return change(db, st, fault);
}

enum state_rc sqlite_add(void *arg, const char *space, const char *prefix, const struct state_new *rows,
                         size_t n, char *fault)
{
    struct sqlite_db *db = arg;
    sqlite3_stmt *st = db->stmt[ADD];
    enum state_rc rc = STATE_YES;

    if (!sqlite_begin(db, true))
        return sqlite_lost(db, fault);
    for (size_t i = 0; i < n && rc == STATE_YES; i++) {
        sqlite_bind_text(st, 1, space);
        sqlite_bind_text(st, 2, prefix);
        sqlite_bind_text(st, 3, rows[i].key);
        sqlite3_bind_blob(st, 4, rows[i].len ? rows[i].value : "", (int)rows[i].len, SQLITE_STATIC);
        if (sqlite_step(st) != SQLITE_DONE)
            rc = STATE_LOST;
    }
    return sqlite_end(db, rc, fault);
}

enum state_rc sqlite_drop(void *arg, int64_t now, const char *space, const char *key, int64_t version,
                          char *fault)
{
    struct sqlite_db *db = arg;
    sqlite3_stmt *st = db->stmt[DROP];

    if (!sqlite_begin(db, false))
        return sqlite_lost(db, fault);
    bind_name(st, space, key, now);
    sqlite3_bind_int64(st, 4, version);
    return change(db, st, fault);
}

enum state_rc sqlite_each(void *arg, int64_t now, const char *space, const char *prefix, state_each_fn fn,
                          void *fn_arg, char *fault)
{
    struct sqlite_db *db = arg;
    sqlite3_stmt *st = db->stmt[EACH];
    bool going = true;
    int stepped = SQLITE_DONE;

    bind_name(st, space, prefix, now);
    while (going && (stepped = sqlite_step(st)) == SQLITE_ROW) {
        struct state_record record = { 0 };

        if (!copy_out(st, 1, &record)) {
            sqlite_done(st);
            return sqlite_lost(db, fault);
        }
        going = fn(fn_arg, (const char *)sqlite3_column_text(st, 0), &record);
        free(record.value);
    }
    if (!going)
        sqlite_done(st);
    else if (stepped != SQLITE_DONE)
        return sqlite_lost(db, fault);
    return STATE_YES;
}
