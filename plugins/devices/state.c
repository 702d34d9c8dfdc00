/* state.c - what is applied to a device and what failed: of one, and of many.  See kmcp-devices.md.
 * SPDX-License-Identifier: Apache-2.0 */

#include "devices.h"

/* get_device_status: what is applied and what failed. States that do not apply to a device are no failure. */

enum { GOOD, WAITING, FAILED, WARNED, NOT_APPLICABLE, OTHER, N_STATES };

static const char *const state_names[N_STATES] = { "good",    "waiting",        "failed",
                                                   "warning", "not_applicable", "other" };

static int state_of(const char *status)
{
    static const struct {
        const char *status;
        int state;
    } known[] = { { "PASS", GOOD },
                  { "success", GOOD },
                  { "AVAILABLE", GOOD },
                  { "REMEDIATED", GOOD },
                  { "PENDING", WAITING },
                  { "pending", WAITING },
                  { "CACHED", WAITING },
                  { "DOWNLOADING", WAITING },
                  { "INSTALLING", WAITING },
                  { "CHANGE_PENDING", WAITING },
                  { "ERROR", FAILED },
                  { "failed", FAILED },
                  { "WARNING", WARNED },
                  { "EXCLUDED", NOT_APPLICABLE },
                  { "INCOMPATIBLE", NOT_APPLICABLE } };
    size_t i;

    for (i = 0; status && i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].status, status) == 0)
            return known[i].state;
    return OTHER;
}

/* Counts LIST per state into OUT as KEY, and adds what failed to FAILING. */
static kmcp_rc count_states(kmcp_ctx *ctx, const kmcp_json *list, const char *key, kmcp_json *out,
                            kmcp_json *failing)
{
    const struct kmcp_host *h = ctx->host;
    kmcp_json *counts = h->json_new(ctx, "{}");
    int64_t n[N_STATES] = { 0 };
    const kmcp_json *item;
    int i;

    for (item = h->json_at(list, 0); item; item = h->json_next(item)) {
        const char *status = kmcp_get_str(ctx, item, "status"), *name = kmcp_get_str(ctx, item, "name");
        int state = state_of(status);
        kmcp_json *row;

        n[state]++;
        if (state != FAILED && state != WARNED)
            continue;
        row = h->json_new(ctx, "{}");
        if (!row || kmcp_set_str(ctx, row, "name", name ? name : "?") != KMCP_OK ||
            kmcp_set_str(ctx, row, "status", status) != KMCP_OK ||
            kmcp_set_str(ctx, row, "kind", *key == 'p' ? "parameter" : kmcp_get_str(ctx, item, "type")) !=
                KMCP_OK ||
            h->json_append(ctx, failing, row) != KMCP_OK)
            return KMCP_E_NOMEM;
    }
    kmcp_text(ctx, "%s: %zu", key, h->json_len(list));
    for (i = 0; i < N_STATES; i++)
        if (n[i]) {
            kmcp_text(ctx, ", %lld %s", (long long)n[i], state_names[i]);
            kmcp_set_int(ctx, counts, state_names[i], n[i]);
        }
    kmcp_text(ctx, "\n");
    return h->json_set(ctx, out, key, counts);
}

kmcp_rc get_device_status_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const struct kmcp_host *h = ctx->host;
    kmcp_json *out = h->json_new(ctx, "{}"), *failing = h->json_new(ctx, "[]");
    struct kmcp_reply reply = { 0 };
    const kmcp_json *item;
    const char *id;
    kmcp_rc rc;

    if ((rc = device_id_of(ctx, args, &id)) != KMCP_OK ||
        (rc = kmcp_call(ctx, &device_routes[GET_STATUS], "device_id", id, NULL, &reply)) != KMCP_OK)
        return rc;
    if (!out || !failing || kmcp_set_str(ctx, out, "device_id", id) != KMCP_OK)
        return KMCP_E_NOMEM;
    if (h->json_kind(h->json_get(reply.body, "library_items")) != KMCP_JSON_ARRAY &&
        h->json_kind(h->json_get(reply.body, "parameters")) != KMCP_JSON_ARRAY)
        return kmcp_fail(ctx, KMCP_E_UPSTREAM, "the API's answer holds no state of device \"%s\"", id);
    kmcp_text(ctx, "device_id: %s\n", id);
    if ((rc = count_states(ctx, h->json_get(reply.body, "library_items"), "library_items", out, failing)) !=
            KMCP_OK ||
        (rc = count_states(ctx, h->json_get(reply.body, "parameters"), "parameters", out, failing)) !=
            KMCP_OK)
        return rc;
    for (item = h->json_at(failing, 0); item; item = h->json_next(item))
        kmcp_text(ctx, "%s\t%s\t%s\n", kmcp_get_str(ctx, item, "status"),
                  kmcp_cell(ctx, kmcp_get_str(ctx, item, "kind")),
                  kmcp_cell(ctx, kmcp_get_str(ctx, item, "name")));
    if ((rc = h->json_set(ctx, out, "failing", failing)) != KMCP_OK ||
        (rc = kmcp_set_str(ctx, out, "as_of", kmcp_iso(ctx, reply.as_of_ms))) != KMCP_OK)
        return rc;
    return h->result_json(ctx, out);
}

/* get_compliance_summary: the states of all devices, one request each. What does not apply to a device is no
 * failure: an iPad lacks nothing for having no agent. */

#define ITEMS_MAX 512

struct item {
    const char *name, *kind;
    int64_t failing;
};

struct compliance {
    const char **ids;
    const char **platforms;
    size_t n, cap;
    struct totals {
        const char *platform;
        int64_t devices, failing, waiting, good, nothing;
    } totals[12];
    size_t n_totals;
    struct item items[ITEMS_MAX];
    size_t n_items;
    int64_t states[2][N_STATES]; /* of library items, of parameters */
    int64_t unknown;             /* devices whose state the API would not tell */
};

static kmcp_rc compliance_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    const struct kmcp_host *h = ctx->host;
    struct compliance *c = arg;
    const kmcp_json *row;

    for (row = h->json_at(rows, 0); row; row = h->json_next(row)) {
        const char *id = kmcp_get_str(ctx, row, "device_id"), *platform = kmcp_get_str(ctx, row, "platform");

        if (!id)
            continue;
        if (c->n == c->cap) {
            size_t cap = c->cap ? 2 * c->cap : 1024;
            const char **grown = h->alloc(ctx, 2 * cap * sizeof *grown);

            if (!grown)
                return KMCP_E_NOMEM;
            if (c->n) {
                memcpy(grown, c->ids, c->n * sizeof *grown);
                memcpy(grown + cap, c->platforms, c->n * sizeof *grown);
            }
            c->ids = grown;
            c->platforms = grown + cap;
            c->cap = cap;
        }
        c->ids[c->n] = h->format(ctx, "%s", id);
        c->platforms[c->n] = h->format(ctx, "%s", platform ? platform : "?");
        if (!c->ids[c->n] || !c->platforms[c->n])
            return KMCP_E_NOMEM;
        c->n++;
    }
    return KMCP_OK;
}

static struct totals *totals_of(struct compliance *c, const char *platform)
{
    size_t i = 0;

    while (i < c->n_totals && strcmp(c->totals[i].platform, platform) != 0)
        i++;
    if (i == c->n_totals && i + 1 < sizeof c->totals / sizeof *c->totals)
        c->totals[c->n_totals++].platform = platform;
    return &c->totals[i < c->n_totals ? i : c->n_totals - 1];
}

/* Another device on which NAME fails. */
static kmcp_rc add_failing(kmcp_ctx *ctx, struct compliance *c, const char *name, const char *kind)
{
    size_t i = 0;

    while (i < c->n_items && (strcmp(c->items[i].name, name) != 0 || strcmp(c->items[i].kind, kind) != 0))
        i++;
    if (i == ITEMS_MAX)
        return KMCP_OK; /* the rest is rare */
    if (i == c->n_items) {
        c->items[i].name = ctx->host->format(ctx, "%s", name);
        c->items[i].kind = ctx->host->format(ctx, "%s", kind);
        if (!c->items[i].name || !c->items[i].kind)
            return KMCP_E_NOMEM;
        c->n_items++;
    }
    c->items[i].failing++;
    return KMCP_OK;
}

static kmcp_rc add_states(kmcp_ctx *ctx, struct compliance *c, const kmcp_json *list, int parameters,
                          int64_t n[N_STATES])
{
    const kmcp_json *item;
    kmcp_rc rc;

    for (item = ctx->host->json_at(list, 0); item; item = ctx->host->json_next(item)) {
        const char *name = kmcp_get_str(ctx, item, "name"), *type = kmcp_get_str(ctx, item, "type");
        int state = state_of(kmcp_get_str(ctx, item, "status"));

        n[state]++;
        c->states[parameters][state]++;
        if (state == FAILED && (rc = add_failing(ctx, c, name ? name : "?",
                                                 parameters ? "parameter"
                                                 : type     ? type
                                                            : "?")) != KMCP_OK)
            return rc;
    }
    return KMCP_OK;
}

static kmcp_rc compliance_each(kmcp_ctx *ctx, size_t i, const kmcp_json *body, void *arg)
{
    struct compliance *c = arg;
    struct totals *t = totals_of(c, c->platforms[i]);
    int64_t n[N_STATES] = { 0 };
    kmcp_rc rc;

    if (ctx->host->json_kind(ctx->host->json_get(body, "library_items")) != KMCP_JSON_ARRAY &&
        ctx->host->json_kind(ctx->host->json_get(body, "parameters")) != KMCP_JSON_ARRAY) {
        c->unknown++; /* gone since, none of its business, or no state at all */
        return KMCP_OK;
    }
    if ((rc = add_states(ctx, c, ctx->host->json_get(body, "library_items"), 0, n)) != KMCP_OK ||
        (rc = add_states(ctx, c, ctx->host->json_get(body, "parameters"), 1, n)) != KMCP_OK)
        return rc;
    t->devices++;
    t->failing += n[FAILED] > 0;
    t->waiting += n[FAILED] == 0 && n[WAITING] > 0;
    t->good += n[FAILED] == 0 && n[WAITING] == 0 && n[GOOD] + n[WARNED] + n[OTHER] > 0;
    t->nothing += n[FAILED] + n[WAITING] + n[GOOD] + n[WARNED] + n[OTHER] == 0;
    return KMCP_OK;
}

static int by_failing(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    return x->failing != y->failing ? (x->failing < y->failing ? 1 : -1) : strcmp(x->name, y->name);
}

static int by_devices(const void *a, const void *b)
{
    const struct totals *x = a, *y = b;

    return x->devices != y->devices ? (x->devices < y->devices ? 1 : -1) : strcmp(x->platform, y->platform);
}

/* " (5 of 23)", or nothing where all are shown. */
static const char *of_how_many(kmcp_ctx *ctx, const struct compliance *c, int64_t items)
{
    const char *text = (int64_t)c->n_items <= items
                           ? ""
                           : ctx->host->format(ctx, " (%lld of %zu%s)", (long long)items, c->n_items,
                                               c->n_items == ITEMS_MAX ? " or more" : "");

    return text ? text : "";
}

static kmcp_rc show_compliance(kmcp_ctx *ctx, struct compliance *c, const struct kmcp_coverage *list,
                               const struct kmcp_coverage *coverage, int64_t items)
{
    int complete = list->complete && coverage->complete;
    const char *reason = list->complete ? coverage->reason : list->reason;
    size_t i;

    qsort(c->items, c->n_items, sizeof *c->items, by_failing);
    qsort(c->totals, c->n_totals, sizeof *c->totals, by_devices);
    kmcp_text(ctx, "%lld of %zu devices%s, as of %s%s%s", (long long)coverage->seen, c->n,
              complete ? "" : " (INCOMPLETE)", kmcp_iso(ctx, c->n ? coverage->as_of_ms : list->as_of_ms),
              complete ? "" : ": ",
              complete ? ""
              : reason ? reason
                       : "not all could be read");
    if (c->unknown)
        kmcp_text(ctx, "; %lld without a known state", (long long)c->unknown);
    if (!c->n && complete) {
        kmcp_text(ctx,
                  "\nno device is of that platform, blueprint and tag; is each as list_devices shows it?");
        return KMCP_OK;
    }
    kmcp_text(ctx, "\nplatform\tdevices\tfailing\twaiting\tcompliant\tnothing applies");
    for (i = 0; i < c->n_totals; i++)
        kmcp_text(ctx, "\n%s\t%lld\t%lld\t%lld\t%lld\t%lld", kmcp_cell(ctx, c->totals[i].platform),
                  (long long)c->totals[i].devices, (long long)c->totals[i].failing,
                  (long long)c->totals[i].waiting, (long long)c->totals[i].good,
                  (long long)c->totals[i].nothing);
    if (c->n_items && items > 0)
        kmcp_text(ctx, "\n\nfails most%s\tkind\tdevices", of_how_many(ctx, c, items));
    for (i = 0; i < c->n_items && (int64_t)i < items; i++)
        kmcp_text(ctx, "\n%s\t%s\t%lld", kmcp_cell(ctx, c->items[i].name), kmcp_cell(ctx, c->items[i].kind),
                  (long long)c->items[i].failing);
    return KMCP_OK;
}

kmcp_rc get_compliance_summary_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const char *platform = kmcp_get_str(ctx, args, "platform"),
               *blueprint = kmcp_get_str(ctx, args, "blueprint_id"), *tag = kmcp_get_str(ctx, args, "tag");
    int named = blueprint && !kmcp_is_uuid(blueprint);
    const struct kmcp_param query[] = { { "platform", platform },
                                        { "blueprint_id", named ? NULL : blueprint },
                                        { "tag_name", tag } };
    const struct kmcp_where where[] = { { "platform", platform, KMCP_WHERE_EQUALS, 0 },
                                        { named ? "blueprint_name" : "blueprint_id", blueprint,
                                          KMCP_WHERE_EQUALS, 0 },
                                        { "tags", tag, KMCP_WHERE_HAS, 0 } };
    const struct kmcp_request list = {
        .struct_size = sizeof list,
        .route = &device_routes[LIST_DEVICES],
        .query = query,
        .n_query = sizeof query / sizeof *query,
        .where = where,
        .n_where = sizeof where / sizeof *where,
        .fields = "device_id platform",
    };
    const struct kmcp_request status = { .struct_size = sizeof status,
                                         .route = &device_routes[GET_STATUS],
                                         .fields = "library_items parameters" };
    struct kmcp_coverage listed = { .struct_size = sizeof listed },
                         coverage = { .struct_size = sizeof coverage };
    struct compliance *c = ctx->host->alloc(ctx, sizeof *c);
    int64_t most = ctx->host->opt_int(ctx, "compliance_devices");
    kmcp_rc rc;

    if (!c)
        return KMCP_E_NOMEM;
    if ((rc = ctx->host->sweep(ctx, &list, compliance_page, c, &listed)) != KMCP_OK)
        return rc;
    if ((int64_t)c->n > most)
        return kmcp_fail(
            ctx, KMCP_E_ARG,
            "that is %zu devices and asks the API once for each, more than compliance_devices of the INI "
            "allows (%lld); narrow it down by platform, blueprint_id or tag",
            c->n, (long long)most);
    if ((rc = ctx->host->each(ctx, &status, "device_id", c->ids, c->n, compliance_each, c, &coverage)) !=
        KMCP_OK)
        return rc;
    return show_compliance(ctx, c, &listed, &coverage, kmcp_get_int(ctx, args, "limit", 5));
}
