/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/debug_console.h"

#include <errno.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/management.h"
#include "lib/base/debug_console.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ttrpc/unix.h"

#define CHUNK        4096
#define CONNECT_MS   5000
#define END_OF_FILE  "\x04" /* to a shell on a terminal, that is the key for it */
/*
 * A terminal forgets the key when the mode changes between its coming and its being read, as it
 * does around every command that a shell with line editing runs. So it is pressed again.
 */
#define END_AGAIN_MS 300

struct console {
	int fd;
	bool is_port; /* its end comes in words */
	bool is_tty;  /* our input */
	bool in_over; /* our input has ended */
	char in[CHUNK];
	size_t in_at, in_len;
	size_t end_at;
};

/* --- where --- */

char *debug_console_address(const char *agent_url, uint32_t vport)
{
	const char *slash = strrchr(agent_url, '/');
	unsigned int cid, port;
	int n = 0;

	if (sscanf(agent_url, "vsock://%u:%u%n", &cid, &port, &n) == 2 && agent_url[n] == '\0')
		return xasprintf("vsock://%u:%u", cid, (unsigned int)vport);
	if (!str_starts(agent_url, "unix:///") || slash == agent_url + strlen("unix://"))
		return NULL;
	return xasprintf("%.*s/debug.sock", (int)(slash - agent_url), agent_url);
}

static int not_enabled(struct err *err)
{
	return err_set(
		err, ERR_UNAVAILABLE,
		"it has no debug console; set 'debug_console_enabled = true' in '[agent.kata]' "
		"of the configuration before it is started");
}

static int connect_vsock(unsigned int cid, unsigned int port, struct err *err)
{
	const struct sockaddr_vm sa = { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };
	const struct timeval patience = { .tv_sec = CONNECT_MS / 1000 };
	scoped_fd int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(err, errno, "make vsock socket");
	(void)setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0)
		return take_fd(&fd);
	if (errno == ECONNRESET || errno == ECONNREFUSED)
		return not_enabled(err);
	return err_sys(err, errno, "connect 'vsock://%u:%u'", cid, port);
}

static int connect_port(const char *path, struct err *err)
{
	int fd = unix_connect(path, err);

	if (fd < 0 && err->code == ERR_NOT_FOUND)
		return not_enabled(err);
	return fd;
}

static int connect_console(const char *sid, uint32_t vport, struct console *c, struct err *err)
{
	size_t len;
	scoped_free char *url = management_get(sid, "/agent-url", &len, err);
	scoped_free char *address = url ? debug_console_address(url, vport) : NULL;
	unsigned int cid, port;

	if (!url)
		return -1;
	if (!address)
		return err_set(err, ERR_UNIMPLEMENTED, "debug console of an agent at '%s'", url);
	c->is_port = str_starts(address, "unix://");
	if (c->is_port)
		c->fd = connect_port(address + strlen("unix://"), err);
	else if (sscanf(address, "vsock://%u:%u", &cid, &port) == 2)
		c->fd = connect_vsock(cid, port, err);
	return c->fd < 0 ? -1 : 0;
}

/* --- bytes --- */

bool debug_console_has_end(const char *bytes, size_t len, size_t *at)
{
	static const char words[] = DEBUG_CONSOLE_END;

	for (size_t i = 0; i < len; i++) {
		/* Their beginning, CR LF [, is in them once: after a mismatch only it can match. */
		if (bytes[i] != words[*at])
			*at = 0;
		if (bytes[i] == words[*at])
			++*at;
		if (words[*at] == '\0')
			return true;
	}
	return false;
}

/* False: it is over. */
static bool take_output(struct console *c, struct err *err)
{
	char buf[CHUNK];
	ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	if (write_all(STDOUT_FILENO, buf, (size_t)n, err) < 0)
		return false;
	return !c->is_port || !debug_console_has_end(buf, (size_t)n, &c->end_at);
}

static void end_input(struct console *c)
{
	c->in_over = true;
	c->in_at = 0;
	c->in_len = strlen(END_OF_FILE);
	memcpy(c->in, END_OF_FILE, c->in_len);
}

/* False: the user leaves. */
static bool take_input(struct console *c)
{
	ssize_t n = read(STDIN_FILENO, c->in, sizeof(c->in));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0) {
		end_input(c);
		return true;
	}
	c->in_at = 0;
	c->in_len = (size_t)n;
	return !c->is_tty || !memchr(c->in, DEBUG_CONSOLE_LEAVE, c->in_len);
}

/* What cannot be sent shows when reading. */
static void give_input(struct console *c)
{
	ssize_t n =
		send(c->fd, c->in + c->in_at, c->in_len - c->in_at, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0)
		c->in_at += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		c->in_at = c->in_len;
}

static int relay(struct console *c, struct err *err)
{
	for (;;) {
		const bool has_input = c->in_at < c->in_len;
		struct pollfd fds[] = {
			{ .fd = c->fd, .events = (short)(POLLIN | (has_input ? POLLOUT : 0)) },
			{ .fd = has_input || c->in_over ? -1 : STDIN_FILENO, .events = POLLIN },
			{ .fd = interrupt_fd(), .events = POLLIN },
		};

		int r = poll(fds, ARRAY_LEN(fds), c->in_over ? END_AGAIN_MS : -1);

		if (r < 0 && errno != EINTR)
			return err_sys(err, errno, "wait for the console");
		if (r == 0 && !has_input)
			end_input(c);
		if (r <= 0)
			continue;
		if (fds[2].revents && interrupt_check(err) < 0)
			return -1;
		if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) && !take_output(c, err))
			return err->code == ERR_OK ? 0 : -1;
		if (fds[0].revents & POLLOUT)
			give_input(c);
		if (fds[1].revents && !take_input(c))
			return 0;
	}
}

/* --- our terminal --- */

int debug_console_run(const char *sid, uint32_t vport, struct err *err)
{
	struct console c = { .fd = -1 };
	struct termios saved, raw;
	int r;

	if (connect_console(sid, vport, &c, err) < 0)
		return err_wrap(err, "debug console of sandbox '%s'", sid);
	c.is_tty = tcgetattr(STDIN_FILENO, &saved) == 0;
	r = interrupt_catch(err);
	if (r == 0 && c.is_tty) {
		raw = saved;
		cfmakeraw(&raw);
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	if (r == 0)
		r = relay(&c, err);
	if (c.is_tty)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	close_fd(&c.fd);
	return r < 0 ? err_wrap(err, "debug console of sandbox '%s'", sid) : 0;
}
