/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cgroup.c - the container's process is born in its group and sees that one; needs root
 */
#include "check.h"
#include "lib/cgroup/cgroup.h"

#define WITH_CGROUP                                                                       \
	",{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\"," \
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}"
#define CGROUP_NS "{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"cgroup\"}"

static char group[64];
static struct cgroup *cg;

static int make_group(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	snprintf(group, sizeof(group), "/kata-launch-test-%d", (int)getpid());
	cg = cgroup_create(group, &err);
	if (!cg)
		fail_msg("%s", err.text);
	return 0;
}

static int remove_group(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	if (cgroup_remove(cg, 5000, &err) < 0)
		fail_msg("%s", err.text);
	cgroup_free(cg);
	return 0;
}

static void the_process_is_in_the_group_everywhere(void **state)
{
	size_t lines = 0, inside = 0;

	(void)state;
	run_ok(&(struct recipe){ .args = "[\"cat\",\"/proc/self/cgroup\"]", .cgroup = cg });
	for (const char *at = out.out; *at; at = strchr(at, '\n') + 1) {
		lines++;
		inside += strstr(at, group) && strstr(at, group) < strchr(at, '\n');
	}
	assert_true(inside > 0);
	assert_int_equal(lines, inside);
}

static void a_cgroup_namespace_is_rooted_in_the_group(void **state)
{
	(void)state;
	run_ok(&(struct recipe){
		.args = "[\"cat\",\"/proc/self/cgroup\"]", .cgroup = cg, .namespaces = CGROUP_NS });
	assert_has_not(out.out, group);
	assert_has(out.out, ":/\n");
}

static void the_mounted_groups_are_the_container_s_own(void **state)
{
	static const char *const namespaces[] = { CGROUP_NS,
						  "{\"type\":\"pid\"},{\"type\":\"mount\"}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++) {
		/* Pid 1 is the only process of the group, so its own list shows just it. */
		run_ok(&(struct recipe){
			.args = SH(
				"cd /sys/fs/cgroup; [ -e cgroup.procs ] || cd memory; cat cgroup.procs"),
			.cgroup = cg,
			.more_mounts = WITH_CGROUP,
			.namespaces = namespaces[i] });
		assert_has(out.out, "1\n");
		run(&(struct recipe){
			.args = SH(
				"cd /sys/fs/cgroup; mkdir x; [ -e cgroup.procs ] || cd memory; mkdir x"),
			.cgroup = cg,
			.more_mounts = WITH_CGROUP,
			.namespaces = namespaces[i] });
		assert_has(out.errors, "Read-only file system");
		assert_int_not_equal(out.status, 0);
	}
}

static void an_exec_enters_the_group_too(void **state)
{
	struct running first;

	(void)state;
	box_start(&box, &(struct recipe){ .args = "[\"sleep\",\"60\"]", .cgroup = cg }, &first);
	run_ok(&(struct recipe){
		.args = "[\"grep\",\"-c\",\"/kata-launch-test-\",\"/proc/self/cgroup\"]",
		.cgroup = cg,
		.init_pid = first.pid });
	assert_true(atoi(out.out) > 0);
	(void)box_stop(&first);
}

static void without_a_group_the_mount_is_passed_over(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = "[\"ls\",\"/sys/fs/cgroup\"]",
				 .more_mounts = WITH_CGROUP });
	assert_has(out.warnings, "mount on '/sys/fs/cgroup': the container has no cgroup");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_process_is_in_the_group_everywhere, make_group,
						remove_group),
		cmocka_unit_test_setup_teardown(a_cgroup_namespace_is_rooted_in_the_group,
						make_group, remove_group),
		cmocka_unit_test_setup_teardown(the_mounted_groups_are_the_container_s_own,
						make_group, remove_group),
		cmocka_unit_test_setup_teardown(an_exec_enters_the_group_too, make_group,
						remove_group),
		cmocka_unit_test(without_a_group_the_mount_is_passed_over),
	};

	return run_box_tests(tests, ARRAY_LEN(tests));
}
