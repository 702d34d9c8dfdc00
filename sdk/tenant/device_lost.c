/* Lost mode: GET /devices/{id}/details/lostmode, and the section of the details. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "device_details.h"

#include "rng.h"

#include <stdio.h>

void details_lost(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    char buf[FLEET_TEXT];
    const char *digits = field_mark_digits(&c->t->fleet);
    int64_t at = d->enrolled_us + 100 * WHEN_DAY;
    out_string(o, "lost_mode_status", "ENABLED");
    out_string(o, "enabled_by", "api");
    details_put_when(c, "enable_status_at", at, WHEN_ISO);
    out_string(o, "lock_screen_message", "Please return to the front desk");
    details_put(c, d, "lock_screen_phone_number", FIELD_PHONE);
    out_string(o, "lock_screen_footnote", "");
    out_string(o, "disable_status", "");
    out_null(o, "disabled_by");
    out_null(o, "disable_status_at");
    out_string(o, "last_location_status", "SUCCESS");
    details_put_when(c, "last_location_status_at", at + WHEN_HOUR, WHEN_ISO);
    out_open(o, "last_location", '{');
    snprintf(buf, sizeof buf, "%u.%03u%s", 30 + rng_below(d->key, 510, 20), rng_below(d->key, 511, 1000),
             digits);
    out_string(o, "latitude", buf);
    snprintf(buf, sizeof buf, "-%u.%03u%s", 60 + rng_below(d->key, 512, 50), rng_below(d->key, 513, 1000),
             digits);
    out_string(o, "longitude", buf);
    out_close(o, '}');
    details_put_when(c, "last_location_at", at + WHEN_HOUR, WHEN_ISO);
    out_string(o, "sound_status", "");
    out_null(o, "sound_status_at");
}

void device_lost_mode(struct call *c)
{
    const struct device *d = call_device(c);
    if (!d)
        return;
    if (!d->lost) {
        call_fail(c, 400, CALL_LIST, "Device is not in lost mode.");
        return;
    }
    out_open(&c->out, NULL, '{');
    details_put(c, d, "device_id", FIELD_DEVICE_ID);
    out_open(&c->out, "lost_mode", '{');
    details_lost(c, d);
    out_close(&c->out, '}');
    out_close(&c->out, '}');
}
