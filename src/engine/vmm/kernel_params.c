/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel_params.c - the guest kernel's command line
 *
 * Departures from Kata: systemd's options only where systemd starts (an image; with an
 * initrd the agent is /init); no dax and no /dev/pmem0p1, because the image is never pmem.
 * console=hvc1 names nothing here; earlyprintk speaks until hvc0 is there (qemu_argv.c).
 * swiotlb=noforce: room for memory hotplug above 4 GiB makes the kernel set aside 64 MiB of
 * bounce buffers, which no virtio device uses; without them each guest is that much smaller
 * on the host and boots 0.15 s sooner under TCG. Physical devices might want them.
 */
#include "engine/vmm/kernel_params.h"

#include <string.h>

#include "engine/config/config.h"
#include "lib/base/defs.h"
#include "lib/base/str.h"

#define DEBUG_CONSOLE_PORT 1026u
#define AGENT_CDH_TIMEOUT    50u /* the agent's own defaults, in seconds */
#define AGENT_LAUNCH_TIMEOUT 6u
#define EMULATION_FACTOR     5u /* an emulated CPU on a busy host is that much slower, and more */

static void add(struct str *out, const char *param)
{
	if (!*param)
		return;
	if (out->len)
		str_add(out, " ");
	str_add(out, param);
}

static void add_architecture(struct str *out)
{
	add(out, "tsc=reliable no_timer_check rcupdate.rcu_expedited=1");
	add(out, "i8042.direct=1 i8042.dumbkbd=1 i8042.nopnp=1 i8042.noaux=1");
	add(out, "noreplace-smp reboot=k cryptomgr.notests net.ifnames=0 pci=lastbus=0");
}

static bool has_physical_devices(const struct config_hypervisor *hv)
{
	return strcmp(hv->hot_plug_vfio, "no-port") != 0 ||
	       strcmp(hv->cold_plug_vfio, "no-port") != 0;
}

static void add_root(struct str *out, const struct config_hypervisor *hv)
{
	add(out, "root=/dev/vda1");
	add(out, strcmp(hv->rootfs_type, "ext4") == 0
			 ? "rootflags=data=ordered,errors=remount-ro ro"
			 : "ro");
	str_addf(out, " rootfstype=%s", *hv->rootfs_type ? hv->rootfs_type : "ext4");
}

static void add_systemd(struct str *out)
{
	add(out, "systemd.unit=kata-containers.target");
	add(out, "systemd.mask=systemd-networkd.service systemd.mask=systemd-networkd.socket");
}

static void add_console(struct str *out, const struct config_hypervisor *hv,
			const struct vm_config *vm)
{
	add(out, vm->legacy_serial ? "console=ttyS0" : "earlyprintk=ttyS0 console=hvc0");
	add(out, hv->enable_debug ? "debug" : "quiet");
	if (vm->image)
		add(out, hv->enable_debug ? "systemd.show_status=true systemd.log_level=debug"
					  : "systemd.show_status=false");
}

/* In emulation six seconds are not many: a busy host has been seen to need them all. */
static uint32_t launch_timeout(const struct config_agent *agent, const struct vm_config *vm)
{
	bool is_default = agent->launch_process_timeout == AGENT_LAUNCH_TIMEOUT;

	if (is_default && vm->accel == VM_ACCEL_TCG)
		return AGENT_LAUNCH_TIMEOUT * EMULATION_FACTOR;
	return agent->launch_process_timeout;
}

static void add_agent(struct str *out, const struct config_agent *agent, const struct vm_config *vm)
{
	uint32_t launch_s = launch_timeout(agent, vm);

	if (agent->enable_debug)
		add(out, "agent.log=debug");
	if (agent->enable_tracing)
		add(out, "agent.trace=true");
	if (agent->debug_console_enabled)
		str_addf(out, " agent.debug_console agent.debug_console_vport=%u",
			 DEBUG_CONSOLE_PORT);
	if (agent->container_pipe_size)
		str_addf(out, " agent.container_pipe_size=%u", agent->container_pipe_size);
	if (agent->cdh_api_timeout && agent->cdh_api_timeout != AGENT_CDH_TIMEOUT)
		str_addf(out, " agent.cdh_api_timeout=%u", agent->cdh_api_timeout);
	if (launch_s && launch_s != AGENT_LAUNCH_TIMEOUT)
		str_addf(out, " agent.launch_process_timeout=%u", launch_s);
	if (agent->visible_cdi_devices)
		add(out, "agent.visible_cdi_devices=true");
}

char *kernel_params(const struct config *config, const struct vm_config *vm, struct err *err)
{
	const struct config_hypervisor *hv = &config->hypervisor;
	struct str out = { .max = KERNEL_PARAMS_MAX };

	add_architecture(&out);
	if (vm->tsc_khz)
		str_addf(&out, " tsc_early_khz=%u", vm->tsc_khz);
	if (!has_physical_devices(hv))
		add(&out, "swiotlb=noforce");
	if (vm->image)
		add_root(&out, hv);
	add_console(&out, hv, vm);
	str_addf(&out, " panic=1 nr_cpus=%u selinux=%d", vm->max_cpus,
		 hv->disable_guest_selinux ? 0 : 1);
	if (vm->image)
		add_systemd(&out);
	if (vm->has_scsi)
		add(&out, "scsi_mod.scan=none");
	add_agent(&out, &config->agent, vm);
	add(&out, hv->kernel_params);
	if (vm->fips)
		add(&out, "fips=1");

	if (out.cut) {
		str_done(&out);
		err_set(err, ERR_INVALID, "kernel command line: longer than %d bytes",
			KERNEL_PARAMS_MAX);
		return NULL;
	}
	if (strpbrk(str_get(&out), "\r\n")) {
		str_done(&out);
		err_set(err, ERR_INVALID, "kernel_params: line break inside");
		return NULL;
	}
	return str_take(&out);
}
