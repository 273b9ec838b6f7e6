/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/spawn.h"
#include "lib/base/str.h"

static char sh[] = "/bin/sh", dash_c[] = "-c";

/* What the script prints, its status in *ret_status. s->argv and stdout are set here. */
static char *output_of(struct spawn *s, const char *script, int *ret_status)
{
	scoped_free char *copy = xstrdup(script);
	char *const argv[] = { sh, dash_c, copy, NULL };
	struct str out = { 0 };
	struct err err = ERR_INIT;
	scoped_fd int pidfd = -1;
	int fds[2];
	char buf[4096];
	ssize_t n;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	s->argv = argv;
	s->stdout_fd = fds[1];
	if (spawn(s, NULL, &pidfd, &err) < 0)
		fail_msg("%s", err.text);
	close(fds[1]);
	while ((n = read(fds[0], buf, sizeof(buf))) > 0)
		str_add_n(&out, buf, (size_t)n);
	close(fds[0]);
	assert_int_equal(spawn_wait(pidfd, 10000, ret_status, &err), 0);
	return str_take(&out);
}

static void assert_prints(struct spawn *s, const char *script, const char *want)
{
	int status;
	scoped_free char *out = output_of(s, script, &status);

	assert_string_equal(out, want);
	assert_int_equal(status, 0);
}

static void the_defaults_are_the_safe_ones(void **state)
{
	struct spawn s = SPAWN_INIT;
	scoped_fd int leak = open("/dev/zero", O_RDONLY); /* not close-on-exec on purpose */

	(void)state;
	setenv("LEAKED", "1", 1);
	signal(SIGPIPE, SIG_IGN);
	assert_prints(&s, "pwd; readlink /proc/self/fd/0 /proc/$$/fd/2; echo ${LEAKED-clean}",
		      "/\n/dev/null\n/dev/null\nclean\n");
	assert_prints(&s,
		      "for f in /proc/$$/fd/*; do case ${f##*/} in 0|1|2) ;; *) "
		      "[ ! -e $f ] || readlink $f;; esac; done",
		      "");
	assert_prints(&s, "exec grep -E '^Sig(Blk|Ign)' /proc/self/status",
		      "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	signal(SIGPIPE, SIG_DFL);
	unsetenv("LEAKED");
}

static void descriptors_arrive_at_their_numbers(void **state)
{
	struct spawn s = SPAWN_INIT;
	int a[2], b[2];
	struct spawn_fd fds[2];

	(void)state;
	assert_int_equal(pipe2(a, O_CLOEXEC), 0);
	assert_int_equal(pipe2(b, O_CLOEXEC), 0);
	assert_int_equal(write(a[1], "first\n", 6), 6);
	assert_int_equal(write(b[1], "second\n", 7), 7);
	close(a[1]);
	close(b[1]);
	/* Each wants the number that the other has: neither may be lost on the way. */
	fds[0] = (struct spawn_fd){ .from = a[0], .to = b[0] };
	fds[1] = (struct spawn_fd){ .from = b[0], .to = a[0] };
	s.fds = fds;
	s.n_fds = 2;
	{
		scoped_free char *script = xasprintf("cat <&%d; cat <&%d", b[0], a[0]);

		assert_prints(&s, script, "first\nsecond\n");
	}
	close(a[0]);
	close(b[0]);
}

static void standard_streams_may_be_swapped(void **state)
{
	struct spawn s = SPAWN_INIT;
	int in[2];

	(void)state;
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(write(in[1], "text\n", 5), 5);
	close(in[1]);
	s.stdin_fd = in[0];
	assert_prints(&s, "cat", "text\n");
	close(in[0]);
}

static void a_program_that_is_missing_is_an_error_with_its_reason(void **state)
{
	char missing[] = "/nonexistent/program";
	char *const argv[] = { missing, NULL };
	struct spawn s = SPAWN_INIT;
	struct err err = ERR_INIT;
	pid_t pid = -5;
	int pidfd = -5;

	(void)state;
	s.argv = argv;
	assert_int_equal(spawn(&s, &pid, &pidfd, &err), -1);
	assert_string_equal(err.text, "start '/nonexistent/program': execute "
				      "'/nonexistent/program': No such file or directory");
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(pid, -5);
	assert_int_equal(pidfd, -5);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* and no zombie */
	assert_int_equal(errno, ECHILD);
}

static void a_directory_that_is_missing_is_named(void **state)
{
	char *const argv[] = { sh, NULL };
	struct spawn s = SPAWN_INIT;
	struct err err = ERR_INIT;

	(void)state;
	s.argv = argv;
	s.cwd = "/nonexistent";
	assert_int_equal(spawn(&s, NULL, NULL, &err), -1);
	assert_string_equal(err.text, "start '/bin/sh': enter directory '/nonexistent': No such "
				      "file or directory");
}

static void environment_and_directory_are_those_given(void **state)
{
	char var[] = "A=b c";
	char *const envp[] = { var, NULL };
	struct spawn s = SPAWN_INIT;

	(void)state;
	s.envp = envp;
	s.cwd = "/proc";
	assert_prints(&s, "pwd; echo \"$A\"", "/proc\nb c\n");
}

static void a_session_of_its_own_when_asked(void **state)
{
	struct spawn s = SPAWN_INIT;
	int status;
	scoped_free char *out = NULL;

	(void)state;
	s.new_session = true;
	out = output_of(&s, "set -- $(cat /proc/$$/stat); [ $6 = $$ ] && echo own", &status);
	assert_string_equal(out, "own\n");
}

static void the_status_tells_exit_from_signal(void **state)
{
	struct spawn s = SPAWN_INIT;
	int status;

	(void)state;
	free(output_of(&s, "exit 42", &status));
	assert_int_equal(status, 42);
	free(output_of(&s, "kill -9 $$", &status));
	assert_int_equal(status, 137);
	free(output_of(&s, "kill -15 $$", &status));
	assert_int_equal(status, 143);
}

static pid_t start_sleeper(int *ret_pidfd, int death_signal)
{
	char sleep_path[] = "/bin/sleep", time[] = "60";
	char *const argv[] = { sleep_path, time, NULL };
	struct spawn s = SPAWN_INIT;
	struct err err = ERR_INIT;
	pid_t pid;

	s.argv = argv;
	s.death_signal = death_signal;
	if (spawn(&s, &pid, ret_pidfd, &err) < 0)
		fail_msg("%s", err.text);
	return pid;
}

static void a_wait_has_a_deadline_and_leaves_the_process_running(void **state)
{
	scoped_fd int pidfd = -1;
	struct err err = ERR_INIT;
	int status;

	(void)state;
	start_sleeper(&pidfd, 0);
	assert_int_equal(spawn_wait(pidfd, 10, &status, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_int_equal(proc_kill_wait(pidfd, 5000, &err), 0);
	assert_int_equal(spawn_wait(pidfd, 0, &status, &err), 0);
	assert_int_equal(status, 137);
}

static void a_child_dies_with_its_parent_when_asked(void **state)
{
	struct err err = ERR_INIT;
	int fds[2], status;
	pid_t parent, sleeper;

	(void)state;
	/* The orphan comes to us, so that its end can be seen. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	parent = fork();
	if (parent == 0) {
		sleeper = start_sleeper(NULL, SIGTERM);
		_exit(write_all(fds[1], &sleeper, sizeof(sleeper), &err) == 0 ? 0 : 1);
	}
	assert_int_equal(read(fds[0], &sleeper, sizeof(sleeper)), sizeof(sleeper));
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_int_equal(waitpid(sleeper, &status, 0), sleeper);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

static void what_it_forked_dies_with_the_first_of_a_pid_namespace_as_root(void **state)
{
	char script[] = "trap '' TERM HUP; sleep 60 & echo; wait";
	char *const argv[] = { sh, dash_c, script, NULL };
	struct spawn s = SPAWN_INIT;
	scoped_fd int pidfd = -1;
	struct err err = ERR_INIT;
	int fds[2], status;
	char byte;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	s.argv = argv;
	s.stdout_fd = fds[1];
	s.death_signal = SIGKILL;
	s.new_pid_namespace = true;
	if (spawn(&s, NULL, &pidfd, &err) < 0)
		fail_msg("%s", err.text);
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(proc_kill_wait(pidfd, 5000, &err), 0);
	assert_int_equal(spawn_wait(pidfd, 0, &status, &err), 0);
	/* The sleeper had the other end, and would have for a minute. */
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(read(fds[0], &byte, 1), 0);
	close(fds[0]);
}

static void a_program_runs_as_another_user_as_root(void **state)
{
	const gid_t groups[] = { 1234 };
	struct spawn s = SPAWN_INIT;

	(void)state;
	if (getuid() != 0)
		skip();
	s.drop_user = true;
	s.uid = s.gid = 65534;
	s.groups = groups;
	s.n_groups = 1;
	assert_prints(
		&s, "grep -E '^(Uid|Gid|Groups)' /proc/$$/status | tr -s '\\t ' ' '",
		"Uid: 65534 65534 65534 65534\nGid: 65534 65534 65534 65534\nGroups: 1234 \n");
}

static void capabilities_outlast_another_effective_user_when_asked(void **state)
{
	struct spawn s = SPAWN_INIT;

	(void)state;
	if (geteuid() != 0 || prctl(PR_CAPBSET_READ, 8 /* CAP_SETPCAP */) != 1)
		skip();
	s.keep_capabilities = true;
	assert_prints(&s, "setpriv --dump | grep -i securebits", "Securebits: no_setuid_fixup\n");
	s.keep_capabilities = false;
	assert_prints(&s, "setpriv --dump | grep -i securebits", "Securebits: [none]\n");
}

static void a_process_is_known_by_pid_and_start_time(void **state)
{
	scoped_fd int pidfd = -1, again = -1;
	struct err err = ERR_INIT;
	uint64_t start;
	pid_t pid;
	int status;

	(void)state;
	pid = start_sleeper(&pidfd, 0);
	assert_int_equal(proc_start_time(pid, &start, &err), 0);
	again = proc_open(pid, start, &err);
	assert_true(again >= 0);
	assert_int_equal(proc_open(pid, start + 1, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);

	assert_int_equal(proc_kill_wait(again, 5000, &err), 0);
	assert_int_equal(proc_start_time(pid, &start, &err), 0); /* a zombie has one */
	assert_int_equal(proc_open(pid, start, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(spawn_wait(pidfd, 1000, &status, &err), 0);
	assert_int_equal(proc_start_time(pid, &start, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(proc_kill_wait(again, 1000, &err), 0); /* gone already is fine */
}

static void a_name_with_blanks_and_parentheses_does_not_confuse(void **state)
{
	struct err err = ERR_INIT;
	uint64_t plain, odd;

	(void)state;
	assert_int_equal(proc_start_time(getpid(), &plain, &err), 0);
	assert_int_equal(prctl(PR_SET_NAME, ") R 1 (x) "), 0);
	assert_int_equal(proc_start_time(getpid(), &odd, &err), 0);
	assert_true(plain == odd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_defaults_are_the_safe_ones),
		cmocka_unit_test(descriptors_arrive_at_their_numbers),
		cmocka_unit_test(standard_streams_may_be_swapped),
		cmocka_unit_test(a_program_that_is_missing_is_an_error_with_its_reason),
		cmocka_unit_test(a_directory_that_is_missing_is_named),
		cmocka_unit_test(environment_and_directory_are_those_given),
		cmocka_unit_test(a_session_of_its_own_when_asked),
		cmocka_unit_test(the_status_tells_exit_from_signal),
		cmocka_unit_test(a_wait_has_a_deadline_and_leaves_the_process_running),
		cmocka_unit_test(a_child_dies_with_its_parent_when_asked),
		cmocka_unit_test(what_it_forked_dies_with_the_first_of_a_pid_namespace_as_root),
		cmocka_unit_test(a_program_runs_as_another_user_as_root),
		cmocka_unit_test(capabilities_outlast_another_effective_user_when_asked),
		cmocka_unit_test(a_process_is_known_by_pid_and_start_time),
		cmocka_unit_test(a_name_with_blanks_and_parentheses_does_not_confuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
