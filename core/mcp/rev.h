/* rev.h - the protocol revisions served, and what each can express: the only place where dates appear.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_REV_H
#define KMCP_REV_H

#include <stdbool.h>
#include <stddef.h>

/* Code asks for a bit, never for a date. */
#define REV_BATCH            (1u << 0) /* arrays of messages are accepted                       */
#define REV_ANNOTATIONS      (1u << 1) /* tools carry annotations                               */
#define REV_PROGRESS_MESSAGE (1u << 2) /* progress carries a message                            */
#define REV_TITLE            (1u << 3) /* titles, lastModified, completion context              */
#define REV_STRUCTURED       (1u << 4) /* outputSchema and structuredContent                    */
#define REV_ASK_FORM         (1u << 5) /* the person can be asked with a form                   */
#define REV_ASK_MODE         (1u << 6) /* an elicitation names its mode                         */
#define REV_ASK_RESULT       (1u << 7) /* the client is asked by an input_required result;      */
                                       /* without it, by a request from us                      */
#define REV_RESULT_TYPE     (1u << 8)  /* results carry resultType                              */
#define REV_CACHE_HINTS     (1u << 9)  /* lists and resources carry ttlMs and cacheScope        */
#define REV_SERVER_META     (1u << 10) /* results carry serverInfo in _meta                     */
#define REV_AUDIO           (1u << 11) /* audio content; the completions capability             */
#define REV_LINK            (1u << 12) /* resource_link content                                 */
#define REV_ICONS           (1u << 13)
#define REV_ASK_URL         (1u << 14) /* the person can be sent to a page                      */
#define REV_ASK_URL_ID      (1u << 15) /* and that carries an elicitationId                     */
#define REV_FORM_RICH       (1u << 16) /* forms with defaults, titled and multiple choices      */
#define REV_SAMPLE_TOOLS    (1u << 17)
#define REV_NOT_FOUND       (1u << 18) /* a resource that is not there is -32002, not -32602    */
#define REV_LISTEN          (1u << 19) /* subscriptions/listen instead of resources/subscribe   */
#define REV_EXTENSIONS      (1u << 20) /* the extensions capability map, and so tasks           */
#define REV_LOG_PER_REQUEST (1u << 21) /* the log level comes with the request                  */
#define REV_HTTP_STATUS     (1u << 22) /* -32601 is HTTP 404, a bad envelope 400                */
#define REV_HANGUP_CANCELS  (1u << 23) /* over HTTP, hanging up cancels                         */
#define REV_SSE_RESUME      (1u << 24) /* over HTTP, streams may be primed, let go and resumed  */

struct rev {
    const char *date;
    bool modern; /* per-request _meta instead of initialize */
    unsigned features;
};

#define REV_COUNT 5

/* The revision of this date, or NULL if it is not served. */
const struct rev *rev_find(const char *date);
/* What initialize is answered with when the client asks for something else. */
const struct rev *rev_latest_legacy(void);
/* The I-th revision served without a handshake, NULL after the last. */
const struct rev *rev_modern(size_t i);
/* Its place in the table, below REV_COUNT. */
size_t rev_index(const struct rev *rev);

#endif
