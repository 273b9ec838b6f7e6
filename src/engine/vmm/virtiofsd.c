/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/vmm/virtiofsd.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/config/config.h"
#include "engine/vmm/child.h"
#include "engine/vmm/host_sock.h"
#include "engine/vmm/tail.h"
#include "engine/vmm/text.h"
#include "engine/vmm/virtiofsd_probe.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"

#define SOCKET_NAME   "vhost-fs.sock"
#define OUTPUT_KEEP   8192u
#define LAST_WORD_MAX 140u

struct virtiofsd {
	struct event_base *base;
	void (*lost)(void *arg, const struct err *why);
	void *lost_arg;
	struct virtiofsd_probe *probe;
	struct event soon; /* a failure to be told from the loop */
	struct child child;
	struct tail *output;
	int fd; /* QEMU's end until taken */
	vmm_done *done;
	void *done_arg;
	/* kept until the dialect is known */
	const struct config *config;
	char *share_dir, *vm_dir;
	int cgroup_fds[SPAWN_FDS_MAX];
	size_t n_cgroup_fds;
	int cgroup_dir_fd;
	bool overrides;
};

static void on_exit_of_daemon(void *arg)
{
	struct virtiofsd *vfs = arg;
	struct str text = { .max = ERR_TEXT_MAX };
	scoped_free char *output = NULL;
	struct err why = ERR_INIT;

	tail_drain(vfs->output);
	output = tail_text(vfs->output);
	child_describe(&vfs->child, &text);
	if (*output) {
		str_add(&text, ": ");
		text_last_line(&text, output, LAST_WORD_MAX);
	}
	err_set(&why, ERR_UNAVAILABLE, "%s", str_get(&text));
	str_done(&text);
	vfs->lost(vfs->lost_arg, &why);
}

/* What the cgroup descriptors were borrowed for may be long over when the probe ends. */
static int keep_cgroup_fds(struct virtiofsd *vfs, const struct vmm_place *place, struct err *err)
{
	for (size_t i = 0; i < place->n_cgroup_fds; i++) {
		int fd = vfs->n_cgroup_fds < ARRAY_LEN(vfs->cgroup_fds)
				 ? fcntl(place->cgroup_fds[i], F_DUPFD_CLOEXEC, 3)
				 : -1;

		if (fd < 0)
			return err_set(err, ERR_EXHAUSTED, "keep cgroup descriptors");
		vfs->cgroup_fds[vfs->n_cgroup_fds++] = fd;
	}
	if (place->cgroup_dir_fd < 0)
		return 0;
	vfs->cgroup_dir_fd = fcntl(place->cgroup_dir_fd, F_DUPFD_CLOEXEC, 3);
	if (vfs->cgroup_dir_fd < 0)
		return err_sys(err, errno, "keep cgroup descriptor");
	return 0;
}

static void drop_cgroup_fds(struct virtiofsd *vfs)
{
	while (vfs->n_cgroup_fds > 0)
		close(vfs->cgroup_fds[--vfs->n_cgroup_fds]);
	close_fd(&vfs->cgroup_dir_fd);
}

static int spawn_daemon(struct virtiofsd *vfs, char *const *argv, int listen_fd, struct err *err)
{
	const struct spawn_fd fds[] = { { listen_fd, VIRTIOFSD_FD } };
	const struct tail_limits limits = { OUTPUT_KEEP, 512 };
	struct spawn s = SPAWN_INIT;
	int p[2], r;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make pipe for virtiofsd's output");
	s.argv = argv;
	s.stdout_fd = s.stderr_fd = p[1];
	s.fds = fds;
	s.n_fds = ARRAY_LEN(fds);
	s.cgroup_fds = vfs->cgroup_fds;
	s.n_cgroup_fds = vfs->n_cgroup_fds;
	s.cgroup_dir_fd = vfs->cgroup_dir_fd;
	s.death_signal = SIGKILL;
	/* It becomes two processes; the one that serves may be stopped, or hostile, when the other dies. */
	s.new_pid_namespace = true;
	s.new_session = true;
	s.keep_capabilities = vfs->overrides;
	r = child_start(&vfs->child, vfs->base, &s, on_exit_of_daemon, vfs, err);
	close(p[1]);
	vfs->output = tail_new(vfs->base, p[0], limits, NULL, NULL);
	return r;
}

/* Listen, connect, and take the name away: who is connected needs none. */
static int make_connection(struct virtiofsd *vfs, int *ret_listen_fd, struct err *err)
{
	scoped_free char *path = xasprintf("%s/" SOCKET_NAME, vfs->vm_dir);
	scoped_fd int listen_fd = -1;

	if (dir_make(vfs->vm_dir, 0700, err) < 0)
		return -1;
	listen_fd = host_sock_listen(vfs->vm_dir, SOCKET_NAME, err);
	if (listen_fd < 0)
		return -1;
	vfs->fd = host_sock_connect(vfs->vm_dir, SOCKET_NAME, err);
	unlink(path);
	if (vfs->fd < 0)
		return -1;
	*ret_listen_fd = take_fd(&listen_fd);
	return 0;
}

static int start_daemon(struct virtiofsd *vfs, enum virtiofsd_dialect dialect, struct err *err)
{
	struct rlimit limit = { .rlim_max = 1024 };
	scoped_strv char **argv = NULL;
	scoped_fd int listen_fd = -1;

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	argv = virtiofsd_argv(vfs->config, dialect, vfs->share_dir, limit.rlim_max, err);
	if (!argv || make_connection(vfs, &listen_fd, err) < 0)
		return -1;
	return spawn_daemon(vfs, argv, listen_fd, err);
}

static void on_dialect(void *arg, enum virtiofsd_dialect dialect, const struct err *probe_err)
{
	struct virtiofsd *vfs = arg;
	struct err err = probe_err ? *probe_err : ERR_INIT;

	virtiofsd_probe_free(take_ptr(&vfs->probe));
	if (err.code == ERR_OK)
		(void)start_daemon(vfs, dialect, &err);
	drop_cgroup_fds(vfs);
	vfs->config = NULL;
	if (err.code == ERR_OK) {
		vfs->done(vfs->done_arg, NULL);
		return;
	}
	err_wrap(&err, "start virtiofsd");
	close_fd(&vfs->fd);
	vfs->done(vfs->done_arg, &err);
}

static void fail_soon(evutil_socket_t fd, short what, void *arg)
{
	const struct err err = { .code = ERR_EXHAUSTED, .text = "start virtiofsd: no descriptors" };
	struct virtiofsd *vfs = arg;

	(void)fd;
	(void)what;
	vfs->done(vfs->done_arg, &err);
}

struct virtiofsd *virtiofsd_new(struct event_base *base,
				void (*lost)(void *arg, const struct err *why), void *arg)
{
	struct virtiofsd *vfs = xnew(struct virtiofsd);

	*vfs = (struct virtiofsd){ .base = base,
				   .lost = lost,
				   .lost_arg = arg,
				   .child = CHILD_INIT,
				   .fd = -1,
				   .cgroup_dir_fd = -1 };
	evtimer_assign(&vfs->soon, base, fail_soon, vfs);
	return vfs;
}

void virtiofsd_start(struct virtiofsd *vfs, const struct virtiofsd_start *args, uint32_t timeout_ms,
		     vmm_done *done, void *arg)
{
	struct err err = ERR_INIT;

	vfs->done = done;
	vfs->done_arg = arg;
	vfs->config = args->config;
	vfs->share_dir = xstrdup(args->share_dir);
	vfs->vm_dir = xstrdup(args->vm_dir);
	vfs->overrides = args->overrides;
	if (args->place && keep_cgroup_fds(vfs, args->place, &err) < 0) {
		event_active(&vfs->soon, EV_TIMEOUT, 0);
		return;
	}
	vfs->probe = virtiofsd_probe_new(vfs->base, args->config->hypervisor.virtio_fs_daemon,
					 args->cache_dir, timeout_ms, on_dialect, vfs);
}

int virtiofsd_take_fd(struct virtiofsd *vfs)
{
	return take_fd(&vfs->fd);
}

pid_t virtiofsd_pid(const struct virtiofsd *vfs, uint64_t *ret_start_ticks)
{
	if (ret_start_ticks)
		*ret_start_ticks = vfs->child.start_ticks;
	return vfs->child.pid;
}

char *virtiofsd_output(const struct virtiofsd *vfs)
{
	return tail_text(vfs->output);
}

void virtiofsd_free(struct virtiofsd *vfs)
{
	if (!vfs)
		return;
	event_del(&vfs->soon);
	virtiofsd_probe_free(vfs->probe);
	child_done(&vfs->child);
	tail_free(vfs->output);
	close_fd(&vfs->fd);
	drop_cgroup_fds(vfs);
	if (vfs->vm_dir)
		(void)rmdir(vfs->vm_dir); /* stays when it is in use */
	free(vfs->share_dir);
	free(vfs->vm_dir);
	free(vfs);
}
