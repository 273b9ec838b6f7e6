/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_launch.c - a program from its spec to its exit: streams, codes, errors; needs root
 */
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "check.h"

static void true_runs_and_ends_with_0(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = "[\"/bin/true\"]" });
	assert_string_equal(out.warnings, "");
}

static void output_and_exit_code_come_back(void **state)
{
	(void)state;
	run(&(struct recipe){ .args = SH("echo out; echo err >&2; exit 7") });
	assert_true(out.is_started);
	assert_int_equal(out.status, 7);
	assert_string_equal(out.out, "out\n");
	assert_string_equal(out.errors, "err\n");
}

static void input_reaches_the_program(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = "[\"cat\"]", .input = "some words\n" });
	assert_string_equal(out.out, "some words\n");
}

static void a_signal_is_seen_as_such(void **state)
{
	(void)state;
	/* Pid 1 of a namespace gets no default action from its own kill. */
	run(&(struct recipe){ .args = SH("kill -TERM $$"), .namespaces = "{\"type\":\"mount\"}" });
	assert_int_equal(out.status, 128 + 15);
}

static void a_missing_program_is_not_found(void **state)
{
	(void)state;
	run(&(struct recipe){ .args = "[\"/bin/nothing\"]" });
	assert_refused(ERR_NOT_FOUND, "exec '/bin/nothing': no such file or directory");
}

static void a_missing_name_is_not_found_in_path(void **state)
{
	(void)state;
	run(&(struct recipe){ .args = "[\"nothing\"]" });
	assert_refused(ERR_NOT_FOUND, "exec 'nothing': executable file not found in $PATH");
}

static void a_file_that_is_no_program_is_denied(void **state)
{
	(void)state;
	run(&(struct recipe){ .args = "[\"/etc/passwd\"]" });
	assert_refused(ERR_DENIED, "exec '/etc/passwd': permission denied");
	run(&(struct recipe){ .args = "[\"/etc\"]" });
	assert_refused(ERR_DENIED, "exec '/etc': permission denied");
}

static void a_program_that_vanishes_before_start_is_reported_by_start(void **state)
{
	(void)state;
	/* Executable by its mode, so READY is reached; what it is shows only in execve(). */
	box_shell(&box, "printf '#!/no/such/interpreter\\n' > rootfs/bin/orphan; "
			"chmod 755 rootfs/bin/orphan");
	run(&(struct recipe){ .args = "[\"/bin/orphan\"]" });
	assert_true(out.is_ready);
	assert_refused(ERR_NOT_FOUND, "exec '/bin/orphan': no such file or directory");
}

static void the_environment_is_the_spec_s_and_home_is_found(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = "[\"/bin/env\"]",
				 .process = "\"env\":[\"PATH=/bin\",\"A=b c\"]," });
	assert_string_equal(out.out, "PATH=/bin\nA=b c\nHOME=/root\n");
	run_ok(&(struct recipe){ .args = "[\"/bin/env\"]", .process = "\"env\":[\"HOME=/x\"]," });
	assert_string_equal(out.out, "HOME=/x\n");
	run_ok(&(struct recipe){ .args = "[\"/bin/env\"]", .process = "\"user\":{\"uid\":1000}," });
	assert_string_equal(out.out, "HOME=/home/user\n");
	run_ok(&(struct recipe){ .args = "[\"/bin/env\"]", .process = "\"user\":{\"uid\":4711}," });
	assert_string_equal(out.out, "HOME=/\n");
}

static void the_working_directory_is_made_when_missing(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = "[\"pwd\"]",
				 .process = USUAL_ENV "\"cwd\":\"/not/yet/there\"," });
	assert_string_equal(out.out, "/not/yet/there\n");
}

static void the_umask_is_given_or_022(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = SH("umask") });
	assert_string_equal(out.out, "0022\n");
	run_ok(&(struct recipe){ .args = SH("umask"),
				 .process = USUAL_ENV "\"user\":{\"uid\":0,\"umask\":63}," });
	assert_string_equal(out.out, "0077\n");
}

static void no_file_is_left_open(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = SH("ls /proc/self/fd | tr '\\\\n' ' '") });
	assert_string_equal(out.out, "0 1 2 3 "); /* 3 is ls's own directory */
}

static void no_signal_is_blocked_or_ignored(void **state)
{
	(void)state;
	run_ok(&(struct recipe){
		.args = "[\"grep\",\"-E\",\"^Sig(Blk|Ign)\",\"/proc/self/status\"]" });
	assert_has(out.out, "SigBlk:\t0000000000000000");
	assert_has(out.out, "SigIgn:\t0000000000000000");
}

static void another_user_may_reopen_its_output(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = SH("echo again > /dev/stdout"),
				 .process = USUAL_ENV "\"user\":{\"uid\":1000,\"gid\":1000}," });
	assert_string_equal(out.out, "again\n");
}

/* ---- terminal ---- */

static void a_terminal_is_the_container_s_own(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = SH("tty; stty size; ls -l /dev/console | cut -c1; "
					    "echo through > /dev/console; echo x > /dev/tty"),
				 .process = USUAL_ENV
				 "\"terminal\":true,"
				 "\"consoleSize\":{\"height\":33,\"width\":99}," });
	assert_has(out.out, "/dev/pts/0\r\n33 99\r\nc\r\nthrough\r\nx\r\n");
}

static void a_terminal_can_be_resized_while_it_runs(void **state)
{
	struct running r;
	struct winsize size = { .ws_row = 41, .ws_col = 142 };
	char text[4096];

	(void)state;
	box_start(&box,
		  &(struct recipe){ .args = SH("trap 'stty size' WINCH; echo here; read x; read x"),
				    .process = USUAL_ENV "\"terminal\":true," },
		  &r);
	assert_true(box_read_until(r.io.stdin_fd, "here", text, sizeof(text)));
	assert_int_equal(ioctl(r.io.stdin_fd, TIOCSWINSZ, &size), 0);
	assert_int_equal(write(r.io.stdin_fd, "\n", 1), 1);
	assert_true(box_read_until(r.io.stdin_fd, "41 142", text, sizeof(text)));
	assert_int_equal(box_stop(&r), 128 + 9);
}

static void a_terminal_belongs_to_the_user(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = SH("stat -c %u $(tty); echo ok > $(tty)"),
				 .process = USUAL_ENV "\"terminal\":true,"
						      "\"user\":{\"uid\":1000,\"gid\":1000}," });
	assert_has(out.out, "1000\r\nok\r\n");
}

static void a_terminal_without_devpts_is_refused(void **state)
{
	(void)state;
	run(&(struct recipe){ .args = "[\"true\"]",
			      .process = USUAL_ENV "\"terminal\":true,",
			      .mounts = "{\"destination\":\"/dev\",\"type\":\"tmpfs\"},"
					"{\"destination\":\"/dev/pts\",\"type\":\"tmpfs\"}" });
	assert_refused(ERR_INVALID, "make terminal: '/dev/pts' is no devpts");
}

/* ---- hooks ---- */

static void hooks_run_in_the_container_at_their_time(void **state)
{
	char top[1024];

	(void)state;
	snprintf(
		top, sizeof(top),
		"\"annotations\":{\"a\":\"b\\\"c\"},\"hostname\":\"inside\",\"hooks\":{"
		"\"createContainer\":[{\"path\":\"/bin/sh\",\"env\":[\"PATH=/bin\",\"V=1\"],\"args\":"
		"[\"sh\",\"-c\",\"cat > %s/state; hostname > %s/name; echo $V >> %s/name\"]}],"
		"\"startContainer\":[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"cat > /tmp/started\"]}]},",
		box.dir, box.dir, box.dir);
	run_ok(&(struct recipe){ .args = "[\"cat\",\"/tmp/started\"]", .top = top });
	assert_has(out.out, "\"id\":\"box\",\"status\":\"created\",\"bundle\":\"");
	assert_has(out.out, "\"annotations\":{\"a\":\"b\\\"c\"},\"pid\":");
	box_shell(&box, "grep -q '\"status\":\"creating\".*\"pid\":[1-9][0-9]*}$' state && "
			"[ \"$(cat name)\" = \"inside\n1\" ] && rm rootfs/tmp/started");
}

static void a_hook_that_fails_fails_the_container(void **state)
{
	(void)state;
	run(&(struct recipe){
		.args = "[\"true\"]",
		.top = "\"hooks\":{\"createContainer\":[{\"path\":\"/bin/false\"}]}," });
	assert_false(out.is_ready);
	assert_refused(ERR_INTERNAL, "run hook: '/bin/false': ended with code 1");
	run(&(struct recipe){
		.args = "[\"true\"]",
		.top = "\"hooks\":{\"startContainer\":[{\"path\":\"/bin/nothing\"}]}," });
	assert_true(out.is_ready);
	assert_refused(ERR_NOT_FOUND, "run hook: '/bin/nothing': ended with code 127");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .top = "\"hooks\":{\"createContainer\":[{\"path\":\"/bin/sleep\","
				     "\"args\":[\"sleep\",\"60\"],\"timeout\":1}]}," });
	assert_refused(ERR_TIMEOUT, "run hook: '/bin/sleep': still running after 1000 ms");
}

static void the_deadline_ends_a_launch(void **state)
{
	(void)state;
	run(&(struct recipe){ .args = "[\"true\"]",
			      .deadline_ms = 300,
			      .top = "\"hooks\":{\"createContainer\":[{\"path\":\"/bin/sleep\","
				     "\"args\":[\"sleep\",\"60\"]}]}," });
	assert_refused(ERR_TIMEOUT, "build the container: no answer in 300 ms (the process is in '");
}

/* ---- forgetting ---- */

static void a_launch_that_is_forgotten_before_its_start_is_killed(void **state)
{
	struct running r;

	(void)state;
	box_prepare(&box, &(struct recipe){ .args = SH("echo never > /tmp/never") }, &r);
	/* box_forget() reaps without a signal of its own, so this ends only if it was killed. */
	assert_int_equal(box_forget(&r), 128 + 9);
	box_shell(&box, "[ ! -e rootfs/tmp/never ]");
}

static void a_start_of_what_has_died_is_an_error(void **state)
{
	struct running r;
	struct err err = ERR_INIT;
	siginfo_t info;

	(void)state;
	box_prepare(&box, &(struct recipe){ .args = "[\"true\"]" }, &r);
	assert_int_equal(kill(r.pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)r.pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(box_start_prepared(&box, &r, &err), -1);
	assert_has(err.text, "ended before its program");
	assert_int_equal(box_forget(&r), 128 + 9);
}

/* ---- many ---- */

static void a_hundred_starts_leave_nothing(void **state)
{
	struct census before, after;

	(void)state;
	census_take(&before);
	for (int i = 0; i < 100; i++) {
		run_ok(&(struct recipe){ .args = SH("echo line") });
		assert_string_equal(out.out, "line\n");
	}
	census_take(&after);
	assert_int_equal(before.n_fds, after.n_fds);
	assert_int_equal(before.n_mounts, after.n_mounts);
	assert_int_equal(before.n_children, after.n_children);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(true_runs_and_ends_with_0),
		cmocka_unit_test(output_and_exit_code_come_back),
		cmocka_unit_test(input_reaches_the_program),
		cmocka_unit_test(a_signal_is_seen_as_such),
		cmocka_unit_test(a_missing_program_is_not_found),
		cmocka_unit_test(a_missing_name_is_not_found_in_path),
		cmocka_unit_test(a_file_that_is_no_program_is_denied),
		cmocka_unit_test(a_program_that_vanishes_before_start_is_reported_by_start),
		cmocka_unit_test(the_environment_is_the_spec_s_and_home_is_found),
		cmocka_unit_test(the_working_directory_is_made_when_missing),
		cmocka_unit_test(the_umask_is_given_or_022),
		cmocka_unit_test(no_file_is_left_open),
		cmocka_unit_test(no_signal_is_blocked_or_ignored),
		cmocka_unit_test(another_user_may_reopen_its_output),
		cmocka_unit_test(a_terminal_is_the_container_s_own),
		cmocka_unit_test(a_terminal_can_be_resized_while_it_runs),
		cmocka_unit_test(a_terminal_belongs_to_the_user),
		cmocka_unit_test(a_terminal_without_devpts_is_refused),
		cmocka_unit_test(hooks_run_in_the_container_at_their_time),
		cmocka_unit_test(a_hook_that_fails_fails_the_container),
		cmocka_unit_test(the_deadline_ends_a_launch),
		cmocka_unit_test(a_launch_that_is_forgotten_before_its_start_is_killed),
		cmocka_unit_test(a_start_of_what_has_died_is_an_error),
		cmocka_unit_test(a_hundred_starts_leave_nothing),
	};

	return run_box_tests(tests, sizeof(tests) / sizeof(tests[0]));
}
