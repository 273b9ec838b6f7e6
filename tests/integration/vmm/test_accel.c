/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_accel.c - the choice between KVM and emulation on this host, whatever it can do
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
#include <unistd.h>

#include "engine/vmm/accel.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

struct bench {
	struct event_base *base;
	char dir[64], cache[96];
	size_t n_done;
	enum vm_accel accel;
	char *warning;
	struct err err;
};

static int setup(void **state)
{
	struct bench *b = xnew(struct bench);

	strcpy(b->dir, "/tmp/test-accel-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->cache, sizeof(b->cache), "%s/kvm-probe", b->dir);
	b->base = event_base_new();
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	struct err err = ERR_INIT;

	assert_int_equal(dir_remove(b->dir, &err), 0);
	event_base_free(b->base);
	free(b->warning);
	free(b);
	return 0;
}

static void on_done(void *arg, enum vm_accel accel, const char *warning, const struct err *err)
{
	struct bench *b = arg;

	b->n_done++;
	b->accel = accel;
	free(b->warning);
	b->warning = warning ? xstrdup(warning) : NULL;
	b->err = err ? *err : ERR_INIT;
}

/* Choose to the end; returns the milliseconds it took. */
static uint64_t choose(struct bench *b, const char *accel)
{
	uint64_t start = clock_mono_ns();
	struct accel_choice *c;

	b->n_done = 0;
	c = accel_choose(b->base, accel, b->dir, on_done, b);
	assert_int_equal(b->n_done, 0);
	while (b->n_done == 0)
		event_base_loop(b->base, EVLOOP_ONCE);
	accel_choice_free(c);
	assert_int_equal(b->n_done, 1);
	return (clock_mono_ns() - start) / NS_PER_MS;
}

static void emulation_that_is_asked_for_needs_no_probe(void **state)
{
	struct bench *b = *state;

	choose(b, "tcg");
	assert_int_equal(b->accel, VM_ACCEL_TCG);
	assert_int_equal(b->err.code, ERR_OK);
	assert_null(b->warning);
	assert_int_equal(access(b->cache, F_OK), -1);
}

static void auto_decides_in_time_and_warns_once(void **state)
{
	struct bench *b = *state;

	assert_true(choose(b, "auto") < ACCEL_PROBE_MS + 1000);
	assert_int_equal(b->err.code, ERR_OK);
	print_message("this host: %s\n", b->warning ? b->warning : "KVM works");
	assert_int_equal(b->accel == VM_ACCEL_TCG, b->warning != NULL);
	if (access("/dev/kvm", R_OK | W_OK) < 0)
		return;
	assert_int_equal(access(b->cache, R_OK), 0);
	choose(b, "auto");
	assert_null(b->warning); /* read back, so nothing that is new */
}

static void write_verdict(struct bench *b, const char *verdict)
{
	scoped_free char *id = NULL;
	scoped_free char *text = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(file_read("/proc/sys/kernel/random/boot_id", 64, &id, NULL, &err), 0);
	id[strcspn(id, "\n")] = '\0';
	text = xasprintf("%s%s", id, verdict);
	assert_int_equal(file_replace(b->cache, text, strlen(text), 0600, &err), 0);
}

static void a_verdict_of_this_boot_is_believed(void **state)
{
	struct bench *b = *state;

	if (access("/dev/kvm", R_OK | W_OK) < 0)
		skip();
	write_verdict(b, " ok\n");
	choose(b, "auto");
	assert_int_equal(b->accel, VM_ACCEL_KVM);
	write_verdict(b, " no the moon is full\n");
	choose(b, "auto");
	assert_int_equal(b->accel, VM_ACCEL_TCG);
	assert_null(b->warning);
	choose(b, "kvm");
	assert_int_equal(b->err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(b->err.text, "the moon is full"));
}

static void giving_up_early_is_silent(void **state)
{
	struct bench *b = *state;

	accel_choice_free(accel_choose(b->base, "auto", b->dir, on_done, b));
	event_base_loop(b->base, EVLOOP_NONBLOCK);
	assert_int_equal(b->n_done, 0);
}

int main(int argc, char **argv)
{
	int probe = kvm_probe_main(argc, argv);

	if (probe >= 0)
		return probe;
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(emulation_that_is_asked_for_needs_no_probe),
		T(auto_decides_in_time_and_warns_once),
		T(a_verdict_of_this_boot_is_believed),
		T(giving_up_early_is_silent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
