/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/view.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/cli.h"
#include "engine/resource/volume.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mount.h"

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

/* A device node that the guest made would open a device of the host. */
static uint64_t attributes(bool read_only)
{
	return MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | (read_only ? MOUNT_ATTR_RDONLY : 0);
}

static int mount_empty(const char *target)
{
	return mount("kata", target, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		     "mode=555,size=4k");
}

/* What the host has for this mount as it is; NULL: nothing. */
static const struct volume *find_volume(const struct volumes *volumes, size_t mount)
{
	for (size_t i = 0; i < volumes->n; i++)
		if (volumes->list[i].mount == mount)
			return volumes->list[i].host_path && !volumes->list[i].overlay
				       ? &volumes->list[i]
				       : NULL;
	return NULL;
}

static int show_volume(int target_fd, const struct volume *v, struct err *err)
{
	scoped_fd int tree =
		mount_clone(v->host_path, attributes(v->read_only), v->recursive, NULL, err);

	return tree < 0 ? -1 : mount_attach(tree, target_fd, err);
}

/*
 * A place that is not there, or that lies in one that the guest makes, is passed over: what is
 * looked for there is not found, which is the truth about this host.
 */
static int show_mount(int root_fd, const char *destination, const struct volume *v, struct err *err)
{
	struct err ignored = ERR_INIT;
	scoped_fd int fd = open_in_root(root_fd, destination, O_PATH | O_CLOEXEC, 0, &ignored);
	char target[32];

	if (fd < 0)
		return 0;
	if (v)
		return show_volume(fd, v, err) < 0 ? err_wrap(err, "mount on '%s'", destination)
						   : 0;
	/* On a file it fails: a device, of which there is nothing to show. */
	(void)snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	(void)mount_empty(target);
	return 0;
}

static int show_mounts(int root_fd, const Grpc__Spec *spec, struct err *err)
{
	struct volumes volumes;
	int r = 0;

	if (volumes_plan(spec, "view", "", volume_facts_of_host, NULL, &volumes, err) < 0)
		return -1;
	for (size_t i = 0; i < spec->n_mounts && r == 0; i++)
		r = show_mount(root_fd, spec->mounts[i]->destination, find_volume(&volumes, i),
			       err);
	volumes_done(&volumes);
	return r;
}

/* Nothing of this reaches the host's namespace. Returns a descriptor of the new root. */
static int place_root(const char *rootfs, bool read_only, struct err *err)
{
	scoped_fd int tree = -1, place = -1;
	struct stat st;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, errno, "make mounts private");
	if (stat(rootfs, &st) < 0 || !S_ISDIR(st.st_mode)) {
		if (mount_empty(CLI_SBS_DIR) < 0)
			return err_sys(err, errno, "mount on '%s'", CLI_SBS_DIR);
		tree = open(CLI_SBS_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return tree < 0 ? err_sys(err, errno, "open '%s'", CLI_SBS_DIR) : take_fd(&tree);
	}
	place = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place < 0)
		return err_sys(err, errno, "open '%s'", rootfs);
	tree = mount_clone(rootfs, attributes(read_only), true, NULL, err);
	return tree < 0 || mount_attach(tree, place, err) < 0 ? -1 : take_fd(&tree);
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
	scoped_fd int root_fd = place_root(rootfs, spec->root->readonly, err);

	if (root_fd < 0 || show_mounts(root_fd, spec, err) < 0)
		return -1;
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
