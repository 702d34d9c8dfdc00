/* call_question.h - questions to the person at the client that have no end yet.  SPDX-License-Identifier:
 * Apache-2.0
 *
 * Each "asked" record is to have an end: what came of the answer, or that there was none. Nobody holds a call
 * between question and answer, so the state remembers that one is out, by its nonce.
 */
#ifndef KMCP_CALL_QUESTION_H
#define KMCP_CALL_QUESTION_H

#include "call.h"

/* C is about to ask what c->record.consent names. False if the state cannot remember it. */
bool question_begin(struct call *c);
/* It has its answer, or was not put. */
void question_end(struct call *c);
/* An "unanswered" record for each question that expired, or whose asker is gone and could not hear an answer;
 * LEAVING: also for those of this process, which ends. Over HTTP another process may hear the answer, so
 * there only time ends them. Opens no state if this process asked nothing and LEAVING. */
void question_sweep(struct host *host, bool leaving);

#endif
