/* The order in which GET /devices lists the fleet. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "order.h"

#include "field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum field field;
} order_fields[] = {
    { "asset_tag", FIELD_ASSET_TAG },  { "blueprint_id", FIELD_BLUEPRINT_ID },
    { "device_id", FIELD_DEVICE_ID },  { "device_name", FIELD_NAME },
    { "last_check_in", FIELD_SEEN },   { "model", FIELD_MODEL },
    { "platform", FIELD_PLATFORM },    { "os_version", FIELD_OS },
    { "serial_number", FIELD_SERIAL }, { "user", FIELD_USER_NAME },
};

struct order_row {
    const char *key;
    size_t at; /* where the key is in the block of keys */
    uint32_t device;
    uint32_t place; /* before this pass, to keep equal rows in order */
    int sign;
};

static struct {
    char text[256];
    uint32_t edition;
    uint32_t *order;
} cached;

static int order_compare(const void *a, const void *b)
{
    const struct order_row *x = a;
    const struct order_row *y = b;
    int way = strcmp(x->key, y->key);
    return way ? way * x->sign : x->place < y->place ? -1 : 1;
}

static bool order_by(const struct fleet *f, uint32_t *order, enum field field, int sign)
{
    struct order_row *rows = malloc((f->count + 1) * sizeof *rows);
    char *keys = NULL;
    size_t n = 0, cap = 0;
    for (uint32_t i = 0; rows && i < f->count; i++) {
        if (cap - n < FLEET_TEXT) {
            cap = cap ? cap * 2 : (size_t)f->count * 16 + FLEET_TEXT;
            char *more = realloc(keys, cap);
            if (!more)
                break;
            keys = more;
        }
        rows[i] = (struct order_row){ .at = n, .device = order[i], .place = i, .sign = sign };
        n += strlen(field_text(f, &f->devices[order[i]], field, keys + n)) + 1;
    }
    bool good = rows && (keys || f->count == 0);
    if (good) {
        for (uint32_t i = 0; i < f->count; i++)
            rows[i].key = keys + rows[i].at;
        qsort(rows, f->count, sizeof *rows, order_compare);
        for (uint32_t i = 0; i < f->count; i++)
            order[i] = rows[i].device;
    }
    free(rows);
    free(keys);
    return good;
}

/* Sorts by the last key first, so that the first one rules; unknown names are ignored. */
static void order_sort(const struct fleet *f, uint32_t *order, const char *ordering)
{
    for (const char *end = ordering + strlen(ordering); end > ordering;) {
        const char *start = end;
        while (start > ordering && start[-1] != ',')
            start--;
        int sign = *start == '-' ? -1 : 1;
        const char *name = start + (sign < 0);
        for (size_t i = 0; i < sizeof order_fields / sizeof order_fields[0]; i++)
            if (strlen(order_fields[i].name) == (size_t)(end - name) &&
                strncmp(order_fields[i].name, name, (size_t)(end - name)) == 0)
                order_by(f, order, order_fields[i].field, sign);
        end = start > ordering ? start - 1 : start;
    }
}

const uint32_t *order_of(const struct fleet *f, const char *ordering)
{
    if (!ordering || !*ordering || strlen(ordering) >= sizeof cached.text)
        return NULL;
    if (cached.order && cached.edition == f->edition && strcmp(cached.text, ordering) == 0)
        return cached.order;
    if (!cached.order)
        cached.order = malloc((f->count + 1) * sizeof *cached.order);
    if (!cached.order)
        return NULL;
    for (uint32_t i = 0; i < f->count; i++)
        cached.order[i] = i;
    order_sort(f, cached.order, ordering);
    snprintf(cached.text, sizeof cached.text, "%s", ordering);
    cached.edition = f->edition;
    return cached.order;
}

void order_free(void)
{
    free(cached.order);
    cached.order = NULL;
}
