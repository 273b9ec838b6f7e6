/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/flow.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/str.h"

/* True when the test variable names this step with this verb. */
static bool test_wants(const char *verb, const char *step)
{
	const char *want = getenv("KATA_TEST_STEP");

	return want && str_starts(want, verb) && strcmp(want + strlen(verb), step) == 0;
}

static enum flow_next enter(struct flow *flow, struct err *err)
{
	const struct flow_step *step = &flow->steps[flow->at];

	flow->entered_ns = clock_mono_ns();
	if (test_wants("fail:", step->name)) {
		err_set(err, ERR_INTERNAL, "made to fail by KATA_TEST_STEP");
		return FLOW_FAIL;
	}
	if (test_wants("stop:", step->name))
		raise(SIGSTOP);
	if (test_wants("kill:", step->name))
		raise(SIGKILL);
	return step->run(flow->owner, err);
}

static void leave(struct flow *flow)
{
	flow->took_ns[flow->at] = clock_mono_ns() - flow->entered_ns;
}

/* Undoes the current step too, and names it. */
static void undo(struct flow *flow, struct err *err)
{
	leave(flow);
	err_wrap(err, "%s", flow->steps[flow->at].name);
	for (size_t i = flow->at + 1; i-- > 0;)
		if (flow->steps[i].undo)
			flow->steps[i].undo(flow->owner);
}

/* FLOW_NEXT: through; FLOW_FAIL: undone, with the reason in *err. */
static enum flow_next advance(struct flow *flow, struct err *err)
{
	for (; flow->at < flow->n_steps; flow->at++) {
		struct err why = ERR_INIT;

		switch (enter(flow, &why)) {
		case FLOW_NEXT:
			leave(flow);
			break;
		case FLOW_WAIT:
			flow->waiting = true;
			return FLOW_WAIT;
		case FLOW_FAIL:
			undo(flow, &why);
			*err = why;
			return FLOW_FAIL;
		}
	}
	return FLOW_NEXT;
}

static enum flow_next start(struct flow *flow, struct err *err)
{
	assert(flow->n_steps <= FLOW_STEPS_MAX);
	flow->at = 0;
	flow->waiting = false;
	return advance(flow, err);
}

static void tell(struct flow *flow, enum flow_next how, const struct err *err)
{
	if (how != FLOW_WAIT)
		flow->done(flow->owner, how == FLOW_FAIL ? err : NULL);
}

void flow_start(struct flow *flow)
{
	struct err err = ERR_INIT;
	enum flow_next how = start(flow, &err);

	tell(flow, how, &err);
}

int flow_run(struct flow *flow, struct err *err)
{
	enum flow_next how = start(flow, err);

	assert(how != FLOW_WAIT);
	return how == FLOW_FAIL ? -1 : 0;
}

void flow_resume(struct flow *flow, const struct err *err)
{
	enum flow_next how = FLOW_FAIL;
	struct err why = ERR_INIT;

	assert(flow->waiting);
	flow->waiting = false;
	if (err) {
		why = *err;
		undo(flow, &why);
	} else {
		leave(flow);
		flow->at++;
		how = advance(flow, &why);
	}
	tell(flow, how, &why);
}

void flow_abort(struct flow *flow, const struct err *err)
{
	if (flow->waiting)
		flow_resume(flow, err);
}
