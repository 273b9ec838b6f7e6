/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/hooks.h"

#include <errno.h>
#include <event2/event.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/vmm/child.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/oci/spec.h"

#define HOOK_TIMEOUT_MAX_S 86400
#define WORDS_MAX          160 /* bytes of a hook's own words that are passed on */

struct hooks {
	struct event_base *base;
	struct hook_list what;
	char *state;
	engine_done *done;
	void *arg;
	size_t at;
	struct child child;
	int out_fd; /* what the one that runs says; -1: none runs */
	struct event *late;
	struct err why; /* ERR_OK: none has failed */
};

/* --- what can be run --- */

static int check_kind(const char *kind, Grpc__Hook *const *hooks, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (hooks[i]->path[0] != '/')
			return err_set(err, ERR_INVALID,
				       "hooks.%s[%zu].path: '%s' is not an absolute path", kind, i,
				       hooks[i]->path);
		if (hooks[i]->timeout < 0 || hooks[i]->timeout > HOOK_TIMEOUT_MAX_S)
			return err_set(err, ERR_INVALID,
				       "hooks.%s[%zu].timeout: must be 0 to %d seconds", kind, i,
				       HOOK_TIMEOUT_MAX_S);
	}
	return 0;
}

int hooks_check(const Grpc__Spec *spec, struct err *err)
{
	const Grpc__Hooks *h = spec->hooks;

	if (!h)
		return 0;
	if (h->n_createcontainer > 0)
		return err_set(
			err, ERR_UNIMPLEMENTED,
			"hooks.createContainer '%s': hooks inside the container are not supported",
			h->createcontainer[0]->path);
	if (check_kind("prestart", h->prestart, h->n_prestart, err) < 0 ||
	    check_kind("createRuntime", h->createruntime, h->n_createruntime, err) < 0 ||
	    check_kind("startContainer", h->startcontainer, h->n_startcontainer, err) < 0 ||
	    check_kind("poststart", h->poststart, h->n_poststart, err) < 0)
		return -1;
	return check_kind("poststop", h->poststop, h->n_poststop, err);
}

/* --- one hook --- */

/* A file in memory: it takes all at once, and a hook that reads slowly or never holds nobody up. */
static int state_file(const char *state, struct err *err)
{
	scoped_fd int fd = memfd_create("state", MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "make file in memory");
	if (write_all(fd, state, strlen(state), err) < 0)
		return -1;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, errno, "rewind file in memory");
	return take_fd(&fd);
}

static const Grpc__Hook *current(const struct hooks *h)
{
	return h->what.list[h->at];
}

static void set_deadline(struct hooks *h)
{
	const int64_t s = current(h)->timeout ? current(h)->timeout : HOOK_TIMEOUT_MS / 1000;
	const struct timeval tv = { .tv_sec = s };

	evtimer_add(h->late, &tv);
}

static void on_exited(void *arg);

static int start_current(struct hooks *h, struct err *err)
{
	const Grpc__Hook *hook = current(h);
	scoped_fd int in = state_file(h->state, err);
	scoped_strv char **argv = NULL;
	scoped_strv char **envp = NULL;
	struct spawn s = SPAWN_INIT;

	if (in < 0)
		return -1;
	h->out_fd = memfd_create("output", MFD_CLOEXEC);
	for (size_t i = 0; i < hook->n_args; i++)
		strv_add(&argv, hook->args[i]); /* with args[0], which need not be the path */
	if (!argv)
		strv_add(&argv, hook->path);
	for (size_t i = 0; i < hook->n_env; i++)
		strv_add(&envp, hook->env[i]);
	s.path = hook->path;
	s.argv = argv;
	s.envp = envp;
	s.stdin_fd = in;
	s.stderr_fd = h->out_fd;
	s.death_signal = SIGKILL;
	if (child_start(&h->child, h->base, &s, on_exited, h, err) < 0)
		return -1;
	set_deadline(h);
	return 0;
}

static void hooks_free(struct hooks *h)
{
	child_done(&h->child);
	event_free(h->late);
	close_fd(&h->out_fd);
	free(h->state);
	free(h);
}

/* From the loop, where `late` runs for the last time. */
static void finish(struct hooks *h)
{
	engine_done *done = h->done;
	struct err why = h->why;
	void *arg = h->arg;

	if (why.code != ERR_OK)
		(void)err_wrap(&why, "%s hook '%s'", h->what.kind, current(h)->path);
	hooks_free(h);
	done(arg, why.code == ERR_OK ? NULL : &why);
}

static void go_on(struct hooks *h)
{
	if (h->why.code != ERR_OK || h->at == h->what.n) {
		finish(h);
		return;
	}
	if (start_current(h, &h->why) < 0)
		finish(h);
}

static void describe_end(struct hooks *h)
{
	const int status = WIFSIGNALED(h->child.status) ? 128 + WTERMSIG(h->child.status)
							: WEXITSTATUS(h->child.status);
	char words[WORDS_MAX + 1];
	ssize_t n = pread(h->out_fd, words, WORDS_MAX, 0);

	words[n > 0 ? n : 0] = '\0';
	words[strcspn(words, "\n")] = '\0';
	err_set(&h->why, ERR_INTERNAL, "exit code %d%s%s", status, words[0] ? ": " : "", words);
}

static void on_exited(void *arg)
{
	struct hooks *h = arg;

	event_del(h->late);
	if (h->why.code == ERR_OK && h->child.status != 0)
		describe_end(h);
	child_done(&h->child);
	h->child = CHILD_INIT;
	close_fd(&h->out_fd);
	if (h->why.code == ERR_OK)
		h->at++;
	go_on(h);
}

/* Nothing runs yet: the beginning, from the loop. Else its time is over. */
static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct hooks *h = arg;

	(void)fd, (void)what;
	if (!h->child.pid) {
		go_on(h);
		return;
	}
	err_set(&h->why, ERR_TIMEOUT, "no end within %d s",
		(int)(current(h)->timeout ? current(h)->timeout : HOOK_TIMEOUT_MS / 1000));
	child_kill(&h->child);
}

struct hooks *hooks_start(struct event_base *base, const struct hook_list *hooks, const char *state,
			  engine_done *done, void *arg)
{
	struct hooks *h = xnew(struct hooks);

	*h = (struct hooks){ .base = base,
			     .what = *hooks,
			     .state = xstrdup(state),
			     .done = done,
			     .arg = arg,
			     .child = CHILD_INIT,
			     .out_fd = -1,
			     .why = ERR_INIT };
	h->late = evtimer_new(base, on_late, h);
	event_active(h->late, EV_TIMEOUT, 0);
	return h;
}

void hooks_cancel(struct hooks *hooks)
{
	if (hooks)
		hooks_free(hooks);
}

/* --- what it is told --- */

static void add_annotations(struct json_object *o, const Grpc__Spec *spec)
{
	struct json_object *a = json_object_new_object();

	for (size_t i = 0; i < spec->n_annotations; i++)
		json_object_object_add(a, spec->annotations[i]->key,
				       json_object_new_string(spec->annotations[i]->value));
	json_object_object_add(o, "annotations", a);
}

char *hooks_state(const char *id, const char *status, unsigned int pid, const char *bundle,
		  const Grpc__Spec *spec)
{
	struct json_object *o = json_object_new_object();
	char *text;

	json_object_object_add(o, "ociVersion", json_object_new_string(OCI_VERSION));
	json_object_object_add(o, "id", json_object_new_string(id));
	json_object_object_add(o, "status", json_object_new_string(status));
	json_object_object_add(o, "pid", json_object_new_int64(pid));
	json_object_object_add(o, "bundle", json_object_new_string(bundle));
	if (spec && spec->n_annotations > 0)
		add_annotations(o, spec);
	text = xstrdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
								 JSON_C_TO_STRING_SPACED |
								 JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return text;
}
