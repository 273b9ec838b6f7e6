/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_keys.c - the table agrees with itself
 */
#include "config_test.h"
#include "engine/config/keys.h"
#include "engine/config/origin.h"
#include "engine/config/value.h"

static void no_two_rows_have_the_same_name_or_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *a = &config_keys[i];

		assert_ptr_equal(config_key_find(a->section, a->name), a);
		for (size_t j = 0; j < i; j++) {
			const struct config_key *b = &config_keys[j];

			assert_true(a->offset >= b->offset + b->size ||
				    b->offset >= a->offset + a->size);
		}
	}
}

static void no_two_rows_have_the_same_annotation(void **state)
{
	char a[CONFIG_ANNOTATION_NAME_MAX], b[CONFIG_ANNOTATION_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < config_n_keys; i++) {
		config_key_annotation(&config_keys[i], a);
		for (size_t j = 0; j < i && a[0]; j++)
			assert_string_not_equal(a, config_key_annotation(&config_keys[j], b));
	}
}

static void every_row_says_since_when_and_what_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];

		assert_non_null(key->since);
		assert_non_null(key->meaning);
		assert_non_null(config_section_table(key->section));
		assert_string_equal(config_section_find(config_section_table(key->section)),
				    key->section);
	}
}

static void every_list_of_globs_that_a_row_names_is_a_list(void **state)
{
	(void)state;
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *list;

		if (!config_keys[i].valid)
			continue;
		list = config_key_find("hypervisor", config_keys[i].valid);
		assert_non_null(list);
		assert_int_equal(list->type, CONFIG_LIST);
		assert_int_equal(list->access, ANNOTATION_NONE);
	}
}

static void every_word_that_is_not_built_is_one_of_the_choices(void **state)
{
	(void)state;
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];
		scoped_free char *later = key->later ? xstrdup(key->later) : NULL;

		for (char *at = later ? strtok(later, ",") : NULL; at; at = strtok(NULL, ","))
			assert_true(config_is_choice(key->choices, at));
	}
}

static void a_default_is_its_own_default_and_nothing_is_null(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];
		void *member = config_at(t.config, key);

		assert_true(config_is_default(t.config, key));
		assert_null(origin_get(t.config, key));
		if (key->type == CONFIG_STRING)
			assert_non_null(*(char **)member);
		if (key->type == CONFIG_LIST)
			assert_non_null(*(char ***)member);
	}
}

static void defaults_are_the_ones_people_know(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;
	const struct config *c = t.config;

	(void)state;
	assert_string_equal(c->hypervisor.path, "/usr/bin/qemu-system-x86_64");
	assert_string_equal(c->hypervisor.machine_type, "q35");
	assert_string_equal(c->hypervisor.accel, "auto");
	assert_int_equal(c->hypervisor.use_vsock, CONFIG_AUTO);
	assert_true(c->hypervisor.default_vcpus == 1);
	assert_int_equal(c->hypervisor.default_memory, 2048);
	assert_int_equal(c->hypervisor.memory_slots, 10);
	assert_int_equal(c->hypervisor.snp_guest_policy, 0x30000);
	assert_int_equal(strv_len(c->hypervisor.valid_entropy_sources), 3);
	assert_string_equal(c->hypervisor.valid_entropy_sources[2], "");
	assert_null(c->hypervisor.enable_annotations[0]);
	assert_true(c->hypervisor.disable_image_nvdimm);
	assert_false(c->runtime.disable_guest_seccomp);
	assert_string_equal(c->runtime.internetworking_model, "tcfilter");
	assert_int_equal(c->agent.dial_timeout, 45);
}

static void a_value_is_written_as_toml_reads_it(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;
	static const struct {
		const char *section, *name, *text;
	} rows[] = {
		{ "hypervisor", "path", "\"/usr/bin/qemu-system-x86_64\"" },
		{ "hypervisor", "default_vcpus", "1" },
		{ "hypervisor", "enable_debug", "false" },
		{ "hypervisor", "use_vsock", "\"auto\"" },
		{ "hypervisor", "default_maxmemory", "0" },
		{ "hypervisor", "valid_entropy_sources",
		  "[\"/dev/urandom\", \"/dev/random\", \"\"]" },
		{ "hypervisor", "enable_annotations", "[]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct config_key *key = config_key_find(rows[i].section, rows[i].name);
		scoped_free char *text = config_format(t.config, key);

		assert_string_equal(text, rows[i].text);
	}
}

static void awkward_text_is_quoted(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;
	scoped_free char *text = NULL;

	(void)state;
	assert_int_equal(
		load(&t, "[hypervisor.qemu]\nkernel_params = \"a\\\"b\\\\c\\nd\\te\\u0001\"\n"), 0);
	text = config_format(t.config, config_key_find("hypervisor", "kernel_params"));
	assert_string_equal(text, "\"a\\\"b\\\\c\\nd\\te\\u0001\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_two_rows_have_the_same_name_or_place),
		cmocka_unit_test(no_two_rows_have_the_same_annotation),
		cmocka_unit_test(every_row_says_since_when_and_what_for),
		cmocka_unit_test(every_list_of_globs_that_a_row_names_is_a_list),
		cmocka_unit_test(every_word_that_is_not_built_is_one_of_the_choices),
		cmocka_unit_test(a_default_is_its_own_default_and_nothing_is_null),
		cmocka_unit_test(defaults_are_the_ones_people_know),
		cmocka_unit_test(a_value_is_written_as_toml_reads_it),
		cmocka_unit_test(awkward_text_is_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
