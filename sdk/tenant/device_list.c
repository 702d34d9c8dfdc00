/* GET /devices: filters, ordering and the bare array with its totals in headers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include "command.h"
#include "field.h"
#include "ids.h"
#include "order.h"
#include "page.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum match {
    MATCH_EXACT,
    MATCH_CONTAINS,
    MATCH_FILEVAULT,
    MATCH_TAG_NAME,
    MATCH_TAG_ID,
    MATCH_TAG_NAMES,
    MATCH_TAG_IDS
};

struct filter {
    const char *param;
    enum match match;
    enum field field;
};

/* Unknown parameters are ignored; the vendor documents most text filters as "containing". */
static const struct filter filters[] = {
    { "platform", MATCH_EXACT, FIELD_PLATFORM },
    { "blueprint_id", MATCH_CONTAINS, FIELD_BLUEPRINT_ID },
    { "device_id", MATCH_EXACT, FIELD_DEVICE_ID },
    { "mac_address", MATCH_CONTAINS, FIELD_MAC_ADDRESS },
    { "asset_tag", MATCH_CONTAINS, FIELD_ASSET_TAG },
    { "device_name", MATCH_CONTAINS, FIELD_NAME },
    { "model", MATCH_CONTAINS, FIELD_MODEL },
    { "os_version", MATCH_CONTAINS, FIELD_OS },
    { "serial_number", MATCH_CONTAINS, FIELD_SERIAL },
    { "filevault_enabled", MATCH_FILEVAULT, FIELD_PLATFORM },
    { "user", MATCH_CONTAINS, FIELD_USER_NAME },
    { "user_name", MATCH_CONTAINS, FIELD_USER_NAME },
    { "user_email", MATCH_CONTAINS, FIELD_USER_EMAIL },
    { "user_email_exact", MATCH_EXACT, FIELD_USER_EMAIL },
    { "user_id", MATCH_EXACT, FIELD_USER_ID },
    { "tag_name", MATCH_TAG_NAME, FIELD_PLATFORM },
    { "tag_id", MATCH_TAG_ID, FIELD_PLATFORM },
    { "tag_name_in", MATCH_TAG_NAMES, FIELD_PLATFORM },
    { "tag_id_in", MATCH_TAG_IDS, FIELD_PLATFORM },
};

#define FILTERS (sizeof filters / sizeof filters[0])

struct chosen {
    const struct filter *filter;
    const char *value;
    unsigned tags; /* those meant by a tag filter */
};

static bool device_list_contains(const char *text, const char *part)
{
    size_t n = strlen(part);
    for (; *text; text++)
        if (strncasecmp(text, part, n) == 0)
            return true;
    return n == 0;
}

bool page_in_list(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, n) == 0 && (at[n] == ',' || at[n] == '\0'))
            return true;
    }
    return false;
}

static unsigned chosen_tags(const struct fleet *f, const struct chosen *chosen)
{
    unsigned found = 0;
    enum match match = chosen->filter->match;
    for (unsigned i = 0; i < name_tag_count; i++) {
        char id[IDS_SIZE];
        ids_text(id, field_tag_key(f, i));
        const char *word = match == MATCH_TAG_NAME || match == MATCH_TAG_NAMES ? name_tags[i] : id;
        bool hit = match == MATCH_TAG_NAME || match == MATCH_TAG_ID ? strcmp(word, chosen->value) == 0
                                                                    : page_in_list(chosen->value, word);
        found |= hit ? 1U << i : 0;
    }
    return found;
}

static bool chosen_accepts(const struct fleet *f, const struct device *d, const struct chosen *chosen)
{
    char buf[FLEET_TEXT];
    switch (chosen->filter->match) {
    case MATCH_EXACT:
        return strcmp(field_text(f, d, chosen->filter->field, buf), chosen->value) == 0;
    case MATCH_CONTAINS:
        return device_list_contains(field_text(f, d, chosen->filter->field, buf), chosen->value);
    case MATCH_FILEVAULT:
        return d->platform == MAC && d->filevault == (strcasecmp(chosen->value, "true") == 0);
    default:
        return (d->tags & chosen->tags) != 0;
    }
}

static size_t device_list_choose(const struct call *c, struct chosen chosen[FILTERS])
{
    size_t n = 0;
    for (size_t i = 0; i < FILTERS; i++) {
        const char *value = call_param(c, filters[i].param);
        if (!value || !*value)
            continue;
        chosen[n] = (struct chosen){ .filter = &filters[i], .value = value };
        if (filters[i].match >= MATCH_TAG_NAME)
            chosen[n].tags = chosen_tags(&c->t->fleet, &chosen[n]);
        n++;
    }
    return n;
}

void device_list(struct call *c)
{
    struct chosen chosen[FILTERS];
    size_t count = device_list_choose(c, chosen);
    struct fleet *f = &c->t->fleet;
    const uint32_t *order = order_of(f, call_param(c, "ordering"));
    struct page page = page_start(c, CALL_PAGE, CALL_PAGE);
    out_open(&c->out, NULL, '[');
    for (uint32_t i = 0; i < f->count; i++) {
        struct device *d = &f->devices[order ? order[i] : i];
        command_settle(c->t, d);
        bool wanted = !d->deleted;
        for (size_t k = 0; wanted && k < count; k++)
            wanted = chosen_accepts(f, d, &chosen[k]);
        if (wanted && page_takes(&page))
            device_write(c, d);
    }
    out_close(&c->out, ']');
    page_array_headers(c, &page);
}
