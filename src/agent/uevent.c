/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/uevent.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

#define BATCH      32        /* messages in one turn of the loop */
#define QUEUE_SIZE (1 << 20) /* bytes; hot-plug of many devices comes at once */

struct uevents {
	int fd;
	struct event readable;
	struct list watches;
};

static const char *value_of(const char *pair, size_t len, const char *key)
{
	size_t key_len = strlen(key);

	return len > key_len && memcmp(pair, key, key_len) == 0 && pair[key_len] == '='
		       ? pair + key_len + 1
		       : NULL;
}

int uevent_parse(const char *text, size_t len, struct uevent *ret, struct err *err)
{
	struct uevent event = { "", "", "", "", "" };
	const struct {
		const char *key;
		const char **value;
	} keys[] = {
		{ "ACTION", &event.action },       { "DEVPATH", &event.devpath },
		{ "SUBSYSTEM", &event.subsystem }, { "DEVNAME", &event.devname },
		{ "MODALIAS", &event.modalias },
	};
	const char *head_end = memchr(text, '\0', len);

	if (!head_end || !memchr(text, '@', (size_t)(head_end - text)))
		return err_set(err, ERR_INVALID, "no kernel event");
	for (const char *at = head_end + 1; at < text + len;) {
		const char *end = memchr(at, '\0', (size_t)(text + len - at));

		if (!end)
			return err_set(err, ERR_INVALID, "kernel event cut short");
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			const char *value = value_of(at, (size_t)(end - at), keys[i].key);

			if (value)
				*keys[i].value = value;
		}
		at = end + 1;
	}
	if (!*event.action || !*event.devpath)
		return err_set(err, ERR_INVALID, "kernel event without action or path");
	*ret = event;
	return 0;
}

static void tell(struct uevents *u, const struct uevent *event)
{
	list_for_each_safe(&u->watches, struct uevent_watch, node, w)
		w->fn(w->arg, event);
}

/* False when there is nothing more to read. */
static bool read_one(struct uevents *u)
{
	char text[UEVENT_MAX];
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	struct err ignored = ERR_INIT; /* somebody else's message */
	struct uevent event;
	ssize_t n = recvmsg(u->fd, &msg, MSG_DONTWAIT);

	if (n < 0)
		return errno == EINTR || errno == ENOBUFS;
	if (from.nl_pid != 0 || (msg.msg_flags & MSG_TRUNC))
		return true;
	if (uevent_parse(text, (size_t)n, &event, &ignored) == 0)
		tell(u, &event);
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	for (int i = 0; i < BATCH; i++)
		if (!read_one(arg))
			return;
}

struct uevents *uevents_new(struct event_base *base, struct err *err)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	const int size = QUEUE_SIZE;
	scoped_fd int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	struct uevents *u;

	if (fd < 0)
		return err_sys(err, errno, "open socket of kernel events"), NULL;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)); /* a wish */
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_sys(err, errno, "listen to kernel events"), NULL;
	u = xnew(struct uevents);
	u->fd = take_fd(&fd);
	list_init(&u->watches);
	event_assign(&u->readable, base, u->fd, EV_READ | EV_PERSIST, on_readable, u);
	event_add(&u->readable, NULL);
	return u;
}

void uevents_free(struct uevents *u)
{
	if (!u)
		return;
	event_del(&u->readable);
	close_fd(&u->fd);
	list_for_each_safe(&u->watches, struct uevent_watch, node, w)
		list_remove(&w->node);
	free(u);
}

void uevents_add(struct uevents *u, struct uevent_watch *watch)
{
	list_add(&u->watches, &watch->node);
}

void uevents_remove(struct uevent_watch *watch)
{
	if (watch->node.next)
		list_remove(&watch->node);
}
