/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/debug_console.h"
#include "cli/management.h"
#include "lib/base/debug_console.h"
#include "lib/base/mem.h"

static void expect_address(const char *url, const char *want)
{
	scoped_free char *address = debug_console_address(url, 1026);

	if (want)
		assert_string_equal(address, want);
	else
		assert_null(address);
}

static void the_console_is_beside_the_agent(void **state)
{
	(void)state;
	expect_address("unix:///run/vc/vm/a/kata.sock", "unix:///run/vc/vm/a/debug.sock");
	expect_address("vsock://3:1024", "vsock://3:1026");
	expect_address("hvsock:///run/x:1024", NULL);
	expect_address("vsock://3:1024/x", NULL);
	expect_address("unix://kata.sock", NULL);
	expect_address("unix:///kata.sock", NULL);
	expect_address("", NULL);
}

/* In pieces of every size, behind anything. */
static void the_last_words_are_found(void **state)
{
	static const char text[] = "a\r\r\n\r\n[the\r\n[the debug" DEBUG_CONSOLE_END;
	size_t len = strlen(text);

	(void)state;
	for (size_t step = 1; step <= len; step++) {
		size_t at = 0, sent = 0;
		bool found = false;

		while (!found && sent < len) {
			size_t n = step < len - sent ? step : len - sent;

			found = debug_console_has_end(text + sent, n, &at);
			sent += n;
		}
		assert_true(found);
		assert_int_equal(sent, len);
	}
}

static void an_answer_has_a_status_and_a_body(void **state)
{
	const char *body;
	int status;

	(void)state;
	assert_true(management_parse("HTTP/1.0 200 OK\r\nA: b\r\n\r\nx\r\n\r\ny", &status, &body));
	assert_int_equal(status, 200);
	assert_string_equal(body, "x\r\n\r\ny");
	assert_true(management_parse("HTTP/1.1 503 No\r\n\r\n", &status, &body));
	assert_int_equal(status, 503);
	assert_string_equal(body, "");
	assert_false(management_parse("", &status, &body));
	assert_false(management_parse("HTTP/1.0 200 OK\r\n", &status, &body));
	assert_false(management_parse("SSH-2.0-x\r\n\r\n", &status, &body));
	assert_false(management_parse("HTTP/1.0 abc\r\n\r\n", &status, &body));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_console_is_beside_the_agent),
		cmocka_unit_test(the_last_words_are_found),
		cmocka_unit_test(an_answer_has_a_status_and_a_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
