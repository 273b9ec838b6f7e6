/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rights.c - users, capabilities, limits, no_new_privs, seccomp, scheduling; needs root
 */
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "check.h"

#define CAPS(set, list) "\"" set "\":[" list "]"
#define NET_RAW         "\"CAP_NET_RAW\""
#define TWO             "\"CAP_NET_RAW\",\"CAP_CHOWN\""

#define STATUS \
	"[\"grep\",\"-E\",\"^(Cap|NoNewPrivs|Seccomp:|Groups|Uid|Gid)\",\"/proc/self/status\"]"

static void without_capabilities_there_are_none(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = STATUS });
	assert_has(out.out, "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
			    "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n"
			    "CapAmb:\t0000000000000000\n");
}

static void five_sets_are_as_given(void **state)
{
	(void)state;
	run_ok(&(struct recipe){
		.args = STATUS,
		.process = USUAL_ENV
		"\"user\":{\"uid\":1000,\"gid\":1001,"
		"\"additionalGids\":[5,6]},\"capabilities\":{" CAPS("bounding", TWO) "," CAPS(
			"permitted", TWO) "," CAPS("effective",
						   TWO) "," CAPS("inheritable",
								 NET_RAW) "," CAPS("ambient",
										   NET_RAW) "}," });
	assert_has(out.out,
		   "Uid:\t1000\t1000\t1000\t1000\nGid:\t1001\t1001\t1001\t1001\nGroups:\t5 6 \n");
	/* Execution by an ordinary user keeps what is ambient. */
	assert_has(out.out, "CapInh:\t0000000000002000\nCapPrm:\t0000000000002000\n"
			    "CapEff:\t0000000000002000\nCapBnd:\t0000000000002001\n"
			    "CapAmb:\t0000000000002000\n");
}

static void root_gets_its_bounding_set(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = STATUS,
				 .process = USUAL_ENV
				 "\"capabilities\":{" CAPS("bounding", TWO) "," CAPS(
					 "permitted", TWO) "," CAPS("effective", TWO) "}," });
	assert_has(out.out, "CapPrm:\t0000000000002001\nCapEff:\t0000000000002001\n"
			    "CapBnd:\t0000000000002001\n");
}

static void unknown_capabilities_are_a_warning(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = "[\"true\"]",
				 .process = USUAL_ENV
				 "\"capabilities\":{" CAPS("bounding", "\"CAP_NO_SUCH\"") "}," });
	assert_string_equal(out.warnings, "bounding capability 'CAP_NO_SUCH': not known here\n");
}

/* As 'runc spec' writes it: ambient without inheritable. */
static void what_the_kernel_would_refuse_in_a_set_is_a_warning(void **state)
{
	(void)state;
	run_ok(&(struct recipe){
		.args = STATUS,
		.process = USUAL_ENV "\"capabilities\":{" CAPS("bounding", NET_RAW) "," CAPS(
			"permitted", NET_RAW) "," CAPS("effective", TWO) "," CAPS("inheritable",
										  TWO) "," CAPS("ambient",
												TWO) "}," });
	assert_has(out.out, "CapInh:\t0000000000002000\nCapPrm:\t0000000000002000\n"
			    "CapEff:\t0000000000002000\nCapBnd:\t0000000000002000\n"
			    "CapAmb:\t0000000000002000\n");
	assert_has(out.warnings, "effective capability 'CAP_CHOWN': not in the sets");
	assert_has(out.warnings, "inheritable capability 'CAP_CHOWN': not in the sets");
	assert_has(out.warnings, "ambient capability 'CAP_CHOWN': not in the sets");
}

static void no_new_privileges_is_set_when_asked(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = STATUS,
				 .process = USUAL_ENV "\"noNewPrivileges\":true," });
	assert_has(out.out, "NoNewPrivs:\t1");
	run_ok(&(struct recipe){ .args = STATUS });
	assert_has(out.out, "NoNewPrivs:\t0");
}

/* ---- limits ---- */

static void limits_are_set(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = SH("ulimit -Sn; ulimit -Hn; ulimit -c"),
				 .process = USUAL_ENV
				 "\"rlimits\":["
				 "{\"type\":\"RLIMIT_NOFILE\",\"soft\":123,\"hard\":456},"
				 "{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":0}]," });
	assert_string_equal(out.out, "123\n456\n0\n");
}

static void limits_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	run(&(struct recipe){
		.args = "[\"true\"]",
		.process = "\"rlimits\":[{\"type\":\"RLIMIT_X\",\"soft\":1,\"hard\":1}]," });
	assert_refused(ERR_INVALID, "rlimit 'RLIMIT_X': unknown");
	run(&(struct recipe){
		.args = "[\"true\"]",
		.process = "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":2,\"hard\":1}]," });
	assert_refused(ERR_INVALID, "soft value above the hard one");
}

/* Where the agent may not raise a limit, the spec's value must be what is there already. */
static void a_limit_that_may_not_be_raised_is_named(void **state)
{
	char process[256];
	struct rlimit now;

	(void)state;
	if (geteuid() == 0 && prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE, 0, 0, 0) == 1)
		skip();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	snprintf(process, sizeof(process),
		 USUAL_ENV "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\","
			   "\"soft\":1,\"hard\":%llu}],",
		 (unsigned long long)now.rlim_max + 1);
	run(&(struct recipe){ .args = "[\"true\"]", .process = process });
	assert_refused(ERR_DENIED, "set rlimit 'RLIMIT_NOFILE' to 1:");
	assert_has(out.err.text, "Operation not permitted");
	snprintf(process, sizeof(process),
		 USUAL_ENV "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\","
			   "\"soft\":%llu,\"hard\":%llu}],",
		 (unsigned long long)now.rlim_cur, (unsigned long long)now.rlim_max);
	run_ok(&(struct recipe){ .args = "[\"true\"]", .process = process });
}

static void the_oom_score_is_set(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = "[\"cat\",\"/proc/self/oom_score_adj\"]",
				 .process = USUAL_ENV "\"oomScoreAdj\":321," });
	assert_string_equal(out.out, "321\n");
}

static void scheduling_is_set(void **state)
{
	(void)state;
	run_ok(&(struct recipe){
		.args = SH("cut -d' ' -f19 /proc/self/stat; ionice -p $$"),
		.process = USUAL_ENV
		"\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"nice\":7},"
		"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":3}," });
	assert_has(out.out, "7\nbest-effort: prio 3\n");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .process = "\"scheduler\":{\"policy\":\"SCHED_X\"}," });
	assert_refused(ERR_INVALID, "scheduler policy 'SCHED_X': unknown");
}

static void personality_is_set(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = "[\"uname\",\"-m\"]",
				 .linux_more = "\"personality\":{\"domain\":\"LINUX32\"}," });
	assert_string_equal(out.out, "i686\n");
}

/* ---- seccomp ---- */

#define FILTER(more)                                                           \
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":" \
	"[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"]," more "},"

static void a_filter_refuses_a_call_with_its_errno(void **state)
{
	(void)state;
	run(&(struct recipe){ .args = SH("grep Seccomp: /proc/self/status; mkdir /tmp/x"),
			      .linux_more =
				      FILTER("\"syscalls\":[{\"names\":[\"mkdir\",\"mkdirat\","
					     "\"no_such_call\"],\"action\":\"SCMP_ACT_ERRNO\","
					     "\"errnoRet\":28}]") });
	assert_true(out.is_started);
	assert_has(out.out, "Seccomp:\t2");
	assert_has(out.errors, "No space left on device");
	assert_int_not_equal(out.status, 0);
}

static void a_filter_needs_no_new_privileges_no_more_than_it_must(void **state)
{
	/* As an ordinary user without no_new_privs, where loading takes CAP_SYS_ADMIN. */
	static const char filter[] =
		FILTER("\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\"}]");

	(void)state;
	run_ok(&(struct recipe){ .args = STATUS,
				 .linux_more = filter,
				 .process = USUAL_ENV "\"user\":{\"uid\":1000,\"gid\":1000}," });
	assert_has(out.out, "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
			    "CapBnd:\t0000000000000000\n");
	assert_has(out.out, "NoNewPrivs:\t0\nSeccomp:\t2");
	run_ok(&(struct recipe){ .args = STATUS,
				 .linux_more = filter,
				 .process = USUAL_ENV "\"noNewPrivileges\":true,"
						      "\"user\":{\"uid\":1000,\"gid\":1000}," });
	assert_has(out.out, "NoNewPrivs:\t1\nSeccomp:\t2");
}

static void a_filter_compares_arguments(void **state)
{
#define MODES(a, b)                                                                            \
	FILTER("\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[" \
	       "{\"index\":1,\"value\":" a ",\"op\":\"SCMP_CMP_EQ\"},"                         \
	       "{\"index\":1,\"value\":" b ",\"op\":\"SCMP_CMP_EQ\"}]}]")
	(void)state;
	/* mkdir asks for 0777; two conditions on one argument mean either. */
	run(&(struct recipe){ .args = "[\"mkdir\",\"/tmp/no\"]", .linux_more = MODES("511", "1") });
	assert_true(out.is_started);
	assert_has(out.errors, "can't create directory '/tmp/no': Operation not permitted");
	run_ok(&(struct recipe){ .args = "[\"mkdir\",\"/tmp/yes\"]",
				 .linux_more = MODES("510", "1") });
	box_shell(&box, "rmdir rootfs/tmp/yes");
}

static void a_filter_kills(void **state)
{
	(void)state;
	run(&(struct recipe){ .args = "[\"mkdir\",\"/tmp/x\"]",
			      .namespaces = "{\"type\":\"mount\"}",
			      .linux_more = FILTER("\"syscalls\":[{\"names\":[\"mkdir\"],"
						   "\"action\":\"SCMP_ACT_KILL_PROCESS\"}]") });
	assert_int_equal(out.status, 128 + 31);
}

static void a_filter_by_default_refuses_lets_its_list_pass(void **state)
{
	(void)state;
	run_ok(&(struct recipe){
		.args = "[\"echo\",\"through\"]",
		.linux_more =
			"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
			"\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],"
			"\"architectures\":[\"SCMP_ARCH_X86_64\"],\"syscalls\":[{\"names\":["
			"\"execve\",\"write\",\"read\",\"brk\",\"mmap\",\"munmap\",\"mprotect\","
			"\"arch_prctl\",\"uname\",\"readlink\",\"exit_group\",\"fstat\","
			"\"newfstatat\",\"ioctl\",\"set_tid_address\",\"set_robust_list\",\"rseq\","
			"\"prlimit64\",\"getrandom\",\"getuid\",\"capset\",\"prctl\"],"
			"\"action\":\"SCMP_ACT_ALLOW\"}]}," });
	assert_string_equal(out.out, "through\n");
}

/* Programs fall back from a new call on ENOSYS only, so EPERM for it would break them. */
static void a_call_newer_than_the_filter_is_unknown(void **state)
{
	(void)state;
	run(&(struct recipe){
		.args = "[\"touch\",\"/tmp/x\"]", /* utimensat is call 280 */
		.linux_more =
			"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":["
			"\"execve\",\"write\",\"read\",\"brk\",\"mmap\",\"munmap\",\"mprotect\","
			"\"arch_prctl\",\"readlink\",\"exit_group\",\"prctl\",\"capset\","
			"\"set_tid_address\",\"getuid\"],\"action\":\"SCMP_ACT_ALLOW\"}]}," });
	assert_true(out.is_started);
	assert_has(out.errors, "Function not implemented");
}

static void what_a_filter_cannot_have_is_refused_by_name(void **state)
{
	(void)state;
	run(&(struct recipe){ .args = "[\"true\"]",
			      .linux_more = FILTER("\"listenerPath\":\"/run/x.sock\"") });
	assert_refused(ERR_UNIMPLEMENTED, "seccomp listenerPath '/run/x.sock'");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .linux_more = "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_X\"}," });
	assert_refused(ERR_INVALID, "seccomp action 'SCMP_ACT_X': unknown");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .linux_more = FILTER("\"flags\":[\"FLAG_X\"]") });
	assert_refused(ERR_INVALID, "seccomp flag 'FLAG_X': unknown");
}

static void what_the_kernel_has_not_got_is_refused_by_name(void **state)
{
	(void)state;
	run(&(struct recipe){ .args = "[\"true\"]",
			      .process = "\"apparmorProfile\":\"docker-default\"," });
	assert_refused(ERR_UNIMPLEMENTED, "AppArmor profile 'docker-default'");
	run(&(struct recipe){ .args = "[\"true\"]", .process = "\"selinuxLabel\":\"a:b:c\"," });
	assert_refused(ERR_UNIMPLEMENTED, "SELinux label 'a:b:c'");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .linux_more = "\"intelRdt\":{\"l3CacheSchema\":\"L3:0=f\"}," });
	assert_refused(ERR_UNIMPLEMENTED, "intelRdt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_capabilities_there_are_none),
		cmocka_unit_test(five_sets_are_as_given),
		cmocka_unit_test(root_gets_its_bounding_set),
		cmocka_unit_test(unknown_capabilities_are_a_warning),
		cmocka_unit_test(what_the_kernel_would_refuse_in_a_set_is_a_warning),
		cmocka_unit_test(no_new_privileges_is_set_when_asked),
		cmocka_unit_test(limits_are_set),
		cmocka_unit_test(limits_that_make_no_sense_are_refused),
		cmocka_unit_test(a_limit_that_may_not_be_raised_is_named),
		cmocka_unit_test(the_oom_score_is_set),
		cmocka_unit_test(scheduling_is_set),
		cmocka_unit_test(personality_is_set),
		cmocka_unit_test(a_filter_refuses_a_call_with_its_errno),
		cmocka_unit_test(a_filter_needs_no_new_privileges_no_more_than_it_must),
		cmocka_unit_test(a_filter_compares_arguments),
		cmocka_unit_test(a_filter_kills),
		cmocka_unit_test(a_filter_by_default_refuses_lets_its_list_pass),
		cmocka_unit_test(a_call_newer_than_the_filter_is_unknown),
		cmocka_unit_test(what_a_filter_cannot_have_is_refused_by_name),
		cmocka_unit_test(what_the_kernel_has_not_got_is_refused_by_name),
	};

	return run_box_tests(tests, ARRAY_LEN(tests));
}
