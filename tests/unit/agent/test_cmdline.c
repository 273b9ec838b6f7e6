/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agent/cmdline.h"

static char complaints[4096];

static void note(void *arg, const char *name, const char *value, const char *why)
{
	size_t len = strlen(complaints);

	(void)arg;
	snprintf(complaints + len, sizeof(complaints) - len, "%s=%s %s;", name, value, why);
}

static struct agent_options parse(const char *text)
{
	struct agent_options o = AGENT_OPTIONS_INIT;

	complaints[0] = '\0';
	cmdline_parse(text, &o, note, NULL);
	return o;
}

static void an_empty_line_leaves_the_defaults(void **state)
{
	struct agent_options o = parse("");

	(void)state;
	assert_int_equal(o.log_level, LOG_LEVEL_INFO);
	assert_int_equal(o.hotplug_timeout_ms, 3000);
	assert_false(o.debug_console);
	assert_false(o.cgroup_v1);
	assert_string_equal(o.server_addr, "");
	assert_string_equal(complaints, "");
}

static void options_among_kernel_parameters_are_found(void **state)
{
	struct agent_options o = parse("tsc=reliable quiet agent.log=debug console=hvc0 "
				       "agent.debug_console agent.debug_console_vport=1026\n");

	(void)state;
	assert_int_equal(o.log_level, LOG_LEVEL_DEBUG);
	assert_true(o.debug_console);
	assert_int_equal(o.debug_console_vport, 1026);
	assert_string_equal(complaints, "");
}

static void quotes_keep_blanks_together(void **state)
{
	struct agent_options o = parse("dm-mod.create=\"a agent.log=error b\" \"agent.log=warn\"");

	(void)state;
	assert_int_equal(o.log_level, LOG_LEVEL_WARN);
}

static void what_follows_two_dashes_is_not_an_option(void **state)
{
	struct agent_options o = parse("quiet -- agent.log=debug");

	(void)state;
	assert_int_equal(o.log_level, LOG_LEVEL_INFO);
}

static void cgroup_v1_is_asked_for_by_either_name(void **state)
{
	(void)state;
	assert_true(parse("systemd.unified_cgroup_hierarchy=0").cgroup_v1);
	assert_true(parse("agent.unified_cgroup_hierarchy=false").cgroup_v1);
	assert_false(parse("cgroup_no_v1=all systemd.unified_cgroup_hierarchy=1").cgroup_v1);
}

static void wrong_values_are_told_and_passed_over(void **state)
{
	struct agent_options o =
		parse("agent.log=loud agent.hotplug_timeout=-1 "
		      "agent.hotplug_timeout=99999999999 agent.server_addr=tcp://x");

	(void)state;
	assert_int_equal(o.log_level, LOG_LEVEL_INFO);
	assert_int_equal(o.hotplug_timeout_ms, 3000);
	assert_string_equal(complaints,
			    "agent.log=loud is no log level;"
			    "agent.hotplug_timeout=-1 is no number in range;"
			    "agent.hotplug_timeout=99999999999 is no number in range;"
			    "agent.server_addr=tcp://x is neither vsock:// nor unix://;");
}

static void unknown_and_unbuilt_options_are_told_apart(void **state)
{
	(void)state;
	parse("agent.lgo=debug agent.trace=true agent.trace=false other.thing=1");
	assert_string_equal(complaints,
			    "agent.lgo=debug is unknown;agent.trace=true is known and not built;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_line_leaves_the_defaults),
		cmocka_unit_test(options_among_kernel_parameters_are_found),
		cmocka_unit_test(quotes_keep_blanks_together),
		cmocka_unit_test(what_follows_two_dashes_is_not_an_option),
		cmocka_unit_test(cgroup_v1_is_asked_for_by_either_name),
		cmocka_unit_test(wrong_values_are_told_and_passed_over),
		cmocka_unit_test(unknown_and_unbuilt_options_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
