/* tenant.c - which tenant, where, with which token.  SPDX-License-Identifier: Apache-2.0 */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/trust.h"
#include "tenant.h"

#define TOKEN_COMMAND_MS 20000

/* One DNS label: letters, digits, inner hyphens, at most 63. */
static bool is_label(const char *text)
{
    size_t n = strlen(text);

    if (!n || n > 63 || text[0] == '-' || text[n - 1] == '-')
        return false;
    for (const char *p = text; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '-'))
            return false;
    return true;
}

/* Host of "http://127.0.0.1:8443": loopback? Nothing but host and port may follow the scheme. */
static bool is_loopback(const char *host)
{
    size_t len = strcspn(host, ":");

    if (*host == '[')
        return strncmp(host, "[::1]", 5) == 0 && (!host[5] || host[5] == ':');
    if (len == 9 && strncmp(host, "localhost", 9) == 0)
        return true;
    return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == len;
}

static bool read_base_url(struct tenant *t, struct config *c, const char *url, int line)
{
    bool https = strncmp(url, "https://", 8) == 0, http = strncmp(url, "http://", 7) == 0;
    const char *host = url + (https ? 8 : 7);
    size_t n = strlen(url);

    if (!https && !http)
        return config_fail(c, line, "base_url must begin with https:// (or http:// on this machine)");
    if (http && !is_loopback(host))
        return config_fail(
            c, line,
            "base_url may be plain http only on this machine (127.0.0.1, [::1], localhost): the "
            "token would travel in clear; use https://");
    while (n && url[n - 1] == '/')
        n--;
    if (n >= sizeof t->base_url || !*host || strcspn(host, "/?#@\\ ") < strlen(host) - (strlen(url) - n))
        return config_fail(
            c, line, "base_url must be scheme, host and port alone, such as https://acme.api.kandji.io");
    snprintf(t->base_url, sizeof t->base_url, "%.*s", (int)n, url);
    return true;
}

static int line_of(const struct config *c, const char *key)
{
    const struct config_entry *e = config_find(c, "tenant", key);

    return e ? e->line : 0;
}

static bool read_host(struct tenant *t, struct config *c)
{
    const char *url = config_str(c, "tenant", "base_url", NULL);
    const char *sub = config_str(c, "tenant", "subdomain", NULL),
               *region = config_str(c, "tenant", "region", NULL);
    const char *from_env = "";

    if (url && (sub || region))
        return config_fail(c, line_of(c, "base_url"),
                           "base_url and subdomain/region exclude each other; keep one");
    if (url)
        return read_base_url(t, c, url, line_of(c, "base_url"));
    if (!sub) {
        sub = getenv("KANDJI_SUBDOMAIN");
        from_env = " (from KANDJI_SUBDOMAIN)";
    }
    if (!region)
        region = getenv("KANDJI_REGION");
    if (!sub || !*sub)
        return config_fail(
            c, 0, "no tenant: set subdomain in [tenant] (the ACME of ACME.kandji.io), or KANDJI_SUBDOMAIN");
    if (!is_label(sub))
        return config_fail(c, line_of(c, "subdomain"),
                           "subdomain \"%.70s\"%s must be the name alone, letters, digits and "
                           "hyphens: ACME, not ACME.kandji.io",
                           sub, from_env);
    if (!region || !*region || text_casecmp(region, "us") == 0)
        snprintf(t->base_url, sizeof t->base_url, "https://%s.api.kandji.io", sub);
    else if (text_casecmp(region, "eu") == 0)
        snprintf(t->base_url, sizeof t->base_url, "https://%s.api.eu.kandji.io", sub);
    else
        return config_fail(c, line_of(c, "region"), "region \"%.40s\"%s is unknown; it is us or eu", region,
                           line_of(c, "region") ? "" : " (from KANDJI_REGION)");
    return true;
}

bool tenant_read(struct tenant *t, struct config *c)
{
    memset(t, 0, sizeof *t);
    t->token_file = config_path(c, "tenant", "token_file");
    t->token_command = config_str(c, "tenant", "token_command", NULL);
    t->ca_file = config_path(c, "tenant", "ca_file");
    t->timeout_s = (int)config_int(c, "tenant", "timeout", 1, 600, 30);
    if (config_find(c, "tenant", "token"))
        return config_fail(c, line_of(c, "token"),
                           "the token may not stand in this file; put it in a file of its own "
                           "(chmod 600) and name that with token_file");
    if (t->token_file && t->token_command)
        return config_fail(c, line_of(c, "token_command"),
                           "token_file and token_command exclude each other; keep one");
    t->token_line = line_of(c, t->token_file ? "token_file" : "token_command");
    return read_host(t, c) && !c->error[0];
}

bool tenant_ca_is_fit(const struct tenant *t, char *why, size_t why_size)
{
    char real[PATH_MAX], found[600];

    if (!t->ca_file || trust_file(t->ca_file, real, sizeof real, found, sizeof found))
        return true;
    snprintf(why, why_size, "ca_file is refused: %.500s", found);
    return false;
}

bool tenant_token(const struct tenant *t, struct secret *token, char *why, size_t why_size)
{
    const char *env = getenv("KANDJI_API_TOKEN");

    if (t->token_file)
        return secret_from_file(token, t->token_file, why, why_size);
    if (t->token_command)
        return secret_from_command(token, t->token_command, TOKEN_COMMAND_MS, why, why_size);
    if (env && *env)
        return secret_from_text(token, env, why, why_size);
    snprintf(why, why_size,
             "there is no API token: set token_file or token_command in [tenant], or KANDJI_API_TOKEN");
    return false;
}
