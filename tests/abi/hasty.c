/* hasty.c - a plugin that does what it is told, step by step, and asks ahead for whatever it likes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <kmcp/fleet.h>
#include <kmcp/helpers.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 200

enum { RECORD, DETAILS, LIST, LOCK, SECRET };
static const struct kmcp_route routes[] = {
    [RECORD] = KMCP_ROUTE_GET_DEVICE,
    [DETAILS] = { .method = "GET",
                  .path = "/api/v1/devices/{device_id}/details",
                  .permission = "Device details",
                  .cache = "devices",
                  .tags = "device:{device_id}",
                  .safety = KMCP_READ,
                  .flags = KMCP_ROUTE_RETRY,
                  .ttl_s = 300 },
    [LIST] = KMCP_ROUTE_LIST_DEVICES,
    [LOCK] = { .method = "POST",
               .path = "/api/v1/devices/{device_id}/action/lock",
               .permission = "Lock",
               .safety = KMCP_WRITE },
    [SECRET] = { .method = "GET",
                 .path = "/api/v1/devices/{device_id}/secret",
                 .permission = "Secret",
                 .secrets = "pin",
                 .safety = KMCP_READ },
};
static const struct kmcp_route undeclared = {
    .method = "GET", .path = "/api/v1/users", .permission = "User list", .safety = KMCP_READ
};

struct step {
    const char *op, *what; /* "ahead", "details" */
    const char *ids[LIST_MAX];
    size_t n;
};

/* "OP WHAT ID..." */
static int read_step(kmcp_ctx *ctx, const kmcp_json *text, struct step *s)
{
    char *at = ctx->host->format(ctx, "%s", ctx->host->json_str(text));
    char *save = NULL;

    memset(s, 0, sizeof *s);
    if (!at)
        return 0;
    s->op = strtok_r(at, " ", &save);
    s->what = strtok_r(NULL, " ", &save);
    while (s->n < LIST_MAX && (s->ids[s->n] = strtok_r(NULL, " ", &save)))
        s->n++;
    return s->op && s->what;
}

static const struct kmcp_route *route_of(const char *what)
{
    return strcmp(what, "record") == 0    ? &routes[RECORD]
           : strcmp(what, "details") == 0 ? &routes[DETAILS]
           : strcmp(what, "list") == 0    ? &routes[LIST]
           : strcmp(what, "lock") == 0    ? &routes[LOCK]
           : strcmp(what, "secret") == 0  ? &routes[SECRET]
                                          : &undeclared;
}

static kmcp_rc take_one(kmcp_ctx *ctx, size_t i, const kmcp_json *body, void *arg)
{
    (void)ctx;
    (void)i;
    *(size_t *)arg += body != NULL;
    return KMCP_OK;
}

static kmcp_rc take_none(kmcp_ctx *ctx, size_t i, const kmcp_json *body, void *arg)
{
    (void)body;
    (void)arg;
    return i < 2 ? KMCP_OK : kmcp_fail(ctx, KMCP_E_CONFLICT, "device %zu is one too many", i);
}

static kmcp_rc take_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    *(size_t *)arg += ctx->host->json_len(rows);
    return KMCP_OK;
}

/* What came of it, in a word. */
static kmcp_rc do_step(kmcp_ctx *ctx, const struct step *s, const char **said)
{
    const struct kmcp_param id = { "device_id", s->ids[0] };
    struct kmcp_request request = {
        .struct_size = sizeof request, .route = route_of(s->what), .path = &id, .n_path = s->ids[0] ? 1 : 0
    };
    struct kmcp_coverage coverage = { .struct_size = sizeof coverage };
    struct kmcp_reply reply = { .struct_size = sizeof reply };
    size_t n = 0;
    kmcp_rc rc = KMCP_OK;

    *said = NULL;
    if (strcmp(s->op, "ahead") == 0) {
        ctx->host->ahead(ctx, &request);
    } else if (strcmp(s->op, "http") == 0) {
        rc = ctx->host->http(ctx, &request, &reply);
        *said = rc == KMCP_OK ? ctx->host->json_text(ctx, reply.body) : NULL;
    } else if (strcmp(s->op, "each") == 0 || strcmp(s->op, "two") == 0) {
        request.n_path = 0;
        rc = ctx->host->each(ctx, &request, "device_id", s->ids, s->n, *s->op == 'e' ? take_one : take_none,
                             &n, &coverage);
        *said = ctx->host->format(ctx, "%zu of %lld%s%s", n, (long long)coverage.seen,
                                  coverage.complete ? "" : ": ", coverage.complete ? "" : coverage.reason);
    } else if (strcmp(s->op, "sweep") == 0) {
        rc = ctx->host->sweep(ctx, &request, take_page, &n, &coverage);
        *said = ctx->host->format(ctx, "%zu", n);
    } else if (strcmp(s->op, "wait") == 0) {
        rc = ctx->host->wait(ctx, (uint32_t)strtoul(s->what, NULL, 10));
    }
    return rc;
}

static kmcp_rc hurry_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const kmcp_json *steps = ctx->host->json_get(args, "steps");
    struct step s;
    const char *said;
    kmcp_rc rc;

    for (size_t i = 0; i < ctx->host->json_len(steps); i++) {
        if (!read_step(ctx, ctx->host->json_at(steps, i), &s))
            return kmcp_fail(ctx, KMCP_E_ARG, "step %zu is none", i);
        if ((rc = do_step(ctx, &s, &said)) != KMCP_OK)
            return rc;
        if (said && (rc = kmcp_text(ctx, "%s\n", said)) != KMCP_OK)
            return rc;
    }
    return kmcp_text(ctx, "done\n");
}

/* Looks, waits and looks again, twice within one look: 1 if anything changed. */
static int is_other_after_a_wait(kmcp_ctx *ctx, const char *id)
{
    struct kmcp_reply first, again, last;

    return kmcp_call(ctx, &routes[RECORD], "device_id", id, NULL, &first) == KMCP_OK &&
           kmcp_call(ctx, &routes[RECORD], "device_id", id, NULL, &again) == KMCP_OK &&
           ctx->host->wait(ctx, 1) == KMCP_OK &&
           kmcp_call(ctx, &routes[RECORD], "device_id", id, NULL, &last) == KMCP_OK &&
           strcmp(ctx->host->json_text(ctx, first.body), ctx->host->json_text(ctx, again.body)) == 0 &&
           strcmp(ctx->host->json_text(ctx, first.body), ctx->host->json_text(ctx, last.body)) != 0;
}

/* In a plan it may not ask ahead; it tries. */
static kmcp_rc hurry_act_plan(kmcp_ctx *ctx, const kmcp_json *args)
{
    const char *id = kmcp_get_str(ctx, args, "device_id");
    kmcp_rc rc;

    kmcp_ahead(ctx, &routes[DETAILS], "device_id", id);
    if (kmcp_get_bool(ctx, args, "wait", 0) && !is_other_after_a_wait(ctx, id))
        return kmcp_fail(ctx, KMCP_E_CONFLICT, "nothing changed");
    rc = ctx->host->subject(ctx, "device", id, id);
    return rc == KMCP_OK ? kmcp_say(ctx, "Locks %s.", id) : rc;
}

static kmcp_rc hurry_act_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    struct kmcp_reply reply;
    const char *id = kmcp_get_str(ctx, args, "device_id");
    kmcp_rc rc;

    kmcp_ahead(ctx, &routes[DETAILS], "device_id", id);
    kmcp_ahead(ctx, &routes[LOCK], "device_id", id);
    rc = kmcp_call(ctx, &routes[LOCK], "device_id", id, NULL, &reply);
    return rc == KMCP_OK ? kmcp_text(ctx, "done") : rc;
}

static kmcp_rc read_it(kmcp_ctx *ctx, const char *uri, const kmcp_json *vars)
{
    const struct kmcp_content content = {
        .struct_size = sizeof content, .kind = KMCP_CONTENT_TEXT, .text = "read", .uri = uri
    };

    kmcp_ahead(ctx, &routes[RECORD], "device_id", kmcp_get_str(ctx, vars, "id"));
    kmcp_ahead(ctx, &routes[DETAILS], "device_id", kmcp_get_str(ctx, vars, "id"));
    return ctx->host->content(ctx, &content);
}

static const struct kmcp_tool tools[] = {
    { .name = "hurry",
      .title = "Hurry",
      .description = "Does the steps.",
      .input_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"steps\"],"
                      "\"properties\":{\"steps\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}",
      .safety = KMCP_READ,
      .run = hurry_run },
    { .name = "hurry_act",
      .title = "Hurry",
      .description = "Locks, and asks ahead in plan() and run().",
      .input_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"device_id\"],"
                      "\"properties\":{\"device_id\":{\"type\":\"string\"},\"wait\":{\"type\":\"boolean\"}}}",
      .safety = KMCP_WRITE,
      .plan = hurry_act_plan,
      .run = hurry_act_run },
};
static const struct kmcp_resource resources[] = {
    { .uri = "hasty://device/{id}",
      .name = "hasty",
      .title = "Hasty",
      .description = "Asks ahead and never asks.",
      .read = read_it },
};

KMCP_PLUGIN(hasty, "1.0.0", .summary = "Asks ahead for whatever it likes", .threading = KMCP_PARALLEL,
            KMCP_ROUTES(routes), KMCP_TOOLS(tools), KMCP_RESOURCES(resources));
