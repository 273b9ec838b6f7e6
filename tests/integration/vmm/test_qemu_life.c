/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qemu_life.c - the real QEMU, emulated, with guests of a few dozen bytes
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/config/config.h"
#include "engine/vmm/qemu.h"
#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "tiny_guest.h"

#define QEMU "/usr/bin/qemu-system-x86_64"
#define DEADLINE_MS 20000u

struct bench {
	struct event_base *base;
	struct config *config;
	struct vm_config vm;
	struct vmm *vmm;
	char dir[64], kernel[96], initrd[96], vm_dir[96];
	struct event deadline;
	bool late, done, lost, said_hello;
	struct err done_err, lost_err;
	pid_t pid;
};

static void set_text(char **member, const char *text)
{
	free(*member);
	*member = xstrdup(text);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct bench *b = arg;

	(void)fd;
	(void)what;
	b->late = true;
	event_base_loopbreak(b->base);
}

/* One turn after another until *flag; fails the test when that takes too long. */
static void run_until(struct bench *b, const bool *flag)
{
	struct timeval tv = { .tv_sec = DEADLINE_MS / 1000 };

	evtimer_add(&b->deadline, &tv);
	while (!*flag && !b->late)
		event_base_loop(b->base, EVLOOP_ONCE);
	event_del(&b->deadline);
	if (b->late && b->vmm) {
		char *tail = vmm_console_tail(b->vmm);

		print_error("too late; console:\n%s\n", tail);
		free(tail);
	}
	assert_false(b->late);
}

static void on_done(void *arg, const struct err *err)
{
	struct bench *b = arg;

	assert_false(b->done);
	b->done = true;
	b->done_err = err ? *err : ERR_INIT;
}

static void on_lost(void *arg, const struct err *why)
{
	struct bench *b = arg;

	assert_false(b->lost);
	b->lost = true;
	b->lost_err = *why;
}

static void on_console(void *arg, const char *line)
{
	struct bench *b = arg;

	if (strstr(line, TINY_HELLO))
		b->said_hello = true;
}

static void plan(struct bench *b)
{
	struct config_hypervisor *hv = &b->config->hypervisor;
	struct vm_facts facts = { .id = "testvm", .vm_dir = b->vm_dir, .accel = VM_ACCEL_TCG };
	struct err err = ERR_INIT;

	set_text(&hv->path, QEMU);
	set_text(&hv->kernel, b->kernel);
	set_text(&hv->initrd, b->initrd);
	set_text(&hv->shared_fs, "none");
	hv->default_memory = 128;
	hv->use_legacy_serial = true;
	hv->use_vsock = CONFIG_NO;
	assert_int_equal(vm_facts_read_host(&facts, &err), 0);
	if (vm_user_choose(b->config, &facts.user, &err) < 0 ||
	    vm_config_plan(b->config, &facts, &b->vm, &err) < 0)
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	struct bench *b = xnew(struct bench);
	FILE *f;

	strcpy(b->dir, "/tmp/test-qemu-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	assert_int_equal(chmod(b->dir, 0711), 0);
	snprintf(b->kernel, sizeof(b->kernel), "%s/kernel", b->dir);
	snprintf(b->initrd, sizeof(b->initrd), "%s/initrd", b->dir);
	snprintf(b->vm_dir, sizeof(b->vm_dir), "%s/vm", b->dir);
	f = fopen(b->initrd, "we");
	assert_non_null(f);
	assert_true(fwrite("none", 1, 4, f) == 4 && fclose(f) == 0);
	b->base = event_base_new();
	b->config = config_new_default();
	evtimer_assign(&b->deadline, b->base, on_deadline, b);
	*state = b;
	return 0;
}

static bool has_children(void)
{
	return waitid(P_ALL, 0, &(siginfo_t){ 0 }, WEXITED | WNOHANG | WNOWAIT) == 0 ||
	       errno != ECHILD;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	struct err err = ERR_INIT;

	vmm_free(b->vmm);
	assert_int_equal(access(b->vm_dir, F_OK), -1);
	assert_false(has_children());
	assert_int_equal(dir_remove(b->dir, &err), 0);
	vm_config_done(&b->vm);
	config_free(b->config);
	event_base_free(b->base);
	free(b);
	return 0;
}

static void start(struct bench *b, enum tiny_guest which)
{
	const struct vmm_events events = { on_lost, on_console };
	const struct vmm_place place = VMM_PLACE_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(tiny_guest_write(b->kernel, which), 0);
	plan(b);
	b->vmm = qemu_new(b->base, &b->vm, &events, b);
	if (vmm_start(b->vmm, &place, &err) < 0)
		fail_msg("%s", err.text);
	b->pid = vmm_pid(b->vmm, NULL);
	assert_true(b->pid > 0);
}

static void make_ready(struct bench *b)
{
	vmm_ready(b->vmm, 10000, on_done, b);
	assert_false(b->done);
	run_until(b, &b->done);
	if (b->done_err.code != ERR_OK)
		fail_msg("%s", b->done_err.text);
	b->done = false;
}

static void assert_gone(struct bench *b)
{
	assert_int_equal(kill(b->pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void stop_and_check(struct bench *b)
{
	vmm_stop(b->vmm, on_done, b);
	assert_false(b->done);
	run_until(b, &b->done);
	if (b->done_err.code != ERR_OK)
		fail_msg("%s", b->done_err.text);
	assert_gone(b);
	assert_int_equal(access(b->vm_dir, F_OK), -1);
}

static void a_guest_starts_speaks_and_is_stopped(void **state)
{
	struct bench *b = *state;
	char *tail;

	start(b, TINY_IDLE);
	make_ready(b);
	run_until(b, &b->said_hello);
	tail = vmm_console_tail(b->vmm);
	assert_non_null(strstr(tail, TINY_HELLO));
	free(tail);
	stop_and_check(b);
	assert_false(b->lost);
}

static void a_paused_guest_is_not_lost_and_resumes(void **state)
{
	struct bench *b = *state;

	start(b, TINY_IDLE);
	make_ready(b);
	vmm_pause(b->vmm, 5000, on_done, b);
	run_until(b, &b->done);
	assert_int_equal(b->done_err.code, ERR_OK);
	b->done = false;
	vmm_check(b->vmm, 5000, on_done, b);
	run_until(b, &b->done);
	assert_int_equal(b->done_err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(b->done_err.text, "paused"));
	b->done = false;
	vmm_resume(b->vmm, 5000, on_done, b);
	run_until(b, &b->done);
	b->done = false;
	vmm_check(b->vmm, 5000, on_done, b);
	run_until(b, &b->done);
	assert_int_equal(b->done_err.code, ERR_OK);
	assert_false(b->lost);
}

static void a_killed_qemu_is_lost_with_its_signal(void **state)
{
	struct bench *b = *state;

	start(b, TINY_IDLE);
	make_ready(b);
	assert_int_equal(kill(b->pid, SIGKILL), 0);
	run_until(b, &b->lost);
	assert_int_equal(b->lost_err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(b->lost_err.text, "killed by signal 9"));
	assert_int_equal(vmm_pid(b->vmm, NULL), 0);
	stop_and_check(b);
}

static void a_terminated_qemu_is_lost(void **state)
{
	struct bench *b = *state;

	start(b, TINY_IDLE);
	make_ready(b);
	assert_int_equal(kill(b->pid, SIGTERM), 0);
	run_until(b, &b->lost);
	assert_non_null(strstr(b->lost_err.text, "by a signal"));
}

static void a_guest_that_powers_off_is_lost(void **state)
{
	struct bench *b = *state;

	start(b, TINY_POWEROFF);
	run_until(b, &b->lost);
	assert_non_null(strstr(b->lost_err.text, "powered off"));
}

static void a_guest_that_panics_is_lost_with_its_words(void **state)
{
	struct bench *b = *state;

	start(b, TINY_RESET);
	run_until(b, &b->lost);
	assert_non_null(strstr(b->lost_err.text, "reset itself"));
	assert_non_null(strstr(b->lost_err.text, TINY_PANIC));
}

static void a_stopped_qemu_misses_the_deadline(void **state)
{
	struct bench *b = *state;

	start(b, TINY_IDLE);
	make_ready(b);
	assert_int_equal(kill(b->pid, SIGSTOP), 0);
	vmm_check(b->vmm, 300, on_done, b);
	run_until(b, &b->done);
	assert_int_equal(b->done_err.code, ERR_TIMEOUT);
	b->done = false;
	stop_and_check(b); /* SIGKILL also ends what is stopped */
}

static void a_kernel_that_is_missing_says_so(void **state)
{
	struct bench *b = *state;

	start(b, TINY_IDLE);
	vmm_free(b->vmm);
	b->vmm = NULL;
	vm_config_done(&b->vm);
	unlink(b->kernel);
	plan(b);
	b->vmm = qemu_new(b->base, &b->vm, &(struct vmm_events){ on_lost, NULL }, b);
	assert_int_equal(vmm_start(b->vmm, &VMM_PLACE_INIT, &b->done_err), 0);
	vmm_ready(b->vmm, 10000, on_done, b);
	run_until(b, &b->done);
	assert_int_equal(b->done_err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(b->done_err.text, "could not open kernel file"));
	run_until(b, &b->lost);
}

static void a_qemu_that_is_missing_says_so_and_leaves_nothing(void **state)
{
	struct bench *b = *state;
	struct err err = ERR_INIT;

	plan(b);
	set_text(&b->vm.path, "/nonexistent/qemu");
	b->vmm = qemu_new(b->base, &b->vm, &(struct vmm_events){ on_lost, NULL }, b);
	assert_int_equal(vmm_start(b->vmm, &VMM_PLACE_INIT, &err), -1);
	assert_non_null(strstr(err.text, "'/nonexistent/qemu'"));
	assert_int_equal(access(b->vm_dir, F_OK), -1);
}

static void freeing_at_once_after_start_leaves_nothing(void **state)
{
	struct bench *b = *state;

	start(b, TINY_IDLE);
	vmm_free(b->vmm);
	b->vmm = NULL;
	assert_gone(b);
}

static void free_inside(void *arg, const struct err *why)
{
	struct bench *b = arg;

	(void)why;
	vmm_free(b->vmm);
	b->vmm = NULL;
	b->lost = true;
}

static void a_vmm_may_be_freed_while_it_tells_of_its_loss(void **state)
{
	struct bench *b = *state;

	start(b, TINY_IDLE);
	vmm_free(b->vmm);
	b->vmm = qemu_new(b->base, &b->vm, &(struct vmm_events){ on_lost, NULL }, b);
	assert_int_equal(vmm_start(b->vmm, &VMM_PLACE_INIT, &b->done_err), 0);
	b->pid = vmm_pid(b->vmm, NULL);
	vmm_ready(b->vmm, 10000, free_inside, b);
	assert_int_equal(kill(b->pid, SIGKILL), 0);
	run_until(b, &b->lost);
	assert_null(b->vmm);
	assert_gone(b);
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
