/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/persist/journal.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

static int setup(void **state)
{
	char dir[] = "/tmp/journal-XXXXXX";

	*state = mkdtemp(dir) ? xstrdup(dir) : NULL;
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	struct err err = ERR_INIT;
	int r = dir_remove(*state, &err);

	free(*state);
	return r;
}

static struct journal *create(const char *dir)
{
	struct err err = ERR_INIT;
	struct journal *journal = journal_create(dir, &err);

	assert_non_null(journal);
	return journal;
}

static void what_was_not_struck_out_is_read_back_in_order(void **state)
{
	struct journal *journal = create(*state);
	struct journal_entry *entries;
	struct err err = ERR_INIT;
	uint64_t gone;
	size_t n;

	assert_true(journal_add(journal, JOURNAL_DIR, "/run/a b%/\n\x01", &err) > 0);
	gone = journal_add(journal, JOURNAL_MOUNT, "/run/m", &err);
	assert_true(journal_add_process(journal, "vmm", 4711, 123456789012ull, &err) > 0);
	assert_true(journal_add(journal, JOURNAL_CGROUP, "/vc/x", &err) > 0);
	assert_true(journal_add(journal, JOURNAL_NETWORK, "7 5 eth0 tcfilter - - /n", &err) > 0);
	journal_strike(journal, gone);
	journal_free(journal);

	assert_int_equal(journal_load(*state, &entries, &n, &err), 0);
	assert_int_equal(n, 4);
	assert_int_equal(entries[0].kind, JOURNAL_DIR);
	assert_string_equal(entries[0].text, "/run/a b%/\n\x01");
	assert_int_equal(entries[1].kind, JOURNAL_PROCESS);
	assert_string_equal(entries[1].text, "vmm");
	assert_int_equal(entries[1].pid, 4711);
	assert_true(entries[1].start_ticks == 123456789012ull);
	assert_int_equal(entries[2].kind, JOURNAL_CGROUP);
	assert_int_equal(entries[3].kind, JOURNAL_NETWORK);
	assert_string_equal(entries[3].text, "7 5 eth0 tcfilter - - /n");
	journal_entries_free(entries, n);
}

static void a_second_journal_in_a_directory_is_refused(void **state)
{
	struct err err = ERR_INIT;

	journal_free(create(*state));
	assert_null(journal_create(*state, &err));
	assert_int_equal(err.code, ERR_EXISTS);
}

static void only_its_owner_reads_it(void **state)
{
	scoped_free char *path = xasprintf("%s/journal", (char *)*state);
	struct stat st;

	journal_free(create(*state));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static size_t count(const char *text)
{
	struct journal_entry *entries = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	assert_int_equal(journal_parse(text, strlen(text), &entries, &n, &err), 0);
	journal_entries_free(entries, n);
	return n;
}

static void a_torn_tail_counts_as_never_written(void **state)
{
	(void)state;
	assert_int_equal(count("kata-journal 1\n+ 1 mount /a\n+ 2 mou"), 1);
	assert_int_equal(count("kata-journal 1\n+ 1 mount /a\n- "), 1);
	assert_int_equal(count("kata-jour"), 0);
	assert_int_equal(count(""), 0);
}

static void what_is_not_a_journal_is_refused(void **state)
{
	static const char *const bad[] = {
		"kata-journal 2\n",
		"kata-journal 1\n+ 1 mount relative\n",
		"kata-journal 1\n+ 1 teapot /x\n",
		"kata-journal 1\n+ x mount /x\n",
		"kata-journal 1\n+ 1 process a 1 5\n", /* nobody may make us kill pid 1 */
		"kata-journal 1\n+ 1 process a -5 5\n",
		"kata-journal 1\n+ 1 process a 55\n",
		"kata-journal 1\n+ 1 network 7 5 5\n",
		"kata-journal 1\n+ 1 mount /x%00y\n",
		"kata-journal 1\n+ 1 mount /x%g0\n",
		"kata-journal 1\n\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct journal_entry *entries;
		struct err err = ERR_INIT;
		size_t n;

		assert_int_equal(journal_parse(bad[i], strlen(bad[i]), &entries, &n, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void a_missing_journal_is_told_apart(void **state)
{
	struct journal_entry *entries;
	struct err err = ERR_INIT;
	size_t n;

	assert_int_equal(journal_load(*state, &entries, &n, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_not_struck_out_is_read_back_in_order, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_second_journal_in_a_directory_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(only_its_owner_reads_it, setup, teardown),
		cmocka_unit_test(a_torn_tail_counts_as_never_written),
		cmocka_unit_test(what_is_not_a_journal_is_refused),
		cmocka_unit_test_setup_teardown(a_missing_journal_is_told_apart, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
