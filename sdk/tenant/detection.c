/* GET /vulnerability-management/detections: each weakness on each device, with a cursor in the next URL. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "vulnerability.h"

#include "apps.h"
#include "field.h"
#include "ids.h"
#include "page.h"
#include "when.h"

#include <stdio.h>
#include <string.h>

struct detection {
    const struct fleet *f;
    const struct device *d;
    unsigned i;
    struct vulnerability v;
};

/* The body has the first; only filters know the others. */
enum {
    DETECTED_NAME = 100, /* below: an enum field */
    DETECTED_VERSION,
    DETECTED_PATH,
    DETECTED_BUNDLE,
    DETECTED_CVE,
    DETECTED_TEXT,
    DETECTED_LINK,
    DETECTED_SCORE,
    DETECTED_SEVERITY,
    DETECTED_FIRST,
    DETECTED_LATEST,
    DETECTED_PUBLISHED
};

static const struct {
    const char *name;
    int column;
    bool hidden;
} columns[] = {
    { "device_id", FIELD_DEVICE_ID, false },
    { "device_name", FIELD_NAME, false },
    { "device_serial_number", FIELD_SERIAL, false },
    { "device_model", FIELD_MODEL, false },
    { "device_os_version", FIELD_OS, false },
    { "blueprint_id", FIELD_BLUEPRINT_ID, false },
    { "blueprint_name", FIELD_BLUEPRINT_NAME, false },
    { "name", DETECTED_NAME, false },
    { "version", DETECTED_VERSION, false },
    { "path", DETECTED_PATH, false },
    { "bundle_id", DETECTED_BUNDLE, false },
    { "cve_id", DETECTED_CVE, false },
    { "cve_description", DETECTED_TEXT, false },
    { "cve_link", DETECTED_LINK, false },
    { "cvss_score", DETECTED_SCORE, false },
    { "cvss_severity", DETECTED_SEVERITY, false },
    { "first_detection_date", DETECTED_FIRST, false },
    { "latest_detection_date", DETECTED_LATEST, false },
    { "detection_datetime", DETECTED_LATEST, true },
    { "cve_published_at", DETECTED_PUBLISHED, true },
    { "cve_modified_at", DETECTED_PUBLISHED, true },
};

#define COLUMNS (sizeof columns / sizeof columns[0])

static void put_when(struct cell *cell, int64_t us)
{
    char when[WHEN_SIZE];
    cell_put_text(cell, when_format(when, us, WHEN_NAIVE));
}

static void put_app(const struct detection *e, int column, struct cell *cell)
{
    unsigned app = vulnerability_app(e->d, &e->v);
    cell->kind = CELL_TEXT;
    if (column == DETECTED_NAME)
        apps_name(app, cell->text);
    else if (column == DETECTED_VERSION)
        apps_version(e->d, app, cell->text);
    else if (column == DETECTED_PATH)
        apps_path(e->f, e->d, app, cell->text);
    else
        apps_bundle(app, cell->text);
}

static void detection_cell(const struct detection *e, int column, struct cell *cell)
{
    cell->kind = CELL_TEXT;
    if (column < DETECTED_NAME) {
        field_text(e->f, e->d, (enum field)column, cell->text);
    } else if (column <= DETECTED_BUNDLE) {
        put_app(e, column, cell);
    } else if (column == DETECTED_SCORE) {
        cell->kind = CELL_REAL;
        cell->number = e->v.score;
    } else if (column == DETECTED_CVE) {
        cell_put_text(cell, e->v.id);
    } else if (column == DETECTED_TEXT) {
        cell_put_format(cell, "A weakness in %s lets an attacker do what the user may do",
                        apps_known(e->v.app)->name);
    } else if (column == DETECTED_LINK) {
        vulnerability_link(&e->v, cell->text);
    } else if (column == DETECTED_SEVERITY) {
        cell_put_text(cell, e->v.severity);
    } else {
        put_when(cell, column == DETECTED_FIRST    ? vulnerability_first(e->f, e->d, e->i)
                       : column == DETECTED_LATEST ? vulnerability_last(e->f, e->d)
                                                   : e->v.published_us);
    }
}

static int detection_column(const char *name)
{
    for (size_t i = 0; i < COLUMNS; i++)
        if (strcmp(columns[i].name, name) == 0)
            return columns[i].column;
    return -1;
}

static bool detection_filterable(const char *name)
{
    return detection_column(name) >= 0;
}

static bool detection_accepted(const struct detection *e, const struct body *filter)
{
    struct cell cell;
    for (const struct body *b = filter ? body_first(filter) : NULL; b; b = body_next(b)) {
        detection_cell(e, detection_column(body_key(b)), &cell);
        if (!cell_fits(&cell, b))
            return false;
    }
    return true;
}

static void detection_write(struct call *c, const struct detection *e)
{
    struct cell cell;
    out_open(&c->out, NULL, '{');
    for (size_t i = 0; i < COLUMNS; i++) {
        if (columns[i].hidden)
            continue;
        detection_cell(e, columns[i].column, &cell);
        cell_write(&c->out, columns[i].name, &cell);
    }
    out_close(&c->out, '}');
}

/* Moves to the next detection; one of zeros stands before the first. */
static bool detection_next(struct detection *e, const struct body *filter)
{
    const struct device *end = e->f->devices + e->f->count;
    unsigned i = e->d ? e->i + 1 : 0;
    for (const struct device *d = e->d ? e->d : e->f->devices; d < end; d++, i = 0)
        for (; i < VULNERABILITIES; i++) {
            if (!vulnerability_found(d, i))
                continue;
            *e = (struct detection){ e->f, d, i, vulnerability_of(i) };
            if (detection_accepted(e, filter))
                return true;
        }
    return false;
}

/* `after` is base64 of the last device shown and the number of its weakness. */
static bool detection_after(struct call *c, struct detection *e)
{
    char text[80];
    const char *after = call_param(c, "after");
    if (!after || !*after)
        return true;
    long n = ids_base64_read(text, sizeof text, after);
    char *bar = n > 0 ? strchr(text, '|') : NULL;
    if (bar)
        *bar = '\0';
    e->d = bar && strlen(text) == IDS_SIZE - 1 ? fleet_find(&c->t->fleet, text) : NULL;
    if (e->d && sscanf(bar + 1, "%u", &e->i) == 1 && e->i < VULNERABILITIES)
        return true;
    call_fail(c, 400, CALL_DETAIL, "Invalid cursor");
    return false;
}

void vulnerability_detections(struct call *c)
{
    struct detection e = { .f = &c->t->fleet };
    struct body *filter;
    char next[2048] = "", position[64] = "", id[IDS_SIZE];
    if (!detection_after(c, &e) || !vulnerability_filter(c, &filter, detection_filterable))
        return;
    int64_t left = vulnerability_size(c, CALL_PAGE);
    out_open(&c->out, NULL, '[');
    while (detection_next(&e, filter)) {
        if (left-- == 0) {
            page_cursor_url(c, PAGE_HOST, "after", position, next, sizeof next);
            break;
        }
        detection_write(c, &e);
        snprintf(position, sizeof position, "%s|%u", ids_format(id, e.d->uuid), e.i);
    }
    out_close(&c->out, ']');
    body_free(filter);
    struct out rows = page_rows(c);
    out_open(&c->out, NULL, '{');
    out_string(&c->out, "next", next[0] ? next : NULL);
    out_null(&c->out, "previous");
    out_raw(&c->out, "results", &rows);
    out_close(&c->out, '}');
    out_free(&rows);
}
