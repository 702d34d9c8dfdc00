/* One value of a table, and the language in which clients filter tables. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_CELL_H
#define TENANT_CELL_H

#include "body.h"
#include "fleet.h"
#include "out.h"

enum cell_kind { CELL_NULL, CELL_BOOL, CELL_INT, CELL_REAL, CELL_TEXT, CELL_TAGS };

struct cell {
    enum cell_kind kind;
    double number; /* also 0 or 1, and the bits of the tags */
    char text[FLEET_TEXT];
};

void cell_put_text(struct cell *cell, const char *text);
void cell_put_format(struct cell *cell, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cell_put_bool(struct cell *cell, bool value);
void cell_put_int(struct cell *cell, int64_t value);
void cell_put_when(struct cell *cell, int64_t us); /* 0: null */
void cell_put_null(struct cell *cell);
void cell_write(struct out *o, const char *key, const struct cell *cell);
/* A text that sorts as the cell does; to be freed. */
char *cell_key(const struct cell *cell);
/* True if the cell fits all of {"in": [...], "gt": ...}. */
bool cell_fits(const struct cell *cell, const struct body *operators);

#endif
