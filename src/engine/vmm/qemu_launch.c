/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qemu_launch.c - from a plan to a running QEMU: directory, sockets, process
 *
 * The directory is root's alone, also when QEMU is not: all it needs comes as descriptors.
 *
 * That is so for kernel, initrd, image and firmware too, which may lie where only root can go.
 * QEMU has no option to take them as descriptors, but opening /proc/self/fd/N does not walk
 * the path again. It does ask for the right to read the file itself, and since QEMU's own
 * words name the descriptor, we look first.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/vmm/host_sock.h"
#include "engine/vmm/qemu_argv.h"
#include "engine/vmm/qemu_priv.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

#define OUTPUT_KEEP     8192u /* bytes of QEMU's own complaints */
#define OUTPUT_LINE_MAX 512u

/* Descriptors that only live for the launch. */
struct launch {
	struct spawn_fd fds[SPAWN_FDS_MAX];
	size_t n_fds;
	int owned[SPAWN_FDS_MAX + 1]; /* to be closed at the end */
	size_t n_owned;
	int output_rd;
	int early_fd, console_fd, qmp_fd; /* our connected ends */
};

static void launch_done(struct launch *l)
{
	for (size_t i = 0; i < l->n_owned; i++)
		close(l->owned[i]);
	close_fd(&l->output_rd);
	close_fd(&l->early_fd);
	close_fd(&l->console_fd);
	close_fd(&l->qmp_fd);
}

static int listen_for(struct qemu *q, struct launch *l, const char *name, int to, struct err *err)
{
	int fd = host_sock_listen(q->vm->vm_dir, name, err);

	if (fd < 0)
		return -1;
	l->owned[l->n_owned++] = fd;
	l->fds[l->n_fds++] = (struct spawn_fd){ fd, to };
	return 0;
}

static void lend(struct launch *l, int fd, int to)
{
	l->fds[l->n_fds++] = (struct spawn_fd){ fd, to };
}

static int make_early_console(struct launch *l, struct err *err)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return err_sys(err, errno, "make socket for the early console");
	l->early_fd = sv[0];
	l->owned[l->n_owned++] = sv[1];
	lend(l, sv[1], QEMU_FD_EARLY);
	return 0;
}

static int make_sockets(struct qemu *q, struct launch *l, struct err *err)
{
	const struct vm_config *vm = q->vm;

	if (listen_for(q, l, "qmp.sock", QEMU_FD_QMP, err) < 0 ||
	    listen_for(q, l, "console.sock", QEMU_FD_CONSOLE, err) < 0)
		return -1;
	if (vm->channel == VM_CHANNEL_SERIAL &&
	    listen_for(q, l, "kata.sock", QEMU_FD_AGENT, err) < 0)
		return -1;
	if (vm->has_debug_port && listen_for(q, l, "debug.sock", QEMU_FD_DEBUG, err) < 0)
		return -1;
	if (*vm->extra_monitor && listen_for(q, l, "extra-monitor.sock", QEMU_FD_MONITOR, err) < 0)
		return -1;
	if (!vm->legacy_serial && make_early_console(l, err) < 0)
		return -1;
	l->qmp_fd = host_sock_connect(vm->vm_dir, "qmp.sock", err);
	if (l->qmp_fd < 0)
		return -1;
	l->console_fd = host_sock_connect(vm->vm_dir, "console.sock", err);
	return l->console_fd < 0 ? -1 : 0;
}

static int take_places(const struct vm_config *vm, struct launch *l, const struct vmm_place *place,
		       struct err *err)
{
	if (vm->channel == VM_CHANNEL_VSOCK) {
		if (place->vsock_fd < 0)
			return err_set(err, ERR_INVALID, "vsock: no descriptor given");
		lend(l, place->vsock_fd, QEMU_FD_VSOCK);
	}
	if (vm->share == VM_SHARE_VIRTIOFS) {
		if (place->fs_fd < 0)
			return err_set(err, ERR_INVALID, "virtio-fs: no descriptor given");
		lend(l, place->fs_fd, QEMU_FD_FS);
	}
	return 0;
}

/* More than the mode may let somebody read it. */
static bool has_acl(int fd)
{
	return fgetxattr(fd, "system.posix_acl_access", NULL, 0) > 0;
}

struct file {
	const char *what;
	const char *path; /* NULL or "": there is none */
	int to;
};

static int lend_file(const struct vm_user *user, struct launch *l, const struct file *file,
		     struct err *err)
{
	struct stat st;
	int fd;

	if (!file->path || !*file->path)
		return 0;
	fd = open(file->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "open %s '%s'", file->what, file->path);
	l->owned[l->n_owned++] = fd;
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat %s '%s'", file->what, file->path);
	if (!vm_user_may_read(user, &st) && !has_acl(fd))
		return err_set(err, ERR_DENIED,
			       "%s '%s': mode %04o does not let QEMU's user, %u, read it",
			       file->what, file->path, (unsigned int)st.st_mode & 07777u,
			       (unsigned int)user->uid);
	lend(l, fd, file->to);
	return 0;
}

static int lend_files(const struct vm_config *vm, struct launch *l, struct err *err)
{
	const struct file files[] = {
		{ "kernel", vm->kernel, QEMU_FD_KERNEL },
		{ "initrd", vm->initrd, QEMU_FD_INITRD },
		{ "image", vm->image, QEMU_FD_IMAGE },
		{ "firmware", vm->firmware, QEMU_FD_FIRMWARE },
	};

	for (size_t i = 0; vm->user.own && i < ARRAY_LEN(files); i++)
		if (lend_file(&vm->user, l, &files[i], err) < 0)
			return -1;
	return 0;
}

static int make_output(struct launch *l, struct err *err)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make pipe for QEMU's output");
	l->output_rd = p[0];
	l->owned[l->n_owned++] = p[1];
	return p[1];
}

static int start_process(struct qemu *q, struct launch *l, const struct vmm_place *place,
			 struct err *err)
{
	scoped_strv char **argv = qemu_argv(q->vm);
	const struct vm_user *user = &q->vm->user;
	struct spawn s = SPAWN_INIT;
	int out = make_output(l, err);

	if (out < 0)
		return -1;
	s.argv = argv;
	s.stdout_fd = s.stderr_fd = out;
	s.fds = l->fds;
	s.n_fds = l->n_fds;
	s.netns_fd = place->netns_fd;
	s.cgroup_fds = place->cgroup_fds;
	s.n_cgroup_fds = place->n_cgroup_fds;
	s.cgroup_dir_fd = place->cgroup_dir_fd;
	s.death_signal = SIGKILL;
	s.new_session = true;
	s.drop_user = user->own;
	s.uid = user->uid;
	s.gid = user->gid;
	s.groups = &user->kvm_gid;
	s.n_groups = user->kvm_gid ? 1 : 0;
	return child_start(&q->child, q->base, &s, qemu_on_child_exit, q, err);
}

/* For people and for tools that look there; the pid in memory is the one that counts. */
static void write_pid(const struct qemu *q)
{
	scoped_free char *path = xasprintf("%s/pid", q->vm->vm_dir);
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (int)q->child.pid);
	struct err ignored = ERR_INIT;

	(void)file_replace(path, text, (size_t)n, 0600, &ignored);
}

static void watch(struct qemu *q, struct launch *l)
{
	const struct qmp_events on_qmp = { qemu_on_qmp_event, qemu_on_qmp_closed };
	const struct tail_limits console = { VMM_CONSOLE_KEEP, VMM_CONSOLE_LINE_MAX };
	const struct tail_limits output = { OUTPUT_KEEP, OUTPUT_LINE_MAX };

	q->qmp = qmp_new(q->base, take_fd(&l->qmp_fd), &on_qmp, q);
	if (l->early_fd >= 0)
		q->early = tail_new(q->base, take_fd(&l->early_fd), console, qemu_on_console_line, q);
	q->console = tail_new(q->base, take_fd(&l->console_fd), console, qemu_on_console_line, q);
	q->output = tail_new(q->base, take_fd(&l->output_rd), output, NULL, NULL);
}

static int launch(struct qemu *q, struct launch *l, const struct vmm_place *place, struct err *err)
{
	/* virtiofsd's socket may have made it already. */
	if (dir_make(q->vm->vm_dir, 0700, err) < 0)
		return -1;
	q->has_dir = true;
	if (take_places(q->vm, l, place, err) < 0 || lend_files(q->vm, l, err) < 0 ||
	    make_sockets(q, l, err) < 0 || start_process(q, l, place, err) < 0)
		return -1;
	write_pid(q);
	watch(q, l);
	return 0;
}

int qemu_launch(struct qemu *q, const struct vmm_place *place, struct err *err)
{
	struct launch l = { .output_rd = -1, .early_fd = -1, .console_fd = -1, .qmp_fd = -1 };
	struct err ignored = ERR_INIT;
	int r = launch(q, &l, place, err);

	launch_done(&l);
	if (r < 0) {
		qemu_remove_dir(q, &ignored);
		return err_wrap(err, "start QEMU");
	}
	return 0;
}

void qemu_remove_dir(struct qemu *q, struct err *err)
{
	if (q->has_dir && dir_remove(q->vm->vm_dir, err) == 0)
		q->has_dir = false;
}
