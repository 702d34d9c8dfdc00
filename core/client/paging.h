/* paging.h - what a page says of the one after it, and of how many rows there are.  SPDX-License-Identifier:
 * Apache-2.0
 *
 * `next` links are read for their cursor and never followed (their host is often not the API's, api section
 * 1.5). What the API says of totals is believed until the rows say otherwise.
 */
#ifndef KMCP_PAGING_H
#define KMCP_PAGING_H

#include "client_inner.h"

#define PAGING_CURSOR_MAX 1024

/* How a paging style names things. COUNTS: a page is known by its number or offset, so that all can be asked
 * for once the total is known; else by what the page before says. */
struct paging_style {
    const char *size, *place;
    bool counts;
    int64_t first;      /* the first page's place */
    const char *inside; /* the cursor is this parameter of `next`; NULL: the member "cursor" */
};

struct paging {
    const struct kmcp_request *request;
    const struct paging_style *style;
    char next[PAGING_CURSOR_MAX]; /* the place of the next page; "": the beginning */
    uint64_t last_page;  /* hash of the last page, while nothing else tells a server that does not page */
    int64_t start;       /* the first page's place, where pages have numbers */
    int64_t base;        /* rows before the place where the list was begun */
    int64_t received;    /* rows the API sent */
    int64_t pages;       /* in which they came */
    int64_t first_total; /* what the API said there was at first, or -1 */
    int64_t api_total;   /* and at last */
    int64_t fell;        /* by how much that ever became less */
    bool liar;           /* it sent more rows than it says there are: what it says is nothing */
    bool claims;         /* the last page says that there is more */
    int empty;           /* pages without a row, one after the other */
};

/* Before the first page of RQ's list. RQ must stay. */
void paging_init(struct paging *p, const struct kmcp_request *rq);
/* Begins at what an earlier coverage's next said. */
kmcp_rc paging_begin_at(struct paging *p, const char *from, struct failure *failure);
/* Rows that a page of ROUTE is asked for. */
int64_t paging_size(const struct kmcp_route *route);

/* The rows of a page and the object that says how it goes on (NULL for a bare array). NULL: no list. */
const kmcp_json *paging_rows(const kmcp_json *body, const kmcp_json **envelope);
/* How many rows there are, as the page says. Before its rows are counted. */
void paging_total(struct paging *p, const struct cache_reply *reply, const kmcp_json *envelope);
/* Is it the page before once more, for another place? Then the server does not page, that was all it has. */
bool paging_same_again(struct paging *p, const struct cache_reply *reply, const kmcp_json *rows);
/* One more page came, with GOT rows. */
void paging_count(struct paging *p, size_t got);
/* Is there another page after this one, which brought GOT rows? Then p->next is its place, in p->style, which
 * the first page may have changed. */
bool paging_goes_on(struct paging *p, const kmcp_json *envelope, size_t got);
/* How many pages are still to be asked for, at the size of those so far. */
int64_t paging_calls_left(const struct paging *p);

#endif
