/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundles.c - notice when a container's bundle has been removed
 *
 * One inotify descriptor for all. What it tells is not read: any news means to look again, once it
 * has been quiet for BUNDLE_GRACE_MS.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "proxy/proxy.h"

#define BUNDLE_GRACE_MS 1000 /* a client that removes it first and deletes next is let finish */

struct bundle {
	struct list node;
	char *id, *path;
};

struct bundles {
	struct list list;
	int fd; /* inotify; -1: not to be had */
	struct event *news, *look;
	bundle_gone *gone;
	void *arg;
};

static void bundle_free(struct bundle *b)
{
	list_remove(&b->node);
	free(b->id);
	free(b->path);
	free(b);
}

static void look_soon(struct bundles *bundles)
{
	const struct timeval grace = { .tv_sec = BUNDLE_GRACE_MS / 1000,
				       .tv_usec = BUNDLE_GRACE_MS % 1000 * 1000 };

	evtimer_add(bundles->look, &grace);
}

static void on_news(evutil_socket_t fd, short what, void *arg)
{
	char buf[4096];

	(void)what;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	look_soon(arg);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct bundles *bundles = arg;
	struct stat st;

	(void)fd, (void)what;
	list_for_each_safe(&bundles->list, struct bundle, node, b) {
		if (lstat(b->path, &st) == 0 || errno != ENOENT)
			continue;
		bundles->gone(bundles->arg, b->id);
		bundle_free(b);
	}
}

struct bundles *bundles_new(struct event_base *base, bundle_gone *gone, void *arg)
{
	struct bundles *bundles = xnew(struct bundles);

	*bundles = (struct bundles){ .gone = gone, .arg = arg };
	list_init(&bundles->list);
	bundles->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	bundles->look = evtimer_new(base, on_look, bundles);
	if (bundles->fd >= 0) {
		bundles->news =
			event_new(base, bundles->fd, EV_READ | EV_PERSIST, on_news, bundles);
		event_add(bundles->news, NULL);
	}
	return bundles;
}

void bundles_watch(struct bundles *bundles, const char *id, const char *path)
{
	struct bundle *b = xnew(struct bundle);

	b->id = xstrdup(id);
	b->path = xstrdup(path);
	list_add(&bundles->list, &b->node);
	if (inotify_add_watch(bundles->fd, path,
			      IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR) < 0)
		look_soon(bundles); /* gone already */
}

void bundles_free(struct bundles *bundles)
{
	list_for_each_safe(&bundles->list, struct bundle, node, b)
		bundle_free(b);
	if (bundles->news)
		event_free(bundles->news);
	event_free(bundles->look);
	close_fd(&bundles->fd);
	free(bundles);
}
