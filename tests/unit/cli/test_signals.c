/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "lib/base/defs.h"

static void a_signal_has_many_names(void **state)
{
	static const char *const kills[] = { "9", "KILL", "SIGKILL", "kill", "sigkill", "SigKill" };
	struct err err = ERR_INIT;
	int sig;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kills); i++) {
		sig = 0;
		assert_int_equal(signal_parse(kills[i], &sig, &err), 0);
		assert_int_equal(sig, SIGKILL);
	}
	assert_int_equal(signal_parse("WINCH", &sig, &err), 0);
	assert_int_equal(sig, SIGWINCH);
	assert_int_equal(signal_parse("64", &sig, &err), 0);
	assert_int_equal(sig, 64);
}

static void others_are_unknown(void **state)
{
	static const char *const bad[] = { "",    "0",      "65",         "-9", "9x",
					   "SIG", "NOSUCH", "SIGSIGKILL", " 9" };
	struct err err;
	int sig = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		err = ERR_INIT;
		assert_int_equal(signal_parse(bad[i], &sig, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_int_equal(sig, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_has_many_names),
		cmocka_unit_test(others_are_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
