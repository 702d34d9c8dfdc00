/* open_records.h - intents and questions on record that have no end.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_OPEN_RECORDS_H
#define KMCP_OPEN_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/json.h"

/* A growing list, searched from its end, where the matching one is. Zero it before the first record. */
struct open_records {
    char (*ids)[64]; /* of the call, or a question's consent */
    char **lines;
    size_t n, cap;
};

/* Takes the next record R, whose LINE is kept while it is open; ends those that it is the end of. */
void open_note(struct open_records *o, const kmcp_json *r, const char *line);
void open_free(struct open_records *o);
/* Is R of one of kmcp's own commands, which send nothing? Then no ledger knows of it. */
bool open_is_own(const kmcp_json *r);

#endif
