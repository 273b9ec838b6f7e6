/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nic_guest.c - network devices as a real guest sees them: our kernel, our agent
 *
 * The guest is asked by its debug shell; it has a tap of one queue and one of two when it begins.
 * In a network namespace of its own.
 *
 *	test_vmm_nic_guest GUEST_DIR	(what osbuilder/initrd made)
 */
#include "bench.h"

#include <arpa/inet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/vmm/host_sock.h"
#include "engine/vmm/tail.h"
#include "lib/base/clock.h"

#define BOOT_S   90
#define QUICK_MS 5000
#define LET_GO_MS 15000 /* an emulated guest on a busy machine */

static const char *guest_dir;

struct shell {
	int fd; /* tail's; for writing */
	struct tail *tail;
	char last[512]; /* line; it may have come before it is awaited */
	const char *awaited;
	bool said;
};

static void on_line(void *arg, const char *line)
{
	struct shell *sh = arg;

	snprintf(sh->last, sizeof(sh->last), "%s", line);
	if (sh->awaited && strstr(line, sh->awaited))
		sh->said = true;
}

/* The bytes wait for the guest. */
static void type(struct shell *sh, const char *text)
{
	assert_int_equal(write(sh->fd, text, strlen(text)), strlen(text));
}

static void await(struct bench *b, struct shell *sh, const char *line)
{
	char *text;

	sh->said = strstr(sh->last, line) != NULL;
	sh->awaited = line;
	bench_run_for(b, BOOT_S * 1000, &sh->said, &b->lost);
	if (sh->said)
		return;
	text = tail_text(sh->tail);
	print_error("shell:\n%s\n", text);
	free(text);
	fail_msg("the guest does not say '%s'%s%s", line, b->lost ? ": " : "", b->lost_err.text);
}

/*
 * The list of devices by path, with name and queues; again at each kernel event, so
 * nobody has to ask again. What is typed has a "" inside, and so is not taken for the answer.
 */
static const char watch_devices[] =
	"stty -echo; cd /sys/bus/pci/devices\n"
	"cat >/tmp/nics <<'END'\n"
	"#!/bin/sh\n"
	"cd /sys/bus/pci/devices\n"
	"for d in */virtio*/net/*; do\n"
	"[ -e $d ] || continue\n"
	"path=$(readlink -f ${d%%/*})\n"
	"all=\"$all ${path#/sys/devices/pci0000:00/}=${d##*/},$(ls -d $d/queues/rx-* | wc -l)\"\n"
	"done\n"
	"echo \"ni\"\"cs$all end\"\n"
	"END\n"
	"chmod +x /tmp/nics; /tmp/nics; busybox uevent /tmp/nics | grep nics &\n";

static struct shell *open_shell(struct bench *b)
{
	struct shell *sh = xnew(struct shell);
	const struct tail_limits limits = { 16384, 512 };
	struct err err = ERR_INIT;

	sh->fd = host_sock_connect(b->vm_dir, "debug.sock", &err);
	if (sh->fd < 0)
		fail_msg("%s", err.text);
	sh->tail = tail_new(b->base, sh->fd, limits, on_line, sh);
	return sh;
}

static void close_shell(struct shell *sh)
{
	tail_free(sh->tail);
	free(sh);
}

/* The network namespace's end of it: address and up. */
static void set_up(const char *name, const char *address)
{
	struct ifreq ifr = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&ifr.ifr_addr;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(ifr.ifr_name, name);
	in->sin_family = AF_INET;
	assert_int_equal(inet_pton(AF_INET, address, &in->sin_addr), 1);
	assert_int_equal(ioctl(fd, SIOCSIFADDR, &ifr), 0);
	assert_int_equal(inet_pton(AF_INET, "255.255.255.0", &in->sin_addr), 1);
	assert_int_equal(ioctl(fd, SIOCSIFNETMASK, &ifr), 0);
	ifr.ifr_flags = IFF_UP;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	close(fd);
}

static void plug(struct bench *b, const char *id, unsigned int slot, size_t queues)
{
	uint64_t start = clock_mono_ns();
	char tap[IFNAMSIZ];
	int fds[2];
	struct vm_nic nic = { .id = id, .backend = VM_NIC_TAP, .slot = slot, .fds = fds,
			      .n_fds = queues, .queues = (unsigned int)queues,
			      .mac = { 0x02, 0x42, 0xac, 0x11, 0, (uint8_t)slot } };

	snprintf(tap, sizeof(tap), "tap%u", slot);
	for (size_t i = 0; i < queues; i++)
		fds[i] = bench_open_tap(tap, queues > 1 ? IFF_MULTI_QUEUE : 0);
	b->done = false;
	vmm_add_nic(b->vmm, &nic, QUICK_MS, bench_on_done, b);
	for (size_t i = 0; i < queues; i++)
		close(fds[i]);
	bench_run_until(b, &b->done);
	if (b->done_err.code != ERR_OK)
		fail_msg("%s", b->done_err.text);
	print_message("plug '%s': %.1f ms\n", id, (double)(clock_mono_ns() - start) / NS_PER_MS);
}

static void remove_nic(struct bench *b, const char *id, uint32_t timeout_ms)
{
	b->done = false;
	vmm_remove_nic(b->vmm, id, timeout_ms, bench_on_done, b);
	bench_run_until(b, &b->done);
}

static void unplug(struct bench *b, const char *id)
{
	uint64_t start = clock_mono_ns();

	remove_nic(b, id, LET_GO_MS);
	if (b->done_err.code != ERR_OK)
		fail_msg("%s", b->done_err.text);
	print_message("unplug '%s': %.1f ms\n", id, (double)(clock_mono_ns() - start) / NS_PER_MS);
}

static int setup(void **state)
{
	struct bench *b = bench_new();
	struct config_hypervisor *hv = &b->config->hypervisor;
	char path[512];

	snprintf(path, sizeof(path), "%s/vmlinux.container", guest_dir);
	bench_set(&hv->kernel, path);
	snprintf(path, sizeof(path), "%s/kata-containers-initrd.img", guest_dir);
	bench_set(&hv->initrd, path);
	hv->default_memory = 256;
	hv->default_vcpus = 2;
	b->config->agent.debug_console_enabled = true;
	b->start_paused = true;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	bench_free(*state);
	return 0;
}

/* Where the agent looks: VM_NIC_PATH. */
#define NIC(slot) "0000:00:02.0/0000:01:" slot ".0="

static struct shell *boot(struct bench *b)
{
	struct shell *sh;

	bench_start(b, -1);
	sh = open_shell(b);
	bench_make_ready(b);
	plug(b, "network-0", 1, 1);
	plug(b, "network-1", 30, 2);
	BENCH_ASK(b, vmm_resume, QUICK_MS);
	assert_int_equal(b->done_err.code, ERR_OK);
	type(sh, watch_devices);
	await(b, sh, "nics " NIC("01") "eth0,1 " NIC("1e") "eth1,2 end");
	return sh;
}

static void expect_frames_to_pass(struct bench *b, struct shell *sh)
{
	set_up("tap1", "10.9.1.1");
	set_up("tap30", "10.9.30.1");
	type(sh, "ifconfig eth0 10.9.1.2 up; ifconfig eth1 10.9.30.2 up\n"
		 "ping -c 1 -w 30 10.9.1.1 >/dev/null && ping -c 1 -w 30 10.9.30.1 >/dev/null "
		 "&& echo fra\"\"mes pass\n");
	await(b, sh, "frames pass");
}

static void devices_are_there_at_boot_and_work_and_come_and_go_while_it_runs(void **state)
{
	struct bench *b = *state;
	struct shell *sh = boot(b);

	expect_frames_to_pass(b, sh);
	plug(b, "network-2", 2, 1);
	await(b, sh, "nics " NIC("01") "eth0,1 " NIC("02") "eth2,1 " NIC("1e") "eth1,2 end");
	unplug(b, "network-0");
	await(b, sh, "nics " NIC("02") "eth2,1 " NIC("1e") "eth1,2 end");
	unplug(b, "network-1");
	await(b, sh, "nics " NIC("02") "eth2,1 end");
	/* Slot and name are free again. */
	plug(b, "network-0", 1, 1);
	await(b, sh, "nics " NIC("01") "eth0,1 " NIC("02") "eth2,1 end");
	assert_false(b->lost);
	close_shell(sh);
}

/* The guest does not run yet. */
static struct shell *start_with_two(struct bench *b)
{
	struct shell *sh;

	bench_start(b, -1);
	sh = open_shell(b);
	plug(b, "network-0", 1, 1);
	plug(b, "network-1", 30, 1);
	return sh;
}

/* Nobody can let it go then. What was asked then would be lost on the guest. */
static void what_is_unplugged_before_the_guest_runs_goes_when_it_is_asked_later(void **state)
{
	struct bench *b = *state;
	struct shell *sh = start_with_two(b);

	remove_nic(b, "network-0", QUICK_MS);
	assert_int_equal(b->done_err.code, ERR_TIMEOUT);
	bench_expect_text(&b->done_err, "the guest does not run yet");
	BENCH_ASK(b, vmm_resume, QUICK_MS);
	type(sh, watch_devices);
	await(b, sh, "nics " NIC("01") "eth0,1 " NIC("1e") "eth1,1 end");
	unplug(b, "network-0");
	await(b, sh, "nics " NIC("1e") "eth1,1 end");
	plug(b, "network-0", 1, 1);
	await(b, sh, "nics " NIC("01") "eth0,1 " NIC("1e") "eth1,1 end");
	close_shell(sh);
}

/* It was told while it could not hear, and hears of it with the next change behind the bridge. */
static void a_guest_that_boots_lets_go_late(void **state)
{
	struct bench *b = *state;
	struct shell *sh = start_with_two(b);

	BENCH_ASK(b, vmm_resume, QUICK_MS);
	remove_nic(b, "network-0", 100);
	assert_int_equal(b->done_err.code, ERR_TIMEOUT);
	type(sh, watch_devices);
	await(b, sh, "nics " NIC("01") "eth0,1 " NIC("1e") "eth1,1 end");
	plug(b, "network-2", 2, 1);
	await(b, sh, "nics " NIC("02") "eth2,1 " NIC("1e") "eth1,1 end");
	/* Its kernel drops it first and lets go of the slot then. */
	remove_nic(b, "network-0", LET_GO_MS);
	assert_true(b->done_err.code == ERR_OK || b->done_err.code == ERR_NOT_FOUND);
	plug(b, "network-0", 1, 1);
	await(b, sh, "nics " NIC("01") "eth0,1 " NIC("02") "eth2,1 " NIC("1e") "eth1,1 end");
	close_shell(sh);
}

static void a_pulled_cable_is_seen(void **state)
{
	struct bench *b = *state;
	struct shell *sh = boot(b);

	type(sh, "ifconfig eth1 up; "
		 "until grep 0 /sys/class/net/eth1/carrier; do usleep 20000; done; echo cab\"\"le out\n");
	b->done = false;
	vmm_set_carrier(b->vmm, "network-1", false, QUICK_MS, bench_on_done, b);
	bench_run_until(b, &b->done);
	assert_int_equal(b->done_err.code, ERR_OK);
	await(b, sh, "cable out");
	close_shell(sh);
}

/* The descriptors are root's, and all that QEMU has. */
static void on_pc_with_a_qemu_that_is_not_root_they_work_too(void **state)
{
	struct bench *b = *state;
	struct shell *sh;

	if (geteuid() != 0)
		skip();
	bench_set(&b->config->hypervisor.machine_type, "pc");
	b->config->hypervisor.rootless = true;
	sh = boot(b);
	assert_true(b->vm.user.own && b->vm.user.uid != 0);
	expect_frames_to_pass(b, sh);
	unplug(b, "network-1");
	await(b, sh, "nics " NIC("01") "eth0,1 end");
	close_shell(sh);
}

int main(int argc, char **argv)
{
	char kernel[512];

	if (argc != 2)
		return 2;
	guest_dir = argv[1];
	snprintf(kernel, sizeof(kernel), "%s/vmlinux.container", guest_dir);
	if (access(kernel, R_OK) < 0) {
		fprintf(stderr, "skipped: no guest (ninja guest)\n");
		return 77;
	}
	if (!bench_enter_netns())
		return 77;
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(devices_are_there_at_boot_and_work_and_come_and_go_while_it_runs),
		T(what_is_unplugged_before_the_guest_runs_goes_when_it_is_asked_later),
		T(a_guest_that_boots_lets_go_late),
		T(a_pulled_cable_is_seen),
		T(on_pc_with_a_qemu_that_is_not_root_they_work_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
