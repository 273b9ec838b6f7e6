/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/iptables.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/reaper.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/spawn.h"
#include "lib/base/str.h"

#define COMPLAINT_MAX 4096
#define LINE_SHOWN    160 /* of the first line of a complaint */
#define READ_CHUNK    16384

/* One of its two streams, read as it comes. */
struct capture {
	struct iptables *run;
	int fd; /* -1: it has ended */
	struct event readable;
	struct str text;
};

struct iptables {
	struct agent *agent;
	struct capture out, complaint;
	struct event deadline;
	struct reaper_watch *watch;
	int pidfd;
	bool late;
	const char *name; /* of the program */
	iptables_done *done;
	void *arg;
};

static unsigned int n_running;

static void end_capture(struct capture *c)
{
	if (c->fd >= 0)
		event_del(&c->readable);
	close_fd(&c->fd);
}

/* False: there is no more for now, or none at all. What goes over the cap is read and dropped. */
static bool read_some(struct capture *c)
{
	char buf[READ_CHUNK];
	ssize_t n = c->fd < 0 ? 0 : read(c->fd, buf, sizeof(buf));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		end_capture(c);
		return false;
	}
	str_add_n(&c->text, buf, (size_t)n);
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	(void)read_some(arg);
}

void iptables_free(struct iptables *run)
{
	struct err ignored = ERR_INIT; /* it has ended by itself */

	if (!run)
		return;
	event_del(&run->deadline);
	reaper_remove(run->watch);
	if (run->pidfd >= 0)
		(void)proc_signal(run->pidfd, SIGKILL, &ignored);
	close_fd(&run->pidfd);
	end_capture(&run->out);
	end_capture(&run->complaint);
	str_done(&run->out.text);
	str_done(&run->complaint.text);
	free(run);
	n_running--;
}

static void finish(struct iptables *run, const struct err *err)
{
	if (err)
		run->done(run->arg, NULL, 0, err);
	else
		run->done(run->arg, str_get(&run->out.text), run->out.text.len, NULL);
	iptables_free(run);
}

static int judge(const struct iptables *run, int status, struct err *err)
{
	const char *said = str_get(&run->complaint.text);

	if (run->late)
		return err_set(err, ERR_TIMEOUT, "'%s' took more than %d ms", run->name,
			       IPTABLES_MS);
	if (status != 0)
		return err_set(err, ERR_INVALID, "'%s' ended with status %d: %.*s", run->name,
			       status, MIN((int)strcspn(said, "\n"), LINE_SHOWN), said);
	if (run->out.text.cut)
		return err_set(err, ERR_EXHAUSTED, "'%s' wrote more than %u bytes", run->name,
			       IPTABLES_MAX);
	return 0;
}

static void on_exited(void *arg, const struct exit_info *info)
{
	struct iptables *run = arg;
	struct err err = ERR_INIT;
	/* What is in the pipes still is bounded by their size. */
	const size_t reads = 2 * (IPTABLES_MAX / READ_CHUNK);

	run->watch = NULL;
	close_fd(&run->pidfd);
	for (size_t i = 0; i < reads && read_some(&run->out); i++)
		;
	for (size_t i = 0; i < reads && read_some(&run->complaint); i++)
		;
	finish(run, judge(run, info->status, &err) < 0 ? &err : NULL);
}

/* Killed; its exit tells the rest. */
static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct iptables *run = arg;
	struct err ignored = ERR_INIT; /* it has ended this moment */

	(void)fd, (void)what;
	run->late = true;
	(void)proc_signal(run->pidfd, SIGKILL, &ignored);
}

/* The write end is the child's; it is closed when the caller leaves. */
static int open_capture(struct capture *c, struct iptables *run, size_t max, int *ret_write_fd,
			struct err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make pipe");
	*ret_write_fd = fds[1];
	c->run = run;
	c->fd = fds[0];
	c->text.max = max;
	(void)fcntl(c->fd, F_SETFL, O_NONBLOCK);
	event_assign(&c->readable, run->agent->base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
	event_add(&c->readable, NULL);
	return 0;
}

static int start(struct iptables *run, char *const *argv, int in_fd, struct err *err)
{
	const struct timeval limit = { .tv_sec = IPTABLES_MS / 1000 };
	scoped_fd int out_fd = -1, complaint_fd = -1;
	struct spawn s = SPAWN_INIT;
	pid_t pid;

	if (open_capture(&run->out, run, IPTABLES_MAX, &out_fd, err) < 0 ||
	    open_capture(&run->complaint, run, COMPLAINT_MAX, &complaint_fd, err) < 0)
		return -1;
	s.argv = argv;
	s.stdin_fd = in_fd;
	s.stdout_fd = out_fd;
	s.stderr_fd = complaint_fd;
	s.new_session = true;
	if (spawn(&s, &pid, &run->pidfd, err) < 0)
		return -1;
	run->watch = reaper_add(run->agent->reaper, pid, on_exited, run);
	event_add(&run->deadline, &limit);
	return 0;
}

static char *find_program(const char *name, struct err *err)
{
	static const char *const dirs[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin" };

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		scoped_free char *path = xasprintf("%s/%s", dirs[i], name);

		if (access(path, X_OK) == 0)
			return take_ptr(&path);
	}
	(void)err_set(err, ERR_UNIMPLEMENTED,
		      "the guest's image has no '%s': make it with osbuilder/initrd -t", name);
	return NULL;
}

struct iptables *iptables_run(struct agent *agent, bool ipv6, const uint8_t *rules, size_t len,
			      iptables_done *done, void *arg, struct err *err)
{
	static const char *const names[2][2] = { { "iptables-save", "iptables-restore" },
						 { "ip6tables-save", "ip6tables-restore" } };
	static char wait_option[] = "--wait=5"; /* seconds for somebody else's change */
	const char *name = names[ipv6][rules != NULL];
	scoped_free char *program = find_program(name, err);
	char *argv[] = { program, rules ? wait_option : NULL, NULL };
	scoped_fd int in_fd = -1;
	struct iptables *run;

	if (!program)
		return NULL;
	if (len > IPTABLES_MAX || n_running >= IPTABLES_AT_ONCE) {
		(void)err_set(err, ERR_EXHAUSTED, "more than %u bytes of rules, or %d changes",
			      IPTABLES_MAX, IPTABLES_AT_ONCE);
		return NULL;
	}
	if (rules && (in_fd = file_in_memory("rules", rules, len, err)) < 0)
		return NULL;
	run = xnew(struct iptables);
	*run = (struct iptables){ .agent = agent,
				  .out.fd = -1,
				  .complaint.fd = -1,
				  .pidfd = -1,
				  .name = name,
				  .done = done,
				  .arg = arg };
	n_running++;
	event_assign(&run->deadline, agent->base, -1, 0, on_deadline, run);
	if (start(run, argv, in_fd, err) == 0)
		return run;
	iptables_free(run);
	return NULL;
}
