/* The queue of MDM commands of each device, and how the tenant's clock moves them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include "ids.h"
#include "rng.h"
#include "when.h"

#include <stdlib.h>
#include <string.h>

/* Times after the push reaches a device that is online. */
#define RUNNING_AFTER   WHEN_SECOND
#define DONE_AFTER      (3 * WHEN_SECOND)
#define DEFERRED_UNTIL  (30 * WHEN_SECOND)
#define UNENROLLS_AFTER (60 * WHEN_SECOND)

enum command_outcome command_next_outcome(const struct device *d)
{
    uint32_t roll = rng_below(d->key, 900 + (uint64_t)d->acts, 100);
    return roll < 4 ? OUTCOME_FAILED : roll < 10 ? OUTCOME_NOT_NOW : OUTCOME_COMPLETE;
}

const char *command_outcome_name(enum command_outcome outcome)
{
    return outcome == OUTCOME_FAILED ? "failed" : outcome == OUTCOME_NOT_NOW ? "not_now" : "complete";
}

bool command_queue(struct tenant *t, struct device *d, enum command_kind kind, const char *request_type)
{
    struct command *command = calloc(1, sizeof *command);
    if (!command)
        return false;
    command->outcome = command_next_outcome(d);
    command->key = rng_draw(d->key, 5000 + (uint64_t)d->acts);
    command->kind = (int)kind;
    command->request_type = request_type;
    command->requested_us = tenant_now(t);
    command->status = COMMAND_PENDING;
    d->acts++;
    struct command **end = &d->commands;
    while (*end)
        end = &(*end)->next;
    *end = command;
    return true;
}

static void command_take_effect(struct device *d, const struct command *command)
{
    switch (command->kind) {
    case COMMAND_LOCK:
        d->locked = d->platform == MAC;
        break;
    case COMMAND_SHUTDOWN:
        d->online = false;
        break;
    case COMMAND_ERASE:
        d->online = false;
        d->erased_us = command->completed_us;
        break;
    default:
        break;
    }
}

static void command_move(struct command *command, struct device *d, int64_t now)
{
    int64_t start = command->requested_us > d->online_since_us ? command->requested_us : d->online_since_us;
    int64_t age = now - start;
    int64_t done = command->outcome == OUTCOME_NOT_NOW ? DEFERRED_UNTIL : DONE_AFTER;
    if (age < RUNNING_AFTER)
        return;
    command->attempts = age >= done && command->outcome == OUTCOME_NOT_NOW ? 2 : 1;
    if (age >= done) {
        command->status = command->outcome == OUTCOME_FAILED ? COMMAND_FAILED : COMMAND_COMPLETED;
        command->completed_us = start + done;
        if (command->completed_us > d->seen_us)
            d->seen_us = command->completed_us;
        if (command->status == COMMAND_COMPLETED)
            command_take_effect(d, command);
    } else {
        bool deferred = command->outcome == OUTCOME_NOT_NOW && age >= 2 * RUNNING_AFTER;
        command->status = deferred ? COMMAND_NOT_NOW : COMMAND_RUNNING;
    }
}

void command_settle(const struct tenant *t, struct device *d)
{
    if (!d->commands)
        return;
    int64_t now = tenant_now(t);
    for (struct command *command = d->commands; command; command = command->next)
        if (d->online && command->status != COMMAND_COMPLETED && command->status != COMMAND_FAILED)
            command_move(command, d, now);
    if (d->erased_us && now - d->erased_us > UNENROLLS_AFTER)
        d->removed = true;
}

bool command_is_pending(const struct device *d, enum command_kind kind)
{
    for (const struct command *command = d->commands; command; command = command->next)
        if (command->kind == (int)kind && command->status != COMMAND_COMPLETED &&
            command->status != COMMAND_FAILED)
            return true;
    return false;
}

static void command_write_errors(struct out *o, const struct command *command)
{
    out_open(o, "error_chain", '[');
    if (command->status == COMMAND_FAILED) {
        out_open(o, NULL, '{');
        out_int(o, "code", 12021);
        out_string(o, "domain", "MCMDMErrorDomain");
        out_string(o, "localized_description", "“DeviceLock” ist kein gültiger Befehl für dieses Gerät.");
        out_string(o, "us_english_description", "The device refused the command.");
        out_close(o, '}');
    }
    out_close(o, ']');
}

void command_write(struct call *c, const char *key, const struct command *command)
{
    struct out *o = &c->out;
    char id[IDS_SIZE], when[WHEN_SIZE];
    int64_t pushed = command->requested_us + 200000;
    out_open(o, key, '{');
    out_string(o, "uuid", ids_text(id, command->key));
    command_write_errors(o, command);
    /* The service uses names of its own for some of Apple's commands. */
    out_string(o, "command_type",
               strcmp(command->request_type, "DeviceInformation") == 0 && command->kind < 0
                   ? "InitialDeviceInformation"
                   : command->request_type);
    out_string(o, "request_type", command->request_type);
    out_empty(o, "metadata", '{');
    out_bool(o, "request_requires_network_tether", false);
    out_int(o, "status", command->status);
    out_int(o, "attempts", command->attempts);
    out_string(o, "date_requested", when_format(when, command->requested_us, WHEN_ISO));
    out_string(o, "date_completed",
               command->completed_us ? when_format(when, command->completed_us, WHEN_OFFSET) : NULL);
    out_string(o, "last_pushed", when_format(when, pushed, WHEN_ISO));
    out_null(o, "user");
    out_int(o, "priority", command->kind < 0 ? 1 : 0);
    out_close(o, '}');
}

void command_free_all(struct fleet *f)
{
    for (uint32_t i = 0; i < f->count; i++)
        while (f->devices[i].commands) {
            struct command *next = f->devices[i].commands->next;
            free(f->devices[i].commands);
            f->devices[i].commands = next;
        }
}
