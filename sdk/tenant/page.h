/* Cutting a list into pages, and the envelopes in which the API announces the next page. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_PAGE_H
#define TENANT_PAGE_H

#include "call.h"

/* The real API's links often name a host that is not the API host; so do ours, for a client must not follow
 * them. */
#define PAGE_HOST         "https://acme.api.kandji.io"
#define PAGE_CONSOLE_HOST "https://acme.kandji.io"

struct page {
    int64_t offset, limit;
    int64_t seen; /* rows offered so far: at the end, the total */
    bool again;   /* the "dup" fault: a row slipped in before this page, so everything moved by one */
};

struct page page_start(const struct call *c, int64_t normal, int64_t most);
/* Counts one row; true if it lies on this page. */
bool page_takes(struct page *p);
int64_t page_total(const struct page *p);
/* X-Total-Count, X-Total-Pages and Link, of bare arrays. */
void page_array_headers(struct call *c, const struct page *p);
/* Takes the rows written so far out of the answer, to be put into an envelope by page_write. */
struct out page_rows(struct call *c);
/* Writes count, next, previous and the rows as results, and frees the rows. */
void page_write(struct call *c, const struct page *p, struct out *rows);
/* The same for lists with numbered pages of CALL_PAGE rows: reads `page`; false: 404 is written. */
bool page_number(struct call *c, int64_t total, int64_t *number);
void page_number_write(struct call *c, int64_t total, int64_t number, struct out *rows);
/* The request's own URL on this host with another value of one parameter, NULL to leave it out. */
void page_url(const struct call *c, const char *host, const char *name, const char *value, char *buf,
              size_t size);
/* The same with a cursor: the position (at most 90 characters) in base64, percent-encoded. */
void page_cursor_url(const struct call *c, const char *host, const char *name, const char *position,
                     char *buf, size_t size);
/* True if the comma list holds exactly this word. */
bool page_in_list(const char *list, const char *word);

#endif
