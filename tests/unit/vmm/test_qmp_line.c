/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "engine/vmm/qmp_line.h"
#include "lib/base/str.h"

static struct qmp_line parse(const char *text)
{
	struct qmp_line line;
	struct err err = ERR_INIT;

	if (qmp_line_parse(text, strlen(text), &line, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return line;
}

static void refuse(const char *text)
{
	struct qmp_line line;
	struct err err = ERR_INIT;

	if (qmp_line_parse(text, strlen(text), &line, &err) == 0)
		fail_msg("was taken: %s", text);
	assert_int_equal(err.code, ERR_INTERNAL);
}

static void the_four_kinds_are_told_apart(void **state)
{
	struct qmp_line line;

	(void)state;
	line = parse("{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7}}, \"capabilities\": []}}");
	assert_int_equal(line.kind, QMP_LINE_GREETING);
	qmp_line_done(&line);

	line = parse("{\"return\": {\"running\": true}, \"id\": 7}");
	assert_int_equal(line.kind, QMP_LINE_RETURN);
	assert_true(line.has_id);
	assert_int_equal(line.id, 7);
	assert_true(json_object_is_type(line.value, json_type_object));
	qmp_line_done(&line);

	line = parse("{\"id\": 8, \"error\": {\"class\": \"GenericError\", \"desc\": \"no\\u001b\"}}\r");
	assert_int_equal(line.kind, QMP_LINE_ERROR);
	assert_int_equal(line.error.code, ERR_INTERNAL);
	assert_string_equal(line.error.text, "QEMU: no\\x1b");
	qmp_line_done(&line);

	line = parse("{\"timestamp\": {\"seconds\": 1}, \"event\": \"SHUTDOWN\", \"data\": {\"guest\": true}}");
	assert_int_equal(line.kind, QMP_LINE_EVENT);
	assert_string_equal(line.name, "SHUTDOWN");
	assert_non_null(line.value);
	qmp_line_done(&line);
}

static void an_event_wins_over_an_answer_in_one_line(void **state)
{
	struct qmp_line line;

	(void)state;
	line = parse("{\"event\": \"STOP\", \"return\": {}, \"id\": 1}");
	assert_int_equal(line.kind, QMP_LINE_EVENT);
	assert_false(line.has_id);
	qmp_line_done(&line);
}

static void members_of_the_wrong_type_do_not_count(void **state)
{
	struct qmp_line line;

	(void)state;
	line = parse("{\"return\": null, \"id\": \"7\"}");
	assert_false(line.has_id);
	assert_null(line.value);
	qmp_line_done(&line);
	line = parse("{\"return\": 1, \"id\": -7}");
	assert_false(line.has_id);
	qmp_line_done(&line);
	line = parse("{\"event\": \"STOP\", \"data\": [1]}");
	assert_null(line.value);
	qmp_line_done(&line);
	refuse("{\"event\": 7}");
	refuse("{\"error\": \"x\"}");
	refuse("{\"QMP\": []}");
}

static void what_is_no_object_is_refused(void **state)
{
	(void)state;
	refuse("");
	refuse("x");
	refuse("[]");
	refuse("7");
	refuse("null");
	refuse("{}");
	refuse("{\"return\": {}");
	refuse("{\"return\": {}} {\"return\": {}}");
	refuse("{\"event\": \"\"}");
	refuse("{\"event\": \"stop\"}");
	refuse("{\"event\": \"A\\nB\"}");
}

static void nesting_has_an_end(void **state)
{
	struct str deep = { 0 };

	(void)state;
	str_add(&deep, "{\"return\":");
	for (int i = 0; i < 100; i++)
		str_add(&deep, "[");
	for (int i = 0; i < 100; i++)
		str_add(&deep, "]");
	str_add(&deep, "}");
	refuse(str_get(&deep));
	str_done(&deep);
}

static void a_very_long_error_is_cut(void **state)
{
	struct str text = { 0 };
	struct qmp_line line;

	(void)state;
	str_add(&text, "{\"id\":1,\"error\":{\"desc\":\"");
	for (int i = 0; i < 10000; i++)
		str_add(&text, "x");
	str_add(&text, "\"}}");
	line = parse(str_get(&text));
	assert_true(strlen(line.error.text) < ERR_TEXT_MAX);
	qmp_line_done(&line);
	str_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_four_kinds_are_told_apart),
		cmocka_unit_test(an_event_wins_over_an_answer_in_one_line),
		cmocka_unit_test(members_of_the_wrong_type_do_not_count),
		cmocka_unit_test(what_is_no_object_is_refused),
		cmocka_unit_test(nesting_has_an_end),
		cmocka_unit_test(a_very_long_error_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
