/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_annotations.c - what a pod may change, and what it may not
 */
#include "config_test.h"
#include "engine/config/keys.h"
#include "engine/config/origin.h"
#include "lib/base/str.h"

#define HYPERVISOR "io.katacontainers.config.hypervisor."
#define RUNTIME    "io.katacontainers.config.runtime."
#define AGENT      "io.katacontainers.config.agent."

/* The whole list of what anybody may set. A change of it is a decision about security. */
static const char *const open_to_everybody[] = {
	AGENT "container_pipe_size",
	AGENT "enable_tracing",
	AGENT "kernel_modules",
	AGENT "policy",
	AGENT "trace_mode",
	AGENT "trace_type",
	RUNTIME "create_container_timeout",
	RUNTIME "experimental_force_guest_pull",
	RUNTIME "guest_selinux_label",
	RUNTIME "internetworking_model",
	RUNTIME "vfio_mode",
	"io.katacontainers.asset_hash_type",
};

/* What is refused even when everything is enabled. */
static const char *const programs[] = {
	HYPERVISOR "path",
	HYPERVISOR "virtio_fs_daemon",
	HYPERVISOR "jailer_path",
	HYPERVISOR "ctlpath",
};

static bool is_in(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

/* A value that the key takes, so that only the permission decides. */
static void good_value(const struct config_key *key, char buf[static 200])
{
	char hash[129];

	memset(hash, 'a', 128);
	hash[128] = '\0';
	switch (key->type) {
	case CONFIG_BOOL:
	case CONFIG_TRISTATE:
		snprintf(buf, 200, "%s", key->def && strcmp(key->def, "true") == 0 ? "true" : "0");
		return;
	case CONFIG_UINT:
		snprintf(buf, 200, "%s", key->def ? key->def : "1");
		return;
	case CONFIG_FLOAT:
		snprintf(buf, 200, "1.5");
		return;
	case CONFIG_LIST:
		snprintf(buf, 200, "%s", key->separator ? "word" : "[\"--announce-submounts\"]");
		return;
	case CONFIG_STRING:
		break;
	}
	if (key->valid)
		snprintf(buf, 200, "/dev/null");
	else if (key->choices)
		snprintf(buf, 200, "%s", key->def ? key->def : "");
	else if (key->text == TEXT_HASH)
		snprintf(buf, 200, "%s", hash);
	else
		snprintf(buf, 200, "%s", key->text == TEXT_PATH ? "/dev/null" : "nmi=on");
}

static void nothing_is_honoured_by_default_but_the_list(void **state)
{
	char name[CONFIG_ANNOTATION_NAME_MAX];
	char value[200];
	size_t n_open = 0;

	(void)state;
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];
		scoped_trial struct trial t = TRIAL_INIT;
		int r;

		if (config_key_annotation(key, name)[0] == '\0')
			continue;
		good_value(key, value);
		r = annotate(&t, name, value);
		if (is_in(open_to_everybody, ARRAY_LEN(open_to_everybody), name)) {
			n_open++;
			if (r < 0 && t.err.code != ERR_UNIMPLEMENTED)
				fail_msg("%s", t.err.text);
			continue;
		}
		assert_int_equal(r, -1);
		assert_int_equal(t.err.code, ERR_DENIED);
		assert_contains(t.err.text, name);
		assert_null(origin_get(t.config, key));
	}
	assert_int_equal(n_open, ARRAY_LEN(open_to_everybody));
}

static void everything_is_honoured_when_enabled_but_programs(void **state)
{
	char name[CONFIG_ANNOTATION_NAME_MAX];
	char value[200];

	(void)state;
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];
		scoped_trial struct trial t = TRIAL_INIT;
		int r;

		if (config_key_annotation(key, name)[0] == '\0')
			continue;
		assert_int_equal(load(&t, "[hypervisor.qemu]\nenable_annotations = [\".*\"]\n"
					  "valid_entropy_sources = [\"/dev/nul[l]\"]\n"
					  "valid_file_mem_backends = [\"/dev/*\"]\n"
					  "valid_vhost_user_store_paths = [\"/dev/null\"]\n"
					  "valid_hypervisor_paths = [\"*\"]\n"),
				 0);
		good_value(key, value);
		r = annotate(&t, name, value);
		if (is_in(programs, ARRAY_LEN(programs), name)) {
			assert_int_equal(r, -1);
			assert_int_equal(t.err.code, ERR_DENIED);
			assert_contains(t.err.text, "names a program");
		} else if (r < 0 && t.err.code != ERR_UNIMPLEMENTED) {
			fail_msg("%s = %s: %s", name, value, t.err.text);
		} else {
			assert_contains(origin_get(t.config, key), name);
		}
	}
}

/* CVE-2020-27151: an annotation named the programs that run as root on the host. */
static void cve_2020_27151_no_program_from_an_annotation(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		scoped_trial struct trial t = TRIAL_INIT;

		assert_int_equal(
			load(&t,
			     "[hypervisor.qemu]\nenable_annotations = [\".*\"]\n"
			     "valid_hypervisor_paths = [\"/bin/*\"]\n"
			     "valid_virtio_fs_daemon_paths = [\"/bin/*\"]\n"
			     "valid_jailer_paths = [\"/bin/*\"]\nvalid_ctlpaths = [\"/bin/*\"]\n"),
			0);
		assert_int_equal(annotate(&t, programs[i], "/bin/sh"), -1);
		assert_int_equal(t.err.code, ERR_DENIED);
		assert_string_equal(t.config->hypervisor.path, "/usr/bin/qemu-system-x86_64");
	}
}

/* GHSA-rr59-xxvx-96qr: arguments for virtiofsd gave the host's root to the guest. */
static void ghsa_rr59_virtiofsd_arguments_cannot_change_what_is_shared(void **state)
{
	static const char *const bad[] = {
		"[\"-o\", \"source=/\"]",
		"[\"--shared-dir=/\"]",
		"[\"--shared-dir\", \"/\"]",
		"[\"--sandbox=none\"]",
		"[\"--seccomp=none\"]",
		"[\"-o\", \"sandbox=none\"]",
		"[\"-o\", \"announce_submounts,source=/\"]",
		"[\"-o\"]",
		"[\"--announce-submounts\", \"-o\"]",
		"[\"announce_submounts\"]",
		"[\"--modcaps=+sys_admin\"]",
		"[\"--socket-path=/x\"]",
		"[\"--fd=4\"]",
		"[\"--thread-pool-size=1 --shared-dir=/\"]",
		"[\"--thread-pool-size=1\\n--shared-dir=/\"]",
		"[\"--xattrmap=:map::user.:\"]",
		"[\"--uid-map=:0:0:1:\"]",
		"[\"\"]",
		"--announce-submounts",
		"[1]",
		"[[\"--announce-submounts\"]]",
		"{\"a\": \"b\"}",
		"[\"--announce-submounts\"] x",
		"[\"--announce-submounts\\u0000x\"]",
	};
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	assert_int_equal(annotate(&t, HYPERVISOR "virtio_fs_extra_args", "[]"), -1);
	assert_int_equal(t.err.code, ERR_DENIED);
	assert_int_equal(
		load(&t, "[hypervisor.qemu]\nenable_annotations = [\"virtio_fs_extra_args\"]\n"),
		0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (annotate(&t, HYPERVISOR "virtio_fs_extra_args", bad[i]) == 0)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(t.err.code, ERR_INVALID);
		assert_null(t.config->hypervisor.virtio_fs_extra_args[0]);
	}
	assert_int_equal(annotate(&t, HYPERVISOR "virtio_fs_extra_args",
				  "[\"--thread-pool-size=4\", \"-o\", \"announce_submounts\"]"),
			 0);
	assert_int_equal(strv_len(t.config->hypervisor.virtio_fs_extra_args), 3);
}

static void kernel_parameters_are_added_when_enabled_and_plain(void **state)
{
	static const char *const bad[] = { "a\nb", "a\tb",     "a\rb",   "a=\"b",
					   "\x7f", "\xc3\xa9", "\x1b[2J" };
	scoped_trial struct trial t = TRIAL_INIT;
	scoped_free char *huge = xcalloc(1, 2050);

	(void)state;
	assert_int_equal(annotate(&t, HYPERVISOR "kernel_params", "quiet"), -1);
	assert_int_equal(t.err.code, ERR_DENIED);
	assert_string_equal(t.err.text, "annotation '" HYPERVISOR "kernel_params' is not enabled");
	assert_int_equal(load(&t, "[hypervisor.qemu]\nkernel_params = \"a=1\"\n"
				  "enable_annotations = [\"kernel_params\"]\n"),
			 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(annotate(&t, HYPERVISOR "kernel_params", bad[i]), -1);
	memset(huge, 'a', 2049);
	assert_int_equal(annotate(&t, HYPERVISOR "kernel_params", huge), -1);
	assert_int_equal(annotate(&t, HYPERVISOR "kernel_params", "b=\"c d\" e"), 0);
	assert_string_equal(t.config->hypervisor.kernel_params, "a=1 b=\"c d\" e");
	assert_int_equal(annotate(&t, HYPERVISOR "kernel", "/k"), -1);
	assert_int_equal(t.err.code, ERR_DENIED);
}

static void machine_switches_cannot_name_files(void **state)
{
	static const char *const bad[] = {
		"dumpdtb=x", "firmware=/etc/shadow", "usb=off,,kernel=/x", "memory-backend=x",
		"usb",       "usb=off,dtb=on.dtb"
	};
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	assert_int_equal(
		load(&t, "[hypervisor.qemu]\nenable_annotations = [\"machine\", \"cpu\"]\n"), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (annotate(&t, HYPERVISOR "machine_accelerators", bad[i]) == 0)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(annotate(&t, HYPERVISOR "machine_accelerators", "usb=off,cap-cfpc=broken"),
			 0);
	assert_int_equal(annotate(&t, HYPERVISOR "cpu_features", "pmu=off,+avx,-vmx"), 0);
	assert_int_equal(annotate(&t, HYPERVISOR "cpu_features", "pmu=off -device x"), -1);
}

static void an_expression_is_found_anywhere_in_the_name(void **state)
{
	static const struct {
		const char *enabled, *name, *value;
		bool allowed;
	} rows[] = {
		{ "default_vcpus", "default_vcpus", "1", true },
		{ "vcpus", "default_vcpus", "1", true },
		{ "^vcpus", "default_vcpus", "1", false },
		{ "^default_(vcpus|memory)$", "default_memory", "512", true },
		{ "enable_iommu", "enable_debug", "1", false },
		{ "default_maxvcpus", "default_max_vcpus", "1", false },
		{ "default_max_vcpus", "default_max_vcpus", "1", true },
		{ "", "default_vcpus", "1", true }, /* as Kata: matches everything */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped_trial struct trial t = TRIAL_INIT;
		scoped_free char *text = xasprintf(
			"[hypervisor.qemu]\nenable_annotations = [\"%s\"]\n", rows[i].enabled);
		scoped_free char *name = xasprintf(HYPERVISOR "%s", rows[i].name);

		assert_int_equal(load(&t, text), 0);
		assert_int_equal(annotate(&t, name, rows[i].value), rows[i].allowed ? 0 : -1);
	}
}

static void values_are_parsed_as_kata_does(void **state)
{
	static const struct {
		const char *name, *value;
		bool good;
	} rows[] = {
		{ HYPERVISOR "enable_hugepages", "1", true },
		{ HYPERVISOR "enable_hugepages", "t", true },
		{ HYPERVISOR "enable_hugepages", "TRUE", true },
		{ HYPERVISOR "enable_hugepages", "False", true },
		{ HYPERVISOR "enable_hugepages", "yes", false },
		{ HYPERVISOR "enable_hugepages", "tRUE", false },
		{ HYPERVISOR "enable_hugepages", "", false },
		{ HYPERVISOR "enable_hugepages", "1,t", false },
		{ HYPERVISOR "memory_slots", "20", true },
		{ HYPERVISOR "memory_slots", "007", true },
		{ HYPERVISOR "memory_slots", "-1", false },
		{ HYPERVISOR "memory_slots", "+1", false },
		{ HYPERVISOR "memory_slots", "0x10", false },
		{ HYPERVISOR "memory_slots", " 1", false },
		{ HYPERVISOR "memory_slots", "1 ", false },
		{ HYPERVISOR "memory_slots", "1.0", false },
		{ HYPERVISOR "memory_slots", "", false },
		{ HYPERVISOR "memory_slots", "99999999999999999999", false },
		{ HYPERVISOR "default_memory", "4294967296", false },
		{ HYPERVISOR "indep_iothreads", "49", true },
		{ HYPERVISOR "indep_iothreads", "50", false },
		{ HYPERVISOR "default_vcpus", "2", true },
		{ HYPERVISOR "default_vcpus", "0.5", true },
		{ HYPERVISOR "default_vcpus", "1.", true },
		{ HYPERVISOR "default_vcpus", ".5", false },
		{ HYPERVISOR "default_vcpus", "-1", false },
		{ HYPERVISOR "default_vcpus", "1e3", false },
		{ HYPERVISOR "default_vcpus", "1.2.3", false },
		{ HYPERVISOR "default_vcpus", "nan", false },
		{ HYPERVISOR "default_vcpus", "1111111111111111111111111", false },
		{ HYPERVISOR "kernel", "/boot/vmlinux", true },
		{ HYPERVISOR "kernel", "boot/vmlinux", false },
		{ HYPERVISOR "kernel", "/boot/../etc/x", false },
		{ HYPERVISOR "kernel", "/boot/..", false },
		{ HYPERVISOR "kernel", "", false },
		{ HYPERVISOR "kernel", "/a\nb", false },
		{ HYPERVISOR "machine_type", "pc", true },
		{ HYPERVISOR "machine_type", "none", false },
		{ HYPERVISOR "kernel_hash", "abc", false },
		{ HYPERVISOR "numa_mapping", "[\"0\", \"1-2\"]", true },
		{ HYPERVISOR "numa_mapping", "0,1", false },
		{ RUNTIME "use_vsock", "auto", true },
		{ RUNTIME "use_vsock", "0", true },
		{ RUNTIME "use_vsock", "maybe", false },
		{ RUNTIME "create_container_timeout", "0", false },
		{ RUNTIME "create_container_timeout", "3600", true },
		{ RUNTIME "create_container_timeout", "3601", false },
		{ RUNTIME "internetworking_model", "bridged", false },
		{ AGENT "container_pipe_size", "65536", true },
		{ AGENT "container_pipe_size", "4294967295", false },
		{ "io.katacontainers.asset_hash_type", "sha512", true },
		{ "io.katacontainers.asset_hash_type", "md5", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped_trial struct trial t = TRIAL_INIT;
		int r;

		assert_int_equal(load(&t, "[hypervisor.qemu]\nenable_annotations = [\".\"]\n"), 0);
		r = annotate(&t, rows[i].name, rows[i].value);
		if ((r == 0) != rows[i].good)
			fail_msg("%s = '%s': %s", rows[i].name, rows[i].value, t.err.text);
		if (r < 0)
			assert_contains(t.err.text, rows[i].name);
	}
}

static void modules_are_separated_by_semicolons(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	assert_int_equal(annotate(&t, AGENT "kernel_modules",
				  "e1000e InterruptThrottleRate=3000 EEE=1; i915 ;"),
			 0);
	assert_int_equal(strv_len(t.config->agent.kernel_modules), 2);
	assert_string_equal(t.config->agent.kernel_modules[0],
			    "e1000e InterruptThrottleRate=3000 EEE=1");
	assert_string_equal(t.config->agent.kernel_modules[1], "i915");
	assert_int_equal(annotate(&t, AGENT "kernel_modules", "../../evil"), -1);
	assert_int_equal(annotate(&t, AGENT "kernel_modules", "-r"), -1);
}

static void a_list_is_bounded(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;
	struct str text = { 0 };
	scoped_free char *huge = xcalloc(1, CONFIG_ANNOTATION_MAX + 2);

	(void)state;
	for (int i = 0; i < 65; i++)
		str_add(&text, "x;");
	assert_int_equal(annotate(&t, AGENT "kernel_modules", str_get(&text)), -1);
	assert_int_equal(t.err.code, ERR_EXHAUSTED);
	str_done(&text);
	memset(huge, 'a', CONFIG_ANNOTATION_MAX + 1);
	assert_int_equal(annotate(&t, AGENT "kernel_modules", huge), -1);
	assert_int_equal(t.err.code, ERR_EXHAUSTED);
}

static void a_value_with_globs_must_be_a_file_that_they_find(void **state)
{
	static const struct {
		const char *value;
		bool good;
	} rows[] = {
		{ "/dev/urandom", true },
		{ "/dev/random", true },
		{ "", true },
		{ "/dev/null", false },
		{ "/dev/ur*", false },
		{ "/dev/../dev/urandom", false },
		{ "/dev/urandom2", false },
		{ "urandom", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped_trial struct trial t = TRIAL_INIT;
		int r;

		assert_int_equal(
			load(&t,
			     "[hypervisor.qemu]\nenable_annotations = [\"entropy\"]\n"
			     "valid_entropy_sources = [\"/dev/u*\", \"/dev/random\", \"/dev/urandom2\", \"\"]\n"),
			0);
		r = annotate(&t, HYPERVISOR "entropy_source", rows[i].value);
		if ((r == 0) != rows[i].good)
			fail_msg("'%s'", rows[i].value);
	}
}

static void the_pods_initrd_replaces_the_files_image(void **state)
{
	static const char *const file =
		"[hypervisor.qemu]\nenable_annotations = [\"i.*\"]\nimage = \"/i\"\n";
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	assert_int_equal(load(&t, file), 0);
	assert_int_equal(annotate(&t, HYPERVISOR "initrd", "/pod"), 0);
	assert_string_equal(t.config->hypervisor.image, "");
	assert_string_equal(t.config->hypervisor.initrd, "/pod");
}

static void annotations_of_others_are_passed_over(void **state)
{
	static const char *const names[] = {
		"io.kubernetes.cri.sandbox-id",
		"",
		"x",
		"io.katacontainers.config",
		"io.katacontainers.pkg.oci.bundle_path",
		"io.katacontainers.container.resource.swappiness",
		"io.katacontainers.config_path",
		"io.katacontainers.config.image.provision",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		scoped_trial struct trial t = TRIAL_INIT;

		assert_int_equal(annotate(&t, names[i], "\n\xff"), 0);
		assert_null(t.warnings);
	}
}

static void an_unknown_one_of_ours_is_told(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	assert_int_equal(annotate(&t, RUNTIME "new\x1b[2Jthing", "1"), 0);
	assert_one_warning(&t, "unknown annotation '" RUNTIME "new?[2Jthing'");
	assert_int_equal(annotate(&t, HYPERVISOR "scsi_scan_mod", "1"), -1);
	assert_string_equal(t.err.text, "annotation '" HYPERVISOR "scsi_scan_mod' is not enabled");
}

/* Kata's pull request 13415 (2026): this one was honoured without being enabled. */
static void host_paths_cannot_be_bound_by_an_annotation(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	assert_int_equal(load(&t, "[hypervisor.qemu]\nenable_annotations = [\".*\"]\n"), 0);
	assert_int_equal(annotate(&t, RUNTIME "sandbox_bind_mounts", "[\"/etc\"]"), 0);
	assert_null(t.config->runtime.sandbox_bind_mounts[0]);
	assert_one_warning(&t, "unknown annotation '" RUNTIME "sandbox_bind_mounts'");
}

static void one_that_is_not_built_is_told(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	assert_int_equal(annotate(&t, AGENT "enable_tracing", "true"), 0);
	assert_one_warning(
		&t, "annotation '" AGENT
		    "enable_tracing': 'enable_tracing' is not supported yet and has no effect");
	assert_int_equal(annotate(&t, AGENT "policy", "cGFja2FnZQ=="), -1);
	assert_int_equal(t.err.code, ERR_UNIMPLEMENTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_honoured_by_default_but_the_list),
		cmocka_unit_test(everything_is_honoured_when_enabled_but_programs),
		cmocka_unit_test(cve_2020_27151_no_program_from_an_annotation),
		cmocka_unit_test(ghsa_rr59_virtiofsd_arguments_cannot_change_what_is_shared),
		cmocka_unit_test(kernel_parameters_are_added_when_enabled_and_plain),
		cmocka_unit_test(machine_switches_cannot_name_files),
		cmocka_unit_test(an_expression_is_found_anywhere_in_the_name),
		cmocka_unit_test(values_are_parsed_as_kata_does),
		cmocka_unit_test(modules_are_separated_by_semicolons),
		cmocka_unit_test(a_list_is_bounded),
		cmocka_unit_test(a_value_with_globs_must_be_a_file_that_they_find),
		cmocka_unit_test(the_pods_initrd_replaces_the_files_image),
		cmocka_unit_test(annotations_of_others_are_passed_over),
		cmocka_unit_test(an_unknown_one_of_ours_is_told),
		cmocka_unit_test(host_paths_cannot_be_bound_by_an_annotation),
		cmocka_unit_test(one_that_is_not_built_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
