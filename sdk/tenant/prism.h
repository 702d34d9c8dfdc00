/* GET /prism/...: inventory categories as tables of columns, with filters and two ways of paging. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_PRISM_H
#define TENANT_PRISM_H

#include "body.h"
#include "call.h"
#include "cell.h"

/* A device and, in categories that list several things per device, the number of the thing. */
struct prism_row {
    const struct fleet *f;
    const struct device *d;
    unsigned i;
    unsigned count; /* how many rows the device has */
};

/* A column has one of get, write and fixed; with none of them it is the enum field in `arg`. */
struct prism_column {
    const char *name;
    void (*get)(const struct prism_row *r, int arg, struct cell *cell);
    void (*write)(const struct prism_row *r, struct out *o, const char *key); /* nested; a filter sees null */
    int arg;
    const char *fixed; /* the same text in every row */
    bool nullable;     /* "" is shown as null */
};

/* To add a category, add its columns and its row counter in one of prism_*.c and name it in
   prism_columns.c. */
struct prism_category {
    const char *name;
    unsigned platforms; /* bits by enum platform */
    const struct prism_column *columns;
    size_t count;
    unsigned (*rows)(const struct device *d); /* NULL: one per device */
};

const struct prism_category *prism_category(const char *name); /* NULL if there is none */
/* The category's columns, the common ones first; NULL past the last. */
const struct prism_column *prism_column(const struct call *c, const struct prism_category *category,
                                        size_t i);
const struct prism_column *prism_column_named(const struct call *c, const struct prism_category *category,
                                              const char *name);
void prism_read(const struct call *c, const struct prism_column *column, const struct prism_row *r,
                struct cell *cell);

#define PRISM_CONDITIONS 32

/* What one request selects. */
struct prism_query {
    const struct prism_category *category;
    const char *blueprints, *families;                    /* comma lists or NULL */
    struct body *filter;                                  /* or NULL */
    const struct prism_column *columns[PRISM_CONDITIONS]; /* of the filter's members, in their order */
};

bool prism_query_read(struct call *c, struct prism_query *q,
                      const char *category); /* false: answer written */
/* 422 in the form of the framework behind prism, which tells where a parameter is wrong. Returns false. */
bool prism_refuse(struct call *c, const char *param, const char *text);
void prism_query_free(struct prism_query *q);
/* Moves to the next selected row; a row of zeros stands before the first. False after the last. */
bool prism_next(const struct call *c, const struct prism_query *q, struct prism_row *r);
/* Moves to just before this row of this device. */
void prism_seek(const struct call *c, const struct prism_query *q, struct prism_row *r,
                const struct device *d, unsigned i);

void prism_list(struct call *c);
void prism_count(struct call *c);

#endif
