/* rpc.c - reading and classifying JSON-RPC messages.  SPDX-License-Identifier: Apache-2.0 */
#include "rpc.h"

#include <string.h>

static bool is_integer_literal(struct rpc_raw raw)
{
    size_t i = raw.len && raw.text[0] == '-';

    if (i == raw.len || (raw.text[i] == '0' && raw.len > i + 1))
        return false;
    for (; i < raw.len; i++)
        if (raw.text[i] < '0' || raw.text[i] > '9')
            return false;
    return true;
}

const char *rpc_key(struct arena *a, const kmcp_json *id, struct rpc_raw raw)
{
    if (!raw.text)
        return NULL;
    if (json_kind(id) == KMCP_JSON_STRING)
        return arena_format(a, "s%s", json_str(id));
    if (json_kind(id) == KMCP_JSON_NUMBER && is_integer_literal(raw))
        return arena_format(a, "n%.*s", (int)raw.len, raw.text);
    return NULL;
}

struct rpc_raw rpc_member(struct rpc_raw object, const char *key)
{
    struct rpc_raw raw = { 0 };

    if (!object.text || !json_raw_member(object.text, object.len, key, &raw.text, &raw.len))
        return (struct rpc_raw){ 0 };
    return raw;
}

static bool bad(struct rpc_message *m, int code, const char *why)
{
    m->kind = RPC_BAD;
    m->code = code;
    m->why = why;
    return false;
}

static size_t count_members(const kmcp_json *object, const char *key)
{
    size_t n = 0;

    for (const kmcp_json *item = json_first(object); item; item = json_next(item))
        n += !strcmp(json_key(item), key);
    return n;
}

/* An id that can be read is echoed even when the rest is wrong; of two, neither is. */
static void read_id(struct arena *a, struct rpc_message *m)
{
    if (count_members(m->root, "id") != 1)
        return;
    m->id = rpc_member(m->text, "id");
    m->key = rpc_key(a, json_get(m->root, "id"), m->id);
    if (!m->key)
        m->id = (struct rpc_raw){ 0 };
}

static bool parse(struct arena *a, struct rpc_message *m)
{
    struct json_error error = { 0 };

    m->root = json_parse(a, m->text.text, m->text.len, JSON_UNIQUE, &error);
    if (m->root)
        return true;
    if (error.what && !strcmp(error.what, "out of memory"))
        return bad(m, RPC_INTERNAL, "the message needs more memory than [limits] call_bytes allows");
    /* Grammatical all the same? Then it is JSON, but not a message. */
    m->root = json_parse(a, m->text.text, m->text.len, 0, NULL);
    if (!m->root)
        return bad(m, RPC_PARSE, arena_format(a, "not valid JSON: %s at byte %zu", error.what, error.offset));
    if (json_kind(m->root) == KMCP_JSON_OBJECT)
        read_id(a, m);
    return bad(m, RPC_INVALID, "a member name occurs twice in one object");
}

static bool read_params(struct rpc_message *m)
{
    m->params = json_get(m->root, "params");
    if (m->params && json_kind(m->params) != KMCP_JSON_OBJECT)
        return bad(m, RPC_PARAMS, "\"params\" must be an object");
    return true;
}

static void classify(struct arena *a, struct rpc_message *m)
{
    const kmcp_json *method = json_get(m->root, "method"), *version = json_get(m->root, "jsonrpc");
    bool answers = json_get(m->root, "result") || json_get(m->root, "error");

    read_id(a, m);
    m->method = json_str(method);
    if (answers && !method) {
        m->kind = RPC_RESPONSE;
        return;
    }
    if (!json_str(version) || strcmp(json_str(version), "2.0") != 0) {
        bad(m, RPC_INVALID, "\"jsonrpc\" must be \"2.0\"");
        return;
    }
    if (!m->method) {
        bad(m, RPC_INVALID, method ? "\"method\" must be a string" : "neither a request nor a response");
        return;
    }
    if (answers) {
        bad(m, RPC_INVALID, "both a request and a response");
        return;
    }
    if (!json_get(m->root, "id")) {
        m->kind = RPC_NOTIFICATION;
        m->params = json_get(m->root, "params");
        return;
    }
    if (!m->key) {
        bad(m, RPC_INVALID, "\"id\" must be a string or an integer");
        return;
    }
    if (read_params(m))
        m->kind = RPC_REQUEST;
}

void rpc_read(struct arena *a, const char *text, size_t len, struct rpc_message *m)
{
    *m = (struct rpc_message){ .text = { text, len } };
    if (!parse(a, m))
        return;
    if (json_kind(m->root) == KMCP_JSON_ARRAY)
        m->kind = RPC_BATCH;
    else if (json_kind(m->root) == KMCP_JSON_OBJECT)
        classify(a, m);
    else
        bad(m, RPC_INVALID, "not an object");
}

/* The batch was accepted by the parser, so brackets and quotes are known to pair. */
bool rpc_split(struct rpc_raw batch, size_t *at, struct rpc_raw *element)
{
    const char *s = batch.text;
    size_t i = *at, depth = 0;
    bool quoted = false;

    if (!i)
        i = (size_t)((const char *)memchr(s, '[', batch.len) - s) + 1;
    while (i < batch.len && strchr(" \t\r\n", s[i]))
        i++;
    if (i >= batch.len || s[i] == ']')
        return false;
    element->text = s + i;
    for (; i < batch.len; i++) {
        if (quoted) {
            if (s[i] == '\\')
                i++;
            else
                quoted = s[i] != '"';
        } else if (s[i] == '"') {
            quoted = true;
        } else if (s[i] == '[' || s[i] == '{') {
            depth++;
        } else if (!depth && (s[i] == ',' || s[i] == ']')) {
            break;
        } else if (s[i] == ']' || s[i] == '}') {
            depth--;
        }
    }
    element->len = (size_t)(s + i - element->text);
    *at = i + (i < batch.len && s[i] == ',');
    return true;
}
