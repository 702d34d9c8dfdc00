/* encode.h - messages on the wire, as the revision spells them.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_ENCODE_H
#define KMCP_ENCODE_H

#include <stdint.h>
#include "base/buf.h"
#include "call.h"
#include "rev.h"
#include "rpc.h"

#define ENCODE_TTL_NONE (-1)

/* A whole response without newline. MEMBERS is the inside of the result object ("\"tools\":[]" or ""); TYPE
 * the resultType of revisions that have one; TTL_MS a cache hint, or ENCODE_TTL_NONE. */
void encode_result(struct buf *out, const struct rev *rev, struct rpc_raw id, const char *type,
                   const char *members, int64_t ttl_ms);
/* ID may be none. DATA is JSON text or NULL. */
void encode_error(struct buf *out, struct rpc_raw id, int code, const char *message, const char *data);
/* The members of a tools/call result. */
void encode_call(struct buf *out, const struct rev *rev, const struct call_output *answer, bool structured);
/* The params of an elicitation/create that puts QUESTION to the person. */
void encode_question(struct buf *out, const struct rev *rev, const char *question);
/* "serverInfo" as the revision spells it. */
void encode_server_info(struct buf *out, const struct rev *rev);
void encode_progress(struct buf *out, const struct rev *rev, struct rpc_raw token, double done, double total,
                     const char *message);

#endif
