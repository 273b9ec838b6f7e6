/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/view.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"

/* --- there and back --- */

struct place {
	int ns, root, cwd;
};

static void leave_place(struct place *p)
{
	close_fd(&p->ns);
	close_fd(&p->root);
	close_fd(&p->cwd);
}

static int remember_place(struct place *p, struct err *err)
{
	p->ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	p->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	p->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->ns >= 0 && p->root >= 0 && p->cwd >= 0)
		return 0;
	(void)err_sys(err, errno, "remember mount namespace");
	leave_place(p);
	return -1;
}

static void go_back(const struct place *p)
{
	if (setns(p->ns, CLONE_NEWNS) < 0 || fchdir(p->root) < 0 || chroot(".") < 0 ||
	    fchdir(p->cwd) < 0)
		abort(); /* nothing that we do next would be where it belongs */
}

/* --- what is in it --- */

static bool is_bind(const Grpc__Mount *m)
{
	bool bind = strcmp(m->type, "bind") == 0;

	for (size_t i = 0; i < m->n_options; i++)
		bind = bind || strcmp(m->options[i], "bind") == 0 ||
		       strcmp(m->options[i], "rbind") == 0;
	return bind;
}

static bool is_read_only(const Grpc__Mount *m)
{
	bool read_only = false;

	for (size_t i = 0; i < m->n_options; i++)
		read_only = read_only || strcmp(m->options[i], "ro") == 0 ||
			    strcmp(m->options[i], "rro") == 0;
	return read_only;
}

/* Only what the container gets from the host as it is: see engine/resource/volume.h. */
static bool is_from_host(const Grpc__Mount *m)
{
	struct stat st;

	return is_bind(m) && strcmp(m->destination, "/dev/shm") != 0 && stat(m->source, &st) == 0 &&
	       (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode));
}

static int mount_empty(const char *target)
{
	return mount("kata", target, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		     "mode=555,size=4k");
}

/* The magic link leads to the directory as it was opened: the bind's change is made through its path. */
static void show_read_only(int root_fd, const Grpc__Mount *m)
{
	struct err ignored = ERR_INIT;
	scoped_fd int fd = open_in_root(root_fd, m->destination, O_PATH | O_CLOEXEC, 0, &ignored);
	char target[32];

	(void)snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	if (fd >= 0)
		(void)mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
}

/*
 * A place that is not there, or that lies in one that the guest makes, is passed over: what is
 * looked for there is not found, which is the truth about this host.
 */
static void show_mount(int root_fd, const Grpc__Mount *m)
{
	struct err ignored = ERR_INIT;
	scoped_fd int fd = open_in_root(root_fd, m->destination, O_PATH | O_CLOEXEC, 0, &ignored);
	char target[32];

	if (fd < 0)
		return;
	(void)snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	if (!is_from_host(m))
		(void)mount_empty(target);
	else if (mount(m->source, target, NULL, MS_BIND | MS_REC, NULL) == 0 && is_read_only(m))
		show_read_only(root_fd, m);
}

/* Nothing of this reaches the host's namespace. */
static int place_root(const char *rootfs, const char **ret, struct err *err)
{
	struct stat st;
	bool is_dir = stat(rootfs, &st) == 0 && S_ISDIR(st.st_mode);
	const char *where = is_dir ? rootfs : CLI_SBS_DIR;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, errno, "make mounts private");
	if (is_dir ? mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL) < 0 : mount_empty(where) < 0)
		return err_sys(err, errno, "mount '%s'", rootfs);
	*ret = where;
	return 0;
}

/* As pivot_root(2) shows it: the old root ends up on top of the new one and is taken off. */
static int leave_host(int root_fd, struct err *err)
{
	if (fchdir(root_fd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0)
		return err_sys(err, errno, "leave the host's root");
	return 0;
}

static int fill(const char *rootfs, const Grpc__Spec *spec, struct err *err)
{
	scoped_fd int root_fd = -1;
	const char *where;

	if (place_root(rootfs, &where, err) < 0)
		return -1;
	root_fd = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return err_sys(err, errno, "open '%s'", where);
	if (spec->root->readonly && mount(NULL, where, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		return err_sys(err, errno, "make '%s' read only", where);
	for (size_t i = 0; i < spec->n_mounts; i++)
		show_mount(root_fd, spec->mounts[i]);
	return leave_host(root_fd, err);
}

int view_make(const char *rootfs, const Grpc__Spec *spec, struct err *err)
{
	scoped_fd int ns = -1;
	struct place here;
	int r = 0;

	if (remember_place(&here, err) < 0)
		return -1;
	if (unshare(CLONE_NEWNS) < 0) {
		(void)err_sys(err, errno, "make mount namespace");
		leave_place(&here);
		return -1;
	}
	/* While there is a /proc. */
	ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		r = err_sys(err, errno, "open mount namespace");
	if (r == 0)
		r = fill(rootfs, spec, err);
	go_back(&here);
	leave_place(&here);
	return r < 0 ? err_wrap(err, "show root file system") : take_fd(&ns);
}
