/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "agent.pb-c.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/server.h"

#define TERMINAL_READ 4096u /* bytes at a time; a terminal does not say how much it has */

struct reader {
	struct list node;
	struct output *out;
	struct ttrpc_call *call; /* owned until replied or cancelled */
	uint32_t len;
};

struct writer {
	struct list node;
	struct input *in;
	struct ttrpc_call *call;  /* owned until replied or cancelled */
	ProtobufCBinaryData data; /* the call's */
	size_t written;
};

static void set_nonblock(int fd)
{
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	if (flags >= 0)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK); /* cannot fail on an open file */
}

/* Output */

static void reply_data(struct ttrpc_call *call, uint8_t *data, size_t len)
{
	Grpc__ReadStreamResponse resp = GRPC__READ_STREAM_RESPONSE__INIT;

	resp.data = (ProtobufCBinaryData){ .data = data, .len = len };
	ttrpc_reply(call, &resp.base);
}

static void free_reader(struct reader *r)
{
	list_remove(&r->node);
	r->out->n_readers--;
	free(r);
}

static void on_reader_cancelled(void *arg)
{
	struct reader *r = arg;
	struct output *out = r->out;

	free_reader(r);
	if (list_empty(&out->readers) && out->fd >= 0)
		event_del(&out->readable);
}

static void end_output(struct output *out)
{
	if (out->fd >= 0) {
		event_del(&out->readable);
		event_del(&out->linger);
		close_fd(&out->fd);
	}
	while (!list_empty(&out->readers)) {
		struct reader *r = container_of(out->readers.next, struct reader, node);
		struct ttrpc_call *call = r->call;

		free_reader(r);
		out->told = true;
		reply_data(call, NULL, 0);
	}
}

/* What one read may take: of a pipe what is in it, so that memory follows data. */
static size_t want_len(const struct output *out, uint32_t len)
{
	int n = 0;
	size_t want = TERMINAL_READ;

	if (!out->terminal && ioctl(out->fd, FIONREAD, &n) == 0)
		want = n > 0 ? (size_t)n : 1;
	want = MIN(want, (size_t)STREAM_READ_MAX);
	want = MIN(want, (size_t)len);
	return out->exited && !out->terminal ? MIN(want, out->left) : want;
}

enum got { GOT_DATA, GOT_NOTHING, GOT_END };

static enum got read_once(struct output *out, struct ttrpc_call *call, uint32_t len)
{
	size_t want = want_len(out, len);
	scoped_free uint8_t *data = NULL;
	struct err err = ERR_INIT;
	ssize_t n;

	if (want == 0)
		return GOT_END;
	data = try_alloc(want, STREAM_READ_MAX, &err);
	if (!data)
		return GOT_NOTHING; /* memory may come back; the call has its deadline */
	n = read(out->fd, data, want);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return GOT_NOTHING;
	if (n <= 0)
		return GOT_END; /* EIO is how a terminal says that nobody has it open */
	if (out->exited && !out->terminal)
		out->left -= (size_t)n;
	reply_data(call, data, (size_t)n);
	return GOT_DATA;
}

/* One reply, or the news that the stream is over; the loop brings us back for the rest. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct output *out = arg;
	struct reader *r = container_of(out->readers.next, struct reader, node);

	(void)fd;
	(void)what;
	if (list_empty(&out->readers)) {
		event_del(&out->readable);
		return;
	}
	switch (read_once(out, r->call, r->len)) {
	case GOT_DATA:
		free_reader(r);
		if (list_empty(&out->readers))
			event_del(&out->readable);
		break;
	case GOT_NOTHING:
		break;
	case GOT_END:
		end_output(out);
		break;
	}
}

static void on_linger(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	end_output(arg);
}

void output_init(struct output *out, struct event_base *base, int fd, bool terminal)
{
	*out = (struct output){ .fd = fd, .terminal = terminal };
	list_init(&out->readers);
	if (fd < 0)
		return;
	set_nonblock(fd);
	event_assign(&out->readable, base, fd, EV_READ | EV_PERSIST, on_readable, out);
	event_assign(&out->linger, base, -1, 0, on_linger, out);
}

void output_done(struct output *out)
{
	end_output(out);
}

bool output_has_ended(const struct output *out)
{
	return out->fd < 0;
}

static void keep_reader(struct output *out, struct ttrpc_call *call, uint32_t len)
{
	struct reader *r = xnew(struct reader);

	*r = (struct reader){ .out = out, .call = call, .len = len };
	list_add(&out->readers, &r->node);
	out->n_readers++;
	ttrpc_call_on_cancel(call, on_reader_cancelled, r);
	event_add(&out->readable, NULL);
}

void output_read(struct output *out, struct ttrpc_call *call, uint32_t len)
{
	struct err err = ERR_INIT;

	if (len == 0) {
		err_set(&err, ERR_INVALID, "read of no bytes");
	} else if (out->fd < 0 && out->told) {
		err_set(&err, ERR_STATE, "the stream has ended");
	} else if (out->n_readers >= STREAM_CALLS_MAX) {
		err_set(&err, ERR_EXHAUSTED, "more than %d reads are waiting", STREAM_CALLS_MAX);
	} else if (out->fd < 0) {
		out->told = true;
		reply_data(call, NULL, 0);
		return;
	} else if (!list_empty(&out->readers)) {
		keep_reader(out, call, len); /* in turn */
		return;
	} else {
		switch (read_once(out, call, len)) {
		case GOT_DATA:
			break;
		case GOT_NOTHING:
			keep_reader(out, call, len);
			break;
		case GOT_END:
			end_output(out);
			out->told = true;
			reply_data(call, NULL, 0);
			break;
		}
		return;
	}
	ttrpc_fail(call, &err);
}

void output_exited(struct output *out)
{
	const struct timeval linger = { .tv_usec = STREAM_LINGER_MS * 1000 };
	int n = 0;

	if (out->fd < 0 || out->exited)
		return;
	out->exited = true;
	if (out->terminal) {
		event_add(&out->linger, &linger);
		return;
	}
	if (ioctl(out->fd, FIONREAD, &n) == 0 && n > 0)
		out->left = (size_t)n;
	if (out->left == 0)
		end_output(out);
}

/* Input */

static void free_writer(struct writer *w)
{
	list_remove(&w->node);
	w->in->n_writers--;
	free(w);
}

static void on_writer_cancelled(void *arg)
{
	free_writer(arg); /* what is in the pipe already stays there */
}

static void end_input(struct input *in, const struct err *err)
{
	if (in->fd >= 0) {
		event_del(&in->writable);
		close_fd(&in->fd);
	}
	while (!list_empty(&in->writers)) {
		struct writer *w = container_of(in->writers.next, struct writer, node);
		struct ttrpc_call *call = w->call;

		free_writer(w);
		ttrpc_fail(call, err);
	}
}

static void reply_written(struct ttrpc_call *call, size_t len)
{
	Grpc__WriteStreamResponse resp = GRPC__WRITE_STREAM_RESPONSE__INIT;

	resp.len = (uint32_t)len;
	ttrpc_reply(call, &resp.base);
}

/* True when all of it is in the pipe, false when it has to wait; -1 in *ret_errno: neither. */
static bool write_some(struct input *in, ProtobufCBinaryData data, size_t *written, int *ret_errno)
{
	while (*written < data.len) {
		ssize_t n = write(in->fd, data.data + *written, data.len - *written);

		if (n < 0) {
			*ret_errno = errno == EAGAIN || errno == EINTR ? 0 : errno;
			return false;
		}
		*written += (size_t)n;
	}
	return true;
}

static void type_end(const struct input *in)
{
	struct termios settings;
	char keys[2];

	if (tcgetattr(in->fd, &settings) < 0 || settings.c_cc[VEOF] == _POSIX_VDISABLE)
		return;
	keys[0] = keys[1] = (char)settings.c_cc[VEOF];
	/* Without room for it the program has not read for long: it is not told, nor waited for. */
	(void)!write(in->fd, keys, sizeof(keys));
}

static void after_writers(struct input *in)
{
	struct err err = ERR_INIT;

	if (!list_empty(&in->writers))
		return;
	if (in->fd >= 0)
		event_del(&in->writable);
	if (!in->closing)
		return;
	if (!in->terminal) {
		end_input(in, &err);
		return;
	}
	in->closing = false; /* what is written later is typed as well */
	type_end(in);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct input *in = arg;
	struct writer *w = container_of(in->writers.next, struct writer, node);
	int failed = 0;

	(void)fd;
	(void)what;
	if (!list_empty(&in->writers)) {
		struct ttrpc_call *call = w->call;
		size_t len = w->data.len;

		if (write_some(in, w->data, &w->written, &failed)) {
			free_writer(w);
			reply_written(call, len);
		} else if (failed) {
			struct err err = ERR_INIT;

			err_set(&err, ERR_STATE, "the process has closed its input");
			end_input(in, &err);
			return;
		}
	}
	after_writers(in);
}

void input_init(struct input *in, struct event_base *base, int fd, bool terminal)
{
	*in = (struct input){ .fd = fd, .terminal = terminal };
	list_init(&in->writers);
	if (fd < 0)
		return;
	set_nonblock(fd);
	event_assign(&in->writable, base, fd, EV_WRITE | EV_PERSIST, on_writable, in);
}

void input_done(struct input *in)
{
	input_exited(in);
}

void input_exited(struct input *in)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_STATE, "the process has exited");
	end_input(in, &err);
}

void input_close(struct input *in)
{
	if (in->fd < 0)
		return;
	in->closing = true;
	after_writers(in);
}

static void keep_writer(struct input *in, struct ttrpc_call *call, ProtobufCBinaryData data,
			size_t written)
{
	struct writer *w = xnew(struct writer);

	*w = (struct writer){ .in = in, .call = call, .data = data, .written = written };
	list_add(&in->writers, &w->node);
	in->n_writers++;
	ttrpc_call_on_cancel(call, on_writer_cancelled, w);
	event_add(&in->writable, NULL);
}

void input_write(struct input *in, struct ttrpc_call *call, ProtobufCBinaryData data)
{
	struct err err = ERR_INIT;
	size_t written = 0;
	int failed = 0;

	if (in->fd < 0 || in->closing) {
		err_set(&err, ERR_STATE, "the input is closed");
	} else if (in->n_writers >= STREAM_CALLS_MAX) {
		err_set(&err, ERR_EXHAUSTED, "more than %d writes are waiting", STREAM_CALLS_MAX);
	} else if (!list_empty(&in->writers)) {
		keep_writer(in, call, data, 0);
		return;
	} else if (write_some(in, data, &written, &failed)) {
		reply_written(call, data.len);
		return;
	} else if (!failed) {
		keep_writer(in, call, data, written);
		return;
	} else {
		err_set(&err, ERR_STATE, "the process has closed its input");
		end_input(in, &err);
	}
	ttrpc_fail(call, &err);
}
