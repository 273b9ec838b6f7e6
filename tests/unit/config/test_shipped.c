/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_shipped.c - the file that is installed, and files that people have
 *
 * argv[1]: the installed file as it was made by this build.
 */
#include "config_test.h"
#include "lib/base/fs.h"
#include "lib/base/str.h"

static const char *shipped;

static char *read_shipped(void)
{
	struct err err = ERR_INIT;
	char *text;

	if (file_read(shipped, CONFIG_FILE_MAX, &text, NULL, &err) < 0)
		fail_msg("%s", err.text);
	return text;
}

static void assert_no_warnings(const struct trial *t)
{
	if (t->warnings)
		fail_msg("%s", t->warnings[0]);
}

static void the_installed_file_loads_without_a_word(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	if (config_load(t.config, shipped, &t.warnings, &t.err) < 0)
		fail_msg("%s", t.err.text);
	assert_no_warnings(&t);
	assert_int_equal(t.config->hypervisor.default_memory, 512);
	assert_null(t.config->hypervisor.enable_annotations[0]);
	assert_true(str_ends(t.config->hypervisor.initrd, "/kata-containers-initrd.img"));
	assert_true(str_ends(t.config->hypervisor.kernel, "/vmlinux.container"));
}

static bool is_commented_key(const char *line)
{
	size_t len = strspn(line, "#abcdefghijklmnopqrstuvwxyz0123456789_");

	return line[0] == '#' && len > 1 && str_starts(line + len, " = ");
}

/* Whoever takes away a "#" gets a good file. */
static void its_commented_keys_load_without_a_word(void **state)
{
	scoped_trial struct trial t = TRIAL_INIT;
	scoped_free char *text = read_shipped();
	size_t n = 0;

	(void)state;
	for (char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!is_commented_key(line))
			continue;
		*line = ' ';
		n++;
	}
	assert_true(n > 30);
	if (load(&t, text) < 0)
		fail_msg("%s", t.err.text);
	assert_no_warnings(&t);
}

/* As a vendor ships it for arm64 with Kata 2.5, with keys that only that vendor knows. */
static void a_vendors_file_of_2_5_loads_with_warnings(void **state)
{
	static const char *const file =
		"[hypervisor.qemu]\n"
		"path = \"/opt/vendor/bin/qemu-system-aarch64\"\n"
		"kernel = \"/usr/share/vendor/vmlinuz.container\"\n"
		"image = \"/usr/share/vendor/containers.img\"\n"
		"machine_type = \"q35\"\n"
		"enable_annotations = [\"default_vcpus\", \"guest_hook_path\", \"scsi_scan_mod\"]\n"
		"valid_hypervisor_paths = [\"/usr/libexec/qemu-kvm\"]\n"
		"kernel_params = \"agent.debug_console agent.log=debug\"\n"
		"firmware = \"\"\nfirmware_volume = \"\"\nmachine_accelerators=\"\"\n"
		"cpu_features=\"pmu=off\"\ndefault_vcpus = 1\ndefault_maxvcpus = 0\n"
		"default_bridges = 1\ndefault_memory = 2048\ndefault_maxmemory = 0\n"
		"disable_block_device_use = false\nshared_fs = \"virtio-fs\"\n"
		"virtio_fs_daemon = \"/usr/libexec/virtiofsd\"\n"
		"valid_virtio_fs_daemon_paths = [\"/usr/libexec/virtiofsd\"]\n"
		"virtio_fs_cache_size = 0\n"
		"virtio_fs_extra_args = [\"--thread-pool-size=1\", \"-o\", \"announce_submounts\"]\n"
		"virtio_fs_cache = \"auto\"\nblock_device_driver = \"virtio-scsi\"\n"
		"enable_iothreads = false\nenable_vhost_user_store = false\n"
		"vhost_user_store_path = \"/var/run/kata-containers/vhost-user\"\n"
		"valid_vhost_user_store_paths = [\"/var/run/kata-containers/vhost-user\"]\n"
		"valid_file_mem_backends = [\"\"]\nenable_debug = true\n"
		"valid_entropy_sources = [\"/dev/urandom\", \"/dev/random\"]\n"
		"disable_selinux=false\nenable_sriov = true\n"
		"[factory]\n[agent.kata]\nenable_debug = true\nkernel_modules=[]\n"
		"debug_console_enabled = true\n"
		"[runtime]\nenable_debug = true\ninternetworking_model=\"tcfilter\"\n"
		"disable_guest_seccomp=true\nsandbox_cgroup_only=true\n";
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	if (load(&t, file) < 0)
		fail_msg("%s", t.err.text);
	assert_true(t.config->runtime.disable_guest_seccomp);
	assert_int_equal(strv_len(t.warnings), 3);
	assert_string_equal(
		t.warnings[0],
		"configuration '/c.toml': line 34: unknown key 'enable_sriov' in [hypervisor.qemu]");
	assert_contains(t.warnings[1], "'disable_block_device_use' is not supported yet");
	assert_contains(t.warnings[2], "'sandbox_cgroup_only' is not supported yet");
}

/* As Kata 1.x on docker had it. */
static void a_file_of_1_x_loads_with_warnings(void **state)
{
	static const char *const file =
		"[hypervisor.qemu]\npath = \"/usr/bin/qemu-vanilla-system-x86_64\"\n"
		"kernel = \"/k\"\ninitrd = \"/i\"\nmachine_type = \"pc\"\n"
		"default_vcpus = 1\nuse_vsock = true\nshared_fs = \"virtio-9p\"\n"
		"enable_swap = true\nentropy_source= \"/dev/urandom\"\n"
		"disable_nesting_checks = true\nhotplug_vfio_on_root_bus = true\n"
		"[proxy.kata]\npath = \"/usr/libexec/kata-containers/kata-proxy\"\nenable_debug = true\n"
		"[shim.kata]\npath = \"/usr/libexec/kata-containers/kata-shim\"\n"
		"[agent.kata]\nenable_tracing = true\ntrace_mode = \"dynamic\"\n"
		"[netmon]\npath = \"/usr/libexec/kata-containers/kata-netmon\"\n"
		"[runtime]\ninternetworking_model=\"tcfilter\"\nexperimental=[]\n";
	scoped_trial struct trial t = TRIAL_INIT;

	(void)state;
	if (load(&t, file) < 0)
		fail_msg("%s", t.err.text);
	assert_int_equal(t.config->hypervisor.use_vsock, CONFIG_YES);
	assert_contains(t.warnings[0], "'enable_swap' has no effect in this runtime");
	assert_contains(t.warnings[1], "'hotplug_vfio_on_root_bus' has no effect in this runtime");
	assert_contains(t.warnings[2], "'enable_tracing' is not supported yet and has no effect");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_installed_file_loads_without_a_word),
		cmocka_unit_test(its_commented_keys_load_without_a_word),
		cmocka_unit_test(a_vendors_file_of_2_5_loads_with_warnings),
		cmocka_unit_test(a_file_of_1_x_loads_with_warnings),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: test_config_shipped FILE\n");
		return 2;
	}
	shipped = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
