/* fakehost.h - a host for a plugin's tests: scripted answers, everything the plugin did on record.
 * SPDX-License-Identifier: Apache-2.0
 *
 * It keeps the rules a real host keeps: a plan may only use READ routes, a tool only routes of its class,
 * path parts are checked, secrets are masked unless the tool is REVEAL, conditions on rows are applied. Link
 * fakehost*.c (with CMake: kmcp_TESTING_SOURCES) and cJSON into the test and include the plugin's own source:
 *
 *     #include "hello.c"
 *     #include "fakehost.h"
 *     struct fakehost h;
 *     fakehost_init(&h, &kmcp_plugin_v1);
 *     fakehost_answer(&h, "GET", "/api/v1/devices", 200, "[]");
 *     rc = fakehost_run(&h, "hello", "{}");
 *     ... h.text, h.result, h.failure, h.requests[0] ...
 *     fakehost_free(&h);
 */
#ifndef KMCP_FAKEHOST_H
#define KMCP_FAKEHOST_H

#include <kmcp/plugin.h>

#define FAKEHOST_MAX 64

struct fakehost_answer {
    char *method, *path, *body;
    int status, used;
};

struct fakehost {
    kmcp_ctx ctx; /* first */
    const struct kmcp_plugin *plugin;
    const struct kmcp_tool *tool;
    int planning, resolving, cancelled, prompting;
    struct fakehost_answer answers[FAKEHOST_MAX];
    int n_answers;
    const char *options[FAKEHOST_MAX][2];
    int n_options;
    void *state;
    /* what the plugin did */
    char *requests[FAKEHOST_MAX]; /* "POST /api/v1/x?limit=5 {\"a\":1}" */
    int n_requests;
    char *subjects[FAKEHOST_MAX]; /* "device ID LABEL" */
    int n_subjects;
    char *facts[FAKEHOST_MAX]; /* "serial C02X", or "serial" alone for none */
    int n_facts;
    const char *wanted;             /* the one fact that wants() says yes to, or NULL */
    char *sentence, *text, *result; /* say(), result_text(), result_json(); NULL: none */
    char *question;                 /* query(): its arguments, in JSON */
    char *failure;                  /* the first fail() */
    kmcp_rc failure_rc;
    char *
        contents[FAKEHOST_MAX]; /* content(): "text Hello", "image image/png 67", "resource URI TEXT",
                                   "link URI NAME"; messages of a prompt begin with "user " or "assistant " */
    int n_contents;
    char *asked[FAKEHOST_MAX]; /* keys of questions that have no answer yet */
    int n_asked;
    char *values[FAKEHOST_MAX]; /* suggest() */
    int n_values;
    char *events[FAKEHOST_MAX]; /* "tell 1 text", "hide 0 NAME", "show 0 NAME", "updated URI", "wait 50" */
    int n_events;
    uint32_t can; /* KMCP_CAN_*: what the client offers; all of it at first */
    const char *replies[FAKEHOST_MAX][2];
    int n_replies;
    char *kept; /* keep(): a JSON object, over calls */
    /* memory of the call */
    void **blocks;
    int n_blocks, cap_blocks;
};

void fakehost_init(struct fakehost *h, const struct kmcp_plugin *plugin);
void fakehost_free(struct fakehost *h);
/* What the API answers to METHOD PATH (without query). Several for the same are given in turn; the last one
 * stays. */
void fakehost_answer(struct fakehost *h, const char *method, const char *path, int status, const char *body);
void fakehost_option(struct fakehost *h, const char *key, const char *value);
/* Run one of the tool's functions with arguments in JSON. What an earlier call did is forgotten. */
kmcp_rc fakehost_plan(struct fakehost *h, const char *tool, const char *args);
kmcp_rc fakehost_run(struct fakehost *h, const char *tool, const char *args);
/* Its resolve(), for an act sent at SINCE_MS. */
kmcp_rc fakehost_resolve(struct fakehost *h, const char *tool, const char *args, int64_t since_ms);
/* What the client answers to the question KEY, in JSON; without one ask() says KMCP_AGAIN. */
void fakehost_reply(struct fakehost *h, const char *key, const char *json);
/* The same for a prompt, a resource (VARS: the template's variables in JSON, or "{}"), and a completion of
 * one of them (NAME: the prompt's, or the URI as declared). */
kmcp_rc fakehost_get(struct fakehost *h, const char *prompt, const char *args);
kmcp_rc fakehost_read(struct fakehost *h, const char *declared, const char *uri, const char *vars);
kmcp_rc fakehost_complete(struct fakehost *h, const char *name, const char *argument, const char *value);
/* Was a request made that begins with TEXT? */
int fakehost_sent(const struct fakehost *h, const char *text);

#endif
