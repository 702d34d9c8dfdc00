/* A growing text buffer that writes JSON: it places the commas and escapes strings. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_OUT_H
#define TENANT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct out {
    char *p;
    size_t n;
    size_t cap;
    bool drop;      /* the "missing" fault: leave out a fixed third of the members */
    int depth;      /* open objects and arrays */
    int cut_depth;  /* the depth of a section being dropped, 0 for none */
    size_t cut_pos; /* where that section began */
};

void out_free(struct out *o);
void out_bytes(struct out *o, const char *bytes, size_t n);
void out_text(struct out *o, const char *text);

/* In all of these `key` is NULL inside an array or at the top. */
void out_open(struct out *o, const char *key, char bracket);
void out_close(struct out *o, char bracket);
void out_string(struct out *o, const char *key, const char *value); /* NULL writes null */
void out_int(struct out *o, const char *key, int64_t value);
void out_real(struct out *o, const char *key, double value); /* one decimal */
void out_bool(struct out *o, const char *key, bool value);
void out_null(struct out *o, const char *key);
void out_empty(struct out *o, const char *key, char bracket);         /* {} or [] */
void out_raw(struct out *o, const char *key, const struct out *json); /* JSON written elsewhere */

#endif
