/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_load.c - files, drop-ins, and what is said about them
 */
#include <sys/stat.h>

#include "config_test.h"
#include "engine/config/keys.h"
#include "engine/config/report.h"
#include "lib/base/fs.h"
#include "lib/base/str.h"

static void every_type_is_read(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	assert_int_equal(
		load(&t, "[hypervisor.qemu]\n"
			 "path = \"/opt/qemu\"\n"
			 "default_vcpus = 1.5\n"
			 "default_maxvcpus = 8\n"
			 "default_maxmemory = 8589934592\n"
			 "enable_debug = true\n"
			 "use_vsock = false\n"
			 "enable_annotations = [\"kernel\", \"^default_\"]\n"
			 "[agent.kata]\n"
			 "kernel_modules = [\"e1000e EEE=1\"]\n"
			 "[runtime]\n"
			 "create_container_timeout = 90\n"
			 "[factory]\n[proxy.kata]\npath = \"/p\"\n[shim.kata]\npath = \"/s\"\n"),
		0);
	assert_null(t.warnings);
	assert_string_equal(t.config->hypervisor.path, "/opt/qemu");
	assert_true(t.config->hypervisor.default_vcpus == 1.5);
	assert_int_equal(t.config->hypervisor.default_maxvcpus, 8);
	assert_true(t.config->hypervisor.default_maxmemory == 8589934592);
	assert_true(t.config->hypervisor.enable_debug);
	assert_int_equal(t.config->hypervisor.use_vsock, CONFIG_NO);
	assert_string_equal(t.config->hypervisor.enable_annotations[1], "^default_");
	assert_null(t.config->hypervisor.enable_annotations[2]);
	assert_string_equal(t.config->agent.kernel_modules[0], "e1000e EEE=1");
	assert_int_equal(t.config->runtime.create_container_timeout, 90);
	assert_string_equal(t.config->proxy.path, "/p");
	assert_string_equal(t.config->shim.path, "/s");
}

static void a_whole_number_is_a_number_too(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	assert_int_equal(load(&t, "[hypervisor.qemu]\ndefault_vcpus = -1\nuse_vsock = \"auto\"\n"),
			 0);
	assert_true(t.config->hypervisor.default_vcpus == -1);
	assert_int_equal(t.config->hypervisor.use_vsock, CONFIG_AUTO);
}

static void a_number_over_the_top_is_clamped_where_kata_does(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	assert_int_equal(load(&t, "[hypervisor.qemu]\ndefault_bridges = 9\npcie_root_port = 99\n"
				  "pcie_switch_port = 17\nhypervisor_loglevel = 4\n"),
			 0);
	assert_int_equal(t.config->hypervisor.default_bridges, 5);
	assert_int_equal(t.config->hypervisor.pcie_root_port, 16);
	assert_int_equal(t.config->hypervisor.pcie_switch_port, 16);
	assert_int_equal(t.config->hypervisor.hypervisor_loglevel, 3);
}

/* Whatever a key wants, everything else is refused, with the key and the line. */
static void a_wrong_type_names_file_line_and_key(void **state)
{
	static const char *const values[] = {
		[CONFIG_BOOL] = "true",       [CONFIG_TRISTATE] = "1979-05-27",
		[CONFIG_UINT] = "-7",         [CONFIG_FLOAT] = "nan",
		[CONFIG_STRING] = "\"text\"", [CONFIG_LIST] = "[[\"a\"]]",
	};

	(void)state;
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];

		for (size_t v = 0; v < ARRAY_LEN(values); v++) {
			scoped_trial struct trial t = TRIAL_INIT;
			scoped_free char *text =
				xasprintf("\n[%s]\n%s = %s\n", config_section_table(key->section),
					  key->name, values[v]);
			scoped_free char *where =
				xasprintf("read configuration '/c.toml': line 3: '%s' ", key->name);

			if (key->annotation_only || key->type == v ||
			    (key->type == CONFIG_TRISTATE && v == CONFIG_BOOL) ||
			    (key->type == CONFIG_FLOAT && v == CONFIG_UINT))
				continue;
			assert_int_equal(load(&t, text), -1);
			assert_int_equal(t.err.code, ERR_INVALID);
			assert_contains(t.err.text, where);
			assert_contains(t.err.text, "wants ");
		}
	}
}

static void out_of_range_and_outside_the_set_say_what_is_allowed(void **state)
{
	static const struct {
		const char *line, *why;
	} rows[] = {
		{ "msize_9p = 1", "'msize_9p' is 1, and must be from 4096 to 1048576" },
		{ "indep_iothreads = 50", "'indep_iothreads' is 50, and must be from 0 to 49" },
		{ "default_memory = 4294967296",
		  "'default_memory' is 4294967296, and must be from 0 to 4294967295" },
		{ "shared_fs = \"nfs\"",
		  "'shared_fs' is 'nfs', and must be one of virtio-fs,virtio-9p,virtio-fs-nydus,none" },
		{ "block_device_aio = \"x\"", "must be one of io_uring,native,threads" },
		{ "block_device_driver = \"ide\"", "must be one of virtio-scsi,virtio-blk," },
		{ "extra_monitor_socket = \"tcp\"", "must be one of hmp,qmp,qmp-pretty" },
		{ "accel = \"hax\"", "must be one of auto,kvm,tcg" },
		{ "virtio_fs_cache = \"sometimes\"", "must be one of never,auto,always,metadata" },
		{ "rootfs_type = \"ntfs\"", "must be one of ext4,xfs,erofs" },
		{ "use_vsock = \"maybe\"", "'use_vsock' wants true, false or \"auto\"" },
		{ "default_vcpus = \"2\"", "'default_vcpus' wants a number" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped_trial struct trial t = TRIAL_INIT;
		scoped_free char *text = xasprintf("[hypervisor.qemu]\n%s\n", rows[i].line);

		assert_int_equal(load(&t, text), -1);
		assert_int_equal(t.err.code, ERR_INVALID);
		assert_contains(t.err.text, "configuration '/c.toml': line 2: ");
		assert_contains(t.err.text, rows[i].why);
	}
}

static void an_unknown_key_or_section_is_a_warning(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	assert_int_equal(load(&t,
			      "top = 1\n[hypervisor.qemu]\nfoo = [1, \"a\"]\nkernel_hash = \"x\"\n"
			      "[agent.hyper]\nx = 1\n[runtime.inner]\n"),
			 0);
	assert_int_equal(strv_len(t.warnings), 6);
	assert_string_equal(t.warnings[0],
			    "configuration '/c.toml': line 1: unknown key 'top' in []");
	assert_string_equal(
		t.warnings[1],
		"configuration '/c.toml': line 3: unknown key 'foo' in [hypervisor.qemu]");
	assert_string_equal(
		t.warnings[2],
		"configuration '/c.toml': line 4: unknown key 'kernel_hash' in [hypervisor.qemu]");
	assert_string_equal(t.warnings[3],
			    "configuration '/c.toml': line 5: unknown section [agent.hyper]");
	assert_string_equal(t.warnings[5],
			    "configuration '/c.toml': line 7: unknown section [runtime.inner]");
}

static void another_hypervisor_is_named_in_the_error(void **state)
{
	static const char *const names[] = { "clh",        "firecracker", "acrn",
					     "dragonball", "stratovirt",  "remote" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		scoped_trial struct trial t = TRIAL_INIT;
		scoped_free char *text = xasprintf("\n[hypervisor.%s]\npath = \"/x\"\n", names[i]);
		scoped_free char *why = xasprintf(
			"read configuration '/c.toml': line 2: hypervisor '%s' is not supported, "
			"only 'qemu' is",
			names[i]);

		assert_int_equal(load(&t, text), -1);
		assert_int_equal(t.err.code, ERR_UNIMPLEMENTED);
		assert_string_equal(t.err.text, why);
	}
}

static void what_is_not_toml_says_where(void **state)
{
	static const struct {
		const char *text, *where;
	} rows[] = {
		{ "[runtime]\nx = \n", "configuration '/c.toml': line 2: " },
		{ "[runtime\n", "line 1: " },
		{ "[runtime]\nenable_debug = true\nenable_debug = false\n", "line 3: " },
		{ "x = \"\xff\"\n", "line 1: " },
		{ "x = 99999999999999999999\n", "line 1: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped_trial struct trial t = TRIAL_INIT;

		assert_int_equal(load(&t, rows[i].text), -1);
		assert_int_equal(t.err.code, ERR_INVALID);
		assert_contains(t.err.text, rows[i].where);
	}
}

static void a_huge_or_deep_text_is_refused(void **state)
{
	size_t len = CONFIG_FILE_MAX + 1;
	scoped_free char *text = xcalloc(1, len + 1);
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	memset(text, '\n', len);
	assert_int_equal(load(&t, text), -1);
	for (size_t i = 0; i + 6 < len; i += 2)
		memcpy(text + i, "a.", 2);
	memcpy(text + len - 7, "a = 1\n", 7);
	assert_int_equal(load(&t, text), -1);
	memset(text, '[', len);
	memcpy(text, "x = ", 4);
	text[len - 2] = '\0';
	assert_int_equal(load(&t, text), -1);
}

/* A value of the right type that is not the default. */
static void other_value(const struct config_key *key, char buf[static 64])
{
	const char *choice = key->choices ? strrchr(key->choices, ',') : NULL;

	switch (key->type) {
	case CONFIG_BOOL:
		snprintf(buf, 64, "%s",
			 key->def && strcmp(key->def, "true") == 0 ? "false" : "true");
		break;
	case CONFIG_TRISTATE:
		snprintf(buf, 64, "true");
		break;
	case CONFIG_UINT:
		snprintf(buf, 64, "%s", key->def && strcmp(key->def, "2") == 0 ? "3" : "2");
		break;
	case CONFIG_FLOAT:
		snprintf(buf, 64, "2.5");
		break;
	case CONFIG_STRING:
		snprintf(buf, 64, "\"%s\"", choice ? choice + 1 : "/other");
		break;
	case CONFIG_LIST:
		snprintf(buf, 64, "[\"other\"]");
		break;
	}
}

static void a_key_that_does_nothing_is_reported_when_it_is_set(void **state)
{
	(void)state;
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];
		scoped_trial struct trial t = TRIAL_INIT;
		scoped_free char *text = NULL;
		scoped_free char *where = NULL;
		char other[64];
		int r;

		if (key->annotation_only || key->state == KEY_BUILT)
			continue;
		other_value(key, other);
		text = xasprintf("[%s]\n%s = %s\n", config_section_table(key->section), key->name,
				 other);
		where = xasprintf("configuration '/c.toml': line 2: '%s' ", key->name);
		r = load(&t, text);
		if (key->state == KEY_REFUSED) {
			assert_int_equal(r, -1);
			assert_int_equal(t.err.code, ERR_UNIMPLEMENTED);
			assert_contains(t.err.text, where);
			assert_contains(t.err.text, "is not supported yet");
			continue;
		}
		if (r < 0)
			fail_msg("%s: %s", text, t.err.text);
		assert_int_equal(strv_len(t.warnings), key->state == KEY_MOOT ? 0 : 1);
		if (key->state != KEY_MOOT)
			assert_contains(t.warnings[0], where);
	}
}

static void a_key_that_does_nothing_may_be_at_its_default(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	assert_int_equal(load(&t, "[hypervisor.qemu]\nconfidential_guest = false\n"
				  "enable_iommu = false\nblock_device_aio = \"io_uring\"\n"
				  "[factory]\nvm_cache_number = 0\n"),
			 0);
	assert_null(t.warnings);
}

static void unsafe_silence_is_an_error(void **state)
{
	static const char *const lines[] = { "confidential_guest = true", "enable_iommu = true",
					     "sev_snp_guest = true",
					     "disable_guest_selinux = false" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		scoped_trial struct trial t = TRIAL_INIT;
		scoped_free char *text = xasprintf("[hypervisor.qemu]\n%s\n", lines[i]);

		assert_int_equal(load(&t, text), -1);
		assert_int_equal(t.err.code, ERR_UNIMPLEMENTED);
	}
}

static void warnings_are_bounded(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;
	struct str text = { 0 };

	(void)state;
	for (int i = 0; i < 5000; i++)
		str_addf(&text, "k%d = 1\n", i);
	assert_int_equal(load(&t, str_get(&text)), 0);
	str_done(&text);
	assert_int_equal(strv_len(t.warnings), WARNINGS_MAX);
}

static void a_wrong_expression_in_enable_annotations_is_found_at_once(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	assert_int_equal(load(&t, "[hypervisor.qemu]\n\nenable_annotations = [\"a(\"]\n"), -1);
	assert_contains(t.err.text,
			"configuration '/c.toml': line 3: 'enable_annotations' has 'a('");
}

/* ---- files ---- */

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test-config-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int remove_dir(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	return dir_remove(dir, &err);
}

static char *put(const char *name, const char *text)
{
	struct err err = ERR_INIT;
	char *path = xasprintf("%s/%s", dir, name);
	scoped_free char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	assert_int_equal(dir_make(parent, 0700, &err), 0);
	assert_int_equal(file_replace(path, text, strlen(text), 0600, &err), 0);
	return path;
}

static void drop_ins_override_only_what_they_contain_in_name_order(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;
	scoped_free char *path =
		put("configuration.toml",
		    "[hypervisor.qemu]\ndefault_memory = 300\n"
		    "default_maxvcpus = 3\nmemory_slots = 4\nconfidential_guest = true\n");
	scoped_free char *b = put("config.d/20-b", "[hypervisor.qemu]\ndefault_memory = 502\n");
	scoped_free char *a =
		put("config.d/10-a", "[hypervisor.qemu]\ndefault_memory = 501\nmemory_slots = 5\n"
				     "confidential_guest = false\n");
	scoped_free char *hidden = put("config.d/.30-c.swp", "not toml");
	scoped_free char *lock = xasprintf("%s/config.d/#lock", dir);

	(void)state;
	assert_int_equal(symlink("nowhere", lock), 0);
	if (config_load(t.config, path, &t.warnings, &t.err) < 0)
		fail_msg("%s", t.err.text);
	assert_int_equal(t.config->hypervisor.default_memory, 502);
	assert_int_equal(t.config->hypervisor.memory_slots, 5);
	assert_int_equal(t.config->hypervisor.default_maxvcpus, 3);
	assert_null(t.warnings);
}

static void a_link_is_resolved_and_config_d_is_looked_for_beside_the_file(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;
	scoped_free char *path = put("real/configuration-qemu.toml", "");
	scoped_free char *dropin = put("real/config.d/x", "[runtime]\nenable_debug = true\n");
	scoped_free char *link = xasprintf("%s/configuration.toml", dir);

	(void)state;
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(config_load(t.config, link, &t.warnings, &t.err), 0);
	assert_true(t.config->runtime.enable_debug);
	assert_string_equal(t.config->path, path);
}

static void a_problem_in_a_drop_in_names_the_drop_in(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;
	scoped_free char *path = put("configuration.toml", "");
	scoped_free char *dropin = put("config.d/x", "\n[runtime]\nenable_debug = 1\n");
	scoped_free char *why = xasprintf(
		"read configuration '%s/config.d/x': line 3: 'enable_debug' wants true or false",
		dir);

	(void)state;
	assert_int_equal(config_load(t.config, path, &t.warnings, &t.err), -1);
	assert_string_equal(t.err.text, why);
}

static void what_is_no_file_is_refused_without_waiting(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;
	scoped_free char *fifo = xasprintf("%s/fifo", dir);

	(void)state;
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(config_load(t.config, fifo, &t.warnings, &t.err), -1);
	assert_contains(t.err.text, "not a regular file");
	assert_int_equal(config_load(t.config, dir, &t.warnings, &t.err), -1);
	assert_int_equal(config_load(t.config, "/nonexistent/x", &t.warnings, &t.err), -1);
	assert_int_equal(t.err.code, ERR_NOT_FOUND);
}

static void the_first_given_file_is_taken(void **state)
{
	scoped_free char *a = put("a", "");
	scoped_free char *b = put("b", "");
	scoped_free char *found = NULL;
	struct config_find find = { .option = "", .env = a, .cli = b };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(config_find_file(&find, &found, &err), 0);
	assert_string_equal(found, a);
	find = (struct config_find){ .cli = "/nonexistent" };
	free(take_ptr(&found));
	assert_int_equal(config_find_file(&find, &found, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_string_equal(err.text, "Cannot find usable config file (/nonexistent)");
}

/* A pod that could name any file could name any program. */
static void an_annotation_cannot_name_a_file_of_its_own(void **state)
{
	scoped_free char *mine = put("configuration.toml", "");
	scoped_free char *found = NULL;
	scoped_free char *sly = xasprintf("/etc/kata-containers/../..%s", mine);
	struct config_find find = { .annotation = mine };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(config_find_file(&find, &found, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	find.annotation = sly;
	assert_int_equal(config_find_file(&find, &found, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_read),
		cmocka_unit_test(a_whole_number_is_a_number_too),
		cmocka_unit_test(a_number_over_the_top_is_clamped_where_kata_does),
		cmocka_unit_test(a_wrong_type_names_file_line_and_key),
		cmocka_unit_test(out_of_range_and_outside_the_set_say_what_is_allowed),
		cmocka_unit_test(an_unknown_key_or_section_is_a_warning),
		cmocka_unit_test(another_hypervisor_is_named_in_the_error),
		cmocka_unit_test(what_is_not_toml_says_where),
		cmocka_unit_test(a_huge_or_deep_text_is_refused),
		cmocka_unit_test(a_key_that_does_nothing_is_reported_when_it_is_set),
		cmocka_unit_test(a_key_that_does_nothing_may_be_at_its_default),
		cmocka_unit_test(unsafe_silence_is_an_error),
		cmocka_unit_test(warnings_are_bounded),
		cmocka_unit_test(a_wrong_expression_in_enable_annotations_is_found_at_once),
		IN_DIR(drop_ins_override_only_what_they_contain_in_name_order),
		IN_DIR(a_link_is_resolved_and_config_d_is_looked_for_beside_the_file),
		IN_DIR(a_problem_in_a_drop_in_names_the_drop_in),
		IN_DIR(what_is_no_file_is_refused_without_waiting),
		IN_DIR(the_first_given_file_is_taken),
		IN_DIR(an_annotation_cannot_name_a_file_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
