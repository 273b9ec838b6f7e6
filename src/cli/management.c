/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/management.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ttrpc/unix.h"

static char *socket_path(const char *sid)
{
	return xasprintf(CLI_SBS_DIR "/%s/shim-monitor.sock", sid);
}

bool management_exists(const char *sid)
{
	scoped_free char *path = socket_path(sid);

	return access(path, F_OK) == 0;
}

bool management_parse(const char *text, int *ret_status, const char **ret_body)
{
	const char *end = strstr(text, "\r\n\r\n");
	int status;

	if (!end || sscanf(text, "HTTP/1.%*[01] %3d", &status) != 1)
		return false;
	*ret_status = status;
	*ret_body = end + strlen("\r\n\r\n");
	return true;
}

/* Until the other end closes, which is how an answer of HTTP/1.0 ends. */
static int read_all(int fd, struct str *out, struct err *err)
{
	const uint64_t end = clock_mono_ns() + MANAGEMENT_MS * NS_PER_MS;
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	char buf[16384];

	for (;;) {
		uint64_t now = clock_mono_ns();
		ssize_t n;
		int r = now < end ? poll(&readable, 1, (int)((end - now) / NS_PER_MS) + 1) : 0;

		if (r == 0)
			return err_set(err, ERR_TIMEOUT, "no answer within %d ms", MANAGEMENT_MS);
		if (r < 0 && errno == EINTR)
			continue;
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return err_sys(err, errno, "read the answer");
		if (n == 0)
			return 0;
		str_add_n(out, buf, (size_t)n);
		if (out->cut)
			return err_set(err, ERR_EXHAUSTED, "an answer over %u bytes",
				       MANAGEMENT_MAX);
	}
}

/* A supervisor that does not read is given the time that it has to answer. */
static int send_all(int fd, const char *text, size_t len)
{
	const struct timeval limit = { .tv_sec = MANAGEMENT_MS / 1000 };

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int ask(const char *sid, const char *method, const char *path, const char *body,
	       struct str *out, struct err *err)
{
	scoped_free char *socket = socket_path(sid);
	scoped_free char *request = xasprintf("%s %s HTTP/1.0\r\nContent-Length: %zu\r\n\r\n%s",
					      method, path, strlen(body), body);
	scoped_fd int fd = unix_connect(socket, err);

	if (fd < 0)
		return err->code == ERR_NOT_FOUND
			       ? err_set(err, ERR_NOT_FOUND, "there is no such sandbox")
			       : -1;
	if (send_all(fd, request, strlen(request)) < 0)
		return err_sys(err, errno, "ask '%s'", socket);
	return read_all(fd, out, err);
}

/* What the server has to say about it, as one line. */
static int refused(int status, const char *body, struct err *err)
{
	return err_set(err, status == 503 ? ERR_UNAVAILABLE : ERR_INTERNAL, "%.*s",
		       (int)strcspn(body, "\r\n"), body);
}

char *management_send(const char *sid, const char *method, const char *path, const char *sent,
		      size_t *ret_len, struct err *err)
{
	struct str text = { .max = MANAGEMENT_MAX };
	const char *body = NULL;
	char *ret = NULL;
	int status = 0;

	if (ask(sid, method, path, sent, &text, err) < 0) {
		/* told */
	} else if (!management_parse(str_get(&text), &status, &body)) {
		(void)err_set(err, ERR_INTERNAL, "the answer is not HTTP");
	} else if (status != 200) {
		(void)refused(status, body, err);
	} else {
		*ret_len = text.len - (size_t)(body - str_get(&text));
		ret = xstrndup(body, *ret_len);
	}
	str_done(&text);
	if (!ret)
		(void)err_wrap(err, "'%s' of sandbox '%s'", path, sid);
	return ret;
}

char *management_get(const char *sid, const char *path, size_t *ret_len, struct err *err)
{
	return management_send(sid, "GET", path, "", ret_len, err);
}
