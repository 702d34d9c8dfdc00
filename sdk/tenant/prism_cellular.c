/* Prism's category cellular: the modem and its two SIM slots; what identifies a subscriber is personal. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "field.h"
#include "ids.h"
#include "prism_table.h"
#include "rng.h"

#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"

/* An argument is one of these times two, plus one for the second slot. */
enum {
    SIM_CARRIER_VERSION,
    SIM_NETWORK,
    SIM_MCC,
    SIM_MNC,
    SIM_EID,
    SIM_ICCID,
    SIM_IMEI,
    SIM_LABEL,
    SIM_LABEL_ID,
    SIM_PHONE,
    SIM_SLOT,
    SIM_DATA,
    SIM_ROAMING,
    SIM_VOICE
};

/* Number `draw` of so many digits, with the mark at its end. */
static void put_number(const struct prism_row *r, struct cell *cell, const char *head, size_t n, int draw)
{
    char digits[40];
    ids_letters(digits, n, rng_draw(r->d->key, 900 + (uint64_t)draw), DIGITS);
    cell_put_format(cell, "%s%s%s%s", head, digits, r->f->mark[0] ? "-" : "", r->f->mark);
}

static void put_sim_number(const struct prism_row *r, int what, int slot, struct cell *cell)
{
    char phone[FLEET_TEXT];
    if (what == SIM_EID)
        put_number(r, cell, "8904", 28, 20);
    else if (what == SIM_ICCID)
        put_number(r, cell, "8901", 15, 22 + slot);
    else if (what == SIM_IMEI)
        put_number(r, cell, "35", 13, 24 + slot);
    else if (slot == 0)
        cell_put_text(cell, field_text(r->f, r->d, FIELD_PHONE, phone));
    else
        put_number(r, cell, "+1555", 7, 26);
}

static PRISM_GETTER(get_sim)
{
    static const char *const networks[] = { "Carrier One", "Carrier Two" };
    int what = arg / 2, slot = arg % 2;
    bool empty = slot == 1 && (r->d->platform == IPAD || rng_below(r->d->key, 910, 3) != 0);
    if (empty && what != SIM_IMEI && what != SIM_SLOT && what != SIM_EID) {
        cell_put_null(cell);
        return;
    }
    switch (what) {
    case SIM_CARRIER_VERSION:
        cell_put_text(cell, "62.0");
        break;
    case SIM_NETWORK:
        cell_put_text(cell, networks[(rng_below(r->d->key, 911, 2) + (unsigned)slot) % 2]);
        break;
    case SIM_MCC:
        cell_put_text(cell, "310");
        break;
    case SIM_MNC:
        cell_put_text(cell, slot ? "260" : "410");
        break;
    case SIM_LABEL:
        cell_put_text(cell, slot ? "Secondary" : "Primary");
        break;
    case SIM_LABEL_ID:
        ids_text(cell->text, rng_draw(r->d->key, 912 + (uint64_t)slot));
        cell->kind = CELL_TEXT;
        break;
    case SIM_SLOT:
        cell_put_text(cell, slot ? "CTSubscriptionSlotTwo" : "CTSubscriptionSlotOne");
        break;
    case SIM_DATA:
    case SIM_VOICE:
        cell_put_bool(cell, slot == 0);
        break;
    case SIM_ROAMING:
        cell_put_bool(cell, rng_below(r->d->key, 914 + (uint64_t)slot, 30) == 0);
        break;
    default:
        put_sim_number(r, what, slot, cell);
    }
}

static PRISM_GETTER(get_meid)
{
    put_number(r, cell, "35", 12, 25);
}

/* `arg` is the salt: one in eight has it on. */
static PRISM_GETTER(get_switch)
{
    cell_put_bool(cell, rng_below(r->d->key, (uint64_t)arg, 8) == 0);
}

#define SIM(name, slot, what)                                                                                \
    {                                                                                                        \
        name "_slot_" #slot, .get = get_sim, .arg = (what)*2 + (slot)-1                                      \
    }
#define SIMS(slot)                                                                                           \
    SIM("carrier_settings_version", slot, SIM_CARRIER_VERSION),                                              \
        SIM("current_carrier_network", slot, SIM_NETWORK), SIM("current_mcc", slot, SIM_MCC),                \
        SIM("current_mnc", slot, SIM_MNC), SIM("eid", slot, SIM_EID), SIM("iccid", slot, SIM_ICCID),         \
        SIM("imei", slot, SIM_IMEI), SIM("is_data_preferred", slot, SIM_DATA),                               \
        SIM("is_roaming", slot, SIM_ROAMING), SIM("is_voice_preferred", slot, SIM_VOICE),                    \
        SIM("label", slot, SIM_LABEL), SIM("label_id", slot, SIM_LABEL_ID),                                  \
        SIM("phone_number", slot, SIM_PHONE), SIM("slot", slot, SIM_SLOT),                                   \
        SIM("subscriber_carrier_network", slot, SIM_NETWORK)

static const struct prism_column cellular[] = {
    { .name = "cellular_technology", .fixed = "GSM and CDMA" },
    { .name = "data_roaming_enabled", .get = get_switch, .arg = 920 },
    { .name = "voice_roaming_enabled", .get = get_switch, .arg = 921 },
    { .name = "modem_firmware_version", .fixed = "3.21.03" },
    { .name = "personal_hotspot_enabled", .get = get_switch, .arg = 922 },
    { .name = "meid", .get = get_meid },
    SIMS(1),
    SIMS(2),
};

static unsigned cellular_rows(const struct device *d)
{
    return d->platform == IPHONE || strstr(field_model(d)->model, "Cellular") != NULL;
}

const struct prism_category prism_cellular = { "cellular", PRISM_MOBILE, PRISM_COLS(cellular),
                                               .rows = cellular_rows };
