/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qemu_life.c - the real QEMU, emulated, with guests of a few dozen bytes
 */
#include "bench.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/fs.h"
#include "tiny_guest.h"

static int setup(void **state)
{
	struct bench *b = bench_new();

	b->config->hypervisor.use_legacy_serial = true; /* what tiny guests speak on */
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	bench_free(*state);
	return 0;
}

static void start(struct bench *b, enum tiny_guest which)
{
	assert_int_equal(tiny_guest_write(b->kernel, which), 0);
	bench_start(b, -1);
}

static void a_guest_starts_speaks_and_is_stopped(void **state)
{
	struct bench *b = *state;
	char *tail;

	b->awaited_line = TINY_HELLO;
	start(b, TINY_IDLE);
	bench_make_ready(b);
	bench_run_until(b, &b->said);
	tail = vmm_console_tail(b->vmm);
	assert_non_null(strstr(tail, TINY_HELLO));
	free(tail);
	bench_stop(b);
	assert_false(b->lost);
}

static void what_comes_before_hvc0_is_heard(void **state)
{
	struct bench *b = *state;

	b->config->hypervisor.use_legacy_serial = false;
	b->awaited_line = TINY_HELLO;
	start(b, TINY_IDLE);
	bench_run_until(b, &b->said);
}

static void the_pc_machine_starts_too(void **state)
{
	struct bench *b = *state;

	bench_set(&b->config->hypervisor.machine_type, "pc");
	b->awaited_line = TINY_HELLO;
	start(b, TINY_IDLE);
	bench_make_ready(b);
	bench_run_until(b, &b->said);
}

static void every_option_is_one_that_qemu_knows(void **state)
{
	struct bench *b = *state;
	struct config_hypervisor *hv = &b->config->hypervisor;

	hv->use_legacy_serial = false;
	hv->enable_debug = true;
	hv->default_bridges = 3;
	hv->reclaim_guest_freed_memory = true;
	hv->enable_mem_prealloc = true;
	hv->disable_block_device_use = false;
	hv->enable_iothreads = true;
	b->config->agent.debug_console_enabled = true;
	bench_set(&hv->extra_monitor_socket, "hmp");
	start(b, TINY_IDLE);
	bench_make_ready(b);
}

/* The image takes the initrd's place; the tiny guest does not look at it. */
static void an_image_is_attached(void **state)
{
	struct bench *b = *state;
	char image[128];
	static const char blank[4096];

	snprintf(image, sizeof(image), "%s/disk,1.img", b->dir);
	bench_write(image, blank, sizeof(blank), 0444);
	bench_set(&b->config->hypervisor.initrd, "");
	bench_set(&b->config->hypervisor.image, image);
	start(b, TINY_IDLE);
	bench_make_ready(b);
}

static void qemu_runs_as_a_user_of_its_own(void **state)
{
	struct bench *b = *state;
	char path[64], *text, *at;
	struct err err = ERR_INIT;

	if (geteuid() != 0)
		skip();
	b->config->hypervisor.rootless = true;
	start(b, TINY_IDLE);
	bench_make_ready(b);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)b->pid);
	assert_int_equal(file_read(path, 8192, &text, NULL, &err), 0);
	at = strstr(text, "\nUid:\t");
	assert_non_null(at);
	assert_int_equal(strtoul(at + strlen("\nUid:\t"), NULL, 10), b->vm.user.uid);
	assert_true(b->vm.user.uid != 0);
	assert_non_null(strstr(text, "\nCapEff:\t0000000000000000\n"));
	assert_non_null(strstr(text, "\nSeccomp:\t2\n"));
	free(text);
}

/* Where KVM cannot do it (see accel.h), QEMU stops the guest and lives on. */
static void under_kvm_a_guest_speaks_or_is_lost(void **state)
{
	struct bench *b = *state;

	if (access("/dev/kvm", R_OK | W_OK) < 0)
		skip();
	b->awaited_line = TINY_HELLO;
	assert_int_equal(tiny_guest_write(b->kernel, TINY_IDLE), 0);
	b->accel = VM_ACCEL_KVM;
	bench_start(b, -1);
	bench_run_for(b, 5000, &b->said, &b->lost);
	print_message("%s\n", b->said ? "it speaks" : b->lost ? b->lost_err.text : "it spins");
	if (b->lost)
		assert_int_equal(b->lost_err.code, ERR_UNAVAILABLE);
}

static void a_paused_guest_is_not_lost_and_resumes(void **state)
{
	struct bench *b = *state;

	start(b, TINY_IDLE);
	bench_make_ready(b);
	BENCH_ASK(b, vmm_pause, 5000);
	assert_int_equal(b->done_err.code, ERR_OK);
	BENCH_ASK(b, vmm_check, 5000);
	assert_int_equal(b->done_err.code, ERR_UNAVAILABLE);
	bench_expect_text(&b->done_err, "paused");
	BENCH_ASK(b, vmm_resume, 5000);
	assert_int_equal(b->done_err.code, ERR_OK);
	BENCH_ASK(b, vmm_check, 5000);
	assert_int_equal(b->done_err.code, ERR_OK);
	assert_false(b->lost);
}

static void a_killed_qemu_is_lost_with_its_signal(void **state)
{
	struct bench *b = *state;

	start(b, TINY_IDLE);
	bench_make_ready(b);
	assert_int_equal(kill(b->pid, SIGKILL), 0);
	bench_run_until(b, &b->lost);
	assert_int_equal(b->lost_err.code, ERR_UNAVAILABLE);
	bench_expect_text(&b->lost_err, "killed by signal 9");
	assert_int_equal(vmm_pid(b->vmm, NULL), 0);
	BENCH_ASK(b, vmm_check, 500);
	assert_int_equal(b->done_err.code, ERR_UNAVAILABLE);
	bench_stop(b);
}

static void a_terminated_qemu_is_lost(void **state)
{
	struct bench *b = *state;

	start(b, TINY_IDLE);
	bench_make_ready(b);
	assert_int_equal(kill(b->pid, SIGTERM), 0);
	bench_run_until(b, &b->lost);
	bench_expect_text(&b->lost_err, "by a signal");
}

static void a_guest_that_powers_off_is_lost(void **state)
{
	struct bench *b = *state;

	start(b, TINY_POWEROFF);
	bench_run_until(b, &b->lost);
	bench_expect_text(&b->lost_err, "powered off");
}

static void a_guest_that_panics_is_lost_with_its_words(void **state)
{
	struct bench *b = *state;

	start(b, TINY_RESET);
	bench_run_until(b, &b->lost);
	bench_expect_text(&b->lost_err, "reset itself");
	bench_expect_text(&b->lost_err, TINY_PANIC);
}

static void a_stopped_qemu_misses_the_deadline(void **state)
{
	struct bench *b = *state;

	start(b, TINY_IDLE);
	bench_make_ready(b);
	assert_int_equal(kill(b->pid, SIGSTOP), 0);
	BENCH_ASK(b, vmm_check, 300);
	assert_int_equal(b->done_err.code, ERR_TIMEOUT);
	bench_stop(b); /* SIGKILL also ends what is stopped */
}

static void a_kernel_that_is_missing_says_so(void **state)
{
	struct bench *b = *state;

	unlink(b->kernel);
	bench_start(b, -1);
	BENCH_ASK(b, vmm_ready, 10000);
	assert_int_equal(b->done_err.code, ERR_UNAVAILABLE);
	bench_expect_text(&b->done_err, "could not open kernel file");
	bench_run_until(b, &b->lost);
}

static void a_qemu_that_is_missing_says_so_and_leaves_nothing(void **state)
{
	const struct vmm_events events = { bench_on_lost, NULL };
	const struct vmm_place place = VMM_PLACE_INIT;
	struct bench *b = *state;
	struct err err = ERR_INIT;

	bench_set(&b->config->hypervisor.path, "/nonexistent/qemu");
	bench_plan(b);
	b->vmm = qemu_new(b->base, &b->vm, &events, b);
	assert_int_equal(vmm_start(b->vmm, &place, &err), -1);
	bench_expect_text(&err, "'/nonexistent/qemu'");
	assert_int_equal(access(b->vm_dir, F_OK), -1);
}

static void freeing_at_once_after_start_leaves_nothing(void **state)
{
	struct bench *b = *state;

	start(b, TINY_IDLE);
	vmm_free(b->vmm);
	b->vmm = NULL;
	assert_true(bench_is_gone(b->pid));
}

static void free_inside(void *arg, const struct err *why)
{
	struct bench *b = arg;

	(void)why;
	vmm_free(b->vmm);
	b->vmm = NULL;
	b->done = true;
}

static void a_vmm_may_be_freed_while_it_tells_of_its_loss(void **state)
{
	struct bench *b = *state;

	start(b, TINY_IDLE);
	vmm_ready(b->vmm, 10000, free_inside, b);
	assert_int_equal(kill(b->pid, SIGKILL), 0);
	bench_run_until(b, &b->done);
	assert_null(b->vmm);
	assert_false(b->lost);
	assert_true(bench_is_gone(b->pid));
}

static void stop_inside(void *arg, const struct err *why)
{
	struct bench *b = arg;

	assert_non_null(why);
	vmm_stop(b->vmm, bench_on_done, b);
}

static void stopping_when_told_of_the_loss_is_answered_when_it_is_done(void **state)
{
	struct bench *b = *state;

	start(b, TINY_IDLE);
	vmm_ready(b->vmm, 10000, stop_inside, b);
	assert_int_equal(kill(b->pid, SIGKILL), 0);
	bench_run_until(b, &b->done);
	assert_int_equal(b->done_err.code, ERR_OK);
	assert_false(b->lost);
	assert_int_equal(access(b->vm_dir, F_OK), -1);
}

int main(void)
{
	if (access(QEMU, X_OK) < 0) {
		fprintf(stderr, "skipped: no " QEMU "\n");
		return 77;
	}
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_guest_starts_speaks_and_is_stopped),
		T(what_comes_before_hvc0_is_heard),
		T(the_pc_machine_starts_too),
		T(every_option_is_one_that_qemu_knows),
		T(an_image_is_attached),
		T(qemu_runs_as_a_user_of_its_own),
		T(under_kvm_a_guest_speaks_or_is_lost),
		T(a_paused_guest_is_not_lost_and_resumes),
		T(a_killed_qemu_is_lost_with_its_signal),
		T(a_terminated_qemu_is_lost),
		T(a_guest_that_powers_off_is_lost),
		T(a_guest_that_panics_is_lost_with_its_words),
		T(a_stopped_qemu_misses_the_deadline),
		T(a_kernel_that_is_missing_says_so),
		T(a_qemu_that_is_missing_says_so_and_leaves_nothing),
		T(freeing_at_once_after_start_leaves_nothing),
		T(a_vmm_may_be_freed_while_it_tells_of_its_loss),
		T(stopping_when_told_of_the_loss_is_answered_when_it_is_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
