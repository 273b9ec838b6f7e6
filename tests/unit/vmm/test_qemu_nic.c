/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qemu_nic.c - plugging and unplugging against a QEMU that we play over a socket pair
 *
 * There is no process: the machine is made, and its link set by hand. The peer answers each command
 * when it comes, with success but for what a test says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/vmm/qemu_priv.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define SOCKET     "/tmp/vhostuser_10.0.0.2/vhu.sock"
#define GREETING   "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"
#define QUICK_MS   5000
#define SHORT_MS   150
#define DEADLINE_S 20

struct bench {
	struct event_base *base;
	struct vm_config vm;
	struct vmm *vmm;
	int peer;
	struct event heard, deadline;
	char in[4096];
	size_t len;
	struct str seen; /* "getfd q1.0+ netdev_add ...": '+' for a descriptor, then what it is for */
	unsigned int n_seen;
	const char *refuse; /* commands with this in their text are refused */
	const char *ignore; /* commands with this in their text are not answered */
	const char *before; /* said before the next answer to device_del */
	bool lost, late;
	int null_fd;
};

struct ask {
	unsigned int n;
	struct err err;
	struct bench *free_inside, *stop_inside, *again_inside;
};

static void say(struct bench *b, const char *text)
{
	assert_int_equal(send(b->peer, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void member(const char *line, const char *key, char buf[static 64])
{
	char start[32];
	const char *at;

	snprintf(start, sizeof(start), "\"%s\":\"", key);
	at = strstr(line, start);
	snprintf(buf, 64, "%.*s", at ? (int)strcspn(at + strlen(start), "\"") : 0,
		 at ? at + strlen(start) : "");
}

/* The command in a few words. */
static void note(struct bench *b, const char *line, bool has_fd)
{
	char command[64], fdname[64], id[64], name[64];

	member(line, "execute", command);
	member(line, "fdname", fdname);
	member(line, "id", id);
	member(line, "name", name);
	str_addf(&b->seen, "%s%s %s%s%s%s", b->seen.len ? ", " : "", command, fdname,
		 *fdname ? "" : id, name, has_fd ? "+" : "");
	b->n_seen++;
}

static void answer(struct bench *b, const char *line, bool has_fd)
{
	const char *id = strstr(line, "\"id\":");
	char text[128];

	for (const char *at = id; (at = strstr(at + 1, "\"id\":"));)
		id = at; /* the last is the command's own */
	assert_non_null(id);
	if (strstr(line, "qmp_capabilities")) {
		say(b, "{\"return\": {}, \"id\": 0}\r\n");
		return;
	}
	note(b, line, has_fd);
	if (b->ignore && strstr(line, b->ignore))
		return;
	if (b->before && strstr(line, "device_del")) {
		say(b, b->before);
		b->before = NULL;
	}
	if (b->refuse && strstr(line, b->refuse))
		snprintf(text, sizeof(text),
			 "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no, thanks\"}, %.*s}\r\n",
			 (int)strcspn(id, "}"), id);
	else
		snprintf(text, sizeof(text), "{\"return\": {}, %.*s}\r\n", (int)strcspn(id, "}"), id);
	say(b, text);
}

/* False: no more for this time. */
static bool receive(struct bench *b, bool *ret_has_fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = b->in + b->len, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	struct cmsghdr *c;
	ssize_t n;
	int fd;

	/* Byte by byte as QEMU does, which is how it knows whose descriptor it is. */
	assert_true(b->len + 1 < sizeof(b->in));
	n = recvmsg(b->peer, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n == 0)
		event_del(&b->heard);
	if (n != 1)
		return false;
	b->in[++b->len] = '\0';
	c = CMSG_FIRSTHDR(&msg);
	if (c) {
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		close(fd);
		*ret_has_fd = true;
	}
	return true;
}

static void on_heard(evutil_socket_t fd, short what, void *arg)
{
	struct bench *b = arg;
	bool has_fd = false;

	(void)fd;
	(void)what;
	while (receive(b, &has_fd)) {
		if (b->in[b->len - 1] != '\n')
			continue;
		answer(b, b->in, has_fd);
		b->len = 0;
		has_fd = false;
	}
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct bench *b = arg;

	(void)fd;
	(void)what;
	b->late = true;
}

static void on_lost(void *arg, const struct err *why)
{
	struct bench *b = arg;

	(void)why;
	b->lost = true;
}

static struct qemu *qemu(struct bench *b)
{
	return container_of(b->vmm, struct qemu, vmm);
}

static int setup(void **state)
{
	const struct qmp_events on_qmp = { qemu_on_qmp_event, qemu_on_qmp_closed };
	const struct vmm_events events = { on_lost, NULL };
	struct bench *b = xnew(struct bench);
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	b->base = event_base_new();
	b->vm.bridges = 1;
	b->vmm = qemu_new(b->base, &b->vm, &events, b);
	qemu(b)->qmp = qmp_new(b->base, sv[0], &on_qmp, qemu(b));
	qemu(b)->state = QEMU_RUNNING;
	b->peer = sv[1];
	b->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	event_assign(&b->heard, b->base, b->peer, EV_READ | EV_PERSIST, on_heard, b);
	event_add(&b->heard, NULL);
	evtimer_assign(&b->deadline, b->base, on_deadline, b);
	say(b, GREETING);
	*state = b;
	return 0;
}

static void hang_up(struct bench *b)
{
	event_del(&b->heard);
	close(b->peer);
	b->peer = -1;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	vmm_free(b->vmm);
	if (b->peer >= 0)
		hang_up(b);
	close(b->null_fd);
	event_base_free(b->base);
	str_done(&b->seen);
	free(b);
	return 0;
}

static void turn(struct bench *b)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(b->base, EVLOOP_NONBLOCK);
}

static void run_until(struct bench *b, const unsigned int *n)
{
	struct timeval tv = { .tv_sec = DEADLINE_S };

	evtimer_add(&b->deadline, &tv);
	while (*n == 0 && !b->late)
		event_base_loop(b->base, EVLOOP_ONCE);
	event_del(&b->deadline);
	if (b->late)
		fail_msg("too late; seen: %s", str_get(&b->seen));
}

static void on_done(void *arg, const struct err *err)
{
	struct ask *ask = arg;

	ask->n++;
	ask->err = err ? *err : ERR_INIT;
	if (ask->free_inside) {
		vmm_free(ask->free_inside->vmm);
		ask->free_inside->vmm = NULL;
	}
	if (ask->stop_inside)
		vmm_stop(ask->stop_inside->vmm, NULL, NULL);
	if (ask->again_inside && ask->n < 4)
		vmm_set_carrier(ask->again_inside->vmm, "network-0", true, QUICK_MS, on_done, ask);
}

static void expect_ok(const struct ask *ask)
{
	assert_int_equal(ask->n, 1);
	if (ask->err.code != ERR_OK)
		fail_msg("%s", ask->err.text);
}

static void expect_err(const struct ask *ask, enum err_code code, const char *text)
{
	assert_int_equal(ask->n, 1);
	if (ask->err.code != code || !strstr(ask->err.text, text))
		fail_msg("%d, '%s' instead of %d, '%s'", ask->err.code, ask->err.text, code, text);
}

static void expect_seen(struct bench *b, const char *want)
{
	assert_string_equal(str_get(&b->seen), want);
	str_done(&b->seen);
	b->n_seen = 0;
}

static struct vm_nic tap_of(struct bench *b, const char *id, unsigned int slot, size_t queues)
{
	static int fds[VM_NIC_QUEUES_MAX];

	for (size_t i = 0; i < VM_NIC_QUEUES_MAX; i++)
		fds[i] = b->null_fd;
	return (struct vm_nic){ .id = id, .slot = slot, .fds = fds, .n_fds = queues,
				.queues = (unsigned int)queues, .mac = { 2, 0, 0, 0, 0xab, 1 } };
}

static void add(struct bench *b, const struct vm_nic *nic, uint32_t timeout_ms, struct ask *ask)
{
	vmm_add_nic(b->vmm, nic, timeout_ms, on_done, ask);
	assert_int_equal(ask->n, 0); /* never from inside */
}

static void plug(struct bench *b, const char *id, unsigned int slot)
{
	struct vm_nic nic = tap_of(b, id, slot, 1);
	struct ask ask = { 0 };

	add(b, &nic, QUICK_MS, &ask);
	run_until(b, &ask.n);
	expect_ok(&ask);
	str_done(&b->seen);
	b->n_seen = 0;
}

static void unplug(struct bench *b, const char *id, uint32_t timeout_ms, struct ask *ask)
{
	*ask = (struct ask){ 0 };
	vmm_remove_nic(b->vmm, id, timeout_ms, on_done, ask);
	assert_int_equal(ask->n, 0);
}

#define DELETED(id)                                                           \
	"{\"event\": \"DEVICE_DELETED\", \"data\": {\"device\": \"" id "\", \"path\": " \
	"\"/machine/peripheral/" id "\"}}\r\n"

static void a_tap_is_passed_then_made_a_netdev_then_a_device(void **state)
{
	struct bench *b = *state;
	struct vm_nic nic = tap_of(b, "network-0", 3, 2);
	struct ask ask = { 0 };

	nic.vhost_fds = nic.fds;
	nic.n_vhost_fds = 2;
	add(b, &nic, QUICK_MS, &ask);
	run_until(b, &ask.n);
	expect_ok(&ask);
	expect_seen(b, "getfd q3.0+, getfd q3.1+, getfd v3.0+, getfd v3.1+, netdev_add be-network-0, "
		       "device_add network-0");
}

/* The text of what goes out, in full. */
static void expect_words(struct bench *b, const struct vm_nic *nic, const char *want)
{
	struct ask ask = { 0 };
	char text[4096];
	ssize_t n;

	turn(b);
	event_del(&b->heard);
	add(b, nic, QUICK_MS, &ask);
	turn(b);
	n = recv(b->peer, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	for (;;) { /* each descriptor ends a read */
		ssize_t more = recv(b->peer, text + n, sizeof(text) - 1 - (size_t)n, MSG_DONTWAIT);

		if (more <= 0)
			break;
		n += more;
	}
	text[n] = '\0';
	assert_string_equal(text, want);
}

static void two_queues_with_vhost_in_full(void **state)
{
	struct bench *b = *state;
	struct vm_nic nic = tap_of(b, "network-0", 30, 2);

	nic.vhost_fds = nic.fds;
	nic.n_vhost_fds = 2;
	expect_words(b, &nic,
		     "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"q30.0\"},\"id\":1}\n"
		     "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"q30.1\"},\"id\":2}\n"
		     "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"v30.0\"},\"id\":3}\n"
		     "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"v30.1\"},\"id\":4}\n"
		     "{\"execute\":\"netdev_add\",\"arguments\":{\"type\":\"tap\",\"id\":\"be-network-0\","
		     "\"fds\":\"q30.0:q30.1\",\"vhost\":true,\"vhostfds\":\"v30.0:v30.1\"},\"id\":5}\n"
		     "{\"execute\":\"device_add\",\"arguments\":{\"id\":\"network-0\","
		     "\"bus\":\"pci-bridge-0\",\"addr\":\"1e\",\"driver\":\"virtio-net-pci\","
		     "\"netdev\":\"be-network-0\",\"romfile\":\"\",\"mac\":\"02:00:00:00:ab:01\","
		     "\"mq\":true,\"vectors\":6},\"id\":6}\n");
}

static void vhost_user_in_full(void **state)
{
	struct bench *b = *state;
	const struct vm_nic nic = { .id = "network-1", .backend = VM_NIC_VHOST_USER, .slot = 2,
				    .queues = 1, .socket = SOCKET, .mac = { 2, 0, 0, 0, 0xab, 1 } };

	expect_words(b, &nic,
		     "{\"execute\":\"chardev-add\",\"arguments\":{\"id\":\"char-network-1\",\"backend\":"
		     "{\"type\":\"socket\",\"data\":{\"server\":false,\"addr\":{\"type\":\"unix\",\"data\":"
		     "{\"path\":\"" SOCKET "\"}}}}},\"id\":1}\n"
		     "{\"execute\":\"netdev_add\",\"arguments\":{\"type\":\"vhost-user\","
		     "\"id\":\"be-network-1\",\"chardev\":\"char-network-1\",\"queues\":1},\"id\":2}\n"
		     "{\"execute\":\"device_add\",\"arguments\":{\"id\":\"network-1\","
		     "\"bus\":\"pci-bridge-0\",\"addr\":\"2\",\"driver\":\"virtio-net-pci\","
		     "\"netdev\":\"be-network-1\",\"romfile\":\"\",\"mac\":\"02:00:00:00:ab:01\"},\"id\":3}\n");
}

static void vfio_in_full(void **state)
{
	const struct vm_nic nic = { .id = "network-2", .backend = VM_NIC_VFIO, .slot = 10,
				    .pci = "0000:00:05.0" };

	expect_words(*state, &nic,
		     "{\"execute\":\"device_add\",\"arguments\":{\"id\":\"network-2\","
		     "\"bus\":\"pci-bridge-0\",\"addr\":\"a\",\"driver\":\"vfio-pci\","
		     "\"host\":\"0000:00:05.0\"},\"id\":1}\n");
}

static void whichever_command_is_refused_everything_is_taken_back(void **state)
{
	static const char *const refused[] = { "{\"fdname\":\"q3.0\"", "{\"fdname\":\"q3.1\"",
					       "{\"fdname\":\"v3.0\"", "netdev_add", "device_add" };
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct vm_nic nic = tap_of(b, "network-0", 3, 2);
		struct ask ask = { 0 };

		nic.vhost_fds = nic.fds;
		nic.n_vhost_fds = 2;
		b->refuse = refused[i];
		add(b, &nic, QUICK_MS, &ask);
		run_until(b, &ask.n);
		expect_err(&ask, ERR_INTERNAL, "plug network device 'network-0': QEMU: no, thanks");
		assert_int_equal(b->n_seen, 6 + 5);
		expect_seen(b, "getfd q3.0+, getfd q3.1+, getfd v3.0+, getfd v3.1+, "
			       "netdev_add be-network-0, device_add network-0, "
			       "netdev_del be-network-0, closefd q3.0, closefd q3.1, closefd v3.0, "
			       "closefd v3.1");
	}
	b->refuse = NULL;
	plug(b, "network-0", 3); /* id and slot are free */
}

static void the_first_refusal_is_the_one_that_is_told(void **state)
{
	struct bench *b = *state;
	struct vm_nic nic = tap_of(b, "network-0", 3, 1);
	struct ask ask = { 0 };

	b->refuse = "\"execute\""; /* also what takes it back */
	turn(b);
	add(b, &nic, QUICK_MS, &ask);
	run_until(b, &ask.n);
	expect_err(&ask, ERR_INTERNAL, "QEMU: no, thanks");
	assert_int_equal(b->n_seen, 3 + 2);
}

static void a_socket_that_is_refused_leaves_no_chardev(void **state)
{
	struct bench *b = *state;
	const struct vm_nic nic = { .id = "network-0", .backend = VM_NIC_VHOST_USER, .slot = 1,
				    .queues = 1, .socket = SOCKET };
	struct ask ask = { 0 };

	b->refuse = "netdev_add";
	add(b, &nic, QUICK_MS, &ask);
	run_until(b, &ask.n);
	expect_err(&ask, ERR_INTERNAL, "no, thanks");
	expect_seen(b, "chardev-add char-network-0, netdev_add be-network-0, device_add network-0, "
		       "netdev_del be-network-0, chardev-remove char-network-0");
}

/* It may still come to be: then it must go again. */
static void a_device_without_answer_is_taken_back_too(void **state)
{
	struct bench *b = *state;
	struct vm_nic nic = tap_of(b, "network-0", 1, 1);
	struct ask ask = { 0 };

	b->ignore = "device_add";
	turn(b);
	add(b, &nic, SHORT_MS, &ask);
	run_until(b, &ask.n);
	expect_err(&ask, ERR_TIMEOUT, "plug network device 'network-0': QMP 'device_add': no answer");
	expect_seen(b, "getfd q1.0+, netdev_add be-network-0, device_add network-0, "
		       "device_del network-0, netdev_del be-network-0, closefd q1.0");
	b->ignore = NULL;
	plug(b, "network-0", 1);
}

static void several_at_a_time_are_each_answered(void **state)
{
	struct bench *b = *state;
	struct ask asks[VM_NIC_SLOTS] = { 0 };

	b->refuse = "q7.1";
	for (unsigned int i = 0; i < VM_NIC_SLOTS; i++) {
		char id[16];
		struct vm_nic nic;

		snprintf(id, sizeof(id), "network-%u", i);
		nic = tap_of(b, id, i + 1, 4);
		add(b, &nic, QUICK_MS, &asks[i]);
	}
	for (unsigned int i = 0; i < VM_NIC_SLOTS; i++) {
		run_until(b, &asks[i].n);
		if (i == 6)
			expect_err(&asks[i], ERR_INTERNAL, "'network-6': QEMU: no, thanks");
		else
			expect_ok(&asks[i]);
	}
	assert_int_equal(b->n_seen, VM_NIC_SLOTS * 6 + 5);
}

static void what_cannot_be_is_said_and_not_sent(void **state)
{
	struct bench *b = *state;
	static const struct {
		const char *id;
		unsigned int slot, queues;
		size_t n_fds, n_vhost;
		enum err_code code;
		const char *text;
	} cases[] = {
		{ "network-1", 1, 1, 1, 0, ERR_EXISTS, "slot 1 is taken by 'network-0'" },
		{ "network-0", 2, 1, 1, 0, ERR_EXISTS, "'network-0': it is there already" },
		{ "network-1", 0, 1, 1, 0, ERR_INVALID, "slot 0" },
		{ "network-1", 31, 1, 1, 0, ERR_INVALID, "slot 31" },
		{ "network\"1", 2, 1, 1, 0, ERR_INVALID, "not a name" },
		{ "1network", 2, 1, 1, 0, ERR_INVALID, "not a name" },
		{ "", 2, 1, 1, 0, ERR_INVALID, "not a name" },
		{ "n:1", 2, 1, 1, 0, ERR_INVALID, "not a name" },
		{ "network-1", 2, 0, 0, 0, ERR_INVALID, "0 queues" },
		{ "network-1", 2, 17, 17, 0, ERR_INVALID, "17 queues" },
		{ "network-1", 2, 2, 1, 0, ERR_INVALID, "1 and 0 descriptors for 2 queues" },
		{ "network-1", 2, 2, 2, 1, ERR_INVALID, "2 and 1 descriptors for 2 queues" },
	};

	plug(b, "network-0", 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vm_nic nic = tap_of(b, cases[i].id, cases[i].slot, cases[i].n_fds);
		struct ask ask = { 0 };

		nic.queues = cases[i].queues;
		nic.vhost_fds = nic.fds;
		nic.n_vhost_fds = cases[i].n_vhost;
		add(b, &nic, QUICK_MS, &ask);
		run_until(b, &ask.n);
		expect_err(&ask, cases[i].code, cases[i].text);
	}
	expect_seen(b, "");
}

static void a_pci_address_with_more_in_it_is_refused(void **state)
{
	static const char *const bad[] = { NULL, "", "0000:00:05.0\",\"x\":\"y" };
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct vm_nic nic = { .id = "network-0", .backend = VM_NIC_VFIO, .slot = 1,
					    .pci = bad[i] };
		struct ask ask = { 0 };

		add(b, &nic, QUICK_MS, &ask);
		run_until(b, &ask.n);
		expect_err(&ask, ERR_INVALID, "no proper PCI address");
	}
}

static void a_path_with_more_in_it_is_refused(void **state)
{
	static const char *const bad[] = { NULL, "", "relative", "/a\",\"b\":\"", "/a\\", "/a\nb" };
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct vm_nic nic = { .id = "network-0", .backend = VM_NIC_VHOST_USER, .slot = 1,
					    .queues = 1, .socket = bad[i] };
		struct ask ask = { 0 };

		add(b, &nic, QUICK_MS, &ask);
		run_until(b, &ask.n);
		expect_err(&ask, ERR_INVALID, "no proper path of a socket");
	}
}

static void a_device_is_gone_when_the_guest_let_it_go(void **state)
{
	struct bench *b = *state;
	struct ask ask;

	plug(b, "network-0", 1);
	unplug(b, "network-0", QUICK_MS, &ask);
	turn(b);
	assert_int_equal(ask.n, 0);
	say(b, DELETED("network-1")); /* not ours */
	say(b, "{\"event\": \"DEVICE_DELETED\", \"data\": {\"path\": \"/machine/peripheral/network-0/virtio-backend\"}}\r\n");
	say(b, "{\"event\": \"DEVICE_DELETED\"}\r\n");
	turn(b);
	expect_seen(b, "device_del network-0");
	say(b, DELETED("network-0"));
	run_until(b, &ask.n);
	expect_ok(&ask);
	expect_seen(b, "netdev_del be-network-0");
	unplug(b, "network-0", QUICK_MS, &ask);
	run_until(b, &ask.n);
	expect_err(&ask, ERR_NOT_FOUND, "unplug network device 'network-0'");
	plug(b, "network-0", 1);
}

static void the_event_may_come_before_the_answer_or_instead_of_it(void **state)
{
	struct bench *b = *state;
	struct ask ask;

	plug(b, "network-0", 1);
	b->before = DELETED("network-0");
	unplug(b, "network-0", QUICK_MS, &ask);
	run_until(b, &ask.n);
	expect_ok(&ask);
	/* The guest was quicker: QEMU no longer knows what we ask for. */
	plug(b, "network-0", 1);
	b->before = DELETED("network-0");
	b->refuse = "device_del";
	unplug(b, "network-0", QUICK_MS, &ask);
	run_until(b, &ask.n);
	expect_ok(&ask);
	expect_seen(b, "device_del network-0, netdev_del be-network-0");
}

static void a_guest_that_keeps_it_has_nothing_behind_it_and_its_slot_is_taken_until_it_lets_go(void **state)
{
	struct bench *b = *state;
	struct vm_nic other = tap_of(b, "network-1", 1, 1);
	struct ask ask, refused = { 0 };

	plug(b, "network-0", 1);
	unplug(b, "network-0", SHORT_MS, &ask);
	run_until(b, &ask.n);
	expect_err(&ask, ERR_TIMEOUT, "unplug network device 'network-0': the guest did not let it go within 150 ms");
	expect_seen(b, "device_del network-0, netdev_del be-network-0");
	add(b, &other, QUICK_MS, &refused);
	run_until(b, &refused.n);
	expect_err(&refused, ERR_EXISTS, "slot 1");
	/* It may be asked for again; QEMU may not like that. */
	b->refuse = "device_del";
	unplug(b, "network-0", SHORT_MS, &ask);
	run_until(b, &ask.n);
	expect_err(&ask, ERR_TIMEOUT, "did not let it go");
	expect_seen(b, "device_del network-0");
	b->refuse = NULL;
	say(b, DELETED("network-0"));
	turn(b);
	plug(b, "network-1", 1);
}

static void a_guest_that_does_not_run_yet_is_not_asked(void **state)
{
	struct bench *b = *state;
	struct ask ask;

	plug(b, "network-0", 1);
	qemu(b)->held = true;
	unplug(b, "network-0", QUICK_MS, &ask);
	run_until(b, &ask.n);
	expect_err(&ask, ERR_TIMEOUT, "'network-0': the guest does not run yet");
	expect_seen(b, "netdev_del be-network-0");
	unplug(b, "network-0", QUICK_MS, &ask); /* there is nothing to send any more */
	run_until(b, &ask.n);
	expect_err(&ask, ERR_TIMEOUT, "'network-0': the guest does not run yet");
	qemu(b)->held = false;
	b->before = DELETED("network-0");
	unplug(b, "network-0", QUICK_MS, &ask);
	run_until(b, &ask.n);
	expect_ok(&ask);
	expect_seen(b, "device_del network-0");
}

static void a_husk_that_goes_at_last_is_gone(void **state)
{
	struct bench *b = *state;
	struct ask ask;

	plug(b, "network-0", 1);
	unplug(b, "network-0", SHORT_MS, &ask);
	run_until(b, &ask.n);
	str_done(&b->seen);
	unplug(b, "network-0", QUICK_MS, &ask);
	turn(b);
	say(b, DELETED("network-0"));
	run_until(b, &ask.n);
	expect_ok(&ask);
	expect_seen(b, "device_del network-0"); /* there is no netdev any more */
	plug(b, "network-0", 1);
}

static void what_the_guest_lets_go_unasked_is_cleaned_up_when_we_unplug_it(void **state)
{
	struct bench *b = *state;
	struct ask ask;

	plug(b, "network-0", 1);
	say(b, DELETED("network-0"));
	turn(b);
	unplug(b, "network-0", QUICK_MS, &ask);
	run_until(b, &ask.n);
	expect_ok(&ask);
	expect_seen(b, "netdev_del be-network-0");
}

static void a_vfio_device_has_nothing_behind_it(void **state)
{
	const struct vm_nic nic = { .id = "network-0", .backend = VM_NIC_VFIO, .slot = 1,
				    .pci = "0000:00:05.0" };
	struct bench *b = *state;

	for (int i = 0; i < 2; i++) {
		struct ask ask = { 0 };

		add(b, &nic, QUICK_MS, &ask);
		run_until(b, &ask.n);
		expect_ok(&ask);
		if (i == 0) /* by itself */
			say(b, DELETED("network-0"));
		turn(b);
		b->before = DELETED("network-0");
		unplug(b, "network-0", QUICK_MS, &ask);
		run_until(b, &ask.n);
		expect_ok(&ask);
	}
	expect_seen(b, "device_add network-0, device_add network-0, device_del network-0");
}

static void an_unplug_that_qemu_refuses_changes_nothing(void **state)
{
	struct bench *b = *state;
	struct ask ask;

	plug(b, "network-0", 1);
	b->refuse = "device_del";
	unplug(b, "network-0", QUICK_MS, &ask);
	run_until(b, &ask.n);
	expect_err(&ask, ERR_INTERNAL, "unplug network device 'network-0': QEMU: no, thanks");
	expect_seen(b, "device_del network-0");
	b->refuse = NULL;
	b->before = DELETED("network-0");
	unplug(b, "network-0", QUICK_MS, &ask);
	run_until(b, &ask.n);
	expect_ok(&ask);
}

static void a_netdev_that_stays_is_told(void **state)
{
	struct bench *b = *state;
	struct ask ask;

	plug(b, "network-0", 1);
	b->refuse = "netdev_del";
	b->before = DELETED("network-0");
	unplug(b, "network-0", QUICK_MS, &ask);
	run_until(b, &ask.n);
	expect_err(&ask, ERR_INTERNAL, "unplug network device 'network-0': QEMU: no, thanks");
}

static void one_change_of_a_device_at_a_time(void **state)
{
	struct bench *b = *state;
	struct ask first, second;

	plug(b, "network-0", 1);
	unplug(b, "network-0", QUICK_MS, &first);
	unplug(b, "network-0", QUICK_MS, &second);
	run_until(b, &second.n);
	expect_err(&second, ERR_STATE, "it is being plugged or unplugged");
	say(b, DELETED("network-0"));
	run_until(b, &first.n);
	expect_ok(&first);
}

static void the_cable_goes_out_and_in(void **state)
{
	struct bench *b = *state;
	struct ask ask = { 0 };

	plug(b, "network-0", 1);
	vmm_set_carrier(b->vmm, "network-0", false, QUICK_MS, on_done, &ask);
	assert_int_equal(ask.n, 0);
	run_until(b, &ask.n);
	expect_ok(&ask);
	expect_seen(b, "set_link network-0");
	b->refuse = "\"up\":true";
	ask.n = 0;
	vmm_set_carrier(b->vmm, "network-0", true, QUICK_MS, on_done, &ask);
	run_until(b, &ask.n);
	expect_err(&ask, ERR_INTERNAL, "set carrier of network device 'network-0': QEMU: no, thanks");
	ask.n = 0;
	vmm_set_carrier(b->vmm, "network-1", true, QUICK_MS, on_done, &ask);
	run_until(b, &ask.n);
	expect_err(&ask, ERR_NOT_FOUND, "'network-1'");
}

/* One change of each kind, none of them answered. */
static void begin_all(struct bench *b, struct ask asks[3])
{
	struct vm_nic nic = tap_of(b, "network-1", 2, 4);

	plug(b, "network-0", 1);
	b->ignore = "execute";
	memset(asks, 0, 3 * sizeof(*asks));
	add(b, &nic, QUICK_MS, &asks[0]);
	vmm_remove_nic(b->vmm, "network-0", QUICK_MS, on_done, &asks[1]);
	vmm_set_carrier(b->vmm, "network-0", false, QUICK_MS, on_done, &asks[2]);
	turn(b);
}

static void a_link_that_ends_fails_them_all_with_the_loss(void **state)
{
	struct bench *b = *state;
	struct ask asks[3];

	begin_all(b, asks);
	hang_up(b);
	for (size_t i = 0; i < 3; i++) {
		run_until(b, &asks[i].n);
		expect_err(&asks[i], ERR_UNAVAILABLE, "QEMU");
	}
	assert_true(b->lost);
	/* And so does whatever comes later. */
	asks[0] = (struct ask){ 0 };
	vmm_set_carrier(b->vmm, "network-0", false, QUICK_MS, on_done, &asks[0]);
	assert_int_equal(asks[0].n, 0);
	run_until(b, &asks[0].n);
	expect_err(&asks[0], ERR_UNAVAILABLE, "QEMU");
}

/* The process is seen to end while the link is still there: answers may come even after that. */
static void answers_that_come_after_the_loss_find_nobody(void **state)
{
	struct bench *b = *state;
	struct ask asks[3];

	begin_all(b, asks);
	qemu(b)->child.ended = true;
	qemu_on_child_exit(qemu(b));
	run_until(b, &asks[2].n);
	for (size_t i = 0; i < 3; i++)
		expect_err(&asks[i], ERR_UNAVAILABLE, "QEMU");
	for (int id = 1; id < 11; id++) {
		char text[64];

		snprintf(text, sizeof(text), "{\"return\": {}, \"id\": %d}\r\n", id);
		say(b, text);
	}
	say(b, DELETED("network-0"));
	turn(b);
	hang_up(b);
	turn(b);
}

static void a_callback_that_asks_again_after_the_loss_does_not_go_round(void **state)
{
	struct bench *b = *state;
	struct ask asks[3];

	begin_all(b, asks);
	asks[0].again_inside = b;
	hang_up(b);
	run_until(b, &asks[2].n);
	turn(b);
	assert_int_equal(asks[0].n, 4);
	assert_int_equal(asks[1].n, 1);
	assert_true(b->lost);
}

static void a_callback_may_free_the_machine_when_it_is_lost(void **state)
{
	struct bench *b = *state;
	struct ask asks[3];

	begin_all(b, asks);
	asks[0].free_inside = b;
	hang_up(b);
	run_until(b, &asks[0].n);
	turn(b);
	assert_int_equal(asks[1].n + asks[2].n, 0);
	assert_false(b->lost);
}

static void a_callback_may_free_or_stop_the_machine_when_it_succeeds(void **state)
{
	struct bench *b = *state;
	struct vm_nic nic = tap_of(b, "network-0", 1, 1);
	struct ask ask = { .stop_inside = b };

	add(b, &nic, QUICK_MS, &ask);
	run_until(b, &ask.n);
	turn(b);
	expect_ok(&ask);
	ask = (struct ask){ .free_inside = b };
	vmm_set_carrier(b->vmm, "network-0", true, QUICK_MS, on_done, &ask);
	run_until(b, &ask.n);
	expect_err(&ask, ERR_STATE, "does not run");
	assert_null(b->vmm);
}

static void stopping_drops_them_all(void **state)
{
	struct bench *b = *state;
	struct ask asks[3], stopped = { 0 };

	begin_all(b, asks);
	vmm_stop(b->vmm, on_done, &stopped);
	run_until(b, &stopped.n);
	turn(b);
	assert_int_equal(asks[0].n + asks[1].n + asks[2].n, 0);
}

static void freeing_drops_them_all(void **state)
{
	struct bench *b = *state;
	struct ask asks[3];

	begin_all(b, asks);
	vmm_free(b->vmm);
	b->vmm = NULL;
	turn(b);
	assert_int_equal(asks[0].n + asks[1].n + asks[2].n, 0);
}

static void nothing_is_plugged_into_what_was_not_started(void **state)
{
	struct bench *b = *state;
	struct vm_nic nic = tap_of(b, "network-0", 1, 1);
	struct ask ask = { 0 };

	qemu(b)->state = QEMU_NEW;
	add(b, &nic, QUICK_MS, &ask);
	run_until(b, &ask.n);
	expect_err(&ask, ERR_STATE, "does not run");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_tap_is_passed_then_made_a_netdev_then_a_device),
		T(two_queues_with_vhost_in_full),
		T(vhost_user_in_full),
		T(vfio_in_full),
		T(whichever_command_is_refused_everything_is_taken_back),
		T(the_first_refusal_is_the_one_that_is_told),
		T(a_socket_that_is_refused_leaves_no_chardev),
		T(a_device_without_answer_is_taken_back_too),
		T(several_at_a_time_are_each_answered),
		T(what_cannot_be_is_said_and_not_sent),
		T(a_pci_address_with_more_in_it_is_refused),
		T(a_path_with_more_in_it_is_refused),
		T(a_device_is_gone_when_the_guest_let_it_go),
		T(the_event_may_come_before_the_answer_or_instead_of_it),
		T(a_guest_that_keeps_it_has_nothing_behind_it_and_its_slot_is_taken_until_it_lets_go),
		T(a_guest_that_does_not_run_yet_is_not_asked),
		T(a_husk_that_goes_at_last_is_gone),
		T(what_the_guest_lets_go_unasked_is_cleaned_up_when_we_unplug_it),
		T(a_vfio_device_has_nothing_behind_it),
		T(an_unplug_that_qemu_refuses_changes_nothing),
		T(a_netdev_that_stays_is_told),
		T(one_change_of_a_device_at_a_time),
		T(the_cable_goes_out_and_in),
		T(a_link_that_ends_fails_them_all_with_the_loss),
		T(answers_that_come_after_the_loss_find_nobody),
		T(a_callback_that_asks_again_after_the_loss_does_not_go_round),
		T(a_callback_may_free_the_machine_when_it_is_lost),
		T(a_callback_may_free_or_stop_the_machine_when_it_succeeds),
		T(stopping_drops_them_all),
		T(freeing_drops_them_all),
		T(nothing_is_plugged_into_what_was_not_started),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
