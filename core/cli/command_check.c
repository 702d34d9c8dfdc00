/* command_check.c - `kmcp check`: would it start, and could it act?  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>

#include "cli.h"
#include "mcp/lists.h"
#include "policy/approvers.h"
#include "transport/http_settings.h"
#include "transport/http_tokens.h"

/* What a first request would need, without sending it. */
static bool can_ask_the_api(const struct host *host, char *why, size_t why_size)
{
    struct secret token = { 0 };
    bool ok = tenant_token(&host->tenant, &token, why, why_size);

    secret_free(&token);
    return ok && tenant_ca_is_fit(&host->tenant, why, why_size);
}

static bool tokens_are_good(struct host *host, char *why, size_t why_size)
{
    struct http_settings http;
    struct http_tokens *tokens;

    if (!http_settings_read(&http, &host->config, NULL) || !http.tokens)
        return true; /* host_build has read the settings; without a file there is nothing to look at */
    tokens = http_tokens_read(http.tokens, why, why_size);
    http_tokens_free(tokens);
    return tokens != NULL;
}

/* Are there as many as the policy may ask for? */
static bool approvers_suffice(const struct host *host, size_t *n, char *why, size_t why_size)
{
    const char *file = host->policy.approvers;
    size_t needs = 1;

    if (!file)
        return true;
    if (!approvers_check(file, n, why, why_size))
        return false;
    for (size_t i = 0; i < host->policy.n_rules; i++)
        if (host->policy.rules[i].then == POLICY_TWO)
            needs = 2;
    snprintf(why, why_size, "%.300s names %s; kmcp approver NAME makes the lines for one", file,
             *n ? "one person, and a rule asks for two" : "nobody");
    return *n >= needs;
}

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "kmcp: %s: %s\n", what, why);
    return 1;
}

int command_check(const struct cli *cli)
{
    size_t workers, offered = 0, own, approvers = 0;
    struct policy_ruling frozen;
    struct host host;
    char why[600];
    int status = 0;
    bool records;

    if (!host_build(&host, cli->config, &workers))
        return 1;
    for (size_t i = 0; i < host.registry.n_tools; i++)
        offered += policy_offers(&host.policy, host.registry.tools[i]->decl.safety, why, sizeof why);
    own = lists_have_get_job(&host);
    if (!can_ask_the_api(&host, why, sizeof why))
        status = complain("every request to the API would fail", why);
    if (!tokens_are_good(&host, why, sizeof why))
        status = complain("kmcp http would not start", why);
    if (!approvers_suffice(&host, &approvers, why, sizeof why))
        status = complain("nobody could approve", why);
    if (!host.policy.read_only && !state_ready(host.state, why, sizeof why))
        status = complain("acts would be refused", why);
    records = !host.policy.read_only || host.export_folder;
    if (records && !audit_ready(host.audit, why, sizeof why))
        status = complain(host.policy.read_only ? "exports would be refused" : "acts would be refused", why);
    if (records && !audit_anchors(host.audit, why, sizeof why))
        status = complain("the record would be told nowhere else", why);
    printf("%s: %s\ntenant: %s\nplugins: %zu, tools: %zu, offered: %zu%s\nprompts: %zu, resources: %zu\n"
           "read-only: %s, person data masked: %s\n",
           host.config.file, status ? "not ready" : "ok", host.tenant.base_url, host.registry.n_plugins,
           host.registry.n_tools + own, offered + own,
           offered < host.registry.n_tools ? " (read_only = yes holds back those that act or reveal)" : "",
           host.registry.n_prompts, host.registry.n_resources, host.policy.read_only ? "yes" : "no",
           host.policy.pseudonyms   ? "by pseudonyms"
           : host.policy.redact_pii ? "yes"
                                    : "no");
    if (policy_is_frozen(&host.policy, &frozen))
        printf("warning: %s\n", frozen.why);
    if (records)
        printf("audit: %s\n", audit_path(host.audit));
    if (!host.policy.read_only)
        printf("state: %s\nrules: %zu, caps: %zu, approvers: %zu\n", state_place(host.state),
               host.policy.n_rules, host.policy.n_caps, approvers);
    host_free(&host);
    return status;
}
