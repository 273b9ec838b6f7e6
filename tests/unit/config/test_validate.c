/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_validate.c - the rules between keys, against a machine of 4 CPUs and 8 GiB
 */
#include <sys/stat.h>

#include "config_test.h"
#include "engine/config/sha512.h"
#include "lib/base/fs.h"

#define HYPERVISOR "io.katacontainers.config.hypervisor."

static const struct config_facts machine = {
	.host_cpus = 4,
	.host_memory_mib = 8192,
	.vmm_max_cpus = 255,
};

static char dir[64];

static char *put(const char *name, size_t len, mode_t mode)
{
	struct err err = ERR_INIT;
	char *path = xasprintf("%s/%s", dir, name);
	scoped_free char *data = xcalloc(1, len + 1);

	memset(data, 'x', len);
	assert_int_equal(file_replace(path, data, len, mode, &err), 0);
	return path;
}

static int make_dir(void **state)
{
	static const char *const files[] = { "qemu",   "kernel",    "image",
					     "initrd", "virtiofsd", "other" };

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test-config-XXXXXX");
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		free(put(files[i], 1, 0755));
	return 0;
}

static int remove_dir(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	return dir_remove(dir, &err);
}

/* A file whose "%s" are the directory, in place of what is good already. */
static void good(struct trial *t)
{
	scoped_free char *text =
		xasprintf("[hypervisor.qemu]\n"
			  "path = \"%s/qemu\"\nkernel = \"%s/kernel\"\n"
			  "initrd = \"%s/initrd\"\nvirtio_fs_daemon = \"%s/virtiofsd\"\n"
			  "enable_annotations = [\".*\"]\n",
			  dir, dir, dir, dir);

	assert_int_equal(load(t, text), 0);
}

/* Over good(): "hypervisor.qemu" and so on, then one line. "DIR" in it is the directory. */
static void also(struct trial *t, const char *section, const char *line)
{
	const char *at = strstr(line, "DIR");
	scoped_free char *text =
		at ? xasprintf("[%s]\n%.*s%s%s\n", section, (int)(at - line), line, dir, at + 3)
		   : xasprintf("[%s]\n%s\n", section, line);

	if (load(t, text) < 0)
		fail_msg("%s", t->err.text);
}

static int validate(struct trial *t)
{
	return config_validate(t->config, &machine, &t->warnings, &t->err);
}

static void a_good_file_passes_and_numbers_become_effective(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	good(&t);
	if (validate(&t) < 0)
		fail_msg("%s", t.err.text);
	assert_null(t.warnings);
	assert_true(t.config->hypervisor.default_vcpus == 1);
	assert_int_equal(t.config->hypervisor.default_maxvcpus, 4);
	assert_int_equal(t.config->hypervisor.default_maxmemory, 8192);
	assert_string_equal(t.config->runtime.internetworking_model, "tcfilter");
}

static void numbers_of_a_file_are_made_to_fit(void **state)
{
	static const struct {
		const char *line;
		double vcpus;
		unsigned int max_vcpus, memory, max_memory, slots;
	} rows[] = {
		{ "default_vcpus = 0", 1, 4, 2048, 8192, 10 },
		{ "default_vcpus = -1", 4, 4, 2048, 8192, 10 },
		{ "default_vcpus = 2.5", 2.5, 4, 2048, 8192, 10 },
		{ "default_vcpus = 64", 4, 4, 2048, 8192, 10 },
		{ "default_maxvcpus = 2", 1, 2, 2048, 8192, 10 },
		{ "default_maxvcpus = 64", 1, 4, 2048, 8192, 10 },
		{ "default_vcpus = 2.5\ndefault_maxvcpus = 2", 2.5, 3, 2048, 8192, 10 },
		{ "default_memory = 255", 1, 4, 2048, 8192, 10 },
		{ "default_memory = 256", 1, 4, 256, 8192, 10 },
		{ "default_memory = 9000", 1, 4, 9000, 9000, 10 },
		{ "default_maxmemory = 4096", 1, 4, 2048, 4096, 10 },
		{ "default_maxmemory = 1024", 1, 4, 2048, 2048, 10 },
		{ "default_maxmemory = 99999", 1, 4, 2048, 8192, 10 },
		{ "memory_slots = 0", 1, 4, 2048, 8192, 10 },
		{ "memory_slots = 3", 1, 4, 2048, 8192, 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped_trial struct trial t = TRIAL_INIT;
		const struct config_hypervisor *h = &t.config->hypervisor;

		good(&t);
		also(&t, "hypervisor.qemu", rows[i].line);
		if (validate(&t) < 0)
			fail_msg("%s: %s", rows[i].line, t.err.text);
		assert_true(h->default_vcpus == rows[i].vcpus);
		assert_int_equal(h->default_maxvcpus, rows[i].max_vcpus);
		assert_int_equal(h->default_memory, rows[i].memory);
		assert_int_equal(h->default_maxmemory, rows[i].max_memory);
		assert_int_equal(h->memory_slots, rows[i].slots);
	}
}

/* What a file may say loosely, a pod may not. */
static void numbers_of_an_annotation_must_fit(void **state)
{
	static const struct {
		const char *name, *value, *why; /* NULL: good */
	} rows[] = {
		{ "default_vcpus", "4", NULL },
		{ "default_vcpus", "5", "5 vCPUs are more than the host's 4 CPUs" },
		{ "default_vcpus", "4.5", "4.5 vCPUs are more than the host's 4 CPUs" },
		{ "default_max_vcpus", "4", NULL },
		{ "default_max_vcpus", "5", "5 vCPUs are more than the 4 that a VM can have here" },
		{ "default_memory", "256", NULL },
		{ "default_memory", "255", "255 MiB are less than the 256 that a VM needs" },
		{ "default_memory", "0", "a VM without memory cannot be" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped_trial struct trial t = TRIAL_INIT;
		scoped_free char *name = xasprintf(HYPERVISOR "%s", rows[i].name);

		good(&t);
		assert_int_equal(annotate(&t, name, rows[i].value), 0);
		assert_int_equal(validate(&t), rows[i].why ? -1 : 0);
		if (!rows[i].why)
			continue;
		assert_contains(t.err.text, name);
		assert_contains(t.err.text, rows[i].why);
	}
}

static void a_broken_rule_names_line_key_and_reason(void **state)
{
	static const struct {
		const char *section, *line, *why;
	} rows[] = {
		{ "hypervisor.qemu", "default_memory = 0",
		  "configuration '/c.toml': line 2: 'default_memory': a VM without memory cannot be" },
		{ "hypervisor.qemu", "image = \"DIR/image\"",
		  "Image and initrd path cannot be both set" },
		{ "hypervisor.qemu", "initrd = \"\"",
		  "image or initrd must be defined in the configuration file" },
		{ "hypervisor.qemu", "kernel = \"DIR/none\"", "line 2: 'kernel': find '" },
		{ "hypervisor.qemu", "kernel = \"\"", "line 2: 'kernel': it must be set" },
		{ "hypervisor.qemu", "kernel = \"DIR\"", "is not a regular file" },
		{ "hypervisor.qemu", "kernel = \"/dev/null\"", "is not a regular file" },
		{ "hypervisor.qemu", "path = \"DIR/plain\"", "'path': execute '" },
		{ "hypervisor.qemu", "path = \"\"", "'path': it must be set" },
		{ "hypervisor.qemu", "initrd = \"DIR/empty\"", "is empty" },
		{ "hypervisor.qemu", "initrd = \"\"\nimage = \"DIR/empty\"", "is empty" },
		{ "hypervisor.qemu", "firmware = \"DIR/none\"", "'firmware': find '" },
		{ "hypervisor.qemu", "pflashes = [\"DIR/none\"]", "'pflashes': find '" },
		{ "hypervisor.qemu", "virtio_fs_daemon = \"\"",
		  "'virtio_fs_daemon': shared_fs 'virtio-fs' needs the path of virtiofsd" },
		{ "hypervisor.qemu", "virtio_fs_daemon = \"DIR/none\"",
		  "'virtio_fs_daemon': find '" },
		{ "hypervisor.qemu", "virtio_fs_queue_size = 1000", "1000 is no power of two" },
		{ "hypervisor.qemu", "entropy_source = \"DIR/none\"", "'entropy_source': find '" },
		{ "hypervisor.qemu", "default_memory = 256\ninitrd = \"DIR/huge\"",
		  "is larger than default_memory, 256 MiB" },
		{ "hypervisor.qemu", "block_device_logical_sector_size = 256",
		  "256 is no power of two" },
		{ "hypervisor.qemu", "block_device_physical_sector_size = 1000",
		  "1000 is no power of two" },
		{ "hypervisor.qemu",
		  "block_device_logical_sector_size = 4096\nblock_device_physical_sector_size = 512",
		  "the logical sector size 4096 is over the physical 512" },
		{ "hypervisor.qemu",
		  "hot_plug_vfio = \"root-port\"\ncold_plug_vfio = \"root-port\"",
		  "'hot_plug_vfio' and 'cold_plug_vfio' cannot both be set" },
		{ "hypervisor.qemu", "enable_numa = true\nnuma_mapping = [\"0\", \"1\"]",
		  "more than one node needs static_sandbox_resource_mgmt" },
		{ "runtime", "disable_new_netns = true",
		  "'disable_new_netns': it needs internetworking_model 'none', and not 'tcfilter'" },
		{ "runtime", "experimental = [\"newthing\"]",
		  "Unsupported experimental feature 'newthing'" },
		{ "runtime", "sandbox_bind_mounts = [\"DIR/none\"]",
		  "'sandbox_bind_mounts': find '" },
		{ "runtime", "sandbox_bind_mounts = [\"/tmp\", \"DIR/sub/tmp\"]",
		  "would have the same name in the guest" },
	};

	(void)state;
	free(put("empty", 0, 0644));
	free(put("plain", 1, 0644));
	{
		scoped_free char *huge = put("huge", 1, 0644);
		scoped_free char *sub = xasprintf("%s/sub/tmp", dir);
		struct err err = ERR_INIT;

		assert_int_equal(truncate(huge, 256 << 20), 0);
		assert_int_equal(dir_make(sub, 0755, &err), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped_trial struct trial t = TRIAL_INIT;

		good(&t);
		also(&t, rows[i].section, rows[i].line);
		if (validate(&t) == 0)
			fail_msg("passed: %s", rows[i].line);
		assert_contains(t.err.text, rows[i].why);
	}
}

static void pairs_that_are_fine_pass(void **state)
{
	static const struct {
		const char *section, *line;
	} rows[] = {
		{ "hypervisor.qemu", "initrd = \"\"\nimage = \"DIR/image\"" },
		{ "hypervisor.qemu", "shared_fs = \"virtio-9p\"\nvirtio_fs_daemon = \"\"" },
		{ "hypervisor.qemu",
		  "block_device_logical_sector_size = 512\nblock_device_physical_sector_size = 4096" },
		{ "hypervisor.qemu", "block_device_logical_sector_size = 4096" },
		{ "hypervisor.qemu", "entropy_source = \"\"" },
		{ "runtime", "disable_new_netns = true\ninternetworking_model = \"none\"" },
		{ "runtime", "sandbox_bind_mounts = [\"/tmp\", \"DIR/other\"]" },
		{ "runtime", "static_sandbox_resource_mgmt = true" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped_trial struct trial t = TRIAL_INIT;

		good(&t);
		also(&t, rows[i].section, rows[i].line);
		if (validate(&t) < 0)
			fail_msg("%s: %s", rows[i].line, t.err.text);
	}
}

static void a_template_needs_an_initrd(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	good(&t);
	also(&t, "hypervisor.qemu", "initrd = \"\"\nimage = \"DIR/image\"");
	also(&t, "factory", "enable_template = true");
	assert_int_equal(validate(&t), -1);
	assert_contains(t.err.text, "Factory option enable_template requires an initrd image");
}

static void a_large_image_is_a_warning(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;
	scoped_free char *huge = put("huge", 1, 0644);

	(void)state;
	assert_int_equal(truncate(huge, 256 << 20), 0);
	good(&t);
	also(&t, "hypervisor.qemu", "default_memory = 256\ninitrd = \"\"\nimage = \"DIR/huge\"");
	assert_int_equal(validate(&t), 0);
	assert_int_equal(strv_len(t.warnings), 1);
	assert_contains(t.warnings[0], "is larger than default_memory, 256 MiB");
}

static void links_are_resolved(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;
	scoped_free char *link = xasprintf("%s/link", dir);
	scoped_free char *target = xasprintf("%s/kernel", dir);

	(void)state;
	assert_int_equal(symlink("kernel", link), 0);
	good(&t);
	also(&t, "hypervisor.qemu", "kernel = \"DIR/link\"");
	assert_int_equal(validate(&t), 0);
	assert_string_equal(t.config->hypervisor.kernel, target);
}

/* sha512sum of the one byte "x" */
#define X_SHA512                                                           \
	"a4abd4448c49562d828115d13a1fccea927f52b4d5459297f8b43e42da89238b" \
	"c13626e43dcb38ddb082488927ec904fb42057443983e88585179d50551afe62"

static void a_hash_from_an_annotation_is_checked(void **state)
{
	static const char *const names[] = { "kernel_hash", "initrd_hash", "hypervisor_hash" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		scoped_trial struct trial right = TRIAL_INIT, wrong = TRIAL_INIT;
		scoped_free char *name = xasprintf(HYPERVISOR "%s", names[i]);
		scoped_free char *hash = xstrdup(X_SHA512);

		good(&right);
		assert_int_equal(annotate(&right, name, hash), 0);
		if (validate(&right) < 0)
			fail_msg("%s", right.err.text);
		hash[127] ^= 1;
		good(&wrong);
		assert_int_equal(annotate(&wrong, name, hash), 0);
		assert_int_equal(validate(&wrong), -1);
		assert_int_equal(wrong.err.code, ERR_DENIED);
		assert_contains(wrong.err.text, "has not the sha512 that was asked for");
	}
}

/* A check that was asked for must not be lost because its file is not used. */
static void a_hash_of_a_file_that_is_not_set_fails(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	good(&t);
	assert_int_equal(annotate(&t, HYPERVISOR "image_hash", X_SHA512), 0);
	assert_int_equal(validate(&t), -1);
	assert_contains(t.err.text, "'image_hash' is given and 'image' is not");
}

static void the_hash_is_that_of_the_standard(void **state)
{
	scoped_free char *path = put("x", 1, 0644);
	char hex[SHA512_HEX_MAX];
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(sha512_of_file(path, hex, &err), 0);
	assert_string_equal(hex, X_SHA512);
	assert_int_equal(sha512_of_file("/nonexistent", hex, &err), -1);
}

static void this_machine_has_cpus_and_memory(void **state)
{
	struct config_facts facts;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(config_facts_read(&facts, &err), 0);
	assert_true(facts.host_cpus >= 1);
	assert_true(facts.host_memory_mib >= 64);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(a_good_file_passes_and_numbers_become_effective),
		IN_DIR(numbers_of_a_file_are_made_to_fit),
		IN_DIR(numbers_of_an_annotation_must_fit),
		IN_DIR(a_broken_rule_names_line_key_and_reason),
		IN_DIR(pairs_that_are_fine_pass),
		IN_DIR(a_template_needs_an_initrd),
		IN_DIR(a_large_image_is_a_warning),
		IN_DIR(links_are_resolved),
		IN_DIR(a_hash_from_an_annotation_is_checked),
		IN_DIR(a_hash_of_a_file_that_is_not_set_fails),
		IN_DIR(the_hash_is_that_of_the_standard),
		cmocka_unit_test(this_machine_has_cpus_and_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
