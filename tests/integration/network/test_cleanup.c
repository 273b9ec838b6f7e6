/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a supervisor that was killed left in a pod's network namespace is taken back by another
 * process, from the journal alone
 *
 * Needs root; in namespaces of its own, with its own /run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/config/config.h"
#include "engine/persist/journal.h"
#include "engine/resource/network/endpoint.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "tests/integration/network/wire.h"

#define NETNS "/run/netns/pod"
#define DIR   "/run/sandbox"

static bool no_pci(void *arg, const char *link, char ret[static 16])
{
	(void)arg, (void)link, (void)ret;
	return false;
}

static int set_up(void **state)
{
	(void)state;
	wire_isolate();
	if (mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0 || mkdir(DIR, 0700) < 0)
		fail_msg("own /run");
	run("ip netns add pod && ip -n pod link add eth0 type veth peer name peer0 && "
	    "ip -n pod link set eth0 up && ip -n pod link set peer0 up");
	return 0;
}

/* What is on the pod's links, without what changes by itself. */
static char *census(void)
{
	FILE *out = popen(
		"ip -n pod -o link | sed 's/ state .*//; s/promiscuity.*//'; tc -n pod qdisc; tc -n pod class",
		"re");
	char *text = xcalloc(1, 65536);

	assert_non_null(out);
	(void)!fread(text, 1, 65535, out);
	assert_int_equal(pclose(out), 0);
	return text;
}

/* The supervisor; never returns. Its exit code is read only if it fails before it is killed. */
static void supervise(const char *model, uint64_t rate)
{
	const struct network_facts facts = { .pci_address = no_pci };
	struct config config = { .runtime.internetworking_model = unconst(model),
				 .hypervisor.cold_plug_vfio = unconst("no-port"),
				 .hypervisor.rx_rate_limiter_max_rate = rate,
				 .hypervisor.tx_rate_limiter_max_rate = rate };
	struct endpoint_context ctx = { .config = &config, .netns_path = NETNS, .n_queues = 1 };
	struct endpoint_plan *plans;
	struct err err = ERR_INIT;
	struct net_state state;
	struct endpoint ep;
	size_t n;
	int fd = open(NETNS, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		_exit(1);
	ctx.net = net_open(&err);
	ctx.journal = journal_create(DIR, &err);
	if (!ctx.net || !ctx.journal || net_read(ctx.net, &state, &err) < 0 ||
	    network_plan(&config, &state, &facts, &plans, &n, &err) < 0 || n < 1 ||
	    endpoint_connect(&ctx, &plans[0], &ep, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		_exit(2);
	}
	raise(SIGKILL);
	_exit(3);
}

static void kill_supervisor(const char *model, uint64_t rate)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		supervise(model, rate);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* What cleanup.c does with each entry; returns how many there were. */
static size_t replay(void)
{
	struct journal_entry *entries;
	size_t n;

	OK(journal_load(DIR, &entries, &n, e));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(entries[i].kind, JOURNAL_NETWORK);
		OK(endpoint_cleanup(entries[i].text, e));
	}
	journal_entries_free(entries, n);
	return n;
}

static ino_t own_netns(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	return st.st_ino;
}

static void check(const char *model, uint64_t rate)
{
	scoped_free char *before = census(), *during = NULL, *after = NULL;
	ino_t own = own_netns();

	kill_supervisor(model, rate);
	during = census();
	assert_string_not_equal(before, during);
	assert_int_equal(replay(), 1);
	after = census();
	assert_string_equal(before, after);
	assert_true(own_netns() == own);
	assert_int_equal(replay(), 1); /* any number of times */
}

static void the_qdisc_of_a_dead_supervisor_goes(void **state)
{
	(void)state;
	check("tcfilter", 0);
}

static void its_limits_go(void **state)
{
	(void)state;
	check("tcfilter", 8000000);
}

static void its_macvtap_goes(void **state)
{
	(void)state;
	check("macvtap", 0);
}

static void its_macvtap_and_ifb_go(void **state)
{
	(void)state;
	check("macvtap", 8000000);
}

static void a_namespace_that_is_gone_is_success(void **state)
{
	(void)state;
	kill_supervisor("tcfilter", 0);
	run("ip netns delete pod");
	assert_int_equal(replay(), 1);
	run("touch " NETNS); /* a name without a namespace */
	assert_int_equal(replay(), 1);
}

/* The path is the next pod's by now, and has links of the same numbers. */
static void another_namespace_of_that_path_is_left_alone(void **state)
{
	scoped_free char *before = NULL, *after = NULL;

	(void)state;
	run("ip netns add keeps-the-number-taken; mount --bind " NETNS
	    " /run/netns/keeps-the-number-taken");
	kill_supervisor("tcfilter", 0);
	run("ip netns delete pod; ip netns add pod && ip -n pod link add eth0 type veth peer name peer0 && "
	    "tc -n pod qdisc add dev eth0 ingress");
	before = census();
	assert_int_equal(replay(), 1);
	after = census();
	assert_string_equal(before, after);
	assert_int_equal(count_lines("tc -n pod qdisc", "ingress"), 1);
}

static void the_link_itself_may_be_gone(void **state)
{
	(void)state;
	kill_supervisor("macvtap", 8000000);
	run("ip -n pod link delete eth0");
	assert_int_equal(replay(), 1);
	assert_int_equal(count_lines("ip -n pod -o link", "_kata"), 0);
}

static void what_is_not_understood_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"4026532281",
		"4026532281 0 eth0 tcfilter - - /run/netns/pod",
		"4026532281 5 eth0 bridged - - /run/netns/pod",
		"4026532281 5 eth0 tcfilter - - relative",
		"4026532281 5 eth0 direct ../../x e1000e -",
		"4026532281 5 eth0 direct 0000:00:05.0 ../x -",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(endpoint_cleanup(bad[i], &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_qdisc_of_a_dead_supervisor_goes),
		TEST(its_limits_go),
		TEST(its_macvtap_goes),
		TEST(its_macvtap_and_ifb_go),
		TEST(a_namespace_that_is_gone_is_success),
		TEST(another_namespace_of_that_path_is_left_alone),
		TEST(the_link_itself_may_be_gone),
		cmocka_unit_test(what_is_not_understood_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
