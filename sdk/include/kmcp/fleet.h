/* kmcp/fleet.h - what every plugin for a Kandji (Iru) fleet needs: devices by UUID or serial number, and cells.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Compiled into the plugin; source compatibility only. Replies are read in the API's real shape (user.email) and in the
 * flat one (user_email) that older references show.
 */
#ifndef KMCP_FLEET_H
#define KMCP_FLEET_H

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <kmcp/helpers.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Devices ------------------------------------------------------------------------------------------------------ */

/* Person data in a device record, for the pii of a route. */
#define KMCP_DEVICE_PII "user user_name user_email device_name serial_number asset_tag"

/* Rows for a plugin's own route table. */
#define KMCP_ROUTE_GET_DEVICE                                                                                        \
    { .method = "GET",                                                                                               \
      .path = "/api/v1/devices/{device_id}",                                                                         \
      .permission = "Device ID",                                                                                     \
      .pii = KMCP_DEVICE_PII,                                                                                        \
      .cache = "devices",                                                                                            \
      .tags = "devices device:{device_id}",                                                                          \
      .safety = KMCP_READ,                                                                                           \
      .flags = KMCP_ROUTE_RETRY,                                                                                     \
      .ttl_s = 300 }
#define KMCP_ROUTE_LIST_DEVICES                                                                                      \
    { .method = "GET",                                                                                               \
      .path = "/api/v1/devices",                                                                                     \
      .permission = "Device list",                                                                                   \
      .pii = KMCP_DEVICE_PII,                                                                                        \
      .cache = "devices",                                                                                            \
      .tags = "devices",                                                                                             \
      .row_id = "device_id",                                                                                         \
      .safety = KMCP_READ,                                                                                           \
      .flags = KMCP_ROUTE_RETRY,                                                                                     \
      .ttl_s = 300,                                                                                                  \
      .paging = KMCP_PAGES_OFFSET }

/* A device record, read. NULL where the API says nothing. Strings live as long as the call. */
struct kmcp_device {
    const char *id, *name, *serial, *platform, *model, *os, *user_name, *user_email, *blueprint_id, *blueprint;
    const char *last_check_in, *asset_tag;
    const kmcp_json *record;
    const kmcp_json *user; /* what states mail and name of its user, if the record states both; else NULL */
    int no_user;           /* the record says that there is none */
};

/* Does OBJECT say what KEY is: a string, or none (null or "")? Anything else, or nothing, is not known. */
KMCP_MAYBE_UNUSED static inline int kmcp_states(kmcp_ctx *ctx, const kmcp_json *object, const char *key)
{
    uint32_t kind = ctx->host->json_kind(ctx->host->json_get(object, key));

    return kind == KMCP_JSON_STRING || kind == KMCP_JSON_NULL;
}

/* In plan(): states the fact NAME about the subject if OBJECT does. */
KMCP_MAYBE_UNUSED static inline KMCP_MUST_CHECK kmcp_rc kmcp_fact_of(kmcp_ctx *ctx, const char *name,
                                                                     const kmcp_json *object, const char *key)
{
    return kmcp_states(ctx, object, key) ? ctx->host->fact(ctx, name, kmcp_get_str(ctx, object, key)) : KMCP_OK;
}

KMCP_MAYBE_UNUSED static inline void kmcp_device_read(kmcp_ctx *ctx, const kmcp_json *record, struct kmcp_device *d)
{
    const kmcp_json *user = ctx->host->json_get(record, "user");

    d->record = record;
    d->id = kmcp_get_str(ctx, record, "device_id");
    d->name = kmcp_get_str(ctx, record, "device_name");
    d->serial = kmcp_get_str(ctx, record, "serial_number");
    d->platform = kmcp_get_str(ctx, record, "platform");
    d->model = kmcp_get_str(ctx, record, "model");
    d->os = kmcp_get_str(ctx, record, "os_version");
    d->user_name = kmcp_get_str(ctx, user, "name");
    d->user_email = kmcp_get_str(ctx, user, "email");
    if (!d->user_name)
        d->user_name = kmcp_get_str(ctx, record, "user_name");
    if (!d->user_email)
        d->user_email = kmcp_get_str(ctx, record, "user_email");
    d->blueprint_id = kmcp_get_str(ctx, record, "blueprint_id");
    d->blueprint = kmcp_get_str(ctx, record, "blueprint_name");
    d->last_check_in = kmcp_get_str(ctx, record, "last_check_in");
    d->asset_tag = kmcp_get_str(ctx, record, "asset_tag");
    d->user = kmcp_states(ctx, user, "email") && kmcp_states(ctx, user, "name")                       ? user
              : kmcp_states(ctx, record, "user_email") && kmcp_states(ctx, record, "user_name") ? record
                                                                                                  : NULL;
    d->no_user = !d->user_email && !d->user_name &&
                 (d->user || (kmcp_states(ctx, record, "user") && !kmcp_get_str(ctx, record, "user")));
}

/* Which device it is, for a sentence that began with its serial number: `UUID, "Ana's Mac" (user "Ana <ana@x.org>",
 * blueprint "Sales")`. The id comes first: it is what is left where persons and serial numbers are not shown. The others
 * are others' words, so they come last. NULL at the ceiling. */
KMCP_MAYBE_UNUSED static inline const char *kmcp_device_words(kmcp_ctx *ctx, const struct kmcp_device *d)
{
    const char *user = d->user_name && d->user_email ? ctx->host->format(ctx, "%s <%s>", d->user_name, d->user_email)
                       : d->user_name                ? d->user_name
                                                     : d->user_email;
    const char *no_blueprint = kmcp_states(ctx, d->record, "blueprint_name") ? "none" : "unknown";

    return ctx->host->format(ctx, "%s, %s (user %s, blueprint %s)", d->id, kmcp_quote(ctx, d->name, "unnamed"),
                             kmcp_quote(ctx, user, d->no_user ? "none" : "unknown"),
                             kmcp_quote(ctx, d->blueprint, no_blueprint));
}

/* What nobody but the maker of a device chose: "Mac with serial number C02ABC". NULL at the ceiling. */
KMCP_MAYBE_UNUSED static inline const char *kmcp_device_kind(kmcp_ctx *ctx, const struct kmcp_device *d)
{
    const char *platform = !d->platform                       ? "device"
                           : !strcmp(d->platform, "Windows")  ? "Windows PC"
                           : !strcmp(d->platform, "Android")  ? "Android device"
                           : !strcmp(d->platform, "AppleTV")  ? "Apple TV"
                                                              : d->platform;

    return ctx->host->format(ctx, "%s with %s %s", platform,
                             d->serial ? "serial number" : "id", d->serial ? d->serial : d->id);
}

/* 8-4-4-4-12 hexadecimal digits? */
KMCP_MAYBE_UNUSED static inline int kmcp_is_uuid(const char *text)
{
    for (int i = 0; i < 36; i++) {
        char c = text[i];
        int hyphen = i == 8 || i == 13 || i == 18 || i == 23;

        if (hyphen ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return 0;
    }
    return !text[36];
}

/* Does the API keep a queue of commands for it (api section 1.10)? Only Apple's have one; what another was told shows
 * in its activity once it was carried out. A platform that is not known is taken for one that has. */
KMCP_MAYBE_UNUSED static inline int kmcp_device_has_queue(const struct kmcp_device *d)
{
    return !d->platform || (strcmp(d->platform, "Android") != 0 && strcmp(d->platform, "Windows") != 0);
}

struct kmcp_device_hits {
    struct kmcp_device first;
    const char *second_id;
    int n;
};

KMCP_MAYBE_UNUSED static inline kmcp_rc kmcp_device_hit(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    struct kmcp_device_hits *hits = (struct kmcp_device_hits *)arg;
    const kmcp_json *row;

    for (row = ctx->host->json_at(rows, 0); row; row = ctx->host->json_next(row)) {
        kmcp_json *copy = ctx->host->json_copy(ctx, row);

        if (!copy)
            return KMCP_E_NOMEM;
        if (hits->n++ == 0)
            kmcp_device_read(ctx, copy, &hits->first);
        else
            hits->second_id = kmcp_get_str(ctx, copy, "device_id");
    }
    return KMCP_OK;
}

/* Finds the device that ID names, a UUID or a serial number, through the plugin's own two routes. The host compares
 * serial numbers on the real values, so this works with person data masked, and against a server that ignores the
 * filter. Fails with a sentence when there is none, or more than one. */
KMCP_MAYBE_UNUSED static inline KMCP_MUST_CHECK kmcp_rc kmcp_device_find(kmcp_ctx *ctx, const struct kmcp_route *get,
                                                                         const struct kmcp_route *list, const char *id,
                                                                         struct kmcp_device *out)
{
    struct kmcp_coverage coverage = { 0 };
    struct kmcp_device_hits hits;
    const struct kmcp_param query[1] = { { "serial_number", id } };
    const struct kmcp_where where[1] = { { "serial_number", id, KMCP_WHERE_EQUALS, 0 } };
    struct kmcp_request request = { 0 };
    struct kmcp_reply reply = { 0 };
    kmcp_rc rc;

    if (!id || !*id)
        return kmcp_fail(ctx, KMCP_E_ARG, "\"device_id\" is empty; give the device's UUID or serial number");
    if (kmcp_is_uuid(id)) {
        rc = kmcp_call(ctx, get, "device_id", id, NULL, &reply);
        if (rc != KMCP_OK)
            return rc;
        kmcp_device_read(ctx, reply.body, out);
        if (!out->id || strcasecmp(out->id, id) != 0)
            return kmcp_fail(ctx, KMCP_E_UPSTREAM, "the API's answer for device \"%s\" is not that device's record", id);
        return KMCP_OK;
    }
    if (strlen(id) > 64 || strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != strlen(id))
        return kmcp_fail(ctx, KMCP_E_ARG, "\"device_id\" is neither a UUID nor a serial number; list_devices shows both");
    memset(&hits, 0, sizeof hits);
    coverage.struct_size = (uint32_t)sizeof coverage;
    request.struct_size = (uint32_t)sizeof request;
    request.route = list;
    request.query = query;
    request.n_query = 1;
    request.where = where;
    request.n_where = 1;
    rc = ctx->host->sweep(ctx, &request, kmcp_device_hit, &hits, &coverage);
    if (rc != KMCP_OK)
        return rc;
    if (hits.n > 1)
        return kmcp_fail(ctx, KMCP_E_CONFLICT,
                         "serial number \"%s\" belongs to %d devices, %s and %s among them; use the UUID of one", id, hits.n,
                         hits.first.id ? hits.first.id : "?", hits.second_id ? hits.second_id : "?");
    if (hits.n == 0 && !coverage.complete)
        return kmcp_fail(ctx, KMCP_E_UPSTREAM, "device \"%s\" was not found, but not all devices could be read (%s); try "
                                               "again, or use its UUID",
                         id, coverage.reason ? coverage.reason : "unknown");
    if (hits.n == 0 || !hits.first.id)
        return kmcp_fail(ctx, KMCP_E_NOTFOUND,
                         "device \"%s\" not found; list_devices finds users, and parts of names unless redact_pii is on",
                         id);
    *out = hits.first;
    return KMCP_OK;
}

/* The longest part of NAME that any server finds: without apostrophes and what is no ASCII, which it may compare by its
 * own lights. The host judges the rest. */
KMCP_MAYBE_UNUSED static inline const char *kmcp_name_part(kmcp_ctx *ctx, const char *name)
{
    const char *best = name;
    size_t most = 0, n;

    for (; *name; name += n + (name[n] != '\0')) {
        for (n = 0; name[n] && (unsigned char)name[n] < 0x80 && name[n] != '\''; n++)
            ;
        if (n - ((unsigned char)name[n] >= 0x80 && n) > most) { /* an accent of its own may follow the last one */
            most = n - ((unsigned char)name[n] >= 0x80);
            best = name;
        }
    }
    return most ? ctx->host->format(ctx, "%.*s", (int)most, best) : NULL;
}

/* All devices whose name is NAME, through the route LIST. */
KMCP_MAYBE_UNUSED static inline KMCP_MUST_CHECK kmcp_rc kmcp_device_named(kmcp_ctx *ctx, const struct kmcp_route *list,
                                                                          const char *name, kmcp_page_fn page, void *arg,
                                                                          struct kmcp_coverage *coverage)
{
    const struct kmcp_param query[1] = { { "device_name", kmcp_name_part(ctx, name) } };
    const struct kmcp_where where[1] = { { "device_name", name, KMCP_WHERE_EQUALS, 0 } };
    struct kmcp_request request;

    memset(&request, 0, sizeof request);
    request.struct_size = (uint32_t)sizeof request;
    request.route = list;
    request.query = query;
    request.n_query = 1;
    request.where = where;
    request.n_where = 1;
    memset(coverage, 0, sizeof *coverage);
    coverage->struct_size = (uint32_t)sizeof *coverage;
    return ctx->host->sweep(ctx, &request, page, arg, coverage);
}

struct kmcp_device_names {
    struct kmcp_device first;
    const char *candidates; /* a line each */
    int n;
};

KMCP_MAYBE_UNUSED static inline kmcp_rc kmcp_device_candidate(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    struct kmcp_device_names *names = (struct kmcp_device_names *)arg;
    const kmcp_json *row;

    for (row = ctx->host->json_at(rows, 0); row; row = ctx->host->json_next(row)) {
        kmcp_json *copy = ctx->host->json_copy(ctx, row);
        struct kmcp_device d;

        if (!copy)
            return KMCP_E_NOMEM;
        kmcp_device_read(ctx, copy, &d);
        if (names->n++ == 0)
            names->first = d;
        if (names->n <= 5) /* enough to choose from */
            names->candidates =
                ctx->host->format(ctx, "%s%s%s, serial %s, %s", names->candidates ? names->candidates : "",
                                  names->candidates ? "; " : "", d.id ? d.id : "?", d.serial ? d.serial : "unknown",
                                  d.platform ? d.platform : "?");
        if (!names->candidates)
            return KMCP_E_NOMEM;
    }
    return KMCP_OK;
}

/* As kmcp_device_find, and by the device's name where no device has it for its id or serial number. For reading only:
 * names are what users of devices make them. Several of one name: fails with the candidates. */
KMCP_MAYBE_UNUSED static inline KMCP_MUST_CHECK kmcp_rc kmcp_device_look_up(kmcp_ctx *ctx, const struct kmcp_route *get,
                                                                            const struct kmcp_route *list, const char *id,
                                                                            struct kmcp_device *out)
{
    struct kmcp_coverage coverage;
    struct kmcp_device_names names;
    kmcp_rc rc;

    if (!id || !*id || kmcp_is_uuid(id) || strlen(id) > 128 || (strchr(id, '/') && !strchr(id, ' ')))
        return kmcp_device_find(ctx, get, list, id, out);
    if (strlen(id) <= 64 && !id[strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")] &&
        (rc = kmcp_device_find(ctx, get, list, id, out)) != KMCP_E_NOTFOUND)
        return rc;
    memset(&names, 0, sizeof names);
    if ((rc = kmcp_device_named(ctx, list, id, kmcp_device_candidate, &names, &coverage)) != KMCP_OK)
        return rc;
    if (names.n > 1)
        return kmcp_fail(ctx, KMCP_E_CONFLICT, "%d devices are named \"%s\"; use the id of one: %s%s", names.n, id,
                         names.candidates, names.n > 5 ? "; ..." : "");
    if (names.n == 0 && !coverage.complete)
        return kmcp_fail(ctx, KMCP_E_UPSTREAM, "no device named \"%s\" was found, but not all could be read (%s); try again",
                         id, coverage.reason ? coverage.reason : "unknown");
    if (names.n == 0 || !names.first.id)
        return kmcp_fail(ctx, KMCP_E_NOTFOUND,
                         "device \"%s\" not found; list_devices finds users, and parts of names unless redact_pii is on",
                         id);
    *out = names.first;
    return KMCP_OK;
}

/* Unix milliseconds of "2024-07-23T14:11:37.150080Z" (api section 1.7), or -1. A time without a zone is UTC. */
KMCP_MAYBE_UNUSED static inline int64_t kmcp_time_ms(const char *text)
{
    int y, mo, d, h, mi, s, n = 0, oh = 0, om = 0;
    int64_t days, ms;
    char sign = 0;

    if (!text || sscanf(text, "%4d-%2d-%2d%*1[T ]%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &s, &n) != 6 || !n || mo < 1 || mo > 12)
        return -1;
    text += n;
    if (*text == '.')
        text += 1 + strspn(text + 1, "0123456789");
    if (*text && *text != 'Z' && (sscanf(text, "%c%2d:%2d", &sign, &oh, &om) != 3 || (sign != '+' && sign != '-')))
        return -1;
    y -= mo <= 2; /* days since 1970-01-01 of a civil date, years beginning in March */
    days = 365 * (int64_t)y + y / 4 - y / 100 + y / 400 + (153 * (mo + (mo > 2 ? -3 : 9)) + 2) / 5 + d - 1 - 719468;
    ms = 1000 * (86400 * days + 3600 * (int64_t)h + 60 * (int64_t)mi + s);
    return ms - (sign == '-' ? -60000 : 60000) * (60 * (int64_t)oh + om);
}

/* In plan(): names the device as the subject, with the facts that policies look at. BLUEPRINT may be a READ route
 * "/api/v1/blueprints/{blueprint_id}" of the plugin's own: it is asked how many devices there are when a cap needs it. */
KMCP_MAYBE_UNUSED static inline KMCP_MUST_CHECK kmcp_rc kmcp_device_subject(kmcp_ctx *ctx, const struct kmcp_device *d,
                                                                            const struct kmcp_route *blueprint)
{
    const struct kmcp_host *h = ctx->host;
    const char *who = d->user_email ? d->user_email : d->user_name ? d->user_name : d->no_user ? "none" : "unknown";
    const kmcp_json *tags = h->json_get(d->record, "tags"), *tag;
    int known = h->json_kind(tags) == KMCP_JSON_ARRAY;
    struct kmcp_reply reply;
    kmcp_rc rc = h->subject(ctx, "device", d->id,
                            h->format(ctx, "%s (serial %s, user %s, blueprint %s)", d->name ? d->name : "unnamed",
                                      d->serial ? d->serial : "unknown", who,
                                      d->blueprint                                    ? d->blueprint
                                      : kmcp_states(ctx, d->record, "blueprint_name") ? "none"
                                                                                      : "unknown"));

    if (rc != KMCP_OK || !KMCP_HOST_HAS(ctx, wants))
        return rc;
    if ((rc = kmcp_fact_of(ctx, "name", d->record, "device_name")) != KMCP_OK ||
        (rc = kmcp_fact_of(ctx, "serial", d->record, "serial_number")) != KMCP_OK ||
        (rc = kmcp_fact_of(ctx, "platform", d->record, "platform")) != KMCP_OK ||
        (rc = kmcp_fact_of(ctx, "blueprint", d->record, "blueprint_name")) != KMCP_OK ||
        (rc = kmcp_fact_of(ctx, "blueprint_id", d->record, "blueprint_id")) != KMCP_OK ||
        (rc = kmcp_fact_of(ctx, "last_check_in", d->record, "last_check_in")) != KMCP_OK)
        return rc;
    /* a user of whom only half is known could be anybody */
    if ((d->user || d->no_user) && ((rc = h->fact(ctx, "user", d->user_email)) != KMCP_OK ||
                                    (rc = h->fact(ctx, "user_name", d->user_name)) != KMCP_OK))
        return rc;
    for (tag = known ? h->json_at(tags, 0) : NULL; tag; tag = h->json_next(tag)) /* "vip", or {"name": "vip"} */
        known = known && (h->json_str(tag) || kmcp_get_str(ctx, tag, "name"));
    if (known && h->json_len(tags) == 0)
        rc = h->fact(ctx, "tag", NULL);
    for (tag = known ? h->json_at(tags, 0) : NULL; tag && rc == KMCP_OK; tag = h->json_next(tag))
        rc = h->fact(ctx, "tag", h->json_str(tag) ? h->json_str(tag) : kmcp_get_str(ctx, tag, "name"));
    if (rc != KMCP_OK)
        return rc;
    if (blueprint && d->blueprint_id && h->wants(ctx, "blueprint_devices")) {
        int64_t n;

        memset(&reply, 0, sizeof reply);
        if ((rc = kmcp_call(ctx, blueprint, "blueprint_id", d->blueprint_id, NULL, &reply)) != KMCP_OK)
            return rc;
        n = kmcp_get_int(ctx, reply.body, "computers_count", -1);
        if (n >= 0)
            return h->fact(ctx, "blueprint_devices", h->format(ctx, "%lld", (long long)n));
    }
    return KMCP_OK;
}

/* ---- Cells ---------------------------------------------------------------------------------------------------------- */

/* "2026-11-25T21:36:48Z". */
KMCP_MAYBE_UNUSED static inline const char *kmcp_iso(kmcp_ctx *ctx, int64_t unix_ms)
{
    char text[32] = "";
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm parts;

    if (unix_ms > 0 && gmtime_r(&seconds, &parts))
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return ctx->host->format(ctx, "%s", text);
}

/* One cell for tab-separated text: tabs and line breaks become spaces, and what is longer than 400 bytes is cut: names are
 * written by end users. */
KMCP_MAYBE_UNUSED static inline const char *kmcp_cell(kmcp_ctx *ctx, const char *text)
{
    size_t len = text ? strlen(text) : 0, most = len;
    char *copy;
    char *p;

    if (len <= 400 && (!text || !strpbrk(text, "\t\r\n")))
        return text ? text : "";
    if (len > 400)
        for (most = 400; most && ((unsigned char)text[most] & 0xC0) == 0x80; most--)
            ;
    copy = ctx->host->format(ctx, "%.*s%s", (int)most, text ? text : "", most < len ? "..." : "");

    for (p = copy; p && *p; p++)
        if (*p == '\t' || *p == '\n' || *p == '\r')
            *p = ' ';
    return copy ? copy : "";
}

#ifdef __cplusplus
}
#endif
#endif
