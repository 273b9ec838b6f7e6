/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_namespaces.c - namespaces made and joined, id maps, names, clocks, sysctls; needs root
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "check.h"

#define MAPS                                                                      \
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}]," \
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":200000,\"size\":65536}],"

/* Without mqueue and sysfs, which some kernels refuse to a user namespace. */
#define USER_MOUNTS                                                                    \
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"           \
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","           \
	"\"options\":[\"nosuid\",\"mode=755\"]},"                                      \
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","     \
	"\"options\":[\"newinstance\",\"ptmxmode=0666\",\"mode=0620\"]},"              \
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\"}," \
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\",\"options\":[\"ro\"]}"
#define USER_NAMESPACES                                                                  \
	"{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}," \
	"{\"type\":\"network\"},{\"type\":\"cgroup\"},{\"type\":\"user\"}"

static ino_t own_ns(const char *name)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void each_namespace_is_made_when_asked_and_only_then(void **state)
{
	static const struct {
		const char *type, *file;
	} all[] = { { "pid", "pid" },     { "ipc", "ipc" },       { "uts", "uts" },
		    { "network", "net" }, { "cgroup", "cgroup" }, { "time", "time" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		char namespaces[128], args[128], mine[64];

		snprintf(mine, sizeof(mine), "%s:[%lu]", all[i].file, own_ns(all[i].file));
		snprintf(args, sizeof(args), "[\"readlink\",\"/proc/self/ns/%s\"]", all[i].file);
		snprintf(namespaces, sizeof(namespaces), "{\"type\":\"mount\"},{\"type\":\"%s\"}",
			 all[i].type);
		run_ok(&(struct recipe){ .args = args,
					 .namespaces = namespaces,
					 .mounts =
						 "{\"destination\":\"/proc\",\"type\":\"proc\"}" });
		assert_has_not(out.out, mine);
		run_ok(&(struct recipe){ .args = args,
					 .namespaces = "{\"type\":\"mount\"}",
					 .mounts =
						 "{\"destination\":\"/proc\",\"type\":\"proc\"}" });
		assert_has(out.out, mine);
	}
}

static void the_first_process_of_a_pid_namespace_is_1(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = SH("echo $$") });
	assert_string_equal(out.out, "1\n");
}

static void the_agent_stays_where_it_was(void **state)
{
	ino_t pid = own_ns("pid_for_children"), ipc = own_ns("ipc"),
	      time = own_ns("time_for_children");

	(void)state;
	run_ok(&(struct recipe){ .args = "[\"true\"]",
				 .mounts = USER_MOUNTS,
				 .linux_more = MAPS "\"timeOffsets\":{\"boottime\":{\"secs\":5}},",
				 .namespaces = USER_NAMESPACES ",{\"type\":\"time\"}" });
	assert_int_equal(pid, own_ns("pid_for_children"));
	assert_int_equal(ipc, own_ns("ipc"));
	assert_int_equal(time, own_ns("time_for_children"));
}

static void a_container_without_a_mount_namespace_is_refused(void **state)
{
	(void)state;
	run(&(struct recipe){ .args = "[\"true\"]", .namespaces = "{\"type\":\"pid\"}" });
	assert_refused(ERR_INVALID, "no mount namespace");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .namespaces = "{\"type\":\"mount\"},{\"type\":\"x\"}" });
	assert_refused(ERR_INVALID, "namespace 'x': unknown type");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .namespaces = "{\"type\":\"mount\"},{\"type\":\"mount\"}" });
	assert_refused(ERR_INVALID, "given twice");
}

static void names_are_the_container_s(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = SH("hostname; cat /proc/sys/kernel/domainname"),
				 .top = "\"hostname\":\"inside\",\"domainname\":\"home\"," });
	assert_string_equal(out.out, "inside\nhome\n");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .top = "\"hostname\":\"inside\",",
			      .namespaces = "{\"type\":\"mount\"}" });
	assert_refused(ERR_INVALID, "hostname 'inside' without a uts namespace");
}

static void a_namespace_given_by_path_is_joined(void **state)
{
	struct running first;
	char namespaces[256], want[64];
	struct stat st;

	(void)state;
	box_start(
		&box,
		&(struct recipe){ .args = "[\"sleep\",\"60\"]", .top = "\"hostname\":\"first\"," },
		&first);
	snprintf(namespaces, sizeof(namespaces), "/proc/%d/ns/pid", first.pid);
	assert_int_equal(stat(namespaces, &st), 0);
	snprintf(want, sizeof(want), "pid:[%lu]", st.st_ino);
	snprintf(namespaces, sizeof(namespaces),
		 "{\"type\":\"mount\"},{\"type\":\"uts\",\"path\":\"/proc/%d/ns/uts\"},"
		 "{\"type\":\"pid\",\"path\":\"/proc/%d/ns/pid\"}",
		 first.pid, first.pid);
	run_ok(&(struct recipe){
		.args = SH("hostname; readlink /proc/self/ns/pid; echo $$; ls -d /proc/1"),
		.namespaces = namespaces });
	assert_has(out.out, "first\n");
	assert_has(out.out, want);
	assert_has(out.out, "/proc/1");
	assert_has_not(out.out, "\n1\n");
	(void)box_stop(&first);
}

static void a_given_namespace_counts_instead_of_the_spec_s(void **state)
{
	scoped_fd int fd = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
	struct running first;
	char path[64], want[64];
	struct stat st;

	(void)state;
	box_start(&box, &(struct recipe){ .args = "[\"sleep\",\"60\"]" }, &first);
	snprintf(path, sizeof(path), "/proc/%d/ns/ipc", first.pid);
	close_fd(&fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	snprintf(want, sizeof(want), "ipc:[%lu]\n", st.st_ino);
	run_ok(&(struct recipe){ .args = "[\"readlink\",\"/proc/self/ns/ipc\"]", .ipc_ns_fd = fd });
	assert_string_equal(out.out, want);
	(void)box_stop(&first);
}

static void a_missing_namespace_is_named(void **state)
{
	(void)state;
	run(&(struct recipe){ .args = "[\"true\"]",
			      .namespaces = "{\"type\":\"mount\"},"
					    "{\"type\":\"uts\",\"path\":\"/no/such\"}" });
	assert_refused(ERR_NOT_FOUND, "join '/no/such': No such file");
}

/* ---- user namespaces ---- */

static void users_are_mapped(void **state)
{
	(void)state;
	box_shell(&box, "chown -R 100000:200000 rootfs");
	run_ok(&(struct recipe){
		.args = SH("cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '; "
			   "id -u; id -g; touch /tmp/mine; stat -c %u /tmp/mine; "
			   "echo x > /dev/null; head -c 4 /dev/zero | wc -c; "
			   "echo again > /dev/stdout"),
		.mounts = USER_MOUNTS,
		.linux_more = MAPS,
		.namespaces = USER_NAMESPACES });
	assert_has(out.out, " 0 100000 65536\n 0 200000 65536\n0\n0\n0\n4\nagain\n");
	box_shell(&box,
		  "[ $(stat -c %%u:%%g rootfs/tmp/mine) = 100000:200000 ] && rm rootfs/tmp/mine");
}

static void a_mapped_container_gets_a_terminal_and_a_user(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = SH("tty; id -u; cat /proc/self/setgroups"),
				 .mounts = USER_MOUNTS,
				 .linux_more = MAPS,
				 .process = USUAL_ENV "\"terminal\":true,\"user\":{\"uid\":1000,"
						      "\"gid\":1000,\"additionalGids\":[5]},",
				 .namespaces = USER_NAMESPACES });
	assert_has(out.out, "/dev/pts/0\r\n1000\r\nallow");
	box_shell(&box, "chown -R 0:0 rootfs");
}

static void a_mapped_container_can_join_a_namespace_it_does_not_own(void **state)
{
	struct running first;
	char namespaces[256];

	(void)state;
	box_start(
		&box,
		&(struct recipe){ .args = "[\"sleep\",\"60\"]", .top = "\"hostname\":\"first\"," },
		&first);
	snprintf(namespaces, sizeof(namespaces),
		 "{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":\"user\"},"
		 "{\"type\":\"uts\",\"path\":\"/proc/%d/ns/uts\"}",
		 first.pid);
	run_ok(&(struct recipe){ .args = "[\"hostname\"]",
				 .namespaces = namespaces,
				 .linux_more = MAPS,
				 .mounts = "{\"destination\":\"/dev\",\"type\":\"tmpfs\"}" });
	assert_string_equal(out.out, "first\n");
	(void)box_stop(&first);
}

static void maps_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	run(&(struct recipe){ .args = "[\"true\"]", .linux_more = MAPS });
	assert_refused(ERR_INVALID, "id mappings without a user namespace");
	run(&(struct recipe){ .args = "[\"true\"]", .namespaces = USER_NAMESPACES });
	assert_refused(ERR_INVALID, "maps no root");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .namespaces = USER_NAMESPACES,
			      .linux_more = MAPS,
			      .process = USUAL_ENV "\"user\":{\"uid\":70000}," });
	assert_refused(ERR_INVALID, "user 70000 is not mapped");
}

/* ---- clocks and sysctls ---- */

static void clocks_are_set_off(void **state)
{
	(void)state;
	run_ok(&(struct recipe){
		.args = SH("cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets"),
		.linux_more = "\"timeOffsets\":{\"boottime\":{\"secs\":7654321},"
			      "\"monotonic\":{\"secs\":5,\"nanosecs\":6}},",
		.namespaces = "{\"type\":\"mount\"},{\"type\":\"time\"},{\"type\":\"pid\"}" });
	assert_in_range(strtoul(out.out, NULL, 10), 7654321, 7654321 + 100000000);
	run(&(struct recipe){ .args = "[\"true\"]",
			      .linux_more = "\"timeOffsets\":{\"boottime\":{\"secs\":7}}," });
	assert_refused(ERR_INVALID, "time offsets without a new time namespace");
}

static void sysctls_of_its_namespaces_are_set(void **state)
{
	(void)state;
	run_ok(&(struct recipe){
		.args = SH("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax "
			   "/proc/sys/fs/mqueue/queues_max"),
		.linux_more = "\"sysctl\":{\"net.ipv4.ip_forward\":\"1\","
			      "\"kernel.msgmax\":\"4711\",\"fs.mqueue.queues_max\":\"17\"}," });
	assert_string_equal(out.out, "1\n4711\n17\n");
}

static void other_sysctls_are_refused_by_name(void **state)
{
	(void)state;
	run(&(struct recipe){ .args = "[\"true\"]",
			      .linux_more = "\"sysctl\":{\"kernel.panic\":\"1\"}," });
	assert_refused(ERR_INVALID, "sysctl 'kernel.panic': not in a namespace of the container");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .linux_more = "\"sysctl\":{\"net/../kernel/panic\":\"1\"}," });
	assert_refused(ERR_INVALID, "sysctl 'net/../kernel/panic': not a name");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .namespaces = "{\"type\":\"mount\"}",
			      .linux_more = "\"sysctl\":{\"kernel.msgmax\":\"1\"}," });
	assert_refused(ERR_INVALID, "sysctl 'kernel.msgmax'");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .linux_more = "\"sysctl\":{\"net.ipv4.no_such\":\"1\"}," });
	assert_refused(ERR_NOT_FOUND, "set sysctl: open '/proc/sys/net/ipv4/no_such'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_namespace_is_made_when_asked_and_only_then),
		cmocka_unit_test(the_first_process_of_a_pid_namespace_is_1),
		cmocka_unit_test(the_agent_stays_where_it_was),
		cmocka_unit_test(a_container_without_a_mount_namespace_is_refused),
		cmocka_unit_test(names_are_the_container_s),
		cmocka_unit_test(a_namespace_given_by_path_is_joined),
		cmocka_unit_test(a_given_namespace_counts_instead_of_the_spec_s),
		cmocka_unit_test(a_missing_namespace_is_named),
		cmocka_unit_test(users_are_mapped),
		cmocka_unit_test(a_mapped_container_gets_a_terminal_and_a_user),
		cmocka_unit_test(a_mapped_container_can_join_a_namespace_it_does_not_own),
		cmocka_unit_test(maps_that_make_no_sense_are_refused),
		cmocka_unit_test(clocks_are_set_off),
		cmocka_unit_test(sysctls_of_its_namespaces_are_set),
		cmocka_unit_test(other_sysctls_are_refused_by_name),
	};

	return run_box_tests(tests, ARRAY_LEN(tests));
}
