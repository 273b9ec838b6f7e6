/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "agent/launch/seccomp.h"
#include "lib/base/defs.h"
#include "lib/oci/spec.h"

/* The classic BPF that libseccomp and our own prefix use, on one system call. */
static uint32_t run_filter(const struct seccomp_filter *f, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < f->n_code; pc++) {
		const struct sock_filter *i = &f->code[pc];
		bool yes = false;

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)data + i->k, sizeof(a));
			continue;
		case BPF_RET | BPF_K:
			return i->k;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			continue;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == i->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = a > i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= i->k;
			break;
		default:
			fail_msg("instruction 0x%x", i->code);
		}
		pc += yes ? i->jt : i->jf;
	}
	fail_msg("no return");
	return 0;
}

static uint32_t answer(const struct seccomp_filter *f, int nr, uint64_t first_arg)
{
	const struct seccomp_data data = { .nr = nr,
					   .arch = AUDIT_ARCH_X86_64,
					   .args = { first_arg } };

	return run_filter(f, &data);
}

static struct seccomp_filter compile(const char *json)
{
	struct err err = ERR_INIT;
	struct seccomp_filter f = { 0 };
	ProtobufCMessage *m =
		spec_parse(&grpc__linux_seccomp__descriptor, json, strlen(json), &err);

	if (!m || seccomp_compile((Grpc__LinuxSeccomp *)m, &f, &err) < 0)
		fail_msg("%s", err.text);
	protobuf_c_message_free_unpacked(m, NULL);
	return f;
}

#define LIST                                                                                    \
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\","        \
	"\"SCMP_ARCH_X86\"],\"syscalls\":[{\"names\":[\"read\",\"write\",\"openat\"],"           \
	"\"action\":\"SCMP_ACT_ALLOW\"},{\"names\":[\"personality\"],\"action\":"                \
	"\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":8,\"op\":\"SCMP_CMP_EQ\"}]}]}"

static void a_list_lets_its_calls_pass_and_no_other(void **state)
{
	struct seccomp_filter f = compile(LIST);

	(void)state;
	assert_int_equal(answer(&f, SYS_read, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(&f, SYS_openat, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(&f, SYS_mkdir, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(answer(&f, SYS_personality, 8), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(&f, SYS_personality, 0), SECCOMP_RET_ERRNO | EPERM);
	seccomp_filter_done(&f);
}

static void calls_above_the_highest_one_are_unknown(void **state)
{
	struct seccomp_filter f = compile(LIST);
	struct seccomp_data other = { .nr = 5000, .arch = AUDIT_ARCH_I386 };

	(void)state;
	assert_int_equal(answer(&f, SYS_openat + 1, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(answer(&f, 100000, 0), SECCOMP_RET_ERRNO | ENOSYS);
	/* Neither another architecture nor x32 is touched by that. */
	assert_int_equal(run_filter(&f, &other), SECCOMP_RET_ERRNO | EPERM);
	assert_int_not_equal(answer(&f, 0x40000000 + 5000, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_not_equal(answer(&f, 0x40000000 + 5000, 0), SECCOMP_RET_ALLOW);
	seccomp_filter_done(&f);
}

static void another_spec_gives_another_filter(void **state)
{
	struct seccomp_filter a = compile(LIST), again = compile(LIST), b;

	(void)state;
	assert_int_equal(a.n_code, again.n_code);
	assert_memory_equal(a.code, again.code, a.n_code * sizeof(*a.code));
	assert_ptr_not_equal(a.code, again.code);
	b = compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],"
		    "\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL_PROCESS\"}]}");
	assert_int_equal(b.flags, SECCOMP_FILTER_FLAG_LOG);
	assert_int_equal(answer(&b, SYS_read, 0), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(answer(&b, SYS_write, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(&b, 100000, 0), SECCOMP_RET_ALLOW);
	seccomp_filter_done(&again);
	again = compile(LIST);
	assert_int_equal(answer(&again, SYS_read, 0), SECCOMP_RET_ALLOW);
	seccomp_filter_done(&a);
	seccomp_filter_done(&again);
	seccomp_filter_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_lets_its_calls_pass_and_no_other),
		cmocka_unit_test(calls_above_the_highest_one_are_unknown),
		cmocka_unit_test(another_spec_gives_another_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
