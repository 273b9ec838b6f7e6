/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/ttrpc/stream.h"

#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/defs.h"

#define READ_CHUNK     (32u << 10)
#define READS_PER_TURN 8 /* then others get theirs */
#define WRITE_VECS     16

static void reset(struct stream *s)
{
	evbuffer_drain(s->in, evbuffer_get_length(s->in));
	evbuffer_drain(s->out, evbuffer_get_length(s->out));
	event_del(&s->writable);
	s->skip = 0;
	s->used = false;
	if (s->paused) {
		s->paused = false;
		event_add(&s->readable, NULL);
	}
}

static void close_stream(struct stream *s, const struct err *why)
{
	bool was_used = s->used;

	if (s->kind == STREAM_PORT) {
		reset(s);
		if (was_used)
			s->handlers->closed(s->arg, why);
		return;
	}
	event_del(&s->readable);
	event_del(&s->writable);
	s->handlers->closed(s->arg, why);
}

/* Hand on one frame, or part of a skipped one. False: there is no whole frame. */
static bool take_frame(struct stream *s, const bool *gone)
{
	size_t have = evbuffer_get_length(s->in);
	static const uint8_t nothing[1];
	uint8_t buf[TTRPC_HEADER_LEN];
	const uint8_t *data = nothing;
	struct err ignored = ERR_INIT;
	struct ttrpc_header h;

	if (s->skip) {
		size_t n = MIN(have, (size_t)s->skip);

		evbuffer_drain(s->in, n);
		s->skip -= (uint32_t)n;
		return n > 0;
	}
	if (evbuffer_copyout(s->in, buf, sizeof(buf)) < (ssize_t)sizeof(buf))
		return false;
	ttrpc_header_read(buf, &h);
	if (ttrpc_header_check(&h, &ignored) < 0) {
		evbuffer_drain(s->in, sizeof(buf));
		s->skip = h.data_len;
		s->handlers->oversize(s->arg, &h);
		return true;
	}
	if (have - sizeof(buf) < h.data_len)
		return false;
	evbuffer_drain(s->in, sizeof(buf));
	if (h.data_len)
		data = evbuffer_pullup(s->in, (ssize_t)h.data_len);
	if (!data) {
		s->skip = h.data_len; /* no memory to have it in one piece: as if too large */
		s->handlers->oversize(s->arg, &h);
		return true;
	}
	s->handlers->frame(s->arg, &h, data);
	if (!*gone)
		evbuffer_drain(s->in, h.data_len);
	return true;
}

static void throttle(struct stream *s)
{
	if (s->throttle && !s->paused && evbuffer_get_length(s->out) > STREAM_QUEUE_HIGH) {
		s->paused = true;
		event_del(&s->readable);
	}
}

static void unthrottle(struct stream *s)
{
	if (s->paused && evbuffer_get_length(s->out) < STREAM_QUEUE_LOW) {
		s->paused = false;
		event_add(&s->readable, NULL);
		event_active(&s->readable, EV_READ, 0); /* whole frames may be here already */
	}
}

/* Bytes read, 0 at the end, -1 with errno. */
static ssize_t read_some(struct stream *s)
{
	struct evbuffer_iovec vec[2];
	struct iovec iov[2];
	int n = evbuffer_reserve_space(s->in, READ_CHUNK, vec, 2);
	size_t left;
	ssize_t got;

	if (n <= 0) {
		errno = ENOMEM;
		return -1;
	}
	for (int i = 0; i < n; i++)
		iov[i] = (struct iovec){ .iov_base = vec[i].iov_base, .iov_len = vec[i].iov_len };
	do
		got = readv(s->fd, iov, n);
	while (got < 0 && errno == EINTR);
	left = got > 0 ? (size_t)got : 0;
	for (int i = 0; i < n; i++) {
		vec[i].iov_len = MIN(vec[i].iov_len, left);
		left -= vec[i].iov_len;
	}
	if (got > 0) {
		s->used = true;
		(void)evbuffer_commit_space(s->in, vec, n);
	}
	return got;
}

static void on_end(struct stream *s, ssize_t got, int errnum)
{
	struct err why = ERR_INIT;

	if (got == 0 || (errnum == EIO && s->kind == STREAM_PORT))
		err_set(&why, ERR_UNAVAILABLE, "connection closed by its other end");
	else
		err_sys(&why, errnum, "read from connection");
	why.code = ERR_UNAVAILABLE;
	close_stream(s, &why);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	bool gone = false;

	(void)fd;
	(void)what;
	s->gone = &gone;
	for (int turn = 0;; turn++) {
		ssize_t got;

		while (!s->paused && take_frame(s, &gone)) {
			if (gone)
				return;
			throttle(s);
		}
		if (s->paused || turn == READS_PER_TURN)
			break;
		got = read_some(s);
		if (got < 0 && errno == EAGAIN) {
			s->gone = NULL;
			return;
		}
		if (got <= 0) {
			on_end(s, got, errno);
			if (!gone)
				s->gone = NULL;
			return;
		}
	}
	s->gone = NULL;
	/* An edge is told once, so whoever stops early comes back by himself. */
	if (!s->paused)
		event_active(&s->readable, EV_READ, 0);
}

/* 0, or an errno other than EAGAIN. */
static int flush(struct stream *s)
{
	while (evbuffer_get_length(s->out) > 0) {
		struct evbuffer_iovec vec[WRITE_VECS];
		struct iovec iov[WRITE_VECS];
		struct msghdr msg = { .msg_iov = iov };
		int n = MIN(evbuffer_peek(s->out, -1, NULL, vec, WRITE_VECS), WRITE_VECS);
		ssize_t sent;

		for (int i = 0; i < n; i++)
			/* cppcheck-suppress uninitvar; evbuffer_peek() has filled n of them */
			iov[i] = (struct iovec){ .iov_base = vec[i].iov_base,
						 .iov_len = vec[i].iov_len };
		msg.msg_iovlen = (size_t)n;
		sent = s->use_send ? sendmsg(s->fd, &msg, MSG_NOSIGNAL) : writev(s->fd, iov, n);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? 0 : errno;
		evbuffer_drain(s->out, (size_t)sent);
	}
	return 0;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	bool gone = false;
	int errnum = s->failed ? ENOMEM : flush(s);

	(void)fd;
	(void)what;
	s->gone = &gone;
	if (errnum) {
		struct err why = ERR_INIT;

		s->failed = false;
		err_sys(&why, errnum, "write to connection");
		why.code = ERR_UNAVAILABLE;
		close_stream(s, &why);
	} else if (evbuffer_get_length(s->out) == 0) {
		event_del(&s->writable);
		unthrottle(s);
		if (s->handlers->drained)
			s->handlers->drained(s->arg);
	} else {
		unthrottle(s);
	}
	if (!gone)
		s->gone = NULL;
}

struct sink {
	ProtobufCBuffer base;
	struct stream *stream;
};

static void append(ProtobufCBuffer *buffer, size_t len, const uint8_t *data)
{
	struct stream *s = container_of(buffer, struct sink, base)->stream;

	if (evbuffer_add(s->out, data, len) < 0)
		s->failed = true;
}

void stream_send(struct stream *s, enum ttrpc_type type, uint32_t id, const ProtobufCMessage *msg)
{
	struct ttrpc_header h = {
		.data_len = (uint32_t)protobuf_c_message_get_packed_size(msg),
		.stream = id,
		.type = (uint8_t)type,
	};
	struct sink sink = { .base.append = append, .stream = s };
	uint8_t buf[TTRPC_HEADER_LEN];
	bool idle = evbuffer_get_length(s->out) == 0;

	ttrpc_header_write(buf, &h);
	append(&sink.base, sizeof(buf), buf);
	protobuf_c_message_pack_to_buffer(msg, &sink.base);
	/*
	 * Most frames fit the socket at once. What goes wrong here is met again, and told,
	 * when the loop tries.
	 */
	if (s->failed)
		event_active(&s->writable, EV_WRITE, 0);
	else if (idle && (flush(s) != 0 || evbuffer_get_length(s->out) > 0))
		event_add(&s->writable, NULL);
}

size_t stream_queued(const struct stream *s)
{
	return evbuffer_get_length(s->out);
}

static int prepare_fd(struct stream *s, struct err *err)
{
	int flags = fcntl(s->fd, F_GETFL);
	struct stat st;

	if (flags < 0 || fcntl(s->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_sys(err, errno, "make connection non-blocking");
	if (fstat(s->fd, &st) < 0)
		return err_sys(err, errno, "look at connection");
	s->use_send = S_ISSOCK(st.st_mode);
	return 0;
}

int stream_init(struct stream *s, struct event_base *base, int fd, enum stream_kind kind,
		bool throttle_reads, const struct stream_handlers *handlers, void *arg,
		struct err *err)
{
	short edge = kind == STREAM_PORT ? EV_ET : 0;

	*s = (struct stream){
		.handlers = handlers,
		.arg = arg,
		.fd = fd,
		.kind = kind,
		.throttle = throttle_reads,
		.in = evbuffer_new(),
		.out = evbuffer_new(),
	};
	event_assign(&s->readable, base, fd, (short)(EV_READ | EV_PERSIST | edge), on_readable, s);
	event_assign(&s->writable, base, fd, (short)(EV_WRITE | EV_PERSIST | edge), on_writable, s);
	if (!s->in || !s->out) {
		err_set(err, ERR_EXHAUSTED, "serve connection: out of memory");
		goto failed;
	}
	if (prepare_fd(s, err) < 0)
		goto failed;
	if (event_add(&s->readable, NULL) < 0) {
		err_set(err, ERR_INVALID, "watch connection: the descriptor cannot be polled");
		goto failed;
	}
	return 0;
failed:
	stream_done(s);
	return -1;
}

void stream_done(struct stream *s)
{
	if (!s->handlers)
		return;
	s->handlers = NULL;
	event_del(&s->readable);
	event_del(&s->writable);
	if (s->in)
		evbuffer_free(s->in);
	if (s->out)
		evbuffer_free(s->out);
	s->in = s->out = NULL;
	close_fd(&s->fd);
	if (s->gone)
		*s->gone = true;
	s->gone = NULL;
}
