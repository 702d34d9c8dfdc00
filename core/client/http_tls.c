/* http_tls.c - whose certificates are trusted, and what OpenSSL forgets. Part of the module kmcp-http.so.
 * SPDX-License-Identifier: Apache-2.0 */

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_inner.h"

/* Appends FILE to the blob of trusted certificates. */
static bool add_certificates(struct http *h, const char *file)
{
    FILE *f = fopen(file, "re");
    size_t n;

    if (!f)
        return false;
    for (;;) {
        char *grown = realloc(h->ca_blob, h->ca_len + 65536 + 1);

        if (!grown)
            break;
        h->ca_blob = grown;
        n = fread(h->ca_blob + h->ca_len, 1, 65536, f);
        h->ca_len += n;
        h->ca_blob[h->ca_len] = '\0';
        if (n == 0) {
            h->ca_blob[h->ca_len++] = '\n';
            fclose(f);
            return true;
        }
    }
    fclose(f);
    return false;
}

bool http_trust(struct http *h, const char *ca_file, char *why, size_t why_size)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    static const char *const bundles[] = { "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem",
                                           "/etc/pki/tls/certs/ca-bundle.crt" };
    bool have = info->cainfo && add_certificates(h, info->cainfo);

    for (size_t i = 0; !have && i < sizeof bundles / sizeof *bundles; i++)
        have = add_certificates(h, bundles[i]);
    if (add_certificates(h, ca_file) && strstr(h->ca_blob, "-----BEGIN CERTIFICATE-----"))
        return true;
    snprintf(why, why_size, "ca_file \"%s\" cannot be read, or holds no PEM certificate", ca_file);
    return false;
}

bool http_is_openssl(void)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    char name[32];

    snprintf(name, sizeof name, "OpenSSL/%lu.", (unsigned long)OPENSSL_VERSION_NUMBER >> 28);
    return info->ssl_version && strncmp(info->ssl_version, name, strlen(name)) == 0;
}

CURLcode http_on_tls(CURL *easy, void *context, void *unused)
{
    (void)easy;
    (void)unused;
#ifdef SSL_OP_CLEANSE_PLAINTEXT
    SSL_CTX_set_options(context, SSL_OP_CLEANSE_PLAINTEXT);
#else
    (void)context;
#endif
    return CURLE_OK;
}
