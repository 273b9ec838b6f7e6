/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/launch/report.h"
#include "lib/base/defs.h"

static void the_end_of_the_pipe_is_good_news(void **state)
{
	struct err err = ERR_INIT;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	close(fds[1]);
	assert_int_equal(report_read(fds[0], &err), 0);
	close(fds[0]);
}

static void an_error_arrives_as_it_was(void **state)
{
	struct err sent = ERR_INIT, got = ERR_INIT;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	err_sys(&sent, ENOENT, "exec '/bin/x'");
	assert_int_equal(write(fds[1], &sent, sizeof(sent)), sizeof(sent));
	assert_int_equal(report_read(fds[0], &got), -1);
	assert_int_equal(got.code, ERR_NOT_FOUND);
	assert_int_equal(got.sys, ENOENT);
	assert_string_equal(got.text, "exec '/bin/x': No such file or directory");
	close(fds[0]);
	close(fds[1]);
}

static void half_a_report_is_an_error(void **state)
{
	struct err err = ERR_INIT;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], "half", 4), 4);
	close(fds[1]);
	assert_int_equal(report_read(fds[0], &err), -1);
	assert_string_equal(err.text, "launch report cut short at 4 bytes");
	close(fds[0]);
}

static void a_text_without_an_end_gets_one(void **state)
{
	struct err sent, got = ERR_INIT;
	int fds[2];

	(void)state;
	memset(&sent, 'x', sizeof(sent));
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], &sent, sizeof(sent)), sizeof(sent));
	assert_int_equal(report_read(fds[0], &got), -1);
	assert_int_equal(strlen(got.text), sizeof(got.text) - 1);
	close(fds[0]);
	close(fds[1]);
}

static void points_arrive_in_order_with_their_file(void **state)
{
	struct err err = ERR_INIT;
	enum sync_point point;
	int s[2], fd = -1;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
	assert_int_equal(sync_send(s[0], SYNC_TERMINAL, 0, &err), 0);
	assert_int_equal(sync_send(s[0], SYNC_READY, -1, &err), 0);
	assert_int_equal(sync_receive(s[1], &point, &fd, &err), 0);
	assert_int_equal(point, SYNC_TERMINAL);
	assert_true(fd > 2);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	assert_int_equal(sync_expect(s[1], SYNC_GO, &err), -1);
	assert_string_equal(err.text, "wait for 'go': got 'ready'");
	close(s[0]);
	assert_int_equal(sync_expect(s[1], SYNC_GO, &err), -1);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	close(s[1]);
}

static void a_point_of_another_size_is_an_error(void **state)
{
	struct err err = ERR_INIT;
	enum sync_point point;
	int s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
	assert_int_equal(send(s[0], "ab", 2, 0), 2);
	assert_int_equal(sync_receive(s[1], &point, NULL, &err), -1);
	assert_int_equal(err.code, ERR_INTERNAL);
	close(s[0]);
	close(s[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_the_pipe_is_good_news),
		cmocka_unit_test(an_error_arrives_as_it_was),
		cmocka_unit_test(half_a_report_is_an_error),
		cmocka_unit_test(a_text_without_an_end_gets_one),
		cmocka_unit_test(points_arrive_in_order_with_their_file),
		cmocka_unit_test(a_point_of_another_size_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
