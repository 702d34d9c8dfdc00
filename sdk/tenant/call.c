/* One request and the answer that is being written for it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include "command.h"
#include "ids.h"
#include "rng.h"
#include "when.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t tenant_now(const struct tenant *t)
{
    return t->fleet.born_us + when_monotonic() - t->started_us + t->advanced_us;
}

static int hex_value(char ch)
{
    return ch >= '0' && ch <= '9'   ? ch - '0'
           : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
           : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
                                    : -1;
}

static void call_decode(char *text)
{
    char *to = text;
    for (; *text; text++) {
        int high = *text == '%' ? hex_value(text[1]) : -1;
        int low = high >= 0 ? hex_value(text[2]) : -1;
        if (low >= 0 && (high | low) != 0) {
            *to++ = (char)(high << 4 | low);
            text += 2;
        } else {
            *to++ = *text == '+' ? ' ' : *text;
        }
    }
    *to = '\0';
}

void call_start(struct call *c, char *query)
{
    c->status = 200;
    c->type = "application/json";
    while (query && *query && c->param_count < CALL_PARAMS) {
        char *next = strchr(query, '&');
        if (next)
            *next++ = '\0';
        char *value = strchr(query, '=');
        if (value)
            *value++ = '\0';
        call_decode(query);
        if (value)
            call_decode(value);
        c->params[c->param_count].name = query;
        c->params[c->param_count++].value = value ? value : "";
        query = next;
    }
}

void call_finish(struct call *c)
{
    for (size_t i = 0; i < c->header_count; i++)
        free(c->headers[i].value);
    out_free(&c->out);
    free(c->path);
    free(c->query);
}

const char *call_param(const struct call *c, const char *name)
{
    for (size_t i = 0; i < c->param_count; i++)
        if (strcmp(c->params[i].name, name) == 0)
            return c->params[i].value;
    return NULL;
}

int64_t call_number(const struct call *c, const char *name, int64_t otherwise)
{
    const char *text = call_param(c, name);
    if (!text || !*text || strlen(text) > 15)
        return otherwise;
    int64_t value = 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return otherwise;
        value = value * 10 + (*text - '0');
    }
    return value;
}

int64_t call_limit(const struct call *c, int64_t normal, int64_t most)
{
    int64_t limit = call_number(c, "limit", normal);
    return limit == 0 ? normal : limit > most ? most : limit;
}

void call_header(struct call *c, const char *name, const char *format, ...)
{
    if (c->header_count == CALL_HEADERS)
        return;
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *value = n < 0 ? NULL : malloc((size_t)n + 1);
    if (value) {
        vsnprintf(value, (size_t)n + 1, format, again);
        c->headers[c->header_count].name = name;
        c->headers[c->header_count++].value = value;
    }
    va_end(again);
    va_end(args);
}

void call_request_id(struct call *c, char buf[33])
{
    ids_letters(buf, 32, rng_mix((uint64_t)tenant_now(c->t)), "0123456789abcdef");
}

void call_fail(struct call *c, int status, enum call_shape shape, const char *text)
{
    out_free(&c->out);
    c->status = status;
    c->type = "application/json";
    if (c->t->seed_dialect) {
        out_open(&c->out, NULL, '{');
        out_string(&c->out, "error", text);
        out_close(&c->out, '}');
    } else if (shape == CALL_STRING) {
        out_string(&c->out, NULL, text);
    } else if (shape == CALL_LIST) {
        out_open(&c->out, NULL, '[');
        out_string(&c->out, NULL, text);
        out_close(&c->out, ']');
    } else {
        char id[33];
        out_open(&c->out, NULL, '{');
        out_string(&c->out, shape == CALL_GATEWAY ? "message" : "detail", text);
        if (shape == CALL_GATEWAY) {
            call_request_id(c, id);
            out_string(&c->out, "request_id", id);
        }
        out_close(&c->out, '}');
    }
}

void call_not_found(struct call *c)
{
    call_fail(c, 404, CALL_DETAIL, "Not found.");
}

void call_device_gone(struct call *c)
{
    call_fail(c, 404, CALL_DETAIL, c->t->seed_dialect ? "Device not found" : "Not found.");
}

struct device *call_device(struct call *c)
{
    struct device *d = fleet_find(&c->t->fleet, c->args[0]);
    if (d && !d->deleted) {
        command_settle(c->t, d);
        return d;
    }
    call_device_gone(c);
    return NULL;
}
