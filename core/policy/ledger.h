/* ledger.h - acts, so that none is done twice: what is under way, what was done, what nobody knows.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One entry for each tool and target, in the state, so that whatever is under way or unknown there blocks the
 * next. It is CLAIMED before the intent is recorded, OPEN before anything is sent, and gets its end
 * afterwards. One whose process died while it was CLAIMED was not sent; while OPEN, nobody knows. What ended
 * well is also kept by its call, so that a repeated call is known as one whatever was done to the target in
 * between.
 */
#ifndef KMCP_LEDGER_H
#define KMCP_LEDGER_H

#include "base/json.h"
#include "state/state.h"

enum ledger_stage { LEDGER_CLAIMED, LEDGER_OPEN, LEDGER_OK, LEDGER_FAILED, LEDGER_UNKNOWN };

struct ledger_entry {
    enum ledger_stage stage;
    char key[2 * DIGEST_SIZE + 1];  /* of tool and target */
    char call[2 * DIGEST_SIZE + 1]; /* of principal, tool and arguments */
    const char *id;                 /* of the audit's records */
    const char *tool, *plugin, *principal;
    const char *args; /* canonical, without writeOnly members, sealed: they may name persons; for resolve() */
    const char *target;     /* for people */
    const char *request;    /* "POST /api/v1/..." or NULL */
    const char *text;       /* what the caller was told, or NULL */
    const char *structured; /* JSON, or NULL */
    int64_t at_ms;          /* when it was claimed */
    int64_t api_ms;         /* then, by the API's clock (client_api_time); 0: not known */
    int64_t ended_ms;       /* when its end was entered; 0: not yet */
    int64_t after_ms; /* end of one before it under the same key that reached the API, or may have; 0: none */
    /* Nobody knew what became of this one when E was begun under its key; or NULL. What E does well ends it,
     * and what E did not do leaves it as it was. */
    struct ledger_entry *prior;
    bool owed;         /* what became of it is known here, and not on record yet */
    int64_t ending_ms; /* HOST's PID puts it on record until then; 0: nobody does */
    int64_t until_ms;  /* a process that lives has ended it by then */
    const char *host;  /* and which process that is */
    int64_t pid;
    int64_t version; /* in the state */
};

/* The latest entry under KEY, in A. NO: none. */
enum state_rc ledger_get(struct state *s, struct arena *a, const char *key, struct ledger_entry *out);
/* Writes ENTRY over the version it has; its version is then the new one. NO: somebody else was faster. */
enum state_rc ledger_put(struct state *s, struct arena *a, struct ledger_entry *entry, int64_t keep_ms);
/* Writes the end of ENTRY. Where a FAILED one that is on record has a prior, that is the entry again, also in
 * *ENTRY. One that is OK is kept by its call too, for REPEAT_MS (0: it is not), and first: where that fails,
 * the act is still open and will be looked up. */
enum state_rc ledger_end(struct state *s, struct arena *a, struct ledger_entry *entry, int64_t keep_ms,
                         int64_t repeat_ms);
/* What became of CALL when it was last done, in A. NO: it was not, or too long ago. */
enum state_rc ledger_done(struct state *s, struct arena *a, const char *call, struct ledger_entry *out);
/* Is the process that claimed it gone? */
bool ledger_is_dead(const struct ledger_entry *e, int64_t now_ms);
/* Does a process that lives put on record what became of it? */
bool ledger_is_ending(const struct ledger_entry *e, int64_t now_ms);
/* Names this process in ENTRY. */
void ledger_sign(struct arena *a, struct ledger_entry *e);
/* Every entry; those not ended yet (CLAIMED, OPEN, UNKNOWN), or not on record, if OPEN_ONLY. N of them in
 * *OUT, in A; *BAD more cannot be read. */
enum state_rc ledger_all(struct state *s, struct arena *a, bool open_only, struct ledger_entry **out,
                         size_t *n, size_t *bad);
const char *ledger_stage_name(enum ledger_stage stage);

#endif
