/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * flow.h - run a list of steps that may wait, and undo them in reverse
 *
 * A multi-step operation (boot a VM, create a container) is a const table that
 * reads top to bottom. A step either finishes, waits for the loop, or fails.
 * On failure, undo() runs for every step entered, newest first; undo() accepts
 * half-done work and is safe to call twice.
 *
 * One rule for whoever completes a wait: call flow_resume() from the loop,
 * never from inside the run() that started the wait.
 *
 * Every step is timed. For tests, the environment variable KATA_TEST_STEP makes
 * one step misbehave when it is entered: "fail:NAME" fails it, "stop:NAME" sends
 * SIGSTOP and "kill:NAME" SIGKILL to this process, in place of or before its run().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

enum flow_next { FLOW_NEXT, FLOW_WAIT, FLOW_FAIL };

struct flow_step {
	const char *name; /* verb phrase, shown in logs and errors */
	enum flow_next (*run)(void *owner, struct err *err);
	void (*undo)(void *owner); /* NULL: nothing to undo */
};

#define FLOW_STEPS_MAX 32

struct flow {
	const struct flow_step *steps;
	size_t n_steps; /* <= FLOW_STEPS_MAX */
	void *owner;
	/* Called once, last; may free the flow. err is NULL on success. */
	void (*done)(void *owner, const struct err *err);
	/* How long each step took, valid for steps entered. */
	uint64_t took_ns[FLOW_STEPS_MAX];
	/* private */
	size_t at;
	bool waiting;
	uint64_t entered_ns;
};

void flow_start(struct flow *flow);

/* For an owner without a loop: no step waits, and what done() would be told is returned. */
int flow_run(struct flow *flow, struct err *err);

/* The awaited thing happened: err NULL to go on, else fail the current step. */
void flow_resume(struct flow *flow, const struct err *err);

/* Fail the current step from outside: a deadline, a dead VM. Nothing unless waiting. */
void flow_abort(struct flow *flow, const struct err *err);
