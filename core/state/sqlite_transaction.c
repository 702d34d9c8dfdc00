/* sqlite_transaction.c - statements, and transactions in turn.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/turn.h"
#include "sqlite_inner.h"

enum state_rc sqlite_lost(struct sqlite_db *db, char *fault)
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

bool sqlite_run(struct sqlite_db *db, const char *text)
{
    return sqlite3_exec(db->handle, text, NULL, NULL, NULL) == SQLITE_OK;
}

void sqlite_bind_text(sqlite3_stmt *st, int i, const char *text)
{
    sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC);
}

int sqlite_step(sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);

    if (rc != SQLITE_ROW) {
        sqlite3_reset(st);
        sqlite3_clear_bindings(st);
    }
    return rc;
}

void sqlite_done(sqlite3_stmt *st)
{
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
}

static void leave(struct sqlite_db *db)
{
    if (db->turn >= 0)
        turn_end(db->turn);
}

/* Durable, unless only the budget is at stake. */
bool sqlite_begin(struct sqlite_db *db, bool lazy)
{
    int64_t left = db->timeout_ms, from = clock_ms();

    if (lazy != db->lazy) {
        if (!sqlite_run(db, lazy ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL"))
            return false;
        db->lazy = lazy;
    }
    if (db->turn >= 0)
        turn_take(db->turn, db->timeout_ms);
    left -= clock_ms() - from;
    sqlite3_busy_timeout(db->handle, left > 0 ? (int)left : 0);
    if (sqlite_step(db->stmt[BEGIN_NOW]) == SQLITE_DONE)
        return true;
    leave(db);
    return false;
}

enum state_rc sqlite_end(struct sqlite_db *db, enum state_rc rc, char *fault)
{
    if (rc == STATE_LOST || sqlite_step(db->stmt[COMMIT]) != SQLITE_DONE) {
        rc = sqlite_lost(db, fault);
        sqlite_run(db, "ROLLBACK");
    }
    leave(db);
    return rc;
}
