/* doctor_permissions.c - what the token may do, less and more than is needed.  SPDX-License-Identifier:
 * Apache-2.0
 */

#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "own_routes.h"

/* What STATUS says of the permission for R, which WHO (module or command) needs. */
static void say_status(struct doctor *d, const struct kmcp_route *r, int status, const char *who)
{
    if (status == NO_PATH)
        doctor_say(d, "?", "permission \"%s\" is unproven: there is nothing to ask %s with", r->permission,
                   r->path);
    else if (status == 401 || status == 403)
        doctor_say(d, "FAIL",
                   "permission \"%s\" is missing (HTTP %d); without it %s will not work; tick it in the web "
                   "console, Settings > Access",
                   r->permission, status, who);
    else if ((status >= 200 && status < 300) || (status == 404 && strchr(r->path, '{')))
        doctor_say(d, "ok", "permission \"%s\"", r->permission);
    else if (status == NO_JSON)
        doctor_say(d, "FAIL", "permission \"%s\" is unproven: the answer to %s cannot be read", r->permission,
                   r->path);
    else if (status != NO_ANSWER)
        doctor_say(d, status == 404 ? "FAIL" : "warn", "permission \"%s\" is unproven: %s answered HTTP %d",
                   r->permission, r->path, status);
}

static void check_route(struct doctor *d, const struct plugin *p, const struct kmcp_route *r)
{
    char why[400], who[80];

    if (!policy_offers(&d->host.policy, r->safety, why, sizeof why))
        return;
    if (r->safety != KMCP_READ || strcmp(r->method, "GET") != 0) {
        doctor_say(d, "?", "permission \"%s\" is needed and unproven: %s %s is never tried", r->permission,
                   r->method, r->path);
        return;
    }
    snprintf(who, sizeof who, "tools of module %.40s", p->decl.name);
    say_status(d, r, doctor_ask(d, r, NULL), who);
}

static bool is_needed(const struct doctor *d, const char *permission)
{
    for (size_t i = 0; i < d->host.registry.n_plugins; i++)
        for (size_t k = 0; k < d->host.registry.plugins[i]->n_routes; k++)
            if (strcmp(d->host.registry.plugins[i]->routes[k].permission, permission) == 0)
                return true;
    return false;
}

static void check_excess(struct doctor *d)
{
    for (size_t i = 0; i < OWN_ROUTES; i++) {
        const struct kmcp_route *route = &own_routes[i].route;
        int status;

        if (!own_routes[i].shows_more || is_needed(d, route->permission))
            continue;
        status = doctor_ask(d, route, NULL);
        if (status >= 200 && status < 300)
            doctor_say(
                d, "warn",
                "the token also has \"%s\" (%s), which no enabled module needs; take it away if nothing else "
                "does",
                route->permission, route->path);
    }
}

void doctor_permissions(struct doctor *d)
{
    const struct kmcp_route *events = &own_routes[OWN_EVENTS].route;

    if (!d->speaks)
        return;
    for (size_t i = 0; i < d->host.registry.n_plugins; i++)
        for (size_t k = 0; k < d->host.registry.plugins[i]->n_routes; k++) {
            const struct plugin *p = d->host.registry.plugins[i];
            bool seen = false;

            for (size_t m = 0; m <= i && !seen; m++)
                for (size_t n = 0; n < (m < i ? d->host.registry.plugins[m]->n_routes : k) && !seen; n++)
                    seen = strcmp(d->host.registry.plugins[m]->routes[n].permission,
                                  p->routes[k].permission) == 0;
            if (!seen)
                check_route(d, p, &p->routes[k]);
        }
    if (!d->host.policy.read_only && !is_needed(d, events->permission))
        say_status(d, events, doctor_ask(d, events, NULL), "kmcp audit reconcile");
    check_excess(d);
}
