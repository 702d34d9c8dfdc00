/* value.h - what a cell of a list is worth: how it is shown, and how it compares.  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_VALUE_H
#define KMCP_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/json.h"

/* Unix milliseconds of any of the API's ISO-like forms (API section 1.7): "2024-07-23T14:11:37.150080Z", with
 * a space, without seconds, a fraction or a zone (then UTC), or a date alone. False if TEXT is none. */
bool value_date(const char *text, int64_t *unix_ms);
/* Below, equal, above as -1, 0, 1: number by number, whatever stands between ("14.10" > "14.9", "4.5.9
 * (5160)"); missing numbers count as 0. */
int value_version(const char *a, const char *b);
/* Does version TEXT begin with the numbers of PREFIX? "14.4.1" with "14", "14." and "14.4", not with "1". */
bool value_version_begins(const char *text, const char *prefix);
/* "true", "yes", "on", 1 and their opposites in any case. False if TEXT is none of them. */
bool value_bool(const char *text, bool *truth);

/* What NODE says as TYPE (KMCP_COLUMN_*). IS false: nothing (null, "", absent, another kind of value). */
struct value {
    bool is, truth;
    double number;    /* NUMBER */
    int64_t ms;       /* DATE */
    const char *text; /* TEXT, VERSION, and what a DATE, NUMBER or BOOL was written as, where it was text */
};
struct value value_of(const kmcp_json *node, uint32_t type);
/* -1, 0, 1 for two that are; one that is not comes before all others. */
int value_compare(const struct value *a, const struct value *b, uint32_t type);

/* Appends what a table shows of NODE: dates to the minute, lists with commas, "yes" and "no", nothing for
 * nothing; in one line. */
void value_show(struct buf *out, const kmcp_json *node, uint32_t type);
/* The same of a date. */
void value_show_date(struct buf *out, int64_t unix_ms);

#endif
