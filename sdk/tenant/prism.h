/* GET /prism/...: inventory categories as tables of columns, with filters and two ways of paging. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_PRISM_H
#define TENANT_PRISM_H

#include "body.h"
#include "call.h"

enum prism_kind { PRISM_NULL, PRISM_BOOL, PRISM_REAL, PRISM_TEXT, PRISM_TAGS };

struct prism_cell {
    enum prism_kind kind;
    double number; /* also 0 or 1, and the bits of the tags */
    char text[FLEET_TEXT];
};

struct prism_column {
    const char *name;
    void (*get)(const struct fleet *f, const struct device *d, struct prism_cell *cell); /* or: */
    int field;         /* an enum field, read if get and fixed are NULL */
    const char *fixed; /* the same text in every row */
    bool nullable;     /* "" is shown as null */
};

/* One row per device. To add a category, add its columns and a row in prism_columns.c. */
struct prism_category {
    const char *name;
    unsigned platforms; /* bits by enum platform */
    const struct prism_column *columns;
    size_t count;
};

const struct prism_category *prism_category(const char *name); /* NULL if there is none */
/* The category's columns, the common ones first; NULL past the last. */
const struct prism_column *prism_column(const struct call *c, const struct prism_category *category,
                                        size_t i);
void prism_read(const struct call *c, const struct prism_column *column, const struct device *d,
                struct prism_cell *cell);

/* What one request selects. */
struct prism_query {
    const struct prism_category *category;
    const char *blueprints, *families; /* comma lists or NULL */
    struct body *filter;               /* or NULL */
};

bool prism_query_read(struct call *c, struct prism_query *q,
                      const char *category); /* false: answer written */
void prism_query_free(struct prism_query *q);
bool prism_accepts(const struct call *c, const struct prism_query *q, const struct device *d);

void prism_list(struct call *c);
void prism_count(struct call *c);

#endif
