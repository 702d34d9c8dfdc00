/* encode.c - messages on the wire, as the revision spells them.  SPDX-License-Identifier: Apache-2.0 */

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "encode.h"

static void add_id(struct buf *out, struct rpc_raw id)
{
    buf_puts(out, "{\"jsonrpc\":\"2.0\"");
    if (id.text) {
        buf_puts(out, ",\"id\":");
        buf_add(out, id.text, id.len);
    }
}

void encode_server_info(struct buf *out, const struct rev *rev)
{
    buf_puts(out, "{\"name\":\"kmcp\",");
    if (rev->features & REV_TITLE)
        buf_puts(out, "\"title\":\"kmcp for Kandji (Iru)\",");
    buf_puts(out, "\"version\":\"" KMCP_VERSION "\"}");
}

void encode_result(struct buf *out, const struct rev *rev, struct rpc_raw id, const char *type,
                   const char *members, int64_t ttl_ms, const char *meta)
{
    const char *comma = "";

    add_id(out, id);
    buf_puts(out, ",\"result\":{");
    if (rev->features & REV_RESULT_TYPE) {
        buf_printf(out, "\"resultType\":\"%s\"", type);
        comma = ",";
    }
    if (*members) {
        buf_puts(out, comma);
        buf_puts(out, members);
        comma = ",";
    }
    if ((rev->features & REV_CACHE_HINTS) && ttl_ms != ENCODE_TTL_NONE) {
        buf_printf(out, "%s\"ttlMs\":%lld,\"cacheScope\":\"private\"", comma, (long long)ttl_ms);
        comma = ",";
    }
    if (rev->features & REV_SERVER_META) {
        buf_printf(out, "%s\"_meta\":{\"io.modelcontextprotocol/serverInfo\":", comma);
        encode_server_info(out, rev);
        if (meta)
            buf_printf(out, ",%s", meta);
        buf_putc(out, '}');
    } else if (meta) {
        buf_printf(out, "%s\"_meta\":{%s}", comma, meta);
    }
    buf_puts(out, "}}");
}

void encode_error(struct buf *out, struct rpc_raw id, int code, const char *message, const char *data)
{
    add_id(out, id);
    buf_printf(out, ",\"error\":{\"code\":%d,\"message\":", code);
    json_quote(out, message);
    if (data)
        buf_printf(out, ",\"data\":%s", data);
    buf_puts(out, "}}");
}

static void add_number(struct buf *out, double value)
{
    if (value == floor(value) && fabs(value) < 1e15)
        buf_printf(out, "%.0f", value);
    else
        buf_printf(out, "%.6g", value);
}

void encode_progress(struct buf *out, const struct rev *rev, struct rpc_raw token, double done, double total,
                     const char *message)
{
    buf_puts(out,
             "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":");
    buf_add(out, token.text, token.len);
    buf_puts(out, ",\"progress\":");
    add_number(out, done);
    if (total > 0) {
        buf_puts(out, ",\"total\":");
        add_number(out, total);
    }
    if (message && (rev->features & REV_PROGRESS_MESSAGE)) {
        buf_puts(out, ",\"message\":");
        json_quote(out, message);
    }
    buf_puts(out, "}}");
}

void encode_log(struct buf *out, const char *level, const char *logger, const char *text)
{
    buf_printf(
        out,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"%s\",\"logger\":",
        level);
    json_quote(out, logger);
    buf_puts(out, ",\"data\":");
    json_quote(out, text);
    buf_puts(out, "}}");
}

void encode_required(struct buf *out, uint32_t lacks)
{
    bool elicit = lacks & (KMCP_CAN_FORM | KMCP_CAN_URL),
         sample = lacks & (KMCP_CAN_SAMPLE | KMCP_CAN_SAMPLE_TOOLS);
    const char *comma = "";

    buf_puts(out, "{\"requiredCapabilities\":{");
    if (elicit) {
        buf_printf(out, "\"elicitation\":{%s%s%s}", lacks & KMCP_CAN_FORM ? "\"form\":{}" : "",
                   (lacks & KMCP_CAN_FORM) && (lacks & KMCP_CAN_URL) ? "," : "",
                   lacks & KMCP_CAN_URL ? "\"url\":{}" : "");
        comma = ",";
    }
    if (sample) {
        buf_printf(out, "%s\"sampling\":{%s}", comma, lacks & KMCP_CAN_SAMPLE_TOOLS ? "\"tools\":{}" : "");
        comma = ",";
    }
    if (lacks & KMCP_CAN_ROOTS) {
        buf_printf(out, "%s\"roots\":{}", comma);
        comma = ",";
    }
    if (lacks & KMCP_CAN_TASKS)
        buf_printf(out, "%s\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}", comma);
    buf_puts(out, "}}");
}
