/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forget.c - delete a container that nobody will ask for any more
 *
 * It is looked up again by its id after each wait: its client may come and delete it after all.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "task/task_priv.h"

struct forget {
	struct list node; /* in tasks->forgets */
	struct tasks *tasks;
	char *id;
	struct event *exited; /* activated by the latch, which may be told while it is freed */
	struct exit_waiter waiter;
	tasks_forgotten *done;
	void *arg;
};

static void forget_free(struct forget *f)
{
	list_remove(&f->node);
	event_free(f->exited);
	free(f->id);
	free(f);
}

static void finish(struct forget *f, const struct err *err)
{
	f->done(f->arg, f->id, err);
	forget_free(f);
}

static void on_deleted(void *arg, const struct err *err)
{
	finish(arg, err);
}

static void delete_now(evutil_socket_t fd, short what, void *arg)
{
	struct forget *f = arg;
	struct err gone = ERR_INIT;
	struct container *c = tasks_find(f->tasks, f->id, &gone);

	(void)fd, (void)what;
	if (c)
		container_delete(c, true, on_deleted, f);
	else
		finish(f, NULL);
}

static void on_exited(struct exit_waiter *waiter, const struct exit_info *info)
{
	struct forget *f = container_of(waiter, struct forget, waiter);

	(void)info;
	event_active(f->exited, EV_TIMEOUT, 0);
}

void tasks_forget(struct tasks *tasks, const char *id, bool kill, tasks_forgotten *done, void *arg)
{
	struct forget *f = xnew(struct forget);
	struct err gone = ERR_INIT;
	struct container *c = tasks_find(tasks, id, &gone);
	struct process *init = c ? container_init(c) : NULL;

	*f = (struct forget){
		.tasks = tasks, .id = xstrdup(id), .waiter.fn = on_exited, .done = done, .arg = arg
	};
	list_add(&tasks->forgets, &f->node);
	f->exited = event_new(tasks->base, -1, 0, delete_now, f);
	if (!init || exit_latch_wait(process_exit_latch(init), &f->waiter))
		event_active(f->exited, EV_TIMEOUT, 0);
	else if (kill || !process_started(init))
		process_signal(init, SIGKILL, true, NULL, NULL);
}

void task_forgets_free(struct tasks *tasks)
{
	list_for_each_safe(&tasks->forgets, struct forget, node, f)
		forget_free(f);
}
