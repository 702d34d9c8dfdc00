/* condition.h - what rows a question is about: conditions as callers write them.  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_CONDITION_H
#define KMCP_CONDITION_H

#include "base/arena.h"
#include "base/failure.h"
#include "column.h"
#include "value.h"

enum condition_op {
    IS,        /* =  */
    IS_NOT,    /* != */
    HOLDS,     /* ~  : a text contains, a version begins with, a list has one that contains */
    HOLDS_NOT, /* !~ */
    BELOW,     /* <  */
    AT_MOST,   /* <= */
    ABOVE,     /* >  */
    AT_LEAST   /* >= */
};

struct condition {
    const struct kmcp_column *column;
    enum condition_op op;
    const char *text;     /* the value as written; "": none */
    const char *api;      /* the same as the API writes it; NULL: it cannot be left to the API */
    struct value operand; /* the same as the column's type; not set for none */
};

/* "COLUMN OP VALUE": "last_check_in < -7d", "os_version >= 14.4", "user =" (none). Dates are ISO ones or so
 * long ago: -7d, -12h, -4w; NOW_MS is the present. */
kmcp_rc condition_parse(const struct kmcp_query *q, struct arena *a, const char *text, int64_t now_ms,
                        struct condition *out, struct failure *f);
/* The same from a column and a value that was given as its argument: "platform": "Mac". */
kmcp_rc condition_of(const struct kmcp_column *column, struct arena *a, const kmcp_json *value,
                     int64_t now_ms, struct condition *out, struct failure *f);
bool condition_holds(const struct condition *c, const kmcp_json *row);
/* Is equality judged letter for letter, as the API does (tags: API section 3)? */
bool condition_minds_case(const struct condition *c);
/* Has a text to be the condition's, and not only to have it in it? */
bool condition_is_whole(const struct condition *c);

/* Milliseconds that the operand stands for: a day for a date without a time. */
int64_t condition_span_ms(const struct condition *c);

/* condition_push.c: the value with which the API can select by C itself, or NULL: then only the host can.
 * *EXACT: it selects neither more nor less than C does. */
const char *condition_pushed(const struct condition *c, struct arena *a, bool *exact);
/* The same for a route that takes a JSON filter (API section 3): {"like": ["x"]} and so on, or NULL. */
kmcp_json *condition_filter(const struct condition *c, struct arena *a, bool *exact);

#endif
