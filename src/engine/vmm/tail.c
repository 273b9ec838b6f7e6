/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/vmm/tail.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "engine/vmm/text.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

#define READ_MAX 4096u /* bytes a turn of the loop */

struct tail {
	struct event ev;
	int fd;
	bool ended;
	struct tail_limits limits;
	tail_line *line_fn;
	void *arg;
	char *line; /* limits.max_line + 1 bytes */
	size_t line_len;
	char *ring; /* limits.keep bytes; grows to that as it fills */
	size_t ring_size, ring_len, ring_at; /* ring_at: where the next byte goes */
};

static void finish_line(struct tail *tail)
{
	size_t len = tail->line_len;

	while (len > 0 && tail->line[len - 1] == '\r')
		len--;
	tail->line[len] = '\0';
	tail->line_len = 0;
	if (len > 0 && tail->line_fn)
		tail->line_fn(tail->arg, tail->line);
}

static void add_to_line(struct tail *tail, char c)
{
	if (c == '\n') {
		finish_line(tail);
		return;
	}
	tail->line[tail->line_len++] = (char)(c ? c : ' ');
	if (tail->line_len == tail->limits.max_line)
		finish_line(tail);
}

static void grow_ring(struct tail *tail)
{
	size_t wanted = tail->ring_size ? tail->ring_size * 2 : 1024;

	if (tail->ring_len < tail->ring_size || tail->ring_size == tail->limits.keep)
		return;
	tail->ring_size = MIN(wanted, tail->limits.keep);
	tail->ring = xrealloc(tail->ring, tail->ring_size, 1);
	tail->ring_at = tail->ring_len;
}

static void remember(struct tail *tail, char c)
{
	grow_ring(tail);
	if (tail->ring_at == tail->ring_size)
		tail->ring_at = 0;
	tail->ring[tail->ring_at++] = c;
	tail->ring_len = MIN(tail->ring_len + 1, tail->ring_size);
}

/* Returns how much was read, 0 when there is nothing now or nothing more. */
static size_t read_some(struct tail *tail)
{
	char buf[READ_MAX];
	ssize_t n = tail->ended ? 0 : read(tail->fd, buf, sizeof(buf));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		if (!tail->ended && tail->line_len > 0)
			finish_line(tail);
		tail->ended = true;
		event_del(&tail->ev);
		return 0;
	}
	for (ssize_t i = 0; i < n; i++) {
		remember(tail, buf[i]);
		add_to_line(tail, buf[i]);
	}
	return (size_t)n;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	read_some(arg);
}

struct tail *tail_new(struct event_base *base, int fd, struct tail_limits limits, tail_line *line,
		      void *arg)
{
	struct tail *tail = xnew(struct tail);

	*tail = (struct tail){ .fd = fd, .limits = limits, .line_fn = line, .arg = arg };
	tail->line = xcalloc(1, limits.max_line + 1);
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	event_assign(&tail->ev, base, fd, EV_READ | EV_PERSIST, on_readable, tail);
	event_add(&tail->ev, NULL);
	return tail;
}

void tail_free(struct tail *tail)
{
	if (!tail)
		return;
	event_del(&tail->ev);
	close(tail->fd);
	free(tail->line);
	free(tail->ring);
	free(tail);
}

void tail_drain(struct tail *tail)
{
	size_t left = tail ? tail->limits.keep : 0, n;

	while (left > 0 && (n = read_some(tail)) > 0)
		left -= MIN(n, left);
}

char *tail_text(const struct tail *tail)
{
	struct str out = { 0 };
	size_t start;

	if (!tail || tail->ring_len == 0)
		return xstrdup("");
	/* A full ring begins where the next byte would go. */
	start = tail->ring_len < tail->ring_size ? 0 : tail->ring_at;
	text_escape(&out, tail->ring + start, tail->ring_len - start);
	text_escape(&out, tail->ring, start);
	return str_take(&out);
}
