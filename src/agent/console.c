/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/console.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/channel.h"
#include "agent/uevent.h"
#include "lib/base/debug_console.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/base/spawn.h"
#include "lib/log/log.h"

#define RELAY_BYTES 4096 /* in each direction */
#define TURNS_MAX   16   /* buffers moved in one turn of the loop */

/* One direction: bytes of `from` that `to` has not taken yet. */
struct relay {
	struct session *session;
	int from, to;
	struct event readable, writable;
	char data[RELAY_BYTES];
	size_t at, len;
};

struct session {
	struct list node;
	struct console *console;
	int peer_fd;   /* a connection (owned), or the console's port */
	int master_fd; /* owned */
	struct relay in, out;
};

struct console {
	struct agent *agent;
	int listen_fd; /* -1: a port */
	int port_fd;   /* -1: not there yet, or vsock */
	struct event ready;
	struct uevent_watch watch;
	struct list sessions;
	size_t n_sessions;
};

static void end_session(struct session *s)
{
	struct console *c = s->console;

	event_del(&s->in.readable);
	event_del(&s->in.writable);
	event_del(&s->out.readable);
	event_del(&s->out.writable);
	list_remove(&s->node);
	c->n_sessions--;
	close_fd(&s->master_fd); /* hangs the shell up; the reaper takes it as an orphan */
	if (s->peer_fd != c->port_fd)
		close_fd(&s->peer_fd);
	free(s);
}

/* Of the port only: a connection ends with its shell. Nobody may be there any more, or be slow. */
static void tell_end(const struct session *s)
{
	if (s->peer_fd == s->console->port_fd)
		(void)!write(s->peer_fd, DEBUG_CONSOLE_END, strlen(DEBUG_CONSOLE_END));
}

static bool is_again(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* False when the session is over. */
static bool move_bytes(struct relay *r)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		ssize_t n;

		if (r->at == r->len) {
			n = read(r->from, r->data, sizeof(r->data));
			if (is_again(n)) {
				event_add(&r->readable, NULL);
				return true;
			}
			if (n <= 0)
				return false;
			r->at = 0;
			r->len = (size_t)n;
		}
		n = write(r->to, r->data + r->at, r->len - r->at);
		if (is_again(n)) {
			event_add(&r->writable, NULL);
			return true;
		}
		if (n < 0)
			return false;
		r->at += (size_t)n;
	}
	event_active(&r->readable, EV_READ, 1);
	return true;
}

static void on_relay(evutil_socket_t fd, short what, void *arg)
{
	struct relay *r = arg;

	(void)fd;
	(void)what;
	if (move_bytes(r))
		return;
	tell_end(r->session);
	end_session(r->session);
}

static void init_relay(struct relay *r, struct session *s, int from, int to)
{
	struct event_base *base = s->console->agent->base;
	short port_edges =
		from == s->console->port_fd ? EV_ET : 0; /* as on_port(), on the same file */

	*r = (struct relay){ .session = s, .from = from, .to = to };
	event_assign(&r->readable, base, from, (short)(EV_READ | port_edges), on_relay, r);
	port_edges = to == s->console->port_fd ? EV_ET : 0;
	event_assign(&r->writable, base, to, (short)(EV_WRITE | port_edges), on_relay, r);
	event_active(&r->readable, EV_READ, 1);
}

/*
 * The first shell opens the terminal by name as leader of its session, which makes it the
 * controlling one, and becomes the second.
 */
static int start_shell(const char *terminal, struct err *err)
{
	static char sh[] = "/bin/sh", option[] = "-c";
	static char script[] =
		"echo 0 >/proc/self/oom_score_adj; exec <\"$0\" >\"$0\" 2>&1; [ -x /bin/bash ] && exec /bin/bash -i; "
		"exec /bin/sh -i";
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	static char term[] = "TERM=linux", home[] = "HOME=/", prompt[] = "PS1=guest:\\w# ";
	scoped_free char *name = xstrdup(terminal);
	char *argv[] = { sh, option, script, name, NULL };
	char *envp[] = { path, term, home, prompt, NULL };
	struct spawn s = SPAWN_INIT;

	s.argv = argv;
	s.envp = envp;
	s.new_session = true;
	return spawn(&s, NULL, NULL, err);
}

static int open_terminal(char *name, size_t size, struct err *err)
{
	scoped_fd int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || unlockpt(fd) < 0 || ptsname_r(fd, name, size) != 0)
		return err_sys(err, errno, "make terminal");
	return take_fd(&fd);
}

static int start_session(struct console *c, int peer_fd, struct err *err)
{
	char name[64];
	scoped_fd int master = -1;
	struct session *s;

	if (c->n_sessions >= CONSOLE_SESSIONS_MAX)
		return err_set(err, ERR_EXHAUSTED, "more than %d debug shells",
			       CONSOLE_SESSIONS_MAX);
	master = open_terminal(name, sizeof(name), err);
	if (master < 0 || start_shell(name, err) < 0)
		return -1;
	s = xnew(struct session);
	s->console = c;
	s->peer_fd = peer_fd;
	s->master_fd = take_fd(&master);
	init_relay(&s->in, s, peer_fd, s->master_fd);
	init_relay(&s->out, s, s->master_fd, peer_fd);
	list_add(&c->sessions, &s->node);
	c->n_sessions++;
	log_info("debug shell started");
	return 0;
}

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
	struct console *c = arg;
	struct err err = ERR_INIT;
	int peer = accept4((int)fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (peer < 0)
		return;
	if (start_session(c, peer, &err) < 0) {
		log_error("debug shell not started", "reason", err.text);
		close(peer);
	}
}

/*
 * A port is "readable" for ever while nobody is at the other end: hence by edges. Somebody who comes
 * makes it writable, which is an edge even when he says nothing.
 */
static void on_port(evutil_socket_t fd, short what, void *arg)
{
	struct console *c = arg;
	struct pollfd state = { .fd = (int)fd, .events = POLLOUT };
	struct err err = ERR_INIT;

	(void)what;
	if (poll(&state, 1, 0) < 0 || (state.revents & POLLHUP)) {
		if (!list_empty(&c->sessions))
			end_session(container_of(c->sessions.next, struct session, node));
		return;
	}
	if (list_empty(&c->sessions) && start_session(c, c->port_fd, &err) < 0)
		log_error("debug shell not started", "reason", err.text);
}

static int open_port(struct console *c, struct err *err)
{
	scoped_free char *path = channel_find_port(DEBUG_CONSOLE_PORT);

	if (!path || c->port_fd >= 0)
		return 0;
	c->port_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (c->port_fd < 0)
		return err_sys(err, errno, "open serial port '%s'", path);
	event_assign(&c->ready, c->agent->base, c->port_fd,
		     EV_READ | EV_WRITE | EV_ET | EV_PERSIST, on_port, c);
	event_add(&c->ready, NULL);
	return 0;
}

static void on_uevent(void *arg, const struct uevent *event)
{
	struct console *c = arg;
	struct err err = ERR_INIT;

	if (strcmp(event->subsystem, "virtio-ports") == 0 && open_port(c, &err) < 0)
		log_error("debug console not opened", "reason", err.text);
}

static int listen_vsock(struct console *c, uint32_t port, struct err *err)
{
	c->listen_fd = channel_listen_vsock(port, err);
	if (c->listen_fd < 0)
		return -1;
	event_assign(&c->ready, c->agent->base, c->listen_fd, EV_READ | EV_PERSIST, on_connection,
		     c);
	event_add(&c->ready, NULL);
	return 0;
}

static int wait_for_port(struct console *c, struct err *err)
{
	if (!c->agent->uevents)
		return err_set(err, ERR_NOT_FOUND, "no kernel events to wait for a port with");
	c->watch = (struct uevent_watch){ .fn = on_uevent, .arg = c };
	uevents_add(c->agent->uevents, &c->watch);
	return open_port(c, err);
}

struct console *console_new(struct agent *agent, struct err *err)
{
	struct console *c = xnew(struct console);
	uint32_t vport = agent->options.debug_console_vport;
	int r;

	*c = (struct console){ .agent = agent, .listen_fd = -1, .port_fd = -1 };
	list_init(&c->sessions);
	r = vport && channel_has_vsock() ? listen_vsock(c, vport, err) : wait_for_port(c, err);
	if (r < 0) {
		console_free(c);
		return NULL;
	}
	return c;
}

void console_free(struct console *console)
{
	if (!console)
		return;
	while (!list_empty(&console->sessions))
		end_session(container_of(console->sessions.next, struct session, node));
	uevents_remove(&console->watch);
	if (console->listen_fd >= 0 || console->port_fd >= 0)
		event_del(&console->ready);
	close_fd(&console->listen_fd);
	close_fd(&console->port_fd);
	free(console);
}
