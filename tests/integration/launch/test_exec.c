/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_exec.c - another process in a running container; needs root
 */
#include "check.h"

static struct running first;

static void start_first(const struct recipe *r)
{
	box_start(&box, r, &first);
}

static void it_is_in_every_namespace_of_the_container(void **state)
{
	char line[512];

	(void)state;
	start_first(&(struct recipe){ .args = "[\"sleep\",\"60\"]",
				      .top = "\"hostname\":\"first\",",
				      .namespaces = "{\"type\":\"pid\"},{\"type\":\"mount\"},"
						    "{\"type\":\"ipc\"},{\"type\":\"uts\"},"
						    "{\"type\":\"network\"},{\"type\":\"cgroup\"},"
						    "{\"type\":\"time\"}" });
	snprintf(
		line, sizeof(line),
		SH("hostname; for n in pid mnt ipc uts net cgroup time; do "
		   "[ $(readlink /proc/self/ns/$n) = $(readlink /proc/1/ns/$n) ] || echo $n; done; "
		   "cat /proc/1/comm; ls /bin/busybox"));
	run_ok(&(struct recipe){ .args = line, .init_pid = first.pid });
	assert_string_equal(out.out, "first\nsleep\n/bin/busybox\n");
	assert_int_equal(box_stop(&first), 128 + 9);
}

static void it_has_its_own_ids_and_directory(void **state)
{
	(void)state;
	start_first(&(struct recipe){ .args = "[\"sleep\",\"60\"]" });
	run_ok(&(struct recipe){ .args = SH("id -u; id -g; pwd; echo $HOME"),
				 .init_pid = first.pid,
				 .process = USUAL_ENV
				 "\"cwd\":\"/tmp\",\"user\":{\"uid\":1000,\"gid\":7}," });
	assert_string_equal(out.out, "1000\n7\n/tmp\n/home/user\n");
	(void)box_stop(&first);
}

static void its_exit_code_and_errors_are_its_own(void **state)
{
	(void)state;
	start_first(&(struct recipe){ .args = "[\"sleep\",\"60\"]" });
	run(&(struct recipe){ .args = SH("exit 9"), .init_pid = first.pid });
	assert_int_equal(out.status, 9);
	run(&(struct recipe){ .args = "[\"/nothing\"]", .init_pid = first.pid });
	assert_refused(ERR_NOT_FOUND, "exec '/nothing': no such file or directory");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .init_pid = first.pid,
			      .process = USUAL_ENV "\"cwd\":\"/not/there\"," });
	assert_refused(ERR_NOT_FOUND, "change directory: open '/not/there'");
	(void)box_stop(&first);
}

static void it_gets_a_terminal_of_the_container(void **state)
{
	(void)state;
	start_first(&(struct recipe){ .args = "[\"sleep\",\"60\"]" });
	run_ok(&(struct recipe){ .args = SH("tty; stty size"),
				 .init_pid = first.pid,
				 .process =
					 USUAL_ENV "\"terminal\":true,"
						   "\"consoleSize\":{\"height\":5,\"width\":6}," });
	assert_string_equal(out.out, "/dev/pts/0\r\n5 6\r\n");
	(void)box_stop(&first);
}

static void it_is_in_the_user_namespace(void **state)
{
	(void)state;
	box_shell(&box, "chown -R 100000:100000 rootfs");
	start_first(&(struct recipe){
		.args = "[\"sleep\",\"60\"]",
		.mounts = "{\"destination\":\"/proc\",\"type\":\"proc\"},"
			  "{\"destination\":\"/dev\",\"type\":\"tmpfs\"},"
			  "{\"destination\":\"/dev/pts\",\"type\":\"devpts\"}",
		.linux_more =
			"\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
			"\"gidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],",
		.namespaces = "{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"user\"},"
			      "{\"type\":\"uts\"},{\"type\":\"ipc\"}" });
	run_ok(&(struct recipe){ .args = SH("id -u; tr -s ' ' < /proc/self/uid_map; touch /tmp/x; "
					    "echo re > /dev/stdout"),
				 .init_pid = first.pid,
				 .process = USUAL_ENV "\"user\":{\"uid\":12,\"gid\":7}," });
	assert_string_equal(out.out, "12\n 0 100000 65536\nre\n");
	run_ok(&(struct recipe){ .args = SH("tty; stat -c %u $(tty); echo x > $(tty)"),
				 .init_pid = first.pid,
				 .process = USUAL_ENV
				 "\"terminal\":true,\"user\":{\"uid\":12,\"gid\":7}," });
	assert_string_equal(out.out, "/dev/pts/0\r\n12\r\nx\r\n");
	box_shell(&box, "[ $(stat -c %%u:%%g rootfs/tmp/x) = 100012:100007 ] && rm rootfs/tmp/x; "
			"chown -R 0:0 rootfs");
	(void)box_stop(&first);
}

static void it_obeys_the_container_s_filter(void **state)
{
	(void)state;
	start_first(&(struct recipe){ .args = "[\"sleep\",\"60\"]" });
	run(&(struct recipe){ .args = "[\"mkdir\",\"/tmp/x\"]",
			      .init_pid = first.pid,
			      .linux_more = "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\","
					    "\"syscalls\":[{\"names\":[\"mkdir\"],"
					    "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":28}]}," });
	assert_has(out.errors, "No space left");
	(void)box_stop(&first);
}

static void it_leaves_no_file_open_and_nothing_behind(void **state)
{
	struct census before, after;

	(void)state;
	start_first(&(struct recipe){ .args = "[\"sleep\",\"60\"]" });
	census_take(&before);
	for (int i = 0; i < 50; i++) {
		run_ok(&(struct recipe){ .args = SH("ls /proc/self/fd | tr '\\\\n' ' '"),
					 .init_pid = first.pid });
		assert_string_equal(out.out, "0 1 2 3 ");
	}
	census_take(&after);
	assert_memory_equal(&before, &after, sizeof(before));
	(void)box_stop(&first);
}

static void a_pid_namespace_without_its_first_process_is_named(void **state)
{
	char namespaces[256], path[128];

	(void)state;
	start_first(&(struct recipe){ .args = "[\"sleep\",\"60\"]" });
	snprintf(path, sizeof(path), "%s/kept", box.dir);
	box_shell(&box, "touch kept && mount --bind /proc/%d/ns/pid kept", (int)first.pid);
	(void)box_stop(&first);
	snprintf(namespaces, sizeof(namespaces),
		 "{\"type\":\"mount\"},{\"type\":\"pid\",\"path\":\"%s\"}", path);
	run(&(struct recipe){ .args = "[\"true\"]", .namespaces = namespaces });
	assert_refused(ERR_STATE, "join pid namespace: its first process has ended");
	box_shell(&box, "umount kept");
	/* And the parent found its way back. */
	run_ok(&(struct recipe){ .args = "[\"true\"]" });
}

static void an_exec_into_a_process_that_is_gone_fails(void **state)
{
	(void)state;
	run(&(struct recipe){ .args = "[\"true\"]", .init_pid = 4194303 });
	assert_refused(ERR_STATE, "the container's first process has ended");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_in_every_namespace_of_the_container),
		cmocka_unit_test(it_has_its_own_ids_and_directory),
		cmocka_unit_test(its_exit_code_and_errors_are_its_own),
		cmocka_unit_test(it_gets_a_terminal_of_the_container),
		cmocka_unit_test(it_is_in_the_user_namespace),
		cmocka_unit_test(it_obeys_the_container_s_filter),
		cmocka_unit_test(it_leaves_no_file_open_and_nothing_behind),
		cmocka_unit_test(a_pid_namespace_without_its_first_process_is_named),
		cmocka_unit_test(an_exec_into_a_process_that_is_gone_fails),
	};

	return run_box_tests(tests, ARRAY_LEN(tests));
}
