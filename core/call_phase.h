/* call_phase.h - the phases of a call, for the table in call.c.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_CALL_PHASE_H
#define KMCP_CALL_PHASE_H

#include "call.h"

/* True: go on to the next row. False: this call has its end (c->out.end and its text are set). */
typedef bool (*call_phase_fn)(struct call *c);

/* call_find.c: what is asked, of which plugin */
bool phase_find(struct call *c);
bool phase_validate(struct call *c);
/* call_ask.c: questions to the client and their answers, over rounds */
bool phase_resume(struct call *c);
/* call_pseudonym.c: what pseudonyms among the arguments stand for; and none but pseudonyms in what leaves */
bool phase_resolve(struct call *c);
bool phase_rename(struct call *c);
/* call_plan.c: what it would touch, and what a yes to it is bound to */
bool phase_plan(struct call *c);
bool phase_bind(struct call *c);
bool phase_look(struct call *c);
bool phase_detach(struct call *c);
/* call_policy.c: what the INI says to that */
bool phase_policy(struct call *c);
/* call_once.c: was it done already, or does nobody know */
bool phase_settle(struct call *c);
bool phase_once(struct call *c);
/* call_rehearse.c: what exactly would be sent */
bool phase_rehearse(struct call *c);
/* call_consent.c: does the person at the client agree */
bool phase_consent(struct call *c);
/* call_approval.c: does a person outside of it */
bool phase_approval(struct call *c);
/* call_record.c: on record before and after */
bool phase_intent(struct call *c);
bool phase_outcome(struct call *c);
/* call_run.c: doing it, and what leaves the host */
bool phase_run(struct call *c);
bool phase_shape(struct call *c);
bool phase_redact(struct call *c);
bool phase_reply(struct call *c);

/* Ends the call with END and a text. Always false. */
bool call_stop(struct call *c, enum call_end end, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same for a tool error, with a "refused" record when the call is more than READ. */
bool call_refuse(struct call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Calls one of the plugin's functions, alone if the plugin is KMCP_SERIAL. KMCP_AGAIN: it asked something. */
enum call_step { STEP_PLAN, STEP_RUN, STEP_RESOLVE };
kmcp_rc call_enter(struct call *c, enum call_step step);
/* call_secret.c: may the tool's secrets stand in its answer; the vault's side of struct client_call; is there
 * a vault for a tool that reveals (else the call is refused) */
bool call_is_inline(const struct call *c);
const char *call_keep_secret(void *arg, const char *field, const char *value);
bool call_can_keep(struct call *c);
/* call_run.c: its answer is what the plan found, in clear, and for whoever may see answers. */
bool call_shows_plan(const struct call *c);
/* call_pseudonym.c: from now on persons get pseudonyms. */
bool call_name_persons(struct call *c);
/* call_run.c: what the plan saw in clear is scrubbed from errors also as it is written in a sentence. */
bool call_alias_persons(struct call *c);
/* Forgets what the plugin said so far: it is to be asked again. */
void call_forget(struct call *c);
/* The case as policy sees it, in the call's arena. False when out of memory. */
bool call_case(struct call *c, struct policy_case *out);
/* Does the policy still allow CALL what it allowed before? Else the failure is set. */
bool call_still_may(void *call);
/* A record of EVENT for the call; false (and the call refused, nothing done) if it cannot be written. */
bool call_note(struct call *c, const char *event, const char *detail);
/* ARGS, canonical, without the members that the tool's schema marks writeOnly; NULL when out of memory. */
const char *call_shown_args(struct call *c, const kmcp_json *args);
/* call_consent.c: refuses an answer that does not count, because of WHY, with a record that names the
 * question it was given to. Always false. */
bool call_misused(struct call *c, const char *why);
/* Ends the call with its questions, sealed. Always false. */
bool call_stop_asking(struct call *c);
/* What the function's RC means for the call. Always false. */
bool call_stop_failed(struct call *c, kmcp_rc rc);
/* The digest of PARTS into OUT; the second one under a key that only who has seal.key can make. */
bool call_digest(struct call *c, const char *const *parts, size_t n, uint8_t out[DIGEST_SIZE]);
bool call_bind(struct call *c, const char *const *parts, size_t n, uint8_t out[DIGEST_SIZE]);
/* The first one, for who has no call. */
bool call_digest_for(const struct host *host, const char *const *parts, size_t n, uint8_t out[DIGEST_SIZE]);

#endif
