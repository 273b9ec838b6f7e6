/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stand_in.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/console.h"
#include "engine/persist/cleanup.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/spawn.h"
#include "lib/cgroup/cgroup.h"

#define READY_FD 3
#define VIEW_FD  4
#define READY_MS 10000

/* The words are runc's, which clients know. */
int stand_in_check(const struct stand_in *s, bool daemon, struct err *err)
{
	bool has_socket = s->console_socket && s->console_socket[0];

	if (s->terminal && daemon && !has_socket)
		return err_set(
			err, ERR_INVALID,
			"cannot allocate tty if %s will detach without setting console socket",
			CLI_NAME);
	if (has_socket && !(s->terminal && daemon))
		return err_set(err, ERR_INVALID,
			       "cannot use console socket if %s will not detach or allocate tty",
			       CLI_NAME);
	return 0;
}

/*
 * Where the VM's processes are, NULL: nowhere. Whoever asks for the cgroup of our pid finds what
 * the VM uses.
 */
static int open_cgroup(const struct stand_in *s, struct supervisor *sup, struct cgroup **ret,
		       struct err *err)
{
	Kata__Supervisor__DescribeResponse *about =
		supervisor_describe(sup, s->cid, CALL_QUICK_MS, err);
	bool wanted = about && about->cgroup[0];

	*ret = wanted ? cgroup_open(about->cgroup, err) : NULL;
	if (!about)
		return -1;
	protobuf_c_message_free_unpacked(&about->base, NULL);
	return wanted && !*ret ? -1 : 0;
}

static int spawn_shim(struct stand_in *s, struct cgroup *cg, int tty_fd, int ready_fd,
		      struct err *err)
{
	int cgroup_fds[CGROUP_FDS_MAX];
	const struct spawn_fd fds[] = { { .from = ready_fd, .to = READY_FD },
					{ .from = s->view_fd, .to = VIEW_FD } };
	scoped_free char *socket = supervisor_socket(s->sid);
	scoped_strv char **argv = NULL;
	scoped_fd int supervisor = sandbox_open_supervisor(s->sid, NULL);
	struct spawn spawn_args = SPAWN_INIT;
	int r;

	if (cg && cgroup_enter_fds(cg, cgroup_fds, &spawn_args.n_cgroup_fds, err) < 0)
		return -1;
	strv_add(&argv, s->shim_path);
	strv_add(&argv, "-agent");
	strv_addf(&argv, "unix://%s", socket);
	strv_add(&argv, "-container");
	strv_add(&argv, s->cid);
	strv_add(&argv, "-exec-id");
	strv_add(&argv, s->exec_id[0] ? s->exec_id : s->cid);
	strv_add(&argv, "-ready-fd");
	strv_addf(&argv, "%d", READY_FD);
	if (s->terminal)
		strv_add(&argv, "-terminal");
	if (s->view_fd >= 0) {
		strv_add(&argv, "-mount-ns-fd");
		strv_addf(&argv, "%d", VIEW_FD);
	}
	spawn_args.argv = argv;
	spawn_args.fds = fds;
	spawn_args.n_fds = s->view_fd >= 0 ? 2 : 1;
	spawn_args.stdin_fd = tty_fd >= 0 ? tty_fd : 0;
	spawn_args.stdout_fd = tty_fd >= 0 ? tty_fd : 1;
	spawn_args.stderr_fd = tty_fd >= 0 ? tty_fd : 2;
	/* docker and podman find the container's network namespace through its pid. */
	spawn_args.netns_fd = supervisor;
	spawn_args.cgroup_fds = cgroup_fds;
	spawn_args.cgroup_dir_fd = cg ? cgroup_dir_fd(cg) : -1;
	/* In our session only where it must hear of our terminal's resizing. */
	spawn_args.new_session = !(s->foreground && s->terminal);
	r = spawn(&spawn_args, &s->pid, &s->pidfd, err);
	for (size_t i = 0; i < spawn_args.n_cgroup_fds; i++)
		close(cgroup_fds[i]);
	return r;
}

static int spawn_in_cgroup(struct stand_in *s, struct supervisor *sup, int tty_fd, int ready_fd,
			   struct err *err)
{
	struct cgroup *cg;
	int r;

	if (open_cgroup(s, sup, &cg, err) < 0)
		return -1;
	r = spawn_shim(s, cg, tty_fd, ready_fd, err);
	cgroup_free(cg);
	return r;
}

/* One byte: from here on no signal is lost. The end without it: it has failed. */
static int await_ready(int fd, struct err *err)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char byte;
	int r;

	do
		r = poll(&pfd, 1, READY_MS);
	while (r < 0 && errno == EINTR);
	if (r > 0 && read(fd, &byte, 1) == 1)
		return 0;
	if (r == 0)
		return err_set(err, ERR_TIMEOUT, "not ready within %d ms", READY_MS);
	return err_set(err, ERR_UNAVAILABLE, "ended before it was ready");
}

/* Afterwards it watches signals, and waits. */
static int start_shim(struct stand_in *s, struct supervisor *sup, struct err *err)
{
	scoped_fd int tty = -1, ready = -1, theirs = -1;
	int fds[2];

	if (s->console_socket && s->console_socket[0]) {
		tty = console_open(s->console_socket, s->rows, s->columns, err);
		if (tty < 0)
			return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_sys(err, errno, "make socket pair");
	ready = fds[0];
	theirs = fds[1];
	if (spawn_in_cgroup(s, sup, tty, theirs, err) < 0)
		return -1;
	close_fd(&theirs);
	if (await_ready(ready, err) < 0 || proc_start_time(s->pid, &s->start_ticks, err) < 0) {
		stand_in_kill(s);
		return err_wrap(err, "kata-shim");
	}
	s->go_fd = take_fd(&ready);
	return 0;
}

/* Before its start, so that the program finds the size of the terminal that it begins on. */
static void resize(const struct stand_in *s, struct supervisor *sup)
{
	Grpc__TtyWinResizeRequest req = GRPC__TTY_WIN_RESIZE_REQUEST__INIT;
	struct err ignored = ERR_INIT; /* it may have ended */

	if (!s->terminal || s->exec_id[0] || (s->console_socket && s->console_socket[0]) ||
	    !console_own_size(&req.row, &req.column))
		return;
	req.container_id = req.exec_id = unconst(s->cid);
	(void)supervisor_tell(sup, AGENT_SERVICE, "TtyWinResize", &req.base, CALL_QUICK_MS,
			      &ignored);
}

static int attach(struct stand_in *s, struct supervisor *sup, struct err *err)
{
	Kata__Supervisor__AttachShimRequest req = KATA__SUPERVISOR__ATTACH_SHIM_REQUEST__INIT;

	req.id = unconst(s->cid);
	req.exec_id = unconst(s->exec_id);
	req.pid = (uint32_t)s->pid;
	req.start_ticks = s->start_ticks;
	if (supervisor_tell(sup, SUPERVISOR_SERVICE, "AttachShim", &req.base, CALL_QUICK_MS, err) <
	    0)
		return -1;
	resize(s, sup);
	if (send(s->go_fd, "G", 1, MSG_NOSIGNAL) != 1)
		return err_sys(err, errno, "let kata-shim go");
	close_fd(&s->go_fd);
	return 0;
}

int stand_in_start(struct stand_in *s, struct supervisor *sup, struct err *err)
{
	return start_shim(s, sup, err) < 0 || attach(s, sup, err) < 0 ? -1 : 0;
}

void stand_in_kill(struct stand_in *s)
{
	struct err ignored = ERR_INIT;
	int status;

	if (s->pidfd < 0)
		return;
	(void)proc_signal(s->pidfd, SIGKILL, &ignored);
	(void)spawn_wait(s->pidfd, 2000, &status, &ignored);
	close_fd(&s->pidfd);
	close_fd(&s->go_fd);
}

/*
 * What the kernel sends to a terminal's foreground group reaches a kata-shim of our session by
 * itself; what somebody sends to us is meant for it.
 */
static void pass_on(const struct stand_in *s, int signal_fd)
{
	struct signalfd_siginfo si;
	struct err ignored = ERR_INIT;

	if (read(signal_fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	if (s->foreground && s->terminal && si.ssi_code == SI_KERNEL)
		return;
	(void)proc_signal(s->pidfd, (int)si.ssi_signo, &ignored);
}

static int watch_all(struct err *err)
{
	static const int not_these[] = { SIGCHLD, SIGPIPE, SIGSEGV, SIGBUS, SIGFPE,  SIGILL,
					 SIGTRAP, SIGABRT, SIGSYS,  SIGURG, SIGTTIN, SIGTTOU };
	sigset_t set;
	int fd;

	sigfillset(&set);
	for (size_t i = 0; i < ARRAY_LEN(not_these); i++)
		sigdelset(&set, not_these[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(err, errno, "block signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_sys(err, errno, "watch signals") : fd;
}

int stand_in_follow(struct stand_in *s, int *ret_status, struct err *err)
{
	scoped_fd int signal_fd = watch_all(err);
	struct pollfd pfds[2] = { { .fd = s->pidfd, .events = POLLIN },
				  { .fd = signal_fd, .events = POLLIN } };

	if (signal_fd < 0)
		return -1;
	while (!pfds[0].revents) {
		if (poll(pfds, 2, -1) < 0 && errno != EINTR)
			return err_sys(err, errno, "wait for kata-shim");
		if (pfds[1].revents)
			pass_on(s, signal_fd);
	}
	return spawn_wait(s->pidfd, 0, ret_status, err);
}

int stand_in_write_pid(const struct stand_in *s, const char *path, struct err *err)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", (int)s->pid);

	if (!path || !path[0])
		return 0;
	if (file_replace(path, text, (size_t)len, 0644, err) < 0)
		return err_wrap(err, "pid file");
	return 0;
}
