/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/init.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define FILES_MAX    1048576 /* open files; as Kata's agent */
#define CGROUPS_MAX  65536   /* bytes of /proc/cgroups */
#define HOSTNAME_LEN 64

static const struct {
	const char *source, *target, *type, *options;
	unsigned long flags;
} mounts[] = {
	{ "proc", "/proc", "proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "sysfs", "/sys", "sysfs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "dev", "/dev", "devtmpfs", "mode=0755", MS_NOSUID },
	{ "devpts", "/dev/pts", "devpts", "gid=5,mode=0620,ptmxmode=0666", MS_NOSUID | MS_NOEXEC },
	{ "shm", "/dev/shm", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV },
	{ "run", "/run", "tmpfs", "mode=0755", MS_NOSUID | MS_NODEV },
	{ "tmp", "/tmp", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV },
};

static const struct {
	const char *target, *link;
} links[] = {
	{ "/proc/self/fd", "/dev/fd" },
	{ "/proc/self/fd/0", "/dev/stdin" },
	{ "/proc/self/fd/1", "/dev/stdout" },
	{ "/proc/self/fd/2", "/dev/stderr" },
	{ "/run", "/var/run" },
};

static int mount_at(const char *source, const char *target, const char *type, unsigned long flags,
		    const char *options, struct err *err)
{
	if (mkdir(target, 0755) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make directory '%s'", target);
	if (mount(source, target, type, flags, options) < 0 && errno != EBUSY)
		return err_sys(err, errno, "mount %s on '%s'", type, target);
	return 0;
}

/* See init.h; with a disk image the root is a mount that can be left already. */
static int cover_initramfs(struct err *err)
{
	if (mkdir("/.root", 0700) < 0)
		return 0; /* read-only: a disk image */
	if (mount("/", "/.root", NULL, MS_BIND, NULL) < 0 || chdir("/.root") < 0 ||
	    mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_sys(err, errno, "make the root a mount of its own");
	(void)rmdir("/.root"); /* an empty directory more harms nobody */
	return 0;
}

int init_mounts(struct err *err)
{
	if (cover_initramfs(err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(mounts); i++)
		if (mount_at(mounts[i].source, mounts[i].target, mounts[i].type, mounts[i].flags,
			     mounts[i].options, err) < 0)
			return -1;
	(void)mkdir("/var", 0755); /* may be there */
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (symlink(links[i].target, links[i].link) < 0 && errno != EEXIST &&
		    errno != EROFS)
			return err_sys(err, errno, "link '%s'", links[i].link);
	return 0;
}

/* One controller of /proc/cgroups: "name hierarchy groups enabled". */
static int mount_controller(const char *line, struct err *err)
{
	char name[32];
	char path[64];
	int enabled = 0;

	if (sscanf(line, "%31s %*d %*d %d", name, &enabled) != 2 || *name == '#' || !enabled)
		return 0;
	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", name);
	return mount_at("cgroup", path, "cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, name, err);
}

static int mount_cgroup_v1(struct err *err)
{
	scoped_free char *text = NULL;
	char *save = NULL;

	if (mount_at("cgroup", "/sys/fs/cgroup", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		     "mode=0755", err) < 0 ||
	    file_read("/proc/cgroups", CGROUPS_MAX, &text, NULL, err) < 0)
		return -1;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct err failed = ERR_INIT;

		/* cgroup_no_v1= takes single controllers away; the others are still of use */
		if (mount_controller(line, &failed) < 0)
			log_warn("cgroup controller not mounted, going on", "reason", failed.text);
	}
	return 0;
}

int init_cgroups(bool v1, struct err *err)
{
	if (v1)
		return mount_cgroup_v1(err);
	return mount_at("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC,
			NULL, err);
}

static void set_hostname(void)
{
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT; /* no such file: the default */
	const char *name = "localhost";

	if (file_read("/etc/hostname", 4096, &text, NULL, &ignored) == 0) {
		text[strcspn(text, "\n")] = '\0';
		if (*text && strlen(text) <= HOSTNAME_LEN)
			name = text;
	}
	if (sethostname(name, strlen(name)) < 0)
		log_warn("hostname not set, going on", "reason", strerror(errno));
}

static void raise_loopback(void)
{
	struct ifreq req = { .ifr_name = "lo" };
	scoped_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &req) < 0) {
		log_warn("loopback interface not found, going on", "reason", strerror(errno));
		return;
	}
	req.ifr_flags = (short)(req.ifr_flags | IFF_UP);
	if (ioctl(fd, SIOCSIFFLAGS, &req) < 0)
		log_warn("loopback interface not up, going on", "reason", strerror(errno));
}

static void set_limits(void)
{
	const struct rlimit files = { .rlim_cur = FILES_MAX, .rlim_max = FILES_MAX };

	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		log_warn("limit of open files not raised, going on", "reason", strerror(errno));
}

void init_settings(void)
{
	/* Ctrl-Alt-Del in the VM is a signal to us, which we ignore, instead of a reset. */
	(void)reboot(RB_DISABLE_CAD);
	set_hostname();
	raise_loopback();
	set_limits();
}

int init_console(void)
{
	return open("/dev/console", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void init_power_off(void)
{
	sync();
	(void)reboot(RB_POWER_OFF);
	/* A VM without power management stays; the supervisor ends it. */
	for (;;)
		pause();
}
