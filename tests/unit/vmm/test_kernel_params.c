/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/vmm/kernel_params.h"
#include "plan.h"

struct bench {
	struct config *config;
	struct vm_config vm;
	struct err err;
};

static int setup(void **state)
{
	struct bench *b = xnew(struct bench);

	b->config = plan_config();
	b->vm.max_cpus = 4;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	config_free(b->config);
	free(b);
	return 0;
}

#define SWIOTLB "swiotlb=noforce "
#define BASE                                                                                  \
	"tsc=reliable no_timer_check rcupdate.rcu_expedited=1 i8042.direct=1 "                \
	"i8042.dumbkbd=1 i8042.nopnp=1 i8042.noaux=1 noreplace-smp reboot=k "                 \
	"cryptomgr.notests net.ifnames=0 pci=lastbus=0 " SWIOTLB

static void expect(struct bench *b, const char *want)
{
	char *got = kernel_params(b->config, &b->vm, &b->err);

	if (!got)
		fail_msg("%s", b->err.text);
	assert_string_equal(got, want);
	free(got);
}

static void an_initrd_has_no_word_for_systemd_but_the_users(void **state)
{
	expect(*state, BASE "earlyprintk=ttyS0 console=hvc0 quiet panic=1 nr_cpus=4 selinux=0 "
			    "cgroup_no_v1=all systemd.unified_cgroup_hierarchy=1");
}

static void an_image_has_a_root_and_systemd(void **state)
{
	static char image[] = "/x.img";
	struct bench *b = *state;

	b->vm.image = image;
	b->vm.has_scsi = true;
	plan_set(&b->config->hypervisor.kernel_params, "");
	expect(b, BASE "root=/dev/vda1 rootflags=data=ordered,errors=remount-ro ro rootfstype=ext4 "
		       "earlyprintk=ttyS0 console=hvc0 quiet systemd.show_status=false panic=1 "
		       "nr_cpus=4 selinux=0 systemd.unit=kata-containers.target "
		       "systemd.mask=systemd-networkd.service systemd.mask=systemd-networkd.socket "
		       "scsi_mod.scan=none");
}

static void the_agents_options_come_before_the_users(void **state)
{
	struct bench *b = *state;
	struct config_agent *agent = &b->config->agent;

	agent->enable_debug = true;
	agent->enable_tracing = true;
	agent->debug_console_enabled = true;
	agent->container_pipe_size = 65536;
	agent->launch_process_timeout = 20;
	b->config->hypervisor.enable_debug = true;
	b->config->hypervisor.disable_guest_selinux = false;
	b->vm.legacy_serial = true;
	plan_set(&b->config->hypervisor.kernel_params, "agent.log=info x=y");
	expect(b, BASE "console=ttyS0 debug panic=1 nr_cpus=4 selinux=1 agent.log=debug "
		       "agent.trace=true agent.debug_console agent.debug_console_vport=1026 "
		       "agent.container_pipe_size=65536 agent.launch_process_timeout=20 "
		       "agent.log=info x=y");
}

static void an_emulated_guest_gets_more_time_to_launch_a_process(void **state)
{
	struct bench *b = *state;

	b->vm.accel = VM_ACCEL_TCG;
	expect(b, BASE "earlyprintk=ttyS0 console=hvc0 quiet panic=1 nr_cpus=4 selinux=0 "
		       "agent.launch_process_timeout=30 "
		       "cgroup_no_v1=all systemd.unified_cgroup_hierarchy=1");
	b->config->agent.launch_process_timeout = 9;
	expect(b, BASE "earlyprintk=ttyS0 console=hvc0 quiet panic=1 nr_cpus=4 selinux=0 "
		       "agent.launch_process_timeout=9 "
		       "cgroup_no_v1=all systemd.unified_cgroup_hierarchy=1");
}

static void physical_devices_keep_their_bounce_buffers(void **state)
{
	struct bench *b = *state;
	char *got;

	plan_set(&b->config->hypervisor.cold_plug_vfio, "root-port");
	got = kernel_params(b->config, &b->vm, &b->err);
	assert_non_null(got);
	assert_null(strstr(got, "swiotlb"));
	free(got);
}

static void a_line_that_the_kernel_would_cut_is_refused(void **state)
{
	struct bench *b = *state;
	char *long_one = xcalloc(1, 3000);

	memset(long_one, 'x', 2999);
	free(b->config->hypervisor.kernel_params);
	b->config->hypervisor.kernel_params = long_one;
	assert_null(kernel_params(b->config, &b->vm, &b->err));
	assert_int_equal(b->err.code, ERR_INVALID);
	assert_non_null(strstr(b->err.text, "2047"));
}

static void a_line_break_is_refused(void **state)
{
	struct bench *b = *state;

	plan_set(&b->config->hypervisor.kernel_params, "a=b\ninit=/bin/sh");
	assert_null(kernel_params(b->config, &b->vm, &b->err));
	assert_int_equal(b->err.code, ERR_INVALID);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(an_initrd_has_no_word_for_systemd_but_the_users),
		T(an_image_has_a_root_and_systemd),
		T(the_agents_options_come_before_the_users),
		T(an_emulated_guest_gets_more_time_to_launch_a_process),
		T(physical_devices_keep_their_bounce_buffers),
		T(a_line_that_the_kernel_would_cut_is_refused),
		T(a_line_break_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
