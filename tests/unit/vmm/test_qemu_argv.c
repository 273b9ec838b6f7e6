/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_qemu_argv.c - whole command lines against files, one word a line
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/vmm/qemu_argv.h"
#include "lib/base/str.h"
#include "plan.h"
#include "tests/unit/golden.h"

struct vm_case {
	const char *name; /* of the file */
	void (*change)(struct config *c, struct vm_facts *f);
	bool start_paused;
};

static const char *golden_dir;

static void as_it_is(struct config *c, struct vm_facts *f)
{
	(void)c;
	(void)f;
}

static void by_emulation(struct config *c, struct vm_facts *f)
{
	(void)c;
	f->accel = VM_ACCEL_TCG;
}

static void by_emulation_with_two_cpus(struct config *c, struct vm_facts *f)
{
	by_emulation(c, f);
	c->hypervisor.default_vcpus = 2;
}

static void with_vsock(struct config *c, struct vm_facts *f)
{
	(void)c;
	f->has_vsock = true;
	f->cid = 3405691582u;
}

static void on_pc_with_9p(struct config *c, struct vm_facts *f)
{
	plan_set(&c->hypervisor.machine_type, "pc");
	plan_set(&c->hypervisor.shared_fs, "virtio-9p");
	f->share_dir = "/run/kata-containers/shared/sandboxes/a,b/shared";
	f->user = (struct vm_user){ .own = true, .uid = 1000, .gid = 1000 };
}

static void from_an_image(struct config *c, struct vm_facts *f)
{
	(void)f;
	plan_set(&c->hypervisor.initrd, "");
	plan_set(&c->hypervisor.image, "/images/kata,1.img");
	c->hypervisor.disable_block_device_use = false;
	c->hypervisor.enable_iothreads = true;
}

static void with_everything(struct config *c, struct vm_facts *f)
{
	struct config_hypervisor *hv = &c->hypervisor;

	hv->default_vcpus = 2.5;
	hv->default_maxvcpus = 6;
	hv->default_memory = 512;
	hv->default_maxmemory = 4096;
	hv->memory_slots = 4;
	hv->default_bridges = 2;
	hv->enable_hugepages = true;
	hv->reclaim_guest_freed_memory = true;
	hv->enable_debug = true;
	hv->virtio_fs_cache_size = 64;
	hv->virtio_fs_queue_size = 512;
	plan_set(&hv->machine_accelerators, "smbus=off");
	plan_set(&hv->cpu_features, "pmu=off,vmx=off");
	plan_set(&hv->extra_monitor_socket, "qmp-pretty");
	plan_set(&hv->firmware, "/usr/share/qemu/qboot.rom");
	plan_set(&hv->kernel_params, "a=b");
	c->agent.debug_console_enabled = true;
	c->agent.enable_debug = true;
	f->fips = true;
}

static void with_nothing(struct config *c, struct vm_facts *f)
{
	struct config_hypervisor *hv = &c->hypervisor;

	(void)f;
	hv->default_bridges = 0;
	hv->use_legacy_serial = true;
	plan_set(&hv->shared_fs, "none");
	plan_set(&hv->seccompsandbox, "");
	plan_set(&hv->cpu_features, "");
	plan_set(&hv->kernel_params, "");
	plan_set(&hv->extra_monitor_socket, "hmp");
}

static void as_a_user_of_its_own(struct config *c, struct vm_facts *f)
{
	from_an_image(c, f);
	plan_set(&c->hypervisor.firmware, "/usr/share/qemu/qboot.rom");
	f->user = (struct vm_user){ .own = true, .uid = 1000, .gid = 1000 };
}

static char *words_as_lines(char *const *argv)
{
	struct str out = { 0 };

	for (; *argv; argv++)
		str_addf(&out, "%s\n", *argv);
	return str_take(&out);
}

static char *compose(const struct vm_case *vc)
{
	struct config *config = plan_config();
	struct vm_facts facts = plan_facts();
	struct vm_config vm;
	struct err err = ERR_INIT;
	char **argv, *text;

	vc->change(config, &facts);
	if (vm_config_plan(config, &facts, &vm, &err) < 0)
		fail_msg("%s", err.text);
	vm.start_paused = vc->start_paused;
	argv = qemu_argv(&vm);
	text = words_as_lines(argv);
	strv_free(argv);
	vm_config_done(&vm);
	config_free(config);
	return text;
}

static void command_line_is_as_recorded(void **state)
{
	const struct vm_case *vc = *state;
	scoped_free char *got = compose(vc);

	golden_check(golden_dir, vc->name, got);
}

static bool has_word(char *const *argv, const char *part)
{
	for (; *argv; argv++)
		if (strstr(*argv, part))
			return true;
	return false;
}

/* CVE-2026-24834 and CVE-2020-2025. */
static void an_image_is_a_disk_that_cannot_be_written_and_never_pmem(void **state)
{
	struct config *config = plan_config();
	struct vm_facts facts = plan_facts();
	struct vm_config vm;
	struct err err = ERR_INIT;
	char **argv;

	(void)state;
	config->hypervisor.disable_image_nvdimm = false;
	from_an_image(config, &facts);
	assert_int_equal(vm_config_plan(config, &facts, &vm, &err), 0);
	argv = qemu_argv(&vm);
	assert_true(has_word(argv, "if=none,readonly=on"));
	assert_false(has_word(argv, "nvdimm"));
	assert_false(has_word(argv, "pmem"));
	strv_free(argv);
	vm_config_done(&vm);
	config_free(config);
}

int main(int argc, char **argv)
{
	static struct vm_case cases[] = {
		{ "q35-kvm", as_it_is },          { "q35-tcg", by_emulation },
		{ "q35-vsock", with_vsock },      { "pc-9p", on_pc_with_9p },
		{ "q35-image", from_an_image },   { "q35-everything", with_everything },
		{ "q35-nothing", with_nothing },  { "q35-own-user", as_a_user_of_its_own },
		{ "q35-paused", as_it_is, .start_paused = true },
		{ "q35-tcg-two-cpus", by_emulation_with_two_cpus },
	};
	struct CMUnitTest tests[ARRAY_LEN(cases) + 1];

	if (argc != 2)
		return 2;
	golden_dir = argv[1];
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		tests[i] = (struct CMUnitTest){ .name = cases[i].name,
						.test_func = command_line_is_as_recorded,
						.initial_state = &cases[i] };
	tests[ARRAY_LEN(cases)] = (struct CMUnitTest)cmocka_unit_test(
		an_image_is_a_disk_that_cannot_be_written_and_never_pmem);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
