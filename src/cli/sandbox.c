/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include "engine/config/config.h"
#include "engine/persist/cleanup.h"
#include "engine/resource/netns.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/spawn.h"
#include "lib/oci/spec.h"
#include "lib/ttrpc/unix.h"

#define PROXY_LISTEN_FD  3
#define PROXY_CREATOR_FD 4
#define KILL_MS          2000

/* --- start --- */

static int make_dir(const char *dir, const char *sid, struct err *err)
{
	if (dir_make(CLI_SBS_DIR, 0700, err) < 0)
		return -1;
	if (mkdir(dir, 0700) == 0)
		return 0;
	if (errno == EEXIST)
		return err_set(
			err, ERR_EXISTS,
			"sandbox '%s' exists: ID already in use, unique ID should be provided",
			sid);
	return err_sys(err, errno, "make '%s'", dir);
}

/* Lines of ours and of the supervisor in one file, when somebody wants to read them all. */
static void add_log(char ***argv, const struct cli *cli, const char *dir)
{
	bool shared = cli->debug && cli->log_path[0] == '/';

	strv_add(argv, "-log");
	if (shared)
		strv_add(argv, cli->log_path);
	else
		strv_addf(argv, "%s/proxy.log", dir);
	if (shared) {
		strv_add(argv, "-log-format");
		strv_add(argv, cli->log_format);
	}
}

static int spawn_proxy(const struct cli *cli, const struct config *config, const char *sid,
		       int listen_fd, int netns_fd, struct sandbox_process *ret, struct err *err)
{
	scoped_fd int self = pidfd_open(getpid(), 0);
	const struct spawn_fd fds[] = { { .from = listen_fd, .to = PROXY_LISTEN_FD },
					{ .from = self, .to = PROXY_CREATOR_FD } };
	scoped_free char *dir = supervisor_dir(sid);
	scoped_strv char **argv = NULL;
	scoped_strv char **envp = NULL;
	struct spawn s = SPAWN_INIT;
	const char *test_step = getenv("KATA_TEST_STEP"); /* flow.h */
	const char *events = getenv("TTRPC_ADDRESS");     /* of containerd, to its shims */

	strv_add(&envp, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	if (test_step)
		strv_addf(&envp, "KATA_TEST_STEP=%s", test_step);
	strv_add(&argv, config->proxy.path);
	strv_add(&argv, "-sandbox");
	strv_add(&argv, sid);
	strv_add(&argv, "-listen-fd");
	strv_addf(&argv, "%d", PROXY_LISTEN_FD);
	strv_add(&argv, "-config");
	strv_add(&argv, config->path);
	strv_add(&argv, "-root");
	strv_add(&argv, cli->root);
	if (self >= 0) {
		strv_add(&argv, "-creator-fd");
		strv_addf(&argv, "%d", PROXY_CREATOR_FD);
	}
	add_log(&argv, cli, dir);
	if (events) {
		strv_add(&argv, "-events-address");
		strv_add(&argv, events);
	}
	if (cli->debug || config->proxy.enable_debug || config->runtime.enable_debug)
		strv_add(&argv, "-debug");
	s.argv = argv;
	s.envp = envp;
	s.fds = fds;
	s.n_fds = self >= 0 ? 2 : 1;
	s.netns_fd = netns_fd;
	s.new_session = true;
	return spawn(&s, &ret->pid, &ret->pidfd, err);
}

int sandbox_start(const struct cli *cli, const struct config *config, const char *sid,
		  const Grpc__Spec *spec, struct sandbox_process *ret, struct err *err)
{
	scoped_free char *dir = supervisor_dir(sid);
	scoped_free char *socket = supervisor_socket(sid);
	scoped_fd int netns_fd = netns_open(config, spec, err);
	scoped_fd int listen_fd = -1;
	struct err ignored = ERR_INIT;

	if (err->code != ERR_OK || make_dir(dir, sid, err) < 0)
		return -1;
	listen_fd = unix_listen(socket, err);
	if (listen_fd >= 0 && spawn_proxy(cli, config, sid, listen_fd, netns_fd, ret, err) == 0)
		return 0;
	(void)dir_remove(dir, &ignored);
	return -1;
}

/* --- end --- */

void sandbox_process_kill(struct sandbox_process *p)
{
	struct err ignored = ERR_INIT;
	int status;

	if (p->pidfd < 0)
		return;
	(void)proc_signal(p->pidfd, SIGKILL, &ignored);
	(void)spawn_wait(p->pidfd, KILL_MS, &status, &ignored);
	close_fd(&p->pidfd);
}

bool sandbox_sees(const char *sid, const char *path)
{
	pid_t pid = 0;
	scoped_fd int pidfd = sandbox_open_supervisor(sid, &pid);
	scoped_free char *there = xasprintf("/proc/%d/root%s", (int)pid, path);
	struct stat ours, its;

	if (pidfd < 0 || stat(path, &ours) < 0)
		return true;
	return stat(there, &its) == 0 && its.st_dev == ours.st_dev && its.st_ino == ours.st_ino;
}

int sandbox_kill(const char *sid, struct err *err)
{
	scoped_free char *dir = supervisor_dir(sid);
	scoped_fd int pidfd = sandbox_open_supervisor(sid, NULL);

	if ((pidfd >= 0 && proc_kill_wait(pidfd, KILL_MS, err) < 0) ||
	    sandbox_cleanup(sid, err) < 0)
		return err_wrap(err, "clean up sandbox '%s'", sid);
	return dir_remove(dir, err);
}

int sandbox_end(const char *sid, struct supervisor *sup, int timeout_ms, struct err *err)
{
	Containerd__Task__V2__ShutdownRequest req = CONTAINERD__TASK__V2__SHUTDOWN_REQUEST__INIT;
	scoped_fd int pidfd = sandbox_open_supervisor(sid, NULL);
	uint64_t deadline = clock_mono_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
	struct err ignored = ERR_INIT;
	uint64_t now;

	if (sup) {
		req.id = unconst(sid);
		req.now = true;
		(void)supervisor_tell(sup, TASK_SERVICE, "Shutdown", &req.base,
				      (uint32_t)timeout_ms, &ignored);
		now = clock_mono_ns();
		if (pidfd >= 0 && now < deadline)
			(void)poll(&pfd, 1, (int)((deadline - now) / NS_PER_MS) + 1);
	}
	/* An orderly end has left nothing: then this finds nothing to do. */
	return sandbox_kill(sid, err);
}
