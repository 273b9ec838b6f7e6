/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_hostile.c - root file systems made to lead the launcher astray; needs root
 *
 * Beside the root there is a marker file and directory, which must stay as they are whatever
 * the image and its links say.
 */
#include "check.h"

static void make_evil(const char *shell)
{
	box_shell(&box,
		  "rm -rf evil outside && cp -a rootfs evil && mkdir -p outside/dir && "
		  "echo untouched > outside/marker && ln -s ../outside evil/escape && "
		  "ln -s $PWD/outside evil/absolute && cd evil && { %s ; }",
		  shell);
}

static void assert_untouched(void)
{
	box_shell(
		&box,
		"[ \"$(cat outside/marker)\" = untouched ] && [ \"$(ls outside)\" = \"dir\nmarker\" ] "
		"&& [ -z \"$(ls outside/dir)\" ]");
}

static char *evil_root(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/evil", box.dir);
	return path;
}

#define EVIL(...)                                  \
	&(struct recipe)                           \
	{                                          \
		.rootfs = evil_root(), __VA_ARGS__ \
	}

static void a_link_for_proc_is_refused(void **state)
{
	(void)state;
	make_evil("rm -r proc && ln -s ../outside/dir proc");
	run(EVIL(.args = "[\"true\"]"));
	assert_refused(ERR_DENIED, "mount: 'proc' on '/proc': the target is a link");
	assert_untouched();
}

static void a_link_for_dev_stays_inside(void **state)
{
	(void)state;
	make_evil("rm -r dev && ln -s ../../../../../../../../tmp dev");
	run_ok(EVIL(.args = "[\"ls\",\"/tmp/null\"]"));
	box_shell(&box, "[ ! -e evil/tmp/null ] && [ ! -e /tmp/null ]");
	assert_untouched();
}

static void links_at_mount_targets_stay_inside(void **state)
{
	char mounts[512];

	(void)state;
	make_evil("ln -s /escape/new var; ln -s ../../../../../../etc/hosts evil-hosts");
	box_shell(&box, "mkdir -p data && echo content > data/file");
	snprintf(
		mounts, sizeof(mounts),
		",{\"destination\":\"/escape/a\",\"type\":\"bind\",\"source\":\"%s/data\",\"options\":[\"bind\"]},"
		"{\"destination\":\"/absolute/b\",\"type\":\"tmpfs\"},"
		"{\"destination\":\"/var/c\",\"type\":\"tmpfs\"},"
		"{\"destination\":\"/evil-hosts\",\"type\":\"bind\",\"source\":\"%s/data/file\",\"options\":[\"bind\"]}",
		box.dir, box.dir);
	run_ok(EVIL(.args = "[\"cat\",\"/escape/a/file\",\"/etc/hosts\"]", .more_mounts = mounts));
	assert_string_equal(out.out, "content\ncontent\n");
	assert_untouched();
	box_shell(&box, "[ -d evil/outside/a ]"); /* made where the link leads inside the root */
}

static void dots_in_a_destination_stay_inside(void **state)
{
	(void)state;
	make_evil("true");
	run_ok(EVIL(.args = "[\"ls\",\"-d\",\"/outside/dir/x\"]",
		    .more_mounts =
			    ",{\"destination\":\"/../../outside/dir/x\",\"type\":\"tmpfs\"}"));
	assert_untouched();
}

static void a_loop_of_links_ends_in_an_error(void **state)
{
	(void)state;
	make_evil("ln -s loop2 loop1; ln -s loop1 loop2; ln -s grow/x grow");
	run(EVIL(.args = "[\"true\"]",
		 .more_mounts = ",{\"destination\":\"/loop1/x\",\"type\":\"tmpfs\"}"));
	assert_refused(ERR_INVALID, "Too many levels of symbolic links");
	run(EVIL(.args = "[\"true\"]",
		 .more_mounts = ",{\"destination\":\"/grow/x\",\"type\":\"tmpfs\"}"));
	assert_refused(ERR_INVALID, "Too many levels of symbolic links");
	assert_untouched();
}

static void a_link_into_proc_is_no_mount_target(void **state)
{
	(void)state;
	make_evil("ln -s /proc/self/attr attr; ln -s /proc/sys/kernel kernel");
	run(EVIL(.args = "[\"true\"]",
		 .more_mounts = ",{\"destination\":\"/attr\",\"type\":\"tmpfs\"}"));
	assert_refused(ERR_DENIED, "on '/attr': the target lies in a proc file system");
	run(EVIL(.args = "[\"true\"]",
		 .more_mounts = ",{\"destination\":\"/kernel\",\"type\":\"tmpfs\"}"));
	assert_refused(ERR_DENIED, "on '/kernel': the target lies in a proc file system");
}

static void only_known_files_of_proc_may_be_bound_over(void **state)
{
	char mounts[256];

	(void)state;
	make_evil("true");
	box_shell(&box, "mkdir -p data && echo 42 > data/uptime");
	snprintf(mounts, sizeof(mounts),
		 ",{\"destination\":\"/proc/uptime\",\"type\":\"bind\","
		 "\"source\":\"%s/data/uptime\",\"options\":[\"bind\"]}",
		 box.dir);
	run_ok(EVIL(.args = "[\"cat\",\"/proc/uptime\"]", .more_mounts = mounts));
	assert_string_equal(out.out, "42\n");
	snprintf(mounts, sizeof(mounts),
		 ",{\"destination\":\"/proc/./sys/../version\",\"type\":\"bind\","
		 "\"source\":\"%s/data/uptime\",\"options\":[\"bind\"]}",
		 box.dir);
	run(EVIL(.args = "[\"true\"]", .more_mounts = mounts));
	assert_refused(ERR_INVALID, "mount on '/proc/version': not allowed in /proc");
	run(EVIL(.args = "[\"true\"]", .mounts = "{\"destination\":\"/proc\",\"type\":\"tmpfs\"}"));
	assert_refused(ERR_INVALID, "mount on '/proc': only a proc file system may be there");
}

static void masks_and_readonly_paths_follow_links_inside_only(void **state)
{
	(void)state;
	make_evil("ln -s ../../outside/marker etc/key; ln -s /proc/kcore etc/core");
	run_ok(EVIL(.args = "[\"true\"]",
		    .linux_more = "\"maskedPaths\":[\"/etc/key\",\"/absolute/marker\",\"/escape\"],"
				  "\"readonlyPaths\":[\"/escape/dir\",\"/absolute\"],"));
	assert_untouched();
}

/* A /dev/null planted in the image must not be what masks (CVE-2025-31133 of another runtime). */
static void a_planted_null_masks_nothing_and_is_replaced(void **state)
{
	(void)state;
	make_evil("rm -rf dev/* && echo planted > dev/null && ln -s /escape/marker dev/zero && "
		  "echo secret > etc/key && mkdir dev/fd");
	run_ok(EVIL(.args = SH("stat -c %t:%T /dev/null /dev/zero; cat /etc/key; cat /dev/null; "
			       "echo x > /dev/null"),
		    .mounts = "{\"destination\":\"/proc\",\"type\":\"proc\"}",
		    .linux_more = "\"maskedPaths\":[\"/etc/key\"],"));
	assert_string_equal(out.out, "1:3\n1:5\n");
	assert_untouched();
}

/* A console that leads elsewhere must not be bound over (CVE-2025-52565 of another runtime). */
static void a_planted_console_stays_inside(void **state)
{
	(void)state;
	make_evil("rm -rf dev/* && ln -s /escape/marker dev/console && mkdir dev/pts");
	run_ok(EVIL(.args = SH("tty; echo text > /dev/console"),
		    .process = USUAL_ENV "\"terminal\":true,",
		    .mounts = "{\"destination\":\"/proc\",\"type\":\"proc\"},"
			      "{\"destination\":\"/dev/pts\",\"type\":\"devpts\"}"));
	assert_has(out.out, "/dev/pts/0\r\ntext\r\n");
	assert_untouched();
}

static void a_planted_multiplexer_is_refused(void **state)
{
	(void)state;
	make_evil("rm -rf dev && mkdir -p dev/pts && mkfifo dev/pts/ptmx");
	run(EVIL(.args = "[\"true\"]", .process = USUAL_ENV "\"terminal\":true,",
		 .mounts = "{\"destination\":\"/proc\",\"type\":\"proc\"}"));
	assert_refused(ERR_INVALID, "'/dev/pts' is no devpts");
}

/* A cwd through a descriptor left open (CVE-2024-21626 of another runtime). */
static void a_cwd_through_a_magic_link_is_refused(void **state)
{
	(void)state;
	make_evil("ln -s /proc/self/fd/3 leak");
	for (int fd = 3; fd < 16; fd++) {
		char process[128];

		snprintf(process, sizeof(process), USUAL_ENV "\"cwd\":\"/proc/self/fd/%d\",", fd);
		run(EVIL(.args = "[\"true\"]", .process = process));
		assert_false(out.is_started);
	}
	run(EVIL(.args = "[\"true\"]", .process = USUAL_ENV "\"cwd\":\"/leak\","));
	assert_false(out.is_started);
}

static void a_password_file_that_is_no_file_gives_home_slash(void **state)
{
	static const char *const plants[] = {
		"rm etc/passwd; mkfifo etc/passwd",
		"rm etc/passwd; ln -s ../../outside/passwd etc/passwd",
		"rm etc/passwd; mkdir etc/passwd",
		"head -c 300000 /dev/zero > etc/passwd",
		"tr '\\\\0' a < /dev/zero | head -c 300000 > etc/passwd",
		"echo 'root:x:0:0:no home' > etc/passwd",
		"echo 'root:x:0:0::relative:' > etc/passwd",
		"echo 'root:x::0::/wrong:' > etc/passwd",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plants); i++) {
		make_evil(plants[i]);
		box_shell(&box, "echo 'root:x:0:0::/stolen:/bin/sh' > outside/passwd");
		run_ok(EVIL(.args = SH("echo $HOME")));
		assert_string_equal(out.out, "/\n");
	}
}

static void a_copy_up_follows_no_link(void **state)
{
	(void)state;
	make_evil("mkdir up && ln -s ../../outside/marker up/link && ln -s ../../outside up/dir");
	run_ok(EVIL(.args = SH("ls -l /up | grep -c '^l'"),
		    .more_mounts =
			    ",{\"destination\":\"/up\",\"type\":\"tmpfs\",\"options\":[\"tmpcopyup\"]}"));
	assert_string_equal(out.out, "2\n");
	assert_untouched();
}

static void deep_directories_are_no_problem(void **state)
{
	(void)state;
	make_evil("i=0; while [ $i -lt 200 ]; do mkdir d && cd d; i=$((i+1)); done");
	run_ok(EVIL(.args = "[\"true\"]"));
	run(EVIL(.args = "[\"true\"]",
		 .more_mounts =
			 ",{\"destination\":\"/d\",\"type\":\"tmpfs\",\"options\":[\"tmpcopyup\"]}"));
	assert_refused(ERR_EXHAUSTED, "more than 64 levels");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_for_proc_is_refused),
		cmocka_unit_test(a_link_for_dev_stays_inside),
		cmocka_unit_test(links_at_mount_targets_stay_inside),
		cmocka_unit_test(dots_in_a_destination_stay_inside),
		cmocka_unit_test(a_loop_of_links_ends_in_an_error),
		cmocka_unit_test(a_link_into_proc_is_no_mount_target),
		cmocka_unit_test(only_known_files_of_proc_may_be_bound_over),
		cmocka_unit_test(masks_and_readonly_paths_follow_links_inside_only),
		cmocka_unit_test(a_planted_null_masks_nothing_and_is_replaced),
		cmocka_unit_test(a_planted_console_stays_inside),
		cmocka_unit_test(a_planted_multiplexer_is_refused),
		cmocka_unit_test(a_cwd_through_a_magic_link_is_refused),
		cmocka_unit_test(a_password_file_that_is_no_file_gives_home_slash),
		cmocka_unit_test(a_copy_up_follows_no_link),
		cmocka_unit_test(deep_directories_are_no_problem),
	};

	return run_box_tests(tests, ARRAY_LEN(tests));
}
