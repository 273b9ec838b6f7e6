/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/hooks.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/spawn.h"

#define HOOK_TIMEOUT_MAX_S 86400
#define WORDS_MAX          160 /* bytes of a hook's own words that are passed on */

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

static int wait_hook(int pidfd, int timeout_ms, int *ret_status, struct err *err)
{
	struct pollfd pfds[2] = { { .fd = pidfd, .events = POLLIN },
				  { .fd = interrupt_fd(), .events = POLLIN } };
	uint64_t deadline = clock_mono_ns() + (uint64_t)timeout_ms * NS_PER_MS;

	for (;;) {
		uint64_t now = clock_mono_ns();
		int left = now < deadline ? (int)((deadline - now) / NS_PER_MS) + 1 : 0;

		(void)poll(pfds, 2, left);
		if (pfds[0].revents)
			return spawn_wait(pidfd, 0, ret_status, err);
		if (interrupt_check(err) < 0)
			return -1;
		if (left == 0)
			return err_set(err, ERR_TIMEOUT, "no end within %d ms", timeout_ms);
	}
}

static void last_words(int fd, char words[static WORDS_MAX + 1])
{
	ssize_t n = pread(fd, words, WORDS_MAX, 0);

	words[n > 0 ? n : 0] = '\0';
	words[strcspn(words, "\n")] = '\0';
}

static int run_hook(const Grpc__Hook *hook, const char *state, struct err *err)
{
	scoped_fd int in = state_file(state, err);
	scoped_fd int out = memfd_create("output", MFD_CLOEXEC);
	scoped_fd int pidfd = -1;
	scoped_strv char **argv = NULL;
	scoped_strv char **envp = NULL;
	struct spawn s = SPAWN_INIT;
	int timeout_ms = hook->timeout ? (int)hook->timeout * 1000 : HOOK_TIMEOUT_MS;
	char words[WORDS_MAX + 1];
	struct err ignored = ERR_INIT;
	int status;

	if (in < 0)
		return -1;
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
	s.stderr_fd = out;
	if (spawn(&s, NULL, &pidfd, err) < 0)
		return -1;
	if (wait_hook(pidfd, timeout_ms, &status, err) < 0) {
		(void)proc_kill_wait(pidfd, 1000, &ignored);
		return -1;
	}
	if (status == 0)
		return 0;
	last_words(out, words);
	return err_set(err, ERR_INTERNAL, "exit code %d%s%s", status, words[0] ? ": " : "", words);
}

int hooks_run(const char *kind, Grpc__Hook *const *hooks, size_t n, const char *state,
	      struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (run_hook(hooks[i], state, err) < 0)
			return err_wrap(err, "%s hook '%s'", kind, hooks[i]->path);
	return 0;
}
