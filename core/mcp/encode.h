/* encode.h - messages on the wire, as the revision spells them.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_ENCODE_H
#define KMCP_ENCODE_H

#include <stdint.h>
#include "base/buf.h"
#include "call.h"
#include "rev.h"
#include "rpc.h"

#define ENCODE_TTL_NONE (-1)
#define ENCODE_MAX      ((size_t)64 << 20) /* bytes of one message */

/* ---- encode.c: envelopes ---- */

/* A whole response without newline. MEMBERS is the inside of the result object ("\"tools\":[]" or ""); TYPE
 * the resultType of revisions that have one; TTL_MS a cache hint, or ENCODE_TTL_NONE; META members of _meta
 * or NULL. */
void encode_result(struct buf *out, const struct rev *rev, struct rpc_raw id, const char *type,
                   const char *members, int64_t ttl_ms, const char *meta);
/* ID may be none. DATA is JSON text or NULL. */
void encode_error(struct buf *out, struct rpc_raw id, int code, const char *message, const char *data);
/* "serverInfo" as the revision spells it. */
void encode_server_info(struct buf *out, const struct rev *rev);
void encode_progress(struct buf *out, const struct rev *rev, struct rpc_raw token, double done, double total,
                     const char *message);
void encode_log(struct buf *out, const char *level, const char *logger, const char *text);
/* {"requiredCapabilities": ...} for KMCP_CAN_* bits. */
void encode_required(struct buf *out, uint32_t lacks);

/* ---- encode_content.c: what plugins answer ---- */

/* The members of a tools/call, prompts/get, resources/read or completion/complete result. */
void encode_call(struct buf *out, const struct rev *rev, const struct call_output *answer, bool structured);
void encode_prompt(struct buf *out, const struct rev *rev, const struct call_output *answer);
void encode_resource(struct buf *out, const struct call_output *answer);
void encode_completion(struct buf *out, const struct call_output *answer);

/* ---- encode_ask.c: questions ---- */

/* "method":...,"params":{...} of a question; URL_ID is its elicitationId where the revision has one. False:
 * this revision cannot ask it. */
bool encode_ask(struct buf *out, const struct rev *rev, const struct call_ask *ask, const char *url_id);

#endif
