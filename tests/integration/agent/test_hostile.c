/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_hostile.c - mistakes and malice of the other side, with the agent alive afterwards
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/client.h"
#include "tests/integration/agent/drive.h"

static void nothing_works_before_the_sandbox_is_there(void **state)
{
	Grpc__CreateContainerRequest req = GRPC__CREATE_CONTAINER_REQUEST__INIT;
	static char id[] = "early";

	(void)state;
	req.container_id = id;
	drive_fails("CreateContainer", &req.base, ERR_STATE, "no sandbox");
	drive_create_sandbox();
}

static void a_second_sandbox_is_refused(void **state)
{
	Grpc__CreateSandboxRequest req = GRPC__CREATE_SANDBOX_REQUEST__INIT;

	(void)state;
	drive_fails("CreateSandbox", &req.base, ERR_STATE, "there already");
}

static void ids_that_are_paths_are_refused_everywhere(void **state)
{
	static const char *const bad[] = { "",     "..",  ".",  "../x", "a/b",
					   "/etc", "a b", "-x", "a\nb", "\xff" };
	Grpc__CreateContainerRequest create = GRPC__CREATE_CONTAINER_REQUEST__INIT;
	Grpc__StartContainerRequest start = GRPC__START_CONTAINER_REQUEST__INIT;
	Grpc__RemoveContainerRequest rm = GRPC__REMOVE_CONTAINER_REQUEST__INIT;
	Grpc__StatsContainerRequest stats = GRPC__STATS_CONTAINER_REQUEST__INIT;
	Grpc__WaitProcessRequest wait = GRPC__WAIT_PROCESS_REQUEST__INIT;
	char *longer = xcalloc(1, 5000);

	(void)state;
	for (size_t i = 0; i <= ARRAY_LEN(bad); i++) {
		scoped_free char *id = i < ARRAY_LEN(bad) ? xstrdup(bad[i]) : longer;

		if (i == ARRAY_LEN(bad))
			memset(longer, 'a', 4999);
		create.container_id = start.container_id = rm.container_id = stats.container_id =
			wait.container_id = id;
		drive_fails("CreateContainer", &create.base, ERR_INVALID, "container id");
		drive_fails("StartContainer", &start.base, ERR_INVALID, "container id");
		drive_fails("RemoveContainer", &rm.base, ERR_INVALID, "container id");
		drive_fails("StatsContainer", &stats.base, ERR_INVALID, "container id");
		drive_fails("WaitProcess", &wait.base, ERR_INVALID, "container id");
	}
}

static void what_is_not_there_is_not_found(void **state)
{
	Grpc__StartContainerRequest start = GRPC__START_CONTAINER_REQUEST__INIT;
	Grpc__ExecProcessRequest exec = GRPC__EXEC_PROCESS_REQUEST__INIT;
	Grpc__ReadStreamRequest rd = GRPC__READ_STREAM_REQUEST__INIT;
	static char id[] = "nobody";

	(void)state;
	start.container_id = exec.container_id = rd.container_id = id;
	drive_fails("StartContainer", &start.base, ERR_NOT_FOUND, "nobody");
	drive_fails("ExecProcess", &exec.base, ERR_NOT_FOUND, "nobody");
	drive_fails("ReadStdout", &rd.base, ERR_NOT_FOUND, "nobody");
}

/* Create with one change to a good request must fail, and leave nothing. */
static void expect_create_fails(void (*change)(Grpc__CreateContainerRequest *), enum err_code code,
				const char *words)
{
	Grpc__CreateContainerRequest req = GRPC__CREATE_CONTAINER_REQUEST__INIT;
	static char id[] = "bad";

	req.container_id = id;
	req.exec_id = id;
	req.oci = drive_spec(id, ARGS("/bin/true"));
	free(req.oci->root->path);
	req.oci->root->path = xstrdup(drive.rootfs);
	change(&req);
	drive_fails("CreateContainer", &req.base, code, words);
	if (req.oci)
		protobuf_c_message_free_unpacked(&req.oci->base, NULL);
}

static void without_spec(Grpc__CreateContainerRequest *req)
{
	protobuf_c_message_free_unpacked(&req->oci->base, NULL);
	req->oci = NULL;
}

static void without_process(Grpc__CreateContainerRequest *req)
{
	protobuf_c_message_free_unpacked(&req->oci->process->base, NULL);
	req->oci->process = NULL;
}

static void without_root(Grpc__CreateContainerRequest *req)
{
	protobuf_c_message_free_unpacked(&req->oci->root->base, NULL);
	req->oci->root = NULL;
}

static void without_linux(Grpc__CreateContainerRequest *req)
{
	protobuf_c_message_free_unpacked(&req->oci->linux->base, NULL);
	req->oci->linux = NULL;
}

static void with_relative_root(Grpc__CreateContainerRequest *req)
{
	req->oci->root->path[0] = 'x';
}

static void with_climbing_root(Grpc__CreateContainerRequest *req)
{
	free(req->oci->root->path);
	req->oci->root->path = xstrdup("/run/../etc");
}

static void with_climbing_cgroup(Grpc__CreateContainerRequest *req)
{
	free(req->oci->linux->cgroupspath);
	req->oci->linux->cgroupspath = xstrdup("/a/../../b");
}

static void with_missing_root(Grpc__CreateContainerRequest *req)
{
	free(req->oci->root->path);
	req->oci->root->path = xstrdup("/run/nothing/rootfs");
}

static void without_args(Grpc__CreateContainerRequest *req)
{
	while (req->oci->process->n_args)
		free(req->oci->process->args[--req->oci->process->n_args]);
}

static void with_device(Grpc__CreateContainerRequest *req)
{
	static Grpc__Device device = GRPC__DEVICE__INIT, *list[] = { &device };
	static char type[] = "vfio-pci";

	device.type = type;
	req->devices = list;
	req->n_devices = 1;
}

static Grpc__Storage storage, *storages[] = { &storage };
static char st_driver[32], st_point[256], st_source[256];

static void with_storage(Grpc__CreateContainerRequest *req)
{
	storage = (Grpc__Storage)GRPC__STORAGE__INIT;
	storage.driver = st_driver;
	storage.mount_point = st_point;
	storage.source = st_source;
	req->storages = storages;
	req->n_storages = 1;
}

static void expect_storage_fails(const char *driver, const char *source, const char *point,
				 enum err_code code, const char *words)
{
	snprintf(st_driver, sizeof(st_driver), "%s", driver);
	snprintf(st_source, sizeof(st_source), "%s", source);
	snprintf(st_point, sizeof(st_point), "%s", point);
	expect_create_fails(with_storage, code, words);
}

static void broken_specs_are_refused_in_words(void **state)
{
	(void)state;
	expect_create_fails(without_spec, ERR_INVALID, "without content");
	expect_create_fails(without_process, ERR_INVALID, "without process");
	expect_create_fails(without_root, ERR_INVALID, "without root");
	expect_create_fails(without_linux, ERR_INVALID, "without linux");
	expect_create_fails(with_relative_root, ERR_INVALID, "not absolute");
	expect_create_fails(with_climbing_root, ERR_INVALID, "'..'");
	expect_create_fails(with_climbing_cgroup, ERR_INVALID, "'..'");
	expect_create_fails(with_missing_root, ERR_NOT_FOUND, "/run/nothing/rootfs");
	expect_create_fails(without_args, ERR_INVALID, "args");
	expect_create_fails(with_device, ERR_UNIMPLEMENTED, "vfio-pci");
}

static void storages_stay_in_their_place(void **state)
{
	(void)state;
	expect_storage_fails("bind", "/etc", "/etc/x", ERR_DENIED, "not below");
	expect_storage_fails("bind", "/etc", "/run/kata-containers", ERR_DENIED, "not below");
	expect_storage_fails("bind", "/etc", "/run/kata-containers/../x", ERR_INVALID, "'..'");
	expect_storage_fails("bind", "/etc", "/run/kata-containersX/y", ERR_DENIED, "not below");
	expect_storage_fails("bind", "/none", "/run/kata-containers/y", ERR_NOT_FOUND, "/none");
	expect_storage_fails("nvdimm", "/dev/x", "/run/kata-containers/y", ERR_UNIMPLEMENTED,
			     "nvdimm");
	expect_storage_fails("", "", "", ERR_INVALID, "mount point");
}

static void cve_2020_2024_links_on_the_way_of_a_storage_are_not_followed(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(symlink("/tmp", "/run/kata-containers/trap"), 0);
	expect_storage_fails("ephemeral", "shm", "/run/kata-containers/trap/kata-hostile-shm",
			     ERR_INVALID, "trap");
	assert_int_not_equal(stat("/tmp/kata-hostile-shm", &st), 0);
	unlink("/run/kata-containers/trap");
}

static Grpc__CopyFileRequest copy_request(const char *path, size_t len)
{
	static uint8_t data[16] = "0123456789";
	static char copy[256];
	Grpc__CopyFileRequest req = GRPC__COPY_FILE_REQUEST__INIT;

	snprintf(copy, sizeof(copy), "%s", path);
	req.path = copy;
	req.file_size = (int64_t)len;
	req.file_mode = S_IFREG | 0640;
	req.dir_mode = 0755;
	req.data = (ProtobufCBinaryData){ .data = data, .len = len };
	return req;
}

static void a_file_is_copied_in_pieces(void **state)
{
	Grpc__CopyFileRequest req = copy_request("/run/kata-containers/shared/containers/f", 10);
	scoped_free char *text = NULL;
	struct err err = ERR_INIT;
	struct stat st;

	(void)state;
	req.data.len = 4;
	drive_do("CopyFile", &req.base);
	assert_int_not_equal(stat(req.path, &st), 0); /* not before it is whole */
	req.data.data += 4;
	req.data.len = 6;
	req.offset = 4;
	drive_do("CopyFile", &req.base);
	assert_int_equal(file_read(req.path, 100, &text, NULL, &err), 0);
	assert_string_equal(text, "0123456789");
	assert_int_equal(stat(req.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	unlink(req.path);
}

static void cve_2026_41326_copies_stay_below_their_directory(void **state)
{
	Grpc__CopyFileRequest req;
	struct stat st;

	(void)state;
	req = copy_request("/tmp/kata-hostile-copy", 4);
	drive_fails("CopyFile", &req.base, ERR_DENIED, "not below");
	req = copy_request("/run/kata-containers/../evil", 4);
	drive_fails("CopyFile", &req.base, ERR_INVALID, "'..'");
	req = copy_request("/run/kata-containers-evil/x", 4);
	drive_fails("CopyFile", &req.base, ERR_DENIED, "not below");
	req = copy_request("/run/kata-containers/link", 4);
	req.file_mode = S_IFLNK | 0777;
	drive_fails("CopyFile", &req.base, ERR_UNIMPLEMENTED, "symbolic link");
	assert_int_equal(symlink("/tmp", "/run/kata-containers/trap"), 0);
	req = copy_request("/run/kata-containers/trap/kata-hostile-copy", 4);
	drive_fails("CopyFile", &req.base, ERR_INVALID, "trap");
	assert_int_not_equal(stat("/tmp/kata-hostile-copy", &st), 0);
	unlink("/run/kata-containers/trap");
}

static void numbers_that_make_no_sense_are_refused(void **state)
{
	Grpc__CopyFileRequest copy = copy_request("/run/kata-containers/x", 4);
	Grpc__SetGuestDateTimeRequest date = GRPC__SET_GUEST_DATE_TIME_REQUEST__INIT;
	Grpc__ReseedRandomDevRequest seed = GRPC__RESEED_RANDOM_DEV_REQUEST__INIT;
	Grpc__OnlineCPUMemRequest online = GRPC__ONLINE_CPUMEM_REQUEST__INIT;
	Grpc__SignalProcessRequest sig = GRPC__SIGNAL_PROCESS_REQUEST__INIT;
	Grpc__TtyWinResizeRequest size = GRPC__TTY_WIN_RESIZE_REQUEST__INIT;
	Grpc__ReadStreamRequest rd = GRPC__READ_STREAM_REQUEST__INIT;
	static char id[] = "num";

	(void)state;
	copy.offset = -1;
	drive_fails("CopyFile", &copy.base, ERR_INVALID, "do not fit");
	copy.offset = 1;
	drive_fails("CopyFile", &copy.base, ERR_INVALID, "do not fit");
	copy.offset = INT64_MAX;
	drive_fails("CopyFile", &copy.base, ERR_INVALID, "do not fit");
	date.sec = -5;
	drive_fails("SetGuestDateTime", &date.base, ERR_INVALID, "no time");
	drive_fails("ReseedRandomDev", &seed.base, ERR_INVALID, "entropy");
	online.nb_cpus = UINT32_MAX;
	drive_fails("OnlineCPUMem", &online.base, ERR_INVALID, "CPUs");

	drive_run(id, ARGS("/bin/sleep", "1000"));
	sig.container_id = size.container_id = rd.container_id = id;
	sig.signal = UINT32_MAX;
	drive_fails("SignalProcess", &sig.base, ERR_INVALID, "signal");
	drive_fails("TtyWinResize", &size.base, ERR_STATE, "no terminal");
	drive_fails("ReadStdout", &rd.base, ERR_INVALID, "no bytes");
	drive_remove(id);
}

static void methods_that_are_not_built_are_named(void **state)
{
	Grpc__AddSwapRequest swap = GRPC__ADD_SWAP_REQUEST__INIT;

	(void)state;
	drive_fails("AddSwap", &swap.base, ERR_UNIMPLEMENTED, "AddSwap");
}

static void reading_after_the_end_is_an_error_and_no_endless_emptiness(void **state)
{
	Grpc__ReadStreamRequest rd = GRPC__READ_STREAM_REQUEST__INIT;
	static char id[] = "eof";

	(void)state;
	drive_run(id, ARGS("/bin/echo", "x"));
	free(drive_read_all(id, id, false, NULL));
	rd.container_id = rd.exec_id = id;
	rd.len = 10;
	drive_fails("ReadStdout", &rd.base, ERR_STATE, "ended");
	drive_remove(id);
}

static void broken_frames_end_one_connection_only(void **state)
{
	static const uint8_t junk[][14] = {
		{ 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 1, 0 },
		{ 0, 0, 0, 4, 0, 0, 0, 1, 1, 0, 0xde, 0xad, 0xbe, 0xef },
		{ 0, 0, 0, 0, 0, 0, 0, 2, 9, 9 },
		{ 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(junk); i++) {
		int fd = drive_connect();

		assert_int_equal(write(fd, junk[i], sizeof(junk[i])), sizeof(junk[i]));
		close(fd);
	}
	(void)drive_census(); /* it answers */
}

static void callers_that_hang_up_leave_nothing(void **state)
{
	(void)state;
	drive_run("hang", ARGS("/bin/sleep", "1000"));
	for (int i = 0; i < 50; i++) {
		/* WaitProcess{container_id: "hang"} by hand, then gone */
		static const uint8_t frame[] = {
			0,   0,   0,   41,   0,   0,    0,   1,   1,   0,   0x0a, 17,  'g',
			'r', 'p', 'c', '.',  'A', 'g',  'e', 'n', 't', 'S', 'e',  'r', 'v',
			'i', 'c', 'e', 0x12, 11,  'W',  'a', 'i', 't', 'P', 'r',  'o', 'c',
			'e', 's', 's', 0x1a, 7,   0x0a, 4,   'h', 'a', 'n', 'g',  0,
		};
		int fd = drive_connect();

		assert_int_equal(write(fd, frame, 51), 51);
		close(fd);
	}
	drive_remove("hang");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_works_before_the_sandbox_is_there),
		COUNTED(a_second_sandbox_is_refused),
		COUNTED(ids_that_are_paths_are_refused_everywhere),
		COUNTED(what_is_not_there_is_not_found),
		COUNTED(broken_specs_are_refused_in_words),
		COUNTED(storages_stay_in_their_place),
		COUNTED(cve_2020_2024_links_on_the_way_of_a_storage_are_not_followed),
		COUNTED(a_file_is_copied_in_pieces),
		COUNTED(cve_2026_41326_copies_stay_below_their_directory),
		COUNTED(numbers_that_make_no_sense_are_refused),
		COUNTED(methods_that_are_not_built_are_named),
		COUNTED(reading_after_the_end_is_an_error_and_no_endless_emptiness),
		COUNTED(broken_frames_end_one_connection_only),
		COUNTED(callers_that_hang_up_leave_nothing),
	};

	return cmocka_run_group_tests(tests, start_agent, stop_agent);
}
