/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "tests/integration/agent/drive.h"

static void expect_output(const char *id, const char *exec_id, const char *want)
{
	scoped_free char *got = drive_read_all(id, exec_id, false, NULL);

	assert_string_equal(got, want);
}

static void it_runs_and_tells_output_and_status(void **state)
{
	scoped_free char *errors = NULL;

	(void)state;
	drive_run("c1", SH("echo out; echo err >&2; exit 7"));
	expect_output("c1", "c1", "out\n");
	errors = drive_read_all("c1", "", true, NULL);
	assert_string_equal(errors, "err\n");
	assert_int_equal(drive_wait("c1", "c1"), 7);
	assert_int_equal(drive_wait("c1", ""), 7); /* a late wait gets the same */
	drive_remove("c1");
}

/* How many of the agent's descriptors are mount namespaces. */
static size_t count_kept_mounts(void)
{
	scoped_free char *fds = xasprintf("/proc/%d/fd", (int)drive.agent);
	DIR *dir = opendir(fds);
	struct dirent *entry;
	size_t n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char target[64] = "";

		if (readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1) > 0)
			n += strncmp(target, "mnt:", 4) == 0;
	}
	closedir(dir);
	return n;
}

/* A dying process must not be the one that takes them down: see container.c. */
static void the_mounts_of_a_container_stay_until_it_is_removed(void **state)
{
	(void)state;
	drive_run("c1", ARGS("/bin/true"));
	assert_int_equal(drive_wait("c1", "c1"), 0);
	assert_int_equal(count_kept_mounts(), 1);
	drive_remove("c1");
	assert_int_equal(count_kept_mounts(), 0);
}

static void every_line_of_a_short_life_arrives(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		scoped_free char *got = NULL;
		size_t len;

		drive_run("lines", ARGS("/bin/seq", "1", "20000"));
		got = drive_read_all("lines", "lines", false, &len);
		assert_int_equal(len, 108894); /* 9*2 + 90*3 + 900*4 + 9000*5 + 10001*6 */
		assert_string_equal(got + len - 6, "20000\n");
		assert_int_equal(drive_wait("lines", "lines"), 0);
		drive_remove("lines");
	}
}

static void output_waits_for_a_slow_reader_after_the_exit(void **state)
{
	(void)state;
	drive_run("late", SH("echo kept"));
	assert_int_equal(drive_wait("late", "late"), 0);
	expect_output("late", "late", "kept\n");
	drive_remove("late");
}

/* A process of its own, so that writing may block while we read. */
static pid_t write_stdin(const char *id, size_t total)
{
	pid_t pid = fork();

	if (pid == 0) {
		Grpc__WriteStreamRequest req = GRPC__WRITE_STREAM_REQUEST__INIT;
		Grpc__CloseStdinRequest end = GRPC__CLOSE_STDIN_REQUEST__INIT;
		scoped_free char *cid = xstrdup(id);
		size_t step = 300000;
		scoped_free uint8_t *data = xcalloc(1, step);

		req.container_id = end.container_id = cid;
		req.exec_id = end.exec_id = cid;
		for (size_t at = 0; at < total; at += step) {
			size_t n = MIN(step, total - at);

			for (size_t i = 0; i < n; i++)
				data[i] = (uint8_t)((at + i) * 2654435761u >> 13);
			req.data = (ProtobufCBinaryData){ .data = data, .len = n };
			drive_do("WriteStdin", &req.base);
		}
		drive_do("CloseStdin", &end.base);
		_exit(0);
	}
	return pid;
}

static void ten_megabytes_go_through_cat_unchanged(void **state)
{
	const size_t total = 10 << 20;
	scoped_free char *got = NULL;
	size_t len, wrong = 0;
	int status;
	pid_t writer;

	(void)state;
	drive_run("cat", ARGS("/bin/cat"));
	writer = write_stdin("cat", total);
	got = drive_read_all("cat", "cat", false, &len);
	assert_int_equal(len, total);
	for (size_t i = 0; i < total; i++)
		wrong += (uint8_t)got[i] != (uint8_t)(i * 2654435761u >> 13);
	assert_int_equal(wrong, 0);
	waitpid(writer, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(drive_wait("cat", "cat"), 0);
	drive_remove("cat");
}

static void exec_joins_and_reports(void **state)
{
	(void)state;
	drive_run("c2", ARGS("/bin/sleep", "1000"));
	drive_exec("c2", "e1", SH("readlink /proc/1/exe; hostname; exit 3"), false);
	expect_output("c2", "e1", "/bin/busybox\nguest\n");
	assert_int_equal(drive_wait("c2", "e1"), 3);
	assert_int_equal(drive_wait("c2", "e1"), 3);
	drive_remove("c2");
}

static void an_exec_of_nothing_is_not_found_in_its_own_words(void **state)
{
	Grpc__ExecProcessRequest req = GRPC__EXEC_PROCESS_REQUEST__INIT;
	static char cid[] = "c3", eid[] = "gone";

	(void)state;
	drive_run("c3", ARGS("/bin/sleep", "1000"));
	req.container_id = cid;
	req.exec_id = eid;
	req.process = drive_process(ARGS("/bin/none"));
	drive_fails("ExecProcess", &req.base, ERR_NOT_FOUND, "/bin/none");
	protobuf_c_message_free_unpacked(&req.process->base, NULL);
	drive_remove("c3");
}

static void a_background_child_does_not_keep_an_exec_from_ending(void **state)
{
	(void)state;
	drive_run("c4", ARGS("/bin/sleep", "1000"));
	drive_exec("c4", "bg", SH("sleep 1000 & echo started"), false);
	expect_output("c4", "bg", "started\n");
	assert_int_equal(drive_wait("c4", "bg"), 0);
	drive_exec("c4", "loud", SH("yes & exit 4"), false);
	assert_int_equal(drive_wait("c4", "loud"), 4);
	free(drive_read_all("c4", "loud", false, NULL)); /* it ends */
	drive_remove("c4");
}

/* One for the line that was begun, one for the end. */
static void a_terminal_whose_input_is_closed_reads_its_end(void **state)
{
	Grpc__WriteStreamRequest line = GRPC__WRITE_STREAM_REQUEST__INIT;
	Grpc__CloseStdinRequest end = GRPC__CLOSE_STDIN_REQUEST__INIT;
	scoped_free char *got = NULL;
	char id[] = "tty-end", half[] = "half";
	size_t len;

	(void)state;
	drive_create(id, SH("cat; echo done"), true);
	drive_start_container(id);
	line.container_id = end.container_id = id;
	line.exec_id = end.exec_id = id;
	line.data = (ProtobufCBinaryData){ .data = (uint8_t *)half, .len = 4 };
	drive_do("WriteStdin", &line.base);
	drive_do("CloseStdin", &end.base);
	got = drive_read_all(id, id, false, &len);
	assert_non_null(strstr(got, "half"));
	assert_non_null(strstr(got, "done\r\n"));
	assert_int_equal(drive_wait(id, id), 0);
	drive_remove(id);
}

static void a_terminal_has_a_size_and_ends_with_its_process(void **state)
{
	Grpc__TtyWinResizeRequest resize = GRPC__TTY_WIN_RESIZE_REQUEST__INIT;
	Grpc__WriteStreamRequest in = GRPC__WRITE_STREAM_REQUEST__INIT;
	static char id[] = "tty";
	static uint8_t line[] = "go\n";

	(void)state;
	drive_create(id, SH("read x; tty; stty size; echo got $x"), true);
	drive_start_container(id);
	resize.container_id = in.container_id = id;
	resize.exec_id = in.exec_id = id;
	resize.row = 33;
	resize.column = 111;
	drive_do("TtyWinResize", &resize.base);
	in.data = (ProtobufCBinaryData){ .data = line, .len = 3 };
	drive_do("WriteStdin", &in.base);
	expect_output(id, id, "go\r\n/dev/pts/0\r\n33 111\r\ngot go\r\n");
	assert_int_equal(drive_wait(id, id), 0);
	drive_remove(id);
}

/* Its init has said something, and so has come that far. */
static void wait_for_output(const char *id)
{
	Grpc__ReadStreamRequest req = GRPC__READ_STREAM_REQUEST__INIT;

	req.container_id = req.exec_id = unconst(id);
	req.len = 64;
	drive_do("ReadStdout", &req.base);
}

static void signals_reach_one_process_or_all(void **state)
{
	(void)state;
	drive_run("s1", SH("trap 'exit 42' TERM; echo ready; while :; do sleep 0.05; done"));
	wait_for_output("s1");
	drive_exec("s1", "e", ARGS("/bin/sleep", "1000"), false);
	drive_signal("s1", "e", SIGTERM);
	assert_int_equal(drive_wait("s1", "e"), 128 + SIGTERM);
	drive_signal("s1", "s1", SIGTERM);
	assert_int_equal(drive_wait("s1", "s1"), 42);
	drive_remove("s1");

	drive_run("s2", ARGS("/bin/sleep", "1000"));
	drive_signal("s2", "s2", SIGTERM); /* would be withheld from pid 1 */
	assert_int_equal(drive_wait("s2", "s2"), 128 + SIGKILL);
	drive_remove("s2");

	drive_run("s3", ARGS("/bin/sleep", "1000"));
	drive_exec("s3", "e", ARGS("/bin/sleep", "1000"), false);
	drive_signal("s3", "", SIGKILL);
	assert_int_equal(drive_wait("s3", "e"), 128 + SIGKILL);
	assert_int_equal(drive_wait("s3", "s3"), 128 + SIGKILL);
	drive_remove("s3");
}

static void a_paused_container_stands_still_and_can_be_removed(void **state)
{
	Grpc__PauseContainerRequest pause = GRPC__PAUSE_CONTAINER_REQUEST__INIT;
	Grpc__ResumeContainerRequest resume = GRPC__RESUME_CONTAINER_REQUEST__INIT;
	Grpc__ExecProcessRequest exec = GRPC__EXEC_PROCESS_REQUEST__INIT;
	static char id[] = "p1", eid[] = "e";

	(void)state;
	drive_run(id, ARGS("/bin/sleep", "1000"));
	pause.container_id = resume.container_id = exec.container_id = id;
	drive_do("PauseContainer", &pause.base);
	drive_fails("PauseContainer", &pause.base, ERR_STATE, "paused");
	exec.exec_id = eid;
	exec.process = drive_process(ARGS("/bin/true"));
	drive_fails("ExecProcess", &exec.base, ERR_STATE, "paused");
	drive_do("ResumeContainer", &resume.base);
	drive_do("ExecProcess", &exec.base);
	assert_int_equal(drive_wait(id, "e"), 0);
	protobuf_c_message_free_unpacked(&exec.process->base, NULL);
	drive_do("PauseContainer", &pause.base);
	drive_remove(id);
}

static void statistics_and_processes_are_told(void **state)
{
	Grpc__StatsContainerRequest stats = GRPC__STATS_CONTAINER_REQUEST__INIT;
	Grpc__ListProcessesRequest list = GRPC__LIST_PROCESSES_REQUEST__INIT;
	static char id[] = "st", table[] = "table", json[] = "json";
	Grpc__StatsContainerResponse *resp;
	Grpc__ListProcessesResponse *ps;
	struct err err = ERR_INIT;

	(void)state;
	drive_run(id, ARGS("/bin/sleep", "1000"));
	stats.container_id = list.container_id = id;
	resp = (void *)drive_call("StatsContainer", &stats.base, &err);
	assert_non_null(resp);
	assert_non_null(resp->cgroup_stats);
	assert_true(resp->cgroup_stats->memory_stats->usage->usage > 0);
	grpc__stats_container_response__free_unpacked(resp, NULL);
	list.format = json;
	ps = (void *)drive_call("ListProcesses", &list.base, &err);
	assert_non_null(ps);
	assert_int_equal(ps->process_list.data[0], '[');
	grpc__list_processes_response__free_unpacked(ps, NULL);
	list.format = table;
	ps = (void *)drive_call("ListProcesses", &list.base, &err);
	assert_non_null(ps);
	assert_non_null(memmem(ps->process_list.data, ps->process_list.len, "/bin/sleep 1000", 15));
	grpc__list_processes_response__free_unpacked(ps, NULL);
	drive_remove(id);
}

static void cve_2020_2023_a_container_cannot_open_disks_it_makes_nodes_for(void **state)
{
	(void)state;
	/* loop0 stands for any disk; the node may be made, but opens for nobody */
	drive_caps = "CAP_MKNOD";
	drive_run("mk", SH("mknod /tmp/disk b 7 0; cat /tmp/disk 2>&1 | head -c 200; "
			   "cat /dev/null && echo null is fine"));
	expect_output("mk", "mk",
		      "cat: can't open '/tmp/disk': Operation not permitted\nnull is fine\n");
	drive_caps = NULL;
	drive_remove("mk");
}

static void two_containers_share_ipc_and_uts_but_not_pids(void **state)
{
	scoped_free char *one = NULL, *two = NULL;

	(void)state;
	drive_run("n1", SH("for i in ipc uts; do readlink /proc/self/ns/$i; done"));
	drive_run("n2", SH("for i in ipc uts; do readlink /proc/self/ns/$i; done"));
	one = drive_read_all("n1", "n1", false, NULL);
	two = drive_read_all("n2", "n2", false, NULL);
	assert_string_equal(one, two);
	assert_int_equal(drive_wait("n1", "n1"), 0);
	drive_remove("n1");
	drive_remove("n2");
	drive_run("n3", SH("head -c 7 /proc/1/cmdline"));
	expect_output("n3", "n3", "/bin/sh");
	drive_remove("n3");
}

static void write_hook(const char *point, const char *script)
{
	scoped_free char *dir = xasprintf("%s/hooks/%s", drive.dir, point);
	scoped_free char *path = xasprintf("%s/10-test", dir);
	struct err err = ERR_INIT;

	assert_int_equal(dir_make(dir, 0755, &err), 0);
	assert_int_equal(file_replace(path, script, strlen(script), 0755, &err), 0);
}

static void remove_hooks(void)
{
	scoped_free char *dir = xasprintf("%s/hooks", drive.dir);
	struct err err = ERR_INIT;

	assert_int_equal(dir_remove(dir, &err), 0);
}

static void guest_hooks_see_the_state_and_can_refuse(void **state)
{
	scoped_free char *script = xasprintf("#!/bin/sh\ncat > %s/state\n", drive.dir);
	scoped_free char *path = xasprintf("%s/state", drive.dir);
	Grpc__CreateContainerRequest req = GRPC__CREATE_CONTAINER_REQUEST__INIT;
	scoped_free char *text = NULL;
	static char id[] = "hooked";
	struct err err = ERR_INIT;

	(void)state;
	write_hook("prestart", script);
	drive_run(id, ARGS("/bin/sleep", "1000"));
	assert_int_equal(file_read(path, 4096, &text, NULL, &err), 0);
	assert_non_null(strstr(text, "\"id\":\"hooked\",\"status\":\"created\",\"pid\":"));
	drive_remove(id);
	remove_hooks();

	write_hook("prestart", "#!/bin/sh\nexit 9\n");
	req.container_id = req.exec_id = id;
	req.oci = drive_spec(id, ARGS("/bin/true"));
	free(req.oci->root->path);
	req.oci->root->path = xstrdup(drive.rootfs);
	drive_fails("CreateContainer", &req.base, ERR_INTERNAL, "ended with status 9");
	protobuf_c_message_free_unpacked(&req.oci->base, NULL);
	remove_hooks();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		COUNTED(it_runs_and_tells_output_and_status),
		COUNTED(the_mounts_of_a_container_stay_until_it_is_removed),
		COUNTED(every_line_of_a_short_life_arrives),
		COUNTED(output_waits_for_a_slow_reader_after_the_exit),
		COUNTED(ten_megabytes_go_through_cat_unchanged),
		COUNTED(exec_joins_and_reports),
		COUNTED(an_exec_of_nothing_is_not_found_in_its_own_words),
		COUNTED(a_background_child_does_not_keep_an_exec_from_ending),
		COUNTED(a_terminal_whose_input_is_closed_reads_its_end),
		COUNTED(a_terminal_has_a_size_and_ends_with_its_process),
		COUNTED(signals_reach_one_process_or_all),
		COUNTED(a_paused_container_stands_still_and_can_be_removed),
		COUNTED(statistics_and_processes_are_told),
		COUNTED(cve_2020_2023_a_container_cannot_open_disks_it_makes_nodes_for),
		COUNTED(two_containers_share_ipc_and_uts_but_not_pids),
		COUNTED(guest_hooks_see_the_state_and_can_refuse),
	};

	return cmocka_run_group_tests(tests, start_sandbox, stop_agent);
}
