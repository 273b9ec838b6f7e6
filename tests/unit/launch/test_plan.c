/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plan.c - whole plans against files, one line an operation; and what is refused
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/launch/child.h"
#include "agent/launch/plan.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/oci/spec.h"
#include "tests/unit/golden.h"

struct plan_case {
	const char *name; /* of the plan's file */
	const char *spec; /* of the spec's file */
	void (*change)(struct plan_facts *facts);
};

static const char *golden_dir;

static struct plan_facts usual_facts(void)
{
	return (struct plan_facts){ .container_id = "c1",
				    .rootfs = "/run/kata-containers/c1/rootfs",
				    .last_cap = 40,
				    .own_caps = (1ull << 41) - 1 };
}

static void as_it_is(struct plan_facts *facts)
{
	(void)facts;
}

static void in_a_sandbox_from_an_initramfs(struct plan_facts *facts)
{
	facts->root_is_initramfs = true;
	facts->has_ns_fd[NS_IPC] = facts->has_ns_fd[NS_UTS] = facts->has_ns_fd[NS_PID] = true;
}

static void as_an_exec(struct plan_facts *facts)
{
	facts->is_exec = true;
	facts->has_ns_fd[NS_PID] = facts->has_ns_fd[NS_MOUNT] = facts->has_ns_fd[NS_IPC] = true;
	facts->has_ns_fd[NS_USER] = true;
}

static void as_an_exec_beside_the_agent(struct plan_facts *facts)
{
	facts->is_exec = true;
}

static void on_cgroup_2(struct plan_facts *facts)
{
	facts->has_cgroup = true;
	facts->cgroup2_dir = "/sys/fs/cgroup/c1";
}

static void on_cgroup_1(struct plan_facts *facts)
{
	static const struct plan_controller controllers[] = {
		{ "cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/c1" },
		{ "memory", "/sys/fs/cgroup/memory/c1" },
	};

	facts->has_cgroup = true;
	facts->controllers = controllers;
	facts->n_controllers = ARRAY_LEN(controllers);
	facts->n_cgroup_fds = ARRAY_LEN(controllers);
}

static void with_few_rights(struct plan_facts *facts)
{
	facts->own_caps = 0;
	facts->last_cap = 5;
}

static Grpc__Spec *read_spec(const char *name)
{
	scoped_free char *path = xasprintf("%s/%s.json", golden_dir, name);
	scoped_free char *text = NULL;
	struct err err = ERR_INIT;
	Grpc__Spec *spec = NULL;
	size_t len;

	if (file_read(path, 1u << 20, &text, &len, &err) == 0)
		spec = (Grpc__Spec *)spec_parse(&grpc__spec__descriptor, text, len, &err);
	if (!spec) {
		print_error("%s\n", err.text);
		abort();
	}
	return spec;
}

static char *compose(const struct plan_case *pc)
{
	struct plan_facts facts = usual_facts();
	Grpc__Spec *spec = read_spec(pc->spec);
	struct err err = ERR_INIT;
	struct plan *plan;
	char *text;

	pc->change(&facts);
	if (plan_build(&facts, spec, spec->process, &plan, &err) < 0)
		fail_msg("%s", err.text);
	text = plan_text(plan);
	plan_free(plan);
	protobuf_c_message_free_unpacked(&spec->base, NULL);
	return text;
}

static void plan_is_as_recorded(void **state)
{
	const struct plan_case *pc = *state;
	scoped_free char *got = compose(pc);

	golden_check(golden_dir, pc->name, got);
}

/* ---- what is refused ---- */

#define SPEC(process, top, mounts, linux_more)                                                \
	"{\"process\":{" process "\"cwd\":\"/\",\"args\":[\"a\"]}," top "\"mounts\":[" mounts \
	"],\"linux\":{" linux_more "\"namespaces\":[{\"type\":\"mount\"}]}}"
#define MOUNT(more) SPEC("", "", "{\"destination\":\"/m\"," more "}", "")

static const struct {
	const char *spec;
	enum err_code code;
	const char *words;
} refused[] = {
	{ "{\"process\":{\"cwd\":\"/\"},\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}",
	  ERR_INVALID, "process.args is empty" },
	{ "{\"process\":{\"cwd\":\"x\",\"args\":[\"a\"]},\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}",
	  ERR_INVALID, "process.cwd 'x' is not absolute" },
	{ "{\"process\":{\"cwd\":\"/\",\"args\":[\"a\"]},\"linux\":{\"namespaces\":"
	  "[{\"type\":\"mount\",\"path\":\"/x\"}]}}",
	  ERR_UNIMPLEMENTED, "join mount namespace '/x'" },
	{ "{\"process\":{\"cwd\":\"/\",\"args\":[\"a\"]},\"linux\":{\"namespaces\":"
	  "[{\"type\":\"mount\"},{\"type\":\"user\",\"path\":\"/x\"}]}}",
	  ERR_UNIMPLEMENTED, "join user namespace '/x'" },
	{ MOUNT("\"type\":\"bind\",\"source\":\"rel\""), ERR_INVALID,
	  "source 'rel' is not absolute" },
	{ MOUNT("\"source\":\"x\""), ERR_INVALID, "mount on '/m': no type" },
	{ MOUNT("\"type\":\"tmpfs\",\"options\":[\"remount\"]"), ERR_UNIMPLEMENTED,
	  "option 'remount'" },
	{ MOUNT("\"type\":\"tmpfs\",\"options\":[\"idmap\"]"), ERR_UNIMPLEMENTED,
	  "idmapped mount of type 'tmpfs'" },
	{ MOUNT("\"type\":\"proc\",\"options\":[\"tmpcopyup\"]"), ERR_INVALID,
	  "tmpcopyup needs a tmpfs" },
	{ MOUNT("\"type\":\"tmpfs\",\"options\":[\"shared\",\"slave\",\"private\",\"rshared\",\"rslave\"]"),
	  ERR_INVALID, "mount on '/m': option 'rslave': more than 4" },
	{ SPEC("", "", "{\"destination\":\"/\",\"type\":\"tmpfs\"}", ""), ERR_INVALID,
	  "mount on '/'" },
	{ SPEC("", "", "{\"destination\":\"/a/..\",\"type\":\"tmpfs\"}", ""), ERR_INVALID,
	  "mount on '/'" },
	{ SPEC("", "", "{\"destination\":\"/proc\",\"type\":\"sysfs\"}", ""), ERR_INVALID,
	  "mount on '/proc'" },
	{ SPEC("", "", "{\"destination\":\"/proc\",\"type\":\"bind\",\"source\":\"/tmp\"}", ""),
	  ERR_INVALID, "mount on '/proc'" },
	{ SPEC("", "", "{\"destination\":\"/proc/sys\",\"type\":\"bind\",\"source\":\"/tmp\"}", ""),
	  ERR_INVALID, "not allowed in /proc" },
	{ SPEC("", "\"domainname\":\"d\",", "", ""), ERR_INVALID, "domainname 'd' without a uts" },
	{ SPEC("", "\"hooks\":{\"createContainer\":[{\"path\":\"x\"}]},", "", ""), ERR_INVALID,
	  "hook 'x': path is not absolute" },
	{ SPEC("", "\"hooks\":{\"startContainer\":[{\"path\":\"/x\",\"timeout\":-1}]},", "", ""),
	  ERR_INVALID, "hook '/x': timeout -1" },
	{ SPEC("\"oomScoreAdj\":1001,", "", "", ""), ERR_INVALID, "oomScoreAdj 1001" },
	{ SPEC("\"ioPriority\":{\"class\":\"X\"},", "", "", ""), ERR_INVALID,
	  "ioPriority class 'X'" },
	{ SPEC("\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8},", "", "", ""),
	  ERR_INVALID, "ioPriority 8" },
	{ SPEC("\"scheduler\":{\"policy\":\"SCHED_RR\",\"flags\":[\"X\"]},", "", "", ""),
	  ERR_INVALID, "scheduler flag 'X'" },
	{ SPEC("\"terminal\":true,\"consoleSize\":{\"width\":70000,\"height\":1},", "", "", ""),
	  ERR_INVALID, "consoleSize 70000x1" },
	{ SPEC("\"rlimits\":[{\"type\":\"RLIMIT_CPU\"},{\"type\":\"RLIMIT_CPU\"}],", "", "", ""),
	  ERR_INVALID, "rlimit 'RLIMIT_CPU': given twice" },
	{ SPEC("", "", "", "\"personality\":{\"domain\":\"X\"},"), ERR_INVALID, "personality 'X'" },
	{ SPEC("", "", "", "\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"F\"]},"),
	  ERR_INVALID, "personality flag 'F'" },
	{ SPEC("", "", "", "\"mountLabel\":\"l\","), ERR_UNIMPLEMENTED, "mount label 'l'" },
	{ SPEC("", "", "", "\"devices\":[{\"path\":\"x\",\"type\":\"c\"}],"), ERR_INVALID,
	  "device 'x': path is not absolute" },
	{ SPEC("", "", "", "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_NOTIFY\"},"),
	  ERR_UNIMPLEMENTED, "SCMP_ACT_NOTIFY" },
	{ SPEC("", "", "",
	       "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"X\"]},"),
	  ERR_INVALID, "seccomp architecture 'X'" },
	{ SPEC("", "", "",
	       "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":"
	       "[\"read\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":6,\"op\":\"SCMP_CMP_EQ\"}]}]},"),
	  ERR_INVALID, "argument index 6" },
	{ SPEC("", "", "",
	       "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":"
	       "[\"read\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":1,\"op\":\"X\"}]}]},"),
	  ERR_INVALID, "seccomp operator 'X'" },
};

static void what_cannot_be_done_is_refused_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct plan_facts facts = usual_facts();
		struct err err = ERR_INIT;
		struct plan *plan = NULL;
		Grpc__Spec *spec = (Grpc__Spec *)spec_parse(
			&grpc__spec__descriptor, refused[i].spec, strlen(refused[i].spec), &err);

		if (!spec)
			fail_msg("%s: %s", refused[i].spec, err.text);
		if (plan_build(&facts, spec, spec->process, &plan, &err) == 0)
			fail_msg("not refused: %s", refused[i].spec);
		if (!strstr(err.text, refused[i].words) || err.code != refused[i].code)
			fail_msg("%s: code %d, '%s'", refused[i].spec, err.code, err.text);
		protobuf_c_message_free_unpacked(&spec->base, NULL);
	}
}

static void a_spec_with_too_many_devices_is_refused(void **state)
{
	struct plan_facts facts = usual_facts();
	struct str text = { 0 };
	struct err err = ERR_INIT;
	struct plan *plan;
	Grpc__Spec *spec;

	(void)state;
	str_add(&text, "{\"process\":{\"cwd\":\"/\",\"args\":[\"a\"]},\"linux\":{\"namespaces\":"
		       "[{\"type\":\"mount\"}],\"maskedPaths\":[");
	for (int i = 0; i < 3000; i++)
		str_addf(&text, "%s\"/m\"", i ? "," : "");
	str_add(&text, "]}}");
	spec = (Grpc__Spec *)spec_parse(&grpc__spec__descriptor, text.data, text.len, &err);
	assert_non_null(spec);
	assert_int_equal(plan_build(&facts, spec, spec->process, &plan, &err), -1);
	assert_int_equal(err.code, ERR_EXHAUSTED);
	protobuf_c_message_free_unpacked(&spec->base, NULL);
	str_done(&text);
}

static void every_kind_has_a_name_and_somebody_who_does_it(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < PLAN_KIND_COUNT; i++) {
		assert_non_null(plan_kind_name((enum plan_kind)i));
		assert_non_null(child_ops[i]);
	}
}

int main(int argc, char **argv)
{
	static struct plan_case cases[] = {
		{ "usual", "usual", as_it_is },
		{ "usual-sandbox-initramfs", "usual", in_a_sandbox_from_an_initramfs },
		{ "usual-few-rights", "usual", with_few_rights },
		{ "user_namespace", "user_namespace", as_it_is },
		{ "user_namespace-sandbox", "user_namespace", in_a_sandbox_from_an_initramfs },
		{ "user_namespace_of_pod", "user_namespace_of_pod", as_it_is },
		{ "everything", "everything", as_it_is },
		{ "exec", "exec", as_an_exec },
		{ "exec-no-namespaces", "exec", as_an_exec_beside_the_agent },
		{ "cgroup-none", "cgroup", as_it_is },
		{ "cgroup-v1", "cgroup", on_cgroup_1 },
		{ "cgroup-v2", "cgroup", on_cgroup_2 },
	};
	struct CMUnitTest tests[ARRAY_LEN(cases) + 3];
	size_t n = 0;

	if (argc != 2)
		return 2;
	golden_dir = argv[1];
	for (; n < ARRAY_LEN(cases); n++)
		tests[n] = (struct CMUnitTest){ .name = cases[n].name,
						.test_func = plan_is_as_recorded,
						.initial_state = &cases[n] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(what_cannot_be_done_is_refused_by_name);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_spec_with_too_many_devices_is_refused);
	tests[n++] =
		(struct CMUnitTest)cmocka_unit_test(every_kind_has_a_name_and_somebody_who_does_it);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
