/* command_dump.c - `kmcp dump PLUGIN`: everything it declares, one key=value a line. SPDX-License-Identifier:
 * Apache-2.0 */

#include <stdio.h>

#include "client/route.h"
#include "cli.h"

static void dump_routes(const struct plugin *p)
{
    for (size_t i = 0; i < p->n_routes; i++) {
        const struct kmcp_route *r = &p->routes[i];

        printf("route=%s %s class=%s permission=\"%s\"", r->method, r->path, route_class_name(r->safety),
               r->permission);
        if (r->cache)
            printf(" cache=%s:%us", r->cache, (unsigned)r->ttl_s);
        if (r->tags)
            printf(" tags=\"%s\"", r->tags);
        if (r->invalidates)
            printf(" invalidates=\"%s\"", r->invalidates);
        if (r->pii)
            printf(" pii=\"%s\"", r->pii);
        if (r->secrets)
            printf(" secrets=\"%s\"", r->secrets);
        printf("%s%s%s\n", r->flags & KMCP_ROUTE_RETRY ? " retry" : "",
               r->flags & KMCP_ROUTE_QUERY ? " query" : "", r->paging ? " paged" : "");
    }
}

int command_dump(const struct cli *cli)
{
    const struct plugin *p;
    struct host host;
    size_t workers;

    if (!host_build(&host, cli->config, &workers))
        return 1;
    p = registry_plugin(&host.registry, cli->args[0]);
    if (!p) {
        fprintf(stderr, "kmcp: no plugin \"%s\" is loaded; the INI names them as [plugin NAME]\n",
                cli->args[0]);
        host_free(&host);
        return 1;
    }
    printf("name=%s\nversion=%s\nsummary=%s\npath=%s\nabi=%u.%u\nneeds=%d.%u\nthreading=%s\n", p->decl.name,
           p->decl.version, p->decl.summary, p->path, (unsigned)p->decl.abi_major,
           (unsigned)p->decl.abi_minor, KMCP_ABI_MAJOR, (unsigned)p->decl.needs_minor,
           p->decl.threading == KMCP_PARALLEL ? "parallel" : "serial");
    for (size_t i = 0; i < p->n_options; i++)
        printf("option=%s type=%s value=\"%s\" default=%s%s%s help=\"%s\"\n", p->options[i].key,
               p->options[i].type, p->option_values[i], p->options[i].dflt ? "\"" : "",
               p->options[i].dflt ? p->options[i].dflt : "(required)", p->options[i].dflt ? "\"" : "",
               p->options[i].help);
    dump_routes(p);
    for (size_t i = 0; i < p->n_tools; i++)
        printf("tool=%s class=%s%s%s%s\n", p->tools[i].decl.name, route_class_name(p->tools[i].decl.safety),
               p->tools[i].decl.plan ? " plan" : "",
               p->tools[i].decl.flags & KMCP_TOOL_TASK_ONLY ? " task-only"
               : p->tools[i].decl.flags & KMCP_TOOL_TASK    ? " task"
               : p->tools[i].decl.flags & KMCP_TOOL_CONFIRM ? " confirm"
                                                            : "",
               p->tools[i].output ? " structured" : "");
    for (size_t i = 0; i < p->n_prompts; i++)
        printf("prompt=%s arguments=%zu%s\n", p->prompts[i].decl.name, p->prompts[i].n_args,
               p->prompts[i].decl.complete ? " complete" : "");
    for (size_t i = 0; i < p->n_resources; i++)
        printf("resource=%s%s%s%s\n", p->resources[i].decl.uri,
               p->resources[i].is_template ? " template" : "",
               p->resources[i].decl.complete ? " complete" : "",
               p->resources[i].decl.flags & KMCP_RESOURCE_UPDATES ? " updates" : "");
    host_free(&host);
    return 0;
}
