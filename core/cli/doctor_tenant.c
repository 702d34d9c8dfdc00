/* doctor_tenant.c - what the tenant says when it is asked: is it there, whose certificate, what time, how
 * many requests are left.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/clock_read.h"
#include "doctor.h"
#include "own_routes.h"

#define CERTIFICATE_DAYS 14 /* fewer are a warning */

static const char *fill(const struct doctor *d, const char *name, size_t len)
{
    return len == 9 && strncmp(name, "device_id", len) == 0       ? d->device
           : len == 12 && strncmp(name, "blueprint_id", len) == 0 ? d->blueprint
                                                                  : "";
}

int doctor_ask(struct doctor *d, const struct kmcp_route *route, const kmcp_json **body)
{
    struct kmcp_param path[4], query[] = { { "limit", "1" } };
    struct kmcp_request request = {
        .struct_size = sizeof request, .route = route, .path = path, .query = query
    };
    struct kmcp_reply reply = { .struct_size = sizeof reply };
    struct failure failure = { .rc = KMCP_OK };
    struct client_call call = { .arena = &d->arena,
                                .failure = &failure,
                                .tool = KMCP_READ,
                                .read_only = true,
                                .deadline_ms = clock_ms() + d->host.call_timeout_ms };
    struct client_last last = { 0 };
    bool good;

    for (const char *at = strchr(route->path, '{'); at && request.n_path < 4; at = strchr(at + 1, '{')) {
        size_t len = strcspn(at + 1, "}");

        path[request.n_path].name = arena_format(&d->arena, "%.*s", (int)len, at + 1);
        path[request.n_path].value = fill(d, at + 1, len);
        if (!path[request.n_path].name || !*path[request.n_path].value)
            return NO_PATH;
        request.n_path++;
    }
    request.n_query = route->paging ? 1 : 0;
    good = client_http(d->host.client, &call, &request, &reply) == KMCP_OK;
    if (body)
        *body = good ? reply.body : NULL;
    client_last(d->host.client, &last);
    if (!last.status && failure.text[0])
        doctor_say(d, "FAIL", "%s", failure.text);
    if (last.status >= 200 && last.status < 300 &&
        (!good || (json_kind(reply.body) != KMCP_JSON_OBJECT && json_kind(reply.body) != KMCP_JSON_ARRAY)))
        return NO_JSON;
    return last.status;
}

/* ---- the checks ---- */

static const kmcp_json *rows_of(const kmcp_json *body)
{
    const kmcp_json *rows = json_get(body, "results");

    return rows ? rows : body;
}

static void take_id(const kmcp_json *body, const char *key, char *out, size_t size)
{
    const char *id = json_str(json_get(json_first(rows_of(body)), key));

    snprintf(out, size, "%s", id ? id : "");
}

/* Where the tenant is thought to be, for who is told that it is not there. */
static void check_region(struct doctor *d, int status)
{
    const char *url = d->host.tenant.base_url, *host = strstr(url, "://");
    const char *eu = strstr(url, ".api.eu.kandji.io"), *us = eu ? NULL : strstr(url, ".api.kandji.io");

    if (!host || !(eu || us)) {
        doctor_say(d, "ok", "base_url names the tenant; no region is looked at");
        return;
    }
    if (status >= 200 && status < 300)
        doctor_say(d, "ok", "the region is %s", eu ? "eu" : "us");
    else
        doctor_say(
            d, "warn",
            "the region is %s; if the tenant is of the other one, set region = %s in [tenant]: it is then at "
            "%.*s.api%s.kandji.io, and tokens count there alone",
            eu ? "eu" : "us", eu ? "us" : "eu", (int)((eu ? eu : us) - host - 3), host + 3, eu ? "" : ".eu");
}

void doctor_reach(struct doctor *d)
{
    const kmcp_json *body = NULL;
    int status;

    if (!d->token) {
        doctor_say(d, "?", "the tenant was not asked: without a token nothing is sent");
        return;
    }
    client_look(d->host.client);
    status = doctor_ask(d, &own_routes[OWN_DEVICES].route, &body);
    d->reached = status != NO_ANSWER;
    check_region(d, status);
    if (!d->reached)
        return;
    doctor_say(d, "ok", "%s answers%s", d->host.tenant.base_url,
               strncmp(d->host.tenant.base_url, "https:", 6) == 0 ? ", its certificate is accepted"
                                                                  : " (plain http)");
    d->speaks = status == 403 ||
                (status >= 200 && status < 300 && json_kind(rows_of(body)) == KMCP_JSON_ARRAY);
    if (status == 401)
        doctor_say(
            d, "FAIL",
            "the token is not accepted (HTTP 401); make a new one in the web console, Settings > Access");
    else if (status == NO_JSON || (status >= 200 && status < 300 && !d->speaks))
        doctor_say(d, "FAIL", "%s is answered with something that is no list of devices; look at base_url",
                   own_routes[OWN_DEVICES].route.path);
    else if (!d->speaks)
        doctor_say(d, "FAIL", "%s is answered with HTTP %d; look at base_url, or try again later",
                   own_routes[OWN_DEVICES].route.path, status);
    if (!d->speaks)
        return;
    take_id(body, "device_id", d->device, sizeof d->device);
    body = NULL;
    doctor_ask(d, &own_routes[OWN_BLUEPRINTS].route, &body);
    take_id(body, "id", d->blueprint, sizeof d->blueprint);
}

/* Unix milliseconds of these parts, in GMT, or -1. */
static int64_t time_of(int year, const char *month, int day, int hour, int minute, int second)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const char *at = strstr(months, month);
    char iso[40];

    if (!at || (at - months) % 3)
        return -1;
    snprintf(iso, sizeof iso, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, (int)(at - months) / 3 + 1, day, hour,
             minute, second);
    return clock_read(iso);
}

/* "Tue, 24 Nov 2026 10:00:00 GMT" (HTTP) or "Nov 24 10:00:00 2026 GMT" (certificates), or -1. */
static int64_t date_of(const char *text)
{
    char month[4] = "";
    int day, year, hour, minute, second;

    if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d", &day, month, &year, &hour, &minute, &second) == 6 ||
        sscanf(text, " %3s %2d %2d:%2d:%2d %4d", month, &day, &hour, &minute, &second, &year) == 6)
        return time_of(year, month, day, hour, minute, second);
    return -1;
}

void doctor_certificate(struct doctor *d)
{
    struct client_last last;
    int64_t days;

    client_last(d->host.client, &last);
    if (!last.issuer[0]) /* plain http, not reached, or a TLS library that does not tell */
        return;
    days = date_of(last.expires);
    days = days < 0 ? -1 : (days - clock_unix_ms()) / 86400000;
    doctor_say(d, days < 0 || days >= CERTIFICATE_DAYS ? "ok" : "warn",
               "the certificate is of \"%s\" and good until %s%s", last.issuer, last.expires,
               days < 0 || days >= CERTIFICATE_DAYS
                   ? ""
                   : arena_format(&d->arena, ", %lld days more", (long long)days));
}

void doctor_clock(struct doctor *d)
{
    struct client_last last;
    int64_t theirs, apart;

    if (!d->reached)
        return;
    client_last(d->host.client, &last);
    theirs = date_of(last.date);
    if (theirs < 0) {
        doctor_say(d, "warn", "the clock was not compared: no Date came with the answer");
        return;
    }
    apart = (clock_unix_ms() - theirs) / 1000;
    doctor_say(d,
               llabs((long long)apart) > 300  ? "FAIL"
               : llabs((long long)apart) > 60 ? "warn"
                                              : "ok",
               "the clock is %lld seconds %s of the tenant's", llabs((long long)apart),
               apart < 0 ? "behind" : "ahead");
}

void doctor_budget(struct doctor *d)
{
    struct client_last last;

    client_last(d->host.client, &last);
    if (!d->reached)
        return;
    if (last.hour_left >= 0)
        doctor_say(d, last.hour_left < 500 ? "warn" : "ok", "%lld requests are left of this hour%s%s",
                   (long long)last.hour_left, last.reset_s >= 0 ? ", resets in " : "",
                   last.reset_s >= 0
                       ? arena_format(&d->arena, "%lld min", (long long)(last.reset_s + 59) / 60)
                       : "");
    else
        doctor_say(d, "ok", "the tenant does not say how many requests are left");
    if (last.own_left < 0)
        doctor_say(d, "warn", "our own count of them is lost: each process has a tenth of %lld an hour",
                   (long long)last.own_hour);
    else
        doctor_say(d, last.own_left * 20 < last.own_hour ? "warn" : "ok",
                   "by our own count %lld of %lld requests are left of this hour, for all processes (%s)",
                   (long long)last.own_left, (long long)last.own_hour, state_place(d->host.state));
}
