/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "management/histogram.h"
#include "management/proc_metrics.h"

static const struct proc_metrics vm = { "kata_hypervisor", "Hypervisor process", 1, true };

static void has(const struct str *out, const char *line)
{
	if (!strstr(str_get(out), line))
		fail_msg("no '%s' in:\n%s", line, str_get(out));
}

static void sizes_are_bytes_and_names_are_katas(void **state)
{
	struct str out = { 0 };

	(void)state;
	proc_metrics_add_status(&out, &vm,
				"Name:\tqemu\nVmRSS:\t    12 kB\nThreads:\t3\nSigQ:\t0/1\n"
				"HugetlbPages:\t 0 kB\nnonvoluntary_ctxt_switches:\t7");
	assert_string_equal(str_get(&out),
			    "# HELP kata_hypervisor_proc_status Hypervisor process status.\n"
			    "# TYPE kata_hypervisor_proc_status gauge\n"
			    "kata_hypervisor_proc_status{item=\"vmrss\"} 12288\n"
			    "kata_hypervisor_proc_status{item=\"hugetlbpages\"} 0\n"
			    "kata_hypervisor_proc_status{item=\"nonvoluntary_ctxt_switches\"} 7\n");
	str_done(&out);
	proc_metrics_add_io(&out, &vm, "rchar: 5\ncancelled_write_bytes: 6\n");
	has(&out, "kata_hypervisor_io_stat{item=\"rchar\"} 5\n");
	has(&out, "kata_hypervisor_io_stat{item=\"cancelledwritebytes\"} 6\n");
	str_done(&out);
}

static void a_programs_name_does_not_confuse_the_fields(void **state)
{
	struct str out = { 0 };

	(void)state;
	proc_metrics_add_stat(
		&out, &vm, "5 (a) R 9 9 (b) S 1 5 5 0 -1 4 0 0 0 0 11 12 13 14 20 0 3 0 99 1 2\n");
	has(&out, "kata_hypervisor_threads 3\n");
	has(&out, "kata_hypervisor_proc_stat{item=\"utime\"} 11\n");
	has(&out, "kata_hypervisor_proc_stat{item=\"stime\"} 12\n");
	has(&out, "kata_hypervisor_proc_stat{item=\"cutime\"} 13\n");
	has(&out, "kata_hypervisor_proc_stat{item=\"cstime\"} 14\n");
	str_done(&out);
	proc_metrics_add_stat(&out, &vm, "5 (a) R 1 2");
	assert_string_equal(str_get(&out), "");
	str_done(&out);
}

static void every_network_device_has_sixteen_numbers(void **state)
{
	struct str out = { 0 };

	(void)state;
	proc_metrics_add_netdev(&out, &vm,
				"Inter-|   Receive |  Transmit\n face |bytes packets\n"
				"    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
				"  e\"x: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
				"eth0:77 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
	has(&out, "kata_hypervisor_netdev{interface=\"lo\",item=\"recv_bytes\"} 1\n");
	has(&out, "kata_hypervisor_netdev{interface=\"lo\",item=\"sent_compressed\"} 16\n");
	has(&out, "kata_hypervisor_netdev{interface=\"eth0\",item=\"recv_bytes\"} 77\n");
	assert_null(strstr(str_get(&out), "e\"x"));
	str_done(&out);
}

static void a_living_process_is_shown(void **state)
{
	const struct proc_metrics self = { "kata_shim", "Shim", getpid(), false };
	const struct proc_metrics none = { "kata_shim", "Shim", 0, true };
	struct proc_usage usage = { 0 }, nothing = { 0 };
	struct str out = { 0 };

	(void)state;
	proc_metrics_add(&out, &self);
	has(&out, "\nkata_shim_fds ");
	has(&out, "\nkata_shim_threads 1\n");
	has(&out, "kata_shim_proc_status{item=\"vmrss\"} ");
	has(&out, "kata_shim_io_stat{item=\"rchar\"} ");
	assert_null(strstr(str_get(&out), "netdev"));
	str_done(&out);
	proc_metrics_add(&out, &none);
	assert_string_equal(str_get(&out), "");

	proc_usage_add(&usage, getpid());
	assert_true(usage.memory_bytes > 10000);
	proc_usage_add(&nothing, 0);
	assert_int_equal(nothing.memory_bytes, 0);
	assert_int_equal(proc_worker(getpid()), getpid());
	assert_int_equal(proc_worker(0), 0);
}

static void durations_fall_into_their_buckets(void **state)
{
	struct histograms *h = histograms_new("x_ms", "Help.");
	struct str out = { 0 };

	(void)state;
	histograms_print(h, &out);
	assert_string_equal(str_get(&out), "");
	histograms_add(h, "start", NS_PER_MS / 2);
	histograms_add(h, "start", NS_PER_MS);
	histograms_add(h, "start", 3 * NS_PER_MS);
	histograms_add(h, "start", 1000 * NS_PER_MS);
	histograms_add(h, "kill", 1);
	histograms_print(h, &out);
	has(&out,
	    "# HELP x_ms Help.\n# TYPE x_ms histogram\nx_ms_bucket{action=\"start\",le=\"1\"} 2\n"
	    "x_ms_bucket{action=\"start\",le=\"2\"} 2\nx_ms_bucket{action=\"start\",le=\"4\"} 3\n");
	has(&out,
	    "x_ms_bucket{action=\"start\",le=\"512\"} 3\n"
	    "x_ms_bucket{action=\"start\",le=\"+Inf\"} 4\nx_ms_sum{action=\"start\"} 1004.500000\n"
	    "x_ms_count{action=\"start\"} 4\n");
	has(&out, "x_ms_count{action=\"kill\"} 1\n");
	str_done(&out);
	histograms_free(h);
}

static void the_number_of_actions_is_bounded(void **state)
{
	struct histograms *h = histograms_new("x_ms", "Help.");
	struct str out = { 0 };
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 2 * HISTOGRAM_ACTIONS_MAX; i++) {
		scoped_free char *action = xasprintf("a%d", i);

		histograms_add(h, action, 1);
	}
	histograms_print(h, &out);
	for (const char *at = str_get(&out); (at = strstr(at, "_count{")); at++)
		n++;
	assert_int_equal(n, HISTOGRAM_ACTIONS_MAX);
	str_done(&out);
	histograms_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_bytes_and_names_are_katas),
		cmocka_unit_test(a_programs_name_does_not_confuse_the_fields),
		cmocka_unit_test(every_network_device_has_sixteen_numbers),
		cmocka_unit_test(a_living_process_is_shown),
		cmocka_unit_test(durations_fall_into_their_buckets),
		cmocka_unit_test(the_number_of_actions_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
