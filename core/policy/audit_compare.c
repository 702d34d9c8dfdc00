/* audit_compare.c - do the records stand in the files that others know: the state, and anchors?
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_anchor.h"
#include "audit_chain.h"
#include "audit_line.h"
#include "audit_verify.h"

/* The MAC of record SEQ, looked for in all files. */
static bool find_mac(const struct audit_files *f, uint64_t seq, char out[CHAIN_MAC_HEX + 1])
{
    static const uint8_t none[DIGEST_SIZE];
    bool found = false;

    for (size_t i = 0; i < f->n && !found; i++) {
        struct audit_lines lines;
        size_t len;

        if (!audit_lines_open(&lines, f, i))
            continue;
        while (!found && (len = audit_lines_next(&lines)) > 0) {
            char mac[CHAIN_MAC_HEX + 1], prev[CHAIN_MAC_HEX + 1];
            size_t bytes = len - (lines.text[len - 1] == '\n');
            uint64_t at;

            found = chain_line_place(lines.text, bytes, &at, prev) && at == seq &&
                    chain_line_mac(none, lines.text, bytes, mac, out);
        }
        audit_lines_close(&lines);
    }
    return found;
}

void verify_mark(struct verify *v, const struct audit_files *f, uint64_t seq, const char *mac)
{
    char here[CHAIN_MAC_HEX + 1] = "";

    if (seq > v->last)
        verify_fault(v, f->current, 0,
                     "records %llu to %llu, which the state remembers, are missing at the end",
                     (unsigned long long)v->last + 1, (unsigned long long)seq);
    else if (seq && seq >= v->first && (!find_mac(f, seq, here) || strcmp(here, mac) != 0))
        verify_fault(v, f->current, 0, "record %llu is not the one that the state remembers",
                     (unsigned long long)seq);
}

/* The record that the files are to begin with, because somebody said so or has it on record; 0: the first. */
static uint64_t begins_with(const struct verify *v)
{
    return v->from ? v->from : v->late && v->archived + 1 >= v->first ? v->first : 0;
}

static void check_anchor(struct verify *v, const char *anchors, uint64_t number, const struct anchor *a,
                         const struct audit_files *f)
{
    unsigned long long seq = a->seq, first = v->first;
    char mac[CHAIN_MAC_HEX + 1] = "";

    if (a->seq < begins_with(v) || (v->archive && (a->seq < v->first || a->seq > v->last))) {
        v->earlier++;
        return;
    }
    v->compared++;
    if (!find_mac(f, a->seq, mac) && v->late && a->seq < v->first)
        verify_fault(v, anchors, number,
                     "record %llu, which was anchored, is not in the audit files; if it is archived, --from "
                     "%llu leaves it out",
                     seq, first);
    else if (!*mac)
        verify_fault(v, anchors, number, "record %llu, which was anchored, is not in the audit files", seq);
    else if (strcmp(mac, a->mac) != 0)
        verify_fault(v, anchors, number, "record %llu is not the one that was anchored", seq);
}

bool verify_anchors(struct verify *v, const char *anchors, const char *host, const char *path,
                    const struct audit_files *f)
{
    FILE *in = fopen(anchors, "r");
    char *line = NULL;
    size_t cap = 0;
    uint64_t number = 0, left = v->anchored;
    ssize_t len;

    if (!in)
        return false;
    /* those that came since are of records that did, too */
    while (left && (len = getline(&line, &cap, in)) > 0 && (uint64_t)len <= left) {
        struct anchor a;

        left -= (uint64_t)len;

        number++;
        if (!anchor_parse(line, &a)) {
            verify_fault(v, anchors, number, "this is no anchor");
        } else if (strcmp(a.path, path) != 0 || (a.host && strcmp(a.host, host) != 0)) {
            v->others++;
            snprintf(v->other, sizeof v->other, "%s%s%s", a.host ? a.host : "", a.host ? ":" : "", a.path);
        } else {
            check_anchor(v, anchors, number, &a, f);
        }
    }
    free(line);
    fclose(in);
    if (!v->compared)
        verify_fault(v, anchors, 0, "no anchor in it is for %s:%s%s", host, path,
                     v->earlier ? " from the record on that the files are to begin with" : "");
    return true;
}
