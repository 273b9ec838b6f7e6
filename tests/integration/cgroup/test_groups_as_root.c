/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups in the kernel's own hierarchies, below a private name. "v2" as argument: in a
 * mount namespace where v2 is all that is mounted. Limits of controllers that this machine
 * has not got are expected to be refused by name.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/spawn.h"
#include "lib/cgroup/priv.h"

#define SKIPPED     77
#define DEADLINE_MS 5000

struct fixture {
	char parent[64]; /* "/kata-test-PID" */
	char path[96];
	struct cgroup *cg;
};

static int set_up(void **state)
{
	struct fixture *f = xnew(struct fixture);
	struct err err = ERR_INIT;

	snprintf(f->parent, sizeof(f->parent), "/kata-test-%d", (int)getpid());
	snprintf(f->path, sizeof(f->path), "%s/group", f->parent);
	f->cg = cgroup_create(f->path, &err);
	if (!f->cg)
		fail_msg("%s", err.text);
	*state = f;
	return 0;
}

/* Nothing may be left, so failing to remove is failing the test. */
static int tear_down(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct cgroup *parent = cgroup_open(f->parent, &err);

	(void)cgroup_signal(f->cg, SIGKILL, &err);
	while (waitpid(-1, NULL, 0) > 0)
		;
	cgroup_free(f->cg);
	free(f);
	if (!parent || cgroup_remove(parent, DEADLINE_MS, &err) < 0)
		fail_msg("%s", err.text);
	cgroup_free(parent);
	return 0;
}

/* A child that is in the group before it does what it is told. */
static pid_t start_child(struct fixture *f, int (*run)(void))
{
	struct err err = ERR_INIT;
	int go[2];
	pid_t pid;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char c;

		close(go[1]);
		(void)!read(go[0], &c, 1);
		_exit(run());
	}
	close(go[0]);
	if (cgroup_add_pid(f->cg, pid, &err) < 0) {
		(void)kill(pid, SIGKILL);
		close(go[1]);
		fail_msg("%s", err.text);
	}
	close(go[1]);
	return pid;
}

static int wait_for_signal(void)
{
	for (;;)
		pause();
	return 0;
}

static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool has(const struct fixture *f, enum cg_controller c)
{
	return cg_dir(f->cg, c, NULL) >= 0;
}

static void a_process_enters_and_is_listed(void **state)
{
	struct fixture *f = *state;
	scoped_free pid_t *pids = NULL;
	struct err err = ERR_INIT;
	pid_t pid = start_child(f, wait_for_signal);
	size_t n;

	assert_int_equal(cgroup_pids(f->cg, &pids, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(pids[0], pid);
}

static void a_spawned_child_is_born_in_it(void **state)
{
	struct fixture *f = *state;
	char sleep_program[] = "/bin/sleep", seconds[] = "3600";
	char *const argv[] = { sleep_program, seconds, NULL };
	int fds[CGROUP_FDS_MAX], status;
	struct spawn s = SPAWN_INIT;
	scoped_free pid_t *pids = NULL;
	scoped_fd int pidfd = -1;
	struct err err = ERR_INIT;
	size_t n;
	pid_t pid;

	s.argv = argv;
	assert_int_equal(cgroup_enter_fds(f->cg, fds, &s.n_cgroup_fds, &err), 0);
	s.cgroup_fds = fds;
	s.cgroup_dir_fd = cgroup_dir_fd(f->cg);
	if (spawn(&s, &pid, &pidfd, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < s.n_cgroup_fds; i++)
		close(fds[i]);
	assert_int_equal(cgroup_pids(f->cg, &pids, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(pids[0], pid);
	assert_int_equal(cgroup_add_pid(f->cg, pid, &err), 0); /* once more changes nothing */
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(spawn_wait(pidfd, -1, &status, &err), 0);
}

static void kill_reaches_every_process_below_too(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	scoped_free char *below = xasprintf("%s/below", f->path);
	pid_t a = start_child(f, wait_for_signal);
	pid_t b = start_child(f, wait_for_signal);
	struct cgroup *inner = cgroup_create(below, &err);

	assert_non_null(inner);
	if (cgroup_add_pid(inner, b, &err) < 0)
		fail_msg("%s", err.text);
	cgroup_free(inner);
	assert_int_equal(cgroup_signal(f->cg, SIGKILL, &err), 0);
	assert_int_equal(WTERMSIG(status_of(a)), SIGKILL);
	assert_int_equal(WTERMSIG(status_of(b)), SIGKILL);
}

static void another_signal_reaches_them_and_leaves_them_thawed(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	pid_t pid = start_child(f, wait_for_signal);

	assert_int_equal(cgroup_signal(f->cg, SIGTERM, &err), 0);
	assert_int_equal(WTERMSIG(status_of(pid)), SIGTERM);
}

static char state_of(pid_t pid)
{
	char path[64], name;
	scoped_free char *text = NULL;
	struct err err = ERR_INIT;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	assert_int_equal(file_read(path, 4096, &text, NULL, &err), 0);
	assert_int_equal(sscanf(strrchr(text, ')') + 1, " %c", &name), 1);
	return name;
}

static int count_for_ever(void)
{
	for (volatile unsigned long n = 0;; n++)
		;
	return 0;
}

static void a_frozen_process_does_not_run_until_it_is_thawed(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	pid_t pid = start_child(f, count_for_ever);

	if (cgroup_freeze(f->cg, true, DEADLINE_MS, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_not_equal(state_of(pid), 'R');
	if (cgroup_freeze(f->cg, false, DEADLINE_MS, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(cgroup_signal(f->cg, SIGKILL, &err), 0);
	assert_int_equal(WTERMSIG(status_of(pid)), SIGKILL);
}

static void a_frozen_process_can_be_killed(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	pid_t pid = start_child(f, wait_for_signal);

	assert_int_equal(cgroup_freeze(f->cg, true, DEADLINE_MS, &err), 0);
	assert_int_equal(cgroup_signal(f->cg, SIGKILL, &err), 0);
	assert_int_equal(WTERMSIG(status_of(pid)), SIGKILL);
}

static void removing_fails_in_time_while_a_process_is_in_it(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	(void)start_child(f, wait_for_signal);
	assert_int_equal(cgroup_remove(f->cg, 50, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
}

static void removing_waits_for_processes_that_are_going(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	(void)start_child(f, wait_for_signal);
	assert_int_equal(cgroup_signal(f->cg, SIGKILL, &err), 0);
	if (cgroup_remove(f->cg, DEADLINE_MS, &err) < 0)
		fail_msg("%s", err.text);
	assert_null(cgroup_open(f->path, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void groups_made_inside_are_removed_with_it(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	scoped_free char *below = xasprintf("%s/x/y/z", f->path);
	struct cgroup *inner = cgroup_create(below, &err);

	assert_non_null(inner);
	cgroup_free(inner);
	if (cgroup_remove(f->cg, DEADLINE_MS, &err) < 0)
		fail_msg("%s", err.text);
}

/* --- limits --- */

static void expect_limit(struct fixture *f, enum cg_controller c, const Grpc__LinuxResources *res,
			 const char *v1_file, const char *v2_file, const char *want)
{
	scoped_free char *got = NULL;
	struct err err = ERR_INIT;
	bool v2;
	int fd = cg_dir(f->cg, c, &v2);

	if (fd < 0) {
		assert_int_equal(cgroup_apply(f->cg, res, &err), -1);
		assert_int_equal(err.code, ERR_UNIMPLEMENTED);
		assert_non_null(strstr(err.text, cg_controller_name(c, false)));
		return;
	}
	if (cgroup_apply(f->cg, res, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(cg_read(fd, v2 ? v2_file : v1_file, &got, &err), 0);
	assert_string_equal(got, want);
}

static void memory_limits_can_be_set_raised_and_lowered(void **state)
{
	static const char *const want[] = { "67108864\n", "268435456\n", "33554432\n" };
	static const int64_t limits[] = { 64 << 20, 256 << 20, 32 << 20 };
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxMemory m = GRPC__LINUX_MEMORY__INIT;

	res.memory = &m;
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		m.limit = limits[i];
		m.swap = 2 * limits[i];
		expect_limit(*state, CG_MEMORY, &res, "memory.limit_in_bytes", "memory.max",
			     want[i]);
	}
}

static void cpu_limits_can_be_set(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxCPU cpu = GRPC__LINUX_CPU__INIT;

	res.cpu = &cpu;
	cpu.shares = 2048;
	cpu.period = 50000;
	cpu.quota = 25000;
	expect_limit(*state, CG_CPU, &res, "cpu.cfs_quota_us", "cpu.max",
		     has(*state, CG_CPUACCT) ? "25000\n" : "25000 50000\n");
}

static void a_cpuset_can_be_set(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxCPU cpu = GRPC__LINUX_CPU__INIT;
	char cpus[] = "0";

	res.cpu = &cpu;
	cpu.cpus = cpus;
	expect_limit(*state, CG_CPUSET, &res, "cpuset.cpus", "cpuset.cpus", "0\n");
}

static int fork_too_much(void)
{
	int refused = 0;

	for (int i = 0; i < 8; i++) {
		pid_t pid = fork();

		if (pid == 0)
			wait_for_signal();
		refused += pid < 0 && errno == EAGAIN;
	}
	return refused;
}

static void the_number_of_processes_is_held(void **state)
{
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxPids pids = GRPC__LINUX_PIDS__INIT;
	struct fixture *f = *state;

	res.pids = &pids;
	pids.limit = 4;
	expect_limit(f, CG_PIDS, &res, "pids.max", "pids.max", "4\n");
	if (has(f, CG_PIDS)) /* itself and three children, so five of eight are refused */
		assert_int_equal(WEXITSTATUS(status_of(start_child(f, fork_too_much))), 5);
}

static void statistics_count_what_runs(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	pid_t pid = start_child(f, wait_for_signal);
	Grpc__CgroupStats *s = cgroup_stats(f->cg, &err);

	(void)pid;
	assert_non_null(s);
	if (has(f, CG_PIDS))
		assert_int_equal(s->pids_stats->current, 1);
	if (has(f, CG_MEMORY))
		assert_true(s->memory_stats->n_stats > 10);
	if (has(f, CG_HUGETLB))
		assert_true(s->n_hugetlb_stats > 0);
	protobuf_c_message_free_unpacked(&s->base, NULL);
}

/* --- devices --- */

static int use_devices(void)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int null_wr = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int null_rd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char path[] = "/tmp/test-cgroup-node-XXXXXX";
	int made;

	close(mkstemp(path));
	unlink(path);
	made = mknod(path, S_IFCHR | 0600, makedev(1, 3));
	unlink(path);
	return (zero >= 0) | (null_wr >= 0) << 1 | (null_rd >= 0) << 2 | (made == 0) << 3;
}

static void set_devices(struct fixture *f, Grpc__LinuxDeviceCgroup **rules, size_t n)
{
	struct err err = ERR_INIT;

	if (cgroup_set_devices(f->cg, rules, n, &err) < 0)
		fail_msg("%s", err.text);
}

static void only_devices_of_the_rules_can_be_opened(void **state)
{
	struct fixture *f = *state;
	Grpc__LinuxDeviceCgroup null_rule = GRPC__LINUX_DEVICE_CGROUP__INIT;
	Grpc__LinuxDeviceCgroup all_rule = GRPC__LINUX_DEVICE_CGROUP__INIT;
	Grpc__LinuxDeviceCgroup *one[] = { &null_rule };
	Grpc__LinuxDeviceCgroup *two[] = { &all_rule };
	char type[] = "c", write_only[] = "w", any[] = "a", all[] = "rwm";

	null_rule.allow = true;
	null_rule.type = type;
	null_rule.major = 1;
	null_rule.minor = 3;
	null_rule.access = write_only;
	set_devices(f, one, 1);
	assert_int_equal(WEXITSTATUS(status_of(start_child(f, use_devices))), 2);
	null_rule.access = all;
	set_devices(f, one, 1);
	assert_int_equal(WEXITSTATUS(status_of(start_child(f, use_devices))), 2 | 4 | 8);
	/* Replaced, not added to: what the first list denied is allowed by this one. */
	all_rule.allow = true;
	all_rule.type = any;
	all_rule.major = all_rule.minor = -1;
	all_rule.access = all;
	set_devices(f, two, 1);
	assert_int_equal(WEXITSTATUS(status_of(start_child(f, use_devices))), 15);
	set_devices(f, NULL, 0);
	assert_int_equal(WEXITSTATUS(status_of(start_child(f, use_devices))), 0);
}

static void the_longest_list_of_rules_is_taken(void **state)
{
	struct fixture *f = *state;
	Grpc__LinuxDeviceCgroup rules[200];
	Grpc__LinuxDeviceCgroup *list[ARRAY_LEN(rules)];
	char type[] = "b", access[] = "r";

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		grpc__linux_device_cgroup__init(&rules[i]);
		rules[i].allow = true;
		rules[i].type = type;
		rules[i].access = access;
		rules[i].major = 200;
		rules[i].minor = (int64_t)i;
		list[i] = &rules[i];
	}
	set_devices(f, list, ARRAY_LEN(list));
}

/* --- out of memory --- */

static int eat_memory(void)
{
	size_t len = 64u << 20;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 1;
	memset(p, 1, len);
	return 0;
}

static void an_oom_kill_is_heard_of(void **state)
{
	struct fixture *f = *state;
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxMemory m = GRPC__LINUX_MEMORY__INIT;
	struct pollfd ready = { .events = POLLIN };
	struct err err = ERR_INIT;

	if (!has(f, CG_MEMORY)) {
		assert_int_equal(cgroup_oom_fd(f->cg, &err), -1);
		assert_int_equal(err.code, ERR_UNIMPLEMENTED);
		return;
	}
	res.memory = &m;
	m.limit = m.swap = 16 << 20;
	assert_int_equal(cgroup_apply(f->cg, &res, &err), 0);
	ready.fd = cgroup_oom_fd(f->cg, &err);
	assert_true(ready.fd >= 0);
	assert_int_equal(cgroup_oom_read(f->cg, ready.fd, &err), 0);
	assert_int_equal(WTERMSIG(status_of(start_child(f, eat_memory))), SIGKILL);
	assert_int_equal(poll(&ready, 1, DEADLINE_MS), 1);
	assert_int_equal(cgroup_oom_read(f->cg, ready.fd, &err), 1);
	assert_int_equal(cgroup_oom_read(f->cg, ready.fd, &err), 0);
	close(ready.fd);
}

#define with_group(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

/* See v2 alone: the v1 mounts go from this namespace, and v2 comes where it usually is. */
static int hide_v1(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	if (umount2("/sys/fs/cgroup", MNT_DETACH) < 0 && errno != EINVAL)
		return -1;
	return mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		with_group(a_process_enters_and_is_listed),
		with_group(a_spawned_child_is_born_in_it),
		with_group(kill_reaches_every_process_below_too),
		with_group(another_signal_reaches_them_and_leaves_them_thawed),
		with_group(a_frozen_process_does_not_run_until_it_is_thawed),
		with_group(a_frozen_process_can_be_killed),
		with_group(removing_fails_in_time_while_a_process_is_in_it),
		with_group(removing_waits_for_processes_that_are_going),
		with_group(groups_made_inside_are_removed_with_it),
		with_group(memory_limits_can_be_set_raised_and_lowered),
		with_group(cpu_limits_can_be_set),
		with_group(a_cpuset_can_be_set),
		with_group(the_number_of_processes_is_held),
		with_group(statistics_count_what_runs),
		with_group(only_devices_of_the_rules_can_be_opened),
		with_group(the_longest_list_of_rules_is_taken),
		with_group(an_oom_kill_is_heard_of),
	};

	if (geteuid() != 0) {
		fprintf(stderr, "needs root\n");
		return SKIPPED;
	}
	if (argc > 1 && strcmp(argv[1], "v2") == 0 && hide_v1() < 0) {
		perror("see cgroup v2 alone");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
