/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sandbox.c - storages, shared namespaces, limits, memory running out
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/integration/agent/drive.h"

#define SHARED "/run/kata-containers/"

struct extra {
	Grpc__Storage storage[2];
	size_t n_storages;
	bool sandbox_pidns;
	int64_t memory;
};

/* A container on the plain rootfs with something more in its request. */
static void run_with(const char *id, const char *const *args, struct extra *x)
{
	Grpc__CreateContainerRequest req = GRPC__CREATE_CONTAINER_REQUEST__INIT;
	Grpc__Storage *list[2] = { &x->storage[0], &x->storage[1] };
	scoped_free char *cid = xstrdup(id);

	req.container_id = req.exec_id = cid;
	req.storages = list;
	req.n_storages = x->n_storages;
	req.sandbox_pidns = x->sandbox_pidns;
	req.oci = drive_spec(id, args);
	free(req.oci->root->path);
	req.oci->root->path = xstrdup(drive.rootfs);
	if (x->memory) {
		Grpc__LinuxResources *res = xnew(Grpc__LinuxResources);
		Grpc__LinuxMemory *memory = xnew(Grpc__LinuxMemory);

		grpc__linux_resources__init(res);
		grpc__linux_memory__init(memory);
		memory->limit = x->memory;
		res->memory = memory;
		req.oci->linux->resources = res;
	}
	drive_do("CreateContainer", &req.base);
	protobuf_c_message_free_unpacked(&req.oci->base, NULL);
	drive_start_container(id);
}

static void set_storage(Grpc__Storage *st, char *driver, char *fstype, char *source, char *point,
			char **options, size_t n_options)
{
	*st = (Grpc__Storage)GRPC__STORAGE__INIT;
	st->driver = driver;
	st->fstype = fstype;
	st->source = source;
	st->mount_point = point;
	st->options = options;
	st->n_options = n_options;
}

static void a_tmpfs_has_its_size_and_group_and_is_shared_by_its_users(void **state)
{
	char driver[] = "ephemeral", type[] = "tmpfs", source[] = "tmpfs", size[] = "size=1M",
	     group[] = "fsgid=4321", point[] = SHARED "v1";
	char *options[] = { size, group };
	struct extra x = { .n_storages = 1 };
	struct statfs fs;
	struct stat st;

	(void)state;
	set_storage(&x.storage[0], driver, type, source, point, options, 2);
	run_with("e1", ARGS("/bin/sleep", "1000"), &x);
	run_with("e2", ARGS("/bin/sleep", "1000"), &x);
	assert_int_equal(statfs(point, &fs), 0);
	assert_int_equal(fs.f_blocks * (unsigned long)fs.f_bsize, 1 << 20);
	assert_int_equal(stat(point, &st), 0);
	assert_int_equal(st.st_gid, 4321);
	assert_int_equal(st.st_mode & 07777, 02770);
	drive_remove("e1");
	assert_int_equal(statfs(point, &fs), 0);
	assert_int_equal(fs.f_blocks * (unsigned long)fs.f_bsize, 1 << 20); /* e2 has it still */
	drive_remove("e2");
	assert_int_not_equal(stat(point, &st), 0);
}

static void a_tmpfs_of_the_sandbox_outlives_its_users(void **state)
{
	char driver[] = "ephemeral", type[] = "tmpfs", source[] = "tmpfs",
	     point[] = SHARED "sandbox/ephemeral/v1";
	struct extra x = { .n_storages = 1 };
	struct err err = ERR_INIT;
	struct stat st;

	(void)state;
	set_storage(&x.storage[0], driver, type, source, point, NULL, 0);
	run_with("r1", ARGS("/bin/sleep", "1000"), &x);
	assert_int_equal(file_replace(SHARED "sandbox/ephemeral/v1/file", "x", 1, 0600, &err), 0);
	drive_remove("r1");
	run_with("r2", ARGS("/bin/sleep", "1000"), &x);
	assert_int_equal(stat(SHARED "sandbox/ephemeral/v1/file", &st), 0);
	drive_remove("r2");
}

static void a_local_directory_goes_with_its_content(void **state)
{
	char driver[] = "local", type[] = "local", source[] = "local", mode[] = "mode=0777",
	     point[] = SHARED "shared/containers/l1-local";
	char *options[] = { mode };
	struct extra x = { .n_storages = 1 };
	scoped_free char *file = xasprintf("%s/file", point);
	struct err err = ERR_INIT;
	struct stat st;

	(void)state;
	set_storage(&x.storage[0], driver, type, source, point, options, 1);
	run_with("l1", ARGS("/bin/sleep", "1000"), &x);
	assert_int_equal(stat(point, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0777);
	assert_int_equal(file_replace(file, "x", 1, 0600, &err), 0);
	drive_remove("l1");
	assert_int_not_equal(stat(point, &st), 0);
}

static void layers_are_laid_over_one_another(void **state)
{
	char base[] = "ephemeral", tmpfs[] = "tmpfs", point_base[] = SHARED "layers";
	char driver[] = "overlayfs", type[] = "overlay", source[] = "overlay",
	     point[] = SHARED "shared/containers/o1", upper[] = "upperdir=" SHARED "layers/upper",
	     work[] = "workdir=" SHARED "layers/work";
	scoped_free char *lower = xasprintf("lowerdir=%s", drive.rootfs);
	char *options[] = { lower, upper, work };
	struct extra x = { .n_storages = 2 };
	struct stat st;

	(void)state;
	set_storage(&x.storage[0], base, tmpfs, tmpfs, point_base, NULL, 0);
	set_storage(&x.storage[1], driver, type, source, point, options, 3);
	run_with("o1", ARGS("/bin/sleep", "1000"), &x);
	assert_int_equal(stat(SHARED "shared/containers/o1/bin/busybox", &st), 0);
	drive_remove("o1");
}

static void a_pid_namespace_can_be_the_sandboxs(void **state)
{
	struct extra x = { .sandbox_pidns = true };
	scoped_free char *got = NULL;

	(void)state;
	run_with("pause", ARGS("/bin/sleep", "1000"), &x);
	run_with("peer", SH("cat /proc/1/cmdline"), &x);
	got = drive_read_all("peer", "peer", false, NULL);
	assert_string_equal(got, "/bin/sleep");
	drive_remove("peer");
	drive_remove("pause");
}

static char *read_limit(const char *id)
{
	scoped_free char *v1 =
		xasprintf("/sys/fs/cgroup/memory%s/%s/memory.limit_in_bytes", drive.cgroup, id);
	scoped_free char *v2 = xasprintf("/sys/fs/cgroup%s/%s/memory.max", drive.cgroup, id);
	struct err err = ERR_INIT;
	char *text = NULL;

	if (file_read(v1, 64, &text, NULL, &err) < 0)
		assert_int_equal(file_read(v2, 64, &text, NULL, &err), 0);
	return text;
}

static void limits_are_set_and_changed(void **state)
{
	Grpc__UpdateContainerRequest req = GRPC__UPDATE_CONTAINER_REQUEST__INIT;
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxMemory memory = GRPC__LINUX_MEMORY__INIT;
	struct extra x = { .memory = 64 << 20 };
	scoped_free char *before = NULL, *after = NULL;
	static char id[] = "lim";

	(void)state;
	run_with(id, ARGS("/bin/sleep", "1000"), &x);
	before = read_limit(id);
	assert_string_equal(before, "67108864\n");
	memory.limit = 32 << 20;
	res.memory = &memory;
	req.container_id = id;
	req.resources = &res;
	drive_do("UpdateContainer", &req.base);
	after = read_limit(id);
	assert_string_equal(after, "33554432\n");
	drive_remove(id);
}

static void running_out_of_memory_is_told_once_to_a_waiter(void **state)
{
	Grpc__GetOOMEventRequest req = GRPC__GET_OOMEVENT_REQUEST__INIT;
	struct extra x = { .memory = 8 << 20 };
	Grpc__OOMEvent *event;
	struct err err = ERR_INIT;

	(void)state;
	run_with("oom", ARGS("/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"), &x);
	event = (void *)drive_call("GetOOMEvent", &req.base, &err);
	if (!event)
		fail_msg("GetOOMEvent: %s", err.text);
	assert_string_equal(event->container_id, "oom");
	grpc__oomevent__free_unpacked(event, NULL);
	assert_int_equal(drive_wait("oom", "oom"), 128 + SIGKILL);
	drive_remove("oom");
}

static void what_the_guest_is_like_is_told(void **state)
{
	Grpc__GuestDetailsRequest req = GRPC__GUEST_DETAILS_REQUEST__INIT;
	Grpc__GetMetricsRequest metrics = GRPC__GET_METRICS_REQUEST__INIT;
	Grpc__ListInterfacesRequest interfaces = GRPC__LIST_INTERFACES_REQUEST__INIT;
	Grpc__ListRoutesRequest routes = GRPC__LIST_ROUTES_REQUEST__INIT;
	Grpc__GuestDetailsResponse *details;
	Grpc__Metrics *text;
	Grpc__Interfaces *list;
	struct err err = ERR_INIT;

	(void)state;
	details = (void *)drive_call("GetGuestDetails", &req.base, &err);
	assert_non_null(details);
	assert_true(details->agent_details->supports_seccomp);
	assert_false(details->agent_details->init_daemon);
	grpc__guest_details_response__free_unpacked(details, NULL);
	text = (void *)drive_call("GetMetrics", &metrics.base, &err);
	assert_non_null(text);
	assert_non_null(strstr(text->metrics, "\nkata_guest_meminfo{item=\"memtotal\"} "));
	assert_non_null(strstr(text->metrics, "\nkata_agent_total_rss "));
	grpc__metrics__free_unpacked(text, NULL);
	list = (void *)drive_call("ListInterfaces", &interfaces.base, &err);
	assert_non_null(list);
	assert_true(list->n_interfaces >= 1);
	grpc__interfaces__free_unpacked(list, NULL);
	drive_do("ListRoutes", &routes.base);
}

static Grpc__GetIPTablesResponse *get_rules(bool ipv6)
{
	Grpc__GetIPTablesRequest req = GRPC__GET_IPTABLES_REQUEST__INIT;
	Grpc__GetIPTablesResponse *resp;
	struct err err = ERR_INIT;

	req.is_ipv6 = ipv6;
	resp = (void *)drive_call("GetIPTables", &req.base, &err);
	if (!resp)
		fail_msg("GetIPTables: %s", err.text);
	return resp;
}

static bool has_rule(bool ipv6, const char *rule)
{
	Grpc__GetIPTablesResponse *resp = get_rules(ipv6);
	/* No rules at all are no bytes at all. */
	bool has = resp->data.len > 0 &&
		   memmem(resp->data.data, resp->data.len, rule, strlen(rule)) != NULL;

	grpc__get_iptables_response__free_unpacked(resp, NULL);
	return has;
}

/* Of the network namespace that the test has for itself, by the programs of the machine. */
static void rules_of_the_packet_filter_are_replaced_and_read(void **state)
{
	static char rules[] =
		"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 81 -j DROP\nCOMMIT\n";
	static char wrong[] = "*filter\n-A INPUT -j NOWHERE\nCOMMIT\n";
	Grpc__SetIPTablesRequest req = GRPC__SET_IPTABLES_REQUEST__INIT;
	scoped_free uint8_t *much = xcalloc(1, (1 << 20) + 1);

	(void)state;
	if (access("/usr/sbin/iptables-restore", X_OK) != 0)
		skip();
	req.data = (ProtobufCBinaryData){ .data = (uint8_t *)rules, .len = strlen(rules) };
	drive_do("SetIPTables", &req.base);
	assert_true(has_rule(false, "-A INPUT -p tcp -m tcp --dport 81 -j DROP"));
	assert_false(has_rule(true, "--dport 81"));
	req.data = (ProtobufCBinaryData){ .data = (uint8_t *)wrong, .len = strlen(wrong) };
	drive_fails("SetIPTables", &req.base, ERR_INVALID, "'iptables-restore' ended with status ");
	req.data = (ProtobufCBinaryData){ .data = much, .len = (1 << 20) + 1 };
	drive_fails("SetIPTables", &req.base, ERR_EXHAUSTED, "more than 1048576 bytes");
	assert_true(has_rule(false, "--dport 81")); /* as it was */
}

static void many_execs_come_and_go_and_old_ones_are_forgotten(void **state)
{
	struct extra x = { 0 };

	(void)state;
	run_with("many", ARGS("/bin/sleep", "1000"), &x);
	for (int i = 0; i < 150; i++) {
		char id[16];

		snprintf(id, sizeof(id), "e%d", i);
		drive_exec("many", id, ARGS("/bin/true"), false);
		free(drive_read_all("many", id, false, NULL));
		free(drive_read_all("many", id, true, NULL));
		assert_int_equal(drive_wait("many", id), 0);
	}
	assert_int_equal(drive_wait("many", "e149"), 0); /* the newest is remembered */
	drive_remove("many");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		COUNTED(a_tmpfs_has_its_size_and_group_and_is_shared_by_its_users),
		COUNTED(a_local_directory_goes_with_its_content),
		COUNTED(layers_are_laid_over_one_another),
		COUNTED(limits_are_set_and_changed),
		COUNTED(running_out_of_memory_is_told_once_to_a_waiter),
		COUNTED(what_the_guest_is_like_is_told),
		COUNTED(rules_of_the_packet_filter_are_replaced_and_read),
		COUNTED(many_execs_come_and_go_and_old_ones_are_forgotten),
		/* Last: the sandbox keeps these. */
		cmocka_unit_test(a_tmpfs_of_the_sandbox_outlives_its_users),
		cmocka_unit_test(a_pid_namespace_can_be_the_sandboxs),
	};

	return cmocka_run_group_tests(tests, start_sandbox, stop_agent);
}
