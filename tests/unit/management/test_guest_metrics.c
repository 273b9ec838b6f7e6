/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "management/guest_metrics.h"

static void expect(const char *in, const char *want)
{
	struct str out = { 0 };

	guest_metrics_add(&out, in, strlen(in));
	assert_string_equal(str_get(&out), want);
	str_done(&out);
}

static void passes(const char *line)
{
	expect(line, line);
}

static void drops(const char *line)
{
	expect(line, "");
}

static void what_the_agent_says_of_itself_and_its_kernel_passes(void **state)
{
	(void)state;
	passes("# HELP kata_guest_load Guest system load.\n# TYPE kata_guest_load gauge\n"
	       "kata_guest_load{item=\"load1\"} 0.10\nkata_guest_load{item=\"load5\"} 1\n"
	       "# TYPE kata_agent_scrape_count counter\nkata_agent_scrape_count 3\n");
	passes("kata_guest_a -1.5e+10 1700000000000\n");
	passes("kata_guest_a NaN\nkata_guest_b -Inf\nkata_guest_c +Inf\n");
	passes("kata_guest_a{} 1\nkata_guest_a{x=\"y\",} 1\n");
	passes("kata_guest_a{x=\"\\\\ \\\" \\n\"} 1\n");
}

static void a_guest_cannot_speak_for_the_host(void **state)
{
	(void)state;
	drops("kata_shim_fds 1\n");
	drops("kata_hypervisor_threads 1\n");
	drops("# TYPE kata_shim_fds gauge\n");
	drops("up 0\n");
	drops("kata_guest 1\n");
	drops("kata_guest_a{__name__=\"kata_shim_fds\"} 1\n");
	drops("# kata_guest_a\n");
	drops("\n \n");
}

static void a_line_that_a_scraper_could_not_read_is_dropped(void **state)
{
	static const char *const lines[] = {
		"kata_guest_a\n",
		"kata_guest_a \n",
		"kata_guest_a x\n",
		"kata_guest_a 1 2 3\n",
		"kata_guest_a 1 x\n",
		"kata_guest_a 1 9999999999999999999\n",
		"kata_guest_a 1e999\n",
		"kata_guest_a 0x10\n",
		"kata_guest_a --1\n",
		"kata_guest_a{ 1\n",
		"kata_guest_a{x} 1\n",
		"kata_guest_a{x=1} 1\n",
		"kata_guest_a{x=\"} 1\n",
		"kata_guest_a{x=\"\\q\"} 1\n",
		"kata_guest_a{x=\"1\",x=\"2\"} 1\n",
		"kata_guest_a{le=\"wide\"} 1\n",
		"kata_guest_a{9=\"1\"} 1\n",
		"kata_guest_a{x=\"\x1b[2J\"} 1\n",
		"kata_guest_a{x=\"\xc3\xa4\"} 1\n",
		"# TYPE kata_guest_a number\n",
		"# TYPE kata_guest_a\n",
		"# HELP kata_guest_a \x07\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		drops(lines[i]);
}

static void a_family_comes_once(void **state)
{
	(void)state;
	expect("kata_guest_a 1\nkata_guest_b 1\nkata_guest_a 2\n",
	       "kata_guest_a 1\nkata_guest_b 1\n");
	expect("# TYPE kata_guest_a gauge\n# TYPE kata_guest_a counter\nkata_guest_a 1\n",
	       "# TYPE kata_guest_a gauge\nkata_guest_a 1\n");
	expect("kata_guest_a 1\n# TYPE kata_guest_a gauge\n", "kata_guest_a 1\n");
	expect("kata_guest_a 1\nkata_guest_b 1\n# HELP kata_guest_a x\n",
	       "kata_guest_a 1\nkata_guest_b 1\n");
}

static void the_parts_of_a_histogram_belong_together(void **state)
{
	(void)state;
	passes("# TYPE kata_agent_h histogram\nkata_agent_h_bucket{le=\"1\"} 1\n"
	       "kata_agent_h_bucket{le=\"+Inf\"} 2\nkata_agent_h_sum 3.5\nkata_agent_h_count 2\n");
	expect("# TYPE kata_agent_h histogram\nkata_agent_h_sum 1\nkata_agent_i 1\n"
	       "# TYPE kata_agent_h_count counter\n",
	       "# TYPE kata_agent_h histogram\nkata_agent_h_sum 1\nkata_agent_i 1\n");
}

static void the_agents_own_process_gets_its_name(void **state)
{
	(void)state;
	expect("# TYPE process_open_fds gauge\nprocess_open_fds 9\n",
	       "# TYPE kata_agent_process_open_fds gauge\nkata_agent_process_open_fds 9\n");
}

static void a_text_without_end_is_cut(void **state)
{
	struct str in = { 0 }, out = { 0 };
	scoped_free char *wide = xcalloc(GUEST_LINE_MAX + 2, 1);

	(void)state;
	expect("kata_guest_a 1\nkata_guest_b 1", "kata_guest_a 1\n");
	memset(wide, 'a', GUEST_LINE_MAX);
	str_addf(&in, "kata_guest_%s 1\nkata_guest_b 1\n", wide);
	expect(str_get(&in), "kata_guest_b 1\n");
	str_done(&in);

	while (in.len < GUEST_METRICS_MAX + 100)
		str_addf(&in, "kata_guest_m%zu 1\n", in.len);
	guest_metrics_add(&out, str_get(&in), in.len);
	assert_true(out.len < GUEST_FAMILIES_MAX * 32);
	str_done(&in);
	str_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_agent_says_of_itself_and_its_kernel_passes),
		cmocka_unit_test(a_guest_cannot_speak_for_the_host),
		cmocka_unit_test(a_line_that_a_scraper_could_not_read_is_dropped),
		cmocka_unit_test(a_family_comes_once),
		cmocka_unit_test(the_parts_of_a_histogram_belong_together),
		cmocka_unit_test(the_agents_own_process_gets_its_name),
		cmocka_unit_test(a_text_without_end_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
