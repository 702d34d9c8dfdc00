/* rev.h - the protocol revisions served, and what each can express: the only place where dates appear.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_REV_H
#define KMCP_REV_H

#include <stdbool.h>
#include <stddef.h>

/* Code asks for a bit, never for a date. */
#define REV_BATCH            (1u << 0)  /* arrays of messages are accepted                    */
#define REV_ANNOTATIONS      (1u << 1)  /* tools carry annotations                            */
#define REV_PROGRESS_MESSAGE (1u << 2)  /* progress carries a message                         */
#define REV_TITLE            (1u << 3)  /* tools and implementations carry a title            */
#define REV_STRUCTURED       (1u << 4)  /* outputSchema and structuredContent                 */
#define REV_ASK_REQUEST      (1u << 5)  /* the person is asked by a request from us           */
#define REV_ASK_MODE         (1u << 6)  /* an elicitation names its mode                      */
#define REV_ASK_RESULT       (1u << 7)  /* the person is asked by an input_required result    */
#define REV_RESULT_TYPE      (1u << 8)  /* results carry resultType                           */
#define REV_CACHE_HINTS      (1u << 9)  /* lists carry ttlMs and cacheScope                   */
#define REV_SERVER_META      (1u << 10) /* results carry serverInfo in _meta                 */

struct rev {
    const char *date;
    bool modern; /* per-request _meta instead of initialize */
    unsigned features;
};

/* The revision of this date, or NULL if it is not served. */
const struct rev *rev_find(const char *date);
/* What initialize is answered with when the client asks for something else. */
const struct rev *rev_latest_legacy(void);
/* The I-th revision served without a handshake, NULL after the last. */
const struct rev *rev_modern(size_t i);

#endif
