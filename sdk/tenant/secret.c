/* GET /devices/{id}/secrets/...: each read leaves an audit event, a missing secret is null. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"

#include "audit.h"
#include "field.h"
#include "ids.h"
#include "rng.h"

#include <stdio.h>

static const struct device *secret_device(struct call *c, const char *what)
{
    const struct device *d = call_device(c);
    if (d)
        audit_device(c->t, d, "read", what);
    return d;
}

static void secret_write(struct call *c, const char *key, const char *value)
{
    out_open(&c->out, NULL, '{');
    out_string(&c->out, key, value && *value ? value : NULL);
    out_close(&c->out, '}');
}

void secret_filevault_key(struct call *c)
{
    char buf[FLEET_TEXT];
    const struct device *d = secret_device(c, "filevault_key");
    if (d)
        secret_write(c, c->t->seed_dialect ? "filevault_key" : "key",
                     field_text(&c->t->fleet, d, FIELD_FILEVAULT_KEY, buf));
}

void secret_unlock_pin(struct call *c)
{
    char pin[64] = "";
    const struct device *d = secret_device(c, "unlock_pin");
    if (!d)
        return;
    if (d->platform == MAC && d->pin)
        snprintf(pin, sizeof pin, "%06u%s", d->pin, c->t->fleet.secret_mark);
    secret_write(c, "pin", pin);
}

void secret_bypass_code(struct call *c)
{
    static const char letters[] = "0123456789ACDEFGHJKLMNPQRTUVWXYZ";
    char raw[27], user[80] = "", device[80] = "";
    const struct device *d = secret_device(c, "bypass_code");
    if (!d)
        return;
    bool has = d->platform == MAC || d->platform == IPHONE || d->platform == IPAD;
    if (has && d->supervised) {
        ids_letters(raw, 26, rng_draw(d->key, 301), letters);
        snprintf(device, sizeof device, "%.5s-%.5s-%.4s-%.4s-%.4s-%.4s%s", raw, raw + 5, raw + 10, raw + 14,
                 raw + 18, raw + 22, c->t->fleet.secret_mark);
    }
    if (has && rng_below(d->key, 302, 4) == 0) {
        ids_letters(raw, 26, rng_draw(d->key, 303), letters);
        snprintf(user, sizeof user, "%.5s-%.5s-%.4s-%.4s-%.4s-%.4s%s", raw, raw + 5, raw + 10, raw + 14,
                 raw + 18, raw + 22, c->t->fleet.secret_mark);
    }
    out_open(&c->out, NULL, '{');
    out_string(&c->out, "user_based_albc", user[0] ? user : NULL);
    out_string(&c->out, "device_based_albc", device[0] ? device : NULL);
    out_close(&c->out, '}');
}

void secret_recovery_password(struct call *c)
{
    char password[64] = "";
    const struct device *d = secret_device(c, "recovery_password");
    if (!d)
        return;
    if (d->platform == MAC && d->supervised && rng_below(d->key, 304, 3) > 0) {
        ids_letters(password, 20, rng_draw(d->key, 305),
                    "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789");
        snprintf(password + 20, sizeof password - 20, "%s", c->t->fleet.secret_mark);
    }
    secret_write(c, "recovery_password", password);
}
