/* audit_verify.h - one pass over audit files: is every record there, unchanged, in its place?
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_AUDIT_VERIFY_H
#define KMCP_AUDIT_VERIFY_H

#include "audit_files.h"
#include "audit_head.h"

struct verify {
    const uint8_t *key; /* NULL: only order and form can be checked */
    void (*say)(void *arg, const char *file, uint64_t line, const char *what);
    void *arg;
    uint64_t
        from; /* the record that the files must begin with; 0: the first, or one after what was archived */
    bool archive; /* they were rotated away and are looked at alone: what comes before and after is elsewhere
                   */
    /* at that moment */
    enum head_found found;
    struct chain_head head;
    uint64_t anchored; /* so many bytes of the anchors */
    /* found */
    uint64_t records, torn, faults, first, last;
    uint64_t accepted;              /* what was not whole, and was accepted by a person */
    uint64_t tail;                  /* bytes after the last record that are none */
    char mac[CHAIN_MAC_HEX + 1];    /* of the last record */
    char before[CHAIN_MAC_HEX + 1]; /* of the one that came before the first */
    uint64_t archived;              /* a person put on record that those up to this one are kept elsewhere */
    bool begun, late; /* LATE: they begin with the first record of a file that is not the first */
    uint64_t compared, others,
        earlier;     /* anchors: for these files, for other ones, of records that are not among these */
    char other[600]; /* what one of the others is for, HOST:PATH */
};

/* Finds what is there of the audit file PATH, and where its chain ends, at a moment when nobody writes; of an
 * archive PATH and those before it. V->key and V->archive are set. ANCHORS may be NULL. False with a sentence
 * in WHY. */
bool verify_find(struct verify *v, struct audit_files *f, const char *path, const char *anchors, char *why,
                 size_t why_size);
/* Reads file I of them as the next one of the chain. False if it cannot be opened. Constant memory. */
bool verify_file(struct verify *v, const struct audit_files *f, size_t i);
/* After the last file: may those before the first one be missing? Without a key nobody can tell. */
void verify_begin(struct verify *v, const char *path);
/* After the last file: does the chain end where its head says? */
void verify_end(struct verify *v, const char *path);
/* Tells of a fault, in LINE of FILE (0: in all of it), and counts it. */
void verify_fault(struct verify *v, const char *file, uint64_t line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- against what others know of it (audit_compare.c), after the last file ---- */

/* Does the record that the state remembers as the last one (SEQ, MAC; 0: none) stand in the files? */
void verify_mark(struct verify *v, const struct audit_files *f, uint64_t seq, const char *mac);
/* Do the anchors in ANCHORS that are for HOST and PATH stand in the chain? A second pass over the files. */
bool verify_anchors(struct verify *v, const char *anchors, const char *host, const char *path,
                    const struct audit_files *f);

#endif
