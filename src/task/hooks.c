/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hooks.c - the hooks of config.json, where no command line runs them
 */
#include <stdlib.h>
#include <unistd.h>

#include "engine/hooks.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/oci/message.h"
#include "lib/oci/spec.h"
#include "task/task_priv.h"

#define LISTS_MAX 2

struct hook_run {
	struct list node; /* in tasks->hook_runs */
	struct tasks *tasks;
	Grpc__Spec *spec;
	char *state;
	struct hook_list lists[LISTS_MAX];
	size_t n, at;
	struct hooks *hooks; /* NULL: none is under way */
	bool must; /* a failure is the operation's */
	engine_done *done;
	void *arg;
};

static void run_free(struct hook_run *run)
{
	hooks_cancel(run->hooks);
	list_remove(&run->node);
	message_drop(&run->spec);
	free(run->state);
	free(run);
}

static void add_list(struct hook_run *run, const char *kind, Grpc__Hook *const *list, size_t n)
{
	if (n > 0)
		run->lists[run->n++] = (struct hook_list){ .kind = kind, .list = list, .n = n };
}

static void choose(struct hook_run *run, enum hook_moment moment)
{
	const Grpc__Hooks *h = run->spec->hooks;

	switch (moment) {
	case HOOKS_CREATING:
		add_list(run, "prestart", h->prestart, h->n_prestart);
		add_list(run, "createRuntime", h->createruntime, h->n_createruntime);
		run->must = true;
		break;
	case HOOKS_STARTED:
		add_list(run, "poststart", h->poststart, h->n_poststart);
		break;
	case HOOKS_STOPPED:
		add_list(run, "poststop", h->poststop, h->n_poststop);
		break;
	}
}

static void go_on(struct hook_run *run, const struct err *err);

static void on_list_done(void *arg, const struct err *err)
{
	struct hook_run *run = arg;

	run->hooks = NULL;
	if (err && !run->must && run->tasks->front->failed)
		run->tasks->front->failed(run->tasks->arg, "run hooks", err);
	go_on(run, run->must ? err : NULL);
}

static void go_on(struct hook_run *run, const struct err *err)
{
	if (!err && run->at < run->n) {
		run->hooks = hooks_start(run->tasks->base, &run->lists[run->at++], run->state,
					 on_list_done, run);
		return;
	}
	run->done(run->arg, err);
	run_free(run);
}

void task_hooks(struct tasks *tasks, enum hook_moment moment, const struct hook_target *target,
		engine_done *done, void *arg)
{
	static const char *const status[] = { [HOOKS_CREATING] = "creating",
					      [HOOKS_STARTED] = "running",
					      [HOOKS_STOPPED] = "stopped" };
	struct hook_run *run;

	if (!tasks->runs_hooks || !target->spec || !target->spec->hooks) {
		done(arg, NULL);
		return;
	}
	run = xnew(struct hook_run);
	*run = (struct hook_run){
		.tasks = tasks, .spec = spec_copy(target->spec), .done = done, .arg = arg
	};
	list_add(&tasks->hook_runs, &run->node);
	run->state = hooks_state(target->id, status[moment], target->pid, target->bundle,
				 run->spec);
	choose(run, moment);
	go_on(run, NULL);
}

void tasks_run_hooks(struct tasks *tasks)
{
	tasks->runs_hooks = true;
}

void task_hooks_free(struct tasks *tasks)
{
	list_for_each_safe(&tasks->hook_runs, struct hook_run, node, run)
		run_free(run);
}
