/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/channel.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/uevent.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ttrpc/client.h"
#include "lib/ttrpc/server.h"

#define VSOCK_MODALIAS "virtio:d00000013" /* VIRTIO_ID_VSOCK, 19 */
#define PORTS_DIR      "/sys/class/virtio-ports"
#define NAME_MAX_LEN   256

struct channel {
	struct ttrpc_server *server; /* borrowed */
	struct uevent_watch watch;
	struct event deadline;
	channel_ready *ready;
	void *arg;
};

bool channel_has_vsock(void)
{
	DIR *dir = opendir("/sys/bus/virtio/devices");
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		scoped_free char *file = xasprintf("%s/modalias", entry->d_name);
		scoped_free char *alias = NULL;
		struct err ignored = ERR_INIT; /* "." and "..", unplugged devices */

		found = file_read_at(dirfd(dir), file, NAME_MAX_LEN, &alias, NULL, &ignored) == 0 &&
			str_starts(alias, VSOCK_MODALIAS);
	}
	if (dir)
		closedir(dir);
	return found;
}

char *channel_find_port(const char *name)
{
	DIR *dir = opendir(PORTS_DIR);
	struct dirent *entry;
	char *found = NULL;

	while (dir && !found && (entry = readdir(dir))) {
		scoped_free char *file = xasprintf("%s/name", entry->d_name);
		scoped_free char *text = NULL;
		struct err ignored = ERR_INIT; /* a port whose name did not arrive yet */

		if (file_read_at(dirfd(dir), file, NAME_MAX_LEN, &text, NULL, &ignored) < 0)
			continue;
		text[strcspn(text, "\n")] = '\0';
		if (strcmp(text, name) == 0)
			found = xasprintf("/dev/%s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

int channel_listen_vsock(uint32_t port, struct err *err)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
		.svm_port = port,
	};
	scoped_fd int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_sys(err, errno, "open vsock socket");
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 16) < 0)
		return err_sys(err, errno, "listen on vsock port %u", port);
	return take_fd(&fd);
}

/* "vsock://-1:1024": the CID is ours whatever is written. */
static int listen_vsock_address(const char *rest, struct err *err)
{
	const char *colon = strrchr(rest, ':');
	unsigned long long port;

	if (!colon || !parse_u64(colon + 1, UINT32_MAX, &port))
		return err_set(err, ERR_INVALID, "address 'vsock://%s' names no port", rest);
	return channel_listen_vsock((uint32_t)port, err);
}

static int listen_address(struct ttrpc_server *server, const char *address, struct err *err)
{
	int fd;

	if (str_starts(address, "vsock://"))
		fd = listen_vsock_address(address + strlen("vsock://"), err);
	else if (str_starts(address, "unix://"))
		fd = unix_listen(address + strlen("unix://"), err);
	else
		return err_set(err, ERR_INVALID, "address '%s' is neither vsock:// nor unix://",
			       address);
	if (fd < 0)
		return -1;
	return ttrpc_server_listen(server, fd, err);
}

/* 1: serving; 0: the port is not there yet. */
static int serve_port(struct channel *c, struct err *err)
{
	scoped_free char *path = channel_find_port(CHANNEL_PORT_NAME);
	int fd;

	if (!path)
		return 0;
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_sys(err, errno, "open serial port '%s'", path);
	if (ttrpc_server_serve_port(c->server, fd, NULL, NULL, err) < 0)
		return -1;
	return 1;
}

static void finish(struct channel *c, const struct err *err)
{
	uevents_remove(&c->watch);
	event_del(&c->deadline);
	c->ready(c->arg, err);
}

static void on_uevent(void *arg, const struct uevent *event)
{
	struct channel *c = arg;
	struct err err = ERR_INIT;
	int r;

	if (strcmp(event->subsystem, "virtio-ports") != 0)
		return;
	r = serve_port(c, &err);
	if (r != 0)
		finish(c, r < 0 ? &err : NULL);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct err err = ERR_INIT;

	(void)fd;
	(void)what;
	err_set(&err, ERR_TIMEOUT, "wait for serial port '%s': not there after %d ms",
		CHANNEL_PORT_NAME, CHANNEL_WAIT_MS);
	finish(arg, &err);
}

static int wait_for_port(struct channel *c, struct uevents *uevents, struct err *err)
{
	const struct timeval limit = { .tv_sec = CHANNEL_WAIT_MS / 1000 };
	int r;

	/* Watch first, look then: a port that comes in between is seen by one of the two. */
	c->watch = (struct uevent_watch){ .fn = on_uevent, .arg = c };
	uevents_add(uevents, &c->watch);
	r = serve_port(c, err);
	if (r == 0)
		event_add(&c->deadline, &limit);
	return r;
}

struct channel *channel_open(struct event_base *base, struct ttrpc_server *server,
			     struct uevents *uevents, const char *address, channel_ready *ready,
			     void *arg)
{
	struct channel *c = xnew(struct channel);
	struct err err = ERR_INIT;
	int r = 1;

	*c = (struct channel){ .server = server, .ready = ready, .arg = arg };
	event_assign(&c->deadline, base, -1, 0, on_deadline, c);
	if (address && *address) {
		if (listen_address(server, address, &err) < 0)
			r = -1;
	} else if (channel_has_vsock()) {
		int fd = channel_listen_vsock(CHANNEL_VSOCK_PORT, &err);

		if (fd < 0 || ttrpc_server_listen(server, fd, &err) < 0)
			r = -1;
	} else if (uevents) {
		r = wait_for_port(c, uevents, &err);
	} else {
		err_set(&err, ERR_NOT_FOUND,
			"no vsock device, and no kernel events to wait for one");
		r = -1;
	}
	if (r != 0)
		finish(c, r < 0 ? &err : NULL);
	return c;
}

void channel_free(struct channel *channel)
{
	if (!channel)
		return;
	uevents_remove(&channel->watch);
	event_del(&channel->deadline);
	free(channel);
}
