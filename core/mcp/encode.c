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
                   const char *members, int64_t ttl_ms)
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
        buf_putc(out, '}');
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

void encode_call(struct buf *out, const struct rev *rev, const struct call_output *answer, bool structured)
{
    struct arena scratch;
    const char *text;

    buf_puts(out, "\"content\":[{\"type\":\"text\",\"text\":");
    json_quote(out, answer->text);
    buf_puts(out, "}]");
    if (answer->structured && structured && (rev->features & REV_STRUCTURED)) {
        arena_init(&scratch, out->max);
        text = json_text(&scratch, answer->structured);
        buf_printf(out, ",\"structuredContent\":%s", text ? text : "{}");
        arena_release(&scratch, 1);
    }
    if (answer->end == CALL_TOOL_ERROR)
        buf_puts(out, ",\"isError\":true");
}

void encode_question(struct buf *out, const struct rev *rev, const char *question)
{
    buf_putc(out, '{');
    if (rev->features & REV_ASK_MODE)
        buf_puts(out, "\"mode\":\"form\",");
    buf_puts(out, "\"message\":");
    json_quote(out, question);
    buf_puts(out,
             ",\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"approve\":{\"type\":\"boolean\","
             "\"title\":\"Approve\",\"description\":\"Yes, do exactly this, "
             "once.\"}},\"required\":[\"approve\"]}}");
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
