/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_virtiofsd.c - the real virtiofsd, alone and under a QEMU
 *
 * Needs root, as its namespaces do.
 */
#include "bench.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/vmm/virtiofsd.h"
#include "lib/base/fs.h"
#include "tiny_guest.h"

#define VIRTIOFSD "/usr/lib/qemu/virtiofsd"

static struct virtiofsd *vfs(struct bench *b)
{
	return b->more;
}

static int setup(void **state)
{
	struct bench *b = bench_new();

	assert_int_equal(tiny_guest_write(b->kernel, TINY_IDLE), 0);
	bench_set(&b->config->hypervisor.shared_fs, "virtio-fs");
	bench_set(&b->config->hypervisor.virtio_fs_daemon, VIRTIOFSD);
	b->more = virtiofsd_new(b->base, bench_on_lost, b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	vmm_free(b->vmm);
	b->vmm = NULL;
	virtiofsd_free(b->more);
	bench_free(b);
	return 0;
}

static void begin(struct bench *b)
{
	const struct virtiofsd_start args = { .config = b->config, .share_dir = b->share,
					      .vm_dir = b->vm_dir, .cache_dir = b->dir };

	b->done = false;
	virtiofsd_start(vfs(b), &args, 5000, bench_on_done, b);
	assert_false(b->done);
	bench_run_until(b, &b->done);
}

static void begin_well(struct bench *b)
{
	begin(b);
	if (b->done_err.code != ERR_OK)
		fail_msg("%s", b->done_err.text);
	assert_true(virtiofsd_pid(vfs(b), NULL) > 0);
}

static void ignore_loss(void *arg, const struct err *why)
{
	(void)arg;
	(void)why;
}

/* A QEMU whose vhost-user-fs talks to it: only then is it in its sandbox. */
static void begin_with_vm(struct bench *b)
{
	const struct vmm_events events = { ignore_loss, NULL };
	struct vmm_place place = VMM_PLACE_INIT;
	struct err err = ERR_INIT;

	begin_well(b);
	bench_plan(b);
	place.fs_fd = virtiofsd_take_fd(vfs(b));
	b->vmm = qemu_new(b->base, &b->vm, &events, b);
	if (vmm_start(b->vmm, &place, &err) < 0)
		fail_msg("%s", err.text);
	close(place.fs_fd);
	bench_make_ready(b);
}

/* The only child of the process that was started: the one that serves. */
static pid_t inner_pid(struct bench *b)
{
	char path[64];
	char *text;
	struct err err = ERR_INIT;
	pid_t outer = virtiofsd_pid(vfs(b), NULL), inner;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)outer, (int)outer);
	if (file_read(path, 256, &text, NULL, &err) < 0)
		fail_msg("%s", err.text);
	inner = (pid_t)strtol(text, NULL, 10);
	free(text);
	assert_true(inner > 0);
	return inner;
}

static long status_field(pid_t pid, const char *field, int number_base)
{
	char path[64], *text, *at;
	struct err err = ERR_INIT;
	long value;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (file_read(path, 8192, &text, NULL, &err) < 0)
		fail_msg("%s", err.text);
	at = strstr(text, field);
	assert_non_null(at);
	value = strtol(at + strlen(field), NULL, number_base);
	free(text);
	return value;
}

static bool shares_namespace(pid_t pid, const char *name)
{
	char theirs[64], ours[64];
	struct stat a, c;

	snprintf(theirs, sizeof(theirs), "/proc/%d/ns/%s", (int)pid, name);
	snprintf(ours, sizeof(ours), "/proc/self/ns/%s", name);
	assert_int_equal(stat(theirs, &a), 0);
	assert_int_equal(stat(ours, &c), 0);
	return a.st_ino == c.st_ino;
}

/* CVE-2026-47243. */
static void what_serves_the_guest_is_confined(void **state)
{
	struct bench *b = *state;
	pid_t pid;

	begin_with_vm(b);
	pid = inner_pid(b);
	assert_int_equal(status_field(pid, "\nSeccomp:", 10), 2);
	assert_int_equal(status_field(pid, "\nNoNewPrivs:", 10), 1);
	/* CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SYS_PTRACE are gone. */
	assert_int_equal(status_field(pid, "\nCapEff:", 16) & (1l << 21 | 1l << 12 | 1l << 19), 0);
	assert_false(shares_namespace(pid, "mnt"));
	assert_false(shares_namespace(pid, "pid"));
	assert_false(shares_namespace(pid, "net"));
}

static void freeing_kills_the_inner_process_too_even_when_it_is_stopped(void **state)
{
	struct bench *b = *state;
	pid_t outer, inner;

	begin_with_vm(b);
	outer = virtiofsd_pid(vfs(b), NULL);
	inner = inner_pid(b);
	assert_int_equal(kill(inner, SIGSTOP), 0);
	vmm_free(b->vmm);
	b->vmm = NULL;
	virtiofsd_free(vfs(b));
	b->more = NULL;
	assert_true(bench_is_gone(outer));
	assert_true(bench_is_gone(inner));
	assert_false(b->lost);
}

static void what_serves_dies_with_the_process_that_was_started_even_when_it_is_stopped(void **state)
{
	struct bench *b = *state;
	pid_t inner;

	begin_with_vm(b);
	inner = inner_pid(b);
	assert_int_equal(kill(inner, SIGSTOP), 0);
	assert_int_equal(kill(virtiofsd_pid(vfs(b), NULL), SIGKILL), 0);
	bench_run_until(b, &b->lost);
	assert_true(bench_is_gone(inner));
}

static void its_death_is_told(void **state)
{
	struct bench *b = *state;

	begin_with_vm(b);
	assert_int_equal(kill(inner_pid(b), SIGKILL), 0);
	bench_run_until(b, &b->lost);
	assert_int_equal(b->lost_err.code, ERR_UNAVAILABLE);
}

static void it_may_be_freed_before_it_was_used(void **state)
{
	struct bench *b = *state;
	pid_t pid;

	begin_well(b);
	pid = virtiofsd_pid(vfs(b), NULL);
	virtiofsd_free(vfs(b));
	b->more = NULL;
	assert_true(bench_is_gone(pid));
	assert_false(b->lost);
}

static void it_may_be_freed_while_it_starts(void **state)
{
	struct bench *b = *state;
	const struct virtiofsd_start args = { .config = b->config, .share_dir = b->share,
					      .vm_dir = b->vm_dir, .cache_dir = b->dir };

	virtiofsd_start(vfs(b), &args, 5000, bench_on_done, b);
	virtiofsd_free(vfs(b));
	b->more = NULL;
	event_base_loop(b->base, EVLOOP_NONBLOCK);
	assert_false(b->done);
}

static void the_dialect_is_asked_once(void **state)
{
	struct bench *b = *state;
	char path[128];
	struct stat first, second;

	snprintf(path, sizeof(path), "%s/virtiofsd-dialect", b->dir);
	begin_well(b);
	assert_int_equal(stat(path, &first), 0);
	virtiofsd_free(vfs(b));
	b->more = virtiofsd_new(b->base, bench_on_lost, b);
	begin_well(b);
	assert_int_equal(stat(path, &second), 0);
	assert_int_equal(first.st_ino, second.st_ino); /* asked again, it would be another file */
}

/* A script in place of the program. */
static void use_script(struct bench *b, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/script", b->dir);
	bench_write(path, text, strlen(text), 0755);
	bench_set(&b->config->hypervisor.virtio_fs_daemon, path);
}

static void a_rust_one_gets_its_own_arguments(void **state)
{
	struct bench *b = *state;
	char *words;

	use_script(b, "#!/bin/sh\n"
		      "[ \"$1\" = --help ] && { echo '--shared-dir <DIR>'; exit; }\n"
		      "echo \"$@\"; exit 3\n");
	begin(b);
	bench_run_until(b, &b->lost);
	words = virtiofsd_output(vfs(b));
	assert_non_null(strstr(words, "--sandbox=namespace"));
	free(words);
	assert_non_null(strstr(b->lost_err.text, "exited with status 3"));
}

static void another_program_is_not_taken_for_it(void **state)
{
	struct bench *b = *state;

	use_script(b, "#!/bin/sh\necho Usage: cat\n");
	begin(b);
	assert_int_equal(b->done_err.code, ERR_INVALID);
	assert_int_equal(virtiofsd_pid(vfs(b), NULL), 0);
}

static void a_program_that_hangs_is_given_up(void **state)
{
	struct bench *b = *state;
	const struct virtiofsd_start args = { .config = b->config, .share_dir = b->share,
					      .vm_dir = b->vm_dir, .cache_dir = b->dir };

	use_script(b, "#!/bin/sh\nread nothing </dev/zero\nexec tail -f /dev/null\n");
	virtiofsd_start(vfs(b), &args, 300, bench_on_done, b);
	bench_run_until(b, &b->done);
	assert_int_equal(b->done_err.code, ERR_TIMEOUT);
}

static void a_missing_program_is_named(void **state)
{
	struct bench *b = *state;

	bench_set(&b->config->hypervisor.virtio_fs_daemon, "/nonexistent/virtiofsd");
	begin(b);
	assert_int_equal(b->done_err.code, ERR_NOT_FOUND);
	assert_non_null(strstr(b->done_err.text, "'/nonexistent/virtiofsd'"));
}

int main(void)
{
	if (access(QEMU, X_OK) < 0 || access(VIRTIOFSD, X_OK) < 0 || geteuid() != 0) {
		fprintf(stderr, "skipped: needs root, " QEMU " and " VIRTIOFSD "\n");
		return 77;
	}
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_serves_the_guest_is_confined),
		T(freeing_kills_the_inner_process_too_even_when_it_is_stopped),
		T(what_serves_dies_with_the_process_that_was_started_even_when_it_is_stopped),
		T(its_death_is_told),
		T(it_may_be_freed_before_it_was_used),
		T(it_may_be_freed_while_it_starts),
		T(the_dialect_is_asked_once),
		T(a_rust_one_gets_its_own_arguments),
		T(another_program_is_not_taken_for_it),
		T(a_program_that_hangs_is_given_up),
		T(a_missing_program_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
