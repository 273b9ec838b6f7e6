/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qemu_nic.c - the real QEMU, network devices in and out; the machine itself is asked
 * what it has, over its human monitor
 *
 * In a network namespace of its own: taps are made here. The guest is a few dozen bytes that know
 * nothing of ACPI, so it lets no device go.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "engine/vmm/host_sock.h"
#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/str.h"
#include "tiny_guest.h"

#define QUICK_MS 5000

struct ask {
	bool done;
	struct err err;
	uint64_t ns;
};

static int setup(void **state)
{
	struct bench *b = bench_new();

	b->config->hypervisor.use_legacy_serial = true; /* what tiny guests speak on */
	bench_set(&b->config->hypervisor.extra_monitor_socket, "hmp");
	assert_int_equal(tiny_guest_write(b->kernel, TINY_IDLE), 0);
	b->start_paused = true;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	bench_free(*state);
	return 0;
}

static void on_asked(void *arg, const struct err *err)
{
	struct ask *ask = arg;

	assert_false(ask->done);
	ask->done = true;
	ask->err = err ? *err : ERR_INIT;
	ask->ns = clock_mono_ns() - ask->ns;
}

static void expect_ok(const struct ask *ask)
{
	if (ask->err.code != ERR_OK)
		fail_msg("%s", ask->err.text);
}

static struct vm_nic nic_of(const char *id, unsigned int slot, const int *fds, size_t n_fds)
{
	return (struct vm_nic){ .id = id, .backend = VM_NIC_TAP, .slot = slot, .fds = fds,
				.mac = { 0x02, 0x42, 0xac, 0x11, 0, (uint8_t)slot }, .n_fds = n_fds,
				.queues = (unsigned int)n_fds };
}

static void add(struct bench *b, const struct vm_nic *nic, struct ask *ask)
{
	*ask = (struct ask){ .ns = clock_mono_ns() };
	vmm_add_nic(b->vmm, nic, QUICK_MS, on_asked, ask);
	assert_false(ask->done);
}

static void add_tap(struct bench *b, const char *id, unsigned int slot, struct ask *ask)
{
	char name[16];
	struct vm_nic nic;
	int fd;

	snprintf(name, sizeof(name), "t%u", slot);
	fd = bench_open_tap(name, 0);
	nic = nic_of(id, slot, &fd, 1);
	add(b, &nic, ask);
	close(fd); /* borrowed for the call only */
	bench_run_until(b, &ask->done);
}

static void remove_nic(struct bench *b, const char *id, uint32_t timeout_ms, struct ask *ask)
{
	*ask = (struct ask){ .ns = clock_mono_ns() };
	vmm_remove_nic(b->vmm, id, timeout_ms, on_asked, ask);
	assert_false(ask->done);
	bench_run_until(b, &ask->done);
}

/* What the human monitor says to one command; owned by the caller. */
static char *monitor(struct bench *b, const char *command)
{
	char buf[4096];
	struct timeval patience = { .tv_sec = 10 };
	struct err err = ERR_INIT;
	struct str out = { 0 };
	unsigned int prompts = 0;
	int fd;

	fd = host_sock_connect(b->vm_dir, "extra-monitor.sock", &err);
	if (fd < 0)
		fail_msg("%s", err.text);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0); /* it blocks, but not for long */
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	assert_int_equal(dprintf(fd, "%s\n", command), strlen(command) + 1);
	/* One prompt before the command, one after its output. */
	while (prompts < 2) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n <= 0)
			fail_msg("monitor, '%s': %s", command, n ? strerror(errno) : "closed");
		str_add_n(&out, buf, (size_t)n);
		prompts = 0;
		for (const char *at = str_get(&out); (at = strstr(at, "(qemu) ")); at++)
			prompts++;
	}
	close(fd);
	return str_take(&out);
}

static bool has(struct bench *b, const char *command, const char *part)
{
	char *text = monitor(b, command);
	bool found = strstr(text, part) != NULL;

	free(text);
	return found;
}

static bool tap_is_held(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	bool held;

	assert_true(fd >= 0);
	strcpy(ifr.ifr_name, name);
	held = ioctl(fd, TUNSETIFF, &ifr) < 0 && errno == EBUSY;
	close(fd);
	return held;
}

/* The descriptor that QEMU has for a queue is one of this tap. */
static void expect_tap(struct bench *b, const char *netdev, int queue, const char *name)
{
	char *text = monitor(b, "info network"), start[64], path[64], line[32], *at, *info;
	struct err err = ERR_INIT;

	snprintf(start, sizeof(start), "%s: index=%d,type=tap,fd=", netdev, queue);
	at = strstr(text, start);
	if (!at)
		fail_msg("no '%s' in: %s", start, text);
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%ld", (int)b->pid,
		 strtol(at + strlen(start), NULL, 10));
	if (file_read(path, 8192, &info, NULL, &err) < 0)
		fail_msg("%s", err.text);
	snprintf(line, sizeof(line), "iff:\t%s\n", name);
	assert_non_null(strstr(info, line));
	free(info);
	free(text);
}

static void a_machine_that_starts_paused_is_ready_and_waits(void **state)
{
	struct bench *b = *state;

	b->awaited_line = TINY_HELLO;
	bench_start(b, -1);
	bench_make_ready(b);
	assert_true(has(b, "info status", "prelaunch"));
	BENCH_ASK(b, vmm_check, QUICK_MS);
	assert_int_equal(b->done_err.code, ERR_OK);
	assert_false(b->said);
	BENCH_ASK(b, vmm_resume, QUICK_MS);
	assert_int_equal(b->done_err.code, ERR_OK);
	bench_run_until(b, &b->said);
	BENCH_ASK(b, vmm_check, QUICK_MS);
	assert_int_equal(b->done_err.code, ERR_OK);
	/* Once it ran, standing still is a failure as ever. */
	BENCH_ASK(b, vmm_pause, QUICK_MS);
	BENCH_ASK(b, vmm_check, QUICK_MS);
	assert_int_equal(b->done_err.code, ERR_UNAVAILABLE);
	assert_false(b->lost);
}

static void taps_are_plugged_before_the_guest_runs(void **state)
{
	struct bench *b = *state;
	int one = bench_open_tap("one0", 0);
	int two[2] = { bench_open_tap("two0", IFF_MULTI_QUEUE), bench_open_tap("two0", IFF_MULTI_QUEUE) };
	struct vm_nic nics[] = { nic_of("network-0", 1, &one, 1), nic_of("network-1", 0x1a, two, 2) };
	struct ask asks[2];

	b->awaited_line = TINY_HELLO;
	bench_start(b, -1);
	/* At once, before the first answer. */
	for (size_t i = 0; i < 2; i++)
		add(b, &nics[i], &asks[i]);
	close(one);
	close(two[0]);
	close(two[1]);
	for (size_t i = 0; i < 2; i++) {
		bench_run_until(b, &asks[i].done);
		expect_ok(&asks[i]);
	}
	BENCH_ASK(b, vmm_resume, QUICK_MS);
	assert_int_equal(b->done_err.code, ERR_OK);
	bench_run_until(b, &b->said);
	assert_true(has(b, "info qtree", "dev: virtio-net-pci, id \"network-0\""));
	assert_true(has(b, "info qtree", "mac = \"02:42:ac:11:00:1a\""));
	assert_true(has(b, "info qtree", "vectors = 6 (0x6)"));
	assert_true(has(b, "info qtree", "addr = 1a.0"));
	expect_tap(b, "be-network-0", 0, "one0");
	expect_tap(b, "be-network-1", 0, "two0");
	expect_tap(b, "be-network-1", 1, "two0");
	assert_true(tap_is_held("one0"));
	print_message("plugging two taps into a starting QEMU: %.1f ms\n", (double)asks[1].ns / NS_PER_MS);
}

/* QEMU reads each descriptor with the right command, however many come behind one another. */
static void sixteen_queues_are_plugged_in_one_go(void **state)
{
	struct bench *b = *state;
	int fds[VM_NIC_QUEUES_MAX];
	struct vm_nic nic = nic_of("network-0", 30, fds, VM_NIC_QUEUES_MAX);
	struct ask ask;

	for (size_t i = 0; i < VM_NIC_QUEUES_MAX; i++)
		fds[i] = bench_open_tap("many0", IFF_MULTI_QUEUE);
	bench_start(b, -1);
	bench_make_ready(b);
	add(b, &nic, &ask);
	for (size_t i = 0; i < VM_NIC_QUEUES_MAX; i++)
		close(fds[i]);
	bench_run_until(b, &ask.done);
	expect_ok(&ask);
	expect_tap(b, "be-network-0", 15, "many0");
	print_message("plugging 16 queues: %.1f ms\n", (double)ask.ns / NS_PER_MS);
}

static void a_running_guest_gets_one_too(void **state)
{
	struct bench *b = *state;
	struct ask ask;

	b->start_paused = false;
	b->awaited_line = TINY_HELLO;
	bench_start(b, -1);
	bench_run_until(b, &b->said);
	add_tap(b, "network-0", 1, &ask);
	expect_ok(&ask);
	print_message("plugging a tap into a running guest: %.1f ms\n", (double)ask.ns / NS_PER_MS);
	assert_true(has(b, "info qtree", "dev: virtio-net-pci, id \"network-0\""));
}

/* QEMU has no right but to its descriptors. */
static void a_qemu_that_is_not_root_takes_roots_taps(void **state)
{
	struct bench *b = *state;
	struct ask ask;

	b->config->hypervisor.rootless = true;
	bench_start(b, -1);
	bench_make_ready(b);
	assert_true(b->vm.user.own && b->vm.user.uid != 0);
	assert_true(*b->vm.seccomp);
	add_tap(b, "network-0", 1, &ask);
	expect_ok(&ask);
	BENCH_ASK(b, vmm_resume, QUICK_MS);
	assert_int_equal(b->done_err.code, ERR_OK);
	assert_true(has(b, "info qtree", "dev: virtio-net-pci, id \"network-0\""));
}

static void the_cable_can_be_pulled(void **state)
{
	struct bench *b = *state;
	struct ask ask;

	bench_start(b, -1);
	add_tap(b, "network-0", 1, &ask);
	expect_ok(&ask);
	for (int up = 0; up < 2; up++) {
		ask = (struct ask){ .ns = clock_mono_ns() };
		vmm_set_carrier(b->vmm, "network-0", up, QUICK_MS, on_asked, &ask);
		bench_run_until(b, &ask.done);
		expect_ok(&ask);
	}
	print_message("set carrier: %.1f ms\n", (double)ask.ns / NS_PER_MS);
	ask = (struct ask){ 0 };
	vmm_set_carrier(b->vmm, "network-9", false, QUICK_MS, on_asked, &ask);
	bench_run_until(b, &ask.done);
	assert_int_equal(ask.err.code, ERR_NOT_FOUND);
	bench_expect_text(&ask.err, "network-9");
}

/* The tap is free for others afterwards, though the guest still has the device. */
static void a_device_that_the_guest_keeps_loses_its_tap(void **state)
{
	struct bench *b = *state;
	struct ask ask;

	bench_start(b, -1);
	add_tap(b, "network-0", 1, &ask);
	expect_ok(&ask);
	assert_true(tap_is_held("t1"));
	BENCH_ASK(b, vmm_resume, QUICK_MS);
	remove_nic(b, "network-0", 200, &ask);
	assert_int_equal(ask.err.code, ERR_TIMEOUT);
	bench_expect_text(&ask.err, "unplug network device 'network-0': the guest did not let it go");
	assert_false(tap_is_held("t1"));
	/* Its slot and its name stay taken. */
	add_tap(b, "network-1", 1, &ask);
	assert_int_equal(ask.err.code, ERR_EXISTS);
	bench_expect_text(&ask.err, "slot 1 is taken by 'network-0'");
	add_tap(b, "network-0", 2, &ask);
	assert_int_equal(ask.err.code, ERR_EXISTS);
	remove_nic(b, "network-0", 200, &ask);
	assert_int_equal(ask.err.code, ERR_TIMEOUT);
	remove_nic(b, "network-7", 200, &ask);
	assert_int_equal(ask.err.code, ERR_NOT_FOUND);
}

/* A descriptor that is no tap: QEMU has its say, and afterwards has nothing of it. */
static void what_is_no_tap_is_refused_and_leaves_nothing(void **state)
{
	struct bench *b = *state;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct vm_nic nic = nic_of("network-0", 1, &fd, 1);
	struct ask ask;

	bench_start(b, -1);
	add(b, &nic, &ask);
	close(fd);
	bench_run_until(b, &ask.done);
	print_message("%s\n", ask.err.text);
	assert_int_equal(ask.err.code, ERR_INTERNAL);
	bench_expect_text(&ask.err, "plug network device 'network-0': QEMU: ");
	add_tap(b, "network-0", 1, &ask);
	expect_ok(&ask);
}

/* device_add is the last of the three: the tap was QEMU's already. */
static void a_device_that_cannot_be_added_gives_its_tap_back(void **state)
{
	struct bench *b = *state;
	struct ask ask;

	b->config->hypervisor.default_bridges = 1;
	bench_start(b, -1);
	bench_make_ready(b);
	free(monitor(b, "device_add virtio-rng-pci,id=intruder,bus=pci-bridge-0,addr=5"));
	add_tap(b, "network-0", 5, &ask);
	assert_int_equal(ask.err.code, ERR_INTERNAL);
	bench_expect_text(&ask.err, "plug network device 'network-0': QEMU: PCI: slot 5");
	assert_false(tap_is_held("t5"));
	assert_false(has(b, "info network", "be-network-0"));
	add_tap(b, "network-0", 6, &ask);
	expect_ok(&ask);
}

/*
 * The least of a vhost-user backend: says what it can, takes the rest. Message numbers from QEMU's
 * docs/interop/vhost-user.rst.
 */
struct backend {
	struct event listening, readable;
	char path[96];
	int fd; /* -1: nobody has come */
	unsigned int n_messages;
	bool closed;
};

static void answer(const struct backend *be, uint32_t request, uint64_t value)
{
	const struct { uint32_t request, flags, size; uint64_t value; } __attribute__((packed))
	reply = { request, 1 | 4, sizeof(value), value };

	assert_int_equal(write(be->fd, &reply, sizeof(reply)), sizeof(reply));
}

static void on_vhost(evutil_socket_t fd, short what, void *arg)
{
	struct backend *be = arg;
	uint32_t head[3];
	char rest[4096];
	ssize_t n = recv(fd, head, sizeof(head), MSG_WAITALL);

	(void)what;
	if (n != sizeof(head)) {
		be->closed = true;
		event_del(&be->readable);
		return;
	}
	assert_true(head[2] <= sizeof(rest));
	if (head[2])
		assert_int_equal(recv(fd, rest, head[2], MSG_WAITALL), head[2]);
	be->n_messages++;
	if (head[0] == 1) /* GET_FEATURES: VIRTIO_F_VERSION_1, VHOST_USER_F_PROTOCOL_FEATURES */
		answer(be, 1, 1ull << 32 | 1ull << 30);
	else if (head[0] == 15) /* GET_PROTOCOL_FEATURES: MQ */
		answer(be, 15, 1);
	else if (head[0] == 17) /* GET_QUEUE_NUM */
		answer(be, 17, 4);
}

static void on_connect(evutil_socket_t fd, short what, void *arg)
{
	struct backend *be = arg;

	(void)what;
	be->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(be->fd >= 0);
	event_assign(&be->readable, event_get_base(&be->listening), be->fd, EV_READ | EV_PERSIST, on_vhost,
		     be);
	event_add(&be->readable, NULL);
}

static void backend_begin(struct bench *b, struct backend *be)
{
	struct err err = ERR_INIT;
	int fd;

	*be = (struct backend){ .fd = -1 };
	snprintf(be->path, sizeof(be->path), "%s/vhu.sock", b->dir);
	fd = host_sock_listen(b->dir, "vhu.sock", &err);
	assert_true(fd >= 0);
	event_assign(&be->listening, b->base, fd, EV_READ, on_connect, be);
	event_add(&be->listening, NULL);
}

static void backend_end(struct backend *be)
{
	event_del(&be->listening);
	close(event_get_fd(&be->listening));
	if (be->fd >= 0)
		close(be->fd);
}

static void plug_vhost_user(struct bench *b, const struct backend *be, struct ask *ask)
{
	const struct vm_nic nic = { .id = "network-0", .backend = VM_NIC_VHOST_USER, .slot = 1,
				    .queues = 2, .socket = be->path };

	add(b, &nic, ask);
	bench_run_until(b, &ask->done);
}

static void a_vhost_user_backend_is_plugged_and_let_go(void **state)
{
	struct bench *b = *state;
	struct backend be;
	struct ask ask;

	bench_start(b, -1);
	bench_make_ready(b);
	backend_begin(b, &be);
	plug_vhost_user(b, &be, &ask);
	expect_ok(&ask);
	assert_true(be.n_messages > 0);
	assert_true(has(b, "info network", "be-network-0: index=1,type=vhost-user"));
	remove_nic(b, "network-0", 200, &ask);
	assert_int_equal(ask.err.code, ERR_TIMEOUT);
	bench_expect_text(&ask.err, "the guest does not run yet");
	bench_run_until(b, &be.closed);
	assert_false(has(b, "info chardev", "char-network-0"));
	backend_end(&be);
}

static void a_socket_that_nobody_listens_on_leaves_nothing(void **state)
{
	struct bench *b = *state;
	struct backend be;
	struct ask ask;

	bench_start(b, -1);
	bench_make_ready(b);
	backend_begin(b, &be);
	backend_end(&be);
	plug_vhost_user(b, &be, &ask);
	assert_int_equal(ask.err.code, ERR_INTERNAL);
	bench_expect_text(&ask.err, "vhu.sock': Connection refused");
	assert_false(has(b, "info network", "be-network-0"));
	assert_false(has(b, "info chardev", "char-network-0"));
}

static void a_device_of_the_hosts_that_is_not_there_is_named(void **state)
{
	struct bench *b = *state;
	struct vm_nic nic = { .id = "network-0", .backend = VM_NIC_VFIO, .slot = 1, .pci = "0000:7f:1f.7" };
	struct ask ask;

	bench_start(b, -1);
	add(b, &nic, &ask);
	bench_run_until(b, &ask.done);
	assert_int_equal(ask.err.code, ERR_INTERNAL);
	bench_expect_text(&ask.err, "0000:7f:1f.7");
}

static void a_machine_without_bridge_has_no_place(void **state)
{
	struct bench *b = *state;
	struct ask ask;

	b->config->hypervisor.default_bridges = 0;
	bench_start(b, -1);
	add_tap(b, "network-0", 1, &ask);
	assert_int_equal(ask.err.code, ERR_INVALID);
	bench_expect_text(&ask.err, "default_bridges is 0");
}

int main(void)
{
	if (!bench_enter_netns())
		return 77;
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_machine_that_starts_paused_is_ready_and_waits),
		T(taps_are_plugged_before_the_guest_runs),
		T(sixteen_queues_are_plugged_in_one_go),
		T(a_running_guest_gets_one_too),
		T(a_qemu_that_is_not_root_takes_roots_taps),
		T(the_cable_can_be_pulled),
		T(a_device_that_the_guest_keeps_loses_its_tap),
		T(what_is_no_tap_is_refused_and_leaves_nothing),
		T(a_device_that_cannot_be_added_gives_its_tap_back),
		T(a_vhost_user_backend_is_plugged_and_let_go),
		T(a_socket_that_nobody_listens_on_leaves_nothing),
		T(a_device_of_the_hosts_that_is_not_there_is_named),
		T(a_machine_without_bridge_has_no_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
