/* json_scanner.h - the scanner's own parts, for those who walk a text without building it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_JSON_SCANNER_H
#define KMCP_JSON_SCANNER_H

#include "json_scan.h"

struct scanner {
    const char *text;
    size_t len, at;
    unsigned flags;
    struct json_scan *found;
    struct json_error *error;
};

/* Sets the error, unless there is one; false. */
bool json_scan_bad(struct scanner *s, const char *what);
void json_skip_space(struct scanner *s);
/* Past a member's name and colon; START and LEN: the name without its quotes. */
bool json_scan_name(struct scanner *s, size_t *start, size_t *len);
/* At a quote: past the string's end. */
bool json_scan_string(struct scanner *s);
/* Past one value of any kind, at nesting DEPTH (1: the whole text). */
bool json_scan_value(struct scanner *s, int depth);

#endif
