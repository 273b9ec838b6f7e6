/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_filesystem.c - mounts and their options, devices, masked and read-only paths; needs root
 */
#include "check.h"

#define OPTION_OF(dst) SH("grep ' " dst " ' /proc/self/mountinfo | cut -d' ' -f6")

static void the_usual_file_systems_are_there(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = SH("cut -d' ' -f5,6 /proc/self/mountinfo") });
	assert_has(out.out, "/proc rw,relatime\n");
	assert_has(out.out, "/dev rw,nosuid\n");
	assert_has(out.out, "/dev/pts rw,nosuid,noexec,relatime\n");
	assert_has(out.out, "/dev/mqueue rw,nosuid,nodev,noexec,relatime\n");
	assert_has(out.out, "/sys ro,nosuid,nodev,noexec,relatime\n");
}

static void nothing_of_the_host_is_mounted(void **state)
{
	(void)state;
	run_ok(&(struct recipe){
		.args = SH("cut -d' ' -f5 /proc/self/mountinfo | sort | tr '\\\\n' ' '") });
	assert_string_equal(out.out, "/ /dev /dev/mqueue /dev/pts /dev/shm /proc /sys ");
}

static void default_devices_and_links_are_made(void **state)
{
	(void)state;
	run_ok(&(struct recipe){
		.args = SH("cd /dev; stat -c '%n %a %t:%T' null zero full random urandom "
			   "tty; for l in fd stdin stdout stderr core ptmx; do "
			   "echo $l $(readlink $l); done") });
	assert_string_equal(
		out.out, "null 666 1:3\nzero 666 1:5\nfull 666 1:7\nrandom 666 1:8\n"
			 "urandom 666 1:9\ntty 666 5:0\nfd /proc/self/fd\nstdin /proc/self/fd/0\n"
			 "stdout /proc/self/fd/1\nstderr /proc/self/fd/2\ncore /proc/kcore\n"
			 "ptmx pts/ptmx\n");
}

static void devices_of_the_spec_are_made(void **state)
{
	(void)state;
	run_ok(&(struct recipe){
		.args = SH(
			"stat -c '%F %a %t:%T %u:%g' /dev/fuse /dev/deep/loop /dev/fifo /dev/null"),
		.linux_more =
			"\"devices\":["
			"{\"path\":\"/dev/fuse\",\"type\":\"c\",\"major\":10,\"minor\":229,"
			"\"fileMode\":432,\"uid\":3,\"gid\":4},"
			"{\"path\":\"/dev/deep/loop\",\"type\":\"b\",\"major\":7,\"minor\":0},"
			"{\"path\":\"/dev/fifo\",\"type\":\"p\"},"
			"{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":1,\"minor\":3,"
			"\"fileMode\":384}]," });
	assert_string_equal(out.out, "character special file 660 a:e5 3:4\n"
				     "block special file 666 7:0 0:0\nfifo 666 0:0 0:0\n"
				     "character special file 600 1:3 0:0\n");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .linux_more =
				      "\"devices\":[{\"path\":\"/dev/x\",\"type\":\"q\"}]," });
	assert_refused(ERR_INVALID, "device '/dev/x': unknown type 'q'");
}

/* ---- options ---- */

static void a_bind_mount_shows_its_source(void **state)
{
	char mounts[512];

	(void)state;
	box_shell(&box, "mkdir -p data && echo content > data/file && echo one > single");
	snprintf(mounts, sizeof(mounts),
		 ",{\"destination\":\"/made/for/it\",\"type\":\"bind\",\"source\":\"%s/data\","
		 "\"options\":[\"rbind\",\"ro\",\"nosuid\",\"noexec\"]},"
		 "{\"destination\":\"/etc/single\",\"type\":\"none\",\"source\":\"%s/single\","
		 "\"options\":[\"bind\"]}",
		 box.dir, box.dir);
	run(&(struct recipe){ .args = SH("cat /made/for/it/file /etc/single; touch /made/for/it/x; "
					 "echo two > /etc/single"),
			      .more_mounts = mounts });
	assert_string_equal(out.out, "content\none\n");
	assert_has(out.errors, "Read-only file system");
	box_shell(&box, "[ \"$(cat single)\" = two ] && [ -d rootfs/made/for/it ]");
	run_ok(&(struct recipe){ .args = OPTION_OF("/made/for/it"), .more_mounts = mounts });
	assert_has(out.out, "ro,nosuid,noexec");
}

static void every_attribute_is_carried_out(void **state)
{
	static const struct {
		const char *options, *shown;
	} all[] = {
		{ "\"nodev\"", "rw,nodev,relatime" },
		{ "\"noatime\",\"nodiratime\"", "rw,noatime,nodiratime" },
		{ "\"strictatime\"", "rw\n" },
		{ "\"ro\",\"rw\"", "rw,relatime" },
		{ "\"nosuid\",\"suid\",\"noexec\"", "rw,noexec,relatime" },
		{ "\"nosymfollow\"", "nosymfollow" },
		{ "\"rro\",\"rnoexec\"", "ro,noexec,relatime" },
		{ "\"defaults\"", "rw,relatime" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		char mounts[256];

		snprintf(
			mounts, sizeof(mounts),
			",{\"destination\":\"/t\",\"type\":\"tmpfs\",\"source\":\"t\",\"options\":[%s]}",
			all[i].options);
		run_ok(&(struct recipe){ .args = OPTION_OF("/t"), .more_mounts = mounts });
		assert_has(out.out, all[i].shown);
	}
}

static void recursive_options_reach_what_is_below(void **state)
{
	char mounts[512];

	(void)state;
	box_shell(&box, "mkdir -p data/sub");
	snprintf(mounts, sizeof(mounts),
		 ",{\"destination\":\"/low\",\"type\":\"tmpfs\"},"
		 "{\"destination\":\"/all\",\"type\":\"bind\",\"source\":\"/sys\","
		 "\"options\":[\"rbind\",\"rro\",\"rnosuid\"]},"
		 "{\"destination\":\"/top\",\"type\":\"bind\",\"source\":\"/sys\","
		 "\"options\":[\"rbind\",\"ro\"]}");
	run_ok(&(struct recipe){
		.args = SH("grep -E ' /(all|top)' /proc/self/mountinfo | cut -d' ' -f5,6"),
		.more_mounts = mounts });
	assert_has(out.out, "/all ro,nosuid");
	assert_has(out.out, "/all/fs/cgroup ro,nosuid");
	assert_has(out.out, "/top ro,");
	assert_has(out.out, "/top/fs/cgroup rw,");
}

static void data_reaches_the_file_system(void **state)
{
	(void)state;
	run_ok(&(struct recipe){
		.args = SH("df -k /t | tail -1 | tr -s ' ' | cut -d' ' -f2; "
			   "stat -c '%a %u' /t"),
		.more_mounts = ",{\"destination\":\"/t\",\"type\":\"tmpfs\",\"source\":\"t\","
			       "\"options\":[\"size=128k\",\"mode=1711\",\"uid=9\"]}" });
	assert_string_equal(out.out, "128\n1711 9\n");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .more_mounts = ",{\"destination\":\"/t\",\"type\":\"tmpfs\","
					     "\"options\":[\"colour=red\"]}" });
	assert_refused(ERR_INVALID, "mount: 'tmpfs' on '/t': tmpfs: Unknown parameter 'colour'");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .more_mounts = ",{\"destination\":\"/t\",\"type\":\"nosuchfs\"}" });
	assert_refused(ERR_NOT_FOUND, "mount: 'nosuchfs' on '/t': file system 'nosuchfs'");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .more_mounts = ",{\"destination\":\"/t\",\"type\":\"bind\","
					     "\"source\":\"/no/such\",\"options\":[\"bind\"]}" });
	assert_refused(ERR_NOT_FOUND, "bind: '/no/such' on '/t': source '/no/such': No such file");
}

static void a_tmpfs_copies_up_what_it_hides(void **state)
{
	(void)state;
	box_shell(&box, "mkdir -p rootfs/up/sub && echo text > rootfs/up/sub/file && "
			"chmod 604 rootfs/up/sub/file && chown 3:4 rootfs/up/sub/file && "
			"ln -s /etc/passwd rootfs/up/link && mkfifo rootfs/up/fifo");
	run_ok(&(struct recipe){
		.args = SH("cat /up/sub/file; stat -c '%a %u:%g' /up/sub/file; "
			   "readlink /up/link; ls /up | tr '\\\\n' ' '; echo > /up/new"),
		.more_mounts = ",{\"destination\":\"/up\",\"type\":\"tmpfs\","
			       "\"options\":[\"tmpcopyup\"]}" });
	assert_string_equal(out.out, "text\n604 3:4\n/etc/passwd\nlink sub ");
	box_shell(&box, "[ ! -e rootfs/up/new ] && rm -r rootfs/up");
}

static void an_idmapped_mount_shows_other_owners(void **state)
{
	char mounts[512];

	(void)state;
	box_shell(&box, "mkdir -p owned && touch owned/f && chown 7:8 owned/f");
	snprintf(mounts, sizeof(mounts),
		 ",{\"destination\":\"/owned\",\"type\":\"bind\",\"source\":\"%s/owned\","
		 "\"options\":[\"bind\"],"
		 "\"uidMappings\":[{\"containerID\":0,\"hostID\":4000,\"size\":100}],"
		 "\"gidMappings\":[{\"containerID\":0,\"hostID\":5000,\"size\":100}]}",
		 box.dir);
	run(&(struct recipe){ .args = "[\"stat\",\"-c\",\"%u:%g\",\"/owned/f\"]",
			      .more_mounts = mounts });
	/* A tmpfs can do it since Linux 6.3 only; then it has to be said. */
	if (!out.is_started)
		assert_refused(ERR_UNIMPLEMENTED, "its file system cannot be idmapped");
	else
		assert_string_equal(out.out, "4007:5008\n");
	/* proc cannot be idmapped. */
	run(&(struct recipe){
		.args = "[\"true\"]",
		.more_mounts = ",{\"destination\":\"/p\",\"type\":\"bind\",\"source\":"
			       "\"/proc/sys\",\"options\":[\"bind\"],\"uidMappings\":["
			       "{\"containerID\":0,\"hostID\":4000,\"size\":1}],"
			       "\"gidMappings\":[{\"containerID\":0,\"hostID\":5,\"size\":1}]}" });
	assert_refused(ERR_UNIMPLEMENTED,
		       "map ids of '/proc/sys': its file system cannot be idmapped");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .more_mounts =
				      ",{\"destination\":\"/p\",\"type\":\"bind\",\"source\":"
				      "\"/tmp\",\"options\":[\"bind\",\"idmap\"]}" });
	assert_refused(ERR_INVALID, "mount on '/p': idmapped mount without mappings");
}

static void propagation_is_as_asked(void **state)
{
	(void)state;
	run_ok(&(struct recipe){ .args = SH("cut -d' ' -f5,7- /proc/self/mountinfo"),
				 .linux_more = "\"rootfsPropagation\":\"shared\",",
				 .more_mounts = ",{\"destination\":\"/a\",\"type\":\"tmpfs\","
						"\"options\":[\"rshared\"]},"
						"{\"destination\":\"/b\",\"type\":\"tmpfs\","
						"\"options\":[\"unbindable\"]}" });
	assert_has(out.out, "/ shared:");
	assert_has(out.out, "/a shared:");
	assert_has(out.out, "/b unbindable");
	run(&(struct recipe){ .args = "[\"true\"]",
			      .linux_more = "\"rootfsPropagation\":\"public\"," });
	assert_refused(ERR_INVALID, "rootfsPropagation 'public': unknown");
}

/* ---- read-only, masked ---- */

static void a_readonly_root_is_read_only_and_its_mounts_are_not(void **state)
{
	(void)state;
	run(&(struct recipe){
		.args = SH("touch /x; touch /dev/shm/y && echo shm; touch /new/cwd/z"),
		.process = USUAL_ENV "\"cwd\":\"/new/cwd\",",
		.root = ",\"readonly\":true" });
	assert_string_equal(out.out, "shm\n");
	assert_has(out.errors, "/x: Read-only file system");
	assert_has(out.errors, "/new/cwd/z: Read-only file system");
}

static void a_readonly_dev_still_gets_its_devices(void **state)
{
	(void)state;
	run(&(struct recipe){
		.args = SH("ls /dev/null; touch /dev/x"),
		.process = USUAL_ENV "\"terminal\":true,",
		.mounts = "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"options\":[\"ro\"]},"
			  "{\"destination\":\"/dev/pts\",\"type\":\"devpts\"}" });
	assert_has(out.out, "/dev/null");
	assert_has(out.out, "/dev/x: Read-only file system");
}

static void masked_paths_are_empty(void **state)
{
	(void)state;
	box_shell(&box,
		  "mkdir -p rootfs/secret && echo s > rootfs/secret/s && echo f > rootfs/etc/key");
	run(&(struct recipe){
		.args = SH("ls /secret; cat /etc/key /proc/timer_list; ls /proc/acpi; "
			   "touch /secret/x; echo end"),
		.linux_more = "\"maskedPaths\":[\"/secret\",\"/etc/key\",\"/proc/timer_list\","
			      "\"/proc/acpi\",\"/not/there\",\"/etc/key/below\"]," });
	assert_string_equal(out.out, "end\n");
	assert_has(out.errors, "/secret/x: Read-only file system");
}

static void readonly_paths_stay_visible(void **state)
{
	(void)state;
	box_shell(&box, "mkdir -p rootfs/fixed && echo f > rootfs/fixed/f");
	run(&(struct recipe){
		.args = SH("cat /fixed/f; echo > /fixed/f; "
			   "echo 1 > /proc/sys/net/ipv4/ip_forward; echo end"),
		.linux_more = "\"readonlyPaths\":[\"/fixed\",\"/proc/sys\",\"/not/there\"]," });
	assert_string_equal(out.out, "f\nend\n");
	assert_has(out.errors, "/fixed/f: Read-only file system");
	assert_has(out.errors, "ip_forward: Read-only file system");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_usual_file_systems_are_there),
		cmocka_unit_test(nothing_of_the_host_is_mounted),
		cmocka_unit_test(default_devices_and_links_are_made),
		cmocka_unit_test(devices_of_the_spec_are_made),
		cmocka_unit_test(a_bind_mount_shows_its_source),
		cmocka_unit_test(every_attribute_is_carried_out),
		cmocka_unit_test(recursive_options_reach_what_is_below),
		cmocka_unit_test(data_reaches_the_file_system),
		cmocka_unit_test(a_tmpfs_copies_up_what_it_hides),
		cmocka_unit_test(an_idmapped_mount_shows_other_owners),
		cmocka_unit_test(propagation_is_as_asked),
		cmocka_unit_test(a_readonly_root_is_read_only_and_its_mounts_are_not),
		cmocka_unit_test(a_readonly_dev_still_gets_its_devices),
		cmocka_unit_test(masked_paths_are_empty),
		cmocka_unit_test(readonly_paths_stay_visible),
	};

	return run_box_tests(tests, ARRAY_LEN(tests));
}
