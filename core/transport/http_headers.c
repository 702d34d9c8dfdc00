/* http_headers.c - the Mcp- headers of 2026-07-28: they must say what the body says, so that what stands
 * between client and server may go by them.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/text.h"
#include "http_front.h"

#define VALUE_MAX 4096

/* A header's value as the client meant it: "=?base64?...?=" decoded, anything else itself. NULL: malformed.
 */
static const char *decode(const char *value, char out[VALUE_MAX])
{
    size_t len = strlen(value), n;

    if (len >= VALUE_MAX)
        return NULL;
    if (strncmp(value, "=?base64?", 9) == 0 && len >= 11 && strcmp(value + len - 2, "?=") == 0) {
        n = base64_decode(value + 9, len - 11, out);
        if (n == (size_t)-1 || memchr(out, '\0', n) || !text_is_utf8(out, n))
            return NULL;
        out[n] = '\0';
        return out;
    }
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c > 0x7E)
            return NULL;
    memcpy(out, value, len + 1);
    return out;
}

static const char *wrong(char *why, size_t size, const char *header, const char *what)
{
    snprintf(why, size, "the header %.80s %s", header, what);
    return why;
}

/* One header, once, equal to EXPECTED. */
static const char *check(const struct http_message *m, const char *header, const char *expected, char *why,
                         size_t size)
{
    const char *value = http_field(m, header);
    char text[VALUE_MAX];

    if (!value)
        return wrong(why, size, header, "is missing");
    if (http_field_count(m, header) > 1)
        return wrong(why, size, header, "is there twice");
    value = decode(value, text);
    if (!value)
        return wrong(why, size, header, "is malformed");
    if (strcmp(value, expected) != 0)
        return wrong(why, size, header, "says something else than the body");
    return NULL;
}

/* What Mcp-Name repeats, for methods that have it. */
static const char *named_member(const char *method)
{
    static const char *const rows[][2] = { { "tools/call", "name" },     { "prompts/get", "name" },
                                           { "resources/read", "uri" },  { "tasks/get", "taskId" },
                                           { "tasks/update", "taskId" }, { "tasks/cancel", "taskId" } };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i][0], method) == 0)
            return rows[i][1];
    return NULL;
}

/* Does TEXT spell VALUE? Integers by their value. */
static bool spells(const char *text, const kmcp_json *value)
{
    int64_t number;
    bool flag;
    char *end;

    if (json_str(value))
        return strcmp(text, json_str(value)) == 0;
    if (json_bool(value, &flag))
        return strcmp(text, flag ? "true" : "false") == 0;
    if (!json_int(value, &number) || !*text || strspn(text, "-0123456789") != strlen(text))
        return false;
    return strtoll(text, &end, 10) == number && !*end;
}

static const char *check_params(const struct http_message *m, const kmcp_json *schema, const kmcp_json *args,
                                char *why, size_t size)
{
    for (const kmcp_json *p = json_first(json_get(schema, "properties")); p; p = json_next(p)) {
        const char *suffix = json_str(json_get(p, "x-mcp-header")), *given, *fault;
        const kmcp_json *value = json_get(args, json_key(p));
        char header[80], text[VALUE_MAX];

        if ((fault = check_params(m, p, value, why, size)))
            return fault;
        if (!suffix)
            continue;
        snprintf(header, sizeof header, "Mcp-Param-%s", suffix);
        given = http_field(m, header);
        if (!value || json_kind(value) == KMCP_JSON_NULL) {
            if (given)
                return wrong(why, size, header, "says something that the body does not");
            continue;
        }
        if (!given)
            return wrong(why, size, header, "is missing");
        if (http_field_count(m, header) > 1)
            return wrong(why, size, header, "is there twice");
        given = decode(given, text);
        if (!given || !spells(given, value))
            return wrong(why, size, header, given ? "says something else than the body" : "is malformed");
    }
    return NULL;
}

const char *headers_fault(const struct front *f, const struct http_message *m, const struct rpc_message *rpc,
                          const char *claim, char *why, size_t why_size)
{
    const char *member = named_member(rpc->method),
               *name = member ? json_str(json_get(rpc->params, member)) : NULL;
    const char *fault = check(m, "MCP-Protocol-Version", claim, why, why_size);
    const struct tool *tool;

    if (!fault)
        fault = check(m, "Mcp-Method", rpc->method, why, why_size);
    if (!fault && name)
        fault = check(m, "Mcp-Name", name, why, why_size);
    if (fault || strcmp(rpc->method, "tools/call") != 0 || !name)
        return fault;
    tool = registry_find(&f->host->registry, name);
    return tool ? check_params(m, schema_json(tool->input), json_get(rpc->params, "arguments"), why, why_size)
                : NULL;
}
