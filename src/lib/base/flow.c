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

static void fail(struct flow *flow, const struct err *why)
{
	struct err err = *why;

	leave(flow);
	err_wrap(&err, "%s", flow->steps[flow->at].name);
	for (size_t i = flow->at + 1; i-- > 0;)
		if (flow->steps[i].undo)
			flow->steps[i].undo(flow->owner);
	flow->done(flow->owner, &err);
}

static void advance(struct flow *flow)
{
	for (; flow->at < flow->n_steps; flow->at++) {
		struct err err = ERR_INIT;

		switch (enter(flow, &err)) {
		case FLOW_NEXT:
			leave(flow);
			break;
		case FLOW_WAIT:
			flow->waiting = true;
			return;
		case FLOW_FAIL:
			fail(flow, &err);
			return;
		}
	}
	flow->done(flow->owner, NULL);
}

void flow_start(struct flow *flow)
{
	assert(flow->n_steps <= FLOW_STEPS_MAX);
	flow->at = 0;
	flow->waiting = false;
	advance(flow);
}

void flow_resume(struct flow *flow, const struct err *err)
{
	assert(flow->waiting);
	flow->waiting = false;
	if (err) {
		fail(flow, err);
		return;
	}
	leave(flow);
	flow->at++;
	advance(flow);
}

void flow_abort(struct flow *flow, const struct err *err)
{
	if (flow->waiting)
		flow_resume(flow, err);
}
