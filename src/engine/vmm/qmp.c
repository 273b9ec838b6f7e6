/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/vmm/qmp.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/vmm/qmp_line.h"
#include "lib/base/defs.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define READ_MAX (64u << 10) /* bytes a turn of the loop */

enum qmp_state {
	QMP_GREETING,     /* nothing may be sent */
	QMP_CAPABILITIES, /* qmp_capabilities is on its way, the rest waits */
	QMP_READY,
	QMP_DEAD,         /* closed; new commands fail */
};

struct command {
	struct list node; /* in qmp->unsent, then in qmp->sent */
	struct qmp *qmp;
	uint64_t id;
	char *text; /* with line end */
	size_t len, written;
	int fd; /* to pass, owned; -1: none, or passed */
	struct event deadline;
	struct err fate; /* why it fails when deadline fires */
	qmp_done *done;
	void *arg;
};

struct qmp {
	struct event_base *base;
	int fd;
	enum qmp_state state;
	struct event readable, writable;
	struct evbuffer *in;
	size_t scanned; /* bytes of `in` known to hold no line end */
	struct list unsent, sent;
	size_t n_pending;
	uint64_t next_id;
	struct qmp_events events;
	void *arg;
	bool *freed; /* where to say that we were freed inside a callback */
};

static void command_free(struct command *cmd)
{
	list_remove(&cmd->node);
	cmd->qmp->n_pending--;
	event_del(&cmd->deadline);
	close_fd(&cmd->fd);
	free(cmd->text);
	free(cmd);
}

/* Takes cmd. The qmp may be gone afterwards. */
static void finish(struct command *cmd, struct json_object *result, const struct err *err)
{
	qmp_done *done = cmd->done;
	void *arg = cmd->arg;

	command_free(cmd);
	if (done)
		done(arg, result, err);
}

static struct command *first(const struct list *commands)
{
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): freed ones have left the list */
	return container_of(commands->next, struct command, node);
}

static void forget_all(struct list *commands)
{
	while (!list_empty(commands))
		command_free(first(commands));
}

static void close_link(struct qmp *qmp)
{
	qmp->state = QMP_DEAD;
	event_del(&qmp->readable);
	event_del(&qmp->writable);
	close_fd(&qmp->fd);
}

/* Close, fail everything, tell. The qmp may be gone afterwards. */
static void give_up(struct qmp *qmp, const struct err *why)
{
	bool freed = false;

	close_link(qmp);
	qmp->freed = &freed; /* cppcheck-suppress autoVariables; taken back, or qmp is gone */
	while (!freed && !(list_empty(&qmp->sent) && list_empty(&qmp->unsent))) {
		struct list *from = list_empty(&qmp->sent) ? &qmp->unsent : &qmp->sent;

		finish(first(from), NULL, why);
	}
	if (freed)
		return;
	qmp->freed = NULL;
	if (qmp->events.closed)
		qmp->events.closed(qmp->arg, why);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct command *cmd = arg;
	struct err fate = cmd->fate;

	(void)fd;
	(void)what;
	/* Half a command on the wire cannot be taken back. */
	if (cmd->written > 0 && cmd->written < cmd->len)
		give_up(cmd->qmp, &fate);
	else
		finish(cmd, NULL, &fate);
}

static struct command *command_new(struct qmp *qmp, const char *name, const char *args)
{
	struct command *cmd = xnew(struct command);

	cmd->qmp = qmp;
	cmd->fd = -1;
	cmd->id = qmp->next_id++;
	cmd->text = args ? xasprintf("{\"execute\":\"%s\",\"arguments\":%s,\"id\":%" PRIu64 "}\n",
				     name, args, cmd->id)
			 : xasprintf("{\"execute\":\"%s\",\"id\":%" PRIu64 "}\n", name, cmd->id);
	cmd->len = strlen(cmd->text);
	evtimer_assign(&cmd->deadline, qmp->base, on_deadline, cmd);
	list_add(&qmp->unsent, &cmd->node);
	qmp->n_pending++;
	return cmd;
}

static void fail_soon(struct command *cmd, const struct err *why)
{
	cmd->fate = *why;
	event_active(&cmd->deadline, EV_TIMEOUT, 0);
}

/* One sendmsg(); the descriptor travels with the first byte. */
static ssize_t send_some(struct qmp *qmp, const struct command *cmd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = cmd->text + cmd->written,
			     .iov_len = cmd->len - cmd->written };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (cmd->fd >= 0) {
		struct cmsghdr *c;

		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &cmd->fd, sizeof(int));
	}
	return sendmsg(qmp->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool may_send(const struct qmp *qmp)
{
	return !list_empty(&qmp->unsent) && qmp->state == QMP_READY;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct qmp *qmp = arg;
	struct err err = ERR_INIT;

	(void)fd;
	(void)what;
	while (may_send(qmp)) {
		struct command *cmd = first(&qmp->unsent);
		ssize_t n = send_some(qmp, cmd);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			err_sys(&err, errno, "write to QMP socket");
			err.code = ERR_UNAVAILABLE;
			give_up(qmp, &err);
			return;
		}
		close_fd(&cmd->fd);
		cmd->written += (size_t)n;
		if (cmd->written < cmd->len)
			return;
		list_remove(&cmd->node);
		list_add(&qmp->sent, &cmd->node);
	}
	event_del(&qmp->writable);
}

/* By hand and at once: nothing else may be written before it is answered. */
static int on_greeting(struct qmp *qmp, const struct qmp_line *line, struct err *err)
{
	static const char caps[] = "{\"execute\":\"qmp_capabilities\",\"id\":0}\n";

	if (line->kind != QMP_LINE_GREETING)
		return err_set(err, ERR_INTERNAL, "QMP: no greeting");
	/* A fresh socket takes 40 bytes in one go, unless QEMU has ended after its greeting. */
	if (send(qmp->fd, caps, sizeof(caps) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    (ssize_t)sizeof(caps) - 1)
		return err_set(err, ERR_UNAVAILABLE, "QMP: negotiate capabilities");
	qmp->state = QMP_CAPABILITIES;
	return 0;
}

static int on_capabilities(struct qmp *qmp, const struct qmp_line *line, struct err *err)
{
	if (line->kind != QMP_LINE_RETURN || !line->has_id || line->id != 0)
		return err_set(err, ERR_INTERNAL, "QMP: capabilities were refused");
	qmp->state = QMP_READY;
	if (may_send(qmp))
		event_add(&qmp->writable, NULL);
	return 0;
}

static struct command *find_sent(const struct qmp *qmp, uint64_t id)
{
	list_for_each(&qmp->sent, struct command, node, cmd)
		if (cmd->id == id)
			return cmd;
	return NULL;
}

static int on_answer(struct qmp *qmp, const struct qmp_line *line, struct err *err)
{
	struct command *cmd = line->has_id ? find_sent(qmp, line->id) : NULL;

	if (!cmd) {
		/* An answer that came after its deadline, or a lie. */
		if (line->has_id && line->id < qmp->next_id)
			return 0;
		return err_set(err, ERR_INTERNAL, "QMP: answer to a command never sent");
	}
	if (line->kind == QMP_LINE_RETURN)
		finish(cmd, line->value, NULL);
	else
		finish(cmd, NULL, &line->error);
	return 0;
}

static int on_line(struct qmp *qmp, const struct qmp_line *line, struct err *err)
{
	if (line->kind == QMP_LINE_EVENT && qmp->state != QMP_GREETING) {
		if (qmp->events.event)
			qmp->events.event(qmp->arg, line->name, line->value);
		return 0;
	}
	switch (qmp->state) {
	case QMP_GREETING:
		return on_greeting(qmp, line, err);
	case QMP_CAPABILITIES:
		return on_capabilities(qmp, line, err);
	case QMP_READY:
		if (line->kind == QMP_LINE_GREETING)
			return err_set(err, ERR_INTERNAL, "QMP: second greeting");
		return on_answer(qmp, line, err);
	case QMP_DEAD:
		break;
	}
	return 0;
}

/* The next whole line, owned by the caller; NULL when there is none yet. */
static char *next_line(struct qmp *qmp, size_t *ret_len)
{
	struct evbuffer_ptr from, eol;
	char *line;

	if (evbuffer_get_length(qmp->in) <= qmp->scanned)
		return NULL;
	evbuffer_ptr_set(qmp->in, &from, qmp->scanned, EVBUFFER_PTR_SET);
	eol = evbuffer_search(qmp->in, "\n", 1, &from);
	if (eol.pos < 0) {
		qmp->scanned = evbuffer_get_length(qmp->in);
		return NULL;
	}
	*ret_len = (size_t)eol.pos;
	line = xcalloc(1, *ret_len + 1);
	evbuffer_remove(qmp->in, line, *ret_len);
	evbuffer_drain(qmp->in, 1);
	qmp->scanned = 0;
	return line;
}

/* False: the qmp is gone, or the link is dead. */
static bool handle_line(struct qmp *qmp, const char *text, size_t len)
{
	struct err err = ERR_INIT;
	struct qmp_line line;
	bool freed = false;
	int r;

	if (len == 0 || (len == 1 && text[0] == '\r'))
		return true;
	r = qmp_line_parse(text, len, &line, &err);
	if (r == 0) {
		qmp->freed = &freed; /* cppcheck-suppress autoVariables; as above */
		r = on_line(qmp, &line, &err);
		qmp_line_done(&line);
		if (freed)
			return false;
		qmp->freed = NULL;
	}
	if (r < 0)
		give_up(qmp, &err);
	return r == 0 && qmp->state != QMP_DEAD;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct qmp *qmp = arg;
	struct err err = ERR_INIT;
	int n = evbuffer_read(qmp->in, qmp->fd, READ_MAX);
	size_t len;
	char *line;

	(void)fd;
	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		err_sys(&err, errno, "read QMP socket");
	else if (n == 0)
		err_set(&err, ERR_UNAVAILABLE, "QMP: connection closed");
	if (n <= 0) {
		err.code = ERR_UNAVAILABLE;
		give_up(qmp, &err);
		return;
	}
	while ((line = next_line(qmp, &len))) {
		bool go_on = handle_line(qmp, line, len);

		free(line);
		if (!go_on)
			return;
	}
	if (evbuffer_get_length(qmp->in) > QMP_LINE_MAX) {
		err_set(&err, ERR_INTERNAL, "QMP: line of more than %u bytes", QMP_LINE_MAX);
		give_up(qmp, &err);
	}
}

struct qmp *qmp_new(struct event_base *base, int fd, const struct qmp_events *events, void *arg)
{
	struct qmp *qmp = xnew(struct qmp);

	*qmp = (struct qmp){ .base = base, .fd = fd, .next_id = 1, .events = *events, .arg = arg };
	list_init(&qmp->unsent);
	list_init(&qmp->sent);
	qmp->in = evbuffer_new();
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	event_assign(&qmp->readable, base, fd, EV_READ | EV_PERSIST, on_readable, qmp);
	event_assign(&qmp->writable, base, fd, EV_WRITE | EV_PERSIST, on_writable, qmp);
	event_add(&qmp->readable, NULL);
	return qmp;
}

void qmp_free(struct qmp *qmp)
{
	if (!qmp)
		return;
	if (qmp->freed)
		*qmp->freed = true;
	forget_all(&qmp->unsent);
	forget_all(&qmp->sent);
	close_link(qmp);
	evbuffer_free(qmp->in);
	free(qmp);
}

/* NOLINTNEXTLINE(readability-function-size): these are what a command has */
void qmp_execute(struct qmp *qmp, const char *command, const char *args, int pass_fd,
		 uint32_t timeout_ms, qmp_done *done, void *arg)
{
	struct command *cmd = command_new(qmp, command, args);
	struct timeval after = { .tv_sec = timeout_ms / 1000,
				 .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000 };
	struct err err = ERR_INIT;

	cmd->done = done;
	cmd->arg = arg;
	if (qmp->state == QMP_DEAD)
		err_set(&err, ERR_UNAVAILABLE, "QMP '%s': connection closed", command);
	else if (qmp->n_pending > QMP_PENDING_MAX)
		err_set(&err, ERR_EXHAUSTED, "QMP '%s': too many commands wait", command);
	else if (pass_fd >= 0 && (cmd->fd = fcntl(pass_fd, F_DUPFD_CLOEXEC, 3)) < 0)
		err_sys(&err, errno, "QMP '%s': duplicate descriptor", command);
	if (err.code != ERR_OK) {
		fail_soon(cmd, &err);
		return;
	}
	err_set(&cmd->fate, ERR_TIMEOUT, "QMP '%s': no answer within %u ms", command, timeout_ms);
	if (timeout_ms > 0)
		evtimer_add(&cmd->deadline, &after);
	if (qmp->state == QMP_READY)
		event_add(&qmp->writable, NULL);
}
