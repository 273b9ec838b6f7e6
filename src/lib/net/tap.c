/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/net/sysfs.h"

#define TUN_DEVICE   "/dev/net/tun"
#define VHOST_DEVICE "/dev/vhost-net"

void tap_close(struct tap *tap)
{
	for (size_t i = 0; i < tap->n_fds; i++)
		close_at(&tap->fds[i]);
	tap->n_fds = 0;
}

/* One queue more. name may be a pattern, and is then what the kernel made of it. */
static int add_queue(struct tap *tap, short flags)
{
	scoped_fd int fd = open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq req = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags) };

	if (fd < 0)
		return -errno;
	memcpy(req.ifr_name, tap->name, sizeof(req.ifr_name));
	if (ioctl(fd, TUNSETIFF, &req) < 0)
		return -errno;
	memcpy(tap->name, req.ifr_name, sizeof(tap->name));
	tap->fds[tap->n_fds++] = take_fd(&fd);
	return 0;
}

static int add_queues(struct tap *tap, size_t n, short flags)
{
	int r = 0;

	while (r == 0 && tap->n_fds < n)
		r = add_queue(tap, flags);
	if (r == 0) {
		tap->index = (int)if_nametoindex(tap->name);
		r = tap->index > 0 ? 0 : -errno;
	}
	if (r < 0)
		tap_close(tap);
	return r;
}

static int check_queues(size_t n, struct err *err)
{
	if (n < 1 || n > TAP_QUEUES_MAX)
		return err_set(err, ERR_INVALID, "open tap: %zu queues, not 1 to %d", n,
			       TAP_QUEUES_MAX);
	return 0;
}

static int set_name(struct tap *tap, const char *name, struct err *err)
{
	if (!name[0] || strlen(name) >= sizeof(tap->name))
		return err_set(err, ERR_INVALID, "open tap '%s': not the name of an interface",
			       name);
	(void)strcpy(tap->name, name);
	return 0;
}

int tap_make(const char *pattern, size_t n_queues, struct tap *ret, struct err *err)
{
	struct tap tap = { .n_fds = 0 };
	int r;

	if (check_queues(n_queues, err) < 0 || set_name(&tap, pattern, err) < 0)
		return -1;
	/* The kernel would attach us to one that is there. */
	if (if_nametoindex(pattern) > 0)
		return err_sys(err, EEXIST, "make tap '%s'", pattern);
	r = add_queues(&tap, n_queues, n_queues > 1 ? IFF_MULTI_QUEUE : 0);
	if (r < 0)
		return err_sys(err, -r, "make tap '%s'", pattern);
	*ret = tap;
	return 0;
}

/* IFF_TAP, IFF_MULTI_QUEUE, IFF_PERSIST and others; 0: it is neither tap nor tun. */
static unsigned long flags_of(const char *name)
{
	scoped_free char *path = xasprintf("class/net/%s/tun_flags", name);
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT;
	scoped_fd int sysfs = netns_sysfs(&ignored);

	if (sysfs < 0 || file_read_at(sysfs, path, 32, &text, NULL, &ignored) < 0)
		return 0;
	return strtoul(text, NULL, 16);
}

int tap_open(const char *name, size_t n_queues, struct tap *ret, struct err *err)
{
	struct tap tap = { .n_fds = 0 };
	unsigned long flags;
	int r;

	if (check_queues(n_queues, err) < 0 || set_name(&tap, name, err) < 0)
		return -1;
	if (if_nametoindex(name) == 0)
		return err_sys(err, errno, "open tap '%s'", name);
	flags = flags_of(name);
	if (!(flags & IFF_TAP))
		return err_set(err, ERR_UNIMPLEMENTED,
			       "open tap '%s': its frames are not Ethernet's (mode tap)", name);
	/* Somebody holds it open, or it would be gone. The kernel would let us in as one queue
	 * more. */
	if (!(flags & IFF_PERSIST))
		return err_sys(err, EBUSY, "open tap '%s'", name);
	if (flags & IFF_MULTI_QUEUE)
		r = add_queues(&tap, n_queues, IFF_MULTI_QUEUE);
	else
		r = add_queues(&tap, 1, 0);
	if (r < 0)
		return err_sys(err, -r, "open tap '%s'", name);
	*ret = tap;
	return 0;
}

int tap_open_vhost(struct err *err)
{
	int fd = open(VHOST_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	/* A node without a driver behind it is as good as none. */
	if (fd < 0 && (errno == ENODEV || errno == ENXIO))
		return err_set(err, ERR_NOT_FOUND, "open '" VHOST_DEVICE "': no such device");
	if (fd < 0)
		return err_sys(err, errno, "open '" VHOST_DEVICE "'");
	return fd;
}
