/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/hooks.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/reaper.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/spawn.h"
#include "lib/log/log.h"

struct hooks {
	struct agent *agent;
	char **paths; /* what is left to run, from at */
	size_t at;
	char *state;
	struct event deadline, turn;
	struct reaper_watch *watch;
	int pidfd; /* -1: none runs */
	hooks_done *done;
	void *arg;
};

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **find_programs(const char *dir, const char *point)
{
	scoped_free char *path = xasprintf("%s/%s", dir, point);
	DIR *d = opendir(path);
	struct dirent *entry;
	char **list = NULL;

	while (d && strv_len(list) < HOOKS_MAX && (entry = readdir(d))) {
		struct stat st;

		if (fstatat(dirfd(d), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode) &&
		    (st.st_mode & 0111))
			strv_addf(&list, "%s/%s", path, entry->d_name);
	}
	if (d)
		closedir(d);
	if (list) /* which qsort() wants of an empty one as well */
		qsort(list, strv_len(list), sizeof(*list), compare);
	return list;
}

void hooks_free(struct hooks *hooks)
{
	struct err ignored = ERR_INIT; /* it has ended by itself */

	if (!hooks)
		return;
	event_del(&hooks->deadline);
	event_del(&hooks->turn);
	reaper_remove(hooks->watch);
	if (hooks->pidfd >= 0)
		(void)proc_signal(hooks->pidfd, SIGKILL, &ignored);
	close_fd(&hooks->pidfd);
	strv_free(hooks->paths);
	free(hooks->state);
	free(hooks);
}

static void finish(struct hooks *hooks, const struct err *err)
{
	hooks_done *done = hooks->done;
	void *arg = hooks->arg;

	if (err)
		log_error("guest hook failed", "reason", err->text);
	hooks_free(hooks);
	if (done)
		done(arg, err);
}

static void on_exited(void *arg, const struct exit_info *info)
{
	const struct timeval now = { 0 };
	struct hooks *hooks = arg;
	struct err err = ERR_INIT;

	hooks->watch = NULL;
	close_fd(&hooks->pidfd);
	event_del(&hooks->deadline);
	if (info->status != 0) {
		err_set(&err, ERR_INTERNAL, "guest hook '%s' ended with status %d",
			hooks->paths[hooks->at], info->status);
		finish(hooks, &err);
		return;
	}
	hooks->at++;
	event_add(&hooks->turn, &now);
}

/* Killed; its exit tells the rest. */
static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct hooks *hooks = arg;
	struct err ignored = ERR_INIT; /* it has ended this moment */

	(void)fd;
	(void)what;
	log_warn("guest hook takes too long, killed", "hook", hooks->paths[hooks->at]);
	(void)proc_signal(hooks->pidfd, SIGKILL, &ignored);
}

static int start_next(struct hooks *hooks, struct err *err)
{
	const struct timeval limit = { .tv_sec = HOOK_MS / 1000 };
	char *argv[] = { hooks->paths[hooks->at], NULL };
	struct spawn s = SPAWN_INIT;
	scoped_fd int fd = file_in_memory("hook-state", hooks->state, strlen(hooks->state), err);
	pid_t pid;

	if (fd < 0)
		return -1;
	s.argv = argv;
	s.stdin_fd = fd;
	s.new_session = true;
	if (spawn(&s, &pid, &hooks->pidfd, err) < 0)
		return -1;
	hooks->watch = reaper_add(hooks->agent->reaper, pid, on_exited, hooks);
	event_add(&hooks->deadline, &limit);
	return 0;
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct hooks *hooks = arg;
	struct err err = ERR_INIT;

	(void)fd;
	(void)what;
	if (!hooks->paths[hooks->at])
		finish(hooks, NULL);
	else if (start_next(hooks, &err) < 0)
		finish(hooks, &err);
}

struct hooks *hooks_run(struct agent *agent, const char *dir, const char *point,
			const struct hooks_state *state, hooks_done *done, void *arg)
{
	const struct timeval now = { 0 };
	char **paths = dir ? find_programs(dir, point) : NULL;
	struct hooks *hooks;

	if (!paths)
		return NULL;
	hooks = xnew(struct hooks);
	*hooks = (struct hooks){
		.agent = agent, .paths = paths, .pidfd = -1, .done = done, .arg = arg
	};
	hooks->state = xasprintf("{\"ociVersion\":\"1.0.2\",\"id\":\"%s\",\"status\":\"%s\","
				 "\"pid\":%d,\"bundle\":\"%s/%s\"}",
				 state->container_id, state->status, (int)state->pid,
				 CONTAINER_BUNDLES, state->container_id);
	event_assign(&hooks->deadline, agent->base, -1, 0, on_deadline, hooks);
	event_assign(&hooks->turn, agent->base, -1, 0, on_turn, hooks);
	event_add(&hooks->turn, &now);
	return hooks;
}
