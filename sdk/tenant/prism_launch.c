/* Prism's category launch_agents_and_daemons. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "field.h"
#include "ids.h"
#include "prism_table.h"
#include "rng.h"

#include <stdio.h>

/* Daemons are the system's; agents lie in the owner's home. */
static const struct {
    const char *label, *program;
    bool agent, running, starts;
} jobs[] = {
    { "io.kandji.kandji-agent", "/Library/Kandji/Kandji Agent.app/Contents/MacOS/agent", false, true, true },
    { "com.google.keystone.agent", "Library/Google/GoogleSoftwareUpdate/agent", true, true, true },
    { "us.zoom.updater", "Library/Application Support/zoom.us/updater", true, false, true },
    { "local.acme.backup", "/usr/local/bin/backup", false, false, false },
    { "example.sync", "bin/sync", true, true, true },
};

#define JOBS (sizeof jobs / sizeof jobs[0])

enum {
    JOB_PATH,
    JOB_FILE,
    JOB_LABEL,
    JOB_PROGRAM,
    JOB_GROUP,
    JOB_USER,
    JOB_OUT,
    JOB_ERR,
    JOB_INTERVAL,
    JOB_WORKING,
    JOB_DOMAIN,
    JOB_PID,
    JOB_LOCAL,
    JOB_LOCAL_ID
};

static unsigned job_rows(const struct device *d)
{
    return rng_below(d->key, 980, JOBS + 1);
}

static unsigned job_pick(const struct prism_row *r)
{
    return prism_pick(r, 981, JOBS);
}

static void put_program(const struct prism_row *r, struct cell *cell)
{
    char home[FLEET_TEXT + 8];
    unsigned at = job_pick(r);
    if (jobs[at].agent)
        cell_put_format(cell, "%s/%s", prism_home(r, home), jobs[at].program);
    else
        cell_put_text(cell, jobs[at].program);
}

/* What only the agents of a person have; null for daemons. */
static void put_agent(const struct prism_row *r, int arg, struct cell *cell)
{
    char home[FLEET_TEXT + 8];
    const char *label = jobs[job_pick(r)].label;
    prism_home(r, home);
    if (!jobs[job_pick(r)].agent)
        cell_put_null(cell);
    else if (arg == JOB_WORKING)
        cell_put_text(cell, home);
    else if (arg == JOB_LOCAL)
        cell_put_text(cell, home + sizeof "/Users");
    else if (arg == JOB_LOCAL_ID)
        cell_put_text(cell, "501");
    else
        cell_put_format(cell, "%s/Library/Logs/%s.%s", home, label, arg == JOB_OUT ? "out" : "err");
}

static void put_path(const struct prism_row *r, struct cell *cell)
{
    char home[FLEET_TEXT + 8];
    unsigned at = job_pick(r);
    cell_put_format(cell, "%s/Library/Launch%s/%s.plist", jobs[at].agent ? prism_home(r, home) : "",
                    jobs[at].agent ? "Agents" : "Daemons", jobs[at].label);
}

static PRISM_GETTER(get_job)
{
    char home[FLEET_TEXT + 8];
    unsigned at = job_pick(r);
    if (arg == JOB_PATH)
        put_path(r, cell);
    else if (arg == JOB_FILE)
        cell_put_format(cell, "%s.plist", jobs[at].label);
    else if (arg == JOB_LABEL)
        cell_put_text(cell, jobs[at].label);
    else if (arg == JOB_PROGRAM)
        put_program(r, cell);
    else if (arg == JOB_GROUP)
        cell_put_text(cell, jobs[at].agent ? "staff" : "wheel");
    else if (arg == JOB_USER)
        cell_put_text(cell, jobs[at].agent ? prism_home(r, home) + sizeof "/Users" : "root");
    else if (arg == JOB_DOMAIN)
        cell_put_text(cell, jobs[at].agent ? "gui/501" : "system");
    else if (arg == JOB_INTERVAL && at % 2)
        cell_put_int(cell, 3600);
    else if (arg == JOB_PID && jobs[at].running)
        cell_put_int(cell, 200 + rng_below(r->d->key, 982 + (uint64_t)at, 9000));
    else if (arg == JOB_INTERVAL || arg == JOB_PID)
        cell_put_null(cell);
    else
        put_agent(r, arg, cell);
}

static PRISM_GETTER(get_starts)
{
    cell_put_bool(cell, jobs[job_pick(r)].starts);
}

static PRISM_GETTER(get_running)
{
    cell_put_bool(cell, jobs[job_pick(r)].running);
}

static PRISM_GETTER(get_disabled)
{
    cell_put_bool(cell, !jobs[job_pick(r)].starts);
}

static void write_arguments(const struct prism_row *r, struct out *o, const char *key)
{
    struct cell program;
    put_program(r, &program);
    out_open(o, key, '[');
    out_string(o, NULL, program.text);
    out_string(o, NULL, "--background");
    out_close(o, ']');
}

static void write_watched(const struct prism_row *r, struct out *o, const char *key)
{
    char home[FLEET_TEXT + 8], path[FLEET_TEXT + 32];
    out_open(o, key, '[');
    if (jobs[job_pick(r)].agent) {
        snprintf(path, sizeof path, "%s/Documents", prism_home(r, home));
        out_string(o, NULL, path);
    }
    out_close(o, ']');
}

static void write_nothing(const struct prism_row *r, struct out *o, const char *key)
{
    (void)r;
    out_empty(o, key, '[');
}

static void write_domain(const struct prism_row *r, struct out *o, const char *key)
{
    bool agent = jobs[job_pick(r)].agent;
    char home[FLEET_TEXT + 8];
    out_open(o, key, '{');
    out_string(o, "type", agent ? "gui" : "system");
    out_string(o, "user", agent ? prism_home(r, home) + sizeof "/Users" : NULL);
    out_close(o, '}');
}

static const struct prism_column launch[] = {
    { .name = "path", .get = get_job, .arg = JOB_PATH },
    { .name = "file_name", .get = get_job, .arg = JOB_FILE },
    { .name = "label", .get = get_job, .arg = JOB_LABEL },
    { .name = "program", .get = get_job, .arg = JOB_PROGRAM },
    { .name = "run_at_load", .get = get_starts },
    { .name = "keep_alive", .get = get_running },
    { .name = "disabled", .get = get_disabled },
    { .name = "is_disabled", .get = get_disabled },
    { .name = "is_loaded", .get = get_running },
    { .name = "group_name", .get = get_job, .arg = JOB_GROUP },
    { .name = "user_name", .get = get_job, .arg = JOB_USER },
    { .name = "standard_out_path", .get = get_job, .arg = JOB_OUT },
    { .name = "standard_error_path", .get = get_job, .arg = JOB_ERR },
    { .name = "start_interval", .get = get_job, .arg = JOB_INTERVAL },
    { .name = "program_arguments", .write = write_arguments },
    { .name = "watch_paths", .write = write_watched },
    { .name = "queue_directories", .write = write_nothing },
    { .name = "start_on_mount", .get = prism_get_false },
    { .name = "root_directory", .get = prism_get_null },
    { .name = "working_directory", .get = get_job, .arg = JOB_WORKING },
    { .name = "process_type", .fixed = "Background" },
    { .name = "domain", .write = write_domain },
    { .name = "service_domain", .get = get_job, .arg = JOB_DOMAIN },
    { .name = "pid", .get = get_job, .arg = JOB_PID },
    { .name = "user_agent_local_user", .get = get_job, .arg = JOB_LOCAL },
    { .name = "user_agent_local_user_id", .get = get_job, .arg = JOB_LOCAL_ID },
};

const struct prism_category prism_launch_agents_and_daemons = { "launch_agents_and_daemons", PRISM_ONLY(MAC),
                                                                PRISM_COLS(launch), .rows = job_rows };
