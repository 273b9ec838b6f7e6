/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "pair.h"

static int make_dir(void **state)
{
	char name[] = "/tmp/test_unix.XXXXXX";

	assert_non_null(mkdtemp(name));
	*state = xstrdup(name);
	return 0;
}

static int remove_dir(void **state)
{
	struct err err = ERR_INIT;

	assert_int_equal(dir_remove(*state, &err), 0);
	free(*state);
	return 0;
}

static void assert_connects(const char *path)
{
	struct err err = ERR_INIT;
	scoped_fd int listener = unix_listen(path, &err);
	scoped_fd int client = -1;
	scoped_fd int server = -1;

	assert_string_equal(err.text, "");
	assert_true(listener >= 0);
	client = unix_connect(path, &err);
	assert_true(client >= 0);
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(server >= 0);
	assert_int_equal(write(client, "x", 1), 1);
}

static void a_socket_is_private_and_replaces_an_old_one(void **state)
{
	scoped_free char *path = xasprintf("%s/s", (const char *)*state);
	mode_t old = umask(0);
	struct stat st;

	assert_connects(path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_connects(path);
	umask(old);
}

static void a_file_that_is_no_socket_is_not_replaced(void **state)
{
	scoped_free char *path = xasprintf("%s/s", (const char *)*state);
	struct err err = ERR_INIT;

	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(unix_listen(path, &err), -1);
	assert_int_equal(err.sys, EADDRINUSE);
}

static void a_path_may_be_longer_than_the_address(void **state)
{
	scoped_free char *dir = xasprintf("%s/%0120d", (const char *)*state, 0);
	scoped_free char *path = xasprintf("%s/sock", dir);

	assert_int_equal(mkdir(dir, 0700), 0);
	assert_true(strlen(path) > 108);
	assert_connects(path);
}

static void an_abstract_name_leaves_no_file(void **state)
{
	scoped_free char *name = xasprintf("@test_unix.%d", (int)getpid());

	(void)state;
	assert_connects(name);
	assert_int_equal(access(name, F_OK), -1);
}

static void errors_tell_no_socket_from_no_listener(void **state)
{
	scoped_free char *path = xasprintf("%s/s", (const char *)*state);
	struct err err = ERR_INIT;

	assert_int_equal(unix_connect(path, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	close(unix_listen(path, &err));
	assert_int_equal(unix_connect(path, &err), -1);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_int_equal(unix_connect("", &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
}

/* The blocking call needs a peer that runs by itself: a server in a child. */
static pid_t serve_in_child(int fd, size_t n)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (size_t i = 0; i < n; i++) {
			Ttrpc__Response resp = TTRPC__RESPONSE__INIT;
			uint8_t header[10], data[1024];
			uint32_t stream;

			if (read(fd, header, 10) != 10 || read(fd, data, header[3]) != header[3])
				_exit(1);
			stream = (uint32_t)header[6] << 8 | header[7];
			resp.payload.data = (uint8_t *)(uintptr_t) "\x08\x02";
			resp.payload.len = 2;
			put_response(fd, stream, &resp.base);
		}
		_exit(0);
	}
	return pid;
}

static void the_blocking_call_may_be_repeated_on_its_connection(void **state)
{
	Grpc__CheckRequest req = GRPC__CHECK_REQUEST__INIT;
	struct err err = ERR_INIT;
	int fds[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	pid = serve_in_child(fds[1], 3);
	close(fds[1]);
	for (int i = 0; i < 3; i++) {
		ProtobufCMessage *resp = ttrpc_client_call_wait(fds[0], &grpc__health__descriptor,
								"Check", &req.base, 5000, &err);

		assert_non_null(resp);
		assert_int_equal(((Grpc__HealthCheckResponse *)(void *)resp)->status, 2);
		message_free(resp);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_null(ttrpc_client_call_wait(fds[0], &grpc__health__descriptor, "Check", &req.base,
					   5000, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	close(fds[0]);
}

static void the_blocking_call_has_a_deadline(void **state)
{
	Grpc__CheckRequest req = GRPC__CHECK_REQUEST__INIT;
	struct err err = ERR_INIT;
	int fds[2];

	(void)state;
	make_sockets(fds);
	assert_null(ttrpc_client_call_wait(fds[0], &grpc__health__descriptor, "Check", &req.base,
					   20, &err));
	assert_int_equal(err.code, ERR_TIMEOUT);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		TEST(a_socket_is_private_and_replaces_an_old_one),
		TEST(a_file_that_is_no_socket_is_not_replaced),
		TEST(a_path_may_be_longer_than_the_address),
		TEST(an_abstract_name_leaves_no_file),
		TEST(errors_tell_no_socket_from_no_listener),
		TEST(the_blocking_call_may_be_repeated_on_its_connection),
		TEST(the_blocking_call_has_a_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
